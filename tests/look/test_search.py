"""The search in the top bar, in Chromium: by keyboard alone, on a phone, and when it does not answer."""

import re
from typing import Any

import pytest
from django.test import Client as Browser
from playwright.sync_api import Page, expect

from tests import estate
from tests.look.order import in_order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cookies(as_dora: Browser) -> dict[str, str]:
    estate.put("north", *(estate.instance(f"web{number}.example.org") for number in range(9)), estate.instance("mail"))
    return {"sessionid": as_dora.cookies["sessionid"].value}


def chosen(page: Page) -> Any:
    """The option that the box says is active."""
    return page.locator(f"#{page.locator('#search input[type=search]').get_attribute('aria-activedescendant')}")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_used_by_keyboard_alone(open_page: Any, cookies: dict[str, str], width: int, theme: str) -> None:
    page = open_page("/user/profile/", cookies=cookies, width=width, theme=theme)
    box, found = page.get_by_role("combobox", name="Search everything"), page.locator("#search-found")
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    page.keyboard.type("w")
    expect(found).to_contain_text("Type at least two characters.")
    page.keyboard.type("eb")
    expect(found.get_by_role("option")).to_have_count(7)  # six and the way to all
    expect(page.locator("#announcements")).to_have_text("9 results for “web”")
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("web1.example.org")
    expect(box).to_be_focused()
    in_order(page)

    page.keyboard.press("Escape")
    expect(found).to_be_hidden()
    expect(box).to_have_value("web")
    page.keyboard.press("ArrowUp")
    expect(chosen(page)).to_have_text("All 9 VMs that match")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/\?q=web$"), wait_until="load")  # only a page that is there hears a key

    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("nothing of the kind")
    expect(found).to_contain_text("Nothing found for “nothing of the kind”.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing found for")).to_be_visible()
    in_order(page)


def test_who_types_elsewhere_goes_on_typing(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/", cookies=cookies)
    other = page.get_by_role("searchbox", name="Search these VMs")
    other.focus()
    page.keyboard.press("/")
    page.keyboard.press("Control+k")
    expect(other).to_be_focused()
    expect(other).to_have_value("/")


def test_the_last_answer_wins_and_one_after_escape_is_none(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/user/profile/", cookies=cookies)
    held: list[Any] = []
    page.route(re.compile(r"/search/\?q=we$"), lambda route: held.append(route))
    box, found = page.get_by_role("combobox", name="Search everything"), page.locator("#search-found")
    box.fill("we")
    while not held:
        page.wait_for_timeout(20)
    box.fill("mail")
    expect(found.get_by_role("option")).to_have_count(1)
    held.pop().continue_()
    box.fill("we")
    while not held:
        page.wait_for_timeout(20)
    box.press("Escape")
    held.pop().continue_()
    box.press("End")
    expect(found).to_be_hidden()


def test_a_search_that_does_not_answer_says_so(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/user/profile/", cookies=cookies)
    page.route(re.compile(r"/search/"), lambda route: route.abort())
    page.get_by_role("combobox", name="Search everything").fill("web")
    expect(page.locator("#search-found")).to_contain_text("does not answer just now")


def test_on_a_phone_it_opens_over_the_page_and_closes_again(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/", cookies=cookies, width=360)
    page.get_by_role("link", name="Search", exact=True).click()
    box = page.get_by_role("combobox", name="Search everything")
    expect(box).to_be_focused()
    box.fill("web")
    expect(page.locator("#search-found").get_by_role("option")).to_have_count(7)
    panel = page.locator("#search-found").bounding_box()
    assert panel is not None
    assert (panel["x"], panel["width"]) == (0, 360)
    page.get_by_role("button", name="Close the search").click()
    expect(box).to_be_hidden()
    expect(page.get_by_role("link", name="Search", exact=True)).to_be_focused()
