"""Facts about an instance that higher rooms add to its page and pop-up: the room that shows them need not know them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.looks import Text
from apps.clusters.fleet import Vm


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the facts: a word, what it is, and the page that it leads to, if any."""

    label: Text
    text: Text
    url: str = ""


Finder = Callable[[Any, Vm], Iterable[Fact]]  # for this reader; a query or two, and only where there is something

_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """From an app's `ready`. Registering the same one twice changes nothing."""
    if finder not in _finders:
        _finders.append(finder)


def about(user: Any, vm: Vm) -> list[Fact]:
    """What all rooms tell this reader."""
    return [fact for finder in _finders for fact in finder(user, vm)]
