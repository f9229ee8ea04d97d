"""The side navigation as data. Apps register entries when they start: lower rooms need not know higher ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

Label = Any  # a text, or a lazy translation of one


def everybody(user: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that people find in the side navigation."""

    label: Label
    url_name: str
    icon: str
    test: Callable[[Any], bool] = everybody  # who sees it
    badge: Callable[[], QuerySet[Any]] | None = None  # the rows whose number stands beside it
    section: Label = ""  # the heading it stands under
    pages: tuple[str, ...] = ()  # URL names of pages that belong to it, such as a detail page
    order: int = 100


@dataclass(frozen=True, slots=True)
class Search:
    """Where the top bar's search field leads, and what can be typed there.

    To htmx the page answers with what stands below the field while somebody types, see templates/desk/_search.html.
    """

    url_name: str
    placeholder: Label
    test: Callable[[Any], bool] = everybody


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as one request sees it."""

    label: Label
    url: str
    icon: str
    badge: int | None
    is_current: bool


@dataclass(slots=True)
class Section:
    title: Label
    items: list[Item] = field(default_factory=list)


_entries: list[Entry] = []
_searches: list[Search] = []


def register(*entries: Entry) -> None:
    """From an app's `ready`. Registering the same entry twice changes nothing."""
    _entries.extend(entry for entry in entries if entry not in _entries)
    _entries.sort(key=lambda entry: entry.order)


def register_search(search: Search) -> None:
    """The last one registered that a user may use wins: a higher room searches more."""
    if search not in _searches:
        _searches.insert(0, search)


def sections(request: HttpRequest, entries: Iterable[Entry] | None = None) -> list[Section]:
    """What the user of `request` sees, heading by heading, in order; nothing for who is not signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    shown = _shown_to(user, _entries if entries is None else entries)
    counted = numbers(request, shown)
    found: dict[str, Section] = {}
    for entry in shown:
        section = found.setdefault(str(entry.section), Section(entry.section))
        section.items.append(_item(entry, request, counted.get(entry.url_name)))
    return list(found.values())


def numbers(request: HttpRequest, entries: Iterable[Entry] | None = None) -> dict[str, int]:
    """The numbers beside the entries that the user of `request` sees, by URL name; zeros are left out.

    One query for all of them, none for those who see none, and only one for each request.
    """
    if not hasattr(request, "navigation_numbers"):
        shown = _shown_to(request.user, _entries) if entries is None else entries
        counts = [_count(entry) for entry in shown if entry.badge]
        rows = counts[0].union(*counts[1:], all=True) if counts else ()
        request.navigation_numbers = {url_name: count for url_name, count in rows if count}  # type: ignore[attr-defined]
    return request.navigation_numbers  # type: ignore[attr-defined]


def search_for(user: Any) -> dict[str, Label] | None:
    """Address and placeholder of the search field, or None for people without one."""
    for search in _searches:
        url = address_of(search.url_name)
        if url and search.test(user):
            return {"url": url, "placeholder": search.placeholder}
    return None


def address_of(url_name: str) -> str:
    """The page's address; empty where this installation has no such page."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _shown_to(user: Any, entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if address_of(entry.url_name) and entry.test(user)]


def _count(entry: Entry) -> QuerySet[Any, tuple[str, int]]:
    """A query for (URL name, number of rows)."""
    assert entry.badge is not None
    rows = entry.badge().select_related(None).order_by().annotate(badge_of=Value(entry.url_name))
    return rows.values("badge_of").annotate(badge=Count("pk")).values_list("badge_of", "badge")


def _item(entry: Entry, request: HttpRequest, badge: int | None) -> Item:
    match = request.resolver_match
    is_current = match is not None and match.url_name in (entry.url_name, *entry.pages)
    return Item(entry.label, address_of(entry.url_name), entry.icon, badge, is_current)
