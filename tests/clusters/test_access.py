"""The lock, the isolation and the network that is let in: who may, what follows, what is refused, where it shows."""

import json
from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, fleet, holding, moving
from apps.clusters.models import Cluster, Job
from ganeti.objects import Node
from tests import estate
from tests.contract.powers import add_cluster, watch_until
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

NAME = "web.example.org"
LOCK = f"/instances/lock/{NAME}/?cluster=north"
ISOLATE = f"/instances/isolate/{NAME}/?cluster=north"
LET_IN = f"/instances/north/{NAME}/subnet/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
NODES = (
    Node(name="node1.example.org", role="M", group="default"),
    Node(name="node2.example.org", role="C", group="default"),
    Node(name="node3.example.org", role="D", group="default", drained=True),
    Node(name="node4.example.org", role="C", group="other"),
)
DRBD: dict[str, Any] = {"disk_template": "drbd", "hypervisor": "kvm", "snodes": ("node2.example.org",)}
PLAIN: dict[str, Any] = {"disk_template": "plain", "hypervisor": "kvm"}


def put(*tags: str, nodes: tuple[Node, ...] = NODES, **fields: Any) -> Cluster:
    """Alice's instance as the inventory knows it, among four nodes."""
    one = estate.instance(NAME, tags=tuple(f"ganetimgr:{tag}" for tag in tags), **fields)
    return estate.put("north", one, nodes=nodes)


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    """A simulated cluster with Alice's instance on DRBD, which runs."""
    row = add_cluster(ganeti.endpoint())
    world = ganeti.server.world
    with world.lock:
        world.add_instance(
            NAME, "node1.north.example.org", tags=["ganetimgr:users:alice"], disk_template="drbd",
            snodes=["node2.north.example.org"],
        )  # fmt: skip
    put(**DRBD)
    return row


def tag(ganeti: SimulatedSide, *tags: str, **fields: Any) -> None:
    """The instance carries these, on the cluster and in the inventory."""
    ganeti.server.world.instances[NAME].tags += [f"ganetimgr:{each}" for each in tags]
    put(*tags, **{**DRBD, **fields})


def tags_of(ganeti: SimulatedSide) -> set[str]:
    return {each.removeprefix("ganetimgr:") for each in ganeti.server.world.instances[NAME].tags} - {"users:alice"}


def finish() -> None:
    watch_until(lambda: not Job.objects.unfinished().exists())


def history() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "detail", "outcome"))


class TestLocking:
    def test_the_help_desk_with_the_permission_locks_and_unlocks(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        carla = sign_in("carla")
        assert "Locking" in carla.post(LOCK, {"adminlock": "true"}, follow=True).content.decode()
        finish()
        assert tags_of(ganeti) == {"adminlock"}
        put("adminlock", **DRBD)
        carla.post(LOCK, {"adminlock": "false"})
        finish()
        assert tags_of(ganeti) == set()
        assert history() == [("Lock Instance", "", "succeeded"), ("Unlock Instance", "", "succeeded")]

    @pytest.mark.parametrize("who", ["alice", "bob"])
    @pytest.mark.parametrize("address", [LOCK, ISOLATE])
    def test_others_do_not(self, sign_in: Any, north: Cluster, who: str, address: str) -> None:
        browser = sign_in(who)
        assert browser.get(address).status_code == 403
        assert browser.post(address, {"adminlock": "on", "isolate": "on"}).status_code == 403
        assert not Job.objects.exists()

    def test_neither_the_lock_nor_maintenance_stops_the_help_desk(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        locked = estate.instance(NAME, tags=("ganetimgr:adminlock",), **DRBD)
        estate.put("north", locked, locked=True)
        sign_in("carla").post(ISOLATE, {"isolate": "on"})
        assert Job.objects.get().kind == Job.Kind.ADD_TAGS

    def test_a_pending_job_and_a_silent_cluster_stop_them(self, sign_in: Any, north: Cluster) -> None:
        carla = sign_in("carla")
        put(**DRBD)
        estate.put("north", estate.instance(NAME, **DRBD), head={"state": "unreachable", "error": "timed out"})
        assert "does not answer" in carla.post(LOCK, {"adminlock": "on"}, follow=True).content.decode()
        put(**DRBD)
        carla.post(LOCK, {"adminlock": "on"})
        answer = carla.post(ISOLATE, {"isolate": "on"}, follow=True).content.decode()
        assert "other changes wait until this ends" in answer
        assert Job.objects.count() == 1

    def test_two_clicks_in_the_same_moment_are_one(self, people: Any, north: Cluster) -> None:
        first, second = fleet.find("north", NAME), fleet.find("north", NAME)
        assert first
        assert second
        holding.lock(first, Actor(people["carla"]), on=True)
        with pytest.raises(actions.Refused, match="faster"):
            holding.lock(second, Actor(people["dora"]), on=True)

    @pytest.mark.parametrize("value", ["on", "true", "1", "True", "yes"])
    def test_scripts_say_it_in_their_ways(self, as_dora: Browser, north: Cluster, value: str) -> None:
        response = as_dora.post(LOCK, {"adminlock": value}, headers=SCRIPT)
        assert (response.status_code, response.json()) == (200, {"result": "success"})
        assert Job.objects.count() == 1

    @pytest.mark.parametrize("value", ["", "0", "false", "off", None])
    def test_and_what_is_so_already_is_a_success(self, as_dora: Browser, north: Cluster, value: str | None) -> None:
        response = as_dora.post(LOCK, {} if value is None else {"adminlock": value}, headers=SCRIPT)
        assert (response.status_code, response.json()) == (200, {"result": "success"})
        assert not Job.objects.exists()

    def test_a_refusal_has_its_reason(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        ganeti.faults.drained = True
        response = as_dora.post(LOCK, {"adminlock": "on"}, headers=SCRIPT)
        assert (response.status_code, response.json()["result"]) == (409, "failure")
        assert "takes no jobs now" in response.json()["reason"]

    def test_one_comes_back_to_the_page_that_asked(self, as_dora: Browser, north: Cluster) -> None:
        response = as_dora.post(LOCK, {"adminlock": "on", "next": f"/instances/north/{NAME}/"})
        assert response.headers["Location"] == f"/instances/north/{NAME}/"
        elsewhere = as_dora.post(LOCK, {"adminlock": "on", "next": "//evil.example/"})
        assert elsewhere.headers["Location"] == LOCK

    def test_the_same_name_on_two_clusters_is_two_instances(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        estate.put("south", estate.instance(NAME, "south", tags=("ganetimgr:adminlock",)))
        as_dora.post(LOCK, {"adminlock": "on"})
        assert Job.objects.get().cluster.slug == "north"


class TestIsolating:
    def test_it_moves_to_another_node_so_that_it_takes_effect(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        answer = sign_in("carla").post(ISOLATE, {"isolate": "on"}, follow=True).content.decode()
        assert "so that this takes effect at once" in answer
        finish()
        assert tags_of(ganeti) == {"isolate"}
        assert ganeti.server.world.instances[NAME].pnode == "node2.north.example.org"
        assert history() == [("Isolate", "", "succeeded"), ("Migrate", "", "succeeded")]

    def test_the_end_of_it_too_and_what_was_let_in_stays_noted(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        tag(ganeti, "isolate", "whitelist_ip:192.0.2.0/28")
        carla = sign_in("carla")
        carla.post(ISOLATE, {"isolate": "false"})
        finish()
        assert tags_of(ganeti) == {"whitelist_ip:192.0.2.0/28"}
        assert [action for action, _, _ in history()] == ["De-Isolate", "Migrate"]
        put("whitelist_ip:192.0.2.0/28", **DRBD)
        assert "let in when it is isolated again" in carla.get(ISOLATE).content.decode()

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            (PLAIN, "It cannot move to another node while it runs"),
            ({**PLAIN, "disk_template": "file"}, "It cannot move to another node while it runs"),
            ({**DRBD, "hypervisor": "lxc"}, "It cannot move to another node while it runs"),
            ({**DRBD, "status": "ADMIN_down"}, "this takes effect when it is started"),
            ({**DRBD, "snodes": ("node3.example.org",)}, "There is no other node"),
        ],
    )
    def test_where_it_cannot_move_a_sentence_says_when_it_counts(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster, fields: dict[str, Any], sentence: str
    ) -> None:
        put(**fields)
        carla = sign_in("carla")
        assert sentence in carla.get(ISOLATE).content.decode(), "before"
        assert sentence in carla.post(ISOLATE, {"isolate": "on"}, follow=True).content.decode(), "and afterwards"
        finish()
        assert [action for action, _, _ in history()] == ["Isolate"]

    @pytest.mark.parametrize("template", ["sharedfile", "gluster", "rbd", "ext", "blockdev", "diskless"])
    def test_storage_that_all_nodes_see_moves_to_any_node_of_the_group(self, people: Any, template: str) -> None:
        put(disk_template=template, hypervisor="kvm")
        vm = fleet.find("north", NAME)
        assert vm
        assert moving.why_not_live(vm) == ""

    def test_and_to_none_where_the_others_take_no_instances(self, people: Any) -> None:
        put(disk_template="rbd", hypervisor="kvm", nodes=(NODES[0], NODES[2], NODES[3]))
        vm = fleet.find("north", NAME)
        assert vm
        assert "There is no other node" in moving.why_not_live(vm)

    def test_a_migration_that_fails_is_told_in_ganetis_words(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        ganeti.server.world.instances[NAME].running_on = ""  # it went down, and the inventory does not know yet
        carla = sign_in("carla")
        carla.post(ISOLATE, {"isolate": "on"})
        finish()
        assert [(action, outcome) for action, _, outcome in history()] == [
            ("Isolate", "succeeded"),
            ("Migrate", "failed"),
        ]
        assert "please use failover" in carla.get(f"/instances/north/{NAME}/").content.decode()


class TestLettingIn:
    def let_in(self, browser: Browser, text: str) -> str:
        return browser.post(LET_IN, {"whitelist_ip": text}, follow=True).content.decode()

    @pytest.mark.parametrize("who", ["alice", "carla", "dora"])
    def test_owner_help_desk_and_superuser_let_a_network_in(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster, who: str
    ) -> None:
        tag(ganeti, "isolate")
        self.let_in(sign_in(who), "2001:0DB8:1:0::/64")
        finish()
        assert tags_of(ganeti) == {"isolate", "whitelist_ip:2001:db8:1::/64"}
        assert history() == [("Add whitelist", "2001:db8:1::/64", "succeeded"), ("Migrate", "", "succeeded")]

    def test_another_one_takes_the_place_of_the_old(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        tag(ganeti, "isolate", "whitelist_ip:192.0.2.0/24", "whitelist_ip:2001:db8::/32")
        self.let_in(as_alice, "192.0.2.7")
        finish()
        assert tags_of(ganeti) == {"isolate", "whitelist_ip:192.0.2.7/32"}
        assert history() == [
            ("Remove whitelist", "192.0.2.0/24, 2001:db8::/32", "succeeded"),
            ("Add whitelist", "192.0.2.7/32", "succeeded"),
            ("Migrate", "", "succeeded"),
        ]

    def test_left_empty_nobody_is_let_in(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        tag(ganeti, "isolate", "whitelist_ip:192.0.2.0/28")
        self.let_in(as_alice, "")
        finish()
        assert tags_of(ganeti) == {"isolate"}
        assert [action for action, _, _ in history()] == ["Remove whitelist", "Migrate"]

    def test_the_same_again_is_no_job(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        tag(ganeti, "isolate", "whitelist_ip:192.0.2.0/28")
        assert "it was so already" in self.let_in(as_alice, "192.0.2.0/28")
        assert not Job.objects.exists()

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("192.0.2.0/25", "too wide: at most a /26"),
            ("2001:db8::/48", "too wide: at most a /64"),
            ("192.0.2.7/28", "write 192.0.2.0/28 for the network, or 192.0.2.7 alone"),
            ("0.0.0.0", "Nobody has an address"),
            ("::", "Nobody has an address"),
            ("0.0.0.0/0", "Nobody has an address"),
            ("127.0.0.0/28", "Nobody has an address"),
            ("::1", "Nobody has an address"),
            ("224.0.0.0/28", "Nobody has an address"),
            ("ff02::1", "Nobody has an address"),
            ("255.255.255.255", "Nobody has an address"),
            ("::ffff:192.0.2.0/124", "Write this as an IPv4 network"),
            ("web.example.org", "neither an address nor a network"),
            ("192.0.2.0/28; reboot", "neither an address nor a network"),
            ("fe80::1%eth0", "neither an address nor a network"),
            ("192.0.2.0/33", "neither an address nor a network"),
            ("192.0.02.0/28", "neither an address nor a network"),
            ("1" * 65, "at most 64 characters"),
        ],
    )
    def test_what_cannot_be_let_in_is_a_sentence_at_the_field(
        self, as_alice: Browser, people: Any, text: str, sentence: str
    ) -> None:
        put("isolate")
        answer = self.let_in(as_alice, text)
        assert sentence in answer
        assert f'value="{text}"' in answer, "what was typed is not lost"
        assert 'aria-invalid="true"' in answer
        assert not Job.objects.exists()

    def test_the_site_says_how_wide_it_may_be(self, as_alice: Browser, people: Any, settings: Any) -> None:
        settings.WHITELIST_IP_MAX_SUBNET_V4 = settings.WHITELIST_IP_MAX_SUBNET_V6 = 30
        put("isolate")
        assert "at most a /30" in self.let_in(as_alice, "192.0.2.0/29")

    def test_only_while_it_is_isolated(self, as_alice: Browser, north: Cluster) -> None:
        assert 'name="whitelist_ip"' not in as_alice.get(LET_IN).content.decode()
        assert "everybody can reach it" in self.let_in(as_alice, "192.0.2.7")
        assert not Job.objects.exists()

    def test_the_lock_stops_the_owner_and_not_the_help_desk(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        tag(ganeti, "isolate", "adminlock")
        assert "An administrator has locked this instance" in self.let_in(sign_in("alice"), "192.0.2.7")
        self.let_in(sign_in("carla"), "192.0.2.7")
        assert Job.objects.get().requester_name == "carla"

    def test_who_only_looks_does_not(self, as_bob: Browser, people: Any) -> None:
        put("isolate")
        assert as_bob.post(LET_IN, {"whitelist_ip": "192.0.2.7"}).status_code == 403

    def test_a_script_reads_the_reason(self, as_alice: Browser, people: Any) -> None:
        put("isolate")
        response = as_alice.post(LET_IN, {"whitelist_ip": "192.0.2.0/8"}, headers=SCRIPT)
        assert (response.status_code, response.json()["result"]) == (409, "failure")


class TestWhereItShows:
    def text(self, browser: Browser, path: str = f"/instances/north/{NAME}/") -> str:
        return browser.get(path).content.decode()

    @pytest.mark.parametrize("path", ["/", "/?q=web", f"/instances/north/{NAME}/"])
    @pytest.mark.parametrize("who", ["alice", "bob", "dora"])
    def test_the_list_a_search_and_the_page_say_who_is_let_in(
        self, sign_in: Any, people: Any, path: str, who: str
    ) -> None:
        put("isolate", "whitelist_ip:192.0.2.0/28", "adminlock")
        page = self.text(sign_in(who), path)
        assert "Isolated" in page
        assert "lets 192.0.2.0/28 in" in page
        assert "Locked" in page

    def test_the_page_warns_where_nobody_reaches_it_and_leads_to_the_form(self, as_alice: Browser, people: Any) -> None:
        put("isolate")
        page = self.text(as_alice)
        assert "Nobody can reach it" in page
        assert f'href="{LET_IN}"' in page

    def test_who_may_only_look_is_led_nowhere(self, as_bob: Browser, people: Any) -> None:
        put("isolate", "adminlock")
        page = self.text(as_bob)
        assert LET_IN not in page
        assert "/instances/lock/" not in page

    def test_who_locked_it_and_when_is_said_as_far_as_it_is_known(
        self, as_alice: Browser, sign_in: Any, people: Any
    ) -> None:
        put("adminlock")
        assert "Locked by an administrator." in self.text(as_alice)
        entry = audit.record(Actor(people["dora"]), "Lock Instance", cluster="north", instance=NAME)
        assert "Locked by an administrator." in self.text(as_alice), "it has not ended yet"
        audit.conclude(entry.pk, "succeeded")
        assert "Locked by dora." in self.text(as_alice)
        assert f'href="{LOCK}"' in self.text(sign_in("carla"))

    def test_the_lock_of_a_namesake_elsewhere_is_another_story(self, as_alice: Browser, people: Any) -> None:
        put("adminlock")
        entry = audit.record(Actor(people["dora"]), "Lock Instance", cluster="south", instance=NAME)
        audit.conclude(entry.pk, "succeeded")
        assert "Locked by an administrator." in self.text(as_alice)

    def test_a_locked_page_costs_one_question_more(
        self, as_alice: Browser, people: Any, django_assert_num_queries: Any
    ) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        put()
        with CaptureQueriesContext(connection) as usual:
            self.text(as_alice)
        put("adminlock")
        with django_assert_num_queries(len(usual) + 1):
            self.text(as_alice)

    def test_each_reader_has_their_own_panels(self, sign_in: Any, people: Any) -> None:
        put("isolate")
        path = f"/instances/north/{NAME}/access/"
        has = {
            who: [
                word in self.text(sign_in(who), path)
                for word in ("Change owners", "access-lock", 'name="isolate"', "whitelist_ip")
            ]
            for who in ("alice", "carla", "dora")
        }
        assert has == {
            "alice": [True, False, False, True],
            "carla": [False, True, True, True],
            "dora": [True, True, True, True],
        }

    def test_a_panel_renews_itself_alone(self, as_dora: Browser, people: Any) -> None:
        put()
        headers = {"HX-Request": "true", "HX-Target": "access", "HX-Current-URL": f"http://testserver{LOCK}"}
        part = as_dora.get(f"/instances/north/{NAME}/access/?part=lock", headers=headers).content.decode()
        assert "<html" not in part
        assert "access-isolation" not in part
        assert f'name="next" value="{LOCK}"' in part

    def test_a_button_that_is_off_says_why(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance(NAME), head={"state": "unreachable", "error": "timed out"})
        page = self.text(as_dora, LOCK)
        assert 'value="true" disabled' in page
        assert "Changes are possible again as soon as it does" in page

    def test_ganeti_is_not_asked_for_a_page(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        before = len(ganeti.requests)
        for path in (LOCK, ISOLATE, LET_IN, f"/instances/north/{NAME}/access/"):
            as_dora.get(path)
        assert len(ganeti.requests) == before


def test_the_finder_answers_json_to_everybody_signed_in(as_charlie: Browser, people: Any) -> None:
    assert json.loads(as_charlie.get("/tagusergrps?q=zz").content) == []
