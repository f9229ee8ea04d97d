"""A browser's side of a console without a browser: a WebSocket client on a plain socket."""

import socket
import ssl
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

SECONDS = 30


class Rejected(Exception):
    def __init__(self, status: int, body: str = "") -> None:
        super().__init__(f"{status} {body}")
        self.status = status


class Closed(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class WebSocket:
    """Connects at once; `read` gives exactly so many bytes, or Closed with the code that was sent."""

    def __init__(
        self,
        address: tuple[str, int],
        path: str,
        *,
        origin: str = "",
        cookie: str = "",
        host: str = "",
        tls: ssl.SSLContext | None = None,
        connection: Any = None,
    ) -> None:
        self.socket = connection or socket.create_connection(address, timeout=SECONDS)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.held = b""
        self.closed: Closed | None = None  # what came in the same breath as the first answer
        headers = [(name, value.encode()) for name, value in ((b"Origin", origin), (b"Cookie", cookie)) if value]
        self.socket.sendall(
            self.protocol.send(Request(host or f"{address[0]}:{address[1]}", path, extra_headers=headers))
        )
        self._until_accepted()

    def _until_accepted(self) -> None:
        status, body, is_accepted = 0, b"", False
        while not is_accepted:
            part = self.socket.recv(65536)
            self.protocol.receive_data(part or None)
            for event in self.protocol.events():
                if isinstance(event, AcceptConnection):
                    is_accepted = True
                if isinstance(event, BytesMessage):  # it may come in the same breath
                    self.held += bytes(event.data)
                if isinstance(event, CloseConnection):
                    self.closed = Closed(event.code, event.reason or "")
                if isinstance(event, RejectConnection):
                    status = event.status_code
                    if not event.has_body:
                        raise Rejected(status)
                if isinstance(event, RejectData):
                    body += bytes(event.data)
                    if event.body_finished:
                        raise Rejected(status, body.decode(errors="replace"))
            if not part:
                raise Rejected(status)

    def send(self, content: bytes) -> None:
        self.socket.sendall(self.protocol.send(BytesMessage(data=content)))

    def send_text(self, text: str) -> None:
        self.socket.sendall(self.protocol.send(TextMessage(data=text)))

    def read(self, count: int) -> bytes:
        while len(self.held) < count:
            self._receive()
        content, self.held = self.held[:count], self.held[count:]
        return content

    def until_closed(self) -> int:
        """The code of the end."""
        try:
            while True:
                self._receive()
                self.held = b""
        except Closed as closed:
            return closed.code

    def _receive(self) -> None:
        if self.closed:
            raise self.closed
        part = self.socket.recv(65536)
        if not part:
            raise Closed(1006, "without a word")
        self.protocol.receive_data(part)
        self._take_events()

    def _take_events(self) -> None:
        for event in self.protocol.events():
            if isinstance(event, BytesMessage):
                self.held += bytes(event.data)
            elif isinstance(event, Ping):
                self.socket.sendall(self.protocol.send(event.response()))
            elif isinstance(event, CloseConnection):
                raise Closed(event.code, event.reason or "")

    def greet(self) -> None:
        """VNC's beginning, as noVNC does it, up to ClientInit."""
        assert self.read(12) == b"RFB 003.008\n"
        self.send(b"RFB 003.008\n")
        assert self.read(2) == b"\x01\x01", "no authentication is asked for"
        self.send(b"\x01")
        assert self.read(4) == bytes(4)

    def close(self) -> None:
        self.socket.close()
