"""The browser's end of a console: a WebSocket on a connected socket. Nothing is collected: what arrives is passed on
as it comes, and who sends waits until it is gone.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from gevent.lock import RLock
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from apps.clusters.console.endings import BROWSER_LEFT, NO_TEXT, NOT_UNDERSTOOD, TOO_LARGE, Ended, Ending, Refused

CHUNK = 64 * 1024
MOST_HEAD = 16 * 1024  # bytes of a request's head
MOST_MESSAGE = 1024 * 1024  # bytes that a browser may say at once
SUBPROTOCOL = "binary"
_FAREWELL = 1.0  # seconds that a browser may take to say goodbye


class Browser:
    """One browser that wants a console: `request` first, then `accept` or `refuse`, then bytes in both directions."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._sending = RLock()
        self._left_over = b""
        self._in_message = 0
        self._chunks = self._incoming()
        self.heard_at = time.monotonic()

    # ---- the request -------------------------------------------------------------------------------

    def request(self) -> Request:
        """What it asks for; Refused for what asks for no WebSocket."""
        received = 0
        while received < MOST_HEAD:
            part = self._connection.recv(4096)
            if not part:
                raise Refused(400, "The request was cut short.")
            received += len(part)
            try:
                self._protocol.receive_data(part)
            except RemoteProtocolError as error:
                raise Refused(426, "Only WebSockets are spoken here.") from error
            for event in self._protocol.events():
                if isinstance(event, Request):
                    return event
        raise Refused(431, "The request's head is too large.")

    def accept(self, request: Request) -> None:
        chosen = SUBPROTOCOL if SUBPROTOCOL in request.subprotocols else None
        self._connection.sendall(self._protocol.send(AcceptConnection(subprotocol=chosen)))

    def refuse(self, refused: Refused) -> None:
        """Answers with plain HTTP, whatever was asked in whatever way."""
        body = f"{refused.sentence}\n".encode()
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if refused.status == 426:
            head += [(b"upgrade", b"websocket"), (b"connection", b"upgrade, close")]
        try:
            answer = self._protocol.send(RejectConnection(status_code=refused.status, headers=head, has_body=True))
            answer += self._protocol.send(RejectData(data=body))
        except LocalProtocolError:  # it was no WebSocket's request
            lines = [b"HTTP/1.1 %d Refused" % refused.status, *(name + b": " + value for name, value in head)]
            answer = b"\r\n".join([*lines, b"connection: close", b"", body])
        with suppress(OSError):
            self._connection.sendall(answer)

    # ---- bytes -------------------------------------------------------------------------------------

    def read(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._left_over) < count:
            self._left_over += next(self._chunks)
        content, self._left_over = self._left_over[:count], self._left_over[count:]
        return content

    def chunks(self) -> Iterator[bytes]:
        """All that comes from now on; Ended at the end."""
        if self._left_over:
            yield self._left_over
            self._left_over = b""
        yield from self._chunks

    def send(self, content: bytes) -> None:
        self._send(BytesMessage(data=content))

    def ping(self) -> None:
        self._send(Ping())

    def close(self, ending: Ending) -> None:
        """Says why, as far as the browser still listens, and hangs up."""
        with suppress(OSError, Ended):
            self._connection.settimeout(_FAREWELL)
            self._send(CloseConnection(code=ending.code, reason=ending.reason[:120]))
            self._connection.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _FAREWELL
            while self._connection.recv(CHUNK) and time.monotonic() < until:
                pass  # or what it still sends would reset the connection before it has read why
        self._connection.close()

    def _incoming(self) -> Iterator[bytes]:
        while True:
            for event in self._events():
                self.heard_at = time.monotonic()
                if isinstance(event, BytesMessage):
                    self._in_message = self._in_message + len(event.data)
                    if self._in_message > MOST_MESSAGE:
                        raise Ended(TOO_LARGE)
                    if event.message_finished:
                        self._in_message = 0
                    if event.data:
                        yield bytes(event.data)
                elif isinstance(event, Message):
                    raise Ended(NO_TEXT)
                elif isinstance(event, Ping):
                    self._send(event.response())
                elif isinstance(event, CloseConnection):
                    with suppress(OSError, Ended):
                        self._send(event.response())
                    raise Ended(NOT_UNDERSTOOD if event.code == NOT_UNDERSTOOD.code else BROWSER_LEFT)

            part = self._connection.recv(CHUNK)
            if not part:
                raise Ended(BROWSER_LEFT)
            try:
                self._protocol.receive_data(part)
            except RemoteProtocolError as error:
                raise Ended(NOT_UNDERSTOOD) from error

    def _events(self) -> Iterator[object]:
        try:
            yield from self._protocol.events()
        except RemoteProtocolError as error:
            raise Ended(NOT_UNDERSTOOD) from error

    def _send(self, event: BytesMessage | Ping | Pong | CloseConnection) -> None:
        with self._sending:  # frames of two greenlets must not mix
            try:
                frame = self._protocol.send(event)
            except LocalProtocolError as error:
                raise Ended(BROWSER_LEFT) from error
            self._connection.sendall(frame)


def path_of(request: Request) -> str:
    return urlsplit(request.target).path


def headers_of(request: Request) -> dict[str, str]:
    """The request's headers, by names in small letters; of one that comes twice the last."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.extra_headers}
    return {**headers, "host": request.host}
