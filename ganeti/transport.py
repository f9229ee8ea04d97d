"""
One request to one cluster: every address, certificate, time-out and error passes through here.

Ganeti closes each connection after its answer and serves twenty at a time, so nothing is kept
open and at most `AT_ONCE` requests run against one cluster. Time is bounded three times: for the
connection, for a silence, and for the whole call, so that a server that sends a byte now and then
holds nobody.
"""

import functools
import hashlib
import html
import http.client
import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import msgspec
import requests
import urllib3
from gevent import monkey
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from ganeti.endpoint import Endpoint
from ganeti.errors import (
    BrokenAnswer,
    Busy,
    Failed,
    Missing,
    NotAllowed,
    RapiError,
    Refused,
    Unreachable,
    WrongCertificate,
    WrongPassword,
)

AT_ONCE = 4
Query = Mapping[str, str | int] | Sequence[tuple[str, str | int]]

_HEADERS = {
    "User-Agent": "ganetimgr",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a compressed answer could unfold to more than we are ready to hold
    "Connection": "close",
}
_STEP = 2**16
_LONGEST_MESSAGE = 1000

logger = logging.getLogger(__name__)


# ---- time -----------------------------------------------------------------------------------


class _Call:
    """One call's clock, and whether its request may have left for the cluster."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends_at = time.monotonic() + seconds
        self.sent = False

    @property
    def left(self) -> float:
        """Seconds until the deadline; TimeoutError when there are none."""
        seconds = self.ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.ends_at


_current_call: ContextVar[_Call] = ContextVar("_current_call")


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """TimeoutError after `seconds`, whatever a greenlet waits for; without gevent only the sockets keep time."""
    if not monkey.is_module_patched("socket"):
        yield
        return
    timer = gevent.Timeout(seconds)
    try:
        with timer:
            yield
    except gevent.Timeout as late:
        if late is not timer:  # somebody else's, around us
            raise
        raise TimeoutError from None


class _PunctualReader(io.RawIOBase):
    """A socket's bytes; each wait ends at the call's deadline, so that single bytes do not start the clock anew."""

    def __init__(self, sock: socket.socket, call: _Call) -> None:
        self._sock, self._call = sock, call
        self._patience = sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(min(self._call.left, self._patience or self._call.seconds))
        return self._raw.readinto(buffer)  # a SocketIO

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PunctualConnection(HTTPSConnection):
    """A connection that keeps its call's deadline and notes when the request leaves."""

    def connect(self) -> None:
        super().connect()
        self.is_verified = True  # as far as was asked: the admin and a check warn about the rest, not every request

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        _current_call.get().sent = True
        super().endheaders(*args, **kwargs)

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        """http.client's answer, reading through a punctual reader (http.client calls this like a class)."""
        reader = io.BufferedReader(_PunctualReader(sock, _current_call.get()))
        return http.client.HTTPResponse(SimpleNamespace(makefile=lambda mode: reader), *args, **kwargs)  # type: ignore[arg-type]


class _PunctualPool(HTTPSConnectionPool):
    ConnectionCls = _PunctualConnection


# ---- trust ----------------------------------------------------------------------------------


class _Untrusted(Exception):
    """What we were told to trust is of no use; the text says why."""


@functools.lru_cache(maxsize=64)
def _verifying_context(ca_file: str, changed_at: int) -> ssl.SSLContext:
    """A context that checks chain and host name; kept until the file changes, for reading authorities takes 20 ms."""
    return ssl.create_default_context(cafile=ca_file or None)


@functools.cache
def _trusting_context() -> ssl.SSLContext:
    """A context that asks for no authority: for pinned certificates and for clusters that are not verified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    if endpoint.pin and not re.fullmatch("[0-9a-f]{64}", endpoint.pin):
        raise _Untrusted("the pinned fingerprint is no SHA-256 fingerprint (64 hexadecimal digits)")
    if endpoint.pin or not endpoint.verify:
        return _trusting_context()
    try:
        return _verifying_context(
            endpoint.ca_file, Path(endpoint.ca_file).stat().st_mtime_ns if endpoint.ca_file else 0
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise _Untrusted(f"the CA file {endpoint.ca_file} cannot be read") from error


class _Adapter(HTTPAdapter):
    """Opens punctual connections with our own TLS context; requests' idea of certificates has no say."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._tls = {"ssl_context": _tls_context(endpoint), "assert_fingerprint": endpoint.pin or None}
        super().__init__(pool_connections=1, pool_maxsize=AT_ONCE)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PunctualPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        where, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return where, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the TLS context and the pin have decided."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: Ganeti never redirects, and who does shall not learn our password nor choose what we read."""


def fetch_fingerprint(host: str, port: int, timeout: float = 8.0) -> str:
    """The SHA-256 fingerprint, "AA:BB:...", of the certificate that a server presents; raises Unreachable."""
    try:
        with (
            at_most(timeout),
            socket.create_connection((host, port), timeout) as plain,
            _trusting_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            certificate = secured.getpeercert(binary_form=True) or b""
    except (OSError, ValueError) as failure:
        endpoint = Endpoint(f"{host}:{port}", host, port, connect_timeout=timeout, deadline=timeout)
        error = _in_words(failure, endpoint, _Call(timeout), "")
    else:
        return hashlib.sha256(certificate).digest().hex(":").upper()
    raise error


# ---- errors ---------------------------------------------------------------------------------


class _TooLarge(Exception):
    """The answer exceeds the endpoint's limit."""


# What can go wrong on the way, the more telling causes first.
_MEANINGS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], type[RapiError], str], ...] = (
    (_Untrusted, WrongCertificate, "{cause}"),
    (ssl.SSLCertVerificationError, WrongCertificate, "its certificate is not trusted: {cause.verify_message}"),
    (_TooLarge, BrokenAnswer, "the answer is larger than {endpoint.max_bytes} bytes"),
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), Unreachable, "{late}"),
    (socket.gaierror, Unreachable, "the host name {endpoint.host} is not known"),
    (ConnectionRefusedError, Unreachable, "{endpoint.host} refuses connections on port {endpoint.port}"),
    (ConnectionError, Unreachable, "the connection broke before the answer was complete"),
    (ssl.SSLEOFError, Unreachable, "the connection broke before the answer was complete"),
    (ssl.SSLError, Unreachable, "{endpoint.host} does not speak TLS on port {endpoint.port} as we do ({cause.reason})"),
    (http.client.IncompleteRead, BrokenAnswer, "the answer was cut short"),
    (http.client.HTTPException, BrokenAnswer, "the answer is not HTTP"),
    (urllib3.exceptions.ProtocolError, BrokenAnswer, "the answer is not HTTP"),
    (urllib3.exceptions.InvalidHeader, BrokenAnswer, "the answer is not HTTP"),
    (ValueError, Unreachable, "{endpoint.host}:{endpoint.port} is no valid address"),
    (OSError, Unreachable, "{endpoint.host} cannot be reached on port {endpoint.port}"),
)
_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    _TooLarge,
    _Untrusted,
)


def _causes(failure: BaseException) -> list[BaseException]:
    """An exception and all that it wraps: urllib3 and requests keep the telling ones inside."""
    found: list[BaseException] = []
    waiting: list[Any] = [failure]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _in_words(
    failure: BaseException, endpoint: Endpoint, call: _Call, asked: str, *, change: bool = False
) -> RapiError:
    """The error that says what `failure` means for the person who asked."""
    kind, words = _meaning(_causes(failure), endpoint, call)
    return kind(endpoint.slug or endpoint.host, words, asked=asked, perhaps_done=change and call.sent)


def _meaning(causes: list[BaseException], endpoint: Endpoint, call: _Call) -> tuple[type[RapiError], str]:
    if any("Fingerprints did not match" in str(cause) for cause in causes):
        return WrongCertificate, "its certificate is not the pinned one"
    for types, kind, words in _MEANINGS:
        for cause in causes:
            if isinstance(cause, types):
                return kind, words.format(cause=cause, endpoint=endpoint, late=_late(endpoint, call))
    return Unreachable, f"{endpoint.host} cannot be reached on port {endpoint.port}"


def _late(endpoint: Endpoint, call: _Call) -> str:
    if call.is_late:
        return f"no complete answer within {call.seconds:g} s"
    if call.sent:
        return f"no answer within {endpoint.response_timeout:g} s"
    return f"no connection within {endpoint.connect_timeout:g} s"


def _was_cut(failure: BaseException) -> bool:
    """Whether the connection was refused or broke: a read is tried again (not after a silence: it would wait twice)."""
    return any(isinstance(cause, ConnectionError) for cause in _causes(failure))


def _ganetis_message(body: bytes) -> str | None:
    """What Ganeti says went wrong; None where the text is not Ganeti's."""
    try:
        message = msgspec.json.decode(body)["message"]
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError):
        return None
    return html.unescape(str(message))[:_LONGEST_MESSAGE]


def _refusal(status: int, body: bytes, username: str) -> tuple[type[RapiError], str]:
    """What an answer with an error status means."""
    message = _ganetis_message(body)
    if status == 401:
        return WrongPassword, f"it does not know the user {username!r} with this password"
    if status == 403:
        return NotAllowed, f"the user {username!r} may not do this"
    if message is None and (status < 500 or status == 501):
        return BrokenAnswer, f"the answer (status {status}) is not Ganeti's"
    words = message or f"status {status}"
    if status in (404, 501) or "unknown_entity" in words:
        return Missing, words
    if status < 500:
        return Refused, words
    if re.search("queue (is )?(drained|full)", words.lower()):
        return Busy, words
    return Failed, words


# ---- the request ----------------------------------------------------------------------------

_turns: dict[tuple[str, int], threading.BoundedSemaphore] = {}  # of this process, by the clusters' addresses


class Transport:
    """Puts requests to one cluster; raises nothing but the errors of `ganeti.errors`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._session: requests.Session | None = None

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        *,
        read: bool | None = None,
        deadline: float | None = None,
    ) -> Any:
        """The decoded answer. `read` (as every GET is) says that asking changes nothing and may be tried again."""
        change = not (method == "GET" if read is None else read)
        call = _Call(self.endpoint.deadline if deadline is None else deadline)
        question = requests.Request(method, self.endpoint.url + path, headers=_HEADERS, params=query)
        if body is not None:
            question.data = msgspec.json.encode(body)
            question.headers = {**_HEADERS, "Content-Type": "application/json"}
        outcome = self._in_turn(question, call, tries=1 if change else 2)
        if isinstance(outcome, BaseException):
            # Raised here and not where it was caught: as its context the failure would carry the password along.
            raise _in_words(outcome, self.endpoint, call, f"{method} {path}", change=change)
        return self._value(*outcome, f"{method} {path}", change)

    def _in_turn(self, question: requests.Request, call: _Call, tries: int) -> tuple[int, bytes] | BaseException:
        """Status and body, or what went wrong, when one of the cluster's places is free."""
        where = (self.endpoint.host, self.endpoint.port)
        turn = _turns.get(where) or _turns.setdefault(where, threading.BoundedSemaphore(AT_ONCE))
        if not turn.acquire(timeout=call.seconds):
            return TimeoutError()
        try:
            outcome = self._attempt(question, call)
            while isinstance(outcome, BaseException) and tries > 1 and _was_cut(outcome):
                tries -= 1
                outcome = self._attempt(question, call)
            return outcome
        finally:
            turn.release()

    def _attempt(self, question: requests.Request, call: _Call) -> tuple[int, bytes] | BaseException:
        token = _current_call.set(call)
        try:
            with at_most(call.left):
                return self._ask(question, call)
        except _FAILURES as failure:
            return failure
        finally:
            _current_call.reset(token)

    def _ask(self, question: requests.Request, call: _Call) -> tuple[int, bytes]:
        """Status and whole body of the answer."""
        session = self._opened_session()
        patience = (min(self.endpoint.connect_timeout, call.left), min(self.endpoint.response_timeout, call.left))
        prepared = session.prepare_request(question)
        with session.send(prepared, stream=True, timeout=patience, allow_redirects=False) as response:
            body = bytearray()
            for step in response.raw.stream(_STEP, decode_content=False):
                body += step
                if len(body) > self.endpoint.max_bytes:
                    raise _TooLarge
            return response.status_code, bytes(body)

    def _opened_session(self) -> requests.Session:
        if self._session is None:
            session = _Session()
            session.trust_env = False  # no proxies, no .netrc, no REQUESTS_CA_BUNDLE in place of our own trust
            if self.endpoint.username:
                session.auth = requests.auth.HTTPBasicAuth(
                    self.endpoint.username.encode(), self.endpoint.password.encode()
                )
            session.mount("https://", _Adapter(self.endpoint))
            self._session = session
        return self._session

    def _value(self, status: int, body: bytes, asked: str, change: bool) -> Any:
        """The decoded answer, or the error that it stands for."""
        cluster = self.endpoint.slug or self.endpoint.host
        if status >= 400:
            kind, words = _refusal(status, body, self.endpoint.username)
            perhaps_done = change and (kind is Failed or kind is BrokenAnswer)
            raise kind(cluster, words, asked=asked, perhaps_done=perhaps_done)
        if status >= 300:
            raise BrokenAnswer(
                cluster, f"the answer (status {status}) is not Ganeti's", asked=asked, perhaps_done=change
            )
        try:
            return msgspec.json.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass  # raised below, without the unreadable text as its context
        raise BrokenAnswer(cluster, "the answer is not JSON", asked=asked, perhaps_done=change)
