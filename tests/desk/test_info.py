"""The page of a user or group: who, what they own, what was done."""

import datetime
import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser
from django.utils import timezone
from registration.models import RegistrationProfile

from accounts import panels
from accounts.models import EmailChange, Organization, SshPublicKey
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster
from tests import estate

pytestmark = pytest.mark.django_db


def page(browser: Browser, path: str, **headers: str) -> str:
    response = browser.get(f"/user/info/{path}", headers=headers)
    assert response.status_code == 200, path
    return response.content.decode()


def rows(text: str) -> set[str]:
    """The names of the VMs on the page."""
    return set(re.findall(r'id="vm-[a-z]+-([^"]+)"', text))


class TestWhoMayLook:
    @pytest.mark.parametrize("path", ["user/alice/", "user/nobody/", "group/noc/", "rubbish/alice/"])
    def test_owners_are_refused_whether_there_is_such_a_name_or_not(
        self, as_alice: Browser, vms: None, path: str
    ) -> None:
        assert as_alice.get(f"/user/info/{path}").status_code == 403

    def test_only_superusers_are_led_to_the_admin(self, as_bob: Browser, as_dora: Browser, people: Any) -> None:
        address = f"/admin/auth/user/{people['alice'].pk}/change/"
        assert address in page(as_dora, "user/alice/")
        assert address not in page(as_bob, "user/alice/")

    @pytest.mark.parametrize("path", ["user/nobody/", "group/nothing/", "rubbish/alice/", "users/alice/"])
    def test_what_is_unknown_is_not_found(self, as_bob: Browser, vms: None, path: str) -> None:
        assert as_bob.get(f"/user/info/{path}").status_code == 404


class TestNames:
    @pytest.mark.parametrize("name", ["a.b-c+d@e_f", "κόμβος", "a%2Fb", "quote'\"<b>"])
    def test_any_name_of_a_user_is_carried_by_the_address(self, as_bob: Browser, name: str) -> None:
        User.objects.create(username=name)
        assert "Account" in page(as_bob, f"user/{quote(name, safe='@+')}/")

    @pytest.mark.parametrize("name", ["Ομάδα δικτύου", "two words", "slash/inside", "tail/", "?query=1", "<script>x"])
    def test_any_name_of_a_group_is_carried_by_the_address(self, as_bob: Browser, name: str) -> None:
        Group.objects.all().delete()
        Group.objects.create(name=name)
        found = re.search(r'class="name" href="(/user/info/group/[^"]+)"', as_bob.get("/user/groups/").content.decode())
        assert found is not None
        text = as_bob.get(found[1]).content.decode()
        assert "Group of 0 people" in text
        assert "<script>x" not in text

    def test_the_old_address_without_a_slash_leads_to_the_page(self, as_bob: Browser) -> None:
        assert as_bob.get("/user/info/user/alice").headers["Location"] == "/user/info/user/alice/"

    def test_a_name_with_a_zero_byte_is_no_error(self, as_bob: Browser, vms: None) -> None:
        assert as_bob.get("/user/info/user/a%00b/").status_code == 404


class TestWho:
    def test_what_is_known_of_a_user_is_shown_and_no_secret(self, as_bob: Browser, people: Any) -> None:
        alice = people["alice"]
        alice.first_name, alice.last_name = "Alice", "Liddell"
        alice.save()
        alice.profile.telephone, alice.profile.language = "+30 210 0000000", "el"
        alice.profile.organization = Organization.objects.create(title="Institute of Rivers")
        alice.profile.save()
        change = EmailChange.objects.create(user=alice, email="new@example.org")
        text = page(as_bob, "user/alice/")
        for known in ("Alice Liddell", "alice@example.org", "+30 210 0000000", "Ελληνικά", "Institute of Rivers"):
            assert known in text, known
        assert "new@example.org" in text
        assert change.key not in text
        assert alice.password not in text

    def test_keys_are_shown_by_both_fingerprints_only(self, as_bob: Browser, people: Any) -> None:
        SshPublicKey.objects.create(
            owner=people["alice"],
            key_type="ssh-ed25519",
            key="AAAAC3Nza",
            comment="alice@laptop",
            fingerprint="SHA256:abc",
            fingerprint_md5="de:ad",
        )
        text = page(as_bob, "user/alice/")
        assert all(known in text for known in ("SHA256:abc", "MD5:de:ad", "alice@laptop"))
        assert "AAAAC3Nza" not in text

    @pytest.mark.parametrize(
        ("is_active", "is_proven", "words"),
        [
            (True, None, "Active"),
            (False, None, "Disabled"),
            (False, True, "Waits for approval"),
            (False, False, "Address not confirmed"),
        ],
    )
    def test_how_the_account_stands(
        self, as_bob: Browser, people: Any, is_active: bool, is_proven: bool | None, words: str
    ) -> None:
        charlie = User.objects.create(username="new", is_active=is_active)
        if is_proven is not None:
            RegistrationProfile.objects.create(user=charlie, activation_key="x", activated=is_proven)
        assert words in page(as_bob, "user/new/")

    def test_who_has_no_password_here_signs_in_with_the_directorys(
        self, as_bob: Browser, people: Any, settings: Any
    ) -> None:
        people["alice"].set_unusable_password()
        people["alice"].save()
        assert "there is no password" in page(as_bob, "user/alice/")
        settings.AUTH_LDAP_SERVER_URI = "ldaps://ldap.example.org"
        assert "LDAP" in page(as_bob, "user/alice/")

    def test_groups_lead_to_their_pages_and_members_back(self, as_bob: Browser, vms: None) -> None:
        assert 'href="/user/info/group/noc/"' in page(as_bob, "user/alice/")
        assert 'href="/user/info/user/erik/"' in page(as_bob, "group/noc/")


class TestVms:
    def test_own_ones_and_those_through_groups(self, as_bob: Browser, vms: None) -> None:
        assert rows(page(as_bob, "user/alice/")) == {"web.example.org", "both.example.org", "noc.example.org"}
        assert rows(page(as_bob, "user/alice/?via=own")) == {"web.example.org", "both.example.org"}
        assert rows(page(as_bob, "user/alice/?via=groups")) == {"both.example.org", "noc.example.org"}
        assert rows(page(as_bob, "group/noc/")) == {"both.example.org", "noc.example.org"}

    def test_they_are_searched_and_sorted_like_the_list(self, as_bob: Browser, vms: None) -> None:
        assert rows(page(as_bob, "user/alice/?q=web")) == {"web.example.org"}
        assert rows(page(as_bob, "user/alice/?status=stopped")) == set()
        backwards = page(as_bob, "user/alice/?sort=-name")
        assert backwards.index("vm-north-web") < backwards.index("vm-north-noc") < backwards.index("vm-north-both")

    def test_the_part_alone_renews_itself_and_costs_nothing_while_nothing_changes(
        self, as_bob: Browser, vms: None
    ) -> None:
        first = as_bob.get("/user/info/user/alice/", headers={"HX-Request": "true"})
        assert first.content.decode().lstrip().startswith('<div id="vms"')
        again = {"HX-Request": "true", "If-None-Match": first.headers["ETag"]}
        assert as_bob.get("/user/info/user/alice/", headers=again).status_code == 304
        estate.put("north", estate.instance("new.example.org"))
        assert rows(page(as_bob, "user/alice/", **again)) == {"new.example.org"}

    def test_a_name_without_an_account_is_shown_with_its_vms(self, as_bob: Browser, vms: None) -> None:
        for path, sentence in (("user/ghost/", "There is no such account here."), ("group/ghosts/", "no such group")):
            text = page(as_bob, path)
            assert rows(text) == {"ghost.example.org"}
            assert sentence in text

    def test_a_silent_cluster_is_named_with_its_age_and_its_vms_stay(self, as_bob: Browser, vms: None) -> None:
        silent = {"state": "unreachable", "collected_at": time.time() - 200, "failing_since": time.time() - 180}
        estate.put("east", estate.instance("old.example.org", "east"), head=silent)
        text = page(as_bob, "user/alice/")
        assert "east has not answered for" in text
        assert "old.example.org" in rows(text)
        assert "east has not answered" not in page(as_bob, "user/charlie/")

    def test_who_owns_nothing_and_where_nobody_can_know_are_told_apart(self, as_bob: Browser, vms: None) -> None:
        assert "No VM names charlie as its owner." in page(as_bob, "user/charlie/")
        Cluster.objects.create(slug="new", hostname="127.0.0.1", port=1, username="u", description="New")
        assert "No VM names" not in page(as_bob, "user/charlie/")
        assert "There is no such account here." in page(as_bob, "user/perhaps/")

    def test_no_page_decodes_a_clusters_snapshot(self, as_bob: Browser, vms: None, settings: Any) -> None:
        inventories._store.cache_clear()
        page(as_bob, "user/alice/")
        as_bob.get("/user/list/")
        assert inventories.store().decoded == 0

    def test_a_superuser_has_the_verbs_and_comes_back_here(self, as_dora: Browser, vms: None) -> None:
        text = page(as_dora, "user/alice/")
        popup = "/cluster/popup/?cluster=north&amp;instance=web.example.org"
        assert f'data-popup="{popup}"' in text
        verb = 'form="verbs" formaction="/instances/north/web.example.org/reboot/"'
        assert verb in as_dora.get(popup.replace("&amp;", "&")).content.decode()
        assert '<form id="verbs"' in text and '<dialog class="dialog popup" id="popup"' in text
        assert 'name="next" value="/user/info/user/alice/"' in text

    def test_owners_lead_here_from_list_page_and_history_for_those_who_may_look(
        self, as_bob: Browser, as_alice: Browser, vms: None, people: Any
    ) -> None:
        audit.record(Actor(people["alice"]), "Start", cluster="north", instance="web.example.org")
        link = 'href="/user/info/user/alice/"'
        for path in ("/", "/instances/north/web.example.org/", "/history/"):
            assert link in as_bob.get(path).content.decode(), path
            assert "/user/info/" not in as_alice.get(path).content.decode(), path


class TestHistory:
    def test_deeds_by_and_about_them_are_there_and_others_are_not(self, as_bob: Browser, people: Any) -> None:
        audit.record(Actor(people["alice"]), "Start", cluster="north", instance="web.example.org")
        audit.record(Actor(people["dora"]), "Renamed the account", person="alice")
        audit.record(Actor(people["erik"]), "Shutdown", cluster="north", instance="noc.example.org")
        text = page(as_bob, "user/alice/")
        assert "web.example.org" in text
        assert "Renamed the account" in text
        assert "noc.example.org" not in text

    def test_entries_of_all_times_come_in_pages(self, as_bob: Browser, people: Any) -> None:
        for number in range(20):
            audit.record(Actor(people["alice"]), "Start", cluster="north", instance=f"vm{number:02}.example.org")
        AuditEntry.objects.update(last_updated=timezone.now() - datetime.timedelta(days=1000))
        first, second = page(as_bob, "user/alice/"), page(as_bob, "user/alice/?history=2")
        assert "vm19.example.org" in first
        assert "vm00.example.org" not in first
        assert "vm00.example.org" in second
        assert "?history=2#history" in first

    def test_a_groups_history_is_what_was_done_to_it(self, as_bob: Browser, people: Any) -> None:
        audit.record(Actor(people["dora"]), "Member added", person="noc")
        assert "Member added" in page(as_bob, "group/noc/")

    def test_what_people_do_to_themselves_names_them_once(self, as_bob: Browser, people: Any) -> None:
        audit.record(Actor(people["alice"]), "Sign-in", person="alice")
        assert "Signed in" in page(as_bob, "user/alice/")
        assert not re.search(r"Signed in\s*(<[^>]*>\s*)*alice", page(as_bob, "user/alice/"))

    def test_the_history_finds_whom_something_was_done_to(self, as_bob: Browser, people: Any) -> None:
        audit.record(Actor(people["dora"]), "Renamed the account", person="alice")
        assert "Renamed the account" in as_bob.get("/history/?q=alice").content.decode()


class TestCost:
    def test_a_group_of_many_is_not_loaded(
        self, as_bob: Browser, vms: None, django_assert_max_num_queries: Any
    ) -> None:
        noc = Group.objects.get(name="noc")
        members = User.objects.bulk_create(User(username=f"member{number:04}") for number in range(2000))
        User.groups.through.objects.bulk_create(
            User.groups.through(user_id=member.pk, group_id=noc.pk) for member in members
        )
        with django_assert_max_num_queries(16):
            text = page(as_bob, "group/noc/")
        assert "All 2,002 as a list" in text
        assert text.count("/user/info/user/member") < 30
        assert "member0049" in as_bob.get("/user/list/?group=noc&page=2").content.decode()

    def test_a_page_costs_the_same_queries_for_few_and_many(
        self, as_bob: Browser, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        estate.put("north", *(estate.instance(f"vm{number:03}.example.org") for number in range(200)))
        for number in range(40):
            audit.record(Actor(people["alice"]), "Start", cluster="north", instance=f"vm{number:03}.example.org")
        with django_assert_max_num_queries(24):
            page(as_bob, "user/alice/")


class TestPanels:
    def test_a_room_adds_a_section_where_it_has_something_to_say(
        self, as_bob: Browser, people: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(panels, "_panels", [])
        mine = panels.Panel(
            "components/_notice.html", lambda request, kind, name: {"lead": name} if kind == "user" else None
        )
        panels.register(mine, mine)
        assert panels._panels == [mine]
        assert page(as_bob, "user/alice/").count('<div class="notice">') == 1
        assert page(as_bob, "group/noc/").count('<div class="notice">') == 0
