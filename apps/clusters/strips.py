"""What higher rooms put above the list of instances: this room need not know them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

Strip = tuple[str, Callable[[HttpRequest], dict[str, Any] | None]]  # a template, and its context; None: not for them

_strips: list[Strip] = []


def register(template: str, facts: Callable[[HttpRequest], dict[str, Any] | None]) -> None:
    """From an app's `ready`. Registering the same twice changes nothing."""
    if (template, facts) not in _strips:
        _strips.append((template, facts))


def above(request: HttpRequest) -> list[dict[str, Any]]:
    """What stands above the list for whoever asks: each its `template` and `facts`."""
    found = ((template, facts(request)) for template, facts in _strips)
    return [{"template": template, "facts": facts} for template, facts in found if facts is not None]
