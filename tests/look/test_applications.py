"""The form for a VM in Chromium: long lists of systems, and what is said about SSH keys."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cookies(db: None) -> dict[str, str]:
    client = Client()
    client.force_login(User.objects.create_user("alice"))
    return {"sessionid": client.cookies["sessionid"].value}


@pytest.fixture
def the_form(open_page: Any, cookies: dict[str, str]) -> Callable[[], Page]:
    """Opens the form. Its drafts go nowhere: one that is on its way as a test ends would meet a database that goes."""

    def opened() -> Page:
        page: Page = open_page("/application/mine/", cookies=cookies)
        page.route("**/application/draft/", lambda route: route.fulfill(status=204))
        page.get_by_role("link", name="Apply for a VM").first.click()
        return page

    return opened


def systems(number: int) -> dict[str, Any]:
    families = ("Debian", "Ubuntu", "Rocky")
    return {
        f"i{n}": {"description": f"{families[n % 3]} {n}", "provider": "noop", "ssh_key_users": "root" if n % 2 else ""}
        for n in range(number)
    }


def test_one_of_five_hundred_systems_is_found_by_typing(the_form: Callable[[], Page], settings: Any) -> None:
    settings.OPERATING_SYSTEMS = systems(500)
    page = the_form()
    choice = page.get_by_label("Operating system", exact=True)
    choice.select_option("i7")
    page.get_by_label("Search operating systems").fill("ubuntu 499")
    expect(choice.locator("option")).to_have_text(["Ubuntu 499", "Ubuntu 7"])  # what is chosen stays
    expect(page.locator("[data-finds] [role=status]")).to_have_text("2 found")
    page.get_by_label("Search operating systems").press("Enter")
    expect(page.locator("h1")).to_have_text("Apply for a VM")
    choice.select_option("i499")
    page.get_by_label("Search operating systems").fill("")
    expect(choice.locator("option")).to_have_count(500)
    expect(choice).to_have_value("i499")


@pytest.mark.parametrize("number", [4, 40])
def test_the_warning_about_keys_is_for_systems_that_take_them(
    the_form: Callable[[], Page], settings: Any, number: int
) -> None:
    settings.OPERATING_SYSTEMS = systems(number)
    page = the_form()
    warning = page.get_by_text("You have no SSH key here.")
    for value, is_warned in (("i0", False), ("i1", True), ("i2", False)):
        if number == 4:
            page.locator(f"[name=operating_system][value={value}]").check()
        else:
            page.get_by_label("Operating system", exact=True).select_option(value)
        expect(warning).to_be_visible(visible=is_warned)


def test_links_of_the_list_of_problems_lead_to_the_fields(the_form: Callable[[], Page]) -> None:
    page = the_form()
    page.get_by_role("button", name="Send application").click()
    page.get_by_role("alert").get_by_role("link", name="What is it for?").click()
    page.keyboard.type("It goes on here.")
    expect(page.get_by_label("What is it for?")).to_have_value("It goes on here.")
