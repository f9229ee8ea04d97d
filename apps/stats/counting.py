"""A row for each cluster and day: a chore of the watcher, which counts anew now and then until the day is over."""

import datetime

from django.utils import timezone

from apps.stats import sums
from apps.stats.models import DailyCount

FIELDS = ("running", "stopped", "attention", "vcpus", "memory", "disk")


def count_today() -> None:
    """Notes what is on each cluster that answers; of one that is silent what was noted earlier today stays."""
    today = timezone.now().astimezone(datetime.UTC).date()
    rows = [
        DailyCount(day=today, cluster=view.slug, **{name: getattr(found.all, name) for name in FIELDS})
        for view, found in sums.by_cluster()
        if found is not None and not view.is_silent
    ]
    known = dict(DailyCount.objects.filter(day=today).values_list("cluster", "pk"))
    DailyCount.objects.bulk_create([row for row in rows if row.cluster not in known], ignore_conflicts=True)
    changed = [row for row in rows if row.cluster in known]
    for row in changed:
        row.pk = known[row.cluster]
    DailyCount.objects.bulk_update(changed, FIELDS, batch_size=200)
