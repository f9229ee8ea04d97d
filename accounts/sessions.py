"""When a session ends: SESSION_COOKIE_AGE after signing in, unless the person asks to stay, or when it is forced to.

Nothing else prolongs it, least of all pages that renew themselves. Sign-in time and end lie in the session itself,
and the moment of a forced end in the profile, which comes with the user: asking costs no query.
"""

import time
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, login, logout
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from accounts import deeds, profiles
from accounts.middleware import is_for_monitors
from accounts.models import UserProfile
from accounts.navigation import address_of

Handler = Callable[[HttpRequest], HttpResponse]

_BEGAN, _ENDS = "signed_in_at", "signed_in_until"  # seconds since 1970


@transaction.atomic
def begin(request: HttpRequest, user: User) -> None:
    """Signs `user` in here, in a new session, and says so to the audit log. `user` comes from `authenticate`."""
    login(request, user)
    deeds.tell(deeds.SIGN_IN, request, about=user)


def ends_at(request: HttpRequest) -> int:
    """When this session has ended for sure, in whole seconds since 1970; 0 for who is not signed in."""
    return ceil(_end(request))


def seconds_left(request: HttpRequest) -> int:
    """Until this session has ended for sure; 0 for who is not signed in."""
    return max(0, ceil(_end(request) - time.time()))


def _end(request: HttpRequest) -> float:
    user = getattr(request, "user", None)
    return float(request.session.get(_ENDS, 0)) if user is not None and user.is_authenticated else 0.0


def prolong(request: HttpRequest) -> None:
    """The session lasts as long as if it began now."""
    request.session[_ENDS] = time.time() + settings.SESSION_COOKIE_AGE


def end_all_of(user: User, but: HttpRequest | None = None) -> None:
    """Ends every session of `user`, except the one of the request `but`."""
    profile = profiles.of(user)
    profile.force_logout_date = timezone.now()
    profile.save(update_fields=["force_logout_date"])
    if but is not None:
        but.session[_BEGAN] = time.time()


def people_of(keys: Collection[str]) -> dict[str, User]:
    """Session key -> who is signed in by it, for those of the sessions that may go on; two queries for all of them.

    For processes that answer no requests; they know a key from a request that has passed the middleware.
    """
    rows = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects
    found = {
        row.session_key: row.get_decoded() for row in rows.filter(session_key__in=keys, expire_date__gt=timezone.now())
    }
    wanted = {key: session[SESSION_KEY] for key, session in found.items() if SESSION_KEY in session}
    users = User.objects.filter(is_active=True).select_related("profile").in_bulk({int(pk) for pk in wanted.values()})
    signed_in = ((key, users.get(int(pk))) for key, pk in wanted.items())
    return {key: user for key, user in signed_in if user is not None and _goes_on(found[key], user)}


def _goes_on(session: Mapping[str, Any], user: User) -> bool:
    """Whether the password is still the one that began it, and nothing has ended it."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    kept = session.get(HASH_SESSION_KEY, "")
    return any(constant_time_compare(kept, one) for one in hashes) and not _has_run_out(session, user)


def connect() -> None:
    user_logged_in.connect(_mark, dispatch_uid="accounts.sessions")


class SessionEndMiddleware:
    """Signs out whose session is over, and leads parts of pages to the sign-in page instead of letting it in there."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_for_monitors(request) and _has_ended(request):
            logout(request)
            messages.info(request, _("Your session has ended. Sign in to go on where you were."))
        response = self.get_response(request)
        if request.htmx and _leads_to_sign_in(response):  # type: ignore[attr-defined]
            # The browser would follow a redirect by itself and hand the whole sign-in page to the part that asked.
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return response


def _has_ended(request: HttpRequest) -> bool:
    """Whether the browser comes with a session that is no more, or one that may not go on."""
    session = request.session
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        return False
    if SESSION_KEY not in session:
        return bool(session.is_empty())
    return not request.user.is_authenticated or _is_over(request)


def _is_over(request: HttpRequest) -> bool:
    return _has_run_out(request.session, request.user)


def _has_run_out(session: Any, user: Any) -> bool:
    began, ends = session.get(_BEGAN, 0), session.get(_ENDS, 0)
    forced = profiles.of(user).force_logout_date
    return time.time() >= ends or (forced is not None and forced.timestamp() > began)


def _leads_to_sign_in(response: HttpResponse) -> bool:
    location = response.headers.get("Location", "")
    return response.status_code == 302 and location.partition("?")[0] == resolve_url(settings.LOGIN_URL)


# ---- at the beginning --------------------------------------------------------------------------------------


def _mark(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    request.session[_BEGAN] = time.time()
    prolong(request)
    if UserProfile.objects.filter(user=user, first_login=True).update(first_login=False):
        messages.info(request, _welcome(user), fail_silently=True)


def _welcome(user: User) -> str:
    """A greeting with the pages that are worth a look, as far as this installation has them."""
    places = [(address_of("profile"), _("your profile")), (address_of("user-keys"), _("your SSH keys"))]
    links = format_html_join(", ", '<a href="{}">{}</a>', [place for place in places if place[0]])
    name = user.get_short_name() or user.get_username()
    if not links:
        return format_html(_("Welcome, {name}."), name=name)
    return format_html(_("Welcome, {name}. Have a look at {links}."), name=name, links=links)
