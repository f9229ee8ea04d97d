"""Search forms of the desk's lists: the query string is the whole state of a list. Bad values count as none."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from django.db.models import Count, F, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.desk import people

MOST_WORDS = 10

Chip = dict[str, Any]


class SearchForm(forms.Form):
    """Words to look for, and an order."""

    q = forms.CharField(required=False, max_length=200, strip=True, label=_("Search"))
    sort = forms.CharField(required=False, max_length=20)

    sort_keys: tuple[str, ...] = ()
    usual_sort = ""

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    def value(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    @property
    def words(self) -> list[str]:
        return self.value("q").split()[:MOST_WORDS]

    @property
    def order(self) -> str:
        chosen = self.value("sort")
        return chosen if chosen.removeprefix("-") in self.sort_keys else self.usual_sort


class PeopleForm(SearchForm):
    """Search, filter and order of the list of users."""

    STATES = {
        "": pgettext_lazy("list of users", "All"),
        "active": pgettext_lazy("list of users", "Active"),
        "waiting": pgettext_lazy("list of users", "Waiting"),
        "disabled": pgettext_lazy("list of users", "Disabled"),
        "staff": pgettext_lazy("list of users", "Staff"),
        "idle": pgettext_lazy("list of users", "Idle"),
    }
    state = forms.ChoiceField(required=False, choices=list(STATES.items()))
    group = forms.CharField(required=False, max_length=150)

    sort_keys = ("name", "fullname", "email", "seen", "joined")
    usual_sort = "name"

    @property
    def is_narrowed(self) -> bool:
        return any(self.value(name) for name in ("q", "state", "group"))

    def search(self) -> QuerySet[User]:
        """Whoever matches words and group, in whatever state."""
        found = people.everybody().filter(people.matching(self.words))
        if self.value("group"):
            found = found.filter(groups__name=self.value("group"))
        return found

    def count(self, found: QuerySet[User]) -> dict[str, int]:
        """How many of these are in each state; one query."""
        states = people.states()
        counted = found.aggregate(
            **{state or "all": Count("pk", filter=test) if test else Count("pk") for state, test in states.items()}
        )
        return {state: counted[state or "all"] for state in states}

    def apply(self, found: QuerySet[User]) -> QuerySet[User]:
        return people.ordered(found.filter(people.states()[self.value("state")]), self.order)

    def chips(self, counts: dict[str, int]) -> list[Chip]:
        chosen = self.value("state")
        return [
            {"value": state, "label": word, "count": counts[state], "is_current": state == chosen}
            for state, word in self.STATES.items()
        ]


class IdleForm(SearchForm):
    """Search and order of the idle accounts; `vms` leaves those that own some."""

    vms = forms.BooleanField(required=False)

    sort_keys = ("name", "idle", "told")
    usual_sort = "idle"

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.cleaned_data.get("vms"))

    @property
    def owners_only(self) -> bool:
        return bool(self.cleaned_data.get("vms"))

    def apply(self, found: QuerySet[User]) -> QuerySet[User]:
        return people.ordered(found.filter(people.matching(self.words)), self.order)


class GroupForm(SearchForm):
    """Search and order of the list of groups."""

    sort_keys = ("name", "members")
    usual_sort = "name"

    def apply(self) -> QuerySet[Group]:
        """The groups whose names have all the words, each with its number of members."""
        found = Group.objects.all()
        for word in self.words:
            found = found.filter(name__icontains=word)
        found = found.annotate(member_count=Count("user"))
        key = F("member_count") if self.order.lstrip("-") == "members" else F("name")
        return found.order_by(key.desc() if self.order.startswith("-") else key.asc(), "name")
