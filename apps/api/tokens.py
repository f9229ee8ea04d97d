"""Tokens: taken out of requests before anything else sees them, and asked whose they are.

What the database keeps of a token is its hash, and that is all that we keep of it, too: no error report, no log line
and no page can tell what is no longer there.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from oauth2_provider.models import clear_expired, get_access_token_model, get_refresh_token_model

API_PATHS = re.compile(r"/(instances/list|user/details)/?")
SCOPE = "read"
REALM = 'Bearer realm="ganetimgr"'
_BEARER = re.compile(r"(?i)bearer +([\w.~+/-]+=*)")


@dataclass(frozen=True)
class Presented:
    """The hashes of the tokens that came with a request, by the way they came."""

    in_header: tuple[str, ...] = ()
    in_query: tuple[str, ...] = ()

    @property
    def usable(self) -> tuple[str, ...]:
        return self.in_header + (self.in_query if settings.OAUTH_TOKEN_IN_QUERY else ())


class Refused(Exception):
    """No access: as RFC 6750 tells it to programs."""

    def __init__(self, status: int, error: str = "", description: str = "") -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description

    def answer(self) -> HttpResponse:
        facts = {
            "error": self.error,
            "error_description": self.description,
            "scope": SCOPE if self.status == 403 else "",
        }
        challenge = ", ".join([REALM, *(f'{name}="{value}"' for name, value in facts.items() if value and self.error)])
        told = {"error": self.error or "unauthorized", "error_description": self.description}
        return JsonResponse(told, status=self.status, headers={"WWW-Authenticate": challenge})


class TakeTokenMiddleware:
    """The first of all: takes tokens out of the requests to the API, and keeps their hashes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if API_PATHS.fullmatch(request.path_info):
            request.presented = Presented(_from_header(request.META), _from_query(request.META))  # type: ignore[attr-defined]
        return self.get_response(request)


def _from_header(environ: dict[str, Any]) -> tuple[str, ...]:
    found = _BEARER.fullmatch(environ.pop("HTTP_AUTHORIZATION", "").strip())
    return (checksum(found[1]),) if found else ()


def _from_query(environ: dict[str, Any]) -> tuple[str, ...]:
    query = QueryDict(environ.get("QUERY_STRING", ""), mutable=True)
    tokens = query.pop("access_token", [])
    environ["QUERY_STRING"] = query.urlencode()
    for name in ("RAW_URI", "REQUEST_URI"):  # the same once more, as web servers hand it on
        if name in environ:
            environ[name] = environ[name].partition("?")[0]
    return tuple(checksum(token) for token in tokens if token)


def checksum(token: str) -> str:
    """What the tables know a token by."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def for_programs(view: Callable[[HttpRequest, Any], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A decorator: the view gets the person whose token came with the request; who has none is refused."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            response = view(request, _person(request))
        except Refused as refused:
            response = refused.answer()
        response["Cache-Control"] = "no-store"
        return response

    return guarded


def _person(request: HttpRequest) -> Any:
    """Whose token came with the request. Raises Refused."""
    presented: tuple[str, ...] = request.presented.usable  # type: ignore[attr-defined]
    if not presented:
        raise Refused(401, description="An access token is needed.")
    if len(presented) > 1:
        raise Refused(400, "invalid_request", "One access token, in one way.")
    tokens = get_access_token_model().objects.select_related("user")
    token = tokens.filter(token_checksum=presented[0]).first()
    if token is None or token.user is None or not token.user.is_active:
        raise Refused(401, "invalid_token", "The access token is unknown or was revoked.")
    if token.is_expired():
        raise Refused(401, "invalid_token", "The access token has expired.")
    if not token.allows_audience(request.build_absolute_uri(request.path)):
        raise Refused(401, "invalid_token", "The access token is for something else.")
    if not token.allow_scopes([SCOPE]):
        raise Refused(403, "insufficient_scope", "The access token may not do this.")
    return token.user


def owner_of(token: str) -> Any:
    """The access or refresh token that `token` is, with its person and program; None where it is no good."""
    known = {"token_checksum": checksum(token)}
    access = get_access_token_model().objects.select_related("user", "application").filter(**known).first()
    refresh = get_refresh_token_model().objects.select_related("user", "application")
    return access or refresh.filter(revoked__isnull=True, **known).first()


def forget_ended() -> None:
    """Removes tokens and codes that are good for nothing any more."""
    clear_expired()
