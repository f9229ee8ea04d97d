"""Pages for those who write programs: what they registered, and what it is known by."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from oauth2_provider.models import get_application_model

from apps.api import forms, permissions, programs
from apps.api.permissions import program_or_404, while_enabled
from apps.audit.models import Actor

page_with_form = require_http_methods(["GET", "HEAD", "POST"])


@while_enabled
@login_required
@never_cache
@require_safe
def program_list(request: HttpRequest) -> HttpResponse:
    context = {
        "programs": [(program, _kind(program)) for program in permissions.programs_of(request.user)],
        "may_register": permissions.may_register(request.user),
        "sees_all": request.user.is_superuser,
    }
    return render(request, "api/programs.html", context)


@while_enabled
@login_required
@never_cache
@page_with_form
def register(request: HttpRequest) -> HttpResponse:
    permissions.registrars_only(request.user)
    form = forms.ProgramForm(request.user, get_application_model()(), _posted(request))
    if not form.is_valid():
        return render(request, "api/program_form.html", {"form": form, "program": None})
    form.fill()
    secret = programs.register(form.program, Actor.of(request))
    if secret:
        return _with_secret(request, form.program, secret)
    messages.success(request, _("%(name)s is registered.") % {"name": form.program.name})
    return redirect("oauth2_provider:detail", form.program.pk)


@while_enabled
@login_required
@never_cache
@require_safe
def program_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, program_or_404(request.user, pk))


@while_enabled
@login_required
@never_cache
@page_with_form
def update(request: HttpRequest, pk: int) -> HttpResponse:
    program = program_or_404(request.user, pk)
    form = forms.ProgramForm(request.user, program, _posted(request))
    if not form.is_valid():
        return render(request, "api/program_form.html", {"form": form, "program": program})
    changed = form.fill()
    if changed:
        programs.change(program, changed, Actor.of(request))
        messages.success(request, _("%(name)s is changed.") % {"name": program.name})
    return redirect("oauth2_provider:detail", pk)


@while_enabled
@login_required
@never_cache
@require_POST
def renew_secret(request: HttpRequest, pk: int) -> HttpResponse:
    program = program_or_404(request.user, pk)
    if not programs.keeps_secrets(program):
        return redirect("oauth2_provider:detail", pk)
    return _with_secret(request, program, programs.renew_secret(program, Actor.of(request)))


@while_enabled
@login_required
@never_cache
@page_with_form
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Says what goes with it; a POST does it."""
    program = program_or_404(request.user, pk)
    if request.method != "POST":
        return render(request, "api/program_delete.html", {"program": program, "people": programs.people_of(program)})
    name = str(program)
    programs.remove(program, Actor.of(request))
    messages.success(request, _("%(name)s is removed.") % {"name": name})
    return redirect("oauth2_provider:list")


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _with_secret(request: HttpRequest, program: Any, secret: str) -> HttpResponse:
    """The program's page with its secret: this once, and never in the session or behind an address."""
    return _detail(request, program, secret)


def _detail(request: HttpRequest, program: Any, secret: str = "") -> HttpResponse:
    addresses = program.redirect_uris.split()
    context = {
        "program": program,
        "secret": secret,
        "kind": _kind(program),
        "keeps_secrets": programs.keeps_secrets(program),
        "addresses": addresses,
        "unsafe": [one for one in addresses if forms.why_not(one)],
        "people": programs.people_of(program),
    }
    return render(request, "api/program.html", context)


def _kind(program: Any) -> Any:
    return forms.KINDS.get(forms.kind_of(program)) or _("Of a kind that is no longer possible: change it")
