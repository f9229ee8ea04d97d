"""The side navigation as data. Apps register entries when they start: lower rooms need not know higher ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

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
    badge: Callable[[HttpRequest], int | None] | None = None  # a number beside it; None shows nothing
    section: Label = ""  # the heading it stands under
    pages: tuple[str, ...] = ()  # URL names of pages that belong to it, such as a detail page
    order: int = 100


@dataclass(frozen=True, slots=True)
class Search:
    """Where the top bar's search field leads, and what can be typed there."""

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
    found: dict[str, Section] = {}
    for entry in _entries if entries is None else entries:
        url = address_of(entry.url_name)
        if url and entry.test(user):
            section = found.setdefault(str(entry.section), Section(entry.section))
            section.items.append(_item(entry, url, request))
    return list(found.values())


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


def _item(entry: Entry, url: str, request: HttpRequest) -> Item:
    match = request.resolver_match
    is_current = match is not None and match.url_name in (entry.url_name, *entry.pages)
    return Item(entry.label, url, entry.icon, entry.badge(request) if entry.badge else None, is_current)
