"""A forgotten password: a link by mail that works once, and tells nobody whose addresses are known here."""

import datetime
import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from registration.models import RegistrationProfile

from accounts.models import OutgoingMail
from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

PASSWORD, NEW = "a long pass phrase", "quite another phrase"
BOTH = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.org", PASSWORD)


def ask(client: Client, email: str = "alice@example.org", **meta: Any) -> Any:
    return client.post("/accounts/password/reset/", {"email": email}, **meta)


def mails(occasion: str = "password_reset") -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(occasion=occasion).order_by("pk"))


def link_in(mail: OutgoingMail) -> str:
    found = re.search(r"http://testserver(/accounts/reset/\S+)", mail.text)
    assert found, mail.text
    return found[1]


def link_for(user: User) -> str:
    where = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/accounts/reset/{where}/{default_token_generator.make_token(user)}/"


def page_behind(client: Client, link: str) -> str:
    """Where the link leads to in the end; the token is gone from the address then."""
    answer = client.get(link)
    return str(answer["Location"]) if answer.status_code == 302 else link


class TestAsking:
    def test_a_mail_brings_a_link(self, client: Client, alice: User) -> None:
        assert ask(client)["Location"] == "/accounts/password_reset/done/"
        mail = mails()[0]
        assert mail.recipient == "alice@example.org"
        assert "alice" in mail.text
        assert "24 hours" in mail.text
        assert client.get(page_behind(client, link_in(mail))).status_code == 200

    def test_the_address_is_taken_in_any_case_and_the_mail_goes_to_the_one_we_know(
        self, client: Client, alice: User
    ) -> None:
        ask(client, "ALICE@Example.Org")
        assert mails()[0].recipient == "alice@example.org"

    @pytest.mark.parametrize("alike", ["alice@exampłe.org", "álice@example.org", "alıce@example.org"])
    def test_an_address_that_only_looks_alike_is_another(self, client: Client, alice: User, alike: str) -> None:
        ask(client, alike)
        assert not OutgoingMail.objects.exists()

    def test_each_account_of_an_address_gets_a_link_of_its_own(self, client: Client, alice: User) -> None:
        User.objects.create_user("alice2", "alice@example.org", PASSWORD)
        ask(client)
        assert len({link_in(mail) for mail in mails()}) == 2

    def test_the_mail_is_in_the_language_of_its_reader(self, client: Client, alice: User) -> None:
        alice.profile.language = "el"
        alice.profile.save()
        client.post("/setlang/", {"language": "en"})
        ask(client)
        assert mails()[0].language == "el"

    def test_it_is_in_the_log_without_the_token(self, client: Client, alice: User) -> None:
        ask(client)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.person) == ("Password reset requested", "alice")
        token = link_in(mails()[0]).split("/")[4]
        assert token not in str(vars(entry))

    @pytest.mark.parametrize(
        "odd", ["", "alice", "alice@example.org\nBcc: all@example.org", "a@b@c", "x" * 300 + "@e.org"]
    )
    def test_what_is_no_address_gets_a_sentence_and_no_mail(self, client: Client, alice: User, odd: str) -> None:
        answer = ask(client, odd)
        assert answer.status_code == 200
        assert 'id="id_email_error"' in answer.content.decode()
        assert not OutgoingMail.objects.exists()


class TestStrangersLearnNothing:
    def test_an_unknown_address_gets_the_same_answer_and_no_mail(self, client: Client, alice: User) -> None:
        known, unknown = ask(client), ask(client, "nobody@example.org")
        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
        assert len(OutgoingMail.objects.all()) == 1
        assert len(AuditEntry.objects.all()) == 1

    def test_it_takes_the_same_work(self, client: Client, alice: User) -> None:
        asked = []
        for email in ("alice@example.org", "nobody@example.org"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                ask(client, email)
            asked.append([query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]])
        assert asked[0] == asked[1]

    def test_too_many_mails_to_one_address_are_not_sent_and_nobody_sees_it(self, client: Client, alice: User) -> None:
        for _ in range(9):
            assert ask(client).status_code == 302
        assert len(mails()) == 3
        cache.clear()  # an hour goes by
        ask(client)
        assert len(mails()) == 4

    def test_who_asks_for_many_addresses_is_slowed(self, client: Client, alice: User, settings: Any) -> None:
        settings.PASSWORD_RESETS_PER_HOUR = 5
        for number in range(5):
            assert ask(client, f"somebody{number}@example.org").status_code == 302
        answer = ask(client)
        assert answer.status_code == 429
        assert "Try again in an hour." in answer.content.decode()
        assert 'value="alice@example.org"' in answer.content.decode()
        assert ask(client, REMOTE_ADDR="198.51.100.9").status_code == 302


class TestWhoHasNoPasswordHere:
    def test_people_of_a_directory_are_told_where_theirs_is(self, client: Client, alice: User, settings: Any) -> None:
        settings.LDAP_PASSWORD_URL = "https://id.example.org/"
        alice.set_unusable_password()
        alice.save()
        assert ask(client)["Location"] == "/accounts/password_reset/done/"
        assert not mails()
        text = mails("password_reset_refused")[0].text
        assert "directory" in text
        assert "https://id.example.org/" in text

    def test_who_is_switched_off_is_told_so(self, client: Client, alice: User) -> None:
        User.objects.update(is_active=False)
        ask(client)
        assert not mails()
        assert "switched off" in mails("password_reset_refused")[0].text

    @pytest.mark.parametrize(
        ("proved", "words"), [(False, "has yet to be proven"), (True, "waits for an administrator")]
    )
    def test_who_is_not_approved_is_told_what_is_missing(
        self, client: Client, alice: User, proved: bool, words: str
    ) -> None:
        User.objects.update(is_active=False)
        RegistrationProfile.objects.create(user=alice, activation_key="k" * 40, activated=proved)
        ask(client)
        assert words in mails("password_reset_refused")[0].text

    def test_a_link_from_before_does_not_work_any_more(self, client: Client, alice: User) -> None:
        link = link_for(alice)
        User.objects.update(is_active=False)
        assert "does not work any more" in client.get(link).content.decode()


class TestTheLink:
    def test_opening_it_changes_nothing(self, client: Client, alice: User) -> None:
        link = link_for(alice)
        for _ in range(2):
            page = client.get(page_behind(client, link)).content.decode()
            assert "For the account <strong>alice</strong>" in page
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD)

    def test_the_token_does_not_stay_in_the_address(self, client: Client, alice: User) -> None:
        link = link_for(alice)
        page = page_behind(client, link)
        assert page.endswith("/set-password/")
        answer = client.get(page)
        assert link.split("/")[4] not in answer.content.decode()
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"]

    def test_it_sets_the_password_and_works_once(self, client: Client, alice: User) -> None:
        link = link_for(alice)
        assert client.post(page_behind(client, link), BOTH)["Location"] == "/accounts/reset/done/"
        assert "Your password is changed" in client.get("/accounts/reset/done/").content.decode()
        alice.refresh_from_db()
        assert alice.check_password(NEW)
        assert "does not work any more" in Client().get(link).content.decode()
        again = {"new_password1": "a third pass phrase", "new_password2": "a third pass phrase"}
        client.post(f"/accounts/reset/{link.split('/')[3]}/set-password/", again)
        alice.refresh_from_db()
        assert alice.check_password(NEW)

    def test_the_rules_for_passwords_hold(self, client: Client, alice: User) -> None:
        page = page_behind(client, link_for(alice))
        answer = client.post(page, {"new_password1": "short", "new_password2": "short"})
        assert 'id="id_new_password2_error"' in answer.content.decode()
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD)

    def test_two_different_passwords_are_told_at_the_field(self, client: Client, alice: User) -> None:
        page = page_behind(client, link_for(alice))
        answer = client.post(page, {"new_password1": NEW, "new_password2": PASSWORD})
        assert 'id="id_new_password2_error"' in answer.content.decode()

    def test_it_expires(self, client: Client, alice: User, settings: Any) -> None:
        link = link_for(alice)
        settings.PASSWORD_RESET_TIMEOUT = -1
        assert "does not work any more" in client.get(link).content.decode()

    def test_a_sign_in_meanwhile_ends_it(self, client: Client, alice: User) -> None:
        link = link_for(alice)
        User.objects.update(last_login=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        assert "does not work any more" in client.get(link).content.decode()

    @pytest.mark.parametrize("part", ["uid", "token", "both"])
    def test_a_broken_link_is_a_sentence(self, client: Client, alice: User, part: str) -> None:
        _, _, _, uid, token, _ = link_for(alice).split("/")
        broken = {"uid": f"x{uid}/{token}", "token": f"{uid}/{token[:-1]}", "both": "%00/%F0%9F%98%80"}[part]
        answer = client.get(f"/accounts/reset/{broken}/")
        assert answer.status_code == 200
        assert "does not work any more" in answer.content.decode()

    def test_the_address_that_ganetimgr_2_mailed_works_too(self, client: Client, alice: User) -> None:
        link = link_for(alice).replace("/accounts/reset/", "/accounts/password/reset/confirm/")
        client.post(page_behind(client, link), BOTH)
        alice.refresh_from_db()
        assert alice.check_password(NEW)

    def test_somebody_else_who_is_signed_in_sees_whose_password_it_is_and_stays_who_they_are(
        self, client: Client, alice: User
    ) -> None:
        bob = User.objects.create_user("bob", password=PASSWORD)
        client.force_login(bob)
        page = page_behind(client, link_for(alice))
        assert "You are signed in as bob, and stay so." in client.get(page).content.decode()
        client.post(page, BOTH)
        alice.refresh_from_db()
        bob.refresh_from_db()
        assert alice.check_password(NEW)
        assert bob.check_password(PASSWORD)
        assert client.session["_auth_user_id"] == str(bob.pk)


class TestAfterwards:
    @pytest.fixture
    def changed(self, alice: User) -> User:
        browser = Client()
        browser.post(page_behind(browser, link_for(alice)), BOTH)
        return User.objects.get(pk=alice.pk)

    def test_nobody_is_signed_in_by_it(self, alice: User, client: Client) -> None:
        client.post(page_behind(client, link_for(alice)), BOTH)
        assert "_auth_user_id" not in client.session

    def test_every_session_ends(self, alice: User) -> None:
        browsers = [Client(), Client()]
        for browser in browsers:
            browser.force_login(alice)
        link = link_for(User.objects.get(pk=alice.pk))
        browsers[0].post(page_behind(browsers[0], link), BOTH)
        assert [browser.get("/user/pass_change/").status_code for browser in browsers] == [302, 302]

    def test_the_owner_is_told(self, changed: User) -> None:
        mail = mails("password_changed")[0]
        assert (mail.recipient, mail.user) == ("alice@example.org", changed)

    def test_the_lock_of_the_account_opens(self, client: Client, alice: User) -> None:
        wrong = {"username": "alice", "password": "wrong"}
        for _ in range(6):
            client.post("/user/login/", wrong)
        browser = Client()
        browser.post(page_behind(browser, link_for(alice)), BOTH)
        assert not AccessAttempt.objects.exists()
        assert client.post("/user/login/", {"username": "alice", "password": NEW}).status_code == 302

    def test_it_is_in_the_log(self, changed: User) -> None:
        entry = AuditEntry.objects.get(action="Password reset")
        assert (entry.requester, entry.person) == (changed, "alice")
