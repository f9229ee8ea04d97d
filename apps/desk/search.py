"""The search over everything: what is asked for, what one thing that was found looks like, and how well it fits.

Where is looked is in search_sources.py, a function for each kind of things.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.looks import Status, Text
from apps.clusters.catalogue import BEGINS, EXACT, PART, WHOLE, WORD
from ganeti.addresses import spellings

SHORTEST, LONGEST = 2, 200  # characters
MOST_WORDS = 10
INVISIBLE = frozenset({"Cf", "Cs", "Co", "Cn"})  # marks of direction and the like come along when one copies an address


class Query:
    """What somebody typed, as something that can be looked for."""

    def __init__(self, typed: str) -> None:
        seen = (character for character in typed[: 4 * LONGEST] if unicodedata.category(character) not in INVISIBLE)
        legible = "".join(" " if unicodedata.category(character) == "Cc" else character for character in seen)
        self.words = legible[:LONGEST].split()[:MOST_WORDS]
        self.text = " ".join(self.words)

    @property
    def is_empty(self) -> bool:
        return not self.text

    @property
    def is_too_short(self) -> bool:
        return len(self.text) < SHORTEST

    @cached_property
    def lower(self) -> list[str]:
        return self.text.lower().split()

    @cached_property
    def spelled(self) -> list[str]:
        """Each word in each way in which what is found may have it; the longest first."""
        return sorted({one for word in self.lower for one in spellings(word)}, key=len, reverse=True)

    @property
    def number(self) -> int | None:
        """The number that it is, "17" or "#17", if it is one that a database holds."""
        digits = self.text.removeprefix("#")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None

    def address(self, url_name: str) -> str:
        """A page that searches for the same."""
        return f"{reverse(url_name)}?{urlencode({'q': self.text})}"

    def fits(self, text: str) -> bool:
        """Whether all words occur in this text."""
        text = text.lower()
        return all(word in text for word in self.lower)

    def is_called(self, *names: str) -> bool:
        """Whether it is one of these names, or addresses, as a whole."""
        return not {name.lower() for name in names if name}.isdisjoint({self.text.lower(), *self.spelled_whole})

    @cached_property
    def spelled_whole(self) -> tuple[str, ...]:
        return spellings(self.lower[0]) if len(self.lower) == 1 else ()

    def rank(self, name: str, *others: str) -> int:
        """How well something of this name fits, of which also these other texts were looked at."""
        if self.is_called(name, name.partition(".")[0]):
            return EXACT
        if self.is_called(*others):
            return WHOLE
        texts = [text.lower() for text in (name, *others)]
        if any(text.startswith(word) for text in texts for word in self.lower):
            return BEGINS
        beginnings = {part for text in texts for part in _parts(text)}
        return WORD if any(part.startswith(word) for part in beginnings for word in self.lower) else PART

    def marked(self, text: str) -> SafeString:
        """The text as HTML, with what was looked for marked in it."""
        return mark_safe("".join(self._marked(str(text))))  # noqa: S308  (put together of escaped parts)

    def _marked(self, text: str) -> Iterator[str]:
        lower = text.lower()
        lower = lower if len(lower) == len(text) else text  # a letter may be two in lower case: places would not fit
        place = 0
        while place < len(text):
            hits = [(at, -len(word)) for word in self.spelled if (at := lower.find(word, place)) >= 0]
            if not hits:
                break
            at, length = min(hits)
            end = at - length
            yield escape(text[place:at])
            yield format_html("<mark>{}</mark>", text[at:end])
            place = end
        yield escape(text[place:])


def _parts(text: str) -> list[str]:
    return "".join(character if character.isalnum() else " " for character in text).split()


@dataclass(frozen=True)
class Hit:
    """One thing that was found: its kind in a word, its name, where it is shown, and what tells it from others."""

    kind: Text
    icon: str
    name: str
    url: str
    rank: int = PART
    is_meant: bool = False  # what was typed is its name or address as a whole
    place: str = ""  # its cluster
    status: Status | None = None
    facts: tuple[Text, ...] = ()
    is_old: bool = False  # its cluster does not answer
    is_mono: bool = False  # a name of the DNS, or a number


@dataclass(frozen=True)
class Group:
    """What was found of one kind, the best first, with how many there are and where all of them are listed."""

    key: str
    title: Text
    hits: Sequence[Hit]
    total: int
    all_url: str = ""
    all_words: Text = ""  # on the link to them, with their number

    @property
    def has_more(self) -> bool:
        return bool(self.all_url) and self.total > len(self.hits)

    @property
    def is_exact(self) -> bool:
        return any(hit.rank == EXACT for hit in self.hits)


@dataclass(frozen=True)
class Found:
    """All that was found for one person."""

    query: Query
    groups: Sequence[Group] = ()
    silent: Sequence[Any] = ()  # shown.ShownCluster of those that do not answer: their last known VMs were searched
    is_incomplete: bool = False  # something may be there of which nothing is known now

    @property
    def total(self) -> int:
        return sum(max(group.total, len(group.hits)) for group in self.groups)

    @property
    def meant(self) -> Hit | None:
        """The one thing whose name or address was typed as a whole; None where there are several, or a mere number."""
        if self.query.number is not None:
            return None
        meant = [hit for group in self.groups for hit in group.hits if hit.is_meant]
        return meant[0] if len(meant) == 1 else None


def best(hits: Iterable[Hit], most: int) -> list[Hit]:
    return sorted(hits, key=lambda hit: (hit.rank, hit.name, hit.place))[:most]
