"""How a person wants the site: language, time zone and theme, kept in the profile, so that every browser has them.

The profile comes with the user: asking costs no query.
"""

import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts import profiles, themes
from accounts.middleware import is_for_monitors

Handler = Callable[[HttpRequest], HttpResponse]


class PreferencesMiddleware:
    """Answers who is signed in in their language, with their clock; a browser without a theme gets theirs."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        has_theme = themes.COOKIE in request.COOKIES
        with timezone.override(self._begin(request, has_theme)):
            response = self.get_response(request)
        theme = "" if has_theme or themes.COOKIE in response.cookies else theme_of(request)
        if theme:
            themes.remember(response, theme, secure=request.is_secure())
        return response

    def _begin(self, request: HttpRequest, has_theme: bool) -> zoneinfo.ZoneInfo | None:
        """Whose time zone it is; the language and the theme are set."""
        if not _is_signed_in(request):
            return None
        profile = profiles.of(request.user)  # type: ignore[arg-type]
        if profile.language in dict(settings.LANGUAGES):
            translation.activate(profile.language)
            request.LANGUAGE_CODE = translation.get_language()
        if not has_theme and profile.theme:
            request.COOKIES[themes.COOKIE] = profile.theme  # as the browser will say from now on
        return zone(profile.time_zone)


def keep(user: Any, **chosen: str) -> None:
    """Notes in the profile what `user` has chosen: language, time_zone, theme. Nothing for who is not signed in."""
    if user.is_authenticated:
        profile = profiles.of(user)
        for name, value in chosen.items():
            setattr(profile, name, value)
        profile.save(update_fields=list(chosen))


def theme_of(request: HttpRequest) -> str:
    """The theme that the request's user has chosen, empty for none. After a sign-in that is who signed in."""
    return profiles.of(request.user).theme if _is_signed_in(request) else ""  # type: ignore[arg-type]


def zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The time zone of this name; None for no name and for one that this machine does not know (any more)."""
    return zoneinfo.ZoneInfo(name) if name in time_zones() else None


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The names of all time zones that people use: regions and places, without old abbreviations."""
    return frozenset({"UTC"} | {name for name in zoneinfo.available_timezones() if _is_a_place(name)})


def _is_a_place(name: str) -> bool:
    return "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))


def _is_signed_in(request: HttpRequest) -> bool:
    """Without a session there is nobody, and nobody is looked up."""
    if is_for_monitors(request):
        return False
    if settings.SESSION_COOKIE_NAME not in request.COOKIES and not request.session.session_key:
        return False
    return request.user.is_authenticated
