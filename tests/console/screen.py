"""A VNC server that does as it is told: a script per connection, in threads."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, Self

Script = Callable[[socket.socket], None]


def exactly(connection: Any, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = connection.recv(count - len(content))
        if not part:
            raise OSError("cut short")
        content += part
    return content


def greet(connection: Any) -> None:
    """RFB 3.8 without authentication."""
    connection.sendall(b"RFB 003.008\n")
    exactly(connection, 12)
    connection.sendall(b"\x01\x01")
    exactly(connection, 1)
    connection.sendall(bytes(4))


class ScriptedScreen:
    """Listens while a `with` block lasts and runs `script` for each connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=300)
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.script(connection)
