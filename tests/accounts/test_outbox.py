"""What is written into the outbox: for whom, in which language, and that nobody smuggles anything into it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone

from accounts import outbox, profiles
from accounts.models import OutgoingMail

pytestmark = pytest.mark.django_db

HELLO = (
    "{% autoescape off %}{% load i18n %}{% translate 'Password' %}: {{ about }}\n\n"
    "Dear {{ recipient.first_name }},\n{{ site }} at {{ site_url }}{% endautoescape %}"
)


@pytest.fixture
def hello(letter: Callable[[str, str], None]) -> None:
    letter("hello", HELLO)


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    alice = people["alice"]
    alice.first_name = "Alice"
    return alice


class TestAMail:
    def test_is_a_row_with_the_templates_first_line_as_subject(self, hello: None, alice: User, settings: Any) -> None:
        settings.SITE_URL, settings.EMAIL_SUBJECT_PREFIX = "https://vps.rivers.example", "[VPS] "
        mail = outbox.post("hello", alice, {"about": "new"})
        assert mail is not None
        assert mail.subject == "[VPS] Password: new"
        assert mail.text == "Dear Alice,\nExample VPS at https://vps.rivers.example\n"
        assert (mail.recipient, mail.user, mail.occasion) == ("alice@example.org", alice, "hello")
        assert mail.state == OutgoingMail.State.WAITING

    def test_is_written_with_the_change_that_it_tells_or_not_at_all(self, hello: None, alice: User) -> None:
        with pytest.raises(LookupError), transaction.atomic():
            outbox.post("hello", alice)
            raise LookupError
        assert not OutgoingMail.objects.exists()

    def test_is_in_the_recipients_language_whoever_asks(self, hello: None, alice: User) -> None:
        profile = profiles.of(alice)
        profile.language = "el"
        mail = outbox.post("hello", alice)
        assert mail is not None
        assert (mail.language, mail.subject.split()[1]) == ("el", "Συνθηματικό:")
        profile.language = "xx"
        mail = outbox.post("hello", alice)
        assert mail is not None
        assert mail.language == "en"

    def test_to_a_bare_address_is_in_the_sites_language_unless_it_is_said_otherwise(self, hello: None) -> None:
        mails = [outbox.post("hello", "a@rivers.example"), outbox.post("hello", "a@rivers.example", language="el")]
        assert [mail and mail.language for mail in mails] == ["en", "el"]

    def test_goes_to_each_of_the_administrators(self, hello: None) -> None:
        outbox.post_all("hello", [("One", "one@rivers.example"), ("Two", "two@rivers.example")])
        assert sorted(OutgoingMail.objects.values_list("recipient", flat=True)) == [
            "one@rivers.example",
            "two@rivers.example",
        ]


class TestBadInput:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "nobody",
            "a@rivers.example\nBcc: x@evil.example",
            "a@rivers.example\r\nBcc: x@evil.example",
            "a@rivers.example\n",
            "a@rivers.example, x@evil.example",
            "A <a@rivers.example>",
            "a\x00@rivers.example",
            f"a@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.{'v' * 60}.gr",
        ],
    )
    def test_what_is_no_address_gets_no_mail_and_breaks_nothing(self, address: str, hello: None, alice: User) -> None:
        alice.email = address
        assert outbox.post("hello", address) is None
        assert outbox.post("hello", alice) is None
        outbox.post_all("hello", [("One", address), ("Two", "two@rivers.example")])
        assert OutgoingMail.objects.get().recipient == "two@rivers.example"

    def test_an_answer_can_go_to_an_address_only(self, hello: None, alice: User) -> None:
        fine = outbox.post("hello", alice, reply_to="erik@rivers.example")
        bad = outbox.post("hello", alice, reply_to="erik@rivers.example\nBcc: x@evil.example")
        assert fine is not None
        assert bad is not None
        assert (fine.reply_to, bad.reply_to) == ("erik@rivers.example", "")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"])
    def test_a_subject_is_one_line(self, end: str, hello: None, alice: User) -> None:
        mail = outbox.post("hello", alice, {"about": f"new{end}Bcc: x@evil.example"})
        assert mail is not None
        assert mail.subject.isprintable()

    def test_huge_texts_are_cut_in_the_subject_only(self, hello: None, alice: User) -> None:
        alice.first_name = "x" * 100_000
        mail = outbox.post("hello", alice, {"about": "y" * 100_000})
        assert mail is not None
        assert len(mail.subject) == outbox.MAX_SUBJECT
        assert "x" * 100_000 in mail.text

    def test_what_nobody_can_read_is_left_out_of_the_text(self, hello: None, alice: User) -> None:
        alice.first_name = "A\x00l\x1bi\x07ce"
        mail = outbox.post("hello", alice)
        assert mail is not None
        assert mail.text.startswith("Dear A l i ce,\n")


class TestLinks:
    def test_lead_to_the_sites_own_address_where_it_is_known(self, settings: Any) -> None:
        request = RequestFactory().get("/", SERVER_NAME="localhost")
        settings.SITE_URL = ""
        assert outbox.absolute("/user/login/", request) == "http://localhost/user/login/"
        settings.SITE_URL = "https://vps.rivers.example/"
        assert outbox.absolute("/user/login/", request) == "https://vps.rivers.example/user/login/"
        assert outbox.absolute("/user/login/") == "https://vps.rivers.example/user/login/"


def test_it_is_known_how_many_wait_and_since_when(hello: None) -> None:
    assert outbox.waiting() == (0, None)
    before = timezone.now() - datetime.timedelta(hours=2)
    for state, created in (("waiting", timezone.now()), ("waiting", before), ("sent", before), ("failed", before)):
        mail = outbox.post("hello", "a@rivers.example")
        assert mail is not None
        OutgoingMail.objects.filter(pk=mail.pk).update(state=state, created=created)
    assert outbox.waiting() == (2, before)
