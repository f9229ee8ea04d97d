"""A program of somebody else's, as far as browsers see it: an address on another port that people are sent back to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Callback:
    """Where people came back to, with what the program was told."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/callback"
        self.visits: list[str] = []

    @property
    def told(self) -> dict[str, str]:
        """What the last visitor brought."""
        return dict(parse_qsl(urlsplit(self.visits[-1]).query))


@contextmanager
def a_program_listens() -> Iterator[Callback]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                callback.visits.append(self.path)
            body = b"<!doctype html><title>Dashboard</title><h1>Back at the program</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        callback = Callback(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield callback
        server.shutdown()
