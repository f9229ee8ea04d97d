"""The list of nodes over all clusters, and the page of one."""

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.clusters import inventories, nodes, shown
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.models import Job
from apps.clusters.node_forms import PER_PAGE, NodeSearchForm
from apps.clusters.nodes import NodeRow
from apps.clusters.permissions import cluster_or_404, whole_fleet
from apps.clusters.shown import ShownJob
from apps.clusters.shown_clusters import ShownNode
from apps.clusters.views.etag import etag_of, unless_unchanged
from ganeti.objects import Instance

LIVE_SECONDS = 10  # nodes are asked about once a minute; what we notice of their VMs comes sooner
VMS_PER_PAGE = 25
RECENT_JOBS = 12
MOST_NAMES = 2000  # of instances, in one question to the database


@login_required
@require_safe
@vary_on_headers("HX-Request")
def node_list(request: HttpRequest) -> HttpResponse:
    """The nodes of all clusters, searched, filtered and sorted here."""
    seen = whole_fleet(request.user)

    def show() -> HttpResponse:
        part = "clusters/nodes/_table.html" if request.htmx else "clusters/nodes/list.html"  # type: ignore[attr-defined]
        return render(request, part, _list_context(request, seen))

    clusters = seen.clusters.values()
    return unless_unchanged(request, _etag(request, seen, clusters), show, as_of=oldest(clusters))


def _list_context(request: HttpRequest, seen: Fleet) -> dict[str, Any]:
    form = NodeSearchForm(request.GET, seen)
    page: Any = Paginator(form.apply(), PER_PAGE).get_page(request.GET.get("page"))
    counts = Counter({slug: len(book.rows) for slug, book in form.books.items()})
    page.object_list = [ShownNode(row, seen.clusters[row.cluster], counts[row.cluster]) for row in page.object_list]
    clusters = list(seen.clusters.values())
    return {
        "form": form,
        "page": page,
        "total": counts.total(),
        "cluster_count": sum(bool(count) for count in counts.values()),
        "as_of": oldest(clusters),
        "chips": [
            {"value": value, "label": word, "count": count, "is_current": form.value("role") == value}
            for value, word, count in form.role_choices
        ],
        "is_filtered": form.is_narrowed,
        "is_grouped": form.order.lstrip("-") == "node",
        "live_seconds": LIVE_SECONDS,
        "store_is_away": seen.store_is_away,
        **silences(clusters, counts, request.user, seen),
    }


def silences(clusters: Iterable[ClusterView], counts: Counter[str], reader: Any, seen: Fleet) -> dict[str, Any]:
    """What is said above a page with nodes about clusters that do not answer, or were never seen yet."""
    views = list(clusters)
    return {
        "silent": [(shown.shown_cluster(view, reader), counts[view.slug]) for view in views if view.is_silent],
        "collecting": []
        if seen.store_is_away
        else [shown.shown_cluster(view, reader) for view in views if view.is_collecting],
    }


@login_required
@require_safe
@vary_on_headers("HX-Request")
def node_detail(request: HttpRequest, cluster_slug: str, node: str) -> HttpResponse:
    """One node: what it has, what it carries, what was lately done to its instances."""
    seen = whole_fleet(request.user)
    view = cluster_or_404(seen, cluster_slug)
    snapshot = seen.snapshot(view)
    book = nodes.of_snapshot(snapshot) if snapshot else None
    row = book.row(node) if book else None
    if book and row is None:
        raise Http404(_("There is no such node in this cluster."))
    inventories.look_at([view.slug])

    def show() -> HttpResponse:
        if book is None or row is None:
            name = "unknown"
            context = {"name": node, "view": view, "live_seconds": LIVE_SECONDS, "store_is_away": seen.store_is_away}
            context |= silences([view], Counter(), request.user, seen)
        else:
            name = "detail"
            context = _detail_context(request, seen, view, book, row)
        part = f"_{name}" if request.htmx else name  # type: ignore[attr-defined]
        return render(request, f"clusters/nodes/{part}.html", context)

    return unless_unchanged(request, _etag(request, seen, [view]), show, as_of=view.nodes_as_of)


def _detail_context(
    request: HttpRequest, seen: Fleet, view: ClusterView, book: nodes.NodeBook, row: NodeRow
) -> dict[str, Any]:
    first, further = book.instances_on(row.name)
    group = next((group for group in book.groups if group.group.name == row.node.group), None)
    return {
        "node": ShownNode(row, view),
        "view": view,
        "group": group,
        "as_of": view.nodes_as_of,
        "running": sum(instance.is_running for instance in first),
        "primary": _vms_page(request, seen, first, "primary"),
        "secondary": _vms_page(request, seen, further, "secondary"),
        "jobs": _recent_jobs(request, view, [*first, *further]),
        "live_seconds": LIVE_SECONDS,
        "store_is_away": seen.store_is_away,
        "wide": True,
        **silences([view], Counter({view.slug: 1}), request.user, seen),
    }


def _vms_page(request: HttpRequest, seen: Fleet, instances: list[Instance], key: str) -> Any:
    page: Any = Paginator(instances, VMS_PER_PAGE).get_page(request.GET.get(key))
    page.object_list = shown.vms(page.object_list, seen)
    return page


def _recent_jobs(request: HttpRequest, view: ClusterView, instances: list[Instance]) -> list[tuple[str, ShownJob]]:
    """The latest jobs that were asked for from here, of the instances that are here now: (instance, job)."""
    names = [instance.name for instance in instances[:MOST_NAMES]]
    jobs = Job.objects.filter(cluster=view.pk, instance__in=names)[:RECENT_JOBS]
    return [(job.instance, ShownJob.of(job, request.user, view.slug)) for job in jobs]


def _etag(request: HttpRequest, seen: Fleet, views: Iterable[ClusterView]) -> str:
    return etag_of(request, seen.store_is_away, tuple(view.whole_fingerprint for view in views))


def oldest(views: Iterable[ClusterView]) -> datetime.datetime | None:
    """When the least fresh of the clusters that are well told of its nodes."""
    known = [view.nodes_as_of for view in views if view.has_snapshot and not view.is_silent]
    return min((when for when in known if when), default=None)
