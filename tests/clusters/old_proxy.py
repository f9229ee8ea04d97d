"""A stand-in of twisted_vncauthproxy's control port: takes one line, answers a port."""

import contextlib
import socket
import threading
from typing import Any, Self


class OldProxy:
    """Listens while a `with` block lasts. `answer` is sent for each line; None: nothing is said."""

    def __init__(self) -> None:
        self.answer: bytes | None = b"5961\r\n"
        self.lines: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
                self.lines.append(stream.readline())
                if self.answer is None:
                    self._over.wait(5)
                else:
                    connection.sendall(self.answer)
