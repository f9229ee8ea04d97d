"""The page on which people see which programs may read what is theirs, and take that away."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.api import permissions, programs
from apps.api.permissions import while_enabled
from apps.audit.models import Actor


@while_enabled
@login_required
@never_cache
@require_safe
def access_list(request: HttpRequest) -> HttpResponse:
    context = {
        "rows": programs.with_access_to(request.user),
        "may_register": permissions.may_register(request.user),
        "has_programs": permissions.programs_of(request.user).exists(),
    }
    return render(request, "api/access.html", context)


@while_enabled
@login_required
@never_cache
@require_POST
def take_away(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends the access of the program `pk` to what is one's own."""
    rows = {row.program.pk: row.program for row in programs.with_access_to(request.user)}
    if pk not in rows:
        raise Http404
    programs.take_away(request.user, rows[pk], Actor.of(request))
    messages.success(request, _("%(name)s can read nothing of yours any more.") % {"name": rows[pk]})
    return redirect("oauth2_provider:authorized-token-list")
