"""Work besides clusters and jobs that has to be done now and then: mail, cleaning. One watcher at a time for each.

A row for each says who looks after it until when, taken by conditional UPDATE as clusters are, and when it is due.
"""

import contextlib
import datetime
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from apps.clusters import leases
from apps.clusters.models import ChoreLease


class Chore(NamedTuple):
    """`work` is done `every` so many seconds; it may be interrupted anywhere, and is after `at_most` seconds."""

    name: str
    every: float
    work: Callable[[], object]
    at_most: float = 300.0


def renew(holder: str, chores: Sequence[Chore]) -> set[str]:
    """Renews what `holder` has and takes what is free: the names of those of its chores that are due."""
    now = timezone.now()
    names = [chore.name for chore in chores]
    _make_missing(names, now)
    free = Q(holder=holder) | Q(holder="") | Q(expires__lt=now)
    ChoreLease.objects.filter(free, name__in=names).update(holder=holder, expires=leases.new_end(now))
    return set(ChoreLease.objects.filter(holder=holder, name__in=names, due__lte=now).values_list("name", flat=True))


def note_done(chore: Chore) -> None:
    """Whoever looks after it next waits as well; what is due again within a lease's life is not worth a write."""
    if chore.every > settings.WATCHER_LEASE:
        due = timezone.now() + datetime.timedelta(seconds=chore.every)
        ChoreLease.objects.filter(name=chore.name).update(due=due)


def release_all(holder: str) -> None:
    """A watcher that stops leaves its chores to the others at once."""
    ChoreLease.objects.filter(holder=holder).update(holder="")


def _make_missing(names: list[str], now: datetime.datetime) -> None:
    for name in set(names) - set(ChoreLease.objects.values_list("name", flat=True)):
        with contextlib.suppress(IntegrityError):  # another watcher made it in the same moment
            ChoreLease.objects.create(name=name, holder="", expires=now, due=now)
