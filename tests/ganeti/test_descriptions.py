"""What clusters, groups and networks tell of themselves: understood from every Ganeti, and bounded whoever answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganeti.inventory import Snapshot
from ganeti.objects import MAX_MAP, ClusterInfo, Network, Node, NodeGroup, Policy, Spec
from ganeti.store_format import Format

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def network(**raw: Any) -> Network:
    told = {
        "name": "net",
        "network": "192.0.2.0/29",
        "map": "XX.X...X",
        "external_reservations": "192.0.2.0, 192.0.2.7",
    }
    return Network.from_rapi({**told, "free_count": 4, "reserved_count": 4, **raw})


def test_the_recorded_cluster_tells_its_policy() -> None:
    info = ClusterInfo.from_rapi(sample("info"))
    assert info.policy is not None
    assert (info.policy.vcpu_ratio, info.policy.spindle_ratio) == (8.0, 32.0)
    [(least, most)] = info.policy.bounds
    assert least == Spec(memory=128, cpus=1, disk=1024, disks=1, nics=1, spindles=1)
    assert (most.memory, most.cpus, most.disk) == (32768, 8, 1048576)
    assert (info.mac_prefix, info.candidate_pool_size, info.architecture) == ("aa:00:01", 2, ("64bits", "x86_64"))


def test_a_policy_before_2_9_has_one_pair_of_bounds() -> None:
    policy = Policy.from_rapi({"min": {"memory-size": 128}, "max": {"memory-size": 1024}, "std": {}, "vcpu-ratio": 4.0})
    assert policy is not None
    assert [(least.memory, most.memory) for least, most in policy.bounds] == [(128, 1024)]


@pytest.mark.parametrize("raw", [None, {}, [], "rubbish", 7])
def test_before_2_6_there_is_no_policy(raw: Any) -> None:
    assert Policy.from_rapi(raw) is None
    assert NodeGroup.from_rapi({"name": "default", "ipolicy": raw}).policy is None


@pytest.mark.parametrize(
    "raw",
    [
        {"minmax": [7, None, {"min": [], "max": {"memory-size": "x"}}]},
        {"minmax": {"min": 1}, "vcpu-ratio": "many", "spindle-ratio": float("inf")},
        {"vcpu-ratio": float("nan"), "spindle-ratio": -1},
        {"minmax": [{"min": {}, "max": {}}] * 5000},
    ],
)
def test_a_policy_of_rubbish_is_bounded_and_says_nothing(raw: dict[str, Any]) -> None:
    policy = Policy.from_rapi(raw)
    assert policy is not None
    assert len(policy.bounds) <= 16
    assert {value for pair in policy.bounds for spec in pair for value in (spec.memory, spec.cpus)} <= {None}
    assert policy.vcpu_ratio is None and policy.spindle_ratio is None


def test_each_address_of_a_network_is_known() -> None:
    found = network()
    assert found.places == "EX.X...E"
    assert (found.external, found.by_instances, found.next_free) == (2, 2, "192.0.2.2")


def test_a_full_network_has_no_next_address() -> None:
    assert network(map="X" * 8).next_free == ""


@pytest.mark.parametrize("taken", ["." * (MAX_MAP + 1), "", None, 7, ["X"]])
def test_a_large_network_is_only_counted(taken: Any) -> None:
    found = network(map=taken, network="10.0.0.0/8")
    assert (found.places, found.next_free, found.taken_map) == ("", "", b"")
    assert found.free == 4


@pytest.mark.parametrize("given", ["rubbish", "", "192.0.2.0/33", None])
def test_a_map_of_no_network_is_not_drawn(given: Any) -> None:
    assert (network(network=given).places, network(network=given).next_free) == ("", "")


@pytest.mark.parametrize("reserved", ["rubbish", "2001:db8::1", "203.0.113.1", ", ,", None])
def test_reservations_that_make_no_sense_reserve_nothing(reserved: Any) -> None:
    assert "E" not in network(external_reservations=reserved).places


def test_a_map_longer_than_its_network_is_cut() -> None:
    assert network(map="." * 64).places == "E......E"


@pytest.mark.parametrize(
    ("raw", "is_silent"), [({}, True), ({"mtotal": 4096}, False), ({"ctotal": 4}, False), ({"mtotal": None}, True)]
)
def test_a_node_that_tells_nothing_of_itself_is_silent(raw: dict[str, Any], is_silent: bool) -> None:
    assert Node.from_rapi({"name": "node1", **raw}).is_silent is is_silent


def test_the_volume_groups_of_a_group_are_its_tags() -> None:
    assert NodeGroup("default", tags=("vg:fast", "vg:", "locked", "vg:slow")).volume_groups == ("fast", "slow")


def test_everything_survives_the_store() -> None:
    snapshot = Snapshot(
        "north",
        1,
        nodes=tuple(Node.from_rapi(row) for row in sample("nodes-bulk")),
        groups=tuple(NodeGroup.from_rapi(row) for row in sample("groups-bulk")),
        networks=tuple(Network.from_rapi(row) for row in sample("networks-bulk")),
        info=ClusterInfo.from_rapi(sample("info")),
    )
    packed = Format().pack(snapshot, "ganetimgr")
    assert Format().unpack("north", 1, packed.body) == snapshot


def test_what_an_older_ganetimgr_stored_is_nothing_known_instead_of_something_wrong() -> None:
    body = Format().pack(Snapshot("north", 1, nodes=(Node("node1"),)), "ganetimgr").body
    magic, _, rest = body.partition(b"\n")
    older = magic[:-8] + b"00000000\n" + rest
    assert Format().unpack("north", 1, body) is not None
    assert Format().unpack("north", 1, older) is None
