"""Sums over instances: of one person, of each owner, of each cluster. From the inventory, remembered per snapshot."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from apps.clusters import fleet, words
from apps.clusters.fleet import ClusterView
from ganeti import tags as tag_grammar
from ganeti.inventory import Snapshot
from ganeti.objects import Instance


@dataclass(slots=True)
class Sums:
    """How many instances, in which state, and what they have: memory and disk in MiB."""

    running: int = 0
    stopped: int = 0
    attention: int = 0
    vcpus: int = 0
    memory: int = 0
    disk: int = 0

    @property
    def vms(self) -> int:
        return self.running + self.stopped + self.attention

    def count(self, instance: Instance) -> None:
        pile = words.group_of(instance.status)
        setattr(self, pile, getattr(self, pile) + 1)
        self.vcpus += instance.vcpus
        self.memory += instance.memory
        self.disk += instance.disk_total

    def add(self, other: "Sums") -> None:
        for name in ("running", "stopped", "attention", "vcpus", "memory", "disk"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def mean(self, name: str) -> float | None:
        """What one instance has of it on average; None where there is none."""
        return getattr(self, name) / self.vms if self.vms else None


@dataclass(frozen=True)
class ClusterSums:
    """One cluster: what is on it, by owner too (keys of the owner index)."""

    all: Sums
    of_owners: dict[str, Sums]
    created: list[float]  # times of creation, in order; of those that are there


def of_instances(instances: Iterable[Instance]) -> Sums:
    found = Sums()
    for instance in instances:
        found.count(instance)
    return found


_remembered: dict[str, tuple[Snapshot, ClusterSums]] = {}


def of_snapshot(snapshot: Snapshot) -> ClusterSums:
    """A whole cluster's sums, remembered until there is another snapshot of it."""
    known = _remembered.get(snapshot.cluster)
    if known is None or known[0] is not snapshot:
        known = _remembered[snapshot.cluster] = (snapshot, _counted(snapshot))
    return known[1]


def _counted(snapshot: Snapshot) -> ClusterSums:
    of_owners: defaultdict[str, Sums] = defaultdict(Sums)
    for instance in snapshot.instances:
        for key in tag_grammar.owners(instance.tags, settings.GANETI_TAG_PREFIX):
            of_owners[key].count(instance)
    created = sorted(instance.ctime for instance in snapshot.instances if instance.ctime)
    return ClusterSums(of_instances(snapshot.instances), dict(of_owners), created)


def by_cluster() -> list[tuple[ClusterView, ClusterSums | None]]:
    """Every cluster with its sums; None where nothing is known of it yet."""
    return [(view, of_snapshot(snapshot) if snapshot else None) for view, snapshot in fleet.snapshots()]


def by_user(clusters: Iterable[tuple[ClusterView, ClusterSums | None]]) -> dict[str, Sums]:
    """User name -> what that user owns by name, over these clusters; who owns nothing is left out."""
    found: defaultdict[str, Sums] = defaultdict(Sums)
    for _, sums in clusters:
        for key, own in (sums.of_owners if sums else {}).items():
            if key.startswith("user:"):
                found[key.removeprefix("user:")].add(own)
    return dict(found)
