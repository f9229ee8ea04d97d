"""Curves as SVG: the geometry only. templates/components/_chart.html draws it, with the numbers in a table below."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from apps.stats.curves import Point

WIDTH, HEIGHT = 560.0, 146.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 10.0, 24.0


@dataclass(frozen=True)
class Series:
    """One curve: what it is called, and its points by time."""

    label: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Label:
    """A number or a day at an axis, where it is drawn."""

    x: float
    y: float
    text: str | int | datetime.date
    anchor: str = "end"


@dataclass(frozen=True)
class Chart:
    """Up to two curves over the same time."""

    title: str
    series: Sequence[Series]
    css_id: str = ""

    @property
    def is_empty(self) -> bool:
        """One point is no curve; it stands in the table all the same."""
        return max((len(one.points) for one in self.series), default=0) < 2

    @cached_property
    def top(self) -> int:
        """The highest number on the axis: a round one, not below what is drawn."""
        return round_up(max((value for one in self.series for _, value in one.points), default=0))

    @cached_property
    def _span(self) -> tuple[datetime.date, datetime.date]:
        days = [day for one in self.series for day, _ in one.points]
        return min(days), max(days)

    @property
    def lines(self) -> list[dict[str, str]]:
        """For each curve the path of its line, and of the area below the first one."""
        found = []
        for number, one in enumerate(self.series[:2], start=1):
            places = [f"{self._x(day):.1f},{self._y(value):.1f}" for day, value in one.points]
            line = "M" + " L".join(places)
            base = self._y(0)
            ends = [self._x(one.points[-1][0]), self._x(one.points[0][0])] if one.points else [LEFT, LEFT]
            area = f"{line} L{ends[0]:.1f},{base:.1f} L{ends[1]:.1f},{base:.1f} Z" if number == 1 else ""
            found.append({"number": str(number), "label": one.label, "line": line, "area": area})
        return found

    @property
    def grid(self) -> list[Label]:
        """Lines across, with their numbers."""
        values = sorted({0, self.top // 2, self.top} if self.top > 1 else {0, self.top})
        return [Label(LEFT - 6, self._y(value), value) for value in values]

    @property
    def days(self) -> list[Label]:
        """The first day, the last one and one between."""
        first, last = self._span
        middle = first + (last - first) / 2
        named = (
            [(first, "start"), (middle, "middle"), (last, "end")]
            if (last - first).days > 2
            else [(first, "start"), (last, "end")]
        )
        return [Label(self._x(day), HEIGHT - 6, day, anchor) for day, anchor in named]

    @property
    def rows(self) -> list[tuple[datetime.date, list[int | None]]]:
        """The numbers, the newest first: a day, and what each curve has then."""
        known = [dict(one.points) for one in self.series]
        days = sorted({day for points in known for day in points}, reverse=True)
        return [(day, [points.get(day) for points in known]) for day in days]

    def _x(self, day: datetime.date) -> float:
        first, last = self._span
        share = (day - first).days / ((last - first).days or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return TOP + (1 - value / (self.top or 1)) * (HEIGHT - TOP - BOTTOM)


def round_up(value: int) -> int:
    """The next number with one digit that counts: 1, 2, 5, 10, 20, 50 and so on."""
    if value <= 1:
        return max(value, 0)
    scale = 10 ** math.floor(math.log10(value))
    return next(int(factor * scale) for factor in (1, 2, 5, 10) if factor * scale >= value)
