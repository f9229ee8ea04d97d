"""Language, time zone and theme go with the person, from browser to browser."""

import zoneinfo
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import preferences, profiles
from apps.audit.models import AuditEntry
from tests import estate

pytestmark = pytest.mark.django_db

PREFERENCES, PROFILE, SIGN_IN = "/user/preferences/", "/user/profile/", "/user/login/"
ALL = {"language": "el", "time_zone": "Asia/Tokyo", "theme": "dark"}


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    return people["alice"]


def kept(user: User) -> dict[str, str]:
    profile = profiles.of(User.objects.get(pk=user.pk))
    return {name: getattr(profile, name) for name in ALL}


def keep(user: User, **chosen: str) -> None:
    preferences.keep(User.objects.get(pk=user.pk), **chosen)


class TestChoosing:
    def test_all_three_are_kept_and_used(self, as_alice: Browser, alice: User) -> None:
        assert as_alice.post(PREFERENCES, ALL)["Location"] == f"{PROFILE}#preferences"
        assert kept(alice) == ALL
        page = as_alice.get(PROFILE).content.decode()
        assert '<html lang="el" data-theme="dark" data-bs-theme="dark"' in page
        assert '<option value="Asia/Tokyo" selected>' in page

    def test_nothing_chosen_is_as_browser_and_site_say(self, as_alice: Browser, alice: User) -> None:
        as_alice.post(PREFERENCES, ALL)
        as_alice.post(PREFERENCES, {"language": "", "time_zone": "", "theme": "auto"})
        assert kept(alice) == {"language": "", "time_zone": "", "theme": "auto"}
        page = as_alice.get(PROFILE, headers={"Accept-Language": "en"}).content.decode()
        assert '<html lang="en" data-theme="auto"' in page
        page = as_alice.get(PROFILE, headers={"Accept-Language": "el"}).content.decode()
        assert '<html lang="el"' in page

    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize("wrong", ["xx", "../../etc/passwd", "Europe/Nowhere", "<script>", "\0", "x" * 1000])
    def test_what_cannot_be_chosen_gets_a_sentence(self, as_alice: Browser, alice: User, name: str, wrong: str) -> None:
        answer = as_alice.post(PREFERENCES, {**ALL, name: wrong})
        assert f'id="preferences-{name}_error"' in answer.content.decode()
        assert kept(alice) == dict.fromkeys(ALL, "")

    def test_the_time_zones_are_places(self) -> None:
        names = preferences.time_zones()
        assert {"UTC", "Europe/Athens", "America/Argentina/Buenos_Aires"} <= names
        assert not names & {"EST", "GB-Eire", "Etc/GMT+3", "Factory", "localtime"}
        for name in names:
            zoneinfo.ZoneInfo(name)


class TestEveryPage:
    def test_speaks_the_persons_language_in_a_new_browser(self, sign_in: Any, alice: User) -> None:
        keep(alice, language="el")
        answer = sign_in("alice").get("/history/", headers={"Accept-Language": "en"})
        assert '<html lang="el"' in answer.content.decode()
        assert answer["Content-Language"] == "el"

    def test_nobody_elses_language_changes(self, sign_in: Any, alice: User) -> None:
        keep(alice, language="el")
        sign_in("alice").get("/history/")
        for browser in (sign_in("bob"), Browser()):
            answer = browser.get(SIGN_IN, follow=True)
            assert '<html lang="en"' in answer.content.decode()

    def test_shows_times_by_the_persons_clock_and_nobody_elses(self, sign_in: Any, alice: User) -> None:
        entry = AuditEntry.objects.create(requester=alice, action="Sign-in")
        keep(alice, time_zone="Asia/Tokyo")
        AuditEntry.objects.filter(pk=entry.pk).update(recorded=timezone.now().replace(hour=12, minute=34))
        shown = sign_in("alice").get("/history/").content.decode()
        assert ">21:34<" in shown
        assert ">12:34<" not in shown
        assert timezone.get_current_timezone_name() == "UTC"
        assert ">12:34<" in sign_in("dora").get("/history/").content.decode()

    @pytest.mark.parametrize("odd", [{"time_zone": "Europe/Nowhere"}, {"language": "xx"}, {"theme": "neon"}])
    def test_what_is_no_more_is_as_if_nothing_was_chosen(self, sign_in: Any, alice: User, odd: dict[str, str]) -> None:
        keep(alice, **odd)
        answer = sign_in("alice").get("/history/")
        assert answer.status_code == 200
        assert '<html lang="en" data-theme="auto"' in answer.content.decode()

    def test_costs_no_query_more(self, as_alice: Browser, alice: User, django_assert_num_queries: Any) -> None:
        with CaptureQueriesContext(connection) as before:
            as_alice.get("/user/pass_change/")
        keep(alice, **ALL)
        with django_assert_num_queries(len(before)):
            as_alice.get("/user/pass_change/")

    def test_who_is_not_signed_in_costs_none(self, db: None, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            Browser().get("/user/no/such/page/")

    def test_is_another_version_for_each_look(self, as_alice: Browser, alice: User) -> None:
        estate.put("north", estate.instance("web.example.org"))
        seen = set()
        for chosen in ({}, {"time_zone": "Asia/Tokyo"}, {"language": "el"}, {"theme": "dark"}):
            keep(alice, **chosen)
            seen.add(as_alice.get("/").headers["ETag"])
            as_alice.cookies.pop("theme", None)
        assert len(seen) == 4


class TestTheme:
    def test_a_sign_in_on_a_new_browser_brings_it(self, alice: User) -> None:
        keep(alice, theme="dark")
        browser = Browser()
        browser.post(SIGN_IN, {"username": "alice", "password": "alice"})
        assert browser.cookies["theme"].value == "dark"
        assert 'data-theme="dark"' in browser.get(PROFILE).content.decode()

    def test_the_first_page_has_it_already(self, sign_in: Any, alice: User) -> None:
        keep(alice, theme="dark")
        answer = sign_in("alice").get("/history/")
        assert 'data-theme="dark"' in answer.content.decode()
        assert answer.cookies["theme"].value == "dark"

    def test_what_a_browser_has_stays(self, sign_in: Any, alice: User) -> None:
        keep(alice, theme="dark")
        browser = sign_in("alice")
        browser.cookies["theme"] = "light"
        answer = browser.get("/history/")
        assert 'data-theme="light"' in answer.content.decode()
        assert "theme" not in answer.cookies

    def test_the_menu_keeps_it_in_the_profile_too(self, as_alice: Browser, alice: User) -> None:
        as_alice.post("/theme/", {"theme": "dark"})
        assert kept(alice)["theme"] == "dark"

    def test_without_a_choice_no_cookie_is_set(self, as_alice: Browser) -> None:
        assert "theme" not in as_alice.get("/history/").cookies


class TestLanguageMenu:
    def test_it_keeps_it_in_the_profile(self, as_alice: Browser, alice: User) -> None:
        assert as_alice.post("/setlang/", {"language": "el", "next": "/history/"})["Location"] == "/history/"
        assert kept(alice)["language"] == "el"
        assert '<html lang="el"' in as_alice.get("/history/").content.decode()

    @pytest.mark.parametrize("wrong", ["xx", "", "de", "../el", "\0"])
    def test_one_that_we_do_not_speak_changes_nothing(self, as_alice: Browser, alice: User, wrong: str) -> None:
        as_alice.post("/setlang/", {"language": wrong})
        assert kept(alice)["language"] == ""

    def test_a_link_changes_nothing(self, as_alice: Browser, alice: User) -> None:
        as_alice.get("/setlang/?language=el")
        assert kept(alice)["language"] == ""

    def test_it_leads_to_our_pages_only(self, as_alice: Browser) -> None:
        assert as_alice.post("/setlang/", {"language": "el", "next": "https://evil.example/"})["Location"] == "/"

    def test_who_is_not_signed_in_has_it_in_the_browser(self, db: None) -> None:
        browser = Browser()
        browser.post("/setlang/", {"language": "el"})
        assert '<html lang="el"' in browser.get(SIGN_IN).content.decode()
