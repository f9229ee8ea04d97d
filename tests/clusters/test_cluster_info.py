"""How clusters are: the overview, the page of one, and what is wrong right now, in sentences."""

import datetime
import re
import time
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apps.clusters import fleet, inventories, problems, troubles
from apps.clusters.fleet import Fleet
from apps.clusters.models import Cluster, Job
from apps.clusters.troubles import Trouble
from ganeti.errors import Busy
from ganeti.objects import Instance, Network
from tests import estate
from tests.clusters import halls

pytestmark = pytest.mark.django_db
ALL = "/cluster/detail/"
ONE = "/cluster/detail/?cluster=north"
SILENT = {"state": "unreachable", "error": "no answer within 15 s", "failing_since": 1_700_000_000.0}


@pytest.fixture
def dora(people: Any) -> Any:
    return people["dora"]


def wrong(dora: Any, slug: str = "north") -> dict[str, Trouble]:
    """What is wrong with a cluster, by kind."""
    seen = Fleet(dora)
    return {trouble.kind: trouble for trouble in troubles.of_cluster(seen, seen.clusters[slug])}


def vm(name: str, pnode: str = "node1.example.org", **fields: Any) -> Instance:
    return estate.instance(f"{name}.example.org", pnode=pnode, **fields)


class TestWhoSeesClusters:
    @pytest.mark.parametrize(("name", "status"), [("bob", 200), ("carla", 200), ("dora", 200), ("alice", 403)])
    @pytest.mark.parametrize("page", [ALL, ONE])
    def test_only_those_who_see_everything(self, sign_in: Any, name: str, status: int, page: str) -> None:
        halls.put("north", vm("web"))
        assert sign_in(name).get(page).status_code == status

    def test_an_unknown_cluster_is_not_found_and_told_to_nobody_else(self, sign_in: Any) -> None:
        assert sign_in("bob").get(f"{ALL}?cluster=none").status_code == 404
        assert sign_in("alice").get(f"{ALL}?cluster=none").status_code == 403


class TestOverview:
    def test_it_tells_state_version_counts_and_capacity_of_each(self, as_bob: Browser) -> None:
        halls.put("north", vm("web"), vm("off", status="ADMIN_down", oper_state=False))
        halls.put("south", head=SILENT, nodes=(halls.node(role="M"), halls.silent_node("node2.example.org", "O")))
        page = as_bob.get(ALL).content.decode()
        north, south = (page.partition(f'id="cluster-{slug}"')[2].partition("</tr>")[0] for slug in ("north", "south"))
        for fact in ("Answers", "3.0.2", ">2<", "1 running", "64 of 128\xa0GiB free", "1.5 of 2\xa0TiB free"):
            assert fact in north
        assert "Does not answer" in south and "no answer within 15 s" in south and "1 at work" in south
        assert south.startswith(' class="silent"')
        assert "1 of 2 clusters answer" in page

    def test_it_can_be_narrowed_to_those_with_trouble(self, as_bob: Browser) -> None:
        halls.put("north")
        halls.put("south", nodes=(halls.node(role="M"), halls.node("node2.example.org", "D")))
        rows = re.findall(r'id="cluster-(\w+)"', as_bob.get(f"{ALL}?show=trouble").content.decode())
        assert rows == ["south"]

    @pytest.mark.parametrize("key", ["name", "trouble", "version", "vms", "nodes", "memory", "disk", "age", "rubbish"])
    def test_every_order_shows_all_clusters(self, as_bob: Browser, key: str) -> None:
        for slug in ("north", "south", "west"):
            halls.put(slug, head=SILENT if slug == "west" else {})
        for sign in ("", "-"):
            page = as_bob.get(f"{ALL}?sort={sign}{key}").content.decode()
            assert sorted(re.findall(r'id="cluster-(\w+)"', page)) == ["north", "south", "west"]

    def test_the_worst_comes_first_when_asked(self, as_bob: Browser) -> None:
        halls.put("north")
        halls.put("south", head=SILENT)
        assert re.findall(r'id="cluster-(\w+)"', as_bob.get(f"{ALL}?sort=trouble").content.decode())[0] == "south"

    def test_a_site_without_clusters_says_how_to_add_one(self, as_bob: Browser) -> None:
        assert "manage.py cluster add" in as_bob.get(ALL).content.decode()

    def test_it_costs_the_same_queries_for_few_and_many(
        self, as_bob: Browser, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            halls.put(f"c{number:02}", vm("web"))
        with django_assert_max_num_queries(7):
            as_bob.get(ALL)


class TestOneCluster:
    def test_it_tells_how_it_is_set_up(self, as_bob: Browser) -> None:
        halls.put("north", info=halls.info(architecture=("64bits", "x86_64"), tags=("room:7",)))
        page = as_bob.get(ONE).content.decode()
        for fact in (
            "Ganeti 3.0.2", "node1.example.org", "<strong>kvm</strong>, fake", "drbd, plain", "xenvg", "aa:00:07",
            "64bits, x86_64", "room:7", "127.0.0.1:1",
        ):  # fmt: skip
            assert fact in page

    def test_it_tells_the_instance_policy(self, as_bob: Browser) -> None:
        halls.put("north")
        policy = as_bob.get(ONE).content.decode().partition('id="policy"')[2]
        for fact in (
            "128\xa0MiB",
            "32\xa0GiB",
            "512\xa0MiB",
            "1\xa0TiB",
            ">8<",
            "Up to 4 virtual CPUs for each real one.",
        ):
            assert fact in policy

    def test_what_an_old_ganeti_does_not_tell_is_said(self, as_bob: Browser) -> None:
        halls.put("north", info=halls.info(policy=None, enabled_disk_templates=(), master=""), groups=())
        page = as_bob.get(ONE).content.decode()
        assert page.partition('id="policy"')[2].partition("</section>")[0].count("not told") == 1
        assert page.count("not told") >= 4
        assert "This cluster tells of no node groups." in page

    def test_its_vms_are_counted_by_state_and_lead_to_themselves(self, as_bob: Browser) -> None:
        off = {"status": "ADMIN_down", "oper_state": False}
        halls.put("north", vm("a"), vm("b"), vm("c", **off), vm("d", status="ERROR_down", oper_state=False))
        page = as_bob.get(ONE).content.decode()
        counts = dict(re.findall(r"cluster=north&amp;status=(\w+)\">(\d)<", page))
        assert counts == {"running": "2", "stopped": "1", "attention": "1"}
        assert re.search(r'<rect class="ok" x="0.00%" width="50.00%"', page)

    def test_its_groups_have_capacity_and_volume_groups(self, as_bob: Browser) -> None:
        halls.put(
            "north", vm("a"), groups=(halls.group(tags=("vg:fast",)), halls.group("rack2", alloc_policy="unallocable")),
            nodes=(halls.node(role="M"), halls.node("node2.example.org", "D"), halls.node("n3", group="rack2")),
        )  # fmt: skip
        groups = as_bob.get(ONE).content.decode().partition('id="groups"')[2].partition("</section>")[0]
        first, second = groups.partition("<tbody>")[2].split("</tr>")[:2]
        for fact in ("preferred", "1 usable", "64 of 128\xa0GiB free", "xenvg, fast", "2 on 32, up to 128"):
            assert fact in first
        assert "takes no new VMs" in second and "32 of 64\xa0GiB free" in second

    def test_its_networks_show_free_and_reserved_addresses(self, as_bob: Browser) -> None:
        halls.put("north", networks=(halls.network("XXX............X"),))
        networks = as_bob.get(ONE).content.decode().partition('id="networks"')[2].partition("</section>")[0]
        for fact in ("192.0.2.0/28", "12 of 16 free; 2 used by VMs, 2 reserved", "the first free one is 192.0.2.3"):
            assert fact in networks
        drawn = re.findall(r'<rect class="(\w+)" x="(\d+)" y="0" width="(\d+)"', networks)
        assert drawn == [("external", "0", "1"), ("taken", "1", "2"), ("external", "15", "1")]

    def test_a_large_network_is_counted_and_not_drawn(self, as_bob: Browser) -> None:
        halls.put("north", networks=(halls.network("X" + "." * 4095, "10.0.0.0/20", "10.0.0.0"),))
        networks = as_bob.get(ONE).content.decode().partition('id="networks"')[2].partition("</section>")[0]
        assert "4,095 of 4,096 free" in networks
        assert "netmap" not in networks

    def test_nothing_known_is_not_nothing_there(self, as_bob: Browser) -> None:
        halls.put("north")
        inventories.store().forget("north")
        inventories.store().claim("collect-north", 60)
        page = as_bob.get(ONE).content.decode()
        assert "Nothing is known of north yet." in page
        assert "Node groups" not in page

    def test_a_silent_cluster_shows_what_was_known_and_since_when_it_is_silent(self, as_bob: Browser) -> None:
        halls.put("north", vm("web"), head={**SILENT, "collected_at": time.time() - 3600})
        page = as_bob.get(ONE).content.decode()
        assert "north does not answer." in page
        assert "no answer within 15 s" in page
        assert "1 running" in page
        assert "updated" not in page

    def test_an_unchanged_page_is_a_304(self, as_bob: Browser) -> None:
        halls.put("north")
        for page in (ALL, ONE):
            etag = as_bob.get(page).headers["ETag"]
            assert as_bob.get(page, headers={"If-None-Match": etag}).status_code == 304


class TestWhatIsWrong:
    def test_nothing_is_where_all_is_well(self, dora: Any, as_bob: Browser) -> None:
        halls.put("north", vm("web"))
        assert wrong(dora) == {}
        assert "Nothing, as far as is known." in as_bob.get(ONE).content.decode()

    @pytest.mark.parametrize("state", ["unreachable", "untrusted", "denied", "broken"])
    def test_a_cluster_that_is_not_well_is_urgent_and_says_what_to_do(self, dora: Any, state: str) -> None:
        halls.put("north", head={**SILENT, "state": state})
        found = wrong(dora)[state]
        assert found.is_urgent and "north" in found.sentence and found.advice
        assert found.more == "no answer within 15 s"
        assert found.since == datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC)

    def test_a_changed_certificate_is_told_from_silence(self, dora: Any) -> None:
        halls.put("north", head={**SILENT, "state": "untrusted"})
        assert "another certificate" in str(wrong(dora)["untrusted"].sentence)
        assert "cluster check" in str(wrong(dora)["untrusted"].advice)

    def test_nodes_that_are_not_told_of_any_more_are_said(self, dora: Any) -> None:
        halls.put("north", head={"slow_error": "no complete answer within 30 s", "slow_at": time.time() - 600})
        assert wrong(dora)["old-nodes"].more == "no complete answer within 30 s"

    def test_a_user_who_may_only_read_is_said(self, dora: Any) -> None:
        halls.put("north", head={"may_change": False})
        assert set(wrong(dora)) == {"read-only"}

    def test_nodes_out_of_service_are_named_with_what_they_strand(self, dora: Any) -> None:
        gone = "node3.example.org"
        lost = vm("lost", gone, status="ERROR_nodeoffline", oper_state=None)
        nodes = (halls.node(role="M"), halls.silent_node("node2.example.org", "O"), halls.silent_node(gone, "O"))
        halls.put("north", lost, nodes=nodes)
        found = wrong(dora)
        assert (found["stranded"].family, found["offline"].family) == ("bad", "warn")
        assert gone in found["stranded"].sentence and "1 VM" in found["stranded"].advice
        assert found["stranded"].url == f"/cluster/nodes/north/{gone}/"

    def test_drained_and_silent_nodes_are_told_apart(self, dora: Any) -> None:
        nodes = (halls.node(role="M"), halls.node("d1", "D"), halls.node("d2", "D"), halls.silent_node("quiet"))
        halls.put("north", nodes=nodes)
        found = wrong(dora)
        assert found["drained"].sentence == "d1, d2 are drained."
        assert found["drained"].url == "/cluster/nodes/?cluster=north&role=drained"
        assert found["silent-nodes"].sentence == "quiet does not answer."
        assert found["silent-nodes"].is_urgent

    def test_many_are_counted_instead_of_named(self, dora: Any) -> None:
        nodes = (halls.node(role="M"), *(halls.node(f"d{number}", "D") for number in range(1, 9)))
        halls.put("north", nodes=nodes)
        assert wrong(dora)["drained"].sentence == "d1, d2, d3, d4, d5 and 3 more are drained."

    def test_maintenance_is_held_and_not_broken(self, dora: Any) -> None:
        halls.put("north", vm("web"), groups=(halls.group(tags=("locked",)),))
        found = wrong(dora)["maintenance"]
        assert (found.family, found.about) == ("hold", "default")
        assert "1 VM" in found.advice

    def test_vms_that_are_not_as_they_should_be_lead_to_the_list(self, dora: Any) -> None:
        halls.put("north", vm("a", status="ERROR_down", oper_state=False), vm("b", status="ERROR_up"))
        found = wrong(dora)["instances"]
        assert found.sentence == "2 VMs are not as they should be."
        assert found.url == "/?cluster=north&status=attention"

    @pytest.mark.parametrize(
        ("taken", "family"), [("X" * 16, "bad"), ("X" * 13 + "...", "warn"), ("X" * 12 + "....", ""), (".X", "")]
    )
    def test_networks_without_addresses_are_told_before_they_are_full(self, dora: Any, taken: str, family: str) -> None:
        halls.put("north", networks=(halls.network(taken, "192.0.2.0/28", ""),))
        found = wrong(dora).get("addresses")
        assert (found.family if found else "") == family

    def test_a_network_that_does_not_count_is_not_suspected(self, dora: Any) -> None:
        halls.put("north", networks=(Network("old", network="192.0.2.0/24"),))
        assert wrong(dora) == {}

    @pytest.mark.parametrize(("free", "family"), [(2, "bad"), (5, "warn"), (16, "")])
    def test_memory_that_runs_out_is_told_by_group(self, dora: Any, free: int, family: str) -> None:
        halls.put("north", nodes=(halls.node(role="M", memory_free=free * 1024),))
        found = wrong(dora).get("memory")
        assert (found.family if found else "") == family

    def test_nodes_that_take_nothing_new_are_no_room(self, dora: Any) -> None:
        nodes = (halls.node(role="M", memory_free=1024), halls.node("d", "D", memory_free=60 * 1024))
        halls.put("north", nodes=nodes)
        assert wrong(dora)["memory"].about == "default"

    def test_too_few_keepers_of_the_configuration_are_told(self, dora: Any) -> None:
        nodes = (halls.node(role="M"), halls.node("r1"), halls.node("r2", master_capable=False))
        halls.put("north", nodes=nodes, info=halls.info(candidate_pool_size=10))
        assert "Only 1 node" in wrong(dora)["candidates"].sentence
        assert "2" in wrong(dora)["candidates"].advice
        halls.put("north", nodes=nodes, info=halls.info(candidate_pool_size=None))
        assert "candidates" not in wrong(dora)


class TestIfANodeFails:
    """Only what is certain: where the sum alone is too large."""

    def test_mirrored_vms_need_room_on_their_second_node(self, dora: Any) -> None:
        drbd = {"disk_template": "drbd", "snodes": ("node2.example.org",), "memory": 40 * 1024}
        halls.put("north", vm("a", **drbd))
        found = wrong(dora)["shortage"]
        assert "node1.example.org" in found.sentence
        assert found.advice == "They need 40\xa0GiB of memory, and node2.example.org has 32\xa0GiB free."

    @pytest.mark.parametrize(
        "fields",
        [
            {"disk_template": "drbd", "snodes": ("node2.example.org",), "memory": 32 * 1024},  # fits
            {
                "disk_template": "drbd",
                "snodes": ("node2.example.org",),
                "memory": 40 * 1024,
                "oper_state": False,
            },  # off
            {"disk_template": "plain", "memory": 40 * 1024},  # can go nowhere anyway
            {"disk_template": "rbd", "memory": 32 * 1024},
        ],
    )
    def test_what_may_fit_is_not_told(self, dora: Any, fields: dict[str, Any]) -> None:
        halls.put("north", vm("a", **fields))
        assert "shortage" not in wrong(dora)

    def test_vms_on_shared_storage_need_room_on_all_others_together(self, dora: Any) -> None:
        halls.put(
            "north", vm("a", disk_template="rbd", memory=20 * 1024), vm("b", disk_template="rbd", memory=20 * 1024)
        )
        assert "default have 32\xa0GiB free together" in wrong(dora)["shortage"].advice

    def test_nothing_is_certain_while_a_node_does_not_tell(self, dora: Any) -> None:
        nodes = (halls.node(role="M"), halls.node("node2.example.org"), halls.silent_node("node3.example.org"))
        halls.put("north", vm("a", disk_template="rbd", memory=40 * 1024), nodes=nodes)
        assert "shortage" not in wrong(dora)

    def test_a_group_of_one_node_has_no_other(self, dora: Any) -> None:
        halls.put("north", vm("a", disk_template="rbd", memory=40 * 1024), nodes=(halls.node(role="M"),))
        assert "shortage" not in wrong(dora)


class TestADrainedQueue:
    """Ganeti tells of it only who asks for a job: what it said last to us counts."""

    def refused(self, cluster: Cluster, **fields: Any) -> Job:
        error = problems.in_english(Busy("north", "Queue drained"), cluster.label)
        return Job.objects.create(cluster=cluster, instance="a", kind="startup", state="failed", error=error, **fields)

    def test_a_refused_change_tells_it_in_ganetis_words(self, dora: Any) -> None:
        self.refused(halls.put("north"))
        found = wrong(dora)["queue"]
        assert found.is_urgent
        assert found.more == "Queue drained"

    def test_a_job_that_was_taken_since_ends_it(self, dora: Any) -> None:
        cluster = halls.put("north")
        self.refused(cluster, created=timezone.now() - datetime.timedelta(hours=1))
        assert "queue" in wrong(dora)
        Job.objects.create(cluster=cluster, instance="b", kind="startup", job_id=7, submitted=timezone.now())
        assert "queue" not in wrong(dora)

    def test_it_is_forgotten_after_a_day_and_concerns_one_cluster(self, dora: Any) -> None:
        halls.put("south")
        self.refused(halls.put("north"), created=timezone.now() - datetime.timedelta(days=2))
        assert wrong(dora) == wrong(dora, "south") == {}

    def test_another_failure_is_none(self, dora: Any) -> None:
        Job.objects.create(cluster=halls.put("north"), instance="a", kind="startup", state="failed", error="no memory")
        assert wrong(dora) == {}


def test_the_worst_is_named_first_and_all_clusters_at_once(dora: Any) -> None:
    halls.put("north", nodes=(halls.node(role="M"), halls.node("d", "D"), halls.silent_node("quiet")))
    halls.put("south", head=SILENT)
    found = troubles.of_all(Fleet(dora))
    assert [trouble.kind for trouble in found["north"]] == ["silent-nodes", "drained"]
    assert [trouble.kind for trouble in found["south"]] == ["unreachable"]


def test_owners_get_nothing_of_it(people: Any) -> None:
    halls.put("north", vm("web"), nodes=(halls.node("d", "D"),))
    assert troubles.of_all(Fleet(people["alice"])) == {"north": []}
    assert fleet.sees_everything(people["bob"])
