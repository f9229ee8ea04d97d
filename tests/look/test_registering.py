"""The pages of the registration, in every size and theme, as accessibility checkers see them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from registration.models import SupervisedRegistrationProfile

from accounts.models import Organization
from tests.look.test_browser import violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("theme", ["light", "dark"]),
    pytest.mark.parametrize("width", [1280, 360]),
]


def applicant(name: str, *, is_proven: bool) -> SupervisedRegistrationProfile:
    user = User.objects.create_user(name, f"{name}@a-long-name-of-an-institute.example.org", is_active=False)
    return SupervisedRegistrationProfile.objects.create_profile(user, activated=is_proven)


def is_fine(page: Page, width: int) -> None:
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_form_with_and_without_errors(open_page: Any, width: int, theme: str) -> None:
    Organization.objects.create(title="Institute of the Sea")
    page = open_page("/accounts/register/", width=width, theme=theme)
    is_fine(page, width)
    page.locator(".gate-inner [type=submit]").click()
    expect(page.locator("#id_terms_error")).to_be_visible()
    is_fine(page, width)
    page.locator("[data-captcha-question]").evaluate("question => { question.hidden = false }")
    is_fine(page, width)


def test_the_pages_on_the_way(open_page: Any, width: int, theme: str) -> None:
    good, used = (applicant(name, is_proven=name == "gregor").activation_key for name in ("frida", "gregor"))
    for path in ("register/complete", "activate/complete", "activate/resend", "activate/x"):
        is_fine(open_page(f"/accounts/{path}/", width=width, theme=theme), width)
    for key in (good, used):
        is_fine(open_page(f"/accounts/activate/{key}/", width=width, theme=theme), width)


def test_the_pages_for_who_decides(open_page: Any, width: int, theme: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("dora"))
    cookies = {"sessionid": client.cookies["sessionid"].value}
    number = applicant("frida", is_proven=True).pk
    applicant("gregor", is_proven=False)
    for path in ("waiting", f"approve/{number}", "approve/99", "approve/complete"):
        is_fine(open_page(f"/accounts/{path}/", width=width, theme=theme, cookies=cookies), width)
