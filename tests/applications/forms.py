"""What people type into the forms, and places to put VMs: shared by the tests of pages."""

import time
from typing import Any

from apps.clusters import inventories
from apps.clusters.models import Cluster
from ganeti.inventory import Head, Snapshot
from ganeti.objects import ClusterInfo, NetworkConnection, Node, NodeGroup
from ganeti.objects import Network as GanetiNetwork
from tests import estate

APPLY, DRAFT, MINE, LIST, SAVE = (f"/application/{name}/" for name in ("apply", "draft", "mine", "list", "save"))
HOSTILE = "<script>alert(1)</script>'\"{{ 7*7 }}"
TYPED: dict[str, Any] = {
    "hostname": "new.example.org",
    "comments": "A shop for shells.",
    "memory": "1024",
    "vcpus": "2",
    "disk_size": "10",
    "operating_system": "debian",
    "admin_contact_name": "Alice",
    "admin_contact_email": "alice@example.org",
    "admin_contact_phone": "123",
    "accept_tos": "on",
}
PLACE = {
    "cluster": "north",
    "node_group": "default",
    "network": "ganeti:public",
    "disk_template": "plain",
    "vgs": "default",
}
REVIEWED = {**{name: value for name, value in TYPED.items() if name != "accept_tos"}, **PLACE}


def a_cluster(slug: str = "north", *, state: str = "ok", **about: Any) -> Cluster:
    """One with room for a VM: two machines, a group, a network with ten free addresses."""
    row = estate.put(slug)
    nodes = about.get("nodes", tuple(Node(name, role="R", group="default", **ROOM) for name in ("one", "two")))
    networks = about.get("networks", (a_network("public"),))
    info = ClusterInfo(name=slug, software_version="3.0.2", enabled_disk_templates=("plain", "drbd"))
    snapshot = Snapshot(
        slug,
        2,
        instances=tuple(about.get("instances", ())),
        nodes=nodes,
        groups=about.get("groups", (NodeGroup(name="default"),)),
        networks=networks,
        info=info,
    )
    head = Head(slug, generation=2, state=state, collected_at=time.time(), may_change=True)
    inventories.store().put_snapshot(snapshot, head)
    return row


ROOM = {"memory_free": 4096, "memory_total": 8192, "disk_free": 50_000, "disk_total": 100_000}


def a_network(name: str, *, free: int = 10, group: str = "default") -> GanetiNetwork:
    connection = NetworkConnection(group, "routed", f"link-{name}")
    return GanetiNetwork(name=name, network="192.0.2.0/24", free=free, reserved=5, connections=(connection,))
