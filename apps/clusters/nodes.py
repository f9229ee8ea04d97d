"""Nodes arranged for lists: their figures are worked out once for each snapshot of a cluster, not for each page."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.templatetags.look import NBSP, mebibytes
from apps.clusters import words
from ganeti.inventory import Snapshot
from ganeti.objects import ROLES, Instance, Node, NodeGroup

# Templates whose disks lie on the node itself: where a cluster has none of them, a node's disk says nothing.
LOCAL_TEMPLATES = frozenset({"plain", "drbd", "file"})
SILENT = "silent"  # in the place of a role: a node that does not answer, although nobody took it out of service


@dataclass(frozen=True, slots=True)
class Level:
    """How full something is. There is none of it where nobody told."""

    used: int
    total: int
    room: int = 0  # what may be taken, where that is not all that there is

    @property
    def limit(self) -> int:
        return self.room or self.total

    @property
    def free(self) -> int:
        return max(self.limit - self.used, 0)

    @property
    def percent(self) -> float:
        return 100.0 * self.used / self.limit

    @property
    def left(self) -> str:
        """ "46 of 128 GiB free", for what is counted in MiB."""
        free, total = mebibytes(self.free), mebibytes(self.total)
        number, unit = free.split(NBSP)
        return _("%(free)s of %(total)s free") % {
            "free": number if total.endswith(f"{NBSP}{unit}") else free,
            "total": total,
        }

    @property
    def shown(self) -> float:
        """The same as a bar can show it."""
        return min(max(self.percent, 0.0), 100.0)


def level(total: int | None, free: int | None) -> Level | None:
    """What is taken of `total`; None where one of the two is not told, or makes no sense."""
    if total is None or free is None or total <= 0:
        return None
    return Level(min(max(total - free, 0), total), total)


def together(levels: Iterable[Level | None]) -> Level | None:
    """The sum of what was told."""
    told = [one for one in levels if one is not None]
    if not told:
        return None
    return Level(sum(one.used for one in told), sum(one.total for one in told), sum(one.limit for one in told))


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node with what its cluster's instances make of it."""

    cluster: str  # our slug
    node: Node
    memory: Level | None
    disk: Level | None
    cpus: Level | None  # virtual CPUs of running instances, on real ones; `room` is what the policy allows
    is_shared_storage: bool  # its cluster keeps no disks on nodes
    group_is_locked: bool
    primaries: int
    secondaries: int

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def is_silent(self) -> bool:
        """It should tell of itself, and does not."""
        return self.node.is_silent and not self.node.offline and self.node.vm_capable

    @property
    def state(self) -> str:
        """Its role as one of ROLES, which old Ganetis tell by flags alone; "" where nobody knows."""
        if self.node.offline:
            return "offline"
        return ROLES.get(self.node.role, "drained" if self.node.drained else "")


SORT_KEYS: dict[str, Callable[[NodeRow], Any]] = {
    "node": lambda row: (row.cluster, row.name),
    "role": lambda row: (words.ROLE_ORDER.get(row.state, 9), row.is_silent, row.cluster, row.name),
    "group": lambda row: (row.node.group, row.cluster, row.name),
    "memory": lambda row: (_percent(row.memory), row.cluster, row.name),
    "disk": lambda row: (_percent(None if row.is_shared_storage else row.disk), row.cluster, row.name),
    "cpus": lambda row: (_percent(row.cpus), row.cluster, row.name),
    "primaries": lambda row: (row.primaries, row.cluster, row.name),
    "secondaries": lambda row: (row.secondaries, row.cluster, row.name),
}


def _percent(found: Level | None) -> float:
    return -1.0 if found is None else found.percent


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A node group with what its nodes have and carry."""

    group: NodeGroup
    rows: tuple[NodeRow, ...]
    memory: Level | None
    disk: Level | None
    cpus: Level | None
    instances: int

    @property
    def usable(self) -> list[NodeRow]:
        """The nodes on which an instance can be put now."""
        return [row for row in self.rows if is_usable(row)]


def is_usable(row: NodeRow) -> bool:
    node = row.node
    return not (node.offline or node.drained or node.is_silent) and node.vm_capable


class NodeBook:
    """The nodes and groups of one cluster, by name, with their figures."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.is_shared_storage = _is_shared_storage(snapshot.info.enabled_disk_templates)
        primaries = Counter(instance.pnode for instance in snapshot.instances)
        secondaries = Counter(node for instance in snapshot.instances for node in instance.snodes)
        vcpus: Counter[str] = Counter()
        for instance in snapshot.instances:
            if instance.is_running:
                vcpus[instance.pnode] += instance.vcpus
        ratios = {group.name: group.policy.vcpu_ratio for group in snapshot.groups if group.policy}
        self.rows = tuple(
            NodeRow(
                snapshot.cluster,
                node,
                level(node.memory_total, node.memory_free),
                level(node.disk_total, node.disk_free),
                _cpus(node, vcpus[node.name], ratios.get(node.group)),
                self.is_shared_storage,
                node.name in snapshot.locked_nodes,
                primaries[node.name],
                secondaries[node.name],
            )
            for node in snapshot.nodes
        )
        self.groups = tuple(self._group(group) for group in snapshot.groups)
        self._by_name = {row.name: row for row in self.rows}
        self._texts = [searchable(row) for row in self.rows]

    @property
    def memory(self) -> Level | None:
        return together(row.memory for row in self.rows)

    @property
    def disk(self) -> Level | None:
        return together(row.disk for row in self.rows)

    @property
    def cpus(self) -> Level | None:
        return together(row.cpus for row in self.rows)

    def row(self, name: str) -> NodeRow | None:
        return self._by_name.get(name)

    def matching(self, words_wanted: list[str], group: str) -> list[NodeRow]:
        """The nodes in whose text all of these words occur, of this group if one is named."""
        return [
            row
            for row, text in zip(self.rows, self._texts, strict=True)
            if (not group or row.node.group == group) and all(word in text for word in words_wanted)
        ]

    def instances_on(self, name: str) -> tuple[list[Instance], list[Instance]]:
        """Those that have this node as their first, and as a further one; each by name."""
        instances = self.snapshot.instances
        return (
            [instance for instance in instances if instance.pnode == name],
            [instance for instance in instances if name in instance.snodes],
        )

    def _group(self, group: NodeGroup) -> GroupRow:
        rows = tuple(row for row in self.rows if row.node.group == group.name or row.name in group.nodes)
        return GroupRow(
            group,
            rows,
            together(row.memory for row in rows),
            together(row.disk for row in rows),
            together(row.cpus for row in rows),
            sum(row.primaries for row in rows),
        )


def _is_shared_storage(templates: tuple[str, ...]) -> bool:
    return bool(templates) and LOCAL_TEMPLATES.isdisjoint(templates)


def _cpus(node: Node, vcpus: int, allowed: float | None) -> Level | None:
    if not node.cpus or node.cpus < 0:
        return None
    return Level(vcpus, node.cpus, int(node.cpus * allowed) if allowed else 0)


def searchable(row: NodeRow) -> str:
    """The text in which a search looks: name, addresses, group, tags."""
    node = row.node
    return " ".join((node.name, node.primary_ip, node.secondary_ip, node.group, row.cluster, *node.tags)).lower()


def monitoring_url(name: str) -> str:
    """Where the site's monitoring shows this node; empty where it has none."""
    base = settings.SERVER_MONITORING_URL
    return f"{base.rstrip('/')}/{quote(name, safe='')}" if base else ""


_of_snapshots: dict[str, NodeBook] = {}


def of_snapshot(snapshot: Snapshot) -> NodeBook:
    """The nodes of a cluster, remembered until there is another snapshot of it."""
    known = _of_snapshots.get(snapshot.cluster)
    if known is None or known.snapshot is not snapshot:
        known = _of_snapshots[snapshot.cluster] = NodeBook(snapshot)
    return known
