"""Tries that fail: slowed by locks that tell nobody whether an account exists, and keep no owner outside for good."""

import datetime
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts import locks
from accounts.backends import PeopleBackend
from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db

PASSWORD, WRONG = "a long pass phrase", "a wrong pass phrase"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"
LATER = datetime.timedelta(minutes=16)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "Alice@example.org", PASSWORD)


class SlowBackend(PeopleBackend):
    """While it thinks, others fail: many guesses at once pass the door before the first of them is counted."""

    def authenticate(self, *args: Any, **kwargs: Any) -> User | None:
        AccessAttempt.objects.create(username="alice", ip_address=HOME, failures_since_start=5)
        return super().authenticate(*args, **kwargs)


def try_to_sign_in(name: str = "alice", password: str = WRONG, address: str = HOME) -> Any:
    return Client(REMOTE_ADDR=address).post("/user/login/", {"username": name, "password": password})


def fail(times: int, name: str = "alice", address: str = HOME) -> list[Any]:
    return [try_to_sign_in(name, address=address) for _ in range(times)]


def is_locked(answer: Any) -> bool:
    return answer.status_code == 429 and "too many tries" in answer.content.decode()


def time_goes_by(how_long: datetime.timedelta = LATER) -> None:
    for attempt in AccessAttempt.objects.all():
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=attempt.attempt_time - how_long)


class TestAnAccountFromOneAddress:
    def test_five_wrong_passwords_lock_it(self, alice: User) -> None:
        answers = fail(5)
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
        assert is_locked(try_to_sign_in(password=PASSWORD))

    def test_the_page_says_when_to_try_again_and_keeps_the_form(self, alice: User) -> None:
        answer = fail(6)[-1]
        page = answer.content.decode()
        assert "Try again in 15 minutes." in page
        assert 'value="alice"' in page
        assert 0 < int(answer["Retry-After"]) <= 900

    def test_it_opens_by_itself(self, alice: User) -> None:
        fail(5)
        time_goes_by()
        assert try_to_sign_in(password=PASSWORD).status_code == 302

    def test_failures_that_are_over_do_not_count_any_more(self, alice: User) -> None:
        fail(4)
        time_goes_by()
        assert [answer.status_code for answer in fail(5)] == [200, 200, 200, 200, 429]

    def test_tries_while_it_is_locked_do_not_prolong_it(self, alice: User) -> None:
        fail(5)
        time_goes_by(datetime.timedelta(minutes=10))
        answer = fail(20)[-1]
        assert int(answer["Retry-After"]) <= 300

    def test_the_right_password_clears_what_failed_before(self, alice: User) -> None:
        fail(4)
        assert try_to_sign_in(password=PASSWORD).status_code == 302
        assert [answer.status_code for answer in fail(4)] == [200] * 4

    def test_all_spellings_count_as_one(self, alice: User) -> None:
        for spelling in ("alice", "alice@example.org", "ALICE@EXAMPLE.ORG", "Alice@Example.org"):
            try_to_sign_in(spelling)
        assert is_locked(try_to_sign_in("alice@EXAMPLE.org"))
        assert is_locked(try_to_sign_in("alice", PASSWORD))

    def test_a_name_that_nobody_has_locks_in_the_same_way(self, alice: User) -> None:
        known = [(answer.status_code, is_locked(answer)) for answer in fail(7)]
        unknown = [(answer.status_code, is_locked(answer)) for answer in fail(7, "nobody")]
        assert known == unknown
        spelt = [answer.status_code for name in ("NoOne", "noone", "NOONE") for answer in fail(2, name)]
        assert spelt == [200, 200, 200, 200, 429, 429]

    def test_other_people_and_other_addresses_are_not_concerned(self, alice: User) -> None:
        User.objects.create_user("bob", password=PASSWORD)
        fail(5)
        assert try_to_sign_in("bob", PASSWORD).status_code == 302
        assert try_to_sign_in("alice", PASSWORD, ELSEWHERE).status_code == 302

    def test_neighbours_in_one_ipv6_network_are_one_client(self, alice: User) -> None:
        for last in range(5):
            try_to_sign_in(address=f"2001:db8:1:2::{last:x}")
        assert is_locked(try_to_sign_in(password=PASSWORD, address="2001:db8:1:2:ffff::1"))
        assert try_to_sign_in(password=PASSWORD, address="2001:db8:1:3::1").status_code == 302

    def test_the_address_is_the_clients_and_not_the_proxys(self, alice: User, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        form = {"username": "alice", "password": "wrong"}
        for _ in range(5):
            Client(HTTP_X_FORWARDED_FOR=ELSEWHERE).post("/user/login/", form)
        right = {"username": "alice", "password": PASSWORD}
        assert is_locked(Client(HTTP_X_FORWARDED_FOR=ELSEWHERE).post("/user/login/", right))
        assert Client(HTTP_X_FORWARDED_FOR=HOME).post("/user/login/", right).status_code == 302

    def test_a_guess_that_was_right_counts_no_more_once_others_closed_the_lock(
        self, alice: User, settings: Any
    ) -> None:
        settings.AUTHENTICATION_BACKENDS = ["accounts.locks.Backend", f"{__name__}.SlowBackend"]
        assert is_locked(try_to_sign_in(password=PASSWORD))

    def test_the_limit_is_a_setting(self, alice: User, settings: Any) -> None:
        settings.AXES_FAILURE_LIMIT = 2
        assert is_locked(fail(2)[-1])


class TestAnAccountFromEverywhere:
    def test_many_addresses_together_lock_it_too(self, alice: User, settings: Any) -> None:
        settings.SIGN_IN_ACCOUNT_LIMIT = 6
        for host in range(6):
            try_to_sign_in(address=f"203.0.113.{host}")
        assert is_locked(try_to_sign_in(password=PASSWORD, address=HOME))

    def test_its_owner_signs_in_from_where_they_always_do(self, alice: User, settings: Any) -> None:
        settings.SIGN_IN_ACCOUNT_LIMIT = 6
        assert try_to_sign_in(password=PASSWORD, address=HOME).status_code == 302
        for host in range(6):
            try_to_sign_in(address=f"203.0.113.{host}")
        assert is_locked(try_to_sign_in(password=PASSWORD, address=ELSEWHERE))
        assert try_to_sign_in(password=PASSWORD, address=HOME).status_code == 302

    def test_addresses_are_not_known_for_ever(self, alice: User) -> None:
        try_to_sign_in(password=PASSWORD)
        AccessLog.objects.update(attempt_time=timezone.now() - datetime.timedelta(days=locks.KNOWN_DAYS + 1))
        locks.sweep()
        assert not AccessLog.objects.exists()


class TestAnAddressTowardsAllAccounts:
    def test_one_password_for_many_names_locks_the_address(self, alice: User, settings: Any) -> None:
        settings.SIGN_IN_ADDRESS_LIMIT = 8
        for number in range(8):
            try_to_sign_in(f"somebody{number}")
        assert is_locked(try_to_sign_in(password=PASSWORD))
        assert try_to_sign_in(password=PASSWORD, address=ELSEWHERE).status_code == 302

    def test_signing_in_with_an_account_of_ones_own_in_between_does_not_help(self, alice: User, settings: Any) -> None:
        settings.SIGN_IN_ADDRESS_LIMIT = 8
        User.objects.create_user("mallory", password=PASSWORD)
        for number in range(8):
            try_to_sign_in(f"somebody{number}")
            try_to_sign_in("mallory", PASSWORD)
        assert is_locked(try_to_sign_in("mallory", PASSWORD))


class TestWhoLooksAfterIt:
    def test_the_log_has_one_entry_for_each_lock(self, alice: User) -> None:
        fail(9)
        entry = AuditEntry.objects.exclude(action="Sign-in failed").get()
        assert (entry.action, entry.person, entry.ipaddress) == ("Sign-in locked", "alice", HOME)
        assert not entry.is_authorized

    def test_what_was_typed_for_nobody_is_not_written_down_there(self, alice: User) -> None:
        fail(9, "my password, in the wrong field")
        entries = AuditEntry.objects.all()
        assert {entry.action for entry in entries} == {"Sign-in failed", "Sign-in locked"}
        assert not any("password" in f"{entry.person}{entry.detail}{entry.requester_name}" for entry in entries)
        assert {entry.detail for entry in entries} == {"The name is not that of an account."}

    def test_the_log_grows_no_more_while_it_is_locked(self, alice: User) -> None:
        fail(9)
        before = AuditEntry.objects.count()
        fail(3)
        assert AuditEntry.objects.count() == before

    def test_opening_locks_by_command_is_in_the_log(self, alice: User) -> None:
        fail(9)
        call_command("axes_reset_username", "alice")
        assert AuditEntry.objects.filter(action="Sign-in unlocked", person="alice").exists()

    def test_no_password_is_kept(self, alice: User) -> None:
        try_to_sign_in(password="nearly the right one")
        kept = AccessAttempt.objects.get()
        assert "nearly" not in f"{kept.get_data}{kept.post_data}{kept.path_info}"

    def test_an_administrator_opens_a_lock_in_the_admin(self, alice: User, client: Client) -> None:
        fail(5)
        client.force_login(User.objects.create_superuser("dora"))
        chosen = [str(attempt.pk) for attempt in AccessAttempt.objects.all()]
        assert "alice" in client.get("/admin/axes/accessattempt/").content.decode()
        form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
        client.post("/admin/axes/accessattempt/", form)
        assert try_to_sign_in(password=PASSWORD).status_code == 302

    def test_the_command_of_axes_opens_it_as_well(self, alice: User) -> None:
        fail(5)
        call_command("axes_reset_username", "alice")
        assert try_to_sign_in(password=PASSWORD).status_code == 302

    def test_failures_that_are_over_are_forgotten(self, alice: User) -> None:
        fail(3, "somebody")
        time_goes_by()
        try_to_sign_in()
        locks.sweep()
        assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["alice"]

    def test_a_client_that_calls_itself_otherwise_each_time_fills_one_row(self, alice: User) -> None:
        for number in range(4):
            browser = Client(REMOTE_ADDR=HOME, HTTP_USER_AGENT=f"Browser {number}")
            browser.post("/user/login/?q=x", {"username": "alice", "password": "wrong", "more": "x" * 10_000})
        [kept] = AccessAttempt.objects.all()
        assert (kept.failures_since_start, kept.get_data, kept.post_data) == (4, "", "")

    def test_code_without_a_request_is_nobody_to_lock(self, alice: User) -> None:
        for _ in range(9):
            assert authenticate(username="alice", password="wrong") is None
        assert authenticate(username="alice", password=PASSWORD) == alice


class TestWithoutTheDatabase:
    def test_nobody_gets_in_and_the_page_says_why(self, alice: User) -> None:
        def away(execute: Any, *arguments: Any) -> Any:
            raise OperationalError(2013, "Lost connection to MySQL server during query")

        browser = Client(raise_request_exception=False)
        with connection.execute_wrapper(away):
            answer = browser.post("/user/login/", {"username": "alice", "password": PASSWORD})
        assert answer.status_code == 503
        assert "Back in a moment" in answer.content.decode()


class TestOtherDoors:
    def test_the_admin_has_no_sign_in_of_its_own(self, client: Client, alice: User) -> None:
        answer = client.get("/admin/login/?next=/admin/auth/user/")
        assert answer["Location"] == "/user/login/?next=/admin/auth/user/"
        assert client.post("/admin/login/", {"username": "alice", "password": PASSWORD}).status_code == 302
        assert "_auth_user_id" not in client.session

    def test_it_never_leads_elsewhere(self, client: Client) -> None:
        assert client.get("/admin/login/?next=https://evil.example/")["Location"] == "/user/login/?next=/admin/"

    def test_who_is_no_staff_is_told_instead_of_sent_in_circles(self, client: Client, alice: User) -> None:
        client.force_login(alice)
        assert client.get("/admin/", follow=True).status_code == 403

    def test_staff_who_are_signed_in_are_led_on(self, client: Client) -> None:
        client.force_login(User.objects.create_superuser("dora"))
        assert client.get("/admin/login/?next=/admin/auth/user/")["Location"] == "/admin/auth/user/"
