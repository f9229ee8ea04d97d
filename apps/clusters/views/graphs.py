"""Graphs: a picture of the grapher's, the graphs of one instance, and those of many for staff."""

import mimetypes
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.clusters import fleet, grapher, graphs, inventories, permissions, shown, spans
from apps.clusters.fleet import ClusterView, Fleet, NothingKnown, Vm
from apps.clusters.permissions import instance_or_404
from apps.clusters.spans import SpanForm
from apps.clusters.views.instances import nothing_known, render_section
from ganeti.inventory import Snapshot
from ganeti.objects import Instance

VMS_PER_PAGE = 12
MOST_NODES = 500  # names in one query string
MAX_OWN_IMAGE = 512 * 1024
OWN_IMAGES = ("image/png", "image/svg+xml", "image/gif", "image/jpeg", "image/webp")

View = Callable[..., HttpResponse]


def where_there_is_a_grapher(view: View) -> View:
    """Without one there are no such pages; who is not signed in is led to the sign-in in any case."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not grapher.is_configured():
            raise Http404(_("This site has no graphs."))
        return view(request, *args, **kwargs)

    return login_required(guarded)


# ---- one picture -----------------------------------------------------------------------------------------


@where_there_is_a_grapher
@require_safe
def graph(
    request: HttpRequest,
    cluster_slug: str,
    instance: str,
    graph_type: str,
    start: str = spans.USUAL[0],
    end: str = spans.USUAL[1],
    nic: str = "",
) -> HttpResponse:
    """The picture that the grapher draws, or the one that says that there is none."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="see a picture")
        asked = grapher.question(vm.instance, graph_type, spans.read(start, end), nic)
    except NothingKnown:
        return _no_data("away", grapher.AWAY_FOR)
    except spans.NoSpan as error:
        raise Http404(str(error)) from None
    except grapher.NoSuchGraph:
        raise Http404(_("There is no such graph.")) from None
    picture = grapher.picture(asked)
    if not picture.png:
        return _no_data("away" if picture.is_late else "none", picture.good_for)
    return _image(picture.png, "image/png", min(picture.good_for, grapher.TURN))


def _no_data(why: str, seconds: int) -> HttpResponse:
    """The site's picture, else ours in the reader's language; X-No-Graph tells static/js/graphs.js why."""
    own = _own_image(settings.NODATA_IMAGE)
    ours = render_to_string("clusters/no-data.svg", {"text": _("No data")}).encode() if not own else b""
    response = _image(*(own or (ours, "image/svg+xml")), seconds)
    response["X-No-Graph"] = why
    return response


def _own_image(name: str) -> tuple[bytes, str] | None:
    """The site's picture and its type; None for none, for one that cannot be read, and for what is no picture."""
    kind = mimetypes.guess_type(name)[0] if name else None
    if kind not in OWN_IMAGES:
        return None
    try:
        with Path(name).open("rb") as file:
            body = file.read(MAX_OWN_IMAGE + 1)
    except OSError:
        return None
    return (body, kind) if 0 < len(body) <= MAX_OWN_IMAGE else None


def _image(body: bytes, kind: str, seconds: int) -> HttpResponse:
    response = HttpResponse(body, content_type=kind)
    patch_cache_control(response, private=True, max_age=seconds)
    return response


# ---- the graphs of one instance ---------------------------------------------------------------------------


@where_there_is_a_grapher
@require_safe
@vary_on_headers("HX-Request")
def instance_graphs(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """CPU and network cards over one span."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="see graphs")
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    context = _graphs_context(vm, SpanForm(request.GET))
    return render_section(request, vm, "graphs", "clusters/instances/graphs.html", context)


def _graphs_context(vm: Vm, form: SpanForm) -> dict[str, Any]:
    asked = grapher.of_instance(vm.instance, spans.read(*form.ends))
    return {
        "form": form,
        "pictures": graphs.shown(vm.cluster.slug, asked, form.words),
        "left_out": max(len(vm.instance.nics) - grapher.MAX_NICS, 0),
        "is_away": grapher.is_away(),
        "has_nothing": grapher.has_nothing(asked),
    }


# ---- the graphs of many ------------------------------------------------------------------------------------


@where_there_is_a_grapher
@require_safe
def batch(request: HttpRequest, cluster_slug: str = "") -> HttpResponse:
    """All graphs of a cluster, or of some of its nodes, a page of them; without a cluster, which there are."""
    permissions.check_all_graphs(request.user)
    if not cluster_slug:
        return _chosen_cluster(request) or render(request, "clusters/graphs/clusters.html", _clusters(request, ""))
    context = _clusters(request, cluster_slug)
    try:
        known = fleet.cluster(cluster_slug)
    except NothingKnown as unknown:
        return render(request, "clusters/graphs/cluster.html", {**context, **_unknown(request, unknown)})
    if known is None:
        raise Http404(_("There is no such cluster."))
    inventories.look_at([cluster_slug])
    return render(request, "clusters/graphs/cluster.html", {**context, **_batch(request, *known)})


def _chosen_cluster(request: HttpRequest) -> HttpResponse | None:
    """Where ?cluster= leads, which older links have."""
    wanted = request.GET.get("cluster", "")
    if wanted not in Fleet(request.user).clusters:
        return None
    query = request.GET.copy()
    query.pop("cluster")
    address = reverse("cluster-get-nodes-graphs", args=[wanted])
    return HttpResponseRedirect(f"{address}?{query.urlencode()}" if query else address)


def _clusters(request: HttpRequest, current: str) -> dict[str, Any]:
    views = Fleet(request.user).clusters.values()
    return {
        "clusters": [
            {
                "name": shown.cluster_name(view, request.user),
                "url": reverse("cluster-get-nodes-graphs", args=[view.slug]),
                "is_current": view.slug == current,
                "view": view,
            }
            for view in views
        ]
    }


def _unknown(request: HttpRequest, unknown: NothingKnown) -> dict[str, Any]:
    about = [shown.shown_cluster(unknown.cluster, request.user)]
    return {
        "cluster": about[0],
        "store_is_away": unknown.store_is_away,
        "silent": about if unknown.cluster.is_silent else [],
        "collecting": [] if unknown.store_is_away or unknown.cluster.is_silent else about,
    }


def _batch(request: HttpRequest, view: ClusterView, snapshot: Snapshot) -> dict[str, Any]:
    form = SpanForm(request.GET)
    counts = Counter(instance.pnode for instance in snapshot.instances if instance.pnode)
    names = sorted({node.name for node in snapshot.nodes} | counts.keys())
    wanted = _wanted_nodes(request)
    chosen = [name for name in names if name in wanted]
    found = _in_order_of_nodes(snapshot, set(chosen) if wanted else set(names))
    page = Paginator(found, VMS_PER_PAGE).get_page(request.GET.get("page"))
    cluster = shown.shown_cluster(view, request.user, len(snapshot.instances))
    return {
        "cluster": cluster,
        "form": form,
        "nodes": [{"name": name, "vm_count": counts[name], "is_chosen": name in wanted} for name in names],
        "chosen": chosen,
        "missing": sorted(wanted - set(names))[:10],
        "page": page,
        "sections": graphs.of_nodes(request.user, view, list(page.object_list), form, counts),
        "is_away": grapher.is_away(),
        "silent": [cluster] if view.is_silent else [],
    }


def _wanted_nodes(request: HttpRequest) -> set[str]:
    """From ?nodes=a,b and from ?nodes=a&nodes=b alike."""
    names = [name.strip() for value in request.GET.getlist("nodes") for name in value.split(",")]
    return set([name for name in names if name][:MOST_NODES])


def _in_order_of_nodes(snapshot: Snapshot, nodes: set[str]) -> list[Instance]:
    found = (instance for instance in snapshot.instances if instance.pnode in nodes)
    return sorted(found, key=lambda instance: (instance.pnode, instance.name))
