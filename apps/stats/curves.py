"""What grew when: points of curves, so few that they can be drawn and read in a table."""

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.clusters.models import moment
from apps.stats.models import DailyCount

Point = tuple[datetime.date, int]

MOST_POINTS = 60


def growth(days: Iterable[datetime.date]) -> list[Point]:
    """How many there were altogether at the end of each period in which some came; thinned out to MOST_POINTS."""
    counted = sorted(Counter(days).items())
    totals = accumulate(count for _, count in counted)
    return thinned([(day, total) for (day, _), total in zip(counted, totals, strict=True)])


def days_of(times: Iterable[float]) -> list[datetime.date]:
    """The days (UTC) of times in seconds since 1970; those that are no times are left out."""
    return [when.date() for seconds in times if (when := moment(seconds)) is not None]


def growth_of_rows(rows: QuerySet, field: str) -> list[Point]:
    """The same for rows with a time; counted by the database."""
    counted = rows.order_by().annotate(day=TruncDate(field, tzinfo=datetime.UTC)).values_list("day")
    days = counted.annotate(count=Count("pk")).order_by("day")
    totals = accumulate(count for _, count in days)
    return thinned([(day, total) for (day, _), total in zip(days, totals, strict=True)])


def over_days(field: str, *, since: datetime.date, clusters: Sequence[str] | None = None) -> list[Point]:
    """The sum of a daily count over these clusters, or all, for each day since then of which there are counts."""
    rows = DailyCount.objects.filter(day__gte=since)
    if clusters is not None:
        rows = rows.filter(cluster__in=clusters)
    return thinned(list(rows.order_by("day").values_list("day").annotate(total=Sum(field))))


def thinned(points: list[Point]) -> list[Point]:
    """At most MOST_POINTS of them, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(number * step)] for number in range(MOST_POINTS)]
