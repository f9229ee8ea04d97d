"""The history: for owners what happened to their instances, for staff what happened at all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe
from django.views.decorators.vary import vary_on_headers

from apps.audit import export, scopes
from apps.audit.forms import HistoryForm
from apps.audit.models import Actor, AuditEntry, AuditEntryQuerySet
from apps.audit.pages import BoundedPaginator
from apps.audit.shown import ShownEntry

PER_PAGE = 50
LIVE_SECONDS = 15
LIVE_SECONDS_WORKING = 1  # while something on the page is under way
MOST_DAYS = 36_500


@dataclass(frozen=True)
class Seen:
    """What a person may see of the log: the entries, and the clusters that they are about."""

    entries: AuditEntryQuerySet
    clusters: Iterable[str]
    is_everything: bool


def seen_by(user: Any) -> Seen:
    owned = scopes.owned_by(user)
    if owned is None:
        return Seen(AuditEntry.objects.all(), scopes.clusters(), is_everything=True)
    return Seen(AuditEntry.objects.seen_by(user, owned), [slug for slug, names in owned.items() if names], False)


def form_of(request: HttpRequest, seen: Seen) -> HistoryForm:
    """The filters of the query string; what owners see goes back to the beginning unless they ask otherwise."""
    days = settings.AUDIT_ENTRIES_LAST_X_DAYS if seen.is_everything else 0
    usual_days = days if days and 0 < days <= MOST_DAYS else 0
    return HistoryForm(request.GET, seen.clusters, None if seen.is_everything else request.user, usual_days)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def history(request: HttpRequest) -> HttpResponse:
    """The timeline, newest first; while something on it is under way the page asks again."""
    seen = seen_by(request.user)
    form = form_of(request, seen)
    found, looked_through_since = form.listed(seen.entries)
    paginator = BoundedPaginator(found, PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    rows = list(page.object_list)
    working = any(entry.outcome == AuditEntry.Outcome.PENDING for entry in rows)
    shown = [ShownEntry(entry, request.user, seen.is_everything) for entry in rows]
    page.object_list = shown
    context = {
        "form": form,
        "page": page,
        "is_filtered": form.is_narrowed,
        "sees_everything": seen.is_everything,
        "looked_through_since": looked_through_since,
        "is_cut": paginator.is_cut and not page.has_next(),
        "older_than": rows[-1].recorded if rows and form.order == "-when" else None,
        "live_seconds": LIVE_SECONDS_WORKING if working else LIVE_SECONDS,
    }
    template = "audit/_timeline.html" if request.htmx else "audit/history.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@login_required
@require_GET
def as_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """What the page shows with the same filters, all of it, as a table."""
    return _taken(request, export.CSV)


@login_required
@require_GET
def as_json(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same as an array of objects, one on a line."""
    return _taken(request, export.JSON)


def _taken(request: HttpRequest, file: export.Format) -> HttpResponse | StreamingHttpResponse:
    seen = seen_by(request.user)
    form = form_of(request, seen)
    if form.wrong_days:
        return HttpResponse(" ".join(form.wrong_days), status=400, content_type="text/plain; charset=utf-8")
    zone = timezone.get_current_timezone()  # the middleware's has gone when the answer is streamed
    taking = export.Taking.begun(Actor.of(request), file, form.asked_for)
    found = form.apply(seen.entries).filter(pk__lt=taking.entry.pk)  # as it was before
    rows = export.Rows(found, request.user, seen.is_everything, zone)
    response = StreamingHttpResponse(taking.watched(rows, file.lines(rows)), content_type=file.content_type)
    name = f"history-{timezone.localdate():%Y-%m-%d}.{file.ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"  # nginx hands on what comes, without keeping it first
    return response
