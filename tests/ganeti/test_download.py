"""Fetching documents from servers that are slow, huge, gone or hostile."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganeti.download import CannotFetch, OtherAnswer, fetch
from tests.plugins.servers import free_port

Behaviour = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, until nobody listens or the test is long over."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b".")
        time.sleep(0.05)


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], str]]:
    """A web server that behaves so, by its address."""
    servers = []

    def start(behaviour: Behaviour) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    behaviour(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_document_comes_with_its_type(serve: Callable[[Behaviour], str]) -> None:
    found = fetch(serve(says(200, "λίστα".encode(), Content_Type="Text/HTML; charset=utf-8")))
    assert (found.text, found.content_type) == ("λίστα", "text/html")


def test_it_is_followed_to_where_it_moved(serve: Callable[[Behaviour], str]) -> None:
    new = serve(says(200, b"here"))
    found = fetch(serve(says(302, Location=new)))
    assert (found.body, found.url) == (b"here", new)


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (says(404), "answers 404"),
        (says(204), "answers 204"),
        (says(200, b"x" * 200_000), "more than 64 KiB"),
        (says(302, Location="/"), "without end"),
        (says(302, Location="file:///etc/passwd"), "broken"),
        (says(200, b"short", Content_Length="500"), "broken|does not answer"),
        (drips, "within 0.3 seconds"),
    ],
    ids=["missing", "empty", "huge", "circle", "file", "truncated", "dripping"],
)
def test_everything_else_is_a_sentence(serve: Callable[[Behaviour], str], behaviour: Behaviour, sentence: str) -> None:
    with pytest.raises(CannotFetch, match=sentence):
        fetch(serve(behaviour), within=0.3 if behaviour is drips else 15.0, max_bytes=2**16)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "nonsense", "http://[::1"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(CannotFetch, match="broken"):
        fetch(address)


def test_a_server_that_is_gone_is_a_sentence() -> None:
    with pytest.raises(CannotFetch, match="does not answer"):
        fetch(f"http://127.0.0.1:{free_port()}/")


def test_the_address_with_its_password_stays_out_of_the_sentence() -> None:
    with pytest.raises(CannotFetch) as caught:
        fetch(f"http://user:hidden@127.0.0.1:{free_port()}/")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "behaviour", [says(404), says(302, Location="/elsewhere"), says(200, b"." * 200)], ids=["404", "redirect", "huge"]
)
def test_a_server_that_answers_otherwise_is_told_from_one_that_is_away(
    serve: Callable[[Behaviour], str], behaviour: Behaviour
) -> None:
    with pytest.raises(OtherAnswer):
        fetch(serve(behaviour), redirects=0, max_bytes=100)
    with pytest.raises(CannotFetch) as away:
        fetch("http://127.0.0.1:1/")
    assert not isinstance(away.value, OtherAnswer)


def test_a_server_of_ours_is_asked_without_the_environments_proxy(
    serve: Callable[[Behaviour], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = serve(says(200, b"ours"))
    assert fetch(url, by_proxy=False).body == b"ours"
    with pytest.raises(CannotFetch):
        fetch(url)
