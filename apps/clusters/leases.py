"""Who among the watchers looks after which cluster: a row with an expiry for each, taken by conditional UPDATE."""

import contextlib
import datetime
import math

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from apps.clusters.models import Cluster, Lease, WatcherProcess

TRIES = 4  # to renew a lease within its life


def renewed_every() -> float:
    """Seconds between two renewals of what one has."""
    return settings.WATCHER_LEASE / TRIES


def silent_after() -> float:
    """A watcher that was not seen for so many seconds is called gone."""
    return 2 * settings.WATCHER_LEASE


def new_end(now: datetime.datetime) -> datetime.datetime:
    """When what is taken or renewed now is anybody's again."""
    return now + datetime.timedelta(seconds=settings.WATCHER_LEASE)


def renew(holder: str) -> set[int]:
    """Renews what `holder` has, takes what is free up to a fair share, gives back what is above it.

    Answers the primary keys of the clusters that `holder` looks after until the lease ends.
    """
    now = timezone.now()
    until = new_end(now)
    WatcherProcess.objects.update_or_create(name=holder, defaults={"seen": now})
    wanted = set(Cluster.objects.enabled().values_list("pk", flat=True))
    _make_missing(wanted, now)
    held = list(
        Lease.objects.filter(holder=holder, cluster__in=wanted).order_by("cluster").values_list("cluster", flat=True)
    )
    share = math.ceil(len(wanted) / max(1, alive(now)))
    _give_back(holder, set(held[share:]), wanted)
    kept = set(held[:share])
    Lease.objects.filter(holder=holder, cluster__in=kept).update(expires=until)
    for cluster in _free(now, wanted, share - len(kept)):
        # Another watcher may want the same one: the UPDATE says who has it.
        if Lease.objects.filter(Q(expires__lt=now) | Q(holder=""), cluster=cluster).update(
            holder=holder, expires=until
        ):
            kept.add(cluster)
    return kept


def release_all(holder: str) -> None:
    """A watcher that stops leaves its clusters to the others at once."""
    Lease.objects.filter(holder=holder).update(holder="")
    WatcherProcess.objects.filter(name=holder).delete()


def alive(now: datetime.datetime) -> int:
    """How many watchers were seen lately; the long gone are swept away."""
    WatcherProcess.objects.filter(seen__lt=now - datetime.timedelta(days=1)).delete()
    return living(now)


def living(now: datetime.datetime) -> int:
    """How many watchers were seen lately."""
    return WatcherProcess.objects.filter(seen__gte=now - datetime.timedelta(seconds=settings.WATCHER_LEASE)).count()


def watched(now: datetime.datetime) -> set[int]:
    """The clusters, by primary key, that some watcher looks after."""
    return set(Lease.objects.filter(expires__gte=now).exclude(holder="").values_list("cluster", flat=True))


def last_seen() -> WatcherProcess | None:
    """The watcher that showed up last; None where none ever did, or the last one said goodbye."""
    return WatcherProcess.objects.order_by("-seen").first()


def somebody_watches() -> bool:
    """Whether a watcher was seen lately."""
    last = last_seen()
    return last is not None and last.seen > timezone.now() - datetime.timedelta(seconds=silent_after())


def _make_missing(wanted: set[int], now: datetime.datetime) -> None:
    for cluster in wanted - set(Lease.objects.values_list("cluster", flat=True)):
        with contextlib.suppress(IntegrityError):  # another watcher made it in the same moment
            Lease.objects.create(cluster_id=cluster, holder="", expires=now)


def _give_back(holder: str, surplus: set[int], wanted: set[int]) -> None:
    Lease.objects.filter(holder=holder).filter(Q(cluster__in=surplus) | ~Q(cluster__in=wanted)).update(holder="")


def _free(now: datetime.datetime, wanted: set[int], most: int) -> list[int]:
    if most <= 0:
        return []
    free = Lease.objects.filter(Q(expires__lt=now) | Q(holder=""), cluster__in=wanted)
    return list(free.order_by("cluster").values_list("cluster", flat=True)[:most])
