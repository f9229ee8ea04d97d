"""What happened to one instance: who did what, when, how it ended, and what Ganeti said meanwhile."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.audit.models import AuditEntry
from apps.audit.shown import ShownEntry
from apps.clusters import fleet, shown
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.models import Job
from apps.clusters.permissions import instance_or_404
from apps.clusters.shown import LogLine, ShownJob
from apps.clusters.views.etag import etag_of, unless_unchanged
from apps.clusters.views.instances import nothing_known, render_section, whole_history_url

PER_PAGE = 25
MOST_BOOKKEEPING = 10  # the newest jobs that have no entry
LIVE_SECONDS = 15
LIVE_SECONDS_WORKING = 1  # while something is under way


@dataclass(frozen=True)
class Event:
    """An entry of the history with the story of its job, where it had one."""

    entry: ShownEntry
    job: Job | None

    @property
    def log(self) -> list[LogLine]:
        return shown.story(self.job) if self.job else []


@login_required
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def history(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """The section "History"; the list renews itself apart from the page's head."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance)
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    if request.htmx and request.htmx.target == "events":  # type: ignore[attr-defined]
        return unless_unchanged(
            request,
            etag_of(request, vm.cluster.fingerprint),
            lambda: render(request, "clusters/instances/_events.html", _context(request, vm)),
        )
    return render_section(request, vm, "history", "clusters/instances/history.html", _context(request, vm))


def _context(request: HttpRequest, vm: Vm) -> dict[str, Any]:
    entries = AuditEntry.objects.about(vm.cluster.slug, vm.name).select_related("requester")
    page = Paginator(entries, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    jobs = {job.audit_entry_id: job for job in Job.objects.filter(audit_entry__in=rows).order_by("pk")}
    sees_everything = fleet.sees_everything(request.user)
    events: Any = [Event(ShownEntry(row, request.user, sees_everything), jobs.get(row.pk)) for row in rows]
    page.object_list = events
    working = any(row.outcome == AuditEntry.Outcome.PENDING for row in rows)
    return {
        "page": page,
        "bookkeeping": _bookkeeping(vm, request.user) if page.number == 1 else [],
        "whole_history_url": whole_history_url(vm.cluster.slug, vm.name),
        "events_live_seconds": LIVE_SECONDS_WORKING if working else LIVE_SECONDS,
    }


def _bookkeeping(vm: Vm, reader: Any) -> list[ShownJob]:
    """The newest jobs without an entry: what follows by itself from what somebody did."""
    rows = Job.objects.filter(cluster=vm.cluster.pk, instance=vm.name, audit_entry__isnull=True)
    return [ShownJob.of(row, reader, vm.cluster.slug) for row in rows[:MOST_BOOKKEEPING]]
