"""The history's search form: the query string is its whole state."""

import datetime
import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from apps.audit import events
from apps.audit.kinds import KINDS, of_kind
from apps.audit.models import AuditEntry, AuditEntryQuerySet

MOST_WORDS = 10
MOST_LOOKED_THROUGH = 100_000  # entries, where no index finds what is asked for
SORT_KEYS = {
    "when": "recorded",
    "who": "requester_name",
    "what": "action",
    "outcome": "outcome",
    "cluster": "cluster",
    "from": "ipaddress",
    "job": "job_id",
}
USUAL_SORT = "-when"
ANY_TIME = "all"
SPANS = (1, 7, 30, 90, 365)
FIRST_YEAR, LAST_YEAR = 1990, 9000  # what every database and every time zone can hold
_ADDRESS = re.compile(r"[0-9a-fA-F]*[.:][0-9a-fA-F.:]*")
_REQUEST = re.compile(r"[0-9A-Za-z-]{8,64}")


class DayField(forms.DateField):
    """A day as browsers send it, in a year that databases know."""

    default_error_messages = {"invalid": _("Write the day as year-month-day, such as 2026-11-20.")}

    def __init__(self, label: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(required=False, input_formats=["%Y-%m-%d"], label=label, widget=widget)

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(self.error_messages["invalid"])
        return day


class HistoryForm(forms.Form):
    """Search, filters and order of the history. Bad values count as none, but for days: those get a sentence."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    kind = forms.ChoiceField(
        required=False,
        choices=[("", _("Any event")), *((kind, label) for kind, (label, _events) in KINDS.items())],
        label=_("Kind of event"),
    )
    outcome = forms.ChoiceField(
        required=False, choices=[("", _("Any outcome")), *AuditEntry.Outcome.choices], label=_("Outcome")
    )
    refused = forms.BooleanField(required=False, label=_("Only what was refused"))
    cluster = forms.CharField(required=False, max_length=50, label=_("Cluster"), widget=forms.Select)
    person = forms.CharField(required=False, max_length=150, strip=True, label=_("Person or group"))
    days = forms.ChoiceField(required=False, label=_("Period"))
    since = DayField(_("From"))
    until = DayField(_("To"))
    sort = forms.CharField(required=False, max_length=20)

    def __init__(self, data: Any, clusters: Iterable[str], reader: Any, usual_days: int) -> None:
        """`usual_days` is how far it goes back unless somebody asks for another time; 0 for any."""
        super().__init__(data)
        self._reader, self._usual_days = reader, usual_days
        self._has_dates = any(data.get(name) for name in ("since", "until"))
        days: Any = self.fields["days"]
        days.choices = self._spans()
        self.is_valid()
        slugs = sorted({*clusters, *filter(None, [self.value("cluster")])})
        self.fields["cluster"].widget.choices = [("", _("Any cluster")), *((slug, slug) for slug in slugs)]

    def _spans(self) -> list[tuple[str, Any]]:
        usual: Any = _last_days(self._usual_days) if self._usual_days else _("Any time")
        spans = [(str(days), _last_days(days)) for days in SPANS if days != self._usual_days]
        any_time = [(ANY_TIME, _("Any time"))] if self._usual_days else []
        return [("", _("Days below") if self._has_dates else usual), *spans, *any_time]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the one from which you want to see."))
        return cleaned

    def value(self, name: str) -> Any:
        return self.cleaned_data.get(name) or ""

    @property
    def wrong_days(self) -> list[str]:
        """The sentences about days that cannot be."""
        return [str(sentence) for name in ("since", "until") for sentence in self.errors.get(name, [])]

    @property
    def offers_clusters(self) -> bool:
        return len(self.fields["cluster"].widget.choices) > 2

    @property
    def is_narrowed(self) -> bool:
        return any(self.value(name) for name in self.fields if name != "sort") or bool(self.wrong_days)

    @property
    def last_days(self) -> int:
        """How many days back it goes, where no day is given; 0 for any time."""
        chosen = self.value("days")
        if chosen or self._has_dates:
            return int(chosen) if chosen.isdigit() else 0
        return self._usual_days

    @property
    def order(self) -> str:
        """By addresses only for staff: where an entry stands would tell what owners may not see."""
        chosen = self.value("sort")
        is_hidden = chosen.removeprefix("-") == "from" and self._reader is not None
        return chosen if chosen.removeprefix("-") in SORT_KEYS and not is_hidden else USUAL_SORT

    @property
    def is_flat(self) -> bool:
        """Whether the order is another than that of time, so that there are no days to put together."""
        return self.order.removeprefix("-") != "when"

    @property
    def asked_for(self) -> str:
        """The filters, as the query string names them, for the log."""
        chosen = {name: self.value(name) for name in self.fields if name not in ("sort", "days")}
        chosen["refused"] = chosen["refused"] and "yes"
        chosen["days"] = self.last_days
        return ", ".join(f"{name}: {value}" for name, value in chosen.items() if value)

    # ---- what is found ----------------------------------------------------------------------------------

    def apply(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        """The entries that match every word and filter, newest first; none where a day cannot be."""
        if self.wrong_days:
            return entries.none()
        return self._filtered(self._in_time(entries)).order_by("-recorded", "-pk")

    def listed(self, entries: AuditEntryQuerySet) -> tuple[AuditEntryQuerySet, datetime.datetime | None]:
        """The same in the chosen order, and since when was looked through, where not all of it was.

        What no index finds or sorts is looked for among the newest MOST_LOOKED_THROUGH entries of the time: a page
        costs the same however long a log is.
        """
        if self.wrong_days:
            return entries.none(), None
        in_time = self._in_time(entries)
        limit = self._limit(in_time) if self._needs_a_limit else None
        found = self._filtered(in_time.filter(recorded__gte=limit) if limit else in_time)
        return found.order_by(*self._columns), limit

    @property
    def _needs_a_limit(self) -> bool:
        return self.is_flat or any(self.value(name) for name in ("q", "kind", "outcome", "refused"))

    def _limit(self, entries: AuditEntryQuerySet) -> datetime.datetime | None:
        newest = entries.order_by("-recorded").values_list("recorded", flat=True)
        return next(iter(newest[MOST_LOOKED_THROUGH - 1 : MOST_LOOKED_THROUGH]), None)

    @property
    def _columns(self) -> list[Any]:
        name = self.order.removeprefix("-")
        column = F(SORT_KEYS[name])
        is_down = self.order.startswith("-")
        if name == "when":
            return ["-recorded", "-pk"] if is_down else ["recorded", "pk"]
        first = column.desc(nulls_last=True) if is_down else column.asc(nulls_last=True)
        return [first, "-recorded", "-pk"]

    def _in_time(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        since, until = self.value("since"), self.value("until")
        if since:
            entries = entries.filter(recorded__gte=_begin_of(since))
        if until:
            entries = entries.filter(recorded__lt=_begin_of(until + datetime.timedelta(days=1)))
        return entries.lately(self.last_days)

    def _filtered(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        for word in self.value("q").split()[:MOST_WORDS]:
            entries = entries.filter(self._has(word))
        if self.value("kind"):
            entries = entries.filter(of_kind(self.value("kind")))
        if self.value("refused"):
            entries = entries.filter(Q(is_authorized=False) | Q(outcome=AuditEntry.Outcome.REFUSED))
        if self.value("person"):
            entries = entries.filter(_about(self.value("person")))
        for name in ("cluster", "outcome"):
            if self.value(name):
                entries = entries.filter(**{name: self.value(name)})
        return entries

    def _has(self, word: str) -> Q:
        """Entries with the word in what their reader can see: addresses and requests are one's own, but for staff."""
        found = Q(instance__icontains=word) | Q(requester_name__icontains=word) | Q(person__icontains=word)
        found |= Q(action__icontains=word) | Q(action__in=events.called(word))
        whose = Q() if self._reader is None else Q(requester=self._reader)
        if _ADDRESS.fullmatch(word):
            found |= whose & Q(ipaddress__startswith=word.lower())
        if _REQUEST.fullmatch(word):
            found |= whose & Q(request_id=word)
        if word.isascii() and word.isdigit() and len(word) < 19:
            found |= Q(job_id=int(word))
        return found


def _last_days(days: int) -> Any:
    return ngettext_lazy("Last day", "Last %(n)s days", days) % {"n": days}


def _begin_of(day: datetime.date) -> datetime.datetime:
    """Its first moment where the reader is."""
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))


def _about(name: str) -> Q:
    """What they did, under whatever name, and what was done to the account or group."""
    found = Q(requester_name=name) | Q(person=name)
    account = User.objects.filter(username=name).values_list("pk", flat=True).first()
    return found | Q(requester=account) if account else found
