"""Chromium for tests that look at pages as people do."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page


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
