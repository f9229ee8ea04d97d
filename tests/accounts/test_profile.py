"""One's own profile: name, password, organisation and telephone, sessions; and who has all that in a directory."""

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts import letters, profiles
from accounts.models import Organization, OutgoingMail
from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

PROFILE, NAME, OTHER, PASSWORD = "/user/profile/", "/user/name_change/", "/user/other_change/", "/user/pass_change/"
HTMX = {"HX-Request": "true"}
NEW = "quite another phrase"


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    return people["alice"]


@pytest.fixture
def of_a_directory(alice: User) -> User:
    alice.set_unusable_password()
    alice.save()
    return alice


def events() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "detail"))


def is_signed_in(browser: Browser) -> bool:
    return browser.get(PROFILE).status_code == 200


class TestThePage:
    def test_has_every_section_with_what_is_known(self, as_alice: Browser, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(first_name="Alice", last_name="Liddell")
        page = as_alice.get(PROFILE).content.decode()
        for section in ("name", "email", "password", "other", "preferences", "keys", "sessions"):
            assert f'id="{section}"' in page
        for shown in ('value="Alice"', 'value="Liddell"', "alice@example.org", "/user/second_factor/"):
            assert shown in page

    def test_the_menu_leads_there(self, as_alice: Browser) -> None:
        assert 'href="/user/profile/"' in as_alice.get("/history/").content.decode()

    def test_every_id_is_there_once(self, as_alice: Browser) -> None:
        ids = re.findall(r'\sid="([^"]+)"', as_alice.get(PROFILE).content.decode())
        assert len(ids) == len(set(ids))

    def test_it_costs_the_same_queries_for_no_keys_and_many(
        self, as_alice: Browser, alice: User, django_assert_num_queries: Any
    ) -> None:
        with CaptureQueriesContext(connection) as before:
            as_alice.get(PROFILE)
        for number in range(20):
            alice.ssh_keys.create(key_type="ssh-ed25519", key="AAAA", fingerprint=str(number))
        with django_assert_num_queries(len(before)):
            as_alice.get(PROFILE)

    @pytest.mark.parametrize("address", [NAME, OTHER, "/user/mail_change/", "/user/keys/", "/user/preferences/"])
    def test_addresses_of_forms_lead_to_their_section(self, as_alice: Browser, address: str) -> None:
        assert as_alice.get(address)["Location"].startswith(f"{PROFILE}#")

    def test_nobody_else_keeps_it(self, as_alice: Browser) -> None:
        assert "no-store" in as_alice.get(PROFILE)["Cache-Control"]


class TestName:
    def test_both_names_are_changed(self, as_alice: Browser, alice: User) -> None:
        answer = as_alice.post(NAME, {"first_name": "  Alice ", "last_name": "Λίντελ"})
        assert answer["Location"] == f"{PROFILE}#name"
        alice.refresh_from_db()
        assert (alice.first_name, alice.last_name) == ("Alice", "Λίντελ")
        assert "Your name is Alice Λίντελ now." in as_alice.get(PROFILE).content.decode()
        assert events() == [("Name change", "– → Alice Λίντελ")]

    def test_the_same_again_is_no_event(self, as_alice: Browser) -> None:
        for _ in range(2):
            as_alice.post(NAME, {"first_name": "Alice", "last_name": "Liddell"})
        assert len(events()) == 1

    @pytest.mark.parametrize("length", [1, 51])
    def test_it_has_2_to_50_characters(self, as_alice: Browser, length: int) -> None:
        page = as_alice.post(NAME, {"first_name": "x" * length, "last_name": "Liddell"}).content.decode()
        assert 'id="name-first_name_error"' in page
        assert 'id="name-last_name_error"' not in page

    @pytest.mark.parametrize(
        "hostile",
        [
            "Alice\r\nBcc: all@example.org",
            "Alice\nX: y",
            "Al\x00ice",
            "Al\x1b[2Jice",
            "Al\u2028ice",
            "Al\u202eice",
            "<b>Alice</b>",
            "a@b.example",
            "https://evil.example",
        ],
    )
    def test_it_can_neither_add_headers_nor_look_like_something_else(
        self, as_alice: Browser, alice: User, hostile: str
    ) -> None:
        answer = as_alice.post(NAME, {"first_name": hostile, "last_name": "Liddell"})
        assert 'id="name-first_name_error"' in answer.content.decode()
        alice.refresh_from_db()
        assert alice.first_name == ""

    def test_a_hostile_name_from_elsewhere_makes_one_header_of_a_mail(self, as_alice: Browser, alice: User) -> None:
        """The form refuses it; directories and administrators may have put it there all the same."""
        User.objects.filter(pk=alice.pk).update(first_name="Alice\r\nBcc: all@example.org")
        as_alice.post("/user/pass_change/notify/")
        message = letters.composed(OutgoingMail.objects.get()).message()
        assert message["Bcc"] is None
        assert len(message.get_all("To")) == 1

    def test_what_was_typed_stays_with_the_sentence(self, as_alice: Browser) -> None:
        answer = as_alice.post(NAME, {"first_name": "A", "last_name": "Liddell"})
        page = answer.content.decode()
        assert answer.status_code == 200
        assert 'value="A"' in page
        assert 'value="Liddell"' in page
        assert 'id="keys"' in page  # the whole page

    def test_htmx_gets_the_section_alone(self, as_alice: Browser) -> None:
        wrong = as_alice.post(NAME, {"first_name": "A", "last_name": "Liddell"}, headers=HTMX).content.decode()
        right = as_alice.post(NAME, {"first_name": "Alice", "last_name": "Liddell"}, headers=HTMX).content.decode()
        for page in (wrong, right):
            assert page.lstrip().startswith('<section class="panel section" id="name"')
            assert 'id="keys"' not in page
        assert 'id="name-first_name_error"' in wrong
        assert "Your name is Alice Liddell now." in right

    def test_nobody_can_change_another_person(self, as_alice: Browser, people: dict[str, User]) -> None:
        as_alice.post(NAME, {"first_name": "Eve", "last_name": "Evil", "user": people["dora"].pk, "id": 1})
        assert not User.objects.filter(first_name="Eve").exclude(username="alice").exists()


class TestOrganisationAndTelephone:
    @pytest.fixture
    def physics(self) -> Organization:
        return Organization.objects.create(title="Physics")

    def test_both_are_kept(self, as_alice: Browser, alice: User, physics: Organization) -> None:
        as_alice.post(OTHER, {"organization": physics.pk, "telephone": "+30 (210) 123-4567"})
        profile = profiles.of(User.objects.get(pk=alice.pk))
        assert (profile.organization, profile.telephone) == (physics, "+30 (210) 123-4567")
        assert events() == [("Organisation or telephone change", "Physics, +30 (210) 123-4567")]

    def test_both_can_be_given_up(self, as_alice: Browser, alice: User, physics: Organization) -> None:
        as_alice.post(OTHER, {"organization": physics.pk, "telephone": "1"})
        as_alice.post(OTHER, {"organization": "", "telephone": ""})
        profile = profiles.of(User.objects.get(pk=alice.pk))
        assert (profile.organization, profile.telephone) == (None, "")

    @pytest.mark.parametrize("number", ["call me", "1" * 33, "1\r\n2", "+30<script>", "１２３"])
    def test_what_is_no_number_gets_a_sentence_and_stays(self, as_alice: Browser, number: str) -> None:
        answer = as_alice.post(OTHER, {"telephone": number})
        assert 'id="other-telephone_error"' in answer.content.decode()
        assert answer.context["sections"]["other"]["form"]["telephone"].value() == number

    @pytest.mark.parametrize("choice", ["999", "x", "-1", "1 or 1=1"])
    def test_an_organisation_that_does_not_exist_gets_a_sentence(
        self, as_alice: Browser, physics: Organization, choice: str
    ) -> None:
        page = as_alice.post(OTHER, {"organization": choice}).content.decode()
        assert 'id="other-organization_error"' in page

    def test_without_organisations_nothing_is_asked_and_nothing_is_lost(self, as_alice: Browser) -> None:
        assert "Organisation" not in as_alice.get(PROFILE).content.decode()
        assert as_alice.post(OTHER, {"telephone": "12"}).status_code == 302


class TestPassword:
    def change(self, browser: Browser, old: str = "alice", new: str = NEW, **more: Any) -> Any:
        return browser.post(PASSWORD, {"old_password": old, "new_password1": new, "new_password2": new}, **more)

    def test_every_other_session_ends_and_this_one_stays(self, sign_in: Any) -> None:
        here, elsewhere = sign_in("alice"), sign_in("alice")
        self.change(here)
        assert is_signed_in(here)
        assert not is_signed_in(elsewhere)

    def test_the_person_gets_a_mail_and_the_log_an_entry(self, as_alice: Browser, alice: User) -> None:
        self.change(as_alice)
        mail = OutgoingMail.objects.get()
        assert (mail.occasion, mail.user) == ("password_changed", alice)
        assert "http://testserver/accounts/password/reset/" in mail.text
        assert NEW not in mail.text
        assert events() == [("Password change", "")]

    @pytest.mark.parametrize("weak", ["short", "12345678901234", "password123", "alice@example"])
    def test_the_rules_hold(self, as_alice: Browser, alice: User, weak: str) -> None:
        assert 'id="id_new_password2_error"' in self.change(as_alice, new=weak).content.decode()
        alice.refresh_from_db()
        assert alice.check_password("alice")
        assert not OutgoingMail.objects.exists()

    def test_a_wrong_old_one_is_told_and_counts_like_a_try_to_sign_in(self, as_alice: Browser) -> None:
        for _ in range(3):
            assert "This is not your password." in self.change(as_alice, "guess").content.decode()
        assert AccessAttempt.objects.get().failures_since_start == 3

    def test_nobody_guesses_on_at_an_open_browser(self, as_alice: Browser, alice: User, settings: Any) -> None:
        settings.AXES_FAILURE_LIMIT = 3
        for _ in range(3):
            self.change(as_alice, "guess")
        assert "too many tries" in self.change(as_alice).content.decode()  # with the right one, too
        alice.refresh_from_db()
        assert alice.check_password("alice")

    def test_htmx_gets_the_section_alone(self, as_alice: Browser) -> None:
        wrong = self.change(as_alice, "guess", headers=HTMX).content.decode()
        right = self.change(as_alice, headers=HTMX).content.decode()
        for page in (wrong, right):
            assert page.lstrip().startswith('<section class="panel section" id="password"')
            assert NEW not in page
        assert "This is not your password." in wrong
        assert "Your password is changed." in right

    def test_without_an_address_there_is_no_mail_and_no_error(self, as_alice: Browser, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(email="")
        assert self.change(as_alice).status_code == 302
        assert not OutgoingMail.objects.exists()


class TestOtherSessions:
    def test_all_but_this_one_end(self, sign_in: Any) -> None:
        here, elsewhere, bobs = sign_in("alice"), sign_in("alice"), sign_in("bob")
        assert here.post("/user/pass_change/notify/")["Location"] == f"{PROFILE}#sessions"
        assert is_signed_in(here)
        assert not is_signed_in(elsewhere)
        assert is_signed_in(bobs)

    def test_it_is_mailed_and_logged(self, as_alice: Browser) -> None:
        as_alice.post("/user/pass_change/notify/")
        assert OutgoingMail.objects.get().occasion == "sessions_ended"
        assert events() == [("Signed out elsewhere", "")]

    def test_a_link_does_nothing(self, sign_in: Any) -> None:
        here, elsewhere = sign_in("alice"), sign_in("alice")
        assert here.get("/user/pass_change/notify/").status_code == 405
        assert is_signed_in(elsewhere)
        assert not OutgoingMail.objects.exists()


class TestPeopleOfADirectory:
    """Their password and address are changed where they are kept."""

    def test_they_are_told_where(self, as_alice: Browser, of_a_directory: User, settings: Any) -> None:
        settings.LDAP_PASSWORD_URL = "https://directory.example.org/me"
        settings.LDAP_ACCOUNT_HELP = "Ask the desk in room 4."
        page = Browser()
        page.force_login(of_a_directory)
        shown = page.get(PROFILE).content.decode()
        assert 'href="https://directory.example.org/me"' in shown
        assert "Ask the desk in room 4." in shown
        assert 'name="old_password"' not in shown
        assert 'name="email"' not in shown
        assert 'name="first_name"' in shown

    @pytest.mark.parametrize("address", [PASSWORD, "/user/mail_change/"])
    def test_nothing_of_it_can_be_changed_here(self, of_a_directory: User, address: str) -> None:
        browser = Browser()
        browser.force_login(of_a_directory)
        answer = browser.post(address, {"email": "new@example.org", "old_password": "", "new_password1": NEW})
        assert answer.status_code == 403
        assert "directory" in answer.content.decode()
        assert browser.get(address)["Location"].startswith(f"{PROFILE}#")
        assert not User.objects.get(pk=of_a_directory.pk).has_usable_password()

    def test_a_link_from_before_does_not_change_it_either(self, as_alice: Browser, alice: User) -> None:
        as_alice.post("/user/mail_change/", {"email": "new@example.org", "password": "alice"})
        alice.set_unusable_password()
        alice.save()
        browser = Browser()
        browser.force_login(alice)
        assert browser.post(f"/user/mail_change/confirm/{alice.email_change.key}/").status_code == 403
        assert User.objects.get(pk=alice.pk).email == "alice@example.org"
