"""Programs of others in Chromium: letting one in and being sent back to it, and the pages around that."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application
from playwright.sync_api import Page, expect

from tests.api.callback import Callback, a_program_listens
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHALLENGE = {"code_challenge": "a" * 43, "code_challenge_method": "S256"}


@pytest.fixture
def callback() -> Iterator[Callback]:
    with a_program_listens() as callback:
        yield callback


@pytest.fixture
def alice(settings: Any) -> User:
    settings.OAUTH_ENABLED = settings.OAUTH_EVERYBODY_REGISTERS = True
    return User.objects.create_superuser("alice", "alice@example.org", "alice")


@pytest.fixture
def cookies(alice: User) -> dict[str, str]:
    client = Client()
    client.force_login(alice)
    return {"sessionid": client.cookies["sessionid"].value}


@pytest.fixture
def program(alice: User, callback: Callback) -> Application:
    return Application.objects.create(
        name="Dashboard of the institute of rivers",
        user=alice,
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=callback.address,
    )


def asks(program: Application, **more: str) -> str:
    usual = {"client_id": program.client_id, "response_type": "code", "redirect_uri": program.redirect_uris}
    return f"/o/authorize/?{urlencode({**usual, 'state': 'xyz', **CHALLENGE, **more})}"


def test_everybody_can_use_the_pages(open_page: Any, program: Application, cookies: dict[str, str]) -> None:
    def at(path: str) -> Page:
        return open_page(path, cookies=cookies)

    page = at("/o/authorized_tokens/")
    expect(page.locator(".empty")).to_be_visible()
    in_order_for_everybody(page)
    later = timezone.now() + timedelta(hours=1)
    AccessToken.objects.create(user=program.user, application=program, token="a", scope="read", expires=later)
    for path in (
        asks(program),
        "/o/authorize/?client_id=unknown",
        "/o/authorized_tokens/",
        "/o/applications/",
        f"/o/applications/{program.pk}/delete/",
        f"/o/applications/{program.pk}/update/",
    ):
        in_order_for_everybody(at(path))
    page = at("/o/applications/register/")
    page.get_by_label("Name").fill("Dashboard")
    page.get_by_label("Addresses to come back to").fill("http://app.example.org/")
    page.get_by_role("button", name="Register").click()
    expect(page.locator(".error")).to_contain_text("https://")
    in_order_for_everybody(page)
    page.get_by_label("Addresses to come back to").fill("https://app.example.org/")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#secret")).to_contain_text("shown only now")
    in_order_for_everybody(page)


class TestLettingAProgramIn:
    @pytest.mark.parametrize(("word", "told"), [("Let it read", "code"), ("Refuse", "error")])
    def test_sends_one_back_to_it_on_another_port(
        self, open_page: Any, program: Application, cookies: dict[str, str], callback: Callback, word: str, told: str
    ) -> None:
        """Chromium holds the redirect that answers a form to the page's policy."""
        page = open_page(asks(program), cookies=cookies)
        page.get_by_role("button", name=word).click()
        expect(page.locator("h1")).to_have_text("Back at the program")
        assert callback.told["state"] == "xyz"
        assert told in callback.told

    def test_after_signing_in(self, open_page: Any, program: Application, callback: Callback) -> None:
        page = open_page(asks(program))
        page.fill("[name=username]", "alice")
        page.fill("[name=password]", "alice")
        page.click("[type=submit]:text('Sign in')")
        page.get_by_role("button", name="Let it read").click()
        expect(page.locator("h1")).to_have_text("Back at the program")
        assert callback.told["code"]

    def test_with_a_token_behind_the_fence(
        self, open_page: Any, program: Application, cookies: dict[str, str], callback: Callback
    ) -> None:
        Application.objects.update(authorization_grant_type=Application.GRANT_IMPLICIT)
        page = open_page(asks(program, response_type="token"), cookies=cookies)
        page.get_by_role("button", name="Let it read").click()
        expect(page.locator("h1")).to_have_text("Back at the program")
        assert "#access_token=" in page.url
        assert "access_token" not in callback.visits[-1]

    def test_and_taking_it_away_again(self, open_page: Any, program: Application, cookies: dict[str, str]) -> None:
        later = timezone.now() + timedelta(hours=1)
        AccessToken.objects.create(user=program.user, application=program, token="a", scope="read", expires=later)
        page = open_page("/user/profile/", cookies=cookies)
        page.get_by_role("link", name="Programs with access").click()
        page.get_by_role("button", name="Take away").click()
        page.locator("[data-confirm-yes]").click()
        expect(page.locator(".empty")).to_be_visible()
        assert not AccessToken.objects.exists()
