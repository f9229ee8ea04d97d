"""Theme, language, the page that shows every component, and the pages for errors."""

import sys

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.template import loader
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_POST, require_safe

from accounts import patterns as sample_data
from accounts import preferences, themes
from accounts.middleware import request_id
from accounts.outage import RETRY_AFTER, is_database_away
from accounts.redirects import in_language, own_page


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remembers light, dark or auto, here and in the profile, and leads back."""
    response = redirect(own_page(request, request.POST.get("next", ""), resolve_url("/")))
    wanted = request.POST.get("theme", "")
    if wanted in themes.CHOICES:
        themes.remember(response, wanted, secure=request.is_secure())
        preferences.keep(request.user, theme=wanted)
    return response


def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own view, which remembers the language here; who is signed in has it everywhere."""
    wanted = request.POST.get("language", "")
    if wanted in dict(settings.LANGUAGES):
        preferences.keep(request.user, language=wanted)
    response = i18n.set_language(request)
    if wanted and response.headers.get("Location"):
        response["Location"] = in_language(response["Location"], wanted)
    return response


@require_safe
def patterns(request: HttpRequest) -> HttpResponse:
    """Every component once, in the theme that is on. For development."""
    if not settings.SHOW_PATTERNS:
        raise Http404
    return render(request, "patterns.html", sample_data.context())


def server_error(request: HttpRequest) -> HttpResponse:
    """A 500 with the id under which the log has the error. Without context processors: one of them may have failed.

    Django calls it while it handles the error, from whichever layer that came.
    """
    if is_database_away(sys.exception()):
        return database_away(request)
    return HttpResponseServerError(loader.get_template("500.html").render({"request_id": request_id()}))


def database_away(request: HttpRequest) -> HttpResponse:
    """A 503 that says when to come back: a page, or for scripts {"action": sentence}."""
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        told = _("Our database does not answer just now. Look at your VMs in a moment, before you try again.")
        return JsonResponse({"action": told}, status=503, headers=headers)
    return HttpResponse(loader.get_template("503.html").render({}), status=503, headers=headers)
