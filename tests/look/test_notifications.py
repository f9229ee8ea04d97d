"""Writing to owners in Chromium: choosing, looking, sending, by keyboard and without JavaScript."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from apps.notifications import sending
from apps.notifications.models import Notification
from tests import estate
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cookies() -> dict[str, str]:
    estate.put("north", estate.instance("web.example.org"), estate.instance("old.example.org", owners=()))
    User.objects.create_user("alice", "alice@example.org", "alice")
    dora = User.objects.create_superuser("dora", "dora@example.org", "dora")
    client = Client()
    client.force_login(dora)
    return {"sessionid": client.cookies["sessionid"].value}


def write(page: Page) -> None:
    page.get_by_label("Look for whose owners to write to").fill("example")
    page.get_by_role("button", name="web.example.org").press("Enter")
    expect(page.get_by_text("1 person will get it")).to_be_visible()
    page.get_by_label("Subject").fill("Maintenance")
    page.get_by_label("Text").fill("Yours: {{ instances }}")


def test_from_choosing_to_the_archive(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/notifications/", cookies=cookies)
    in_order_for_everybody(page)
    write(page)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("As alice will read it")).to_be_visible()
    expect(page.locator(".letter")).to_contain_text("- web.example.org")
    in_order_for_everybody(page)
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_role("dialog").get_by_role("button", name="Send to 1 person").click()
    expect(page.get_by_role("heading", name="Maintenance")).to_be_visible()
    expect(page.get_by_text("0 of 1 mails have left")).to_be_visible()
    in_order_for_everybody(page)
    sending.work()
    assert Notification.objects.get().recipients.get().mail is not None


def test_without_javascript_it_is_written_too(chromium: Browser, live_server: Any, cookies: dict[str, str]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(f"{live_server.url}/notifications/")
    page.get_by_label("Look for whose owners to write to").fill("example")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="web.example.org").click()
    page.get_by_label("Subject").fill("Maintenance")
    page.get_by_label("Text").fill("Yours: {{ instances }}")
    page.get_by_role("button", name="Send to 1 person").click()
    expect(page.get_by_role("heading", name="Maintenance")).to_be_visible()
    context.close()
