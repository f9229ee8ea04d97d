"""Every address that is a page, for each of the people who may see it: axe finds nothing, and a phone is wide enough.

Colours are held by tests/look/test_contrast.py, once for all pages: looking for them takes axe longer than all else.
States with much in them have pictures of their own in tests/browser/test_looks.py.
The admin's pages are in test_every_admin_page.py.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from playwright.sync_api import Page

from tests.look.order import ALL_BUT_COLOURS, IS_TOO_WIDE, PHONE, violations
from tests.test_authorisation import EVERYBODY, MATRIX, PAGE
from tests.test_authorisation import browsers as browsers  # fixtures
from tests.test_authorisation import north as north

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MAIN = re.compile("<main.*</main>", re.DOTALL)
VALUES = re.compile(r'(?<==")[^"]*(?=")|(?<=>)[^<]+(?=<)')


def pages_of(who: str, browser: Browser, shapes: set[str]) -> Iterator[str]:
    """The addresses of pages whose main part differs from all in `shapes` by more than words and values, and one more
    for what is around it. What axe would find in two of a shape, it finds in one; they are added to them.
    """
    is_first = True
    for address in (address for address, answers, _ in MATRIX.values() if answers[who] == PAGE):
        answer = browser.get(address)
        if answer.status_code != PAGE or answer.streaming or b"<html" not in answer.content:
            continue
        page = answer.content.decode()
        main = MAIN.search(page)
        shape = VALUES.sub("", main[0] if main else page)
        if shape not in shapes or is_first:
            shapes.add(shape)
            yield address
        is_first = False


def found_on(page: Page, address: str) -> list[str]:
    found = violations(page, ALL_BUT_COLOURS)
    if page.evaluate(IS_TOO_WIDE):
        found.append("wider than the screen")
    return [f"{address}: {what}" for what in found]


@pytest.mark.usefixtures("north")
def test_can_be_used_by_everybody_who_may_see_it(
    request: pytest.FixtureRequest, open_page: Any, live_server: Any
) -> None:
    browsers: dict[str, Browser] = request.getfixturevalue("browsers")
    shapes: set[str] = set()
    found = []
    for who in ("dora", *(name for name in EVERYBODY if name != "dora")):
        cookie = browsers[who].cookies.get("sessionid")
        addresses = list(pages_of(who, browsers[who], shapes))
        page = open_page("/healthz", width=PHONE, cookies={"sessionid": cookie.value} if cookie else {})
        for address in addresses:
            page.goto(live_server.url + address)
            found += [f"{who}: {what}" for what in found_on(page, address)]
        page.context.close()
    assert found == []
    assert len(shapes) > 40
