"""The second factor in Chromium: every page for everybody, and the whole way by keyboard."""

import base64
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import totp
from playwright.sync_api import Page, expect

from accounts import second_factor
from accounts.models import Authenticator
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ON, CODE, LOGIN = "/user/second_factor/on/", "/user/second_factor/code/", "/user/login/"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.org", "alice")


def code_of(secret: str, later: int = 0) -> str:
    return f"{totp(base64.b32decode(secret), drift=later):06d}"


def cookies_of(client: Client) -> dict[str, str]:
    return {"sessionid": client.cookies["sessionid"].value}


def half_way(alice: User) -> Client:
    """The right password, and no code yet."""
    Authenticator.objects.create(user=alice, secret=second_factor.new_secret())
    second_factor.new_recovery_codes(alice)
    client = Client()
    client.post(LOGIN, {"username": "alice", "password": "alice"})
    return client


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


class TestForEverybody:
    def test_everybody_can_switch_it_on(self, open_page: Any, alice: User) -> None:
        client = Client()
        client.force_login(alice)
        page = open_page(ON, cookies=cookies_of(client))
        box = page.locator("svg.qr").bounding_box()
        assert box is not None
        assert 160 <= box["width"] == pytest.approx(box["height"])
        in_order_for_everybody(page)
        page.get_by_label("Your password").fill("alice")
        page.get_by_role("textbox", name="Code").fill("000000")
        page.get_by_role("button", name="Switch it on").click()
        in_order_for_everybody(page)
        page.get_by_label("Your password").fill("alice")
        page.get_by_role("textbox", name="Code").fill(code_of(page.locator("p.mono").inner_text().replace(" ", "")))
        page.get_by_role("button", name="Switch it on").click()
        expect(page.locator(".recovery-codes li")).to_have_count(10)
        in_order_for_everybody(page)

    def test_everybody_can_look_at_it_and_switch_it_off(self, open_page: Any, alice: User) -> None:
        client = half_way(alice)
        client.post(CODE, {"code": code_of(alice.authenticator.secret)})
        page = open_page("/user/second_factor/", cookies=cookies_of(client))
        in_order_for_everybody(page)
        page.get_by_role("link", name="New recovery codes").click()
        in_order_for_everybody(page)
        page.go_back()
        page.get_by_role("link", name="Switch it off").click()
        in_order_for_everybody(page)

    def test_everybody_can_give_a_code(self, open_page: Any, alice: User) -> None:
        page = open_page(CODE, cookies=cookies_of(half_way(alice)))
        in_order_for_everybody(page)
        page.get_by_label("Code", exact=True).fill("junk")
        page.keyboard.press("Enter")
        expect(page.locator("#id_code_error")).to_be_visible()
        in_order_for_everybody(page)


def test_the_whole_way_by_keyboard(open_page: Any, alice: User) -> None:
    page = open_page("/user/login/?next=/user/second_factor/on/")
    page.get_by_label("User name").focus()
    page.keyboard.type("alice")
    page.get_by_label("Password").focus()
    page.keyboard.type("alice")
    press(page, "Enter")
    secret = page.locator("p.mono").inner_text().replace(" ", "")
    page.get_by_label("Your password").focus()
    page.keyboard.type("alice")
    press(page, "Tab")
    page.keyboard.type(code_of(secret))
    press(page, "Enter")
    recovery = page.locator(".recovery-codes li").first.inner_text()

    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").press("Enter")
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert recovery in download.value.path().read_text()

    page.context.clear_cookies()
    page.goto(page.url.replace(ON, LOGIN))
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice")
    press(page, "Enter")
    expect(page.locator("h1")).to_have_text("Now the code")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type(recovery)
    press(page, "Tab", "Space", "Tab", "Enter")
    page.wait_for_url(lambda url: not url.endswith(CODE))
    assert "trusted_browser" in {cookie["name"] for cookie in page.context.cookies()}
