"""What a cluster tells of itself, its nodes and its networks for the pages about them: simulated and real alike."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.clusters import nodes
from apps.clusters.troubles import Findings
from ganeti.client import Client
from ganeti.inventory import Snapshot
from ganeti.objects import ROLES


def snapshot_of(client: Client) -> Snapshot:
    """What a collector would keep of the cluster now."""
    found = sorted(client.nodes(), key=lambda node: node.name)
    slug, instances = client.endpoint.slug, tuple(client.instances())
    groups, networks = tuple(client.groups()), tuple(client.networks())
    return Snapshot(slug, 1, instances, tuple(found), groups, networks, client.info())


class NodesContract:
    @pytest.fixture
    def client(self, ganeti: Any) -> Client:
        return Client(ganeti.endpoint())

    @pytest.fixture
    def stopped(self, ganeti: Any, client: Client) -> Iterator[str]:
        """The name of a node that could be the master, and whose machine has just stopped."""
        name = max(node.name for node in client.nodes() if node.role == "C")
        with ganeti.a_stopped_node(name):
            yield name

    def test_the_cluster_tells_its_policy_and_how_it_is_set_up(self, client: Client) -> None:
        info = client.info()
        assert info.policy is not None and info.policy.vcpu_ratio and info.policy.spindle_ratio
        [(least, most)] = info.policy.bounds
        assert least.memory and most.memory and least.memory <= info.policy.standard.memory <= most.memory  # type: ignore[operator]
        assert all(None not in (spec.cpus, spec.disk, spec.disks, spec.nics) for spec in (least, most))
        assert info.architecture and info.mac_prefix.count(":") == 2
        assert info.candidate_pool_size and info.max_running_jobs and info.master_netdev
        assert info.default_hypervisor in info.enabled_hypervisors

    def test_groups_tell_the_policy_that_holds_for_them(self, client: Client) -> None:
        assert all(group.policy and group.policy.vcpu_ratio and group.alloc_policy for group in client.groups())

    def test_a_node_at_work_tells_all_that_its_page_shows(self, client: Client) -> None:
        book = nodes.of_snapshot(snapshot_of(client))
        for row in book.rows:
            if row.state in ("master", "candidate", "regular", "drained"):
                node = row.node
                assert row.memory and row.disk and row.cpus and not row.is_silent
                assert None not in (node.memory_own, node.cpu_sockets, node.cpu_nodes, node.master_capable, node.ctime)
                assert node.primary_ip and node.secondary_ip

    def test_a_drained_node_is_known_as_such_and_an_offline_one_tells_nothing(
        self, ganeti: Any, client: Client
    ) -> None:
        with ganeti.nodes_out_of_service():
            book = nodes.of_snapshot(snapshot_of(client))
            by_state = {row.state: row for row in book.rows}
            assert {"master", "drained", "offline"} <= set(by_state) <= set(ROLES.values())
            offline = by_state["offline"]
            assert (offline.memory, offline.disk, offline.cpus, offline.is_silent) == (None, None, None, False)
            found = Findings.of(book.snapshot)
            assert by_state["drained"] in found.drained and offline in found.offline
            assert not nodes.is_usable(offline) and not nodes.is_usable(by_state["drained"])

    def test_a_node_that_stops_under_way_falls_silent_and_nobody_else_does(self, client: Client, stopped: str) -> None:
        book = nodes.of_snapshot(snapshot_of(client))
        row = book.row(stopped)
        assert row is not None
        assert (row.state, row.is_silent, row.memory, row.cpus) == ("candidate", True, None, None)
        assert [silent.name for silent in Findings.of(book.snapshot).silent] == [stopped]
        assert sum(1 for other in book.rows if other.memory) >= 2

    def test_networks_tell_each_address(self, client: Client) -> None:
        networks = client.networks()
        assert networks
        for network in networks:
            letters = network.places
            assert (letters.count("."), letters.count("X") + letters.count("E")) == (network.free, network.reserved)
            assert letters.count("E") == network.external
            assert letters[0] == letters[-1] == "E"
            assert letters.count("X") == network.by_instances

    def test_who_may_not_query_is_told_the_same_of_nodes(self, ganeti: Any, client: Client) -> None:
        """By the older lists, which do not tell whether a machine was switched off out of band."""
        guest = Client(ganeti.endpoint("guest"))

        def told(asked: Client) -> dict[str, Any]:
            return {
                node.name: (node.role, node.group, node.memory_total, node.cpus, node.cpu_sockets, node.master_capable)
                for node in asked.nodes()
            }

        assert told(guest) == told(client)
