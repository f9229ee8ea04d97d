"""What is known of who applies: the VMs they have, and what they asked for before."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count

from apps.applications.models import InstanceApplication
from apps.applications.shown import OF_STATUS, ShownApplication
from apps.clusters import fleet
from apps.clusters.fleet import Fleet

SHOWN = 5


@dataclass(frozen=True)
class History:
    """The newest applications of somebody, and how many there are of each state."""

    rows: list[ShownApplication]
    counts: list[tuple[int, Any]]  # how many, and the state as a word

    @property
    def total(self) -> int:
        return sum(count for count, _ in self.counts)


def history_of(application: InstanceApplication) -> History:
    """What its applicant asked for besides."""
    return _history(InstanceApplication.objects.of(application.applicant).exclude(pk=application.pk))


def history_of_user(user: Any) -> History:
    return _history(InstanceApplication.objects.of(user))


def _history(rows: Any) -> History:
    counted = rows.order_by("status").values_list("status").annotate(n=Count("pk"))
    return History(
        [ShownApplication(row) for row in rows[:SHOWN]],
        [(count, OF_STATUS[status].word) for status, count in counted],
    )


@dataclass(frozen=True)
class Vms:
    count: int
    is_incomplete: bool  # there are clusters of which nothing is known


def vms_of(user: Any) -> Vms:
    """How many VMs name this person as an owner, as far as the inventory knows."""
    seen = Fleet(AnonymousUser(), fleet.keys_of("user", user.get_username()))
    count = sum(len(catalogue) for catalogue in seen.catalogues.values())
    return Vms(count, seen.store_is_away or not all(view.has_snapshot for view in seen.clusters.values()))
