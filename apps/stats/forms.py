"""The search form of the table of users and their VMs: the query string is its whole state."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.stats.sums import Sums

SORT_KEYS = ("name", "vms", "vcpus", "memory", "disk")


class OwnersForm(forms.Form):
    """Part of a name, and an order. Bad values count as none."""

    q = forms.CharField(required=False, max_length=150, strip=True, label=_("Search"))
    sort = forms.CharField(required=False, max_length=20)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    @property
    def words(self) -> str:
        return (self.cleaned_data.get("q") or "").lower()

    @property
    def order(self) -> str:
        chosen = self.cleaned_data.get("sort") or ""
        return chosen if chosen.removeprefix("-") in SORT_KEYS else "-vms"

    def apply(self, owners: dict[str, Sums]) -> list[tuple[str, Sums]]:
        """Those with these words in their name, in the chosen order."""
        found = [(name, sums) for name, sums in owners.items() if self.words in name.lower()]
        key = self.order.removeprefix("-")
        found.sort(key=lambda row: row[0])
        if key == "name":
            return found[::-1] if self.order.startswith("-") else found
        return sorted(found, key=lambda row: getattr(row[1], key), reverse=self.order.startswith("-"))
