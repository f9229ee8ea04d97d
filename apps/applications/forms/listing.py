"""The search of the list of applications: the query string is its whole state."""

from functools import cached_property
from typing import Any

from django import forms
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.applications.models import InstanceApplication

S = InstanceApplication.Status
# value of ?state= -> (what people read, the states)
PILES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "": (pgettext_lazy("applications", "All"), (S.SUBMITTED, S.SUCCESS, S.REFUSED, S.WITHDRAWN, S.DISCARDED)),
    "working": (pgettext_lazy("applications", "Being created"), (S.SUBMITTED,)),
    "created": (pgettext_lazy("applications", "Created"), (S.SUCCESS,)),
    "rejected": (pgettext_lazy("applications", "Rejected"), (S.REFUSED,)),
    "withdrawn": (pgettext_lazy("applications", "Withdrawn"), (S.WITHDRAWN,)),
    "discarded": (pgettext_lazy("applications", "Discarded"), (S.DISCARDED,)),
}


class ApplicationSearchForm(forms.Form):
    """Search and filter of the decided applications. Bad values count as none."""

    q = forms.CharField(required=False, max_length=200, label=_("Search"))
    state = forms.ChoiceField(required=False, choices=[(value, pile[0]) for value, pile in PILES.items()])

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    def value(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.value("q") or self.value("state"))

    def apply(self) -> QuerySet[InstanceApplication]:
        """What is being created first, then the newest."""
        is_working = When(status=S.SUBMITTED, then=Value(0))
        rows = self._found.filter(status__in=PILES[self.value("state")][1])
        return rows.order_by(Case(is_working, default=1, output_field=IntegerField()), "-filed", "-pk")

    @cached_property
    def chips(self) -> list[dict[str, Any]]:
        """A filter for each state, with the number of what the search finds."""
        counted = dict(self._found.order_by("status").values_list("status").annotate(Count("pk")))
        chosen = self.value("state")
        return [
            {
                "value": value,
                "label": label,
                "count": sum(counted.get(state, 0) for state in states),
                "is_current": value == chosen,
            }
            for value, (label, states) in PILES.items()
        ]

    @property
    def _found(self) -> QuerySet[InstanceApplication]:
        """Every word is in the host name, in the applicant's name or in the organisation's; or the number is this."""
        rows = InstanceApplication.objects.all()
        for word in self.value("q").split()[:10]:
            found = Q(hostname__icontains=word) | Q(organization__title__icontains=word)
            found |= Q(applicant__username__icontains=word) | Q(applicant__last_name__icontains=word)
            if word.isascii() and word.isdigit() and len(word) < 19:
                found |= Q(pk=int(word))
            rows = rows.filter(found)
        return rows
