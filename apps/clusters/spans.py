"""Spans of time for graphs: as a grapher's addresses write them, and as people choose them."""

import datetime
import re
import time
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.looks import Text

MOST_DAYS = 900  # how far back graphs go
DAY = 86400
USUAL = ("-1d", "-20s")  # what a grapher is asked for where nobody chose
AHEAD = 31 * DAY  # a span may end in the days to come: "this month" does

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": DAY, "w": 7 * DAY}
_SECONDS = re.compile(r"[0-9]{1,10}")
_AGO = re.compile(r"-([0-9]{1,8})(s|min|h|d|w)")


class NoSpan(ValueError):
    """Beginning and end of a graph that are none; `str()` is the sentence, for the person who reads now."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when: as it is written in addresses, and in seconds since 1970."""

    start: str
    end: str
    since: float
    until: float

    @property
    def seconds(self) -> float:
        return self.until - self.since


def read(start: str, end: str) -> Span:
    """The span from `start` to `end`: each in seconds since 1970, or so long ago ("-1d", "-20s"), or "now".

    Raises NoSpan for what is no time, ends before it begins, or is further back than graphs go.
    """
    now = time.time()
    span = Span(start, end, _moment(start, now), _moment(end, now))
    if span.since >= span.until:
        raise NoSpan(_("The end must be after the beginning."))
    if span.since < now - MOST_DAYS * DAY - 7200:  # midnights, when clocks are changed
        raise NoSpan(too_far_back())
    if span.since > now or span.until > now + AHEAD:
        raise NoSpan(_("There are no graphs of the future."))
    return span


def _moment(text: str, now: float) -> float:
    if text == "now":
        return now
    if _SECONDS.fullmatch(text):
        return float(text)
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    raise NoSpan(_("That is no time."))


def too_far_back() -> str:
    return _("Graphs go back %(days)s days.") % {"days": MOST_DAYS}


# ---- what people choose -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preset:
    """A span that ends now: how it is called in a row of links, and in a sentence."""

    start: str
    label: Text
    words: Text


PRESETS = {
    "1h": Preset("-1h", pgettext_lazy("span of time", "1 h"), gettext_lazy("the last hour")),
    "24h": Preset("-1d", pgettext_lazy("span of time", "24 h"), gettext_lazy("the last 24 hours")),
    "7d": Preset("-7d", pgettext_lazy("span of time", "7 d"), gettext_lazy("the last 7 days")),
    "30d": Preset("-30d", pgettext_lazy("span of time", "30 d"), gettext_lazy("the last 30 days")),
}
USUAL_PRESET = "24h"


def _day_field(label: Any) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(required=False, label=label, widget=widget, input_formats=["%Y-%m-%d"])


class SpanForm(forms.Form):
    """The span that a query string asks for: ?range= one of PRESETS, or ?since= and ?until= days, both included.

    What cannot be is said at the field, and the usual span is shown.
    """

    range = forms.CharField(required=False, max_length=20)
    since = _day_field(pgettext_lazy("span of time", "From"))
    until = _day_field(pgettext_lazy("span of time", "To"))

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        today = timezone.localdate()
        for name in ("since", "until"):
            least = today - datetime.timedelta(days=MOST_DAYS - 1)
            self.fields[name].widget.attrs.update(min=least.isoformat(), max=today.isoformat())
        self.is_valid()

    def clean_range(self) -> str:
        wanted: str = self.cleaned_data["range"]
        if wanted and wanted not in PRESETS:
            raise ValidationError(_("There is no such range: here are the last 24 hours."))
        return wanted

    def clean(self) -> None:
        since, until, today = self.cleaned_data.get("since"), self.cleaned_data.get("until"), timezone.localdate()
        if until and not since and "since" not in self.errors:
            self.add_error("since", _("From which day?"))
        for name, day in (("since", since), ("until", until)):
            if day and day > today:
                self.add_error(name, _("There are no graphs of the future."))
            elif day and (today - day).days >= MOST_DAYS:
                self.add_error(name, too_far_back())
        if since and until and until < since:
            self.add_error("until", _("The end must be after the beginning."))

    @property
    def has_days(self) -> bool:
        return self.is_valid() and bool(self.cleaned_data["since"])

    @property
    def preset(self) -> str:
        """Which of PRESETS is shown; empty where days were chosen."""
        if self.has_days:
            return ""
        return (self.cleaned_data.get("range") if self.is_valid() else "") or USUAL_PRESET

    @property
    def ends(self) -> tuple[str, str]:
        """Beginning and end as a grapher's addresses write them. Today ends now, or each look had another address."""
        if not self.has_days:
            return PRESETS[self.preset].start, USUAL[1]
        since, until = self._days
        end = _midnight(until + datetime.timedelta(days=1))
        return str(_midnight(since)), USUAL[1] if end > time.time() else str(end)

    @property
    def words(self) -> str:
        """The span in a sentence: "the last 24 hours", "1 Nov 2026 to 7 Nov 2026"."""
        if not self.has_days:
            return str(PRESETS[self.preset].words)
        since, until = (formats.date_format(day, "j M Y") for day in self._days)
        return since if since == until else _("%(since)s to %(until)s") % {"since": since, "until": until}

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The presets as links."""
        return [
            {"value": value, "label": preset.label, "is_current": value == self.preset}
            for value, preset in PRESETS.items()
        ]

    @property
    def state(self) -> dict[str, str]:
        """What a query string must hold to ask for the same again."""
        if self.has_days:
            since, until = self._days
            return {"since": since.isoformat(), "until": until.isoformat()}
        return {} if self.preset == USUAL_PRESET else {"range": self.preset}

    @property
    def _days(self) -> tuple[datetime.date, datetime.date]:
        return self.cleaned_data["since"], self.cleaned_data["until"] or timezone.localdate()


def _midnight(day: datetime.date) -> int:
    return int(timezone.make_aware(datetime.datetime.combine(day, datetime.time())).timestamp())
