"""Chromium for tests that look at pages as people do."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page


class OneAtATime:
    """A WSGI application that answers one request after another, and none any more once it is closed.

    All threads of a live server have one connection to the database in memory: two that use it at the same moment,
    or one while the tables are being emptied for the next test, can take the whole process down.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app, self.lock, self.is_closed = app, threading.Lock(), False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            if self.is_closed:
                start_response("503 Service Unavailable", [("Content-Length", "0")])
                return []
            answer = self.app(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                if hasattr(answer, "close"):
                    answer.close()

    def close(self) -> None:
        with self.lock:
            self.is_closed = True


@pytest.fixture
def live_server(live_server: Any) -> Iterator[Any]:
    """pytest-django's, for one test, and with one request at a time. The gate stays closed until the next test: a page
    that is being closed may still send what was typed into it."""
    httpd = live_server.thread.httpd
    app = httpd.get_app()
    httpd.set_app(gate := OneAtATime(app.app if isinstance(app, OneAtATime) else app))
    yield live_server
    gate.close()


@pytest.fixture
def open_page(chromium: Browser, live_server: Any) -> Iterator[Any]:
    """Opens a page of a live server. What the browser complains about (refused by the policy, broken scripts) fails."""
    complaints: list[str] = []
    contexts = []

    def open_at(path: str, *, width: int = 1280, theme: Any = "light", cookies: dict[str, str] | None = None) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
        contexts.append(context)
        context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in (cookies or {}).items()])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if "Refused" in message.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []
