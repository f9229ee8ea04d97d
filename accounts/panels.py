"""Sections that rooms add to the page of a user or group, and to one's own profile: the room that shows the page need
not be known to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Panel:
    """A section of the page. Its template gets what `facts` returns, under their names; None leaves it out."""

    template: str
    facts: Callable[[HttpRequest, str, str], dict[str, Any] | None]  # request, "user" or "group", name
    order: int = 100


_panels: list[Panel] = []
_of_profile: list[Panel] = []


def register(*panels: Panel) -> None:
    """From an app's `ready`. Registering the same panel twice changes nothing."""
    _panels.extend(panel for panel in panels if panel not in _panels)
    _panels.sort(key=lambda panel: panel.order)


def register_own(*panels: Panel) -> None:
    """The same for the profile, which everybody has of themselves."""
    _of_profile.extend(panel for panel in panels if panel not in _of_profile)
    _of_profile.sort(key=lambda panel: panel.order)


def shown(request: HttpRequest, kind: str, name: str) -> list[dict[str, Any]]:
    """What the page's template includes, in order: each panel's `template` and `facts`."""
    return _shown(_panels, request, kind, name)


def shown_own(request: HttpRequest) -> list[dict[str, Any]]:
    """What the profile of who asks includes."""
    return _shown(_of_profile, request, "user", request.user.get_username())


def _shown(panels: list[Panel], request: HttpRequest, kind: str, name: str) -> list[dict[str, Any]]:
    found = ((panel.template, panel.facts(request, kind, name)) for panel in panels)
    return [{"template": template, "facts": facts} for template, facts in found if facts is not None]
