"""The outbox in the admin: what became of a mail, never what is in it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import OutgoingMail

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/outgoingmail/"
SECRET = "https://vps.rivers.example/user/reset/3Kd_9-x/"


@pytest.fixture
def mail() -> OutgoingMail:
    return OutgoingMail.objects.create(
        recipient="a@rivers.example", subject="A new password", text=f"Open {SECRET}", state="failed", tries=3,
        last_error="550 <b>nobody</b> of that name",
    )  # fmt: skip


def try_again(browser: Browser, mail: OutgoingMail) -> OutgoingMail:
    browser.post(LIST, {"action": "try_again", "_selected_action": [mail.pk]})
    mail.refresh_from_db()
    return mail


def test_it_tells_what_became_of_a_mail(as_dora: Browser, mail: OutgoingMail) -> None:
    page = as_dora.get(LIST, {"state": "failed", "q": "rivers.example"}).content.decode()
    for words in ("given up", "a@rivers.example", "A new password", "550 &lt;b&gt;nobody"):
        assert words in page


def test_nobody_reads_a_mail_there_for_its_links_are_the_recipients(as_dora: Browser, mail: OutgoingMail) -> None:
    for path in (LIST, f"{LIST}{mail.pk}/change/"):
        page = as_dora.get(path).content.decode()
        assert "A new password" in page
        assert SECRET not in page
        assert mail.token not in page


@pytest.mark.parametrize("field", ["text__contains", "text", "token__startswith", "user__password__startswith"])
def test_no_filter_finds_out_what_is_in_a_mail(as_dora: Browser, mail: OutgoingMail, field: str) -> None:
    assert as_dora.get(LIST, {field: "x"}).status_code == 400


@pytest.mark.parametrize(
    "known", [{"state__exact": "failed"}, {"occasion": ""}, {"created__gte": "2020-01-01 00:00+00:00"}]
)
def test_the_filters_of_the_page_work(as_dora: Browser, mail: OutgoingMail, known: Any) -> None:
    assert "A new password" in as_dora.get(LIST, known).content.decode()


def test_nobody_edits_makes_or_deletes_one(as_dora: Browser, mail: OutgoingMail) -> None:
    assert as_dora.post(f"{LIST}{mail.pk}/change/", {"recipient": "x@evil.example"}).status_code == 403
    assert as_dora.post(f"{LIST}add/").status_code == 403
    assert as_dora.post(f"{LIST}{mail.pk}/delete/", {"post": "yes"}).status_code == 403
    mail.refresh_from_db()
    assert mail.recipient == "a@rivers.example"


def test_what_was_given_up_is_tried_again_when_somebody_says_so(as_dora: Browser, mail: OutgoingMail) -> None:
    assert try_again(as_dora, mail).state == OutgoingMail.State.WAITING
    assert (mail.tries, mail.next_try_at <= timezone.now()) == (0, True)


def test_staff_who_may_look_only_do_not_send(people: Any, sign_in: Any, mail: OutgoingMail) -> None:
    bob = people["bob"]
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_outgoingmail"))
    browser = sign_in("bob")
    assert browser.get(LIST).status_code == 200
    assert try_again(browser, mail).state == OutgoingMail.State.FAILED
