"""The history: for owners what happened to their instances, for staff what happened at all."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.audit import scopes
from apps.audit.forms import HistoryForm
from apps.audit.models import AuditEntry
from apps.audit.shown import ShownEntry

PER_PAGE = 50
LIVE_SECONDS = 15
LIVE_SECONDS_WORKING = 1  # while something on the page is under way


@login_required
@require_safe
@vary_on_headers("HX-Request")
def history(request: HttpRequest) -> HttpResponse:
    """The timeline, newest first; while something on it is under way the page asks again."""
    owned = scopes.owned_by(request.user)
    sees_everything = owned is None
    if owned is None:
        entries = AuditEntry.objects.lately(settings.AUDIT_ENTRIES_LAST_X_DAYS)
    else:
        entries = AuditEntry.objects.seen_by(request.user, owned)
    form = HistoryForm(request.GET, entries)
    page = Paginator(form.apply(entries), PER_PAGE).get_page(request.GET.get("page"))
    working = any(entry.outcome == AuditEntry.Outcome.PENDING for entry in page.object_list)
    shown = [ShownEntry(entry, request.user, sees_everything) for entry in page.object_list]
    page.object_list = shown  # type: ignore[assignment]
    context = {
        "form": form,
        "page": page,
        "is_filtered": form.is_narrowed,
        "last_days": settings.AUDIT_ENTRIES_LAST_X_DAYS if sees_everything else 0,
        "live_seconds": LIVE_SECONDS_WORKING if working else LIVE_SECONDS,
    }
    template = "audit/_timeline.html" if request.htmx else "audit/history.html"  # type: ignore[attr-defined]
    return render(request, template, context)
