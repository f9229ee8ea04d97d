"""The history's search form: the query string is its whole state."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.audit.models import AuditEntry, AuditEntryQuerySet


class HistoryForm(forms.Form):
    """Search and filters of the history. Bad values count as none."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    cluster = forms.CharField(required=False, max_length=50, label=_("Cluster"), widget=forms.Select)
    outcome = forms.ChoiceField(
        required=False, choices=[("", _("Any outcome")), *AuditEntry.Outcome.choices], label=_("Outcome")
    )

    def __init__(self, data: Any, entries: AuditEntryQuerySet) -> None:
        super().__init__(data)
        self.is_valid()
        clusters = entries.exclude(cluster="").order_by("cluster").values_list("cluster", flat=True).distinct()
        choices = [("", _("Any cluster")), *((slug, slug) for slug in clusters)]
        self.fields["cluster"].widget.choices = choices

    @property
    def offers_clusters(self) -> bool:
        return len(self.fields["cluster"].widget.choices) > 2

    @property
    def is_narrowed(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)

    def apply(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        """The entries that match every word and filter."""
        chosen = self.cleaned_data
        for word in (chosen.get("q") or "").split()[:10]:
            found = Q(instance__icontains=word) | Q(action__icontains=word) | Q(requester_name__icontains=word)
            found |= Q(person__icontains=word)
            if word.isascii() and word.isdigit() and len(word) < 19:
                found |= Q(job_id=int(word))
            entries = entries.filter(found)
        if chosen.get("cluster"):
            entries = entries.filter(cluster=chosen["cluster"])
        if chosen.get("outcome"):
            entries = entries.filter(outcome=chosen["outcome"])
        return entries
