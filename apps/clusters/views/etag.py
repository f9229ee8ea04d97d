"""Answers for pages that ask again and again: 304 as long as nothing that they show has changed."""

import datetime
import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language

from accounts import navigation, themes


@lru_cache(maxsize=1)
def _build() -> str:
    """Changes with each deployment, so that an upgraded page is not answered with 304."""
    newest = max(
        (path.stat().st_mtime_ns for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")), default=0
    )
    return str(newest)


def etag_of(request: HttpRequest, *parts: Any) -> str:
    """One value for all that the page depends on: these parts, the person, how they see it, the address, the build."""
    htmx = bool(getattr(request, "htmx", False))
    look = (get_language(), timezone.get_current_timezone_name(), themes.chosen(request))
    numbers = {} if htmx else navigation.numbers(request)  # partial pages have no navigation
    about = (_build(), request.user.pk, look, request.get_full_path(), htmx, numbers, parts)
    return '"' + hashlib.blake2b(repr(about).encode(), digest_size=12).hexdigest() + '"'


def unless_unchanged(
    request: HttpRequest, etag: str, render: Callable[[], HttpResponse], *, as_of: datetime.datetime | None = None
) -> HttpResponse:
    """304 if the client has this version; else what `render` makes, marked with it.

    Both tell in X-As-Of when what they show was last confirmed, so that an unchanged page keeps its age true.
    """
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = render()
    response["ETag"] = etag
    if as_of:
        response["X-As-Of"] = as_of.isoformat(timespec="seconds")
    patch_cache_control(response, private=True, no_cache=True)
    return response
