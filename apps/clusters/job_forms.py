"""The search form of the list of jobs: the query string is the whole state of the list."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.clusters import joblists, words
from apps.clusters.fleet import Fleet
from apps.clusters.joblists import SORT_KEYS, JobBook, JobRow, Key, Ours

ALL, UNKNOWN = "", "unknown"
STATES = {
    ALL: pgettext_lazy("list of jobs", "All"),
    **{state or UNKNOWN: status.word for state, status in words.OF_JOB_STATE.items()},
}
PER_PAGE = 50


class JobSearchForm(forms.Form):
    """Search, filters and order of the list of jobs. Bad values count as none: a list is always shown."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    state = forms.ChoiceField(required=False, choices=list(STATES.items()), label=_("State"))
    cluster = forms.ChoiceField(required=False, label=_("Cluster"))
    sort = forms.ChoiceField(
        required=False, choices=[(f"{sign}{key}", key) for key in SORT_KEYS for sign in ("", "-")], label=_("Order")
    )

    def __init__(self, data: Any, seen: Fleet, books: Mapping[str, JobBook], ours: Mapping[Key, Ours]) -> None:
        super().__init__(data)
        self.books, self.ours = books, ours
        self._verbs: dict[Any, str] = {}
        self.fields["cluster"].choices = [("", _("Any cluster")), *((slug, slug) for slug in seen.clusters)]  # type: ignore[attr-defined]
        self.is_valid()

    def value(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    @property
    def order(self) -> str:
        return self.value("sort") or "-started"

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order was chosen: an empty list then means "nothing found"."""
        return any(self.value(name) for name in ("q", "state", "cluster"))

    def apply(self) -> list[JobRow]:
        """The jobs that match, in the chosen order; `states` counts them by state before that filter."""
        found = joblists.together(self.books, self.ours, self.value("cluster"))
        if wanted := self.value("q").lower().split():
            found = [row for row in found if self._matches(row, wanted)]
        self.states = Counter(row.state or UNKNOWN for row in found)
        self.states[ALL] = len(found)
        if state := self.value("state"):
            found = [row for row in found if (row.state or UNKNOWN) == state]
        key = SORT_KEYS[self.order.lstrip("-")]
        found.sort(key=lambda row: key(row, self.ours), reverse=self.order.startswith("-"))
        return found

    @property
    def state_choices(self) -> list[tuple[str, Any, int]]:
        """(value, word, how many) for each state; the unknown one only where there are some."""
        shown = [state for state in STATES if state != UNKNOWN or self.states[state] or self.value("state") == state]
        return [(state, STATES[state], self.states[state]) for state in shown]

    def _matches(self, row: JobRow, wanted: list[str]) -> bool:
        missing = [word for word in wanted if word not in row.text]
        if not missing:
            return True
        own = self.ours.get(row.key)
        text = f"{self._verb(row)} {own.row.text if own else ''}"
        return all(word in text for word in missing)

    def _verb(self, row: JobRow) -> str:
        """What a job is for, in the reader's language: looked up once for all jobs of the same opcodes."""
        what = row.main or row.opcodes
        if what not in self._verbs:
            self._verbs[what] = str(row.what).lower()
        return self._verbs[what]
