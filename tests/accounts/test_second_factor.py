"""The second factor: switching it on, the code after the password, recovery codes, and who has to have it."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
import segno
from axes.models import AccessAttempt
from django.contrib.auth.models import Permission, User
from django.core.signing import dumps
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_otp.oath import totp

from accounts import deeds, second_factor
from accounts.models import Authenticator, OutgoingMail, RecoveryCode
from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

PAGE, ON, OFF = "/user/second_factor/", "/user/second_factor/on/", "/user/second_factor/off/"
CODES, CODE, LOGIN = "/user/second_factor/codes/", "/user/second_factor/code/", "/user/login/"


def code_of(secret: str, later: int = 0) -> str:
    """What an app shows; `later` counts in half minutes."""
    return f"{totp(base64.b32decode(secret), drift=later):06d}"


def wrong_code_for(secret: str) -> str:
    """Six digits that the app shows neither now nor around now."""
    near = {code_of(secret, later) for later in range(-3, 4)}
    return next(
        code
        for code in ("123456", "234567", "345678", "456789", "567890", "678901", "789012", "890123")
        if code not in near
    )


def secret_on(page: str) -> str:
    found = re.search(r'<p class="mono wrap">([A-Z2-7 ]+)</p>', page)
    assert found
    return found[1].replace(" ", "")


def codes_on(page: str) -> list[str]:
    return re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</li>", page)


def text_of(answer: Any) -> str:
    return answer.content.decode()


def is_signed_in(browser: Browser) -> bool:
    return "_auth_user_id" in browser.session


def told() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def mailed() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("pk").values_list("occasion", "recipient"))


@pytest.fixture
def enrolled(people: dict[str, User]) -> Callable[[str], str]:
    """Switches it on for somebody, whose app has shown no code yet; the secret."""

    def enrol(name: str) -> str:
        return Authenticator.objects.create(user=people[name], secret=second_factor.new_secret()).secret

    return enrol


@pytest.fixture
def secret(enrolled: Any) -> str:
    """Alice's."""
    return enrolled("alice")


def give_password(browser: Browser, name: str = "alice", **more: str) -> Any:
    return browser.post(LOGIN, {"username": name, "password": name, **more})


def give_code(browser: Browser, code: str, **more: str) -> Any:
    return browser.post(CODE, {"code": code, **more})


class TestSwitchingItOn:
    def test_the_secret_is_a_picture_and_a_text_and_stays_the_same_until_it_is_on(self, as_alice: Browser) -> None:
        page = text_of(as_alice.get(ON))
        secret = secret_on(page)
        assert len(base64.b32decode(secret)) == 20
        assert secret_on(text_of(as_alice.get(ON))) == secret

    def test_the_picture_holds_what_apps_read(self, as_alice: Browser, settings: Any) -> None:
        settings.BRANDING = {**settings.BRANDING, "TITLE": "Nimbus & Co: VPS"}
        page = text_of(as_alice.get(ON))
        address = f"otpauth://totp/Nimbus%20%26%20Co%20%20VPS%3Aalice?secret={secret_on(page)}&issuer=Nimbus%20%26%20Co%20%20VPS"
        drawn = segno.make(address, micro=False, error="m").svg_inline(omitsize=True)
        modules = re.search(r'stroke="#000" d="([^"]+)"', drawn)
        assert modules
        assert modules[1] in page
        assert f'href="{address.replace("&", "&amp;")}"' in page

    def test_the_picture_has_no_style_of_its_own_and_a_name(self, as_alice: Browser) -> None:
        picture = text_of(as_alice.get(ON)).partition('role="img" aria-label="QR code')[2].partition("</svg>")[0]
        assert 'class="qr"' in picture
        assert "style" not in picture

    def test_password_and_code_switch_it_on_and_show_the_recovery_codes_once(
        self, as_alice: Browser, people: Any
    ) -> None:
        secret = secret_on(text_of(as_alice.get(ON)))
        answer = as_alice.post(ON, {"password": "alice", "code": f" {code_of(secret)[:3]} {code_of(secret)[3:]}"})
        assert len(set(codes_on(text_of(answer)))) == 10
        assert "no-store" in answer["Cache-Control"]
        assert people["alice"].recovery_codes.count() == 10
        assert told() == [deeds.SECOND_FACTOR_ON]
        assert mailed() == [("second_factor_on", "alice@example.org")]
        assert not codes_on(text_of(as_alice.get(PAGE)))
        assert as_alice.post(ON, {"password": "alice", "code": code_of(secret)})["Location"] == PAGE

    def test_who_switched_it_on_goes_on_here_and_is_asked_everywhere_else(self, sign_in: Any) -> None:
        here, elsewhere = sign_in("alice"), sign_in("alice")
        secret = secret_on(text_of(here.get(ON)))
        here.post(ON, {"password": "alice", "code": code_of(secret)})
        assert here.get("/history/").status_code == 200
        assert elsewhere.get("/history/")["Location"] == CODE
        assert not is_signed_in(elsewhere)

    @pytest.mark.parametrize("password", ["wrong", ""])
    def test_without_the_password_nothing_happens(self, as_alice: Browser, password: str) -> None:
        secret = secret_on(text_of(as_alice.get(ON)))
        answer = as_alice.post(ON, {"password": password, "code": code_of(secret)})
        assert 'id="id_password_error"' in text_of(answer)
        assert not Authenticator.objects.exists()

    def test_guesses_of_the_password_are_locked_and_leave_no_code_behind(self, as_alice: Browser) -> None:
        secret = secret_on(text_of(as_alice.get(ON)))
        for _ in range(5):
            as_alice.post(ON, {"password": "wrong", "code": "424242"})
        answer = as_alice.post(ON, {"password": "alice", "code": code_of(secret)})
        assert "too many tries" in text_of(answer)
        assert not Authenticator.objects.exists()
        assert not AccessAttempt.objects.filter(post_data__contains="424242").exists()

    @pytest.mark.parametrize("code", ["12345", "abcdef", "", "١٢٣٤٥٦", "1" * 41, "-12345", "\0"])
    def test_without_the_code_nothing_happens(self, as_alice: Browser, code: str) -> None:
        answer = as_alice.post(ON, {"password": "alice", "code": code})
        assert 'id="id_code_error"' in text_of(answer)
        assert not Authenticator.objects.exists()

    def test_a_code_of_another_secret_does_not_count(self, as_alice: Browser) -> None:
        secret = secret_on(text_of(as_alice.get(ON)))
        answer = as_alice.post(ON, {"password": "alice", "code": wrong_code_for(secret)})
        assert "The app shows another code" in text_of(answer)

    def test_a_second_one_does_not_replace_the_first(self, as_alice: Browser, people: Any, rf: Any) -> None:
        as_alice.post(ON, {"password": "alice", "code": code_of(secret_on(text_of(as_alice.get(ON))))})
        before = Authenticator.objects.get().secret
        assert as_alice.get(ON)["Location"] == PAGE
        request = rf.post(ON)
        request.user = people["alice"]
        assert second_factor.turn_on(request, second_factor.new_secret(), 1) == []
        assert Authenticator.objects.get().secret == before


class TestAtRest:
    def test_the_database_holds_neither_secret_nor_recovery_codes(self, people: Any, secret: str) -> None:
        codes = second_factor.new_recovery_codes(people["alice"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM accounts_authenticator")
            assert secret not in cursor.fetchone()[0]
        digests = " ".join(RecoveryCode.objects.values_list("digest", flat=True))
        assert not any(code.replace("-", "") in digests for code in codes)

    def test_a_lost_key_lets_nobody_in_but_with_a_recovery_code(
        self, client: Browser, people: Any, secret: str, settings: Any
    ) -> None:
        recovery = second_factor.new_recovery_codes(people["alice"])[0]
        settings.SECRET_KEY = "another one altogether"
        give_password(client)
        give_code(client, f"{totp(b''):06d}")
        assert not is_signed_in(client)
        give_code(client, recovery)
        assert is_signed_in(client)

    def test_the_admin_has_no_page_about_secrets(self, as_dora: Browser) -> None:
        assert "authenticator" not in text_of(as_dora.get("/admin/"))


class TestSigningIn:
    def test_the_password_alone_leads_to_the_code_and_no_further(self, client: Browser, secret: str) -> None:
        assert give_password(client)["Location"] == CODE
        assert not is_signed_in(client)
        assert client.get("/")["Location"].startswith(LOGIN)
        assert 'autocomplete="one-time-code"' in text_of(client.get(CODE))

    def test_the_code_leads_on_to_where_one_wanted_to_go(self, client: Browser, secret: str) -> None:
        give_password(client, next="/history/")
        assert give_code(client, code_of(secret))["Location"] == "/history/"
        assert is_signed_in(client)
        assert client.get("/history/").status_code == 200

    @pytest.mark.parametrize(
        "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
    )
    def test_it_never_leads_elsewhere(self, client: Browser, secret: str, elsewhere: str) -> None:
        give_password(client, next=elsewhere)
        assert give_code(client, code_of(secret), next=elsewhere)["Location"] == "/"

    def test_others_are_signed_in_at_once(self, client: Browser, secret: str) -> None:
        assert give_password(client, "bob")["Location"] == "/"
        assert is_signed_in(client)

    def test_a_wrong_password_tells_nothing_of_the_second_factor(self, client: Browser, secret: str) -> None:
        answer = client.post(LOGIN, {"username": "alice", "password": "wrong"})
        assert answer.status_code == 200
        assert client.get(CODE)["Location"] == LOGIN

    def test_a_code_works_once(self, secret: str) -> None:
        first, second = Browser(), Browser()
        code = code_of(secret)
        for browser in (first, second):
            give_password(browser)
            give_code(browser, code)
        assert is_signed_in(first)
        assert not is_signed_in(second)
        assert "was used already" in text_of(give_code_after_the_pause(second, code))

    def test_the_code_of_the_next_half_minute_counts_and_ends_the_present_one(self, secret: str) -> None:
        first, second = Browser(), Browser()
        for browser, later in ((first, 1), (second, 0)):
            give_password(browser)
            give_code(browser, code_of(secret, later))
        assert is_signed_in(first)
        assert not is_signed_in(second)

    def test_the_session_is_a_new_one_at_each_step(self, client: Browser, secret: str) -> None:
        client.session.save()
        keys = [client.session.session_key]
        give_password(client)
        keys.append(client.session.session_key)
        give_code(client, code_of(secret))
        keys.append(client.session.session_key)
        assert len(set(keys)) == 3

    def test_who_planted_a_session_does_not_share_the_sign_in(self, secret: str) -> None:
        thief, victim = Browser(), Browser()
        thief.session.save()
        victim.cookies["sessionid"] = thief.cookies["sessionid"].value
        give_password(victim)
        assert thief.get(CODE)["Location"] == LOGIN

    def test_too_late_is_told_and_the_password_asked_again(self, client: Browser, secret: str) -> None:
        give_password(client)
        change_pending(client, since=0)
        assert give_code(client, code_of(secret))["Location"] == LOGIN
        assert "Sign in with your password first" in text_of(client.get(LOGIN))
        assert not is_signed_in(client)

    def test_another_clock_does_not_make_it_last(self, client: Browser, secret: str) -> None:
        give_password(client)
        change_pending(client, since=9e12)
        assert give_code(client, code_of(secret))["Location"] == LOGIN

    def test_a_password_that_was_changed_meanwhile_does_not_count(
        self, client: Browser, people: Any, secret: str
    ) -> None:
        give_password(client)
        people["alice"].set_password("a new one")
        people["alice"].save()
        assert give_code(client, code_of(secret))["Location"] == LOGIN

    def test_an_account_that_was_switched_off_meanwhile_stays_outside(self, client: Browser, secret: str) -> None:
        give_password(client)
        User.objects.filter(username="alice").update(is_active=False)
        assert give_code(client, code_of(secret))["Location"] == LOGIN

    def test_a_backend_that_is_no_more_lets_nobody_in(self, client: Browser, secret: str) -> None:
        give_password(client)
        change_pending(client, backend="somewhere.else")
        assert give_code(client, code_of(secret))["Location"] == LOGIN

    def test_a_second_factor_that_was_switched_off_meanwhile_asks_for_the_password_again(
        self, client: Browser, secret: str
    ) -> None:
        give_password(client)
        Authenticator.objects.all().delete()
        assert give_code(client, code_of(secret))["Location"] == LOGIN
        assert not is_signed_in(client)

    def test_somebody_elses_code_does_not_count(self, client: Browser, secret: str, enrolled: Any) -> None:
        of_bob = enrolled("bob")
        give_password(client)
        give_code(client, code_of(of_bob))
        assert not is_signed_in(client)

    def test_the_last_password_given_says_whose_code_is_meant(
        self, client: Browser, secret: str, enrolled: Any, people: Any
    ) -> None:
        of_bob = enrolled("bob")
        give_password(client, "alice")
        give_password(client, "bob")
        give_code(client, code_of(secret))
        assert not is_signed_in(client)
        Authenticator.objects.update(last_wrong=None)
        give_code(client, code_of(of_bob))
        assert client.session["_auth_user_id"] == str(people["bob"].pk)

    def test_who_is_signed_in_has_nothing_to_do_there(self, as_bob: Browser) -> None:
        assert as_bob.get(CODE)["Location"] == LOGIN
        assert as_bob.get(LOGIN)["Location"] == "/"


class TestWrongCodes:
    def test_a_pause_follows_in_which_the_right_code_does_not_count(self, client: Browser, secret: str) -> None:
        give_password(client)
        assert "This code is not right" in text_of(give_code(client, wrong_code_for(secret)))
        Authenticator.objects.update(wrong_codes=10)
        assert "Wait for" in text_of(give_code(client, code_of(secret)))
        assert not is_signed_in(client)

    def test_another_sign_in_does_not_end_the_pause(self, client: Browser, secret: str) -> None:
        give_password(client)
        give_code(client, wrong_code_for(secret))
        Authenticator.objects.update(wrong_codes=10)
        other = Browser()
        give_password(other)
        assert "Wait for" in text_of(give_code(other, code_of(secret)))

    def test_a_recovery_code_works_in_the_pause_for_nobody_can_guess_one(
        self, client: Browser, people: Any, secret: str
    ) -> None:
        recovery = second_factor.new_recovery_codes(people["alice"])[0]
        give_password(client)
        give_code(client, wrong_code_for(secret))
        Authenticator.objects.update(wrong_codes=10)
        give_code(client, recovery)
        assert is_signed_in(client)

    def test_the_pause_doubles_up_to_half_an_hour(self) -> None:
        now = timezone.now()
        authenticator = Authenticator(last_wrong=now)
        pauses = {}
        for authenticator.wrong_codes in (0, 1, 2, 3, 12, 1000):
            until = authenticator.paused_until
            pauses[authenticator.wrong_codes] = until and (until - now).total_seconds()
        assert pauses == {0: None, 1: 1, 2: 2, 3: 4, 12: 2048, 1000: 2048}

    def test_the_fifth_asks_for_the_password_again_and_tells_log_and_owner(self, client: Browser, secret: str) -> None:
        give_password(client)
        answers = [give_code_after_the_pause(client, wrong_code_for(secret)) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 302]
        assert "Too many wrong codes" in text_of(client.get(LOGIN))
        entry = AuditEntry.objects.get(action=deeds.SECOND_FACTOR_LOCKED)
        assert not entry.is_authorized
        assert mailed() == [("second_factor_wrong", "alice@example.org")]
        assert client.get(CODE)["Location"] == LOGIN

    def test_what_was_typed_is_neither_logged_nor_told(self, client: Browser, secret: str, capfd: Any) -> None:
        give_password(client)
        give_code(client, "correct-horse-battery")
        assert "battery" not in "".join(capfd.readouterr())
        assert not AuditEntry.objects.filter(detail__contains="battery").exists()


class TestRecoveryCodes:
    def test_each_lets_in_once_however_it_is_written(self, people: Any, secret: str) -> None:
        code = second_factor.new_recovery_codes(people["alice"])[3]
        first, second = Browser(), Browser()
        for browser in (first, second):
            give_password(browser)
        give_code(first, code.upper().replace("-", " "))
        give_code(second, code)
        assert is_signed_in(first)
        assert not is_signed_in(second)
        assert first.get("/history/").status_code == 200

    def test_its_use_is_told_with_how_many_are_left(self, client: Browser, people: Any, secret: str) -> None:
        code = second_factor.new_recovery_codes(people["alice"])[0]
        give_password(client)
        give_code(client, code)
        assert AuditEntry.objects.get(action=deeds.RECOVERY_CODE_USED).detail == "9 left"
        assert mailed() == [("recovery_used", "alice@example.org")]
        assert "9 codes are left" in OutgoingMail.objects.get().text

    def test_somebody_elses_do_not_count(self, client: Browser, people: Any, secret: str, enrolled: Any) -> None:
        enrolled("bob")
        code = second_factor.new_recovery_codes(people["bob"])[0]
        give_password(client, "alice")
        give_code(client, code)
        assert not is_signed_in(client)
        assert people["bob"].recovery_codes.count() == 10

    def test_new_ones_take_password_and_code_and_void_the_old(self, client: Browser, people: Any, secret: str) -> None:
        old = second_factor.new_recovery_codes(people["alice"])
        give_password(client)
        give_code(client, old[0])
        page = text_of(client.post(CODES, {"password": "alice", "code": code_of(secret)}))
        assert len(codes_on(page)) == 10
        assert not set(codes_on(page)) & set(old)
        assert deeds.RECOVERY_CODES_NEW in told()

    def test_with_a_wrong_password_no_code_is_used_up(self, client: Browser, people: Any, secret: str) -> None:
        code = second_factor.new_recovery_codes(people["alice"])[0]
        give_password(client)
        give_code(client, code_of(secret))
        for address in (CODES, OFF):
            answer = client.post(address, {"password": "wrong", "code": code})
            assert 'id="id_password_error"' in text_of(answer)
        assert people["alice"].recovery_codes.count() == 10

    def test_the_file_holds_the_same_codes_as_the_page(self, as_alice: Browser) -> None:
        secret = secret_on(text_of(as_alice.get(ON)))
        page = text_of(as_alice.post(ON, {"password": "alice", "code": code_of(secret)}))
        href = re.search(r'download="recovery-codes.txt" href="data:text/plain;charset=utf-8,([^"]+)"', page)
        assert href
        assert [code for code in codes_on(page) if code not in href[1]] == [], href[1]


class TestSwitchingItOff:
    @pytest.fixture
    def browser(self, client: Browser, secret: str) -> Browser:
        give_password(client)
        give_code(client, code_of(secret))
        return client

    def test_it_takes_password_and_code(self, browser: Browser, people: Any, secret: str) -> None:
        second_factor.new_recovery_codes(people["alice"])
        assert browser.post(OFF, {"password": "alice", "code": code_of(secret, 1)})["Location"] == PAGE
        assert not Authenticator.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert told()[-1] == deeds.SECOND_FACTOR_OFF
        assert mailed() == [("second_factor_off", "alice@example.org")]
        assert browser.get("/history/").status_code == 200
        assert give_password(Browser())["Location"] == "/"

    def test_a_wrong_code_leaves_it_on(self, browser: Browser, secret: str) -> None:
        answer = browser.post(OFF, {"password": "alice", "code": wrong_code_for(secret)})
        assert 'id="id_code_error"' in text_of(answer)
        assert Authenticator.objects.exists()

    def test_a_link_does_not_do_it(self, browser: Browser) -> None:
        assert browser.get(OFF).status_code == 200
        assert Authenticator.objects.exists()

    def test_a_session_from_before_does_not_pass_a_new_second_factor(
        self, browser: Browser, secret: str, enrolled: Any
    ) -> None:
        browser.post(OFF, {"password": "alice", "code": code_of(secret, 1)})
        enrolled("alice")
        assert browser.get("/history/")["Location"] == CODE


class TestResetByAnAdministrator:
    def reset(self, browser: Browser, *whom: User) -> Any:
        return browser.post(
            "/admin/auth/user/", {"action": "reset_second_factor", "_selected_action": [user.pk for user in whom]}
        )

    def test_it_is_off_told_and_the_sessions_are_over(
        self, as_dora: Browser, client: Browser, people: Any, secret: str
    ) -> None:
        give_password(client)
        give_code(client, code_of(secret))
        self.reset(as_dora, people["alice"], people["bob"])
        assert not Authenticator.objects.exists()
        entry = AuditEntry.objects.get(action=deeds.SECOND_FACTOR_RESET)
        assert mailed() == [("second_factor_off", "alice@example.org")]
        assert "An administrator" in OutgoingMail.objects.get().text
        assert (entry.requester_name, entry.person) == ("dora", "alice")
        assert client.get("/history/").status_code == 302
        assert not is_signed_in(client)

    def test_ones_own_takes_password_and_code(self, people: Any, enrolled: Any) -> None:
        browser, secret = Browser(), enrolled("dora")
        give_password(browser, "dora")
        give_code(browser, code_of(secret))
        self.reset(browser, people["dora"])
        assert Authenticator.objects.exists()

    @pytest.mark.parametrize(
        ("permission", "whom", "may"),
        [("change_user", "alice", True), ("change_user", "dora", False), ("view_user", "alice", False)],
    )
    def test_it_takes_the_right_to_change_users_and_superusers_are_for_superusers(
        self, people: Any, enrolled: Any, permission: str, whom: str, may: bool
    ) -> None:
        enrolled(whom)
        people["bob"].is_staff = True
        people["bob"].save()
        people["bob"].user_permissions.add(Permission.objects.get(codename=permission))
        browser = Browser()
        browser.force_login(people["bob"])
        self.reset(browser, people[whom])
        assert Authenticator.objects.exists() != may


class TestWhoHasToHaveIt:
    def test_nobody_at_first(self, as_dora: Browser, as_alice: Browser) -> None:
        assert as_dora.get("/history/").status_code == 200
        assert as_alice.get("/history/").status_code == 200

    @pytest.mark.parametrize(("who", "has_to"), [("dora", True), ("bob", True), ("carla", True), ("alice", False)])
    def test_staff_are_superusers_the_admins_people_and_the_helpdesk(
        self, sign_in: Any, settings: Any, who: str, has_to: bool
    ) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        answer = sign_in(who).get("/history/")
        assert (answer.get("Location") == ON) == has_to

    def test_who_uses_the_admin_is_staff(self, people: Any, settings: Any, sign_in: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        User.objects.filter(username="erik").update(is_staff=True)
        assert sign_in("erik").get("/")["Location"] == ON

    def test_everybody_means_everybody(self, as_alice: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "everybody"
        assert as_alice.get("/")["Location"] == ON

    @pytest.mark.parametrize("address", ["/admin/", "/admin/auth/user/", "/user/pass_change/", OFF, CODES])
    def test_everything_else_waits(self, as_dora: Browser, settings: Any, address: str) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        assert as_dora.get(address)["Location"] == ON
        assert as_dora.post(address)["Location"] == ON

    def test_setting_it_up_signing_out_and_the_looks_stay_open(self, as_dora: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        assert "Your account needs a second factor" in text_of(as_dora.get(ON))
        assert as_dora.get(PAGE).status_code == 200
        assert as_dora.post("/theme/", {"theme": "dark", "next": PAGE})["Location"] == PAGE
        assert as_dora.post("/setlang/", {"language": "el", "next": PAGE})["Location"] == PAGE
        assert as_dora.get("/healthz").status_code == 200
        as_dora.post("/user/logout/")
        assert not is_signed_in(as_dora)

    def test_it_is_over_as_soon_as_it_is_on(self, as_dora: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        secret = secret_on(text_of(as_dora.get(ON)))
        as_dora.post(ON, {"password": "dora", "code": code_of(secret)})
        assert as_dora.get("/admin/").status_code == 200

    def test_a_part_of_a_page_turns_the_whole_page(self, as_dora: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        answer = as_dora.get("/history/", headers={"HX-Request": "true"})
        assert answer["HX-Redirect"] == ON

    def test_a_script_gets_a_sentence(self, as_dora: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        answer = as_dora.post("/clearcache/", headers={"X-Requested-With": "XMLHttpRequest"})
        assert answer.status_code == 403
        assert "second factor" in answer.json()["action"]

    def test_a_value_that_means_nothing_is_said_by_every_command(self, settings: Any) -> None:
        from ganetimgr.checks import settings_make_sense

        settings.SECOND_FACTOR_REQUIRED_FOR = "stuff"
        assert any("SECOND_FACTOR_REQUIRED_FOR" in finding.msg for finding in settings_make_sense())


class TestSessionsWithoutTheCode:
    """However somebody was signed in: what has not passed the code is not signed in."""

    def test_they_are_signed_out_and_asked_for_the_code_and_led_back(self, sign_in: Any, secret: str) -> None:
        browser = sign_in("alice")
        assert browser.get("/history/?q=web")["Location"] == CODE
        assert not is_signed_in(browser)
        assert give_code(browser, code_of(secret))["Location"] == "/history/?q=web"

    @pytest.mark.parametrize("address", ["/", "/admin/", PAGE, OFF, CODES, ON, "/user/pass_change/", LOGIN])
    def test_no_page_is_shown(self, sign_in: Any, secret: str, address: str) -> None:
        assert sign_in("alice").get(address)["Location"] == CODE

    def test_nothing_is_done(self, sign_in: Any, secret: str) -> None:
        browser = sign_in("alice")
        browser.post("/user/pass_change/", {"old_password": "alice"})
        assert not is_signed_in(browser)

    def test_a_mark_of_somebody_else_does_not_count(self, sign_in: Any, secret: str, enrolled: Any) -> None:
        browser = sign_in("alice")
        session = browser.session
        enrolled("bob")
        session["second_factor"] = Authenticator.objects.get(user__username="bob").pk
        session.save()
        assert browser.get("/history/")["Location"] == CODE

    def test_a_part_of_a_page_turns_the_whole_page(self, sign_in: Any, secret: str) -> None:
        answer = sign_in("alice").get("/history/", headers={"HX-Request": "true"})
        assert answer["HX-Redirect"] == CODE


class TestTrustedBrowsers:
    @pytest.fixture
    def trusted(self, client: Browser, secret: str) -> Browser:
        give_password(client)
        give_code(client, code_of(secret), trust="on")
        client.post("/user/logout/")
        return client

    def test_the_password_is_enough_there(self, trusted: Browser) -> None:
        assert give_password(trusted, next="/history/")["Location"] == "/history/"
        assert trusted.get("/history/").status_code == 200

    def test_the_cookie_is_for_us_alone(self, trusted: Browser) -> None:
        cookie = trusted.cookies["trusted_browser"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == 30 * 86400

    def test_nobody_is_trusted_who_did_not_ask(self, client: Browser, secret: str) -> None:
        give_password(client)
        give_code(client, code_of(secret))
        assert "trusted_browser" not in client.cookies

    def test_other_people_are_asked_there(self, trusted: Browser, enrolled: Any) -> None:
        enrolled("bob")
        assert give_password(trusted, "bob")["Location"] == CODE

    def test_a_new_password_ends_it(self, trusted: Browser, people: Any) -> None:
        people["alice"].set_password("quite another")
        people["alice"].save()
        assert trusted.post(LOGIN, {"username": "alice", "password": "quite another"})["Location"] == CODE

    def test_a_new_second_factor_ends_it(self, trusted: Browser, enrolled: Any) -> None:
        Authenticator.objects.all().delete()
        enrolled("alice")
        assert give_password(trusted)["Location"] == CODE

    def test_a_forged_one_does_not_count(self, client: Browser, secret: str) -> None:
        client.cookies["trusted_browser"] = dumps("x")
        assert give_password(client)["Location"] == CODE

    def test_a_site_can_do_without(self, trusted: Browser, settings: Any) -> None:
        settings.SECOND_FACTOR_TRUST_DAYS = 0
        assert give_password(trusted)["Location"] == CODE
        assert "Ask for no code" not in text_of(trusted.get(CODE))


class TestPages:
    def test_the_state_says_what_is_known(self, client: Browser, people: Any, secret: str) -> None:
        second_factor.new_recovery_codes(people["alice"])
        give_password(client)
        give_code(client, code_of(secret))
        page = text_of(client.get(PAGE))
        assert "just now" in page
        assert "<dd>10</dd>" in page

    @pytest.mark.parametrize("address", [PAGE, ON, OFF, CODES, CODE])
    def test_none_is_kept_by_browsers_or_proxies(self, client: Browser, people: Any, address: str) -> None:
        client.force_login(people["alice"])
        assert "no-store" in client.get(address)["Cache-Control"]

    def test_asking_costs_no_query(self, sign_in: Any, settings: Any, enrolled: Any) -> None:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "SecondFactor" not in name]
        without = queries_of(sign_in("alice")), queries_of(sign_in("bob"))
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "accounts.second_factor.SecondFactorMiddleware"]
        assert (queries_of(sign_in("alice")), queries_of(sign_in("bob"))) == without
        settings.SECOND_FACTOR_REQUIRED_FOR = "staff"
        assert queries_of(sign_in("alice")) == without[0]


def queries_of(browser: Browser) -> int:
    browser.get("/")
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/").status_code == 200
    return len(queries)


def give_code_after_the_pause(browser: Browser, code: str) -> Any:
    Authenticator.objects.update(last_wrong=None)
    return give_code(browser, code)


def change_pending(browser: Browser, **changes: Any) -> None:
    session = browser.session
    session["second_factor_pending"] = {**session["second_factor_pending"], **changes}
    session.save()
