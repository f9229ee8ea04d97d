"""What all kinds have in common: what is known so far of old numbers and ours, limits, and writing in bulk."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from apps.adopting.report import Report
from apps.adopting.source import Source

BATCH = 1000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Person:
    pk: int
    name: str
    email: str = ""


@dataclass
class Taking:
    """One run. What is brought notes here under which number it was known and under which it is."""

    source: Source
    report: Report
    say: Say = lambda sentence: None
    pins: dict[str, str] = field(default_factory=dict)  # cluster's slug -> fingerprint of its certificate
    users: dict[int, Person] = field(default_factory=dict)
    fresh_users: set[int] = field(default_factory=set)  # old numbers of those that were not here before
    groups: dict[int, int] = field(default_factory=dict)
    fresh_groups: set[int] = field(default_factory=set)
    organizations: dict[int, int] = field(default_factory=dict)
    clusters: dict[int, Any] = field(default_factory=dict)
    slugs: dict[str, str] = field(default_factory=dict)  # as they were -> as they are
    networks: dict[tuple[str, str, str], int] = field(default_factory=dict)  # (slug, link, mode)

    def person(self, number: int | None) -> Person | None:
        return self.users.get(number) if number is not None else None


def misfit(obj: models.Model) -> str:
    """Why the database could not keep it, as a sentence; empty where it can."""
    for column in obj._meta.concrete_fields:
        value = getattr(obj, column.attname)
        if value is None or column.is_relation:
            continue
        for check in column.validators:
            if isinstance(check, MaxLengthValidator) and len(str(value)) > check.limit_value:
                return f"Its {column.name} has more than {check.limit_value} characters."
            if isinstance(check, MinValueValidator) and value < check.limit_value:
                return f"Its {column.name} is below {check.limit_value}."
            if isinstance(check, MaxValueValidator) and value > check.limit_value:
                return f"Its {column.name} is above {check.limit_value}."
    return ""


def in_bulk(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Writes them, in few queries; their signals stay silent."""
    model._default_manager.bulk_create(rows, batch_size=BATCH)


@contextlib.contextmanager
def times_as_given(*of: type[models.Model]) -> Iterator[None]:
    """Columns that usually take the present moment take what they are given."""
    columns: list[Any] = [column for model in of for column in model._meta.concrete_fields]
    own = [(column, column.auto_now, column.auto_now_add) for column in columns if hasattr(column, "auto_now")]
    for column, _, _ in own:
        column.auto_now = column.auto_now_add = False
    try:
        yield
    finally:
        for column, auto_now, auto_now_add in own:
            column.auto_now, column.auto_now_add = auto_now, auto_now_add


def alike(names: Iterable[str]) -> list[str]:
    """Those that differ from another one in capital letters only."""
    names = list(names)
    counted = Counter(name.casefold() for name in names)
    return sorted((name for name in names if counted[name.casefold()] > 1), key=str.casefold)
