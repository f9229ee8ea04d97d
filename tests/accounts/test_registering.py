"""From the form to the first sign-in: what people see, which mails go, what stays, and what nobody gets away with."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Permission, User
from django.core import signing
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone
from registration.models import RegistrationProfile, SupervisedRegistrationProfile

from accounts import captcha, registering
from accounts.models import Organization, OutgoingMail
from apps.audit.models import AuditEntry
from tests import estate
from tests.operation.conftest import Listen, listen  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db

REGISTER, RESEND, WAITING = "/accounts/register/", "/accounts/activate/resend/", "/accounts/waiting/"
PASSWORD = "a long way to the sea"
FRIDA = {
    "username": "frida",
    "email": "frida@example.net",
    "first_name": "Frida",
    "last_name": "Olsen",
    "telephone": "+30 210 1234567",
    "password1": PASSWORD,
    "password2": PASSWORD,
    "terms": "on",
}


def filled_in(browser: Browser, **changes: str) -> Any:
    """Sends the form as somebody without JavaScript does: the question is answered."""
    return browser.post(REGISTER, {**FRIDA, **captcha_answered(browser), **changes})


def captcha_answered(browser: Browser) -> dict[str, str]:
    """The captcha's fields, answered in whatever language it asks."""
    ticket = re.search(r'name="captcha_ticket" value="([^"]+)"', browser.get(REGISTER).content.decode())
    assert ticket
    nonce = signing.loads(ticket[1], salt=captcha._SALT)
    return {"captcha_ticket": ticket[1], "captcha_answer": str(sum(captcha._summands(nonce)))}


def registered(**changes: str) -> User:
    assert filled_in(Browser(), **changes).status_code == 302
    return User.objects.get(username=changes.get("username", "frida"))


def proven(**changes: str) -> User:
    user = registered(**changes)
    assert Browser().post(link_to(user)).status_code == 302
    return User.objects.get(pk=user.pk)


def link_to(user: User) -> str:
    """The link in the last mail to `user`."""
    found = re.findall(r"http://\S+(/accounts/activate/\w+/)", mails("registration_validate", user.email)[0].text)
    return found[0]


def mails(occasion: str, to: str | None = None) -> list[OutgoingMail]:
    """The newest first."""
    found = OutgoingMail.objects.filter(occasion=occasion)
    return list(found.filter(recipient=to) if to else found)


def decision(user: User) -> str:
    return f"/accounts/approve/{user.registrationprofile.pk}/"  # type: ignore[attr-defined]


def make_older(user: User, days: float) -> None:
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - dt.timedelta(days=days))


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def sentences(response: Any) -> dict[str, list[str]]:
    return response.context["form"].errors


def events() -> list[tuple[str, str, str]]:
    """Who did what to whom, the oldest first."""
    return list(AuditEntry.objects.order_by("pk").values_list("requester_name", "action", "person"))


class CountingHasher(MD5PasswordHasher):
    """Hashing a password takes longer than all the rest together: it must not tell who is known."""

    times = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).times += 1
        return super().encode(password, salt)


# ---- the form ---------------------------------------------------------------------------------------------


class TestTheForm:
    def test_makes_an_account_that_cannot_sign_in_yet(self) -> None:
        response = filled_in(Browser())
        assert response.headers["Location"] == "/accounts/register/complete/"
        frida = User.objects.get(username="frida")
        assert (frida.email, frida.get_full_name()) == ("frida@example.net", "Frida Olsen")
        assert frida.check_password(PASSWORD)
        assert not frida.is_active
        assert not frida.is_staff
        assert registering.standing(frida) == "unvalidated"

    def test_keeps_telephone_organisation_and_language(self) -> None:
        of_the_sea = Organization.objects.create(title="Institute of the Sea")
        assert "Institute of the Sea" in Browser().get(REGISTER).content.decode()
        response = filled_in(Browser(HTTP_ACCEPT_LANGUAGE="el"), organization=str(of_the_sea.pk))
        assert response.status_code == 302
        profile = User.objects.get(username="frida").profile  # type: ignore[attr-defined]
        assert (profile.telephone, profile.organization, profile.language) == ("+30 210 1234567", of_the_sea, "el")

    def test_without_organisations_nobody_is_asked_for_one(self) -> None:
        assert "organization" not in Browser().get(REGISTER).context["form"].fields

    @pytest.mark.parametrize(
        "field", ["username", "email", "first_name", "last_name", "password1", "password2", "terms"]
    )
    def test_each_of_these_is_needed(self, field: str) -> None:
        response = filled_in(Browser(), **{field: ""})
        assert response.status_code == 200
        assert field in sentences(response)
        assert not User.objects.exists()

    def test_telephone_is_optional(self) -> None:
        registered(telephone="")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("username", "root"), ("username", "fri da"), ("username", "frida:x"), ("username", "x" * 129),
            ("username", "frida\r\nBcc: all@example.net"), ("username", "frida\x00"),
            ("email", "frida"), ("email", "frida@example.net\nBcc: all@example.net"),
            ("email", "frida@example.net, gregor@example.net"), ("email", f"{'x' * 250}@example.net"),
            ("first_name", "Frida\r\nBcc: all@example.net"), ("last_name", "Olsen\nX"), ("first_name", "Fri\u202eda"),
            ("first_name", "<b>Frida</b>"), ("last_name", "see http://example.net"), ("first_name", "x" * 81),
            ("last_name", "\x00"), ("telephone", "call me"), ("telephone", "1\n2"), ("telephone", "1" * 33),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_told_at_the_field_and_nothing_typed_is_lost(self, field: str, value: str) -> None:
        response = filled_in(Browser(), **{field: value})
        assert response.status_code == 200
        assert field in sentences(response)
        assert not User.objects.exists()
        assert not OutgoingMail.objects.exists()
        kept = {**FRIDA, field: value}
        for name in ("username", "email", "first_name", "last_name", "telephone"):
            assert response.context["form"][name].value() == kept[name]

    def test_passwords_are_not_sent_back(self) -> None:
        assert PASSWORD not in filled_in(Browser(), username="root").content.decode()

    @pytest.mark.parametrize("password", ["short", "1234567890123", "frida@example.net"])
    def test_a_weak_password_is_refused_with_the_reason(self, password: str) -> None:
        response = filled_in(Browser(), password1=password, password2=password)
        assert "password2" in sentences(response) or "password1" in sentences(response)

    def test_two_different_passwords_are_refused(self) -> None:
        assert sentences(filled_in(Browser(), password2=PASSWORD + "!"))

    def test_without_the_captcha_nothing_is_made(self) -> None:
        response = Browser().post(REGISTER, FRIDA)
        assert "robot" in sentences(response)["captcha"][0]
        assert not User.objects.exists()

    def test_a_taken_name_is_told_in_any_capital_letters(self, people: Any) -> None:
        assert "already" in sentences(filled_in(Browser(), username="ALICE"))["username"][0]

    def test_a_name_that_vms_carry_is_taken_although_nobody_has_it(self) -> None:
        """An account that was removed left its tags: whoever got the name would get the VMs."""
        estate.put("north", estate.instance("web.example.org", owners=("users:frida",)))
        assert "already" in sentences(filled_in(Browser()))["username"][0]
        registered(username="gregor")

    def test_terms_have_a_link_where_the_site_has_one(self, settings: Any) -> None:
        settings.BRANDING = {**settings.BRANDING, "TERMS_URL": "/about/terms/"}
        assert 'href="/about/terms/"' in Browser().get(REGISTER).content.decode()

    def test_who_is_signed_in_is_told_so(self, as_alice: Browser) -> None:
        assert "you are signed in as alice." in text_of(as_alice.get(REGISTER)).replace(" .", ".")
        assert "You are signed in" in text_of(as_alice.post(REGISTER, FRIDA))
        assert not User.objects.filter(username="frida").exists()

    def test_two_in_one_moment_are_one_account_and_one_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        User.objects.create_user("frida")
        monkeypatch.setattr("accounts.usernames.is_taken", lambda name: False)  # the other one was not there yet
        monkeypatch.setattr("accounts.forms.registering.RegistrationForm._post_clean", _made_without_looking)
        assert "already" in sentences(filled_in(Browser()))["username"][0]

    def test_the_number_from_one_address_is_limited(self, settings: Any) -> None:
        settings.REGISTRATIONS_PER_HOUR = 2
        for number in (1, 2):
            registered(username=f"frida{number}", email=f"frida{number}@example.net")
        response = filled_in(Browser(), username="frida3", email="frida3@example.net")
        assert response.status_code == 429
        assert "Too many registrations" in text_of(response)
        assert not User.objects.filter(username="frida3").exists()
        assert Browser().post(RESEND, {"email": "frida1@example.net"}).status_code == 429
        assert filled_in(Browser(REMOTE_ADDR="192.0.2.9")).status_code == 302

    def test_an_ipv6_network_counts_as_one_address(self, settings: Any) -> None:
        settings.REGISTRATIONS_PER_HOUR = 1
        for host, status in (("2001:db8::1", 302), ("2001:db8::2", 429), ("2001:db8:0:1::1", 302)):
            name = f"frida{host[-1]}{status}{len(host)}"
            response = filled_in(Browser(REMOTE_ADDR=host), username=name, email=f"{name}@example.net")
            assert response.status_code == status

    def test_no_limit_is_no_limit(self, settings: Any) -> None:
        settings.REGISTRATIONS_PER_HOUR = 0
        registered()


def _made_without_looking(form: Any) -> None:
    form.instance.username, form.instance.email = form.cleaned_data["username"], form.cleaned_data["email"]


class TestClosed:
    @pytest.fixture(autouse=True)
    def closed(self, settings: Any) -> None:
        settings.REGISTRATION_OPEN = False

    def test_the_form_gives_way_to_a_page_that_says_so(self) -> None:
        for response in (Browser().get(REGISTER), Browser().post(REGISTER, FRIDA)):
            assert response.headers["Location"] == "/accounts/register/closed/"
        assert "Registration is closed" in text_of(Browser().get("/accounts/register/closed/"))
        assert not User.objects.exists()

    def test_the_sign_in_page_has_no_link(self, settings: Any) -> None:
        assert REGISTER not in Browser().get("/user/login/").content.decode()
        settings.REGISTRATION_OPEN = True
        assert REGISTER in Browser().get("/user/login/").content.decode()

    def test_who_registered_before_goes_on(self, settings: Any) -> None:
        settings.REGISTRATION_OPEN = True
        user = registered()
        settings.REGISTRATION_OPEN = False
        assert Browser().post(link_to(user)).status_code == 302


# ---- nobody learns who has an account -------------------------------------------------------------------


class TestAddressesThatAreKnown:
    def test_the_page_is_the_same_and_the_owner_is_told(self, people: Any) -> None:
        known = filled_in(Browser(), email="Alice@Example.ORG")
        unknown = filled_in(Browser(), username="gregor", email="gregor@example.net")
        assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
        assert not User.objects.filter(username="frida").exists()
        (told,) = mails("registration_known")
        assert told.recipient == "alice@example.org"
        assert "your account alice" in told.text
        assert "/accounts/password/reset/" in told.text
        assert "frida" not in told.text.lower()

    @pytest.mark.parametrize("by_name", [True, False])
    def test_signing_in_afterwards_tells_nothing_either(self, people: Any, by_name: bool) -> None:
        filled_in(Browser(), username="frida", email="alice@example.org")
        filled_in(Browser(), username="gregor", email="gregor@example.net")
        pages = []
        for name, address in (("frida", "alice@example.org"), ("gregor", "gregor@example.net")):
            typed = {"username": name if by_name else address, "password": PASSWORD}
            pages.append(Browser().post("/user/login/", typed).content.decode())
        assert all("prove your e-mail address" in page for page in pages)

    def test_the_answer_takes_as_much_work(self, people: Any, settings: Any) -> None:
        settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
        CountingHasher.times = 0
        filled_in(Browser(), email="alice@example.org")
        assert CountingHasher.times == 1
        filled_in(Browser(), username="gregor", email="gregor@example.net")
        assert CountingHasher.times == 2

    def test_the_name_is_taken_then_as_it_would_be_after_a_real_registration(self, people: Any) -> None:
        filled_in(Browser(), email="alice@example.org")
        filled_in(Browser(), username="gregor", email="gregor@example.net")
        again = [
            sentences(filled_in(Browser(), username=name, email="other@example.net")) for name in ("Frida", "Gregor")
        ]
        assert again[0] == again[1]
        assert "username" in again[0]

    def test_the_owner_gets_few_such_mails(self, people: Any) -> None:
        for number in range(registering.MAILS_PER_HOUR + 2):
            filled_in(Browser(), username=f"frida{number}", email="alice@example.org")
        assert len(mails("registration_known")) == registering.MAILS_PER_HOUR

    def test_an_owner_who_waits_is_told_that(self) -> None:
        proven()
        filled_in(Browser(), username="other")
        assert "still has to decide" in mails("registration_known")[0].text

    def test_an_owner_who_was_switched_off_is_told_to_ask(self, people: Any) -> None:
        User.objects.filter(username="alice").update(is_active=False)
        filled_in(Browser(), email="alice@example.org")
        assert "not active" in mails("registration_known")[0].text

    def test_a_strangers_claim_does_not_keep_the_owner_out(self) -> None:
        stranger = registered(username="stranger")
        frida = proven(username="frida")
        assert registering.standing(frida) == "waiting"
        assert not User.objects.filter(pk=stranger.pk).exists()

    def test_an_address_that_went_to_somebody_else_meanwhile_cannot_be_proven(self, people: Any) -> None:
        user = registered()
        User.objects.filter(username="alice").update(email="FRIDA@example.net")
        assert "belongs to another account" in text_of(Browser().post(link_to(user)))
        assert registering.standing(user) == "unvalidated"

    def test_asking_for_the_mail_again_tells_nothing(self, people: Any) -> None:
        registered()
        for address in ("frida@example.net", "alice@example.org", "nobody@example.net"):
            assert Browser().post(RESEND, {"email": address}).headers["Location"] == "/accounts/register/complete/"
        assert len(mails("registration_validate")) == 2


# ---- the link -----------------------------------------------------------------------------------------------


class TestTheLink:
    def test_goes_to_the_address_in_the_language_of_the_form_and_says_until_when(self) -> None:
        user = registered()
        (mail,) = mails("registration_validate")
        assert mail.recipient == user.email
        assert "frida" in mail.text
        assert "Example VPS" in mail.text
        assert str((user.date_joined + dt.timedelta(days=10)).year) in mail.text
        assert "Olsen" not in mail.text  # nothing that a stranger could say to this address

    def test_shows_a_page_and_changes_nothing(self) -> None:
        user = registered()
        for _ in range(2):
            assert "frida@example.net" in text_of(Browser().get(link_to(user)))
        assert registering.standing(user) == "unvalidated"

    def test_proves_the_address_by_a_button_and_those_who_decide_are_told(self, people: Any, settings: Any) -> None:
        user = registered()
        response = Browser().post(link_to(user))
        assert response.headers["Location"] == "/accounts/activate/complete/"
        assert "administrator" in text_of(Browser().get(response.headers["Location"]))
        assert registering.standing(user) == "waiting"
        (mail,) = mails("registration_approve")
        assert (mail.recipient, mail.reply_to) == ("dora@example.org", "frida@example.net")
        assert f"http://testserver{decision(user)}" in mail.text
        assert "Frida Olsen" in mail.text

    def test_is_good_once(self) -> None:
        user = registered()
        link = link_to(user)
        Browser().post(link)
        for response in (Browser().get(link), Browser().post(link)):
            assert response.status_code == 200
            assert "confirmed already" in text_of(response)
        assert len(mails("registration_approve")) <= 1
        assert [action for _, action, _ in events()].count("Registration address proven") == 1

    def test_is_too_old_after_ten_days(self) -> None:
        user = registered()
        link = link_to(user)
        make_older(user, 10.1)
        for response in (Browser().get(link), Browser().post(link)):
            assert "too old" in text_of(response)
        assert registering.standing(user) == "unvalidated"

    @pytest.mark.parametrize("key", ["x", "0" * 64, "0" * 5000, "%00", "ALREADY_ACTIVATED", "é", "%27%20OR%201"])
    def test_that_is_none_is_a_sentence(self, key: str) -> None:
        for response in (Browser().get(f"/accounts/activate/{key}/"), Browser().post(f"/accounts/activate/{key}/")):
            assert response.status_code == 200
            assert "This link does not work" in text_of(response)

    def test_of_somebody_else_does_nothing_for_who_is_signed_in(self, as_alice: Browser) -> None:
        user = registered()
        for response in (as_alice.get(link_to(user)), as_alice.post(link_to(user))):
            assert "you are signed in as alice" in text_of(response)
        assert registering.standing(user) == "unvalidated"

    def test_sent_again_is_another_one_and_the_first_is_void(self) -> None:
        user = registered()
        first = link_to(user)
        Browser().post(RESEND, {"email": "FRIDA@example.net"})
        assert link_to(user) != first
        assert "does not work" in text_of(Browser().post(first))
        assert Browser().post(link_to(user)).status_code == 302

    def test_is_not_sent_again_too_often(self) -> None:
        registered()
        for _ in range(5):
            Browser().post(RESEND, {"email": "frida@example.net"})
        assert len(mails("registration_validate")) == registering.MAILS_PER_HOUR

    def test_is_not_sent_again_once_it_is_used_or_too_old(self) -> None:
        proven()
        Browser().post(RESEND, {"email": "frida@example.net"})
        gregor = registered(username="gregor", email="gregor@example.net")
        make_older(gregor, 11)
        Browser().post(RESEND, {"email": "gregor@example.net"})
        assert len(mails("registration_validate")) == 2

    @pytest.mark.parametrize("shape", ["line", "json"])
    def test_is_neither_logged_nor_audited(self, shape: str, listen: Listen) -> None:  # noqa: F811
        log = listen(shape)
        link = link_to(registered())
        Browser().get(link)
        Browser().post(link)
        key = link.split("/")[3]
        assert "/accounts/activate/" in log.text
        assert key not in log.text
        assert not AuditEntry.objects.filter(detail__contains=key).exists()

    def test_page_is_not_kept_by_browsers(self) -> None:
        assert "no-store" in Browser().get(link_to(registered())).headers["Cache-Control"]


class TestWhoIsTold:
    def test_those_whom_the_settings_name(self, people: Any, settings: Any) -> None:
        settings.ADMINS = [("Operators", "operators@example.net")]
        proven()
        assert [mail.recipient for mail in mails("registration_approve")] == ["operators@example.net"]
        settings.REGISTRATION_ADMINS = [("Desk", "desk@example.net"), ("Boss", "boss@example.net")]
        proven(username="gregor", email="gregor@example.net")
        told = {mail.recipient for mail in mails("registration_approve")}
        assert told == {"operators@example.net", "desk@example.net", "boss@example.net"}

    def test_nobody_to_tell_is_no_error(self) -> None:
        assert registering.standing(proven()) == "waiting"
        assert mails("registration_approve") == []

    def test_html_in_what_people_type_reaches_no_mail(self, people: Any) -> None:
        proven(first_name="Frida & Co", last_name="O'Neil")
        assert "Frida & Co O'Neil" in mails("registration_approve")[0].text


# ---- the decision -------------------------------------------------------------------------------------------


class TestApproval:
    def test_the_mailed_link_shows_who_it_is_and_decides_nothing(self, as_dora: Browser) -> None:
        user = proven()
        page = text_of(as_dora.get(decision(user)))
        assert "Frida Olsen" in page
        assert "frida@example.net" in page
        assert registering.standing(user) == "waiting"

    def test_lets_somebody_in_and_tells_them(self, as_dora: Browser) -> None:
        user = proven()
        response = as_dora.post(decision(user), {"deed": "approve"}, follow=True)
        assert response.redirect_chain == [("/accounts/approve/complete/", 302)]
        assert "frida can sign in now" in text_of(response)
        user = User.objects.get(pk=user.pk)
        assert registering.standing(user) == "active"
        (mail,) = mails("registration_approved")
        assert mail.recipient == "frida@example.net"
        assert "http://testserver/user/login/" in mail.text

    def test_and_then_the_password_of_the_form_signs_in(self, as_dora: Browser) -> None:
        browser, facts = Browser(), {"username": "frida", "password": PASSWORD}
        as_dora.post(decision(proven()), {"deed": "approve"})
        assert browser.post("/user/login/", facts).status_code == 302
        assert browser.get("/").status_code == 200

    def test_from_the_list_leads_back_to_the_list(self, as_dora: Browser) -> None:
        facts = {"deed": "approve", "next": WAITING}
        assert as_dora.post(decision(proven()), facts).headers["Location"] == WAITING

    def test_never_leads_to_another_site(self, as_dora: Browser) -> None:
        facts = {"deed": "approve", "next": "https://example.com/"}
        assert as_dora.post(decision(proven()), facts).headers["Location"] == "/accounts/approve/complete/"

    def test_needs_a_proven_address(self, as_dora: Browser) -> None:
        user = registered()
        assert "Nobody waits here" in text_of(as_dora.post(decision(user), {"deed": "approve"}))
        assert registering.standing(user) == "unvalidated"

    def test_the_second_of_two_administrators_is_told(self, as_dora: Browser, people: Any) -> None:
        user = proven()
        address = decision(user)
        as_dora.post(address, {"deed": "approve"})
        second = as_dora.post(address, {"deed": "refuse", "reason": "no"})
        assert "Another administrator may have decided already" in text_of(second)
        assert User.objects.get(pk=user.pk).is_active
        assert mails("registration_refused") == []

    def test_of_two_at_once_one_gets_the_user(self, as_dora: Browser, people: Any, rf: Any) -> None:
        """Both have read the page; the row goes with the first decision."""
        number = proven().registrationprofile.pk  # type: ignore[attr-defined]
        request = rf.post("/")
        request.user = people["dora"]
        answers = [registering.refuse(number, "no", request), registering.approve(number, request)]
        assert answers[0] is not None
        assert answers[1] is None
        assert mails("registration_approved") == []

    def test_a_post_without_a_deed_shows_the_page_again(self, as_dora: Browser) -> None:
        user = proven()
        for facts in ({}, {"deed": "else"}):
            assert as_dora.post(decision(user), facts).status_code == 200
        assert registering.standing(user) == "waiting"

    def test_a_number_that_never_was_is_a_sentence(self, as_dora: Browser) -> None:
        assert "Nobody waits here" in text_of(as_dora.get(f"/accounts/approve/{10**17}/"))


class TestRefusal:
    def test_tells_the_reason_and_removes_the_account(self, as_dora: Browser) -> None:
        user = proven()
        response = as_dora.post(decision(user), {"deed": "refuse", "reason": "We do not know you."}, follow=True)
        assert "frida was refused" in text_of(response)
        assert not User.objects.filter(username="frida").exists()
        assert not RegistrationProfile.objects.exists()
        (mail,) = mails("registration_refused")
        assert mail.recipient == "frida@example.net"
        assert "We do not know you." in mail.text

    def test_needs_a_reason(self, as_dora: Browser) -> None:
        user = proven()
        response = as_dora.post(decision(user), {"deed": "refuse", "reason": " "})
        assert "Say why" in text_of(response)
        assert registering.standing(user) == "waiting"

    def test_a_reason_that_is_too_long_is_not_lost(self, as_dora: Browser) -> None:
        response = as_dora.post(decision(proven()), {"deed": "refuse", "reason": "x" * 3000})
        assert "x" * 3000 in response.content.decode()

    def test_is_written_in_the_language_of_the_person(self, as_dora: Browser) -> None:
        user = proven()
        user.profile.language = "el"  # type: ignore[attr-defined]
        user.profile.save()  # type: ignore[attr-defined]
        as_dora.post(decision(user), {"deed": "refuse", "reason": "no"})
        assert mails("registration_refused")[0].language == "el"

    def test_frees_name_and_address(self, as_dora: Browser) -> None:
        as_dora.post(decision(proven()), {"deed": "refuse", "reason": "no"})
        assert registering.standing(proven()) == "waiting"


class TestWhoMayDecide:
    @pytest.mark.parametrize("name", ["alice", "bob", "carla"])
    def test_others_may_not(self, name: str, sign_in: Any) -> None:
        user = proven()
        for response in (
            sign_in(name).get(WAITING),
            sign_in(name).get(decision(user)),
            sign_in(name).post(decision(user), {"deed": "approve"}),
            sign_in(name).get("/accounts/approve/complete/"),
        ):
            assert response.status_code == 403
        assert registering.standing(user) == "waiting"

    def test_who_holds_the_permission_may(self, sign_in: Any, people: Any) -> None:
        people["bob"].user_permissions.add(Permission.objects.get(codename="approve_registrations"))
        user = proven()
        bob = sign_in("bob")
        assert "frida" in text_of(bob.get(WAITING))
        bob.post(decision(user), {"deed": "approve"})
        assert registering.standing(User.objects.get(pk=user.pk)) == "active"

    def test_who_is_not_signed_in_is_led_to_sign_in_and_back(self) -> None:
        address = decision(proven())
        assert Browser().get(address).headers["Location"] == f"/user/login/?next={address}"


class TestTheList:
    def test_shows_who_waits_first_and_who_has_to_prove_the_address(self, as_dora: Browser) -> None:
        proven()
        make_older(registered(username="gregor", email="gregor@example.net"), 3)
        page = text_of(as_dora.get(WAITING))
        assert page.index("frida@example.net") < page.index("gregor@example.net")
        assert "3 d ago" in page

    def test_says_that_nobody_waits(self, as_dora: Browser) -> None:
        assert "Nobody waits" in text_of(as_dora.get(WAITING))

    def test_the_navigation_counts_them_for_those_who_decide(self, as_dora: Browser, as_alice: Browser) -> None:
        assert "Waiting accounts" in text_of(as_dora.get("/user/pass_change/"))
        proven()
        assert "Waiting accounts 1" in text_of(as_dora.get("/user/pass_change/"))
        assert "Waiting accounts" not in text_of(as_alice.get("/user/pass_change/"))

    def test_asks_the_database_as_often_for_many_as_for_few(
        self, as_dora: Browser, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            user = User.objects.create(username=f"frida{number}", email=f"f{number}@example.net", is_active=False)
            SupervisedRegistrationProfile.objects.create_profile(user, activated=number % 2 == 0)
        with django_assert_max_num_queries(16):
            as_dora.get(WAITING)


# ---- what stays -----------------------------------------------------------------------------------------------


class TestHistory:
    def test_every_step_is_told_with_the_name(self, as_dora: Browser) -> None:
        as_dora.post(decision(proven()), {"deed": "approve"})
        gregor = proven(username="gregor", email="gregor@example.net")
        as_dora.post(decision(gregor), {"deed": "refuse", "reason": "We do not know you."})
        told = [entry for entry in events() if entry[1].startswith("Registration")]
        assert told == [
            ("frida", "Registration", "frida"),
            ("frida", "Registration address proven", "frida"),
            ("dora", "Registration approved", "frida"),
            ("gregor", "Registration", "gregor"),
            ("gregor", "Registration address proven", "gregor"),
            ("dora", "Registration refused", "gregor"),
        ]
        assert AuditEntry.objects.get(action="Registration refused").detail == "We do not know you."


class TestExpiry:
    @pytest.fixture
    def many(self) -> Iterator[dict[str, User]]:
        """Two of each kind that could be mistaken for another, all eleven days old but `fresh`."""
        found = {"fresh": registered(username="fresh", email="fresh@example.net")}
        found["late"] = registered(username="late", email="late@example.net")
        found["waits"] = proven(username="waits", email="waits@example.net")
        found["off"] = User.objects.create_user("off", is_active=False)
        found["once_in"] = registered(username="once_in", email="once_in@example.net")
        User.objects.filter(username="once_in").update(last_login=timezone.now())
        found["active"] = registered(username="active", email="active@example.net")
        User.objects.filter(username="active").update(is_active=True)
        for name, user in found.items():
            if name != "fresh":
                make_older(user, 11)
        yield found

    def test_removes_those_who_never_proved_their_address_and_nobody_else(self, many: dict[str, User]) -> None:
        assert registering.remove_expired() == 1
        assert set(User.objects.values_list("username", flat=True)) == set(many) - {"late"}
        assert registering.remove_expired() == 0

    def test_the_command_does_the_same(self, many: dict[str, User]) -> None:
        call_command("cleanupregistration")
        assert set(User.objects.values_list("username", flat=True)) == set(many) - {"late"}

    def test_the_watcher_does_it(self) -> None:
        from ganetimgr.worker import CHORES

        assert registering.remove_expired in [chore.work for chore in CHORES]


class TestStanding:
    def test_of_an_account_that_an_administrator_switched_off_is_inactive(self, as_dora: Browser) -> None:
        user = proven()
        as_dora.post(decision(user), {"deed": "approve"})
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert registering.standing(User.objects.get(pk=user.pk)) == "inactive"

    def test_of_one_who_signed_in_before_is_never_new_again(self) -> None:
        """As in a database of ganetimgr 2.x, whose rows stay after the approval."""
        user = User.objects.create_user("old", is_active=False, last_login=timezone.now())
        SupervisedRegistrationProfile.objects.create_profile(user, activated=True)
        assert registering.standing(user) == "inactive"
        assert not registering.waiting().exists()


def test_while_the_cache_is_away_people_can_register(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    cache.clear()
    assert registering.standing(registered()) == "unvalidated"
