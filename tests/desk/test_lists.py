"""The lists of users and groups: searched, sorted and filtered by the database."""

import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser
from registration.models import RegistrationProfile

from accounts.models import Organization, UserProfile
from tests import estate
from tests.desk.conftest import account

pytestmark = pytest.mark.django_db


def names(response: Any) -> list[str]:
    """The users or groups of the rows, in their order."""
    assert response.status_code == 200
    return re.findall(r'class="name" href="/user/info/(?:user|group)/([^/"]+)/"', response.content.decode())


class TestUsers:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=ALICE", ["alice"]),
            ("q=liddell", ["alice"]),
            ("q=LID+ali", ["alice"]),
            ("q=example.org+erik", ["erik"]),
            ("q=2100000000", ["alice"]),
            ("q=rivers", ["alice"]),
            ("q=noc", ["erik"]),
            ("q=γιώργος", ["charlie"]),
            ("group=noc", ["erik"]),
            ("state=staff", ["dora"]),
            ("q=no-such-person", []),
        ],
    )
    def test_each_narrows_the_list(self, as_bob: Browser, people: Any, query: str, found: list[str]) -> None:
        User.objects.filter(username="alice").update(first_name="Alice", last_name="Liddell")
        User.objects.filter(username="charlie").update(first_name="Γιώργος")
        rivers = Organization.objects.create(title="Institute of Rivers")
        UserProfile.objects.filter(user=people["alice"]).update(organization=rivers, telephone="2100000000")
        assert names(as_bob.get(f"/user/list/?{query}")) == found

    def test_each_standing_has_its_pile_with_its_number(self, as_bob: Browser, people: Any) -> None:
        account("waits", joined=1, is_active=False)
        RegistrationProfile.objects.create(user=User.objects.get(username="waits"), activation_key="x", activated=True)
        account("off", seen=10, is_active=False)
        account("idle", seen=300)
        for state, found in (("waiting", ["waits"]), ("disabled", ["off"]), ("idle", ["idle"])):
            response = as_bob.get(f"/user/list/?state={state}")
            assert names(response) == found
            assert re.search(rf'state={state}"[^>]*>\w+ <span class="n">1<', response.content.decode()), state

    @pytest.mark.parametrize("key", ["name", "fullname", "email", "seen", "joined"])
    @pytest.mark.parametrize("sign", ["", "-"])
    def test_every_order_works(self, as_bob: Browser, people: Any, key: str, sign: str) -> None:
        assert set(names(as_bob.get(f"/user/list/?sort={sign}{key}"))) >= set(people)

    def test_who_never_signed_in_comes_last_in_both_orders(self, as_bob: Browser, people: Any) -> None:
        account("yesterday", seen=1)
        account("earlier", seen=90)
        User.objects.exclude(username__in=("yesterday", "earlier")).update(last_login=None)
        assert names(as_bob.get("/user/list/?sort=seen"))[:2] == ["earlier", "yesterday"]
        assert names(as_bob.get("/user/list/?sort=-seen"))[:2] == ["yesterday", "earlier"]

    @pytest.mark.parametrize(
        "query", ["sort=password", "sort=--name", "state=none", "page=-3", "page=x", "q=%00", "q=" + "x" * 500]
    )
    def test_rubbish_in_the_address_still_shows_a_list(self, as_bob: Browser, people: Any, query: str) -> None:
        assert as_bob.get(f"/user/list/?{query}").status_code == 200

    def test_how_many_vms_each_owns_in_their_own_name(self, as_bob: Browser, vms: None) -> None:
        text = as_bob.get("/user/list/?q=alice").content.decode()
        assert re.search(r'<td class="num">\s*2\s*</td>', text)

    def test_a_silent_cluster_is_named_and_its_vms_count(self, as_bob: Browser, vms: None) -> None:
        silent = {"state": "unreachable", "collected_at": time.time() - 200, "failing_since": time.time() - 180}
        estate.put("east", estate.instance("old.example.org", "east"), head=silent)
        text = as_bob.get("/user/list/?q=alice").content.decode()
        assert "east has not answered for" in text
        assert re.search(r'<td class="num">\s*3\s*</td>', text)

    def test_a_search_answers_with_the_part_alone(self, as_bob: Browser, people: Any) -> None:
        part = as_bob.get("/user/list/?q=alice", headers={"HX-Request": "true"}).content.decode()
        assert part.lstrip().startswith('<div id="people"')

    def test_names_are_shown_escaped(self, as_bob: Browser, people: Any) -> None:
        account("evil", first_name="<script>alert(1)</script>")
        assert "<script>alert" not in as_bob.get("/user/list/?q=evil").content.decode()

    def test_fifty_thousand_are_searched_by_a_handful_of_queries(
        self, as_bob: Browser, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        User.objects.bulk_create(
            (User(username=f"user{number:05}", email=f"user{number:05}@example.org") for number in range(50_000)),
            batch_size=5000,
        )
        estate.put("north", *(estate.instance(f"vm{n}.example.org", owners=(f"users:user{n:05}",)) for n in range(200)))
        with django_assert_max_num_queries(9):
            response = as_bob.get("/user/list/?sort=-joined")
        assert len(names(response)) == 50
        assert "50,006" in response.content.decode()
        with django_assert_max_num_queries(9):
            assert names(as_bob.get("/user/list/?q=r49999")) == ["user49999"]
        with django_assert_max_num_queries(9):
            assert names(as_bob.get("/user/list/?q=user&page=1000"))[-1] == "user49999"


class TestGroups:
    def test_members_and_vms_are_counted(self, as_bob: Browser, vms: None) -> None:
        text = as_bob.get("/user/groups/").content.decode()
        assert re.findall(r'<td class="num">\s*(\d+)', text) == ["2", "2"]

    def test_they_are_searched_and_sorted(self, as_bob: Browser, vms: None) -> None:
        Group.objects.create(name="empty")
        assert names(as_bob.get("/user/groups/")) == ["empty", "noc"]
        assert names(as_bob.get("/user/groups/?sort=-members")) == ["noc", "empty"]
        assert names(as_bob.get("/user/groups/?q=mpt")) == ["empty"]
        assert "No group matches" in as_bob.get("/user/groups/?q=nothing").content.decode()

    def test_without_groups_the_page_says_what_they_are_for(self, as_bob: Browser, people: Any) -> None:
        Group.objects.all().delete()
        assert "There are no groups yet" in as_bob.get("/user/groups/").content.decode()

    def test_many_cost_the_same_queries(self, as_bob: Browser, vms: None, django_assert_max_num_queries: Any) -> None:
        Group.objects.bulk_create(Group(name=f"group{number}") for number in range(300))
        with django_assert_max_num_queries(7):
            assert len(names(as_bob.get("/user/groups/"))) == 50


class TestNavigation:
    @pytest.mark.parametrize("who", ["bob", "carla", "dora"])
    def test_the_help_desk_finds_people_in_the_navigation(self, sign_in: Any, who: str) -> None:
        page = sign_in(who).get("/").content.decode()
        assert all(f'href="/user/{path}/"' in page for path in ("list", "groups", "idle"))

    def test_the_page_of_a_group_belongs_to_the_groups(self, as_bob: Browser, vms: None) -> None:
        page = as_bob.get("/user/info/group/noc/").content.decode()
        assert re.search(r'href="/user/groups/" aria-current="page"', page)

    @pytest.mark.parametrize("who", ["alice", "erik"])
    def test_owners_do_not(self, sign_in: Any, who: str) -> None:
        assert 'href="/user/list/"' not in sign_in(who).get("/").content.decode()
