"""Another e-mail address: both are told, the new one proves itself, and nobody learns whose it is."""

import datetime
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from registration.models import SupervisedRegistrationProfile

from accounts import email_changes
from accounts.models import EmailChange, OutgoingMail
from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

ASK, CANCEL, PROFILE = "/user/mail_change/", "/user/mail_change/cancel/", "/user/profile/"
NEW = "new@example.org"


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    return people["alice"]


def ask(browser: Browser, email: str = NEW, password: str = "alice", **more: Any) -> Any:  # noqa: S107
    return browser.post(ASK, {"email": email, "password": password}, **more)


def link(recipient: str = NEW) -> str:
    """The address in the mail that went there."""
    text = OutgoingMail.objects.filter(occasion="email_confirm", recipient=recipient).latest("pk").text
    found = re.search(r"http://testserver(/user/mail_change/confirm/\S+)", text)
    assert found, text
    return found[1]


def address_of(user: User) -> str:
    return User.objects.get(pk=user.pk).email


def sent() -> set[tuple[str, str]]:
    return set(OutgoingMail.objects.values_list("occasion", "recipient"))


def page_of(browser: Browser) -> str:
    """The profile, without what varies from one request to the next."""
    page = browser.get(PROFILE).content.decode()
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|<time.*?</time>|\d{10}', "", page)


class TestAsking:
    def test_both_addresses_are_told_and_nothing_is_changed(self, as_alice: Browser, alice: User) -> None:
        assert ask(as_alice)["Location"] == f"{PROFILE}#email"
        assert sent() == {("email_confirm", NEW), ("email_changing", "alice@example.org")}
        assert address_of(alice) == "alice@example.org"
        to_old = OutgoingMail.objects.get(occasion="email_changing").text
        for said in (NEW, "http://testserver/user/profile/#email", "http://testserver/accounts/password/reset/"):
            assert said in to_old
        assert "confirm" not in to_old

    def test_the_page_shows_that_it_waits(self, as_alice: Browser) -> None:
        ask(as_alice)
        assert f"{NEW} is not proven yet." in as_alice.get(PROFILE).content.decode()

    def test_the_log_tells_it_without_the_key(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail) == ("E-mail change requested", f"alice@example.org → {NEW}")
        as_alice.post(link())
        for entry in AuditEntry.objects.all():
            assert alice.pk == entry.requester_id
            assert not re.search(r"[\w-]{43}", f"{entry.detail} {entry.action}")

    def test_it_takes_the_password(self, as_alice: Browser) -> None:
        answer = ask(as_alice, password="guess")
        assert "This is not your password." in answer.content.decode()
        assert answer.context["sections"]["email"]["form"]["email"].value() == NEW
        assert sent() == set()
        assert not EmailChange.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "new",
            "new@",
            "new@example.org\r\nBcc: all@example.org",
            "New <new@example.org>",
            "a@example.org, b@example.org",
            f"{'x' * 250}@example.org",
            "ne\0w@example.org",
            "alice@example.org",
        ],
    )
    def test_what_is_no_new_address_gets_a_sentence(self, as_alice: Browser, wrong: str) -> None:
        page = ask(as_alice, wrong).content.decode()
        assert 'id="email-email_error"' in page
        assert sent() == set()

    def test_a_second_wish_replaces_the_first(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        first = link()
        ask(as_alice, "third@example.org")
        assert as_alice.post(first).status_code == 404
        as_alice.post(link("third@example.org"))
        assert address_of(alice) == "third@example.org"

    def test_nobody_fills_strangers_mailboxes(self, as_alice: Browser) -> None:
        for _ in range(email_changes.TIMES_PER_HOUR):
            ask(as_alice)
        answer = ask(as_alice)
        assert "too often" in answer.content.decode()
        assert OutgoingMail.objects.filter(recipient=NEW).count() == email_changes.TIMES_PER_HOUR

    def test_who_has_no_address_gets_one_the_same_way(self, as_alice: Browser, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(email="")
        ask(as_alice)
        assert sent() == {("email_confirm", NEW)}
        as_alice.post(link())
        assert address_of(alice) == NEW
        assert OutgoingMail.objects.filter(occasion="email_changed").count() == 1

    def test_it_can_be_called_off(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        assert as_alice.post(CANCEL)["Location"] == f"{PROFILE}#email"
        assert "is not proven yet" not in as_alice.get(PROFILE).content.decode()
        assert as_alice.post(link()).status_code == 404
        assert address_of(alice) == "alice@example.org"
        assert AuditEntry.objects.filter(action="E-mail change cancelled").count() == 1

    def test_calling_off_nothing_is_no_event(self, as_alice: Browser) -> None:
        assert as_alice.post(CANCEL).status_code == 302
        assert not AuditEntry.objects.exists()

    def test_htmx_gets_the_section_alone(self, as_alice: Browser) -> None:
        page = ask(as_alice, headers={"HX-Request": "true"}).content.decode()
        assert page.lstrip().startswith('<section class="panel section" id="email"')
        assert f"{NEW} is not proven yet." in page
        assert 'value="alice"' not in page


class TestSomebodyElsesAddress:
    @pytest.mark.parametrize("spelling", ["bob@example.org", "BOB@Example.ORG"])
    def test_it_looks_like_any_other(self, sign_in: Any, people: dict[str, User], spelling: str) -> None:
        """The same answer and the same page for an address of nobody and for one of Bob's."""
        free, taken = sign_in("alice"), sign_in("charlie")
        unknown = "x" * (len(spelling) - len("@example.org")) + "@example.org"
        answers = [ask(free, unknown, "alice"), ask(taken, spelling, "charlie")]
        assert answers[0]["Location"] == answers[1]["Location"]
        pages = [
            page_of(free).replace(unknown, "ADDRESS").replace("alice", "NAME"),
            page_of(taken).replace(spelling, "ADDRESS").replace("charlie", "NAME"),
        ]
        assert pages[0].replace(">A<", ">?<") == pages[1].replace(">C<", ">?<")

    def test_its_owner_gets_a_mail_instead_of_the_link(self, as_alice: Browser, people: dict[str, User]) -> None:
        ask(as_alice, "BOB@example.org")
        assert sent() == {("email_taken", "bob@example.org"), ("email_changing", "alice@example.org")}
        mail = OutgoingMail.objects.get(occasion="email_taken")
        assert "confirm" not in mail.text
        assert "alice" not in mail.text
        assert mail.user == people["bob"]

    def test_its_owner_is_not_flooded(self, as_alice: Browser, people: dict[str, User]) -> None:
        for _ in range(email_changes.TIMES_PER_HOUR):
            ask(as_alice, "bob@example.org")
        assert OutgoingMail.objects.filter(occasion="email_taken").count() == email_changes.MAILS_PER_HOUR

    def test_one_that_got_an_owner_meanwhile_cannot_be_taken(
        self, as_alice: Browser, alice: User, people: dict[str, User]
    ) -> None:
        ask(as_alice)
        User.objects.filter(pk=people["bob"].pk).update(email=NEW.upper())
        assert as_alice.post(link()).status_code == 409
        assert address_of(alice) == "alice@example.org"
        assert as_alice.post(link()).status_code == 404

    def test_a_registration_without_proof_keeps_nobody_from_their_address(self, as_alice: Browser, alice: User) -> None:
        mallory = User.objects.create_user("mallory", NEW, "x", is_active=False)
        SupervisedRegistrationProfile.objects.create_profile(mallory)
        ask(as_alice)
        as_alice.post(link())
        assert address_of(alice) == NEW

    def test_ones_own_may_be_written_in_other_capitals(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice, "Alice@example.org")
        as_alice.post(link("Alice@example.org"))
        assert address_of(alice) == "Alice@example.org"


class TestTheLink:
    def test_opening_it_shows_a_page_and_the_button_does_it(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        page = as_alice.get(link())
        assert "Is this your address?" in page.content.decode()
        assert address_of(alice) == "alice@example.org"
        assert as_alice.post(link())["Location"] == f"{PROFILE}#email"
        assert address_of(alice) == NEW

    def test_both_addresses_are_told_that_it_is_done(self, as_alice: Browser) -> None:
        ask(as_alice)
        as_alice.post(link())
        told = OutgoingMail.objects.filter(occasion="email_changed")
        assert {mail.recipient for mail in told} == {"alice@example.org", NEW}
        for mail in told:
            assert NEW in mail.text
            assert "alice@example.org" in mail.text
        assert AuditEntry.objects.get(action="E-mail change").detail == f"alice@example.org → {NEW}"

    def test_it_works_once(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        as_alice.post(link())
        User.objects.filter(pk=alice.pk).update(email="later@example.org")
        assert as_alice.get(link()).status_code == 404
        assert as_alice.post(link()).status_code == 404
        assert address_of(alice) == "later@example.org"

    def test_two_clicks_at_once_are_one(self, as_alice: Browser, alice: User, rf: Any) -> None:
        ask(as_alice)
        request = rf.post(link())
        request.user = alice
        both = [EmailChange.objects.get(), EmailChange.objects.get()]
        assert [email_changes.confirm(request, change) for change in both] == [True, False]

    def test_it_is_good_for_three_days(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        self.make_older(datetime.timedelta(days=3, minutes=-5))
        assert as_alice.get(link()).status_code == 200
        self.make_older(datetime.timedelta(days=3))
        assert as_alice.get(link()).status_code == 404
        assert as_alice.post(link()).status_code == 404
        assert address_of(alice) == "alice@example.org"
        assert "is not proven yet" not in as_alice.get(PROFILE).content.decode()

    def test_old_ones_are_removed(self, as_alice: Browser, as_bob: Browser) -> None:
        ask(as_alice)
        self.make_older(datetime.timedelta(days=4))
        ask(as_bob, "fresh@example.org", "bob")
        email_changes.forget_old()
        assert [change.email for change in EmailChange.objects.all()] == ["fresh@example.org"]

    def test_who_is_not_signed_in_signs_in_first(self, as_alice: Browser, alice: User) -> None:
        ask(as_alice)
        nobody = Browser()
        for answer in (nobody.get(link()), nobody.post(link())):
            assert answer["Location"] == f"/user/login/?next={link()}"
        assert address_of(alice) == "alice@example.org"

    @pytest.mark.parametrize("who", ["bob", "dora"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_somebody_else_gets_403_and_the_log_an_entry(
        self, as_alice: Browser, alice: User, sign_in: Any, who: str, method: str
    ) -> None:
        ask(as_alice)
        answer = getattr(sign_in(who), method)(link())
        assert answer.status_code == 403
        assert NEW not in answer.content.decode()
        assert {address_of(alice), User.objects.get(username=who).email} == {"alice@example.org", f"{who}@example.org"}
        entry = AuditEntry.objects.get(action="E-mail change")
        assert (entry.is_authorized, entry.requester.username) == (False, who)
        assert as_alice.get(link()).status_code == 200  # it is still good

    @pytest.mark.parametrize("key", ["x", "x" * 43, "%00", "é", "x" * 2000])
    def test_an_invented_one_is_told_in_a_sentence(self, as_alice: Browser, key: str) -> None:
        answer = as_alice.get(f"/user/mail_change/confirm/{key}/")
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()

    def test_its_page_is_not_kept_and_tells_nobody_where_it_was(self, as_alice: Browser) -> None:
        ask(as_alice)
        page = as_alice.get(link())
        assert "no-store" in page["Cache-Control"]
        assert page["Referrer-Policy"] == "same-origin"

    def test_it_is_in_the_persons_language(self, as_alice: Browser, alice: User) -> None:
        alice.profile.language = "el"
        alice.profile.save()
        ask(as_alice)
        assert {mail.language for mail in OutgoingMail.objects.all()} == {"el"}

    def make_older(self, by: datetime.timedelta) -> None:
        EmailChange.objects.update(asked=timezone.now() - by)
