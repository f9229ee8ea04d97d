"""The search form of the list of nodes: the query string is the whole state of the list."""

from collections import Counter
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.clusters import nodes, words
from apps.clusters.fleet import Fleet
from apps.clusters.nodes import SORT_KEYS, NodeBook, NodeRow

ROLES = {
    "": pgettext_lazy("list of nodes", "All"),
    **{role: status.word for role, status in words.OF_ROLE.items()},
    nodes.SILENT: words.NODE_IS_SILENT.word,
}
PER_PAGE = 50


class NodeSearchForm(forms.Form):
    """Search, filters and order of the list of nodes. Bad values count as none: a list is always shown."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    role = forms.ChoiceField(required=False, choices=list(ROLES.items()), label=_("Role"))
    cluster = forms.ChoiceField(required=False, label=_("Cluster"))
    group = forms.CharField(required=False, max_length=255, label=_("Group"), widget=forms.Select)
    sort = forms.ChoiceField(
        required=False, choices=[(f"{sign}{key}", key) for key in SORT_KEYS for sign in ("", "-")], label=_("Order")
    )

    def __init__(self, data: Any, seen: Fleet) -> None:
        super().__init__(data)
        known = {view.slug: seen.snapshot(view) for view in seen.clusters.values()}
        self.books: dict[str, NodeBook] = {
            slug: nodes.of_snapshot(snapshot) for slug, snapshot in known.items() if snapshot is not None
        }
        self.fields["cluster"].choices = [("", _("Any cluster")), *((slug, slug) for slug in seen.clusters)]  # type: ignore[attr-defined]
        self.is_valid()
        self.fields["group"].widget.choices = [("", _("Any group")), *((name, name) for name in self._groups())]

    def value(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    @property
    def order(self) -> str:
        return self.value("sort") or "node"

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order was chosen: an empty list then means "nothing found"."""
        return any(self.value(name) for name in ("q", "role", "cluster", "group"))

    def apply(self) -> list[NodeRow]:
        """The nodes that match, in the chosen order; `roles` counts them by role before that filter."""
        words_wanted, group = self.value("q").lower().split(), self.value("group")
        found = [row for book in self._chosen() for row in book.matching(words_wanted, group)]
        self.roles = Counter(row.state for row in found)
        self.roles[nodes.SILENT] = sum(row.is_silent for row in found)
        self.roles[""] = len(found)
        if role := self.value("role"):
            found = [row for row in found if (row.is_silent if role == nodes.SILENT else row.state == role)]
        found.sort(key=SORT_KEYS[self.order.lstrip("-")], reverse=self.order.startswith("-"))
        return found

    @property
    def role_choices(self) -> list[tuple[str, Any, int]]:
        """(value, word, how many) for each role; nodes that do not answer only where there are some."""
        shown = [role for role in ROLES if role != nodes.SILENT or self.roles[role] or self.value("role") == role]
        return [(role, ROLES[role], self.roles[role]) for role in shown]

    def _chosen(self) -> list[NodeBook]:
        cluster = self.value("cluster")
        return [book for slug, book in self.books.items() if not cluster or slug == cluster]

    def _groups(self) -> list[str]:
        """The groups of the chosen clusters, and the chosen one whether there is such a one or not."""
        names = {group.group.name for book in self._chosen() for group in book.groups} | {self.value("group")}
        return sorted(names - {""})
