"""What came along, what was there already, and what could not come and why: for the terminal and for machines."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NAMES_SHOWN = 10


@dataclass
class Kind:
    """What became of one kind of thing."""

    name: str
    found: int = 0
    brought: int = 0
    there: int = 0  # already
    unneeded: int = 0  # nothing is lost without it: a link that was used, a registration that was decided
    left_out: list[tuple[str, str]] = field(default_factory=list)  # what, why

    def leave(self, what: object, why: str) -> None:
        self.left_out.append((str(what), why))


@dataclass(frozen=True)
class Note:
    """Something that somebody should know or look after."""

    sentence: str
    names: tuple[str, ...] = ()


class Report:
    def __init__(self, source: str, is_dry_run: bool) -> None:
        self.source = source
        self.is_dry_run = is_dry_run
        self.kinds: dict[str, Kind] = {}
        self.notes: list[Note] = []

    def kind(self, name: str) -> Kind:
        return self.kinds.setdefault(name, Kind(name))

    def note(self, sentence: str, names: Iterable[object] = ()) -> None:
        self.notes.append(Note(sentence, tuple(str(name) for name in names)))

    @property
    def is_complete(self) -> bool:
        return not any(kind.left_out for kind in self.kinds.values())

    @property
    def in_short(self) -> str:
        """For the audit log."""
        brought = [f"{kind.name}: {kind.brought}" for kind in self.kinds.values() if kind.brought]
        return f"{self.source}. {', '.join(brought) or 'Nothing new'}."

    def lines(self) -> list[str]:
        width = max((len(name) for name in self.kinds), default=4)
        heading = f"{'':<{width}}  {'found':>9} {'brought':>9} {'there':>9} {'unneeded':>9} {'left out':>9}"
        rows = [heading]
        for kind in self.kinds.values():
            numbers = (kind.found, kind.brought, kind.there, kind.unneeded, len(kind.left_out))
            rows.append(f"{kind.name:<{width}}  " + " ".join(f"{number:>9}" for number in numbers))
        return [*rows, *self._left_out(), *self._told()]

    def _left_out(self) -> list[str]:
        rows = []
        for kind in self.kinds.values():
            for why, count in Counter(why for _, why in kind.left_out).most_common():
                names = [what for what, reason in kind.left_out if reason == why]
                rows.append(f"  {kind.name}, {count}: {why} {_some(names)}".rstrip())
        return ["", "Left out:", *rows] if rows else []

    def _told(self) -> list[str]:
        rows = [f"  {note.sentence} {_some(note.names)}".rstrip() for note in self.notes]
        return ["", "To know:", *rows] if rows else []

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "dry_run": self.is_dry_run,
            "complete": self.is_complete,
            "kinds": [
                {
                    "kind": kind.name,
                    "found": kind.found,
                    "brought": kind.brought,
                    "there_already": kind.there,
                    "unneeded": kind.unneeded,
                    "left_out": [{"what": what, "why": why} for what, why in kind.left_out],
                }
                for kind in self.kinds.values()
            ],
            "notes": [{"sentence": note.sentence, "names": list(note.names)} for note in self.notes],
        }


def _some(names: Iterable[str]) -> str:
    """The first of these names in brackets, control characters made visible."""
    shown = list(names)
    if not shown:
        return ""
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    plain = ["".join(char if char.isprintable() else "?" for char in name)[:120] for name in shown[:NAMES_SHOWN]]
    return f"({', '.join(plain)}{more})"
