"""A tiny HTTPS server whose answers a test scripts: the seam between us and a cluster is the socket."""

import contextlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate with its key, in one file."""

    file: Path
    fingerprint: str


def make_certificate(folder: Path, name: str, *, alternative: bool) -> Certificate:
    """A certificate for `name`, and with `alternative` for localhost and 127.0.0.1 (Ganeti's own names nobody else)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if alternative:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Certificate(file, certificate.fingerprint(hashes.SHA256()).hex(":").upper())


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Act = Callable[[Request, socket.socket], None]


def answer(value: Any = None, status: int = 200, *, raw: bytes | None = None, **headers: str) -> Act:
    """Answers with `value` as JSON, or with the bytes `raw`."""
    body = json.dumps(value).encode() if raw is None else raw
    fields = {"Content_Type": "application/json", "Connection": "close", "Content_Length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in fields.items())
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode()
    return lambda request, sock: sock.sendall(start + body)


def error(status: int, message: str) -> Act:
    """Answers with an error as Ganeti words it."""
    return answer({"code": status, "message": message, "explain": ""}, status)


def hang_up(request: Request, sock: socket.socket) -> None:
    """Answers nothing and closes the connection."""


@dataclass
class HttpsServer:
    """Plays its `script`, one act for each request, then `otherwise`. `requests` are those that came."""

    certificate: Certificate
    script: deque[Act] = field(default_factory=deque)
    otherwise: Act = field(default_factory=lambda: error(404, "Not Found"))
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    before_tls: Callable[[socket.socket], None] = lambda sock: None

    def __post_init__(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate.file)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def plays(self, *acts: Act) -> "HttpsServer":
        self.script.extend(acts)
        return self

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    # ---- acts that need to know when the test is over -----------------------------------------

    def silent(self, request: Request, sock: socket.socket) -> None:
        """Answers nothing and keeps the connection."""
        self.over.wait(30)

    def dripping(self, text: bytes, before: bytes = b"") -> Act:
        """Sends `before` at once and then `text`, over and over, byte by byte."""

        def act(request: Request, sock: socket.socket) -> None:
            sock.sendall(before)
            self._drip(text, sock)

        return act

    def drip_before_tls(self) -> None:
        """Answers the TLS handshake with the start of a long record, byte by byte."""
        self.before_tls = lambda sock: self._drip(b"\x16\x03\x03\x3f\xff" + b"\x02" * 1000, sock)

    def _drip(self, text: bytes, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for _ in range(1000):
                for number in range(len(text)):
                    sock.sendall(text[number : number + 1])
                    if self.over.wait(0.02):
                        return

    # ---- serving ----------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):  # the client went away: its right
            self.before_tls(plain)
            with self.context.wrap_socket(plain, server_side=True) as sock:
                if request := _read_request(sock):
                    self.requests.append(request)
                    act = self.script.popleft() if self.script else self.otherwise
                    act(request, sock)


def _read_request(sock: ssl.SSLSocket) -> Request | None:
    """The request; None from a client that did not like our certificate."""
    with sock.makefile("rb") as reader:
        start = reader.readline().decode()
        if not start:
            return None
        method, path, _ = start.split(" ", 2)
        headers = {}
        while line := reader.readline().decode().strip():
            name, _, text = line.partition(":")
            headers[name.lower()] = text.strip()
        return Request(method, path, headers, reader.read(int(headers.get("content-length", 0))))
