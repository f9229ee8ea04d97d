"""
What can go wrong between us and a cluster.

    RapiError
      Unreachable      nobody answered: refused, unknown host, too slow
        WrongCertificate   somebody answered, but not the one we know
      Denied           our credentials do not allow it
        WrongPassword      the cluster does not know this user or password (401)
        NotAllowed         it knows us, but we may not do this (403)
      Missing          no such instance, node, job or path (404, 501)
      Busy             Ganeti cannot take the job now (queue drained or full)
      Refused          Ganeti read the request and does not accept it (400, 415)
      BrokenAnswer     an answer that we cannot read: HTML, half a JSON, too large
      Failed           Ganeti tried and failed (500, 502, 503, 504)

Every error names the cluster and what was asked, in words fit for a page and a log: never a password.
"""


class RapiError(Exception):
    """Something went wrong with one cluster; `str()` is a sentence that names it.

    `perhaps_done` is true when the request may have reached Ganeti all the same, so that
    a change must be looked for before anyone asks for it again.
    """

    def __init__(self, cluster: str, what: str, *, asked: str = "", perhaps_done: bool = False) -> None:
        super().__init__(cluster, what)
        self.cluster = cluster
        self.what = what
        self.asked = asked
        self.perhaps_done = perhaps_done

    def __str__(self) -> str:
        asked = f" ({self.asked})" if self.asked else ""
        return f"{self.cluster}: {self.what}{asked}"


class Unreachable(RapiError):
    """Nobody answered: refused, unknown host, or too slow."""


class WrongCertificate(Unreachable):
    """The server's certificate is not the one that we trust."""


class Denied(RapiError):
    """Our credentials do not allow it."""


class WrongPassword(Denied):
    """The cluster does not know this user name with this password (401)."""


class NotAllowed(Denied):
    """The cluster knows us, but we may not do this (403)."""


class Missing(RapiError):
    """There is no such instance, node, job or path."""


class Busy(RapiError):
    """Ganeti cannot take a job now: its queue is drained or full."""


class Refused(RapiError):
    """Ganeti read the request and does not accept it."""


class BrokenAnswer(RapiError):
    """An answer that cannot be read: not JSON, cut short, too large, of another shape."""


class Failed(RapiError):
    """Ganeti tried and failed."""
