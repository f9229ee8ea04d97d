"""What pages do in Chromium, with the site's own Content-Security-Policy."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from tests.look.live_urls import State
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def session_of(name: str) -> dict[str, str]:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return {"sessionid": client.cookies["sessionid"].value}


class TestForEverybody:
    @pytest.mark.parametrize("path", ["/user/login/", "/patterns/", "/no/such/page/"])
    def test_the_page_can_be_used(self, open_page: Any, path: str) -> None:
        in_order_for_everybody(open_page(path))

    def test_shell_and_menus_can_be_used(self, open_page: Any) -> None:
        page = open_page("/user/pass_change/", cookies=session_of("alice"))
        page.click("[popovertarget=account-menu]")
        in_order_for_everybody(page)

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_the_page_comes_in_the_theme_of_the_system(self, open_page: Any, theme: str) -> None:
        page = open_page("/user/login/", theme=theme)
        assert page.evaluate("document.documentElement.dataset.bsTheme") == theme


class TestShell:
    def test_a_theme_is_applied_at_once_and_remembered(self, open_page: Any) -> None:
        page = open_page("/patterns/")
        page.click("[popovertarget=theme-menu]")
        page.click("#theme-menu [value=dark]")
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
        page.reload()
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"

    def test_signing_out_is_a_form(self, open_page: Any) -> None:
        page = open_page("/user/pass_change/", cookies=session_of("alice"))
        page.click("[popovertarget=account-menu]")
        page.click("#account-menu >> text=Sign out")
        expect(page.locator("h1")).to_have_text("Sign in")

    def test_the_slash_key_leads_to_the_search(self, open_page: Any) -> None:
        User.objects.create_superuser("dora", password="dora")
        client = Client()
        client.login(username="dora", password="dora")
        page = open_page("/patterns/", cookies={"sessionid": client.cookies["sessionid"].value})
        page.keyboard.press("/")
        expect(page.locator("[data-search-key]")).to_be_focused()

    def test_good_news_goes_by_itself_and_bad_news_stays(self, open_page: Any) -> None:
        page = open_page("/patterns/")
        toast = '<div class="toast-note" data-toast="bad"><button data-dismiss id="dismiss">x</button></div>'
        page.evaluate("html => { document.getElementById('toasts').innerHTML = html }", toast)
        page.click("#dismiss")
        expect(page.locator("#toasts > *")).to_have_count(0)

    def test_a_dangerous_button_asks_first_in_its_own_words(self, open_page: Any) -> None:
        page = open_page("/patterns/")
        page.click("[data-confirm^=Destroy]")
        expect(page.locator("#confirm-title")).to_have_text("Destroy db1.example.org?")
        expect(page.locator("[data-confirm-yes]")).to_have_text("Destroy")
        page.click("#confirm >> text=Cancel")
        expect(page.locator("#confirm")).to_be_hidden()
        assert page.url.endswith("/patterns/")
        page.click("[data-confirm^=Shut]")
        page.click("[data-confirm-yes]")
        page.wait_for_url("**/patterns/?*")


@pytest.fixture
def live_page(open_page: Any, settings: Any) -> Iterator[Page]:
    settings.ROOT_URLCONF = "tests.look.live_urls"
    State.word, State.status, State.answers, State.sign_out = "Running", 200, [], False
    yield open_page("/live/", cookies=session_of("alice"))


class TestLiveParts:
    def test_news_appears_by_itself_and_is_read_out(self, live_page: Page) -> None:
        expect(live_page.locator("#state")).to_have_text("Running")
        State.word = "Stopped"
        expect(live_page.locator("#state")).to_have_text("Stopped")
        expect(live_page.locator("#announcements")).to_have_text("web1: Stopped")

    def test_no_news_is_a_304(self, live_page: Page) -> None:
        live_page.wait_for_timeout(1500)
        assert State.answers[0] == 200
        assert State.answers.count(200) == 1
        assert State.answers.count(304) >= 2

    def test_what_one_has_opened_ticked_and_typed_stays(self, live_page: Page) -> None:
        live_page.click("summary")
        live_page.check("#box")
        live_page.click("#opener")
        live_page.locator("#typed").press_sequentially("half a na")
        State.word = "Stopped"
        expect(live_page.locator("#state")).to_have_text("Stopped")
        assert live_page.get_attribute("#more", "open") is not None
        assert live_page.is_checked("#box")
        assert live_page.input_value("#typed") == "half a na"
        expect(live_page.locator("#typed")).to_be_focused()

    def test_an_open_menu_stays_open(self, live_page: Page) -> None:
        live_page.click("#opener")
        State.word = "Stopped"
        expect(live_page.locator("#state")).to_have_text("Stopped")
        expect(live_page.locator("#menu")).to_be_visible()

    def test_a_lost_connection_is_said_and_taken_up_again(self, live_page: Page) -> None:
        State.status = 502
        expect(live_page.locator("#connection > *")).to_be_visible()
        expect(live_page.locator("#state")).to_have_text("Running")
        State.status, State.word = 200, "Stopped"
        expect(live_page.locator("#state")).to_have_text("Stopped", timeout=15_000)
        expect(live_page.locator("#connection > *")).to_be_hidden()

    def test_a_hidden_page_does_not_ask(self, live_page: Page) -> None:
        live_page.wait_for_timeout(600)
        live_page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        live_page.wait_for_timeout(400)
        before = len(State.answers)
        live_page.wait_for_timeout(1200)
        assert len(State.answers) == before
        live_page.evaluate(
            "() => { Object.defineProperty(document, 'hidden', { value: false });"
            " document.dispatchEvent(new Event('visibilitychange')) }"
        )
        live_page.wait_for_timeout(1200)
        assert len(State.answers) > before

    def test_a_session_that_ended_leads_to_the_sign_in_page(self, live_page: Page) -> None:
        State.sign_out = True
        expect(live_page.locator("h1")).to_have_text("Sign in")
        assert live_page.url.endswith("/user/login/?next=/live/")

    def test_a_thing_that_is_gone_is_told_by_the_whole_page(self, live_page: Page) -> None:
        State.status = 404
        expect(live_page.locator("h1")).to_have_text("There is nothing here")
