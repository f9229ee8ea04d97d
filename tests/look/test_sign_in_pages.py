"""Signing in, new passwords and the end of a session as people see them in Chromium."""

import time
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import expect

from accounts.models import NewsFeed
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "Wartungsarbeiten-an-allen-Hochgeschwindigkeitsverbindungen-zwischen-den-Rechenzentren " * 2
NEWS = [
    {
        "title": "Maintenance on South, Saturday 08:00 to 10:00",
        "link": "https://www.example.org/1",
        "date": "2026-11-18T08:00:00+00:00",
        "text": "VMs move to other nodes and keep running.",
    },
    {
        "title": LONG.strip()[:200],
        "link": "https://www.example.org/2",
        "date": "2026-11-10T08:00:00+00:00",
        "text": LONG.replace("-", ""),
    },
    {"title": "A title without link and date", "link": "", "date": "", "text": ""},
]


def session_of_alice() -> dict[str, str]:
    client = Client()
    client.force_login(User.objects.create_user("alice", "alice@example.org", "alice"))
    return {"sessionid": client.cookies["sessionid"].value}


def link_for(user: User) -> str:
    where = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/accounts/reset/{where}/{default_token_generator.make_token(user)}/"


@pytest.fixture
def much_to_say(settings: Any) -> None:
    """A site that has something for every place of the sign-in page."""
    settings.BRANDING = {
        **site.BRANDING,
        "TITLE": "A service with a remarkably long name for its virtual machines",
        "MOTTO": "Your machines, wherever they run, and whoever looks after them while you are asleep",
        "ABOUT_LINK": "https://www.example.org/about",
        "VIDEO": "https://video.example.org/watch",
        "FEED_URL": "https://www.example.org/feed",
    }
    NewsFeed.objects.create(url="https://www.example.org/feed", items=NEWS)


class TestForEverybody:
    def test_the_sign_in_page_with_all_it_can_say(self, open_page: Any, much_to_say: None) -> None:
        page = open_page("/user/login/?next=/history/")
        expect(page.get_by_label("User name or e-mail")).to_be_focused()
        in_order_for_everybody(page)

    def test_a_locked_account(self, open_page: Any, settings: Any) -> None:
        settings.AXES_FAILURE_LIMIT = 1
        page = open_page("/user/login/")
        page.fill("[name=username]", "alice")
        page.fill("[name=password]", "wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Try again in 15 minutes.")
        expect(page.locator("[name=username]")).to_have_value("alice")
        in_order_for_everybody(page)

    @pytest.mark.parametrize("path", ["password/reset/", "password_reset/done/", "reset/done/", "reset/MQ/a-b/"])
    def test_the_way_to_a_new_password(self, open_page: Any, path: str) -> None:
        in_order_for_everybody(open_page(f"/accounts/{path}"))

    def test_the_page_behind_the_link(self, open_page: Any) -> None:
        alice = User.objects.create_user("alice", "alice@example.org", "alice")
        page = open_page(link_for(alice))
        expect(page.locator("h1")).to_have_text("Choose a new password")
        in_order_for_everybody(page)

    def test_the_warning(self, open_page: Any, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 200
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        expect(page.get_by_role("dialog")).to_be_visible()
        in_order_for_everybody(page)


def ends_in(seconds: float) -> None:
    """Whatever session there is ends then."""
    for row in Session.objects.all():
        values = {**row.get_decoded(), "signed_in_until": time.time() + seconds}
        Session.objects.filter(pk=row.pk).update(session_data=Session.objects.encode(values))


class TestTheEndOfASession:
    def test_a_fresh_one_is_not_mentioned(self, open_page: Any) -> None:
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        page.wait_for_timeout(2500)
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_the_button_keeps_one_signed_in_and_nothing_typed_is_lost(self, open_page: Any, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 200
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        page.fill("[name=new_password1]", "half a pass")
        settings.SESSION_COOKIE_AGE = 10800
        dialog = page.get_by_role("dialog", name="Your session ends soon")
        stay = dialog.get_by_role("button", name="Stay signed in")
        expect(stay).to_be_focused()
        stay.click()
        expect(dialog).to_be_hidden()
        expect(page.locator("#announcements")).to_contain_text("You stay signed in until")
        expect(page.locator("[name=new_password1]")).to_have_value("half a pass")
        assert Session.objects.get().get_decoded()["signed_in_until"] > time.time() + 10_000

    def test_who_closes_the_warning_is_left_in_peace_on_the_next_page(self, open_page: Any, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 200
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.goto(page.url)
        page.wait_for_timeout(2500)
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_another_window_that_stayed_takes_the_warning_away(self, open_page: Any, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 200
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        other = page.context.new_page()
        other.goto(page.url)
        expect(page.get_by_role("dialog")).to_be_visible()
        settings.SESSION_COOKIE_AGE = 10800
        other.get_by_role("button", name="Stay signed in").click()
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_it_is_said_when_it_is_over_and_leads_to_the_sign_in(self, open_page: Any, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 4
        settings.SESSION_WARNING = 1
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        page.fill("[name=new_password1]", "half a pass")
        dialog = page.get_by_role("dialog", name="Your session has ended")
        expect(dialog).to_be_visible(timeout=15_000)
        expect(page.locator("[name=new_password1]")).to_have_value("half a pass")
        dialog.get_by_role("link", name="Sign in again").click()
        expect(page.locator("h1")).to_have_text("Sign in")
        assert page.url.endswith("/user/login/?next=/user/pass_change/")

    def test_a_page_that_was_kept_open_while_another_was_used_is_right_about_the_end(self, open_page: Any) -> None:
        page = open_page("/user/pass_change/", cookies=session_of_alice())
        ends_in(100)  # the page believes that there are hours left; the server knows better once it is asked
        page.reload()
        expect(page.get_by_role("dialog", name="Your session ends soon")).to_be_visible()
