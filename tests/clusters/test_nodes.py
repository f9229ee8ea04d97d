"""The list of nodes and the page of one: all clusters, from the inventory, for those who see everything."""

import re
import time
from typing import Any

import pytest
from django.test import Client as Browser

from apps.clusters import inventories, nodes
from apps.clusters.models import Job
from ganeti.objects import ROLES
from tests import estate
from tests.clusters import halls

pytestmark = pytest.mark.django_db
LIST = "/cluster/nodes/"
ONE = "/cluster/nodes/north/node1.example.org/"


def names(response: Any) -> list[tuple[str, str]]:
    """(cluster, name) of the rows, in their order."""
    return re.findall(r'<tr id="node-([a-z]+)-([^"]+)"', response.content.decode())


def row_of(page: str, name: str) -> str:
    return page.partition(f'<tr id="node-north-{name}"')[2].partition("</tr>")[0]


@pytest.fixture
def two_clusters(db: None) -> None:
    halls.put(
        "north",
        estate.instance("web.example.org", pnode="node1.example.org", snodes=("node2.example.org",), vcpus=8),
        estate.instance("off.example.org", pnode="node1.example.org", status="ADMIN_down", oper_state=False, vcpus=8),
        nodes=(
            halls.node("node1.example.org", "M", memory_free=60 * 1024),
            halls.node("node2.example.org", "C", memory_free=2 * 1024),
            halls.node("node3.example.org", "R", group="rack2", primary_ip="10.0.0.33"),
            halls.node("node4.example.org", "D", group="rack2"),
            halls.silent_node("node5.example.org", "O"),
        ),
        groups=(halls.group(), halls.group("rack2", tags=("locked",))),
    )
    halls.put("south", nodes=(halls.node("node1.example.org", "M", memory_free=10 * 1024),))


class TestWhoSeesNodes:
    @pytest.mark.parametrize("name", ["bob", "carla", "dora"])
    @pytest.mark.parametrize("page", [LIST, ONE])
    def test_the_helpdesk_and_superusers_do(self, sign_in: Any, two_clusters: None, name: str, page: str) -> None:
        assert sign_in(name).get(page).status_code == 200

    @pytest.mark.parametrize("name", ["alice", "charlie", "erik"])
    @pytest.mark.parametrize("page", [LIST, ONE, "/cluster/nodes/north/none/", "/cluster/nodes/none/none/"])
    def test_others_may_not_whether_there_is_such_a_node_or_not(
        self, sign_in: Any, two_clusters: None, name: str, page: str
    ) -> None:
        assert sign_in(name).get(page).status_code == 403

    def test_a_node_that_does_not_exist_is_not_found(self, as_bob: Browser, two_clusters: None) -> None:
        assert as_bob.get("/cluster/nodes/north/node9.example.org/").status_code == 404
        assert as_bob.get("/cluster/nodes/south/node2.example.org/").status_code == 404
        assert as_bob.get("/cluster/nodes/none/node1.example.org/").status_code == 404

    def test_a_disabled_cluster_is_left_out(self, as_dora: Browser, two_clusters: None) -> None:
        row = halls.put("south")
        row.disabled = True
        row.save()
        assert {cluster for cluster, _ in names(as_dora.get(LIST))} == {"north"}
        assert as_dora.get("/cluster/nodes/south/node1.example.org/").status_code == 404

    def test_the_navigation_leads_there(self, as_bob: Browser, as_alice: Browser) -> None:
        assert f'href="{LIST}"' in as_bob.get("/").content.decode()
        assert f'href="{LIST}"' not in as_alice.get("/").content.decode()


class TestTheList:
    def test_all_nodes_of_all_clusters_stand_cluster_by_cluster(self, as_bob: Browser, two_clusters: None) -> None:
        found = names(as_bob.get(LIST))
        assert found == [
            *(("north", f"node{number}.example.org") for number in range(1, 6)),
            ("south", "node1.example.org"),
        ]

    def test_all_five_roles_are_told_in_words(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(LIST).content.decode()
        words = ("Master", "Candidate", "Regular", "Drained", "Offline")
        assert len(ROLES) == len(words)
        for number, word in enumerate(words, start=1):
            assert word in row_of(page, f"node{number}.example.org")

    def test_memory_is_a_bar_with_its_figure_and_what_is_free(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(LIST).content.decode()
        full, roomy = row_of(page, "node2.example.org"), row_of(page, "node1.example.org")
        assert "97 %" in full and "2 of 64\xa0GiB free" in full and "nearly full" in full
        assert "6 %" in roomy and "nearly full" not in roomy and "high" not in roomy

    def test_virtual_cpus_of_running_vms_stand_against_the_real_ones(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(LIST).content.decode()
        assert "8 on 16, up to 64" in row_of(page, "node1.example.org")
        assert "0 on 16, up to 64" in row_of(page, "node2.example.org")

    def test_primary_and_secondary_vms_are_counted(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(LIST).content.decode()
        counts = [
            re.findall(r'class="num col-opt">(?:<a[^>]*>)?(\d+)', row_of(page, f"node{n}.example.org")) for n in (1, 2)
        ]
        assert counts == [["2", "0"], ["0", "1"]]

    def test_an_offline_node_tells_nothing_and_is_hatched(self, as_bob: Browser, two_clusters: None) -> None:
        row = row_of(as_bob.get(LIST).content.decode(), "node5.example.org")
        assert row.count("not told") == 3
        assert row.startswith(' class="silent"')
        assert " %" not in row

    def test_a_group_under_maintenance_is_marked(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(LIST).content.decode()
        assert "Maintenance" in row_of(page, "node3.example.org")
        assert "Maintenance" not in row_of(page, "node1.example.org")

    def test_shared_storage_is_said_instead_of_a_nodes_disk(self, as_bob: Browser) -> None:
        halls.put("north", info=halls.info(enabled_disk_templates=("rbd", "ext")))
        assert "shared storage" in row_of(as_bob.get(LIST).content.decode(), "node1.example.org")

    def test_a_node_that_does_not_answer_though_nobody_took_it_out_is_said(self, as_bob: Browser) -> None:
        halls.put("north", nodes=(halls.node("node1.example.org", "M"), halls.silent_node("node2.example.org", "C")))
        page = as_bob.get(LIST).content.decode()
        assert "Does not answer" in row_of(page, "node2.example.org")
        assert names(as_bob.get(f"{LIST}?role=silent")) == [("north", "node2.example.org")]

    def test_old_ganeti_without_roles_is_understood_by_flags(self, as_bob: Browser) -> None:
        halls.put(
            "north", nodes=(halls.node("a", ""), halls.node("b", "", drained=True), halls.node("c", "", offline=True))
        )
        page = as_bob.get(LIST).content.decode()
        for name, word in (("a", "Unknown"), ("b", "Drained"), ("c", "Offline")):
            assert word in row_of(page, name)


class TestSearchSortFilter:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("role=candidate", [2]),
            ("role=drained", [4]),
            ("role=offline", [5]),
            ("cluster=north&role=master", [1]),
            ("cluster=north&group=rack2", [3, 4]),
            ("q=NODE3", [3]),
            ("q=10.0.0.33", [3]),
            ("q=node+rack2&role=regular", [3]),
            ("q=nothing", []),
            ("group=nothing", []),
        ],
    )
    def test_each_narrows_the_list(self, as_bob: Browser, two_clusters: None, query: str, found: list[int]) -> None:
        expected = [("north", f"node{number}.example.org") for number in found]
        assert names(as_bob.get(f"{LIST}?{query}")) == expected

    @pytest.mark.parametrize("key", nodes.SORT_KEYS)
    @pytest.mark.parametrize("sign", ["", "-"])
    def test_every_column_orders_the_list(self, as_bob: Browser, two_clusters: None, key: str, sign: str) -> None:
        rows = [row for _, snapshot in _snapshots() for row in nodes.of_snapshot(snapshot).rows]
        expected = sorted(rows, key=nodes.SORT_KEYS[key], reverse=bool(sign))
        assert names(as_bob.get(f"{LIST}?sort={sign}{key}")) == [(row.cluster, row.name) for row in expected]

    def test_the_fullest_node_of_all_clusters_comes_first(self, as_bob: Browser, two_clusters: None) -> None:
        assert names(as_bob.get(f"{LIST}?sort=-memory"))[:2] == [
            ("north", "node2.example.org"),
            ("south", "node1.example.org"),
        ]

    def test_roles_are_counted_over_what_else_was_chosen(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get(f"{LIST}?group=rack2&role=drained").content.decode()
        counts = dict(re.findall(r'(All|Master|Regular|Drained|Offline) <span class="n">(\d+)', page))
        assert counts == {"All": "2", "Master": "0", "Regular": "1", "Drained": "1", "Offline": "0"}

    @pytest.mark.parametrize(
        "query", ["sort=rubbish", "cluster=none", "role=%00", "page=-3", "page=x", "group=" + "x" * 999]
    )
    def test_rubbish_in_the_address_still_shows_a_page(self, as_bob: Browser, two_clusters: None, query: str) -> None:
        assert as_bob.get(f"{LIST}?{query}").status_code == 200

    def test_nothing_found_is_not_having_nothing(self, as_bob: Browser, two_clusters: None) -> None:
        assert "No node matches" in as_bob.get(f"{LIST}?q=nothing").content.decode()

    def test_a_cluster_of_150_nodes_comes_in_pages_under_one_heading_each(self, as_bob: Browser) -> None:
        many = tuple(halls.node(f"node{number:03}.example.org") for number in range(150))
        halls.put("north", nodes=many)
        pages = [as_bob.get(f"{LIST}?page={number}") for number in (1, 2, 3)]
        assert [len(names(page)) for page in pages] == [50, 50, 50]
        assert len({name for page in pages for name in names(page)}) == 150
        assert all(page.content.decode().count('class="group-row"') == 1 for page in pages)
        assert "150 nodes" in pages[2].content.decode()


def _snapshots() -> Any:
    from apps.clusters import fleet

    return fleet.snapshots()


class TestMonitoring:
    def test_each_node_leads_to_its_place_in_the_monitoring(
        self, as_bob: Browser, two_clusters: None, settings: Any
    ) -> None:
        settings.SERVER_MONITORING_URL = "https://monitoring.example.org/hosts/"
        for page in (LIST, ONE):
            found = as_bob.get(page).content.decode()
            assert 'href="https://monitoring.example.org/hosts/node1.example.org"' in found

    def test_without_one_nothing_leads_there(self, as_bob: Browser, two_clusters: None, settings: Any) -> None:
        settings.SERVER_MONITORING_URL = ""
        for page in (LIST, ONE):
            assert "Monitoring" not in as_bob.get(page).content.decode()


class TestSilentClusters:
    @pytest.fixture
    def silent(self, two_clusters: None) -> None:
        head = {"state": "unreachable", "error": "no answer within 15 s", "failing_since": time.time() - 180}
        halls.put("south", head=head)

    def test_their_nodes_stay_hatched_and_a_notice_names_them(self, as_bob: Browser, silent: None) -> None:
        page = as_bob.get(LIST).content.decode()
        assert "south has not answered for" in page
        assert "Its 2 nodes are shown as they were at" in page
        assert re.search(r'<tr id="node-south-node1.example.org" class="silent"', page)

    def test_a_node_of_a_cluster_that_was_never_seen_is_not_said_to_be_missing(self, as_bob: Browser) -> None:
        estate.put("north")
        inventories.store().forget("north")
        inventories.store().claim("collect-north", 60)  # nobody looks meanwhile
        response = as_bob.get(ONE)
        assert response.status_code == 200
        assert "Nothing is known of it just now" in response.content.decode()


class TestOneNode:
    def test_it_shows_its_vms_and_those_that_it_mirrors(self, as_bob: Browser, two_clusters: None) -> None:
        first = as_bob.get(ONE).content.decode()
        second = as_bob.get("/cluster/nodes/north/node2.example.org/").content.decode()
        primary = first.partition('id="primary"')[2]
        assert "web.example.org" in primary and "off.example.org" in primary
        assert 'id="secondary"' not in first
        assert "web.example.org" in second.partition('id="secondary"')[2]
        assert "No VM has its place on this node." in second

    def test_its_vms_come_in_pages(self, as_bob: Browser) -> None:
        halls.put("north", *(estate.instance(f"vm{number:02}.example.org") for number in range(30)))
        page = as_bob.get(f"{ONE}?primary=2").content.decode()
        assert "vm29.example.org" in page and "vm00.example.org" not in page

    def test_it_tells_what_it_has(self, as_bob: Browser) -> None:
        told = {
            "cpu_sockets": 2,
            "cpu_nodes": 4,
            "memory_own": 1536,
            "secondary_ip": "10.9.9.9",
            "master_capable": True,
        }
        halls.put("north", nodes=(halls.node("node1.example.org", "M", **told),))
        page = as_bob.get(ONE).content.decode()
        for fact in ("2 sockets, 4 NUMA nodes", "1.5\xa0GiB", "10.9.9.9", "32 of 64\xa0GiB free", 'group=default"'):
            assert fact in page

    def test_what_it_does_not_tell_is_said(self, as_bob: Browser, two_clusters: None) -> None:
        page = as_bob.get("/cluster/nodes/north/node5.example.org/").content.decode()
        assert "This node is offline." in page
        assert page.count("not told") >= 5

    def test_it_shows_what_was_done_to_its_vms_and_to_no_others(self, as_bob: Browser, two_clusters: None) -> None:
        cluster = estate.Cluster.objects.get(slug="north")
        other = estate.Cluster.objects.get(slug="south")
        mine = {"kind": "reboot", "requester_name": "alice", "state": "failed", "error": "Ganeti said no"}
        Job.objects.create(cluster=cluster, instance="web.example.org", job_id=4711, **mine)
        Job.objects.create(cluster=cluster, instance="elsewhere.example.org", job_id=4712, **mine)
        Job.objects.create(cluster=other, instance="web.example.org", job_id=4713, **mine)
        jobs = as_bob.get(ONE).content.decode().partition('id="jobs"')[2]
        assert "Reboot: failed" in jobs and "Ganeti said no" in jobs and "Job 4711" in jobs and "alice" in jobs
        assert "Job 4712" not in jobs and "Job 4713" not in jobs

    def test_hostile_names_are_texts(self, as_bob: Browser) -> None:
        evil = "<script>alert(1)</script>"
        halls.put("north", nodes=(halls.node("node1.example.org", "M", group=evil, tags=(evil,), primary_ip=evil),))
        for page in (LIST, ONE, f"{LIST}?sort=group", "/cluster/detail/?cluster=north"):
            assert evil not in as_bob.get(page).content.decode()


class TestCost:
    def test_pages_cost_the_same_queries_for_few_and_many(
        self, as_bob: Browser, django_assert_max_num_queries: Any
    ) -> None:
        for slug in ("north", "south", "west"):
            vms = (estate.instance(f"vm{number}.example.org", slug) for number in range(40))
            halls.put(slug, *vms, nodes=tuple(halls.node(f"node{number}.example.org") for number in range(1, 60)))
        for page in (LIST, ONE):
            with django_assert_max_num_queries(9):
                as_bob.get(page)

    def test_an_unchanged_list_is_a_304_for_one_read_of_the_store(self, as_bob: Browser, two_clusters: None) -> None:
        first = as_bob.get(LIST, headers={"HX-Request": "true"})
        before = inventories.store().reads
        again = as_bob.get(LIST, headers={"HX-Request": "true", "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, inventories.store().reads) == (304, before + 1)
        assert again.headers["X-As-Of"]

    def test_less_free_memory_is_news(self, as_bob: Browser) -> None:
        halls.put("north")
        first = as_bob.get(LIST)
        halls.put("north", nodes=(halls.node("node1.example.org", "M", memory_free=1), halls.node("node2.example.org")))
        again = as_bob.get(LIST, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 200

    def test_a_snapshots_figures_are_worked_out_once(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(nodes, "_of_snapshots", {})
        halls.put("north")
        snapshot = inventories.store().snapshot("north")
        assert snapshot is not None
        assert nodes.of_snapshot(snapshot) is nodes.of_snapshot(snapshot)
