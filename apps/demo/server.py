"""Serves simulated clusters over HTTPS, each on a port of its own: inside a test's process or as one of its own.

Plain threads: one that accepts for each cluster, one for each connection. Like `ganeti-rapi` it
answers one request per connection, and 20 at a time.
"""

import contextlib
import functools
import http.client
import io
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from apps.demo import certificates, rapi
from apps.demo.faults import Faults
from apps.demo.screens import Screens
from apps.demo.world import SimulatedCluster

HOST = "127.0.0.1"
AT_ONCE = 20  # as ganeti-rapi's --max-clients
_PATIENCE = 30.0  # seconds that a client may take to say what it wants
_STEP = 0.02  # seconds between two looks at what an answer waits for
_MOST_BODY = 16 * 2**20
_MOST_REMEMBERED = 10_000
_BREAK = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset instead of a farewell
_WEB_PAGE = b"<!DOCTYPE html><html><head><title>It works!</title></head><body><h1>It works!</h1></body></html>\n"


class SimulatedServer:
    """One cluster's remote API on a port. `faults`, `world` and `requests` may be used while it runs."""

    def __init__(self, world: SimulatedCluster, *, port: int = 0, pem: bytes = b"") -> None:
        self.world = world
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []  # (method, path) of all that was asked
        self.questions: list[rapi.Request] = []  # the same requests in full
        self.pem = pem or certificates.make(world.name)
        self.port = port
        self._other_pem = functools.cache(lambda: certificates.make(world.name))
        self._context = functools.cache(certificates.server_context)
        self._listener: socket.socket | None = None
        self._switching = threading.RLock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._hung_up = threading.Event()
        self.faults.on_change = self._heed_closing

    # ---- what clients need -----------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint of the certificate that this cluster usually presents."""
        return certificates.fingerprint(self.pem)

    @property
    def certificate(self) -> str:
        """The certificate itself, in PEM: what a `ca_file` would hold."""
        return certificates.public_part(self.pem)

    @property
    def endpoint_fields(self) -> dict[str, Any]:
        """What a `ganeti.endpoint.Endpoint` needs to reach this cluster as a user who may change everything."""
        return self.endpoint_fields_of("ganetimgr")

    def endpoint_fields_of(self, username: str) -> dict[str, Any]:
        return {
            "slug": self.world.slug,
            "host": HOST,
            "port": self.port,
            "username": username,
            "password": self.world.users[username].password,
            "fingerprint": self.fingerprint,
        }

    # ---- listening ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Listens; on the same port as before when it has listened already."""
        with self._switching:
            if self._listener is not None:
                return
            listener = socket.socket()
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((HOST, self.port))
                listener.listen(128)
            except OSError:
                listener.close()
                raise
            self.port = listener.getsockname()[1]
            self._listener = listener
            self._hung_up = threading.Event()
            _in_background(self._accept, listener, self._hung_up)

    def stop(self) -> None:
        """Refuses connections from now on and breaks those that wait for an answer."""
        with self._switching:
            if self._listener is None:
                return
            self._hung_up.set()
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()
            self._listener = None

    def _heed_closing(self) -> None:
        if self.faults.closed:
            self.stop()
        else:
            self.start()

    def _accept(self, listener: socket.socket, hung_up: threading.Event) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if hung_up.is_set():
                    return
                time.sleep(_STEP)  # out of file descriptors: the next one may fare better
                continue
            _in_background(self._serve, connection, hung_up)

    # ---- one connection --------------------------------------------------------------------------------

    def _serve(self, connection: socket.socket, hung_up: threading.Event) -> None:
        """Answers one request, or does what the faults say; a client that goes away or talks nonsense is left alone."""
        with connection, contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            connection.settimeout(_PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.faults.reset:
                _break(connection)
                return
            while self.faults.deaf and not _has_left(connection) and not hung_up.wait(_STEP):
                pass
            with self._turns, self._encrypted(connection) as tls:
                self._converse(tls, hung_up)
            if hung_up.is_set():
                _break(connection)

    def _encrypted(self, connection: socket.socket) -> ssl.SSLSocket:
        pem = self._other_pem() if self.faults.other_certificate else self.pem
        return self._context(pem).wrap_socket(connection, server_side=True)

    def _converse(self, tls: ssl.SSLSocket, hung_up: threading.Event) -> None:
        request = _read_request(tls)
        self._remember(request)
        while self.faults.silence and not _has_left(tls) and not hung_up.wait(_STEP):
            pass
        if hung_up.is_set() or self.faults.silence:
            _break(tls)
            return
        answer = rapi.handle(self.world, self.faults, request)
        self._take_time(answer, hung_up)
        if self.faults.lost_answers or hung_up.is_set():
            _break(tls)
            return
        for part in self._as_sent(answer):
            tls.sendall(part)
        tls.shutdown(socket.SHUT_WR)

    def _remember(self, request: rapi.Request) -> None:
        if len(self.requests) >= _MOST_REMEMBERED:
            del self.requests[: _MOST_REMEMBERED // 2], self.questions[: _MOST_REMEMBERED // 2]
        self.requests.append((request.method, request.path))
        self.questions.append(request)

    def _take_time(self, answer: rapi.Answer, hung_up: threading.Event) -> None:
        """Waits as long as Ganeti would, or until the thing has happened that the answer waits for."""
        hung_up.wait(self.faults.latency)
        if answer.until is None:
            hung_up.wait(answer.wait)
            return
        ends_at = time.monotonic() + answer.wait
        while not self._has_happened(answer) and time.monotonic() < ends_at:
            if hung_up.wait(_STEP):
                return
        if answer.then is not None:
            with self.world.lock:
                answer.body = rapi.encoded(answer.then())

    def _has_happened(self, answer: rapi.Answer) -> bool:
        with self.world.lock:
            self.world.jobs.advance()
            return answer.until is None or answer.until()

    def _as_sent(self, answer: rapi.Answer) -> Iterator[bytes]:
        """The bytes of an answer, with what the faults do to them."""
        status, body, kind = answer.status, answer.body, "application/json"
        if self.faults.rubbish:
            status, body, kind = 200, _WEB_PAGE, "text/html"
        lines = {
            "Content-Type": kind,
            **answer.headers,
            "Connection": "close",
            "Date": formatdate(usegmt=True),
            "Server": f"Ganeti {self.world.profile.version}",
            "Content-Length": str(len(body)),
        }
        reason = "OK" if status == 200 else rapi.EXPLANATIONS[status][0]
        head = "\r\n".join([f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in lines.items())])
        if self.faults.truncated:
            body = body[: len(body) // 2]
        message = f"{head}\r\n\r\n".encode() + body
        if not self.faults.drip:
            yield message
            return
        for position in range(len(message)):
            yield message[position : position + 1]
            if self._hung_up.wait(self.faults.drip):
                return


def _read_request(tls: ssl.SSLSocket) -> rapi.Request:
    """The request on a connection; raises for what is none."""
    with tls.makefile("rb") as stream:
        method, target, version = stream.readline(65536).decode("latin-1").split()
        if not version.startswith("HTTP/"):
            raise ValueError(version)
        headers = {name.lower(): value for name, value in http.client.parse_headers(stream).items()}
        length = min(int(headers.get("content-length", 0)), _MOST_BODY)
        body = _exactly(stream, length)
    return rapi.Request(method.upper(), target, headers, body)


def _exactly(stream: io.BufferedIOBase, length: int) -> bytes:
    body = stream.read(length)
    if len(body) != length:
        raise ValueError("the request was cut short")
    return body


def _has_left(connection: socket.socket) -> bool:
    """Whether the client has closed its end."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


def _break(connection: socket.socket) -> None:
    """Ends a connection with a reset, as when a process dies."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK)
    connection.close()


def _in_background(task: Any, *arguments: Any) -> None:
    threading.Thread(target=task, args=arguments, daemon=True).start()


class SimulatedGaneti:
    """Several clusters, served while a `with` block lasts; `ganeti["north"]` is one cluster's server.

    `ports` and `pems` (keys with certificates) say, by slug, what shall not be made anew. With `screens` the VMs have
    some, and all nodes are at 127.0.0.1.
    """

    def __init__(
        self,
        worlds: Iterable[SimulatedCluster],
        *,
        ports: dict[str, int] | None = None,
        pems: dict[str, bytes] | None = None,
        screens: bool = False,
    ) -> None:
        ports, pems = ports or {}, pems or {}
        worlds = list(worlds)
        self.screens = {world.slug: Screens(world) for world in worlds} if screens else {}
        self.servers = {
            world.slug: SimulatedServer(world, port=ports.get(world.slug, 0), pem=pems.get(world.slug, b""))
            for world in worlds
        }

    def __getitem__(self, slug: str) -> SimulatedServer:
        return self.servers[slug]

    def __iter__(self) -> Iterator[SimulatedServer]:
        return iter(self.servers.values())

    def start(self) -> None:
        """Listens for all clusters, or for none when a port is taken (OSError)."""
        try:
            for server in self:
                server.start()
        except OSError:
            self.stop()
            raise
        for screens in self.screens.values():
            screens.start()

    def stop(self) -> None:
        for server in self:
            server.stop()
        for screens in self.screens.values():
            screens.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
