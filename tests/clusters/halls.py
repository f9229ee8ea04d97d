"""Nodes, groups and networks for tests of the pages about them."""

from typing import Any

from ganeti.objects import ClusterInfo, Instance, Network, Node, NodeGroup, Policy, Spec
from tests import estate

GIB = 1024


def node(name: str = "node1.example.org", role: str = "R", **fields: Any) -> Node:
    """A node that tells of itself: 64 GiB, half of it free, 1 TiB of disk, 16 CPUs."""
    told: dict[str, Any] = {
        "group": "default",
        "memory_total": 64 * GIB,
        "memory_free": 32 * GIB,
        "disk_total": 1024 * GIB,
        "disk_free": 768 * GIB,
        "cpus": 16,
        "offline": role == "O",
        "drained": role == "D",
        "primary_ip": "10.0.0.1",
    }
    return Node(name, role, **{**told, **fields})


def silent_node(name: str, role: str = "R", **fields: Any) -> Node:
    """A node that tells nothing of itself."""
    nothing = dict.fromkeys(("memory_total", "memory_free", "disk_total", "disk_free", "cpus"))
    return node(name, role, **nothing, **fields)


def group(name: str = "default", **fields: Any) -> NodeGroup:
    return NodeGroup(name, **{"alloc_policy": "preferred", "policy": POLICY, **fields})


POLICY = Policy(
    bounds=((Spec(128, 1, 1024, 1, 1, 1), Spec(32768, 8, 1048576, 16, 8, 12)),),
    standard=Spec(512, 1, 2048, 1, 1, 1),
    vcpu_ratio=4.0,
    spindle_ratio=32.0,
)


def info(**fields: Any) -> ClusterInfo:
    told: dict[str, Any] = {
        "name": "cluster.example.org",
        "software_version": "3.0.2",
        "master": "node1.example.org",
        "default_hypervisor": "kvm",
        "enabled_hypervisors": ("kvm", "fake"),
        "enabled_disk_templates": ("drbd", "plain"),
        "policy": POLICY,
        "volume_group": "xenvg",
        "mac_prefix": "aa:00:07",
        "candidate_pool_size": 1,
    }
    return ClusterInfo(**{**told, **fields})


def network(taken: str, network: str = "192.0.2.0/28", external: str = "192.0.2.0, 192.0.2.15") -> Network:
    """A network as RAPI would describe it; `taken` is its map."""
    return Network.from_rapi(
        {
            "name": "public",
            "network": network,
            "gateway": "192.0.2.1",
            "map": taken,
            "free_count": taken.count("."),
            "reserved_count": taken.count("X"),
            "external_reservations": external,
            "group_list": [["default", "bridged", "br0", ""]],
        }
    )


def put(slug: str = "north", *instances: Instance, **parts: Any) -> Any:
    """A cluster of two nodes, of which the first is the master, unless `parts` say otherwise."""
    usual: dict[str, Any] = {
        "nodes": (node("node1.example.org", "M"), node("node2.example.org", "C")),
        "groups": (group(),),
        "networks": (),
        "info": info(),
    }
    return estate.put(slug, *instances, **{**usual, **parts})
