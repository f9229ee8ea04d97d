"""Sessions: new at sign-in, over after a fixed time or when they are forced to be, prolonged by the button alone."""

import datetime
import time
from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import sessions
from accounts.models import UserProfile
from tests import estate

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase"
HTMX = {"HX-Request": "true"}
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.post("/user/login/", {"username": "alice", "password": PASSWORD})
    return client


@pytest.fixture
def north(db: None) -> None:
    estate.put("north", estate.instance("web.example.org"))


def is_signed_in(client: Client) -> bool:
    return client.get("/user/pass_change/").status_code == 200


def set_in_session(client: Client, **values: Any) -> None:
    session = client.session
    session.update(values)
    session.save()


def minutes_ago(minutes: float) -> float:
    return time.time() - minutes * 60


class TestBeginning:
    def test_a_session_that_somebody_else_knows_is_not_the_one_that_is_signed_in(
        self, client: Client, alice: User
    ) -> None:
        client.get("/user/login/")
        set_in_session(client, planted="yes")
        planted = client.session.session_key
        client.post("/user/login/", {"username": "alice", "password": PASSWORD})
        assert client.session.session_key != planted
        assert not Session.objects.filter(session_key=planted).exists()
        attacker = Client()
        attacker.cookies["sessionid"] = planted
        assert not is_signed_in(attacker)

    def test_a_session_key_that_was_made_up_is_not_taken(self, client: Client, alice: User) -> None:
        client.cookies["sessionid"] = "a" * 32
        client.post("/user/login/", {"username": "alice", "password": PASSWORD})
        assert client.session.session_key != "a" * 32
        assert is_signed_in(client)

    def test_another_persons_session_is_not_carried_on(self, as_alice: Client) -> None:
        User.objects.create_user("bob", password=PASSWORD)
        set_in_session(as_alice, secret_of_alice="yes")
        as_alice.post("/user/logout/")
        as_alice.post("/user/login/", {"username": "bob", "password": PASSWORD})
        assert "secret_of_alice" not in as_alice.session


class TestTheEnd:
    def test_it_comes_three_hours_after_signing_in_however_busy_one_was(self, as_alice: Client) -> None:
        assert is_signed_in(as_alice)
        set_in_session(as_alice, signed_in_until=time.time() - 1)  # saving it anew prolongs it for Django
        assert not is_signed_in(as_alice)
        assert not Session.objects.exists()

    def test_pages_that_renew_themselves_do_not_put_it_off(self, as_alice: Client, north: None) -> None:
        ends = as_alice.session["signed_in_until"]
        for path in ("/", "/instances/north/web.example.org/", "/user/session/"):
            as_alice.get(path, headers=HTMX)
        assert as_alice.session["signed_in_until"] == ends
        assert Session.objects.get().expire_date <= timezone.now() + datetime.timedelta(hours=3)

    def test_the_sign_in_page_says_why(self, as_alice: Client) -> None:
        set_in_session(as_alice, signed_in_until=time.time() - 1)
        page = as_alice.get("/user/pass_change/", follow=True).content.decode()
        assert "Your session has ended." in page
        assert "Your session has ended." not in as_alice.get("/user/login/").content.decode()

    def test_it_says_so_too_when_django_has_swept_the_session_away(self, as_alice: Client) -> None:
        Session.objects.all().delete()
        assert "Your session has ended." in as_alice.get("/user/pass_change/", follow=True).content.decode()

    def test_who_signs_out_is_not_told_that_anything_ended(self, as_alice: Client) -> None:
        assert "has ended" not in as_alice.post("/user/logout/", follow=True).content.decode()

    def test_a_session_without_a_beginning_is_over(self, as_alice: Client) -> None:
        session = as_alice.session
        del session["signed_in_until"]
        session.save()
        assert not is_signed_in(as_alice)

    def test_it_takes_no_further_query_to_know(self, as_alice: Client, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(2):  # session, user with profile
            as_alice.get("/user/session/")


class TestStaying:
    def test_the_button_begins_the_time_anew(self, as_alice: Client) -> None:
        set_in_session(as_alice, signed_in_until=time.time() + 60)
        answer = as_alice.post("/user/session/extend/", headers=SCRIPT)
        assert answer.json()["left"] > 10_000
        assert as_alice.session["signed_in_until"] > time.time() + 10_000

    def test_without_scripts_it_leads_back(self, as_alice: Client) -> None:
        assert as_alice.post("/user/session/extend/", {"next": "/history/"})["Location"] == "/history/"

    @pytest.mark.parametrize(
        "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"]
    )
    def test_it_never_leads_elsewhere(self, as_alice: Client, elsewhere: str) -> None:
        assert as_alice.post("/user/session/extend/", {"next": elsewhere})["Location"] == "/"

    def test_what_is_over_stays_over(self, as_alice: Client) -> None:
        set_in_session(as_alice, signed_in_until=time.time() - 1)
        assert as_alice.post("/user/session/extend/", headers=SCRIPT).json() == {"left": 0}
        assert not is_signed_in(as_alice)

    def test_asking_how_long_it_lasts_prolongs_nothing(self, as_alice: Client) -> None:
        set_in_session(as_alice, signed_in_until=time.time() + 60)
        assert 50 < as_alice.get("/user/session/").json()["left"] <= 60
        assert as_alice.session["signed_in_until"] < time.time() + 61

    def test_a_link_does_not_prolong_it(self, as_alice: Client) -> None:
        assert as_alice.get("/user/session/extend/").status_code == 405

    def test_pages_know_when_it_ends(self, as_alice: Client) -> None:
        page = as_alice.get("/user/pass_change/").content.decode()
        assert f'data-ends="{ceil(as_alice.session["signed_in_until"])}"' in page
        assert 'id="session"' not in Client().get("/patterns/").content.decode()


class TestForcedSignOut:
    def test_whoever_signed_in_before_is_out(self, as_alice: Client, alice: User) -> None:
        sessions.end_all_of(alice)
        assert not is_signed_in(as_alice)

    def test_whoever_signs_in_afterwards_is_in(self, client: Client, alice: User) -> None:
        UserProfile.objects.filter(user=alice).update(force_logout_date=timezone.now())
        client.post("/user/login/", {"username": "alice", "password": PASSWORD})
        assert is_signed_in(client)

    def test_a_moment_before_the_sign_in_does_not_matter(self, as_alice: Client, alice: User) -> None:
        UserProfile.objects.filter(user=alice).update(force_logout_date=timezone.now() - datetime.timedelta(hours=1))
        assert is_signed_in(as_alice)

    def test_staying_signed_in_does_not_escape_it(self, as_alice: Client, alice: User) -> None:
        sessions.end_all_of(alice)
        assert as_alice.post("/user/session/extend/", headers=SCRIPT).json() == {"left": 0}

    def test_ones_own_session_can_be_left_out(self, as_alice: Client, alice: User, rf: RequestFactory) -> None:
        other = Client()
        other.post("/user/login/", {"username": "alice", "password": PASSWORD})
        request = rf.get("/")
        request.session = as_alice.session
        sessions.end_all_of(alice, but=request)
        request.session.save()
        assert is_signed_in(as_alice)
        assert not is_signed_in(other)


class TestPartsOfPages:
    """What htmx asks for must not be answered with the sign-in page, which would come to stand within the page."""

    @pytest.fixture(params=["it is over", "nobody is signed in", "it was forced to end"])
    def ended(self, request: Any, as_alice: Client, alice: User, north: None) -> Iterator[Client]:
        if request.param == "it is over":
            set_in_session(as_alice, signed_in_until=time.time() - 1)
        elif request.param == "it was forced to end":
            sessions.end_all_of(alice)
        else:
            as_alice.logout()
        yield as_alice

    @pytest.mark.parametrize("path", ["/", "/instances/north/web.example.org/", "/history/"])
    def test_they_have_the_page_loaded_anew(self, ended: Client, path: str) -> None:
        answer = ended.get(path, headers=HTMX)
        assert (answer.status_code, answer["HX-Refresh"], answer.content) == (401, "true", b"")
        assert ended.get(path)["Location"] == f"/user/login/?next={path}"

    def test_whole_pages_lead_to_the_sign_in(self, ended: Client) -> None:
        assert ended.get("/")["Location"] == "/user/login/?next=/"

    def test_the_reason_is_said_although_a_part_asked_first(self, as_alice: Client, north: None) -> None:
        set_in_session(as_alice, signed_in_until=time.time() - 1)
        as_alice.get("/", headers=HTMX)
        assert "Your session has ended." in as_alice.get("/", follow=True).content.decode()


class TestWelcome:
    def test_the_first_sign_in_is_greeted_once(self, client: Client, alice: User) -> None:
        form = {"username": "alice", "password": PASSWORD, "next": "/user/pass_change/"}
        assert "Welcome, alice" in client.post("/user/login/", form, follow=True).content.decode()
        assert not UserProfile.objects.get(user=alice).first_login
        client.post("/user/logout/")
        assert "Welcome, alice" not in client.post("/user/login/", form, follow=True).content.decode()

    def test_names_are_text(self, client: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(first_name="<b>Al</b>")
        form = {"username": "alice", "password": PASSWORD, "next": "/user/pass_change/"}
        assert "&lt;b&gt;Al&lt;/b&gt;" in client.post("/user/login/", form, follow=True).content.decode()
