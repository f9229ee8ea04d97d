"""The side navigation and the search field come from what apps registered."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import ResolverMatch

from accounts import navigation
from accounts.navigation import Entry, Search
from apps.applications.models import InstanceApplication


def request_of(user: Any, url_name: str = "") -> Any:
    request = RequestFactory().get("/")
    request.user = user
    request.resolver_match = ResolverMatch(lambda: None, (), {}, url_name)
    return request


ALICE = SimpleNamespace(is_authenticated=True, is_staff=False)
DORA = SimpleNamespace(is_authenticated=True, is_staff=True)
NOBODY = SimpleNamespace(is_authenticated=False, is_staff=False)


def labels(user: Any, *entries: Entry, at: str = "") -> list[str]:
    return [item.label for section in navigation.sections(request_of(user, at), entries) for item in section.items]


def test_an_entry_shows_for_those_who_pass_its_test() -> None:
    entry = Entry("Password", "pass_change", "key", test=lambda user: user.is_staff)
    assert labels(DORA, entry) == ["Password"]
    assert labels(ALICE, entry) == []


def test_who_is_not_signed_in_sees_no_navigation() -> None:
    assert labels(NOBODY, Entry("Password", "pass_change", "key")) == []


def test_a_page_that_does_not_exist_here_is_left_out() -> None:
    assert labels(ALICE, Entry("Nowhere", "no-such-page", "key")) == []


def test_the_entry_of_a_detail_page_is_the_current_one() -> None:
    entry = Entry("Password", "pass_change", "key", pages=("pass_change_done",))
    (section,) = navigation.sections(request_of(ALICE, "pass_change_done"), [entry])
    assert section.items[0].is_current
    (section,) = navigation.sections(request_of(ALICE, "login"), [entry])
    assert not section.items[0].is_current


@pytest.mark.django_db
def test_entries_stand_under_their_headings_with_their_numbers() -> None:
    Group.objects.bulk_create(Group(name=name) for name in ("noc", "web", "db"))
    entries = [
        Entry("One", "pass_change", "key"),
        Entry("Two", "pass_change", "key", section="People", badge=Group.objects.all),
        Entry("Three", "pass_change_done", "key", section="People", badge=Permission.objects.none),
    ]
    first, second = navigation.sections(request_of(ALICE), entries)
    assert [item.label for item in first.items] == ["One"]
    assert (second.title, [item.badge for item in second.items]) == ("People", [3, None])


@pytest.mark.django_db
def test_all_numbers_are_counted_in_one_query_and_once_for_each_request(django_assert_num_queries: Any) -> None:
    Group.objects.create(name="noc")
    entries = [
        Entry("One", "pass_change", "key", badge=Group.objects.all),
        Entry("Two", "pass_change_done", "key", badge=lambda: User.objects.filter(is_active=True)),
        Entry("Three", "login", "key", badge=Permission.objects.select_related("content_type").all),
    ]
    request = request_of(ALICE)
    permissions = Permission.objects.count()
    with django_assert_num_queries(1):
        navigation.sections(request, entries)
        assert navigation.numbers(request) == {"pass_change": 1, "login": permissions}


@pytest.mark.django_db
def test_who_sees_no_number_pays_for_none(django_assert_num_queries: Any) -> None:
    for_staff = Entry("One", "pass_change", "key", test=lambda user: user.is_staff, badge=Group.objects.all)
    with django_assert_num_queries(0):
        navigation.sections(request_of(ALICE), [for_staff])


def test_a_page_that_shows_another_number_is_not_the_same_page(as_dora: Browser) -> None:
    page = as_dora.get("/")
    again = {"If-None-Match": page["ETag"]}
    assert as_dora.get("/", headers=again).status_code == 304
    wanted = {"memory": 512, "vcpus": 1, "disk_size": 2, "hostname": "new.example.org"}
    InstanceApplication.objects.create(applicant=User.objects.get(username="alice"), **wanted)
    assert as_dora.get("/", headers=again).status_code == 200


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_entries", [])
    monkeypatch.setattr(navigation, "_searches", [])


@pytest.mark.usefixtures("empty_registry")
def test_registering_twice_changes_nothing_and_order_counts() -> None:
    late, early = Entry("Late", "pass_change", "key", order=50), Entry("Early", "pass_change", "key", order=10)
    navigation.register(late, early)
    navigation.register(early)
    assert labels(ALICE, *navigation._entries) == ["Early", "Late"]


@pytest.mark.usefixtures("empty_registry")
def test_a_higher_rooms_search_replaces_a_lower_ones_for_those_who_may_use_it() -> None:
    navigation.register_search(Search("pass_change", "low"))
    navigation.register_search(Search("theme", "high", test=lambda user: user.is_staff))
    assert navigation.search_for(DORA) == {"url": "/theme/", "placeholder": "high"}
    assert navigation.search_for(ALICE) == {"url": "/user/pass_change/", "placeholder": "low"}
