"""The profile in Chromium: every size and theme, forms that are sent by themselves, and all without JavaScript."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import EmailChange, Organization
from tests.accounts.test_sshkeys import ECDSA, ED25519, ED25519_SHA256
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PROFILE = "/user/profile/"


@pytest.fixture
def alice() -> User:
    Organization.objects.create(title="Department of Physics")
    return User.objects.create_user("alice", "alice@example.org", "alice", first_name="Alice", last_name="Liddell")


@pytest.fixture
def cookies(alice: User) -> dict[str, str]:
    client = Client()
    client.force_login(alice)
    return {"sessionid": client.cookies["sessionid"].value}


def paste(page: Page, text: str) -> None:
    page.get_by_label("Public keys, each in one line").fill(text)
    page.get_by_role("button", name="Add", exact=True).click()


class TestForEverybody:
    def test_everybody_can_use_the_page(self, open_page: Any, alice: User, cookies: dict[str, str]) -> None:
        EmailChange.objects.create(user=alice, email="alice@elsewhere.example.org")
        page = open_page(PROFILE, cookies=cookies)
        paste(page, f"{ED25519} alice@laptop\nrubbish")
        expect(page.locator("#keys-text_error")).to_be_visible()
        page.get_by_role("button", name="Change password").click()
        expect(page.locator("#id_old_password_error")).to_be_visible()
        in_order_for_everybody(page)

    def test_everybody_can_follow_the_link(self, open_page: Any, alice: User, cookies: dict[str, str]) -> None:
        change = EmailChange.objects.create(user=alice, email="alice@elsewhere.example.org")
        in_order_for_everybody(open_page(f"/user/mail_change/confirm/{change.key}/", cookies=cookies))
        in_order_for_everybody(open_page("/user/mail_change/confirm/used/", cookies=cookies))


class TestSections:
    @pytest.fixture
    def page(self, open_page: Any, cookies: dict[str, str]) -> Page:
        opened: Page = open_page(PROFILE, cookies=cookies)
        opened.evaluate("window.isMarked = true")  # gone with the page
        return opened

    def stayed(self, page: Page) -> bool:
        return bool(page.evaluate("window.isMarked === true"))

    def test_a_section_is_saved_without_leaving_the_page(self, page: Page, alice: User) -> None:
        page.locator("#other-telephone").fill("+30 210")  # another form, half filled in
        page.get_by_label("Surname").fill("Pleasance")
        page.get_by_label("Surname").press("Enter")
        expect(page.locator("#toasts")).to_contain_text("Your name is Alice Pleasance now.")
        expect(page.locator("#name-title")).to_be_focused()
        expect(page.locator("#other-telephone")).to_have_value("+30 210")
        assert self.stayed(page)

    def test_a_mistake_is_told_where_one_goes_on(self, page: Page) -> None:
        page.get_by_label("Surname").fill("P")
        page.get_by_label("Surname").press("Enter")
        expect(page.locator("#name-last_name_error")).to_be_visible()
        expect(page.get_by_label("Surname")).to_be_focused()
        expect(page.get_by_label("Surname")).to_have_value("P")
        assert self.stayed(page)

    def test_a_new_password_keeps_this_session(self, page: Page, alice: User) -> None:
        page.get_by_label("Old password").fill("alice")
        for field in ("id_new_password1", "id_new_password2"):
            page.locator(f"#{field}").fill("quite another phrase")
        page.get_by_role("button", name="Change password").click()
        expect(page.locator("#toasts")).to_contain_text("Your password is changed.")
        expect(page.get_by_label("Old password")).to_have_value("")
        page.reload()
        expect(page.locator("h1")).to_have_text("Profile")

    def test_keys_come_and_go(self, page: Page, alice: User) -> None:
        paste(page, f"{ED25519} laptop\nrubbish\n{ECDSA} phone")
        expect(page.locator("#keys .feed li")).to_have_count(2)
        expect(page.get_by_label("Public keys, each in one line")).to_have_value("rubbish")
        page.get_by_role("button", name="Remove phone").click()
        expect(page.locator("#confirm-title")).to_have_text("Remove the key phone?")
        page.locator("[data-confirm-yes]").click()
        expect(page.locator("#keys .feed li")).to_have_count(1)
        expect(page.locator("#keys .feed")).to_contain_text(ED25519_SHA256)
        assert self.stayed(page)

    def test_a_file_is_sent_too(self, page: Page) -> None:
        page.get_by_label("Or a file").set_input_files(
            {"name": "id.pub", "mimeType": "text/plain", "buffer": f"{ED25519} from a file".encode()}
        )
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#keys .feed")).to_contain_text("from a file")
        assert self.stayed(page)

    def test_another_address_waits_and_can_be_called_off(self, page: Page) -> None:
        page.get_by_label("New address").fill("new@example.org")
        page.get_by_label("Your password").fill("alice")
        page.get_by_role("button", name="Change address").click()
        expect(page.locator("#email .notice")).to_contain_text("new@example.org is not proven yet.")
        page.get_by_role("button", name="Keep the old address").click()
        expect(page.locator("#email .notice")).to_have_count(0)
        assert self.stayed(page)

    def test_what_a_section_cannot_say_the_whole_page_says(self, page: Page) -> None:
        page.context.clear_cookies(name="csrftoken")
        page.locator("#name button").click()
        expect(page.locator("h1")).to_have_text("This form was too old")

    def test_a_session_that_is_over_leads_to_the_sign_in(self, page: Page) -> None:
        page.context.clear_cookies(name="sessionid")
        page.get_by_label("Surname").press("Enter")
        expect(page.locator("h1")).to_have_text("Sign in")

    def test_language_and_theme_are_seen_at_once(self, page: Page) -> None:
        page.locator("#preferences-language").select_option("el")
        page.get_by_label("Theme").select_option("dark")
        page.locator("#preferences button").click()
        expect(page.locator("html")).to_have_attribute("lang", "el")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")

    def test_the_theme_of_the_menu_is_that_of_the_next_browser(self, page: Page, open_page: Any, alice: User) -> None:
        page.click("[popovertarget=theme-menu]")
        with page.expect_response("**/theme/"):
            page.click("#theme-menu [value=dark]")
        client = Client()
        client.force_login(alice)
        other = open_page(PROFILE, cookies={"sessionid": client.cookies["sessionid"].value})
        expect(other.locator("html")).to_have_attribute("data-bs-theme", "dark")


class TestWithoutJavaScript:
    @pytest.fixture
    def page(self, chromium: Browser, live_server: Any, cookies: dict[str, str]) -> Any:
        context = chromium.new_context(java_script_enabled=False, base_url=live_server.url)
        context.add_cookies([{"name": "sessionid", "value": cookies["sessionid"], "url": live_server.url}])
        page = context.new_page()
        page.goto(PROFILE)
        yield page
        context.close()

    def test_a_name_is_saved_and_a_mistake_comes_back_at_its_place(self, page: Page, alice: User) -> None:
        page.get_by_label("Surname").fill("P")
        page.locator("#name button").click()
        expect(page.get_by_label("Surname")).to_have_value("P")
        expect(page.locator("#name-last_name_error")).to_be_in_viewport()
        page.get_by_label("Surname").fill("Pleasance")
        page.locator("#name button").click()
        expect(page.locator("#toasts")).to_contain_text("Your name is Alice Pleasance now.")
        assert page.url.endswith("/user/profile/#name")

    def test_keys_come_and_go(self, page: Page) -> None:
        paste(page, f"{ED25519} laptop\nrubbish")
        expect(page.get_by_label("Public keys, each in one line")).to_have_value("rubbish")
        expect(page.locator("#keys-text_error")).to_be_in_viewport()
        page.get_by_role("button", name="Remove laptop").click()
        expect(page.locator("#toasts")).to_contain_text("The key laptop is gone.")
