"""What is offered to a reviewer, what is not and why: from the inventory alone."""

import time
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Group

from apps.applications import placement
from apps.applications.placement import ClusterOffer, Placement
from apps.clusters import inventories
from apps.clusters.models import Cluster, Network
from ganeti.inventory import Head, Snapshot
from ganeti.objects import ClusterInfo, NetworkConnection, Node, NodeGroup
from ganeti.objects import Network as GanetiNetwork
from tests import estate

pytestmark = pytest.mark.django_db


def node(name: str, group: str = "default", **fields: Any) -> Node:
    return Node(**{"name": name, "group": group, "role": "R", "memory_free": 4096, "memory_total": 8192, **fields})


def network(name: str, mode: str = "routed", group: str = "default", **fields: Any) -> GanetiNetwork:
    known = {"network": "192.0.2.0/24", "free": 10, "reserved": 5, **fields}
    return GanetiNetwork(name=name, connections=(NetworkConnection(group, mode, f"link-{name}"),), **known)


def put(
    nodes: tuple[Node, ...] = (node("one"),),
    groups: tuple[NodeGroup, ...] = (NodeGroup(name="default"),),
    networks: tuple[GanetiNetwork, ...] = (network("public"),),
    templates: tuple[str, ...] = ("plain", "drbd"),
    tags: tuple[str, ...] = (),
    state: str = "ok",
) -> Cluster:
    row = estate.put("north")
    info = ClusterInfo(name="north", software_version="3.0.2", enabled_disk_templates=templates, tags=tags)
    snapshot = Snapshot("north", 2, nodes=nodes, groups=groups, networks=networks, info=info)
    head = Head("north", generation=2, state=state, collected_at=time.time(), may_change=True)
    inventories.store().put_snapshot(snapshot, head)
    return row


def the_offer() -> ClusterOffer:
    [offer] = placement.offers()
    return offer


def wrong(**fields: Any) -> dict[str, str]:
    """What is said against a placement that is good but for these fields."""
    memory = fields.pop("memory", 1024)
    good = {"cluster": "north", "node_group": "default", "network": "ganeti:public", "disk_template": "plain"}
    chosen = Placement.of({**good, **fields})
    return {name: str(sentence) for name, sentence in placement.problems(the_offer(), chosen, memory=memory).items()}


class TestClusters:
    def test_a_cluster_without_new_vms_says_so(self) -> None:
        put()
        Cluster.objects.update(disable_instance_creation=True)
        assert "No new VMs" in str(the_offer().why_not)
        assert "cluster" in wrong()

    def test_a_silent_one_says_so(self) -> None:
        put(state="unreachable")
        assert "does not answer" in str(the_offer().why_not)

    def test_one_that_lets_us_only_look_says_so(self) -> None:
        put()
        store = inventories.store()
        head = store.head("north")
        assert head is not None
        store.put_head(msgspec.structs.replace(head, may_change=False))
        assert "look" in str(the_offer().why_not)

    def test_one_of_which_nothing_is_known_says_so(self) -> None:
        Cluster.objects.create(slug="new", hostname="new.example.org", disabled=False)
        assert "Nothing is known" in str(the_offer().why_not)

    def test_a_disabled_one_is_not_offered(self) -> None:
        put()
        Cluster.objects.update(disabled=True)
        assert placement.offers() == []

    def test_all_offers_cost_a_fixed_number_of_queries(self, django_assert_num_queries: Any) -> None:
        put()
        for number in range(5):
            estate.put(f"more{number}")
        with django_assert_num_queries(3):
            assert len(placement.offers()) == 6


class TestDiskTemplates:
    def test_external_storage_is_offered_once_for_each_provider(self) -> None:
        put(templates=("plain", "ext"), tags=("ganetimgr:ext:archipelago", "ganetimgr:ext:rbd", "other:ext:x"))
        assert the_offer().disk_templates == ("plain", "archipelago[ext]", "rbd[ext]")

    def test_one_that_the_cluster_does_not_have_is_refused(self) -> None:
        put()
        assert list(wrong(disk_template="rbd")) == ["disk_template"]


class TestGroups:
    def test_room_is_that_of_nodes_that_can_take_vms(self) -> None:
        put(nodes=(node("one"), node("two", drained=True), node("three", offline=True), node("four", vm_capable=False)))
        group = the_offer().groups[0]
        assert (group.memory_free, group.memory_total, group.unusable) == (4096, 8192, 3)

    def test_an_unallocable_group_is_not_offered_and_says_why(self) -> None:
        put(groups=(NodeGroup(name="default", alloc_policy="unallocable"),))
        assert "unallocable" in wrong()["node_group"]

    def test_a_group_all_drained_is_not_offered_and_says_why(self) -> None:
        put(nodes=(node("one", drained=True),))
        assert "drained" in wrong()["node_group"]

    def test_a_vm_that_fits_no_machine_is_refused_with_the_figures(self) -> None:
        put(nodes=(node("one", memory_free=1000), node("two", memory_free=1500)))
        assert wrong(memory=1500) == {}
        assert "2000 MiB" in wrong(memory=2000)["node_group"]
        assert "1500" in wrong(memory=2000)["node_group"]

    def test_volume_groups_come_from_the_groups_tags(self) -> None:
        put(groups=(NodeGroup(name="default", tags=("vg:fast", "vg:", "locked")),))
        assert the_offer().groups[0].volume_groups == ("default", "fast")
        assert wrong(vgs="fast") == {}
        assert list(wrong(vgs="other")) == ["vgs"]


class TestNetworks:
    def test_routed_ones_lead_and_of_each_kind_the_one_with_most_addresses(self) -> None:
        put(networks=(network("lan", "bridged", free=99), network("small", free=1), network("large", free=50)))
        assert [one.label.split()[0] for one in the_offer().groups[0].networks] == ["large", "small", "lan"]

    def test_only_those_that_reach_the_group(self) -> None:
        put(networks=(network("public"), network("elsewhere", group="rack2")))
        assert [one.value for one in the_offer().groups[0].networks] == ["ganeti:public"]
        assert list(wrong(network="ganeti:elsewhere")) == ["network"]

    def test_a_full_one_says_so(self) -> None:
        put(networks=(network("public", free=0),))
        assert "no free address" in wrong()["network"]

    def test_networks_kept_by_hand_are_offered_in_every_group_of_their_cluster(self) -> None:
        row = put(groups=(NodeGroup(name="default"), NodeGroup(name="rack2")))
        kept = Network.objects.create(cluster=row, description="old", link="br0", mode="bridged", cluster_default=True)
        kept.groups.add(Group.objects.create(name="noc"))
        assert all(group.network(f"hand:{kept.pk}") for group in the_offer().groups)


class TestNodes:
    def test_named_ones_belong_to_the_group_and_can_take_vms(self) -> None:
        put(nodes=(node("one"), node("two"), node("gone", offline=True), node("far", "rack2")))
        assert wrong(nodes=["one"]) == {}
        assert wrong(nodes=["one", "two"], disk_template="drbd") == {}
        for nodes in (["gone"], ["far"], ["nobody"], ["one", "two"]):
            assert list(wrong(nodes=nodes)) == ["nodes"], nodes

    def test_drbd_needs_two_different_ones(self) -> None:
        put(nodes=(node("one"), node("two")))
        assert list(wrong(nodes=["one", "one"], disk_template="drbd")) == ["nodes"]


def test_what_is_stored_comes_back() -> None:
    chosen = Placement("north", "default", "ganeti:public", "drbd", "fast", ("one", "two"))
    assert Placement.of(chosen.stored) == chosen


@pytest.mark.parametrize("rubbish", [{}, {"cluster": None, "nodes": "one"}, {"nodes": [None]}, {"vgs": 7}])
def test_rubbish_that_is_stored_is_a_placement_that_nobody_accepts(rubbish: dict[str, Any]) -> None:
    put()
    assert placement.problems(the_offer(), Placement.of(rubbish), memory=1)
