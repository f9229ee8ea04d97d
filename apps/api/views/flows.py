"""Where programs come to: the page on which people let them in, and the addresses that give tokens."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.models import get_application_model
from oauth2_provider.oauth2_validators import is_valid_resource_uri
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    CustomOAuth2Error,
    FatalClientError,
    InvalidRequestError,
    OAuth2Error,
)

from accounts.middleware import client_address
from accounts.throttling import AN_HOUR, network, times_so_far, times_this_hour
from apps.api import programs, server, tokens
from apps.api.permissions import while_enabled
from apps.audit.models import Actor

Application = get_application_model()

SCHEMES = ("http", "https")
TOO_OFTEN = "too_many_requests"
_FAILURES = "oauth-client"
_HOST = re.compile(r"[a-z0-9.-]+", re.IGNORECASE)


# ---- letting a program in ---------------------------------------------------------------------------------


@while_enabled
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Asks whether a program may read what is one's own; a POST is the answer. What is asked for is in the address,
    and looked at anew each time: before anybody signs in, so that mistakes are the program's to see."""
    try:
        scopes, asked = _asked(request)
    except OAuth2Error as error:
        return _mistake(request, error)
    return _decide(request, scopes, asked)


@login_required
def _decide(request: HttpRequest, scopes: list[str], asked: dict[str, Any]) -> HttpResponse:
    program = Application.objects.select_related("user").get(client_id=asked["client_id"])
    if request.method == "POST":
        return _answered(request, program, scopes, asked)
    context = {
        "program": program,
        "run_by": _named(program.user) if program.user else "",
        "goes_to": urlsplit(asked["redirect_uri"]).netloc,
        "is_here": _is_on_this_machine(asked["redirect_uri"]),
        "is_renewed": asked["response_type"] == "code",
    }
    response = render(request, "api/authorize.html", context)
    # Browsers hold the redirect that answers a form to this policy, too
    response._csp_update = {"form-action": [_source(asked["redirect_uri"])]}  # type: ignore[attr-defined]
    return response


def _named(person: Any) -> str:
    full = person.get_full_name()
    return f"{full} ({person.get_username()})" if full else person.get_username()


def _answered(request: HttpRequest, program: Any, scopes: list[str], asked: dict[str, Any]) -> HttpResponse:
    if request.POST.get("allow") != "yes":
        return _mistake(request, AccessDeniedError(state=asked.get("state")), asked)
    try:
        with transaction.atomic():
            address = server.core().create_authorization_response(request, scopes, asked, allow=True)[0]
            programs.note_given(program, scopes, Actor.of(request))
    except OAuthToolkitError as error:
        return _mistake(request, error.oauthlib_error, asked)
    return _to_program(address)


def _asked(request: HttpRequest) -> tuple[list[str], dict[str, Any]]:
    """The scopes and all else that a program asks for; an OAuth2Error where that is not in order."""
    try:
        scopes, asked = server.core().validate_authorization_request(request)
    except OAuthToolkitError as error:
        raise error.oauthlib_error from error
    oauthlib_request = asked.pop("request", None)
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        raise InvalidRequestError(description="code_challenge_method has to be S256.", request=oauthlib_request)
    asked["resource"] = request.GET.getlist("resource")
    if not all(is_valid_resource_uri(one) for one in asked["resource"]):
        raise CustomOAuth2Error("invalid_target", "resource has to be an absolute URI.", request=oauthlib_request)
    return scopes, asked


def _mistake(request: HttpRequest, error: OAuth2Error, asked: dict[str, Any] | None = None) -> HttpResponse:
    """Tells the program; where it is not known to be the program's address, whoever looks at the page."""
    address = asked["redirect_uri"] if asked else error.redirect_uri
    if isinstance(error, FatalClientError) or not address:
        return render(request, "api/mistake.html", {"error": error}, status=400)
    is_implicit = (asked["response_type"] if asked else error.response_type) == "token"
    told = [*error.twotuples, ("iss", request.build_absolute_uri("/").rstrip("/"))]
    return _to_program(add_params_to_uri(address, told, fragment=is_implicit))


def _to_program(address: str) -> HttpResponse:
    response = OAuth2ResponseRedirect(address, SCHEMES)
    response["Cache-Control"] = "no-store"
    return response


def _source(address: str) -> str:
    """The address as a Content-Security-Policy names it: without what would end the directive."""
    parts = urlsplit(address)
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        return f"{parts.scheme}:"  # an IPv6 address, which the policy has no way to name
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{quote(parts.path or '/', safe='/%:@!$&()*+=~-._')}"


def _is_on_this_machine(address: str) -> bool:
    return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")


# ---- tokens -----------------------------------------------------------------------------------------------


@while_enabled
@csrf_exempt
@require_POST
@sensitive_post_parameters()
def token(request: HttpRequest) -> HttpResponse:
    """Gives tokens for a code, and for the token that renews them."""
    return _to_a_program(request, server.core().create_token_response)


@while_enabled
@csrf_exempt
@require_POST
@sensitive_post_parameters()
def revoke(request: HttpRequest) -> HttpResponse:
    """Ends a token that its program has no use for any more."""
    known = tokens.owner_of(request.POST.get("token", ""))
    response = _to_a_program(request, server.core().create_revocation_response)
    if response.status_code == 200 and known is not None and not _is_alive(known):
        programs.note_taken(known.user, known.application, Actor.of(request))
    return response


def _to_a_program(request: HttpRequest, answer: Any) -> HttpResponse:
    """What `answer` says, unless too many have tried in vain from there to prove that they are a program."""
    where, most = network(client_address(request) or "::"), settings.OAUTH_FAILURES_PER_HOUR
    if most and times_so_far(_FAILURES, where) >= most:
        response: HttpResponse = JsonResponse({"error": TOO_OFTEN}, status=429, headers={"Retry-After": AN_HOUR})
    else:
        _address, headers, body, status = answer(request)
        response = HttpResponse(body or "", status=status, headers={"Content-Type": "application/json", **headers})
        if status == 401:
            times_this_hour(_FAILURES, where)
    response["Cache-Control"] = "no-store"
    return response


def _is_alive(row: Any) -> bool:
    rows = type(row).objects.filter(pk=row.pk)
    return (rows.filter(revoked__isnull=True) if hasattr(row, "revoked") else rows).exists()


@while_enabled
@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """What programs can find out by themselves (RFC 8414)."""
    kinds = ["code", "token"] if settings.OAUTH_IMPLICIT_GRANT else ["code"]
    grants = ["authorization_code", "refresh_token", *(["implicit"] if settings.OAUTH_IMPLICIT_GRANT else [])]

    def where(name: str) -> str:
        return request.build_absolute_uri(reverse(f"oauth2_provider:{name}"))

    return JsonResponse(
        {
            "issuer": request.build_absolute_uri("/").rstrip("/"),
            "authorization_endpoint": where("authorize"),
            "token_endpoint": where("token"),
            "revocation_endpoint": where("revoke-token"),
            "scopes_supported": [tokens.SCOPE],
            "response_types_supported": kinds,
            "grant_types_supported": grants,
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
    )
