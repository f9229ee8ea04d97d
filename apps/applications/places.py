"""The review page's table: where a VM could be put, how full each place would be with it, and what is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.looks import Status
from apps.applications import placement
from apps.applications.placement import ClusterOffer, GroupOffer, NetworkOffer, Placement
from apps.clusters.models import Network

ON_THE_NODES = ("plain", "drbd")  # disk templates that take their room from the volume groups of the machines
LAST_RESORT = "last_resort"
NEARLY_FULL, HIGH = 90, 80  # percent


@dataclass(frozen=True)
class Wish:
    """What is asked for, as far as it decides where it fits: MiB, GiB, and the network that the applicant named."""

    memory: int = 0
    disk: int = 0
    network: Network | None = None

    @property
    def network_value(self) -> str:
        return f"hand:{self.network.pk}" if self.network else ""


@dataclass(frozen=True)
class Bar:
    """How full something is, and how full it would be, in percent."""

    used: int
    plan: int

    @property
    def after(self) -> int:
        return self.used + self.plan

    @property
    def begins(self) -> int:
        """Where the plan is drawn: one that does not fit covers the end."""
        return min(self.used, 100 - self.drawn)

    @property
    def drawn(self) -> int:
        return min(max(self.plan, 1), 100)

    @property
    def family(self) -> str:
        return "bad" if self.after >= NEARLY_FULL else "warn" if self.after >= HIGH else ""


@dataclass(frozen=True)
class Place:
    """A cluster, and the node group of it that is chosen or would be."""

    offer: ClusterOffer
    group: GroupOffer | None
    is_chosen: bool
    is_wished: bool
    memory: Bar | None
    disk: Bar | None
    addresses: int | None  # free ones of the roomiest network
    verdict: Status

    @property
    def why_not(self) -> Any:
        return self.offer.why_not


# ---- choosing -------------------------------------------------------------------------------------------------


def settled(wanted: Placement, offers: Iterable[ClusterOffer], wish: Wish) -> Placement:
    """`wanted`, with something that is offered in the place of each part that is not."""
    offer = _offer(wanted.cluster, offers) or _first(offers, wish)
    if offer is None:
        return replace(wanted, cluster="", nodes=())
    group = offer.group(wanted.node_group)
    if group is None or group.why_not or offer.slug != wanted.cluster:
        group = _best(offer.groups, wish)
    if group is None:
        return replace(wanted, cluster=offer.slug, node_group="", network="", nodes=())
    network = group.network(wanted.network)
    if network is None or network.why_not:
        network = _network(group, wish)
    templates, names = offer.disk_templates, {node.name for node in group.nodes}
    return Placement(
        offer.slug,
        group.name,
        network.value if network else "",
        wanted.disk_template if wanted.disk_template in templates else next(iter(templates), ""),
        wanted.vgs if wanted.vgs in group.volume_groups else placement.DEFAULT_VOLUME_GROUP,
        wanted.nodes if names.issuperset(wanted.nodes) else (),
    )


def _offer(slug: str, offers: Iterable[ClusterOffer]) -> ClusterOffer | None:
    return next((offer for offer in offers if offer.slug == slug and not offer.why_not), None)


def _first(offers: Iterable[ClusterOffer], wish: Wish) -> ClusterOffer | None:
    """The cluster of the wanted network, else the first where it fits, else the first."""
    usable = [offer for offer in offers if not offer.why_not and offer.groups]
    usable.sort(key=lambda offer: (not _is_wished(offer, wish), not _fits(_best(offer.groups, wish), wish)))
    return next(iter(usable), None)


def _best(groups: Iterable[GroupOffer], wish: Wish) -> GroupOffer | None:
    """The group that is chosen at first: one where it fits, and neither a last resort nor under maintenance."""
    return min(
        groups,
        key=lambda group: (not _fits(group, wish), group.is_locked, group.policy == LAST_RESORT, bool(group.why_not)),
        default=None,
    )


def _fits(group: GroupOffer | None, wish: Wish) -> bool:
    return group is not None and not group.why_not and group.roomiest >= wish.memory


def _network(group: GroupOffer, wish: Wish) -> NetworkOffer | None:
    """The applicant's wish, else the default, else the first with addresses."""
    free = [network for network in group.networks if not network.why_not]
    return min(free, key=lambda network: (network.value != wish.network_value, not network.is_default), default=None)


def _is_wished(offer: ClusterOffer, wish: Wish) -> bool:
    return wish.network is not None and wish.network.cluster_id == offer.view.pk


# ---- the table ------------------------------------------------------------------------------------------------


def table(offers: Iterable[ClusterOffer], chosen: Placement, wish: Wish) -> list[Place]:
    """Every cluster, in the order of the offers; for the one that is chosen the group that is chosen there."""
    return [_place(offer, chosen, wish) for offer in offers]


def _place(offer: ClusterOffer, chosen: Placement, wish: Wish) -> Place:
    is_chosen = offer.slug == chosen.cluster
    group = offer.group(chosen.node_group) if is_chosen else _best(offer.groups, wish)
    template = chosen.disk_template if is_chosen else next(iter(offer.disk_templates), "")
    return Place(
        offer=offer,
        group=group,
        is_chosen=is_chosen,
        is_wished=_is_wished(offer, wish),
        memory=_bar(group.memory_used, group.memory_total, wish.memory) if group else None,
        disk=_disk_bar(group, template, wish) if group else None,
        addresses=_most_addresses(group),
        verdict=_verdict(offer, group, wish),
    )


def _disk_bar(group: GroupOffer, template: str, wish: Wish) -> Bar | None:
    if template not in ON_THE_NODES:
        return None
    return _bar(group.disk_used, group.disk_total, wish.disk * 1024 * (2 if template == "drbd" else 1))


def _bar(used: int, total: int, more: int) -> Bar | None:
    if total <= 0:
        return None
    before = round(100 * max(used, 0) / total)
    return Bar(min(before, 100), max(round(100 * (used + more) / total) - before, 0))


def _most_addresses(group: GroupOffer | None) -> int | None:
    counted = [network.free for network in group.networks if network.free is not None] if group else []
    return max(counted, default=None)


def _verdict(offer: ClusterOffer, group: GroupOffer | None, wish: Wish) -> Status:
    if offer.view.is_silent:
        return Status(pgettext("cluster", "Silent"), "cloud-slash", "idle", offer.why_not)
    if offer.why_not:
        return Status(_("Not offered"), "slash-circle", "idle", offer.why_not)
    if group is None:
        return Status(_("Not offered"), "slash-circle", "idle", _("It has no node group."))
    if group.why_not:
        return Status(_("Not offered"), "slash-circle", "idle", group.why_not)
    if not _fits(group, wish):
        return Status(_("No room"), "x-octagon-fill", "bad", _no_room(group))
    if not any(not network.why_not for network in group.networks):
        return Status(_("No network"), "x-octagon-fill", "bad", _("No network of this group has a free address."))
    return Status(pgettext("cluster", "Fits"), "check-circle-fill", "ok")


def _no_room(group: GroupOffer) -> str | Promise:
    return _("The roomiest machine has %(free)s MiB of memory left.") % {"free": group.roomiest}
