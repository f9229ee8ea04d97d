"""Instances arranged for lists: searched, counted and sorted once for each snapshot of a cluster, not for each page."""

import heapq
import re
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, islice
from typing import Any

from django.conf import settings

from apps.clusters import words
from ganeti import tags as tag_grammar
from ganeti.addresses import Prefixes, in_one_spelling, spellings
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
# How well an instance matches a search, the best first: its name or the first part of it, something else as a whole
# (an address, a MAC, an owner, a tag, a node, a system), the beginning of one of these, of a word in one, any part.
EXACT, WHOLE, BEGINS, WORD, PART = range(5)
FOR_STAFF = frozenset({"vg", ""})  # kinds of tags that owners do not read
KINDS_IN_MENU = ("adminlock", "isolate", "needsreboot", "service", "org", "group")


class Catalogue:
    """Instances of one cluster, by name; they are spoken of by their numbers. Each part is made when first needed.

    `prefixes` tells the cluster's IPv6 prefixes, when somebody searches; `for_staff` lets the search look at what
    owners do not read: nodes, and tags that are not ours.
    """

    def __init__(
        self, instances: Sequence[Instance], prefixes: Callable[[], Prefixes] = Prefixes, *, for_staff: bool = True
    ) -> None:
        self.instances = instances
        self._prefixes = prefixes
        self._for_staff = for_staff
        self._orders: dict[str, Sequence[int]] = dict.fromkeys(("name", "cluster"), range(len(instances)))

    def __len__(self) -> int:
        return len(self.instances)

    def named(self, name: str) -> list[Instance]:
        """The instance of this name, if it is here."""
        place = bisect_left(self.instances, name, key=lambda instance: instance.name)
        return [one for one in self.instances[place : place + 1] if one.name == name]

    def matching(self, words_wanted: list[str], tag: str) -> Sequence[int]:
        """The instances in whose text all of these words occur, and that have this tag; those not asked for are "".

        Addresses are found however they are spelled.
        """
        numbers = self._having([spellings(word) for word in words_wanted]) if words_wanted else range(len(self))
        return [number for number in numbers if tag in self.instances[number].tags] if tag else numbers

    def best(self, words_wanted: list[str], numbers: Sequence[int], most: int) -> list[tuple[int, int]]:
        """Of these numbers, which match the words, the `most` that match best: (EXACT to PART, number).

        Each way to match is one search through the long text, and the last ones are seldom needed.
        """
        left, found = set(numbers), list[tuple[int, int]]()
        spelled = [spelling for word in words_wanted for spelling in spellings(word)]
        for rank, ways in self._ways(spelled) if left else ():
            for number in ways:
                if len(found) == most or not left:
                    return found
                if number in left:
                    left.remove(number)
                    found.append((rank, number))
        return found + [(PART, number) for number in sorted(left)[: most - len(found)]]

    def owned_by(self, keys: Iterable[str]) -> list[int]:
        """The instances of these owners, who are keys of the owner index."""
        return sorted({number for key in keys for number in self._of_owners.get(key, ())})

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
    def _of_owners(self) -> dict[str, "array[int]"]:
        prefix = settings.GANETI_TAG_PREFIX
        found: dict[str, array[int]] = {}
        for number, instance in enumerate(self.instances):
            for key in tag_grammar.owners(instance.tags, prefix):
                found.setdefault(key, array("I")).append(number)
        return found

    @cached_property
    def _piles(self) -> list[str]:
        return [words.group_of(instance.status) for instance in self.instances]

    @cached_property
    def _pile_counts(self) -> Counter[str]:
        return Counter(self._piles)

    def _having(self, words_wanted: list[tuple[str, ...]]) -> list[int]:
        """The instances that have each word in one of its spellings.

        One search through one long text is a hundred times faster than one through each instance's.
        """
        text, starts = self._text
        first, *others = words_wanted
        if others:
            first, *others = sorted(words_wanted, key=lambda spelled: sum(map(text.count, spelled)))
        having = self._with(first[0]) if len(first) == 1 else sorted({n for one in first for n in self._with(one)})
        return [
            number
            for number in having
            if all(any(text.find(one, starts[number], starts[number + 1]) >= 0 for one in each) for each in others)
        ]

    def _ways(self, spelled: list[str]) -> Iterator[tuple[int, Iterator[int]]]:
        """(how well, the instances that match so), as far as somebody goes on asking."""
        for word in spelled:
            yield EXACT, self._with(f"\n{word} ")
        for word in spelled:
            if "." not in word:
                yield EXACT, self._with(f"\n{word}.")
        for word in spelled:
            for before in " :":
                for after in " \n":
                    yield WHOLE, self._with(f"{before}{word}{after}")
        for before in "\n ":
            for word in spelled:
                yield BEGINS, self._with(f"{before}{word}")
        for word in spelled:
            yield WORD, self._with_word(word)

    def _with(self, part: str) -> Iterator[int]:
        """The instances in whose line this is."""
        text, starts = self._text
        place = text.find(part)
        while place >= 0:
            number = bisect_right(starts, place) - 1
            if place + len(part) <= starts[number + 1] + 1:  # with the end of its line at most
                yield number
            place = text.find(part, starts[number + 1])

    def _with_word(self, word: str) -> Iterator[int]:
        """Those in whose line a word begins so."""
        text, starts = self._text
        for found in re.finditer(rf"(?<![^\W_]){re.escape(word)}", text):
            yield bisect_right(starts, found.start()) - 1

    @cached_property
    def _text(self) -> tuple[str, "array[int]"]:
        """A line for each instance, and where each begins: with the end of the one before."""
        prefixes = self._prefixes()
        looked_at = searchable if self._for_staff else searchable_for_owners
        lines = [f"\n{' '.join(looked_at(instance, prefixes).split())}" for instance in self.instances]
        return f"{''.join(lines)}\n", array("I", accumulate(map(len, lines), initial=0))


def searchable(instance: Instance, prefixes: Prefixes = NO_PREFIXES) -> str:
    """The text in which a search looks: name, addresses, MACs, tags, OS, nodes."""
    return _text_of(instance, prefixes, (*instance.tags, instance.pnode, *instance.snodes))


def searchable_for_owners(instance: Instance, prefixes: Prefixes = NO_PREFIXES) -> str:
    """The same without what its page does not show to owners: they cannot ask for it word by word either."""
    prefix = settings.GANETI_TAG_PREFIX
    return _text_of(
        instance, prefixes, [tag for tag in instance.tags if tag_grammar.split(tag, prefix)[0] not in FOR_STAFF]
    )


def _text_of(instance: Instance, prefixes: Prefixes, more: Iterable[str]) -> str:
    cards = (
        part for nic in instance.nics for part in (in_one_spelling(nic.ip), prefixes.address(nic), nic.mac, nic.network)
    )
    return " ".join((instance.name, instance.os, instance.image, *more, *cards)).lower()


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
