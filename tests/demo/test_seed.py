"""The demo's estate has something of everything, and is the same every time."""

from collections import Counter

import pytest

from apps.demo.seed import crowd, demo_worlds
from apps.demo.world import Instance, SimulatedCluster
from ganeti import tags
from tests.demo.mirror import Clock

WORLDS = demo_worlds(clock=Clock())
INSTANCES = [(world, instance) for world in WORLDS for instance in world.instances.values()]


def owned_by(owner: str) -> list[str]:
    return [f"{world.slug}/{instance.name}" for world, instance in INSTANCES if owner in tags.owners(instance.tags)]


def test_there_are_three_clusters_with_twelve_nodes_and_sixty_instances() -> None:
    assert [world.slug for world in WORLDS] == ["north", "south", "east"]
    assert sum(len(world.nodes) for world in WORLDS) == 12
    assert len(INSTANCES) == 60
    assert [len(world.groups) for world in WORLDS] == [2, 2, 2]


def test_one_node_is_drained_one_offline_and_each_cluster_has_one_master() -> None:
    roles = Counter(node.role for world in WORLDS for node in world.nodes.values())
    assert (roles["D"], roles["O"], roles["M"]) == (1, 1, 3)


def test_one_group_is_under_maintenance_and_holds_instances_of_alice_and_noc() -> None:
    locked = [group.name for world in WORLDS for group in world.groups.values() if tags.LOCKED_GROUP in group.tags]
    assert locked == ["maintenance"]
    south = WORLDS[1]
    nodes = {node.name for node in south.nodes_of_group("maintenance")}
    held = {owner for found in south.instances.values() if found.pnode in nodes for owner in tags.owners(found.tags)}
    assert {"user:alice", "group:noc"} <= held


def test_alice_owns_eight_noc_owns_some_and_charlie_nothing() -> None:
    assert len(owned_by("user:alice")) == 8
    assert {name.split("/")[0] for name in owned_by("user:alice")} == {"north", "south", "east"}
    assert len(owned_by("group:noc")) == 6
    assert owned_by("user:charlie") == owned_by("user:bob") == owned_by("user:dora") == []


def test_everything_belongs_to_somebody() -> None:
    assert [instance.name for _, instance in INSTANCES if not tags.owners(instance.tags)] == []


def test_owners_come_in_both_spellings() -> None:
    spelt = {tag.rpartition(":")[0] for _, instance in INSTANCES for tag in instance.tags}
    assert {"ganetimgr:user", "ganetimgr:users", "ganetimgr:group", "ganetimgr:groups"} <= spelt


@pytest.mark.parametrize(
    "status",
    ["running", "ADMIN_down", "ADMIN_offline", "ERROR_down", "ERROR_up", "ERROR_nodeoffline"],
)
def test_every_status_is_there(status: str) -> None:
    assert status in {world.status(instance) for world, instance in INSTANCES}


def test_every_kind_of_tag_is_there() -> None:
    found = [tags.parse(instance.tags) for _, instance in INSTANCES]
    for kind in ("organization", "application", "services", "volume_group", "whitelist", "adminlock", "isolate"):
        assert any(getattr(parsed, kind) for parsed in found), kind
    assert any(parsed.needsreboot for parsed in found)
    assert any("mail" in parsed.services for parsed in found)


def test_shapes_are_all_sorts() -> None:
    assert {len(instance.nics) for _, instance in INSTANCES} == {0, 1, 2}
    assert {len(instance.disks) for _, instance in INSTANCES} >= {1, 2, 4}
    assert {instance.hypervisor for _, instance in INSTANCES} == {"kvm", "xen-pvm"}
    assert any(network.network6 for world in WORLDS for network in world.networks.values())


def test_one_name_is_on_two_clusters() -> None:
    names = Counter(instance.name for _, instance in INSTANCES)
    assert [name for name, count in names.items() if count > 1] == ["www.example.org"]


def test_all_names_are_ones_for_examples() -> None:
    assert all(instance.name.endswith((".example.org", ".example.net", ".example.com")) for _, instance in INSTANCES)


def test_no_two_instances_of_a_cluster_share_an_address_a_card_or_a_port() -> None:
    for world in WORLDS:
        nics = [nic for instance in world.instances.values() for nic in instance.nics]
        ports = [instance.network_port for instance in world.instances.values() if instance.network_port]
        for things in ([(nic.network, nic.ip) for nic in nics if nic.ip], [nic.mac for nic in nics], ports):
            assert len(set(things)) == len(things)


def test_some_jobs_run_as_it_begins_and_some_are_history() -> None:
    clock = Clock()
    for world in demo_worlds(clock=clock):
        clock.pass_by(10)
        world.jobs.advance()
        counted = Counter(job.status for job in world.jobs.all.values())
        assert counted == {"success": 6, "error": 1, "running": 2, "waiting": 1}


def test_it_is_the_same_every_time() -> None:
    assert [world.to_json() for world in demo_worlds(clock=Clock())] == [world.to_json() for world in WORLDS]


def test_it_survives_being_kept() -> None:
    for world in WORLDS:
        assert SimulatedCluster.from_json(world.to_json()).to_json() == world.to_json()


def test_a_crowd_is_as_large_as_asked_for() -> None:
    worlds = list(crowd(3, 50))
    assert [(world.slug, len(world.instances)) for world in worlds] == [("c001", 50), ("c002", 50), ("c003", 50)]
    assert all(isinstance(instance, Instance) for world in worlds for instance in world.instances.values())
