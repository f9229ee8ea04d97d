"""How the clusters are: all of them in one table, and each on a page of its own."""

from collections import Counter
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.clusters import catalogue, inventories, nodes, shown_clusters, troubles
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.models import Cluster
from apps.clusters.permissions import cluster_or_404, whole_fleet
from apps.clusters.shown_clusters import SORT_KEYS, ClusterRow, ShownNetwork
from apps.clusters.troubles import Trouble
from apps.clusters.views.etag import etag_of, unless_unchanged
from apps.clusters.views.nodes import LIVE_SECONDS, oldest


@login_required
@require_safe
@vary_on_headers("HX-Request")
def cluster_detail(request: HttpRequest) -> HttpResponse:
    """All clusters; or with ?cluster=SLUG everything about one."""
    seen = whole_fleet(request.user)
    slug = request.GET.get("cluster", "")
    return _detail(request, seen, cluster_or_404(seen, slug)) if slug else _overview(request, seen)


# ---- all of them ---------------------------------------------------------------------------------


def _overview(request: HttpRequest, seen: Fleet) -> HttpResponse:
    views = seen.clusters.values()

    def show() -> HttpResponse:
        part = "clusters/clusters/_list.html" if request.htmx else "clusters/clusters/list.html"  # type: ignore[attr-defined]
        return render(request, part, _overview_context(request, seen))

    etag = etag_of(request, seen.store_is_away, tuple(view.whole_fingerprint for view in views))
    return unless_unchanged(request, etag, show, as_of=oldest(views))


def _overview_context(request: HttpRequest, seen: Fleet) -> dict[str, Any]:
    wrong = troubles.of_all(seen)
    rows = [_row(seen, view, wrong[view.slug]) for view in seen.clusters.values()]
    wanted = request.GET.get("show", "")
    chosen = [row for row in rows if row.troubles] if wanted == "trouble" else list(rows)
    sort = request.GET.get("sort", "")
    key = SORT_KEYS.get(sort.lstrip("-"), SORT_KEYS["name"])
    chosen.sort(key=key, reverse=sort.startswith("-"))
    return {
        "rows": chosen,
        "total": len(rows),
        "answering": sum(not row.view.is_silent and not row.view.is_collecting for row in rows),
        "as_of": oldest(seen.clusters.values()),
        "chips": [
            {
                "value": "",
                "label": pgettext_lazy("list of clusters", "All"),
                "count": len(rows),
                "is_current": wanted != "trouble",
            },
            {
                "value": "trouble",
                "label": _("Something is wrong"),
                "count": sum(bool(row.troubles) for row in rows),
                "is_current": wanted == "trouble",
            },
        ],
        "store_is_away": seen.store_is_away,
        "live_seconds": LIVE_SECONDS,
    }


def _row(seen: Fleet, view: ClusterView, wrong: list[Trouble]) -> ClusterRow:
    snapshot = seen.snapshot(view)
    if snapshot is None:
        return ClusterRow(view, None, wrong, Counter())
    found = catalogue.of_snapshot(snapshot)
    return ClusterRow(view, nodes.of_snapshot(snapshot), wrong, found.count_piles(range(len(found))))


# ---- one of them ---------------------------------------------------------------------------------


def _detail(request: HttpRequest, seen: Fleet, view: ClusterView) -> HttpResponse:
    inventories.look_at([view.slug])

    def show() -> HttpResponse:
        part = "clusters/clusters/_detail.html" if request.htmx else "clusters/clusters/detail.html"  # type: ignore[attr-defined]
        return render(request, part, _detail_context(seen, view))

    etag = etag_of(request, seen.store_is_away, view.whole_fingerprint)
    return unless_unchanged(request, etag, show, as_of=view.nodes_as_of)


def _detail_context(seen: Fleet, view: ClusterView) -> dict[str, Any]:
    row = _row(seen, view, troubles.of_cluster(seen, view))
    snapshot = row.book.snapshot if row.book else None
    context: dict[str, Any] = {
        "cluster": row,
        "view": view,
        "status": row.status,
        "known": Cluster.objects.get(pk=view.pk),
        "as_of": view.nodes_as_of,
        "troubles": row.troubles,
        "store_is_away": seen.store_is_away,
        "live_seconds": LIVE_SECONDS,
    }
    if snapshot is None or row.book is None:
        return context
    return context | {
        "info": snapshot.info,
        "states": shown_clusters.states(row.book),
        "book": row.book,
        "roles": shown_clusters.roles(row.book),
        "networks": [ShownNetwork(network) for network in snapshot.networks],
        "policy": snapshot.info.policy,
        "policy_lines": shown_clusters.policy_lines(snapshot.info.policy),
    }
