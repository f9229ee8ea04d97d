"""The list's search form: the query string is the whole state of a list."""

from collections import Counter
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.clusters import words
from apps.clusters.catalogue import SORT_KEYS, Found
from apps.clusters.fleet import Fleet, sees_everything

PILES = {
    "": pgettext_lazy("list of VMs", "All"),
    words.RUNNING: pgettext_lazy("list of VMs", "Running"),
    words.STOPPED: pgettext_lazy("list of VMs", "Stopped"),
    words.ATTENTION: _("Needs attention"),
}
FLAG_WORDS = {
    "adminlock": _("locked"),
    "isolate": _("isolated"),
    "needsreboot": _("needs reboot"),
    "whitelist_ip": _("allowed subnet"),
}
PER_PAGE = 50


class InstanceSearchForm(forms.Form):
    """Search, filters and order of the list of instances. Bad values count as none: a list is always shown."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    status = forms.ChoiceField(required=False, choices=list(PILES.items()), label=_("Status"))
    cluster = forms.ChoiceField(required=False, label=_("Cluster"))
    tag = forms.CharField(required=False, max_length=128, label=_("Tag"), widget=forms.Select)
    sort = forms.ChoiceField(
        required=False, choices=[(f"{sign}{key}", key) for key in SORT_KEYS for sign in ("", "-")], label=_("Order")
    )

    def __init__(self, data: Any, fleet: Fleet) -> None:
        super().__init__(data)
        self.fleet = fleet
        self.fields["cluster"].choices = [("", _("Any cluster")), *self._cluster_choices()]  # type: ignore[attr-defined]
        self.is_valid()
        self.fields["tag"].widget.choices = [("", _("Any tag")), *self.tag_choices()]

    @property
    def offers_tags(self) -> bool:
        return len(self.fields["tag"].widget.choices) > 1

    def value(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    @property
    def order(self) -> str:
        return self.value("sort") or "name"

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order was chosen: an empty list then means "nothing found"."""
        return any(self.value(name) for name in ("q", "status", "cluster", "tag"))

    def apply(self) -> Found:
        """The instances that match, in the chosen order; `piles` counts them by state before that filter."""
        cluster, tag = self.value("cluster"), self.value("tag")
        words_wanted = self.value("q").lower().split()
        catalogues = self.fleet.catalogues
        chosen = [catalogues[cluster]] if cluster in catalogues else [] if cluster else catalogues.values()
        found = [(catalogue, catalogue.matching(words_wanted, tag)) for catalogue in chosen]
        self.piles = sum((catalogue.count_piles(numbers) for catalogue, numbers in found), Counter())
        self.piles[""] = self.piles.total()
        if pile := self.value("status"):
            found = [(catalogue, catalogue.of_pile(pile, numbers)) for catalogue, numbers in found]
        return Found(found, self.order.lstrip("-"), descending=self.order.startswith("-"))

    @property
    def pile_choices(self) -> list[tuple[str, Any, int]]:
        """(value, word, how many) for each pile."""
        return [(value, word, self.piles[value]) for value, word in PILES.items()]

    def _cluster_choices(self) -> list[tuple[str, str]]:
        """The clusters on which this person may have something to look for."""
        if self.fleet.sees_everything:
            return [(slug, slug) for slug in self.fleet.clusters]
        names = sees_everything(self.fleet.user)
        return [(slug, slug if names else self.fleet.clusters[slug].label) for slug in self.fleet.catalogues]

    def tag_choices(self) -> list[tuple[str, str]]:
        """Tags worth choosing among the instances that this person sees: flags, services, organisations, groups.

        Those who see everything get no owners here (there are thousands): the search finds them.
        """
        hidden = "group" if self.fleet.sees_everything else ""
        choices = {}
        for catalogue in self.fleet.catalogues.values():
            for tag, (kind, value) in catalogue.tags_in_menu.items():
                if tag not in choices and kind != hidden:
                    choices[tag] = tag_word(kind, value)
        chosen = self.value("tag")
        if chosen and chosen not in choices:
            choices[chosen] = chosen
        return sorted(choices.items(), key=lambda choice: choice[1])


def tag_word(kind: str, value: str) -> str:
    """How a menu names a tag."""
    if kind in FLAG_WORDS:
        return str(FLAG_WORDS[kind])
    return {"service": _("service %s"), "org": _("organisation %s"), "group": _("group %s")}[kind] % value


class CountForm(forms.Form):
    """Whoever does something to very many VMs types how many these are."""

    count = forms.IntegerField(label=_("Number of VMs"), widget=forms.TextInput(attrs={"inputmode": "numeric"}))

    def __init__(self, data: Any, wanted: int) -> None:
        super().__init__(data)
        self.wanted = wanted

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        if count != self.wanted:
            raise forms.ValidationError(_("This is not the number of the VMs above. Look again."))
        return count
