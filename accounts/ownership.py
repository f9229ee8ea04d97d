"""What users and groups own, asked of the room that knows: a higher one, which registers itself.

Ownership hangs on names: tags of VMs carry them. So a name that changes takes its tags along, and a name that VMs
carry is given to nobody else.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from accounts.retelling import retold
from ganeti import tags

USER, GROUP = "user", "group"


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody owns on one cluster, as it was known at `as_of`."""

    cluster: str
    vms: tuple[str, ...]
    tags: int
    busy: int = 0  # VMs with a pending change: the tags wait for its end
    as_of: datetime.datetime | None = None
    is_silent: bool = False
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Holdings:
    """What somebody owns, cluster by cluster, and the clusters of which nobody can tell."""

    held: tuple[Held, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def vm_count(self) -> int:
        return sum(len(one.vms) for one in self.held)

    @property
    def tag_count(self) -> int:
        return sum(one.tags for one in self.held)


class NotKnown(Exception):
    """Nobody can say now what anybody owns; `str()` is the sentence that says why."""


class Keeper(Protocol):
    """The room that knows. All of these may raise NotKnown, but for `is_kept` and `address_of`."""

    def holdings(self, kind: str, name: str) -> Holdings: ...

    def counts(self, kind: str, names: Iterable[str]) -> dict[str, int]:
        """How many VMs each of these owns; who owns none is left out."""

    def is_kept(self, kind: str, name: str) -> bool:
        """Whether tags of this name are just being rewritten to another one."""

    def address_of(self, kind: str, name: str) -> str:
        """The page about the rewriting that gave somebody this name, while it lasts; else empty."""

    def why_not(self, kind: str, old: str, new: str) -> str:
        """The sentence that says why tags cannot be rewritten now; empty when nothing stands in the way."""

    def rename(self, kind: str, old: str, new: str, request: HttpRequest) -> None:
        """Begins to rewrite tags. Call it in the transaction that stores the new name."""


_keepers: list[Keeper] = []


def register(keeper: Any) -> None:
    """From an app's `ready`: a module with the functions of `Keeper` will do."""
    _keepers[:] = [keeper]


def holdings(kind: str, name: str) -> Holdings:
    return _keepers[0].holdings(kind, name) if _keepers else Holdings()


def counts(kind: str, names: Iterable[str]) -> dict[str, int]:
    return _keepers[0].counts(kind, names) if _keepers else {}


def address_of(kind: str, name: str) -> str:
    return _keepers[0].address_of(kind, name) if _keepers else ""


def why_not(kind: str, old: str, new: str) -> str:
    return _keepers[0].why_not(kind, old, new) if _keepers else ""


def rename(kind: str, old: str, new: str, request: HttpRequest) -> None:
    if _keepers:
        _keepers[0].rename(kind, old, new, request)


def is_owner_somewhere(kind: str, name: str) -> bool:
    """Whether VMs carry this name: whoever got it would own them. Raises NotKnown where nobody can say."""
    return is_kept(kind, name) or holdings(kind, name).vm_count > 0


def is_kept(kind: str, name: str) -> bool:
    return bool(_keepers) and _keepers[0].is_kept(kind, name)


# What ganeti/tags.py says by itself, in English.
SENTENCES = (
    gettext_noop("Ganeti's tags have at most %(most)s characters, this one has %(number)s."),
    gettext_noop("Ganeti's tags cannot carry these characters: %(characters)s."),
)


def no_tag_for(kind: str, name: str) -> str:
    """Why Ganeti could not carry this name of a user or group, as a sentence; empty where it can."""
    try:
        tags.owner_tag(kind, name, settings.GANETI_TAG_PREFIX)
    except ValueError as error:
        return retold(str(error))
    return ""
