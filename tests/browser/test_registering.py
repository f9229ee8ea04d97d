"""From the sign-in page to the first sign-in as people do it: with the keyboard alone, and without JavaScript."""

import hashlib
import re

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.test_captcha import NUMBERS
from tests.browser.conftest import People
from tests.site.running import Site

pytestmark = pytest.mark.browser

PASSWORD = "a long way to the sea"
# Every pause that the page makes is longer: the check takes seconds.
SLOW = "const soon = window.setTimeout; window.setTimeout = (work, ms = 0) => soon(work, ms + 100)"
HOW_MANY_TABS = 60  # a bound for a test that hangs


def link_in_the_mail(site: Site, name: str) -> str:
    """Of the newest mail that asks `name` to confirm an address."""
    found = site.rows(
        "SELECT text FROM accounts_outgoingmail WHERE occasion = 'registration_validate' AND recipient = ?"
        " ORDER BY id DESC",
        f"{name}@example.net",
    )
    link = re.search(r"https?://\S+/accounts/activate/\w+/", found[0][0])
    assert link
    return link[0]


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until that is in focus, as somebody without a mouse does."""
    for _ in range(HOW_MANY_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with the keyboard.")


def fill_in(page: Page, name: str) -> None:
    """Tabs from field to field of the form, in their order."""
    texts = {
        "username": name,
        "email": f"{name}@example.net",
        "first_name": name.capitalize(),
        "last_name": "Olsen",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    for field, text in texts.items():
        tab_to(page, f"[name={field}]")
        page.keyboard.type(text)
    tab_to(page, "[name=terms]")
    page.keyboard.press("Space")


def test_somebody_registers_is_approved_and_signs_in_with_the_keyboard_alone(visit: People, site: Site) -> None:
    frida = visit("", "/user/login/")
    tab_to(frida, "a[href$='/register/']")
    frida.keyboard.press("Enter")
    expect(frida.locator("h1")).to_have_text("Register")
    fill_in(frida, "frida")
    expect(frida.locator("[data-captcha] [role=status]")).to_have_text("Checked: you are no robot.")
    expect(frida.locator("[data-captcha-question]")).to_be_hidden()
    frida.keyboard.press("Enter")
    expect(frida.locator("h1")).to_have_text("Look into your mailbox")

    frida.goto(link_in_the_mail(site, "frida"))
    expect(frida.locator("main")).to_contain_text("frida@example.net")
    tab_to(frida, "main .gate-inner button")
    frida.keyboard.press("Enter")
    expect(frida.locator("h1")).to_have_text("Your address is confirmed")

    dora = visit("dora", "/")
    tab_to(dora, "a[href='/accounts/waiting/']")
    expect(dora.locator("a[href='/accounts/waiting/'] .count")).to_have_text("1")
    dora.keyboard.press("Enter")
    expect(dora.locator("h1")).to_have_text("Waiting accounts")
    tab_to(dora, "button[value=approve]")
    dora.keyboard.press("Enter")
    expect(dora.locator("#toasts")).to_contain_text("frida can sign in now")
    expect(dora.locator("main")).to_contain_text("Nobody waits")

    frida.goto("/user/login/")
    frida.get_by_label("User name").fill("frida")
    frida.get_by_label("Password").fill(PASSWORD)
    frida.keyboard.press("Enter")
    expect(frida.locator("h1")).to_have_text("My VMs")


def test_a_form_that_is_sent_before_the_check_is_done_waits_for_it(visit: People) -> None:
    page = visit.somebody()
    page.add_init_script(SLOW)
    page.goto("/accounts/register/")
    expect(page.locator("[data-captcha-question]")).to_be_hidden()
    page.locator("form[method=post] [type=submit]").last.click()
    expect(page.locator("#id_username_error")).to_be_visible(timeout=60_000)
    expect(page.locator("#id_captcha_error")).to_have_count(0)


def test_without_javascript_there_is_a_question(visit: People, site: Site) -> None:
    page = visit("", "/accounts/register/", java_script_enabled=False)
    fill_in(page, "gregor")
    words = re.search(r"How much is (\w+) plus (\w+)\?", page.locator("main").inner_text())
    assert words
    page.get_by_label("How much is").fill(str(NUMBERS[words[1]] + NUMBERS[words[2]]))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Look into your mailbox")
    page.goto(link_in_the_mail(site, "gregor"))
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.locator("h1")).to_have_text("Your address is confirmed")

    dora = visit("dora", "/accounts/waiting/", java_script_enabled=False)
    dora.get_by_role("link", name="Look closer or refuse gregor").click()
    dora.get_by_label("Reason").fill("We do not know you.")
    dora.get_by_role("button", name="Refuse").click()
    expect(dora.locator("h1")).to_have_text("It is decided")
    assert site.rows("SELECT count(*) FROM auth_user WHERE username = 'gregor'") == [(0,)]


@pytest.mark.parametrize("text", ["", "abc", "x" * 55, "x" * 56, "x" * 64, "x" * 119, "Καλημέρα"])
def test_our_sha256_is_that_of_everybody(visit: People, text: str) -> None:
    page = visit("", "/user/login/")
    words = page.evaluate(
        "async text => Array.from((await import('/static/js/sha256.js')).sha256(new TextEncoder().encode(text)))", text
    )
    assert "".join(f"{word & 0xFFFFFFFF:08x}" for word in words) == hashlib.sha256(text.encode()).hexdigest()
