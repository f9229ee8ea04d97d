"""Where a VM can be put: clusters, node groups, networks, disk templates and volume groups, from the inventory.

Nothing here asks Ganeti: what is offered is as old as the inventory, and a dry run asks Ganeti itself.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.clusters import fleet
from apps.clusters.fleet import ClusterView
from apps.clusters.models import Cluster, Network
from ganeti.inventory import Snapshot
from ganeti.objects import Network as GanetiNetwork
from ganeti.objects import Node, NodeGroup

UNALLOCABLE = "unallocable"
DEFAULT_VOLUME_GROUP = "default"
ONE_GROUP_SINCE = (2, 13)  # Ganeti's allocator can be told the node group from here on
_PROVIDER = re.compile(r"ext:([\w.+*/@-]+)", re.ASCII)
_PARAMETER = re.compile(r"ext:([\w.+*/@-]+):params:([\w+*/@-]+):([\w+*/@-]+)", re.ASCII)

Sentence = str | Promise


@dataclass(frozen=True, slots=True)
class Placement:
    """A reviewer's decision. `network` is a NetworkOffer's value; `nodes` only where they were named explicitly."""

    cluster: str
    node_group: str
    network: str
    disk_template: str
    vgs: str = DEFAULT_VOLUME_GROUP
    nodes: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: dict[str, Any]) -> "Placement":
        """From what is stored; a part that is missing is empty."""
        texts = {name: str(params.get(name) or "") for name in ("cluster", "node_group", "network", "disk_template")}
        nodes = params.get("nodes")
        named = tuple(str(node) for node in nodes) if isinstance(nodes, list | tuple) else ()
        return cls(**texts, vgs=str(params.get("vgs") or DEFAULT_VOLUME_GROUP), nodes=named)

    @property
    def stored(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "node_group": self.node_group,
            "network": self.network,
            "disk_template": self.disk_template,
            "vgs": self.vgs,
            "nodes": list(self.nodes),
        }


@dataclass(frozen=True, slots=True)
class NetworkOffer:
    """A network that a VM in a node group can have."""

    value: str  # "ganeti:NAME" or "hand:NUMBER"
    label: str
    mode: str  # bridged, routed
    link: str
    is_ganetis: bool
    free: int | None = None  # addresses; None where nobody counts them
    reserved: int | None = None
    is_default: bool = False
    why_not: Sentence = ""

    @property
    def total(self) -> int:
        return (self.free or 0) + (self.reserved or 0)


@dataclass(frozen=True)
class GroupOffer:
    """A node group, how much room it has, and what it can give a VM. MiB."""

    name: str
    policy: str
    nodes: tuple[Node, ...]  # that can take VMs now
    unusable: int  # offline, drained, or not for VMs
    networks: tuple[NetworkOffer, ...]
    volume_groups: tuple[str, ...]
    is_locked: bool = False
    why_not: Sentence = ""

    @property
    def memory_free(self) -> int:
        return sum(node.memory_free or 0 for node in self.nodes)

    @property
    def memory_total(self) -> int:
        return sum(node.memory_total or 0 for node in self.nodes)

    @property
    def memory_used(self) -> int:
        return self.memory_total - self.memory_free

    @property
    def disk_used(self) -> int:
        return self.disk_total - self.disk_free

    @property
    def disk_free(self) -> int:
        return sum(node.disk_free or 0 for node in self.nodes)

    @property
    def disk_total(self) -> int:
        return sum(node.disk_total or 0 for node in self.nodes)

    @property
    def roomiest(self) -> int:
        """The most memory that one node has left."""
        return max((node.memory_free or 0 for node in self.nodes), default=0)

    def network(self, value: str) -> NetworkOffer | None:
        return next((network for network in self.networks if network.value == value), None)


@dataclass(frozen=True)
class ClusterOffer:
    """A cluster on which VMs can be made, as far as the inventory knows it."""

    view: ClusterView
    disk_templates: tuple[str, ...] = ()
    groups: tuple[GroupOffer, ...] = ()
    tags: tuple[str, ...] = ()
    version: tuple[int, ...] = ()
    use_gnt_network: bool = True
    fast_create: bool = False
    why_not: Sentence = ""

    @property
    def slug(self) -> str:
        return self.view.slug

    @property
    def as_of(self) -> datetime.datetime | None:
        return self.view.as_of

    def group(self, name: str) -> GroupOffer | None:
        return next((group for group in self.groups if group.name == name), None)

    @property
    def takes_group_names(self) -> bool:
        """Whether its allocator can be held to one node group."""
        return self.version >= ONE_GROUP_SINCE

    @cached_property
    def provider_parameters(self) -> dict[str, dict[str, str]]:
        """ExtStorage provider -> parameters that the cluster's tags ask for."""
        found: dict[str, dict[str, str]] = {}
        for tag in _own(self.tags):
            if match := _PARAMETER.fullmatch(tag):
                found.setdefault(match[1], {})[match[2]] = match[3]
        return found


def offers() -> list[ClusterOffer]:
    """Every enabled cluster, those that take no new VMs with the reason. Few queries, however many clusters."""
    by_hand: dict[int, list[Network]] = {}
    for network in Network.objects.all():
        by_hand.setdefault(network.cluster_id, []).append(network)
    rows = {row.slug: row for row in Cluster.objects.enabled()}
    return [
        _cluster_offer(rows[view.slug], view, snapshot, by_hand.get(view.pk, []))
        for view, snapshot in fleet.snapshots()
        if view.slug in rows
    ]


def problems(offer: ClusterOffer | None, placement: Placement, *, memory: int) -> dict[str, Sentence]:
    """What speaks against a placement, by the field it speaks of; empty when Ganeti can be asked."""
    if offer is None:
        return {"cluster": _("There is no such cluster.")}
    if offer.why_not:
        return {"cluster": offer.why_not}
    group = offer.group(placement.node_group)
    if group is None:
        return {"node_group": _("There is no such node group on this cluster.")}
    found: dict[str, Sentence] = {}
    if group.why_not:
        found["node_group"] = group.why_not
    elif memory > group.roomiest:
        found["node_group"] = _(
            "No machine of this group has %(memory)s MiB of memory left, the roomiest has %(free)s."
        ) % {
            "memory": memory,
            "free": group.roomiest,
        }
    network = group.network(placement.network)
    if network is None:
        found["network"] = _("This node group does not have this network.")
    elif network.why_not:
        found["network"] = network.why_not
    if placement.disk_template not in offer.disk_templates:
        found["disk_template"] = _("This cluster does not have this disk template.")
    if placement.vgs not in group.volume_groups:
        found["vgs"] = _("This node group does not have this volume group.")
    return found | _node_problems(group, placement)


def _node_problems(group: GroupOffer, placement: Placement) -> dict[str, Sentence]:
    wanted = 2 if placement.disk_template == "drbd" else 1
    names = {node.name for node in group.nodes}
    if not placement.nodes:
        return {}
    if len(placement.nodes) != wanted or len(set(placement.nodes)) != wanted:
        return {"nodes": _("This disk template takes %(number)s different nodes.") % {"number": wanted}}
    if not names.issuperset(placement.nodes):
        return {"nodes": _("These nodes do not belong to the group, or cannot take VMs now.")}
    return {}


# ---- one cluster ------------------------------------------------------------------------------------------


def _cluster_offer(row: Cluster, view: ClusterView, snapshot: Snapshot | None, by_hand: list[Network]) -> ClusterOffer:
    why_not = _why_no_new_vms(row, view, snapshot)
    if snapshot is None:
        return ClusterOffer(view, why_not=why_not)
    return ClusterOffer(
        view,
        disk_templates=_disk_templates(snapshot),
        groups=tuple(_group_offer(group, snapshot, by_hand) for group in snapshot.groups),
        tags=snapshot.info.tags,
        version=snapshot.info.version,
        use_gnt_network=row.use_gnt_network,
        fast_create=row.fast_create,
        why_not=why_not,
    )


def _why_no_new_vms(row: Cluster, view: ClusterView, snapshot: Snapshot | None) -> Sentence:
    if row.disable_instance_creation:
        return _("No new VMs are made here.")
    if snapshot is None:
        return _("Nothing is known of it yet.")
    if view.is_silent:
        return _("It does not answer.")
    if not view.may_change:
        return _("It lets this site look, but not change anything.")
    return ""


def _disk_templates(snapshot: Snapshot) -> tuple[str, ...]:
    """In the cluster's own order, the first being its default; "ext" once for each provider, as PROVIDER[ext]."""
    found: list[str] = []
    for template in snapshot.info.enabled_disk_templates:
        found += [f"{name}[ext]" for name in _providers(snapshot.info.tags)] if template == "ext" else [template]
    return tuple(found)


def _providers(tags: Iterable[str]) -> list[str]:
    return [match[1] for tag in _own(tags) if (match := _PROVIDER.fullmatch(tag))]


def _own(tags: Iterable[str]) -> list[str]:
    prefix = f"{settings.GANETI_TAG_PREFIX}:"
    return [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]


def _group_offer(group: NodeGroup, snapshot: Snapshot, by_hand: list[Network]) -> GroupOffer:
    members = [node for node in snapshot.nodes if node.group == group.name]
    usable = tuple(node for node in members if node.vm_capable and not node.offline and not node.drained)
    return GroupOffer(
        name=group.name,
        policy=group.alloc_policy,
        nodes=usable,
        unusable=len(members) - len(usable),
        networks=_networks(group, snapshot.networks, by_hand),
        volume_groups=(DEFAULT_VOLUME_GROUP, *(tag[3:] for tag in group.tags if tag.startswith("vg:") and tag[3:])),
        is_locked=group.is_locked,
        why_not=_why_not_this_group(group, usable),
    )


def _why_not_this_group(group: NodeGroup, usable: tuple[Node, ...]) -> Sentence:
    if group.alloc_policy == UNALLOCABLE:
        return _("Ganeti is told to put nothing here (unallocable).")
    if not usable:
        return _("All its machines are offline, drained or not for VMs.")
    return ""


def _networks(
    group: NodeGroup, ganetis: Iterable[GanetiNetwork], by_hand: Iterable[Network]
) -> tuple[NetworkOffer, ...]:
    """Routed ones first, and of each kind the one with most free addresses."""
    found = [offer for network in ganetis if (offer := _ganetis_offer(network, group))]
    found += [
        NetworkOffer(f"hand:{row.pk}", row.description, row.mode, row.link, False, is_default=row.cluster_default)
        for row in by_hand
    ]
    return tuple(sorted(found, key=lambda offer: (offer.mode != "routed", -(offer.free or 0), offer.label)))


def _ganetis_offer(network: GanetiNetwork, group: NodeGroup) -> NetworkOffer | None:
    connection = next((one for one in network.connections if one.group == group.name), None)
    if connection is None:
        return None
    is_full = network.free == 0 and bool(network.network)
    return NetworkOffer(
        value=f"ganeti:{network.name}",
        label=f"{network.name} {network.network}".strip(),
        mode=connection.mode,
        link=connection.link,
        is_ganetis=True,
        free=network.free,
        reserved=network.reserved,
        is_default="default" in network.tags,
        why_not=_("It has no free address left.") if is_full else "",
    )
