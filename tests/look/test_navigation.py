"""The side navigation and the search field come from what apps registered."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import ResolverMatch

from accounts import navigation
from accounts.navigation import Entry, Search


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


def test_entries_stand_under_their_headings_with_their_numbers() -> None:
    entries = [
        Entry("One", "pass_change", "key"),
        Entry("Two", "pass_change", "key", section="People", badge=lambda request: 3),
        Entry("Three", "pass_change", "key", section="People"),
    ]
    first, second = navigation.sections(request_of(ALICE), entries)
    assert [item.label for item in first.items] == ["One"]
    assert (second.title, [item.badge for item in second.items]) == ("People", [3, None])


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
