"""Instances arranged for lists: searched, counted and sorted once for each snapshot of a cluster, not for each page."""

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, islice
from typing import Any

from django.conf import settings

from apps.clusters import words
from ganeti import tags as tag_grammar
from ganeti.addresses import Prefixes
from ganeti.inventory import Snapshot
from ganeti.objects import Instance

Key = Callable[[Instance], Any]

SORT_KEYS: dict[str, Key] = {
    "name": lambda instance: (instance.name, instance.cluster),
    "cluster": lambda instance: (instance.cluster, instance.name),
    "node": lambda instance: (instance.pnode, instance.name, instance.cluster),
    "status": lambda instance: (words.group_of(instance.status), instance.status, instance.name, instance.cluster),
    "cpus": lambda instance: (instance.vcpus, instance.name, instance.cluster),
    "memory": lambda instance: (instance.memory, instance.name, instance.cluster),
    "disk": lambda instance: (instance.disk_total, instance.name, instance.cluster),
}
NO_PREFIXES = Prefixes()
KINDS_IN_MENU = ("adminlock", "isolate", "needsreboot", "service", "org", "group")


class Catalogue:
    """Instances of one cluster, by name; they are spoken of by their numbers. Each part is made when first needed.

    `prefixes` tells the cluster's IPv6 prefixes, when somebody searches.
    """

    def __init__(self, instances: Sequence[Instance], prefixes: Callable[[], Prefixes] = Prefixes) -> None:
        self.instances = instances
        self._prefixes = prefixes
        self._orders: dict[str, Sequence[int]] = dict.fromkeys(("name", "cluster"), range(len(instances)))

    def __len__(self) -> int:
        return len(self.instances)

    def named(self, name: str) -> list[Instance]:
        """The instance of this name, if it is here."""
        place = bisect_left(self.instances, name, key=lambda instance: instance.name)
        return [one for one in self.instances[place : place + 1] if one.name == name]

    def matching(self, words_wanted: list[str], tag: str) -> Sequence[int]:
        """The instances in whose text all of these words occur, and that have this tag; those not asked for are ""."""
        numbers = self._having(words_wanted) if words_wanted else range(len(self))
        return [number for number in numbers if tag in self.instances[number].tags] if tag else numbers

    def of_pile(self, pile: str, numbers: Sequence[int]) -> Sequence[int]:
        return [number for number in numbers if self._piles[number] == pile]

    def count_piles(self, numbers: Sequence[int]) -> Counter[str]:
        """How many of these are running, stopped, or need attention."""
        if len(numbers) == len(self):
            return self._pile_counts
        return Counter(self._piles[number] for number in numbers)

    def in_order(self, sort: str, numbers: Sequence[int]) -> Sequence[int]:
        """The same numbers, in the order of one of SORT_KEYS."""
        if sort not in self._orders:
            key = SORT_KEYS[sort]
            everything = sorted(range(len(self)), key=lambda number: key(self.instances[number]))
            self._orders[sort] = array("I", everything)
        if len(numbers) == len(self):
            return self._orders[sort]
        wanted = set(numbers)
        return [number for number in self._orders[sort] if number in wanted]

    @cached_property
    def tags_in_menu(self) -> dict[str, tuple[str, str]]:
        """The tags of the kinds that are worth choosing, as (kind, value)."""
        prefix = settings.GANETI_TAG_PREFIX
        found = {tag: tag_grammar.split(tag, prefix) for instance in self.instances for tag in instance.tags}
        return {tag: split for tag, split in found.items() if split[0] in KINDS_IN_MENU}

    @cached_property
    def owners(self) -> frozenset[str]:
        """Whoever owns one of these, as keys of the owner index."""
        prefix = settings.GANETI_TAG_PREFIX
        return frozenset(key for instance in self.instances for key in tag_grammar.owners(instance.tags, prefix))

    @cached_property
    def _piles(self) -> list[str]:
        return [words.group_of(instance.status) for instance in self.instances]

    @cached_property
    def _pile_counts(self) -> Counter[str]:
        return Counter(self._piles)

    def _having(self, words_wanted: list[str]) -> list[int]:
        """One search through one long text is a hundred times faster than one through each instance's."""
        text, starts = self._text
        longest = max(words_wanted, key=len)
        found = []
        place = text.find(longest)
        while place >= 0:
            number = bisect_right(starts, place) - 1
            start, end = starts[number], starts[number + 1]
            if all(text.find(word, start, end) >= 0 for word in words_wanted):
                found.append(number)
            place = text.find(longest, end)
        return found

    @cached_property
    def _text(self) -> tuple[str, "array[int]"]:
        """A line for each instance, and where each begins."""
        prefixes = self._prefixes()
        lines = [f"{' '.join(searchable(instance, prefixes).split())}\n" for instance in self.instances]
        return "".join(lines), array("I", accumulate(map(len, lines), initial=0))


def searchable(instance: Instance, prefixes: Prefixes = NO_PREFIXES) -> str:
    """The text in which a search looks: name, addresses, MACs, tags, OS, nodes."""
    parts = [instance.name, instance.os, instance.image, instance.pnode, *instance.snodes, *instance.tags]
    parts += [part for nic in instance.nics for part in (nic.ip, prefixes.address(nic), nic.mac, nic.network)]
    return " ".join(parts).lower()


_of_snapshots: dict[str, tuple[Snapshot, Mapping[str, str], Catalogue]] = {}


def of_snapshot(snapshot: Snapshot, by_link: Mapping[str, str] | None = None) -> Catalogue:
    """The catalogue of a whole cluster, remembered until there is another snapshot of it.

    `by_link` are the prefixes of its hand-kept networks.
    """
    by_link = by_link or {}
    known = _of_snapshots.get(snapshot.cluster)
    if known is None or known[0] is not snapshot or known[1] != by_link:
        made = Catalogue(snapshot.instances, lambda: Prefixes(snapshot.networks, by_link))
        known = _of_snapshots[snapshot.cluster] = (snapshot, by_link, made)
    return known[2]


class Found:
    """What was found in several catalogues, in one order. A page of it is cut out without sorting all the rest."""

    def __init__(self, found: Iterable[tuple[Catalogue, Sequence[int]]], sort: str, *, descending: bool) -> None:
        self._found = [(catalogue.instances, catalogue.in_order(sort, numbers)) for catalogue, numbers in found]
        self._key = SORT_KEYS[sort]
        self._descending = descending
        self._count = sum(len(numbers) for _, numbers in self._found)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, page: slice) -> list[Instance]:
        first, last, _ = page.indices(self._count)
        return self._between(first, last) if first < last else []

    def _between(self, first: int, last: int) -> list[Instance]:
        """Merged from the nearer end."""
        if first > self._count - last:
            return list(islice(self._merged(not self._descending), self._count - last, self._count - first))[::-1]
        return list(islice(self._merged(self._descending), first, last))

    def _merged(self, descending: bool) -> Iterable[Instance]:
        runs = (
            map(instances.__getitem__, reversed(numbers) if descending else numbers)
            for instances, numbers in self._found
        )
        return heapq.merge(*runs, key=self._key, reverse=descending)
