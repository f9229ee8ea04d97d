"""The list of jobs over all clusters, the page of one, and the way to cancel it."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.redirects import is_script, own_page
from apps.audit.models import Actor
from apps.clusters import canceling, inventories, joblists, shown, shown_jobs
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.job_forms import PER_PAGE, JobSearchForm
from apps.clusters.joblists import JobBook, ShownRow
from apps.clusters.models import Cluster, Job
from apps.clusters.permissions import cluster_or_404, may_cancel_jobs, whole_fleet, whole_fleet_to_cancel
from apps.clusters.shown_jobs import ShownJobPage
from apps.clusters.views.etag import etag_of, unless_unchanged
from ganeti.joblist import ListedJob

LIVE_SECONDS = 4
LIVE_SECONDS_WORKING = 1  # of a job's page, until it has ended
LIVE_SECONDS_ENDED = 15
MOST_LOOKED_AT = 40  # clusters that one reader has asked more often, when no cluster is chosen
LARGEST = 2**63 - 1  # the database counts no further


@login_required
@require_safe
@vary_on_headers("HX-Request")
def job_list(request: HttpRequest) -> HttpResponse:
    """The jobs of all clusters in whatever state, searched, filtered and sorted here."""
    seen = whole_fleet(request.user)
    views = seen.clusters.values()
    chosen = request.GET.get("cluster", "")
    inventories.look_at([chosen] if chosen in seen.clusters else list(seen.clusters)[:MOST_LOOKED_AT])

    def show() -> HttpResponse:
        part = "clusters/jobs/_table.html" if request.htmx else "clusters/jobs/list.html"  # type: ignore[attr-defined]
        return render(request, part, _list_context(request, seen))

    return unless_unchanged(request, _etag(request, seen, views), show, as_of=oldest(views))


def _list_context(request: HttpRequest, seen: Fleet) -> dict[str, Any]:
    views = list(seen.clusters.values())
    books, own = joblists.books(seen, views), joblists.ours(views)
    form = JobSearchForm(request.GET, seen, books, own)
    page: Any = Paginator(form.apply(), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [ShownRow(row, own[row.key].who if row.key in own else "") for row in page.object_list]
    return {
        "form": form,
        "page": page,
        "total": form.states[""],
        "cluster_count": len(views),
        "as_of": oldest(views),
        "chips": [
            {"value": value, "label": word, "count": count, "is_current": form.value("state") == value}
            for value, word, count in form.state_choices
        ],
        "is_filtered": form.is_narrowed,
        "live_seconds": LIVE_SECONDS,
        "store_is_away": seen.store_is_away,
        **silences(views, books, request.user, seen),
    }


def silences(views: Iterable[ClusterView], books: dict[str, JobBook], reader: Any, seen: Fleet) -> dict[str, Any]:
    """What is said above a page with jobs about clusters that do not answer, or do not tell of their jobs."""
    found: dict[str, list[Any]] = {"silent": [], "untold": [], "collecting": []}
    for view in views:
        cluster = shown.shown_cluster(view, reader)
        if view.is_silent:
            found["silent"].append((cluster, len(books[view.slug].rows) if view.slug in books else 0))
        elif view.head.jobs_error:
            found["untold"].append(cluster)
        elif not view.head.jobs_version and not seen.store_is_away:
            found["collecting"].append(cluster)
    return found


@login_required
@require_safe
def as_json(request: HttpRequest) -> JsonResponse:
    """The same as data, as ganetimgr 2.x gave it, without what opcodes were told: of one cluster, or of all."""
    seen = whole_fleet(request.user)
    slug = request.GET.get("cluster", "")
    views = [cluster_or_404(seen, slug)] if slug else list(seen.clusters.values())
    books = joblists.books(seen, views)
    return JsonResponse(
        {
            "aaData": [shown_jobs.as_data(ShownRow(row)) for book in books.values() for row in book.rows],
            "clusters": [view.slug for view in views],
        }
    )


@login_required
@require_safe
def by_number(request: HttpRequest) -> HttpResponse:
    """The address under which ganetimgr 2.x showed a job: ?cluster=SLUG&jobid=NUMBER."""
    seen = whole_fleet(request.user)
    view = cluster_or_404(seen, request.GET.get("cluster", ""))
    number = request.GET.get("jobid", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404(_("There is no such job."))
    return redirect("job-detail", view.slug, int(number))


# ---- one of them ---------------------------------------------------------------------------------


@login_required
@require_safe
@vary_on_headers("HX-Request")
def job_detail(request: HttpRequest, cluster_slug: str, number: int) -> HttpResponse:
    """One job: its steps, its log as it grows, how it ended, who asked for it."""
    seen = whole_fleet(request.user)
    view = cluster_or_404(seen, cluster_slug)
    listed, own = _find(seen, view, number)
    inventories.look_at([view.slug])
    books = joblists.books(seen, [view])
    trouble = {**silences([view], books, request.user, seen), "store_is_away": seen.store_is_away}

    def show() -> HttpResponse:
        job = ShownJobPage.of(view, listed, own)
        name = "detail" if job else "unknown"
        context = _detail_context(request, view, job) if job else {"live_seconds": LIVE_SECONDS}
        part = f"_{name}" if request.htmx else name  # type: ignore[attr-defined]
        where = {"number": number, "view": view, **trouble}
        return render(request, f"clusters/jobs/{part}.html", where | context)

    return unless_unchanged(request, _etag(request, seen, [view]), show, as_of=view.jobs_as_of)


def _find(seen: Fleet, view: ClusterView, number: int) -> tuple[ListedJob | None, Job | None]:
    """The job as Ganeti told it, and our own row of it. Http404 where neither is, unless nothing is known at all."""
    if number > LARGEST:
        raise Http404(_("There is no such job."))
    book = joblists.books(seen, [view]).get(view.slug)
    listed = book.listed.job(number) if book else None
    own = Job.objects.filter(cluster=view.pk, job_id=number).select_related("requested_by").order_by("-pk").first()
    if book and listed is None and own is None:
        raise Http404(_("There is no such job, or Ganeti keeps it no longer."))
    return listed, own


def _detail_context(request: HttpRequest, view: ClusterView, job: ShownJobPage) -> dict[str, Any]:
    may_cancel = may_cancel_jobs(request.user) and job.row.state in canceling.CANCELABLE
    return {
        "job": job,
        "may_cancel": may_cancel and not view.is_silent,
        "history_url": _history_url(job) if job.own and job.own.audit_entry_id else "",
        "live_seconds": LIVE_SECONDS_WORKING if job.row.is_unfinished else LIVE_SECONDS_ENDED,
        "wide": True,
    }


def _history_url(job: ShownJobPage) -> str:
    return f"{reverse('auditlog')}?{urlencode({'q': job.row.instances[0], 'cluster': job.row.cluster})}"


@login_required
@require_POST
def cancel(request: HttpRequest, cluster_slug: str, number: int) -> HttpResponse:
    """Cancels a job that waits; the page that asked tells how that ended."""
    seen = whole_fleet_to_cancel(request.user)
    view = cluster_or_404(seen, cluster_slug)
    listed, own = _find(seen, view, number)
    about = listed.instances if listed else (own.instance,) if own else ()
    try:
        cluster = Cluster.objects.get(pk=view.pk)
        told = canceling.cancel(cluster, number, Actor.of(request), about[0] if len(about) == 1 else "")
        done = True
    except canceling.NotCanceled as refused:
        told, done = str(refused), False
    if is_script(request):
        return JsonResponse({"action": told}, status=200 if done else 409)
    (messages.success if done else messages.error)(request, told)
    return redirect(own_page(request, request.POST.get("next", ""), reverse("job-detail", args=[view.slug, number])))


def _etag(request: HttpRequest, seen: Fleet, views: Iterable[ClusterView]) -> str:
    return etag_of(request, seen.store_is_away, tuple(view.jobs_fingerprint for view in views))


def oldest(views: Iterable[ClusterView]) -> datetime.datetime | None:
    """When the least fresh of the clusters that are well told of its jobs."""
    known = [view.jobs_as_of for view in views if not view.is_silent]
    return min((when for when in known if when), default=None)
