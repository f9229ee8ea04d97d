"""Clusters, their nodes and their networks as templates show them."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.looks import Status
from apps.clusters import nodes, troubles, words
from apps.clusters.fleet import ClusterView
from apps.clusters.nodes import NodeBook, NodeRow
from apps.clusters.troubles import Trouble
from ganeti.objects import Network, Policy, Spec

COLUMNS = 64  # of the drawing of a network's addresses
POLICY_LINES = (("memory", _("Memory")), ("cpus", _("CPUs")), ("disk", _("Size of a disk")), ("disks", _("Disks")),
                ("nics", _("Network cards")), ("spindles", _("Spindles")))  # fmt: skip
SIZES = ("memory", "disk")  # MiB

ANSWERS = Status(_("Answers"), "check-circle-fill", "ok")
COLLECTING = Status(_("Being asked"), "hourglass-split", "idle")
OF_STATES = {
    "unreachable": Status(_("Does not answer"), "cloud-slash", "bad"),
    "untrusted": Status(_("Other certificate"), "shield-exclamation", "bad"),
    "denied": Status(_("Does not let us in"), "lock-fill", "bad"),
    "broken": Status(_("Answers rubbish"), "x-octagon-fill", "bad"),
}


@dataclass(frozen=True)
class ClusterRow:
    """A cluster in the overview."""

    view: ClusterView
    book: NodeBook | None
    troubles: list[Trouble]
    piles: Counter[str]

    @property
    def status(self) -> Status:
        return status_of(self.view)

    @property
    def vms(self) -> int:
        return self.piles.total()

    @property
    def running(self) -> int:
        return self.piles[words.RUNNING]

    @property
    def nodes(self) -> int:
        return len(self.book.rows) if self.book else 0

    @property
    def nodes_at_work(self) -> int:
        return sum(not row.node.offline and not row.is_silent for row in self.book.rows) if self.book else 0

    @property
    def worst(self) -> int:
        """0 for the most urgent; more where less is wrong."""
        return min((troubles.URGENCY[trouble.family] for trouble in self.troubles), default=9)


SORT_KEYS: dict[str, Callable[[ClusterRow], Any]] = {
    "name": lambda row: row.view.slug,
    "trouble": lambda row: (row.worst, -len(row.troubles), row.view.slug),
    "version": lambda row: (_version(row), row.view.slug),
    "vms": lambda row: (row.vms, row.view.slug),
    "nodes": lambda row: (row.nodes, row.view.slug),
    "memory": lambda row: (_percent(row.book and row.book.memory), row.view.slug),
    "disk": lambda row: (_percent(row.book and row.book.disk), row.view.slug),
    "age": lambda row: (row.view.head.collected_at, row.view.slug),
}


def _version(row: ClusterRow) -> tuple[int, ...]:
    return row.book.snapshot.info.version if row.book else ()


def _percent(level: Any) -> float:
    return level.percent if level else -1.0


def status_of(view: ClusterView) -> Status:
    return COLLECTING if view.is_collecting else OF_STATES.get(view.state, ANSWERS)


@dataclass(frozen=True, slots=True)
class ShownNode:
    """A node as lists and its own page show it."""

    row: NodeRow
    view: ClusterView
    among: int = 0  # nodes of its cluster

    @property
    def monitoring_url(self) -> str:
        return nodes.monitoring_url(self.row.name)

    @property
    def status(self) -> Status:
        return words.of_node(self.row.state)

    @property
    def trouble(self) -> Status | None:
        return words.NODE_IS_SILENT if self.row.is_silent else None


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours in the drawing of a network that are alike: where they are, in cells."""

    x: int
    y: int
    width: int
    kind: str  # "free", "taken", "external"


@dataclass(frozen=True)
class ShownNetwork:
    """A network with its addresses, counted and drawn."""

    network: Network

    @property
    def total(self) -> int | None:
        network = self.network
        return None if network.free is None else network.free + (network.reserved or 0)

    @property
    def taken_percent(self) -> float:
        return 100.0 * (self.network.by_instances or 0) / self.total if self.total else 0.0

    @property
    def external_percent(self) -> float:
        return 100.0 * (self.network.external or 0) / self.total if self.total else 0.0

    @property
    def used_percent(self) -> float:
        return 100.0 * (self.network.reserved or 0) / self.total if self.total else 0.0

    @property
    def rows(self) -> int:
        return -(-len(self.network.places) // COLUMNS)

    @property
    def columns(self) -> int:
        return min(len(self.network.places), COLUMNS)

    @property
    def height(self) -> int:
        """Of the drawing, in pixels."""
        return self.rows * 5

    @property
    def runs(self) -> Iterator[Run]:
        """What is not free, row by row."""
        places = self.network.places
        for y in range(self.rows):
            x = 0
            for letter, alike in groupby(places[y * COLUMNS : (y + 1) * COLUMNS]):
                width = len(list(alike))
                if letter != ".":
                    yield Run(x, y, width, "external" if letter == "E" else "taken")
                x += width


def states(book: NodeBook) -> list[dict[str, Any]]:
    """Instances by Ganeti's word for what they do: how many, which share, and the pile in which lists put them."""
    counts = Counter(instance.status for instance in book.snapshot.instances)
    piles = [words.RUNNING, words.STOPPED, words.ATTENTION]
    ordered = sorted(counts.items(), key=lambda item: (piles.index(words.group_of(item[0])), -item[1]))
    begins, found = 0.0, []
    for status, count in ordered:
        share = 100.0 * count / counts.total()
        found.append(
            {
                "status": words.of_instance(status),
                "pile": words.group_of(status),
                "count": count,
                "begins": begins,
                "share": share,
            }
        )
        begins += share
    return found


def roles(book: NodeBook) -> list[tuple[Status, int]]:
    """How many nodes have which role."""
    counts = Counter(row.state for row in book.rows)
    ordered = sorted(counts.items(), key=lambda item: words.ROLE_ORDER.get(item[0], 9))
    return [(words.of_node(role), count) for role, count in ordered]


def policy_lines(policy: Policy | None) -> list[dict[str, Any]]:
    """What an instance may have: a line for each kind, with least, usual and most, for each pair of bounds."""
    if policy is None:
        return []

    def value(spec: Spec, name: str) -> Any:
        return getattr(spec, name)

    return [
        {
            "label": label,
            "is_size": name in SIZES,
            "standard": value(policy.standard, name),
            "bounds": [(value(least, name), value(most, name)) for least, most in policy.bounds],
        }
        for name, label in POLICY_LINES
    ]
