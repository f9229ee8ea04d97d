"""The desk's lists in Chromium: searched while one types, and nobody is written to without being asked."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from accounts.models import OutgoingMail
from tests import estate
from tests.desk.conftest import account

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cookies(db: None) -> dict[str, str]:
    estate.put("north", estate.instance("web.example.org", owners=("users:old",)))
    account("old", seen=300)
    account("older", seen=400)
    client = Client()
    client.force_login(User.objects.create_superuser("dora"))
    return {"sessionid": client.cookies["sessionid"].value}


def test_the_list_is_searched_while_one_types_and_the_address_says_for_what(
    open_page: Any, cookies: dict[str, str]
) -> None:
    page = open_page("/user/list/", cookies=cookies)
    page.locator(".filter-form [type=search]").press_sequentially("older")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".filter-form [type=search]")).to_be_focused()
    page.get_by_role("link", name="Idle 1").click()
    expect(page).to_have_url(re.compile(r"/user/list/\?q=older&state=idle$"))
    page.get_by_role("link", name="older").click()
    expect(page.locator("h1")).to_contain_text("older")


def test_the_part_with_the_vms_is_filtered_alone(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/user/info/user/old/", cookies=cookies)
    page.locator(".filter-form [type=search]").press_sequentially("nothing")
    expect(page.locator("#vms .empty")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("old")
    page.get_by_role("link", name="Clear the search").click()
    expect(page.locator("#vms tbody tr")).to_have_count(1)


def test_the_chosen_are_written_to_after_a_question(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/user/idle/", cookies=cookies)
    page.get_by_role("checkbox", name="Choose old", exact=True).check()
    page.get_by_role("button", name="Write to the chosen").click()
    expect(page.locator("#confirm-title")).to_have_text("Write to the chosen accounts?")
    assert not OutgoingMail.objects.exists()
    page.locator("[data-confirm-yes]").click()
    expect(page.locator("#toasts")).to_contain_text("A mail is on its way to 1 account.")
    expect(page.get_by_role("checkbox", name="Choose old", exact=True)).to_be_disabled()
    assert OutgoingMail.objects.get().recipient == "old@example.org"
