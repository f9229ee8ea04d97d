"""Where a cluster's remote API is and how to reach it: a plain value, safe to hand to other threads and greenlets."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One cluster's address, credentials, trust and patience.

    Trust: a `fingerprint` pins the server's own certificate, whatever name it carries (Ganeti's
    carries a fixed one); else a `ca_file` or the system's authorities vouch for it and the host
    name must match; `verify=False` trusts anybody.
    """

    slug: str
    host: str
    port: int = 5080
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    fingerprint: str = ""  # SHA-256 of the certificate, hexadecimal; colons and blanks do not matter
    verify: bool = True
    connect_timeout: float = 8.0  # seconds until there is a connection
    response_timeout: float = 15.0  # seconds of silence while waiting
    deadline: float = 60.0  # seconds for the whole call
    max_bytes: int = 256 * 2**20

    @property
    def url(self) -> str:
        """The address that requests' paths are appended to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    @property
    def pin(self) -> str:
        """The fingerprint as bare lower-case digits; empty when none is pinned."""
        return self.fingerprint.replace(":", "").replace(" ", "").strip().lower()
