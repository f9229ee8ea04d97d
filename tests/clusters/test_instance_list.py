"""The list at /: whose instances, searched, sorted, filtered, and honest about clusters that say nothing."""

import re
import time
from typing import Any

import pytest
from django.test import Client as Browser

from apps.clusters.models import Job
from tests import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_clusters(db: None) -> None:
    estate.put(
        "north",
        estate.instance("web.example.org", memory=4096),
        estate.instance("db.example.org", status="ADMIN_down", oper_state=False, memory=1024),
        estate.instance("noc.example.org", owners=("group:noc",)),
        estate.instance("foreign.example.org", owners=("users:user01",)),
    )
    estate.put(
        "south",
        estate.instance("web.example.org", "south", owners=("user:alice",), memory=512),
        estate.instance("odd.example.org", "south", status="ERROR_down", tags=("ganetimgr:needsreboot",)),
    )


def names(response: Any) -> list[tuple[str, str]]:
    """(cluster, name) of the rows, in their order."""
    return re.findall(r'class="name" href="/instances/([^/"]+)/([^/"]+)/"', response.content.decode())


class TestWhoSeesWhat:
    def test_an_owner_sees_exactly_their_instances_of_all_clusters(self, as_alice: Browser, two_clusters: None) -> None:
        assert set(names(as_alice.get("/"))) == {
            ("north", "web.example.org"),
            ("north", "db.example.org"),
            ("south", "web.example.org"),
            ("south", "odd.example.org"),
        }

    def test_a_groups_member_sees_the_groups_instances(self, as_erik: Browser, two_clusters: None) -> None:
        assert names(as_erik.get("/")) == [("north", "noc.example.org")]

    def test_a_stranger_sees_an_empty_page_that_says_what_to_do(self, as_charlie: Browser, two_clusters: None) -> None:
        page = as_charlie.get("/").content.decode()
        assert "You have no VMs yet" in page
        assert "foreign.example.org" not in page

    @pytest.mark.parametrize("name", ["bob", "carla", "dora"])
    def test_helpdesk_and_superusers_see_everything(self, sign_in: Any, two_clusters: None, name: str) -> None:
        assert len(names(sign_in(name).get("/"))) == 6

    def test_the_helpdesk_gets_its_columns_and_no_verbs(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get("/").content.decode()
        assert "node1.example.org" in page
        assert "user01" in page
        assert "shutdown/" not in page

    def test_an_owner_is_told_neither_nodes_nor_other_peoples_names(
        self, as_alice: Browser, two_clusters: None
    ) -> None:
        page = as_alice.get("/").content.decode()
        assert "node1.example.org" not in page
        assert "user01" not in page

    def test_nobody_is_sent_to_the_sign_in(self, client: Browser) -> None:
        assert client.get("/").headers["Location"].startswith("/user/login/")

    def test_a_disabled_cluster_is_left_out(self, as_dora: Browser, two_clusters: None) -> None:
        row = estate.put("north")
        row.disabled = True
        row.save()
        assert {cluster for cluster, _ in names(as_dora.get("/"))} == {"south"}


class TestSearchSortFilter:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=WEB", ["web.example.org", "web.example.org"]),
            ("q=web+192.0.2.7", ["web.example.org", "web.example.org"]),
            ("q=aa:00:00:00:00:01&cluster=south", ["odd.example.org", "web.example.org"]),
            ("status=stopped", ["db.example.org"]),
            ("status=attention", ["odd.example.org"]),
            ("tag=ganetimgr:needsreboot", ["odd.example.org"]),
            ("q=nothing-like-it", []),
        ],
    )
    def test_each_narrows_the_list(self, as_alice: Browser, two_clusters: None, query: str, found: list[str]) -> None:
        assert [name for _, name in names(as_alice.get(f"/?{query}"))] == found

    def test_nothing_found_is_not_having_nothing(self, as_alice: Browser, two_clusters: None) -> None:
        page = as_alice.get("/?q=nothing-like-it").content.decode()
        assert "No VM matches" in page
        assert "You have no VMs yet" not in page

    @pytest.mark.parametrize("key", ["name", "cluster", "node", "status", "cpus", "memory", "disk"])
    @pytest.mark.parametrize("sign", ["", "-"])
    def test_every_order_works(self, as_dora: Browser, two_clusters: None, key: str, sign: str) -> None:
        assert len(names(as_dora.get(f"/?sort={sign}{key}"))) == 6

    def test_order_by_memory_is_by_number(self, as_alice: Browser, two_clusters: None) -> None:
        found = names(as_alice.get("/?sort=-memory"))
        assert found[0] == ("north", "web.example.org")
        assert found[-1] == ("south", "web.example.org")

    @pytest.mark.parametrize(
        "query", ["sort=rubbish", "cluster=none", "status=%00", "page=-3", "page=x", "tag=" + "x" * 500]
    )
    def test_rubbish_in_the_address_still_shows_a_list(self, as_alice: Browser, two_clusters: None, query: str) -> None:
        assert as_alice.get(f"/?{query}").status_code == 200

    def test_many_instances_come_in_pages(self, as_dora: Browser, db: None) -> None:
        estate.put("north", *(estate.instance(f"vm{number:03}.example.org") for number in range(120)))
        assert len(names(as_dora.get("/"))) == 50
        assert len(names(as_dora.get("/?page=3"))) == 20


class TestCost:
    def test_a_page_costs_the_same_queries_for_few_and_many(
        self, as_dora: Browser, django_assert_max_num_queries: Any, db: None
    ) -> None:
        estate.put("north", *(estate.instance(f"vm{number:03}.example.org") for number in range(200)))
        with django_assert_max_num_queries(8):
            as_dora.get("/")

    def test_an_unchanged_page_is_a_304_for_one_read_of_the_store(self, as_alice: Browser, two_clusters: None) -> None:
        from apps.clusters import inventories

        etag = as_alice.get("/", headers={"HX-Request": "true"}).headers["ETag"]
        before = inventories.store().reads
        response = as_alice.get("/", headers={"HX-Request": "true", "If-None-Match": etag})
        assert response.status_code == 304
        assert inventories.store().reads == before + 1
        assert response.headers["X-As-Of"]

    def test_a_new_generation_a_jobs_news_and_another_language_are_changes(
        self, as_alice: Browser, two_clusters: None
    ) -> None:
        from apps.clusters import inventories

        def etag(**headers: str) -> str:
            return as_alice.get("/", headers={"HX-Request": "true", **headers}).headers["ETag"]

        seen = {etag()}
        estate.put("south", estate.instance("new.example.org", "south"))
        seen.add(etag())
        inventories.store().bump("north")
        seen.add(etag())
        seen.add(etag(**{"Accept-Language": "el"}))
        assert len(seen) == 4


class TestManyClusters:
    """What somebody else's clusters do costs an owner nothing."""

    @pytest.fixture
    def foreign_south(self, db: None) -> None:
        estate.put("north", estate.instance("web.example.org"))
        estate.put("south", estate.instance("foreign.example.org", "south", owners=("users:user01",)))

    def test_a_change_elsewhere_leaves_an_owners_page_unchanged(self, as_alice: Browser, foreign_south: None) -> None:
        etag = as_alice.get("/").headers["ETag"]
        estate.put("south", estate.instance("new.example.org", "south", owners=("users:user01",)))
        assert as_alice.get("/", headers={"If-None-Match": etag}).status_code == 304
        estate.put("south", estate.instance("mine.example.org", "south"))
        assert ("south", "mine.example.org") in names(as_alice.get("/", headers={"If-None-Match": etag}))

    def test_owners_choose_among_the_clusters_that_have_theirs(self, as_alice: Browser, foreign_south: None) -> None:
        page = as_alice.get("/").content.decode()
        assert '<option value="north">' in page
        assert '<option value="south">' not in page

    def test_owners_hear_of_silence_where_they_have_something(
        self, as_alice: Browser, as_bob: Browser, foreign_south: None
    ) -> None:
        silent = {"state": "unreachable", "collected_at": time.time() - 200, "failing_since": time.time() - 180}
        estate.put("south", estate.instance("foreign.example.org", "south", owners=("users:user01",)), head=silent)
        assert "has not answered" not in as_alice.get("/").content.decode()
        assert "has not answered" in as_bob.get("/").content.decode()

    def test_only_clusters_on_the_page_are_looked_at_more_often(self, as_alice: Browser, foreign_south: None) -> None:
        from apps.clusters import inventories

        as_alice.get("/")
        assert inventories.store().watched() == {"north"}


class TestHonesty:
    @pytest.fixture
    def silent_east(self, db: None) -> None:
        estate.put("north", estate.instance("web.example.org"))
        estate.put(
            "east",
            estate.instance("old.example.org", "east"),
            description="East",
            head={
                "state": "unreachable",
                "error": "10.0.0.9 refuses connections",
                "collected_at": time.time() - 200,
                "failing_since": time.time() - 180,
            },
        )

    def test_a_silent_cluster_is_named_with_its_age_and_its_instances_stay(
        self, as_alice: Browser, silent_east: None
    ) -> None:
        response = as_alice.get("/")
        assert ("east", "old.example.org") in names(response)
        assert "East has not answered for" in response.content.decode()
        assert 'class="silent"' in response.content.decode()

    def test_hosts_and_ports_are_told_to_staff_only(
        self, as_alice: Browser, as_bob: Browser, silent_east: None
    ) -> None:
        assert "10.0.0.9 refuses" in as_bob.get("/").content.decode()
        assert "10.0.0.9" not in as_alice.get("/").content.decode()
        assert "10.0.0.9" not in as_alice.get("/instances/east/old.example.org/").content.decode()

    def test_a_cluster_never_seen_is_being_collected_which_is_not_empty(self, as_alice: Browser, db: None) -> None:
        from apps.clusters.models import Cluster

        Cluster.objects.create(slug="new", hostname="127.0.0.1", port=1, username="u", description="New")
        page = as_alice.get("/").content.decode()
        assert "Collecting" in page
        assert "You have no VMs yet" not in page

    def test_a_pending_job_is_on_the_row(self, as_alice: Browser, two_clusters: None, people: Any) -> None:
        cluster = estate.put("north", estate.instance("web.example.org"))
        Job.objects.create(
            cluster=cluster,
            instance="web.example.org",
            kind=Job.Kind.REBOOT,
            holds=Job.hold_on(cluster, "web.example.org"),
            requested_by=people["alice"],
        )
        assert "Rebooting" in as_alice.get("/").content.decode()

    def test_unknown_states_and_hostile_names_are_shown_escaped(self, as_dora: Browser, db: None) -> None:
        estate.put("north", estate.instance("<script>alert(1)<x>", status="<b>WEIRD</b>", os='"><img src=x>'))
        page = as_dora.get("/").content.decode()
        assert "<script>alert" not in page
        assert "<b>WEIRD" not in page
        assert "<img src=x" not in page

    def test_an_instance_without_cards_and_disks_and_with_4096_tags_is_shown(self, as_dora: Browser, db: None) -> None:
        tags = tuple(f"stranger:{number}" for number in range(4096))
        estate.put("north", estate.instance("bare.example.org", nics=(), disks=(), tags=tags))
        assert names(as_dora.get("/")) == [("north", "bare.example.org")]
        assert as_dora.get("/instances/north/bare.example.org/").status_code == 200

    def test_maintenance_lock_isolation_and_reboot_are_marked_on_the_row(self, as_alice: Browser, db: None) -> None:
        marks = ("ganetimgr:adminlock", "ganetimgr:isolate", "ganetimgr:needsreboot")
        estate.put("north", estate.instance("web.example.org", tags=marks), locked=True)
        page = as_alice.get("/").content.decode()
        for word in ("Locked", "Isolated", "Needs reboot", "Maintenance"):
            assert word in page, word
