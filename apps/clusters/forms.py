"""The list's search form: the query string is the whole state of a list."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.clusters import words
from apps.clusters.fleet import Fleet
from ganeti import tags as tag_grammar
from ganeti.objects import Instance

SORT_KEYS: dict[str, Callable[[Instance], Any]] = {
    "name": lambda instance: instance.name,
    "cluster": lambda instance: (instance.cluster, instance.name),
    "node": lambda instance: (instance.pnode, instance.name),
    "status": lambda instance: (words.group_of(instance.status), instance.status, instance.name),
    "cpus": lambda instance: (instance.vcpus, instance.name),
    "memory": lambda instance: (instance.memory, instance.name),
    "disk": lambda instance: (instance.disk_total, instance.name),
}
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
KINDS_IN_MENU = ("adminlock", "isolate", "needsreboot", "service", "org", "group")
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
        self.fields["cluster"].choices = [("", _("Any cluster"))] + [  # type: ignore[attr-defined]
            (view.slug, view.slug if fleet.sees_everything else view.label) for view in fleet.clusters.values()
        ]
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

    def apply(self) -> list[Instance]:
        """The instances that match, in the chosen order; `piles` counts them by state before that filter."""
        found: Iterable[Instance] = self.fleet.instances
        cluster, tag, words_wanted = self.value("cluster"), self.value("tag"), self.value("q").lower().split()
        if cluster:
            found = [instance for instance in found if instance.cluster == cluster]
        if tag:
            found = [instance for instance in found if tag in instance.tags]
        if words_wanted:
            found = [instance for instance in found if _has_all(words_wanted, searchable(instance))]
        found = list(found)
        self.piles = _count_piles(found)
        if pile := self.value("status"):
            found = [instance for instance in found if words.group_of(instance.status) == pile]
        return sorted(found, key=SORT_KEYS[self.order.lstrip("-")], reverse=self.order.startswith("-"))

    @property
    def pile_choices(self) -> list[tuple[str, Any, int]]:
        """(value, word, how many) for each pile."""
        return [(value, word, self.piles[value]) for value, word in PILES.items()]

    def tag_choices(self) -> list[tuple[str, str]]:
        """Tags worth choosing among the instances that this person sees: flags, services, organisations, groups.

        Those who see everything get no owners here (there are thousands): the search finds them.
        """
        kinds = [kind for kind in KINDS_IN_MENU if not (kind == "group" and self.fleet.sees_everything)]
        choices = {}
        for instance in self.fleet.instances:
            for tag in instance.tags:
                if tag not in choices and (word := tag_word(tag, kinds)):
                    choices[tag] = word
        chosen = self.value("tag")
        if chosen and chosen not in choices:
            choices[chosen] = chosen
        return sorted(choices.items(), key=lambda choice: choice[1])


@lru_cache(maxsize=20_000)
def _split(tag: str, prefix: str) -> tuple[str, str]:
    return tag_grammar.split(tag, prefix)


def tag_word(tag: str, kinds: Iterable[str]) -> str:
    """How a menu names a tag of one of `kinds`; empty for others."""
    kind, value = _split(tag, settings.GANETI_TAG_PREFIX)
    if kind not in kinds:
        return ""
    if kind in FLAG_WORDS:
        return str(FLAG_WORDS[kind])
    return {"service": _("service %s"), "org": _("organisation %s"), "group": _("group %s")}[kind] % value


def searchable(instance: Instance) -> str:
    """The text in which a search looks: name, addresses, MACs, tags, OS, nodes."""
    parts = [instance.name, instance.os, instance.image, instance.pnode, *instance.snodes, *instance.tags]
    parts += [part for nic in instance.nics for part in (nic.ip, nic.mac, nic.network)]
    return " ".join(parts).lower()


def _has_all(words_wanted: list[str], text: str) -> bool:
    return all(word in text for word in words_wanted)


def _count_piles(instances: list[Instance]) -> dict[str, int]:
    counts = {"": len(instances), words.RUNNING: 0, words.STOPPED: 0, words.ATTENTION: 0}
    for instance in instances:
        counts[words.group_of(instance.status)] += 1
    return counts
