"""The pages of the registration, in every size and theme, as accessibility checkers see them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect
from registration.models import SupervisedRegistrationProfile

from accounts.models import Organization
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def applicant(name: str, *, is_proven: bool) -> SupervisedRegistrationProfile:
    user = User.objects.create_user(name, f"{name}@a-long-name-of-an-institute.example.org", is_active=False)
    return SupervisedRegistrationProfile.objects.create_profile(user, activated=is_proven)


def test_the_form_with_and_without_errors(open_page: Any) -> None:
    Organization.objects.create(title="Institute of the Sea")
    page = open_page("/accounts/register/")
    in_order_for_everybody(page)
    page.locator(".gate-inner [type=submit]").click()
    expect(page.locator("#id_terms_error")).to_be_visible()
    in_order_for_everybody(page)
    page.locator("[data-captcha-question]").evaluate("question => { question.hidden = false }")
    in_order_for_everybody(page)


def test_the_pages_on_the_way(open_page: Any) -> None:
    good, used = (applicant(name, is_proven=name == "gregor").activation_key for name in ("frida", "gregor"))
    for path in ("register/complete", "activate/complete", "activate/resend", "activate/x"):
        in_order_for_everybody(open_page(f"/accounts/{path}/"))
    for key in (good, used):
        in_order_for_everybody(open_page(f"/accounts/activate/{key}/"))


def test_the_pages_for_who_decides(open_page: Any) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("dora"))
    cookies = {"sessionid": client.cookies["sessionid"].value}
    number = applicant("frida", is_proven=True).pk
    applicant("gregor", is_proven=False)
    for path in ("waiting", f"approve/{number}", "approve/99", "approve/complete"):
        in_order_for_everybody(open_page(f"/accounts/{path}/", cookies=cookies))
