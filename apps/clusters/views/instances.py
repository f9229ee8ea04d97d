"""The list of instances and the page of one."""

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import navigation
from apps.audit.models import AuditEntry
from apps.audit.shown import ShownEntry
from apps.clusters import (
    bulk,
    confirmations,
    fleet,
    grapher,
    graphs,
    hardware,
    inventories,
    permissions,
    sections,
    shown,
    strips,
)
from apps.clusters.fleet import ClusterView, Fleet, NothingKnown, Vm
from apps.clusters.forms import PER_PAGE, InstanceSearchForm
from apps.clusters.models import Job
from apps.clusters.permissions import instance_or_404, may_operate_all
from apps.clusters.shown import ShownCluster, ShownJob, ShownVm
from apps.clusters.views.etag import etag_of, unless_unchanged

LATELY = 8  # entries of the history on an instance's page
LIVE_SECONDS = 4  # how often an open page asks for news
LIVE_SECONDS_WORKING = 0.8  # the same while something is under way
FAILURE_STAYS = datetime.timedelta(days=1)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def instance_list(request: HttpRequest) -> HttpResponse:
    """Every instance that this person may see, over all clusters."""
    seen = Fleet(request.user)
    form = InstanceSearchForm(request.GET, seen)
    found: Any = form.apply()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    inventories.look_at({instance.cluster for instance in page.object_list})
    above = [] if request.htmx else strips.above(request)  # type: ignore[attr-defined]

    def show() -> HttpResponse:
        part = "clusters/instances/_table.html" if request.htmx else "clusters/instances/list.html"  # type: ignore[attr-defined]
        context = list_context(request, seen, form, page)
        return render(request, part, {**context, **bulk_context(request, page), "strips": above})

    return unless_unchanged(request, etag_of(request, seen.fingerprint), show, as_of=seen.as_of)


def list_context(request: HttpRequest, seen: Fleet, form: InstanceSearchForm, page: Any) -> dict[str, Any]:
    vms = shown.vms(page.object_list, seen)
    page.object_list = vms
    lives_on = Counter({slug: len(catalogue) for slug, catalogue in seen.catalogues.items()})
    clusters = seen.relevant
    collecting = [] if seen.store_is_away else [view for view in clusters if view.is_collecting]
    return {
        "form": form,
        "page": page,
        "heading": heading(seen.sees_everything),
        "total": lives_on.total(),
        "cluster_count": len(lives_on),
        "as_of": seen.as_of,
        "chips": [
            {"value": value, "label": word, "count": count, "is_current": form.value("status") == value}
            for value, word, count in form.pile_choices
        ],
        "is_filtered": form.is_narrowed,
        "wide": seen.sees_everything,
        "live_seconds": LIVE_SECONDS_WORKING if collecting or any(vm.is_working for vm in vms) else LIVE_SECONDS,
        **_trouble(clusters, lives_on, request.user),
        "store_is_away": seen.store_is_away,
        "is_incomplete": seen.store_is_away or not all(view.has_snapshot for view in clusters),
        "collecting": [shown.shown_cluster(view, request.user) for view in collecting],
        "apply_url": navigation.address_of("apply"),
    }


def bulk_context(request: HttpRequest, page: Any) -> dict[str, Any]:
    """What the list needs so that many VMs can be chosen, and to tell of those on which something is being done."""
    return {
        "may_choose": any(vm.verbs for vm in page.object_list),
        "may_choose_all": may_operate_all(request.user) and page.paginator.count > 1,
        "bulk_verbs": [{"kind": kind.value, "label": kind.label, "icon": shown.ICONS[kind]} for kind in bulk.KINDS],
        "batches": bulk.running_of(request.user),
    }


@login_required
@require_safe
@vary_on_headers("HX-Request")
def instance_detail(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """One instance: what it is, how it is, what is being done to it, what was done."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance)
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    except Http404 as nothing:
        return _renamed_or_404(request, cluster_slug, instance, nothing)
    inventories.look_at([cluster_slug])

    def page() -> HttpResponse:
        part = "clusters/instances/_detail.html" if request.htmx else "clusters/instances/detail.html"  # type: ignore[attr-defined]
        return render(request, part, detail_context(request, vm))

    etag = etag_of(request, vm.cluster.fingerprint, grapher.turn())
    return unless_unchanged(request, etag, page, as_of=vm.cluster.as_of)


def _renamed_or_404(request: HttpRequest, slug: str, old: str, nothing: Http404) -> HttpResponse:
    """Leads on to an instance that got another name here, for those who may look at it; else what there is to say."""
    name = confirmations.new_name_of(slug, old)
    if not name:
        raise nothing
    instance_or_404(request.user, slug, name)
    address = reverse("instance-detail", args=[slug, name])
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def nothing_known(request: HttpRequest, name: str, unknown: NothingKnown) -> HttpResponse:
    """The same to everybody, whether there is such an instance or not; it renews itself until somebody knows."""
    context = {
        "name": name,
        "heading": heading(fleet.sees_everything(request.user)),
        "live_seconds": LIVE_SECONDS,
        **_trouble([unknown.cluster], Counter(), request.user),
        "store_is_away": unknown.store_is_away,
        "collecting": []
        if unknown.store_is_away or unknown.cluster.is_silent
        else [shown.shown_cluster(unknown.cluster, request.user)],
    }
    part = "clusters/instances/_unknown.html" if request.htmx else "clusters/instances/unknown.html"  # type: ignore[attr-defined]
    return render(request, part, context)


def detail_context(request: HttpRequest, vm: Vm) -> dict[str, Any]:
    return {
        **head_context(request, vm, "overview"),
        "load": graphs.load(request.user, vm),
        "lately": lately(vm.cluster.slug, vm.name, request.user),
        "history_url": reverse("instance-history", args=[vm.cluster.slug, vm.name]),
        "networks_url": f"{reverse('clusterdetails')}?{urlencode({'cluster': vm.cluster.slug})}",
    }


def lately(cluster_slug: str, name: str, reader: Any) -> list[ShownEntry]:
    """The newest entries of an instance's history."""
    sees_everything = fleet.sees_everything(reader)
    entries = AuditEntry.objects.about(cluster_slug, name).select_related("requester")[:LATELY]
    return [ShownEntry(entry, reader, sees_everything) for entry in entries]


def whole_history_url(cluster_slug: str, name: str) -> str:
    """The history of everything, searched for this instance."""
    return f"{reverse('auditlog')}?{urlencode({'q': name, 'cluster': cluster_slug})}"


def head_context(request: HttpRequest, vm: Vm, section: str) -> dict[str, Any]:
    """What the head of each of an instance's pages needs: its state, its job, its verbs, and the other pages."""
    sees_everything = fleet.sees_everything(request.user)
    shown_vm = ShownVm(vm, request.user)
    return {
        "vm": shown_vm,
        "heading": heading(sees_everything),
        "tabs": sections.tabs(request.user, vm, section),
        "failure": _failure(vm, request.user),
        "waiting": hardware.waiting(vm),
        "sees_nodes": sees_everything,
        "live_seconds": LIVE_SECONDS_WORKING if shown_vm.is_working else LIVE_SECONDS,
        **_trouble([vm.cluster], Counter({vm.cluster.slug: 1}), request.user),
    }


def render_section(
    request: HttpRequest, vm: Vm, section: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page about `vm` below the common head, which alone renews itself: what people fill in stays as it is."""
    inventories.look_at([vm.cluster.slug])
    if request.method in ("GET", "HEAD") and request.htmx and request.htmx.target == "vm":  # type: ignore[attr-defined]
        return unless_unchanged(
            request,
            etag_of(request, vm.cluster.fingerprint),
            lambda: render(request, "clusters/instances/_section.html", head_context(request, vm, section)),
            as_of=vm.cluster.as_of,
        )
    return render(request, template, {**head_context(request, vm, section), **context}, status=status)


def heading(sees_everything: bool) -> str:
    return _("All VMs") if sees_everything else _("My VMs")


def _trouble(clusters: list[ClusterView], lives_on: Counter[str], reader: Any) -> dict[str, list[ShownCluster]]:
    """What is said above a page about clusters that are silent, never seen yet, or only to be looked at."""

    def said(about: Iterable[ClusterView]) -> list[ShownCluster]:
        return [shown.shown_cluster(view, reader, lives_on[view.slug]) for view in about]

    return {
        "silent": said(view for view in clusters if view.is_silent),
        "read_only": said(view for view in clusters if not view.may_change and lives_on[view.slug]),
    }


def _failure(vm: Vm, reader: Any) -> ShownJob | None:
    """The last change, if it did not succeed, for a day or until the next one."""
    last = Job.objects.filter(cluster=vm.cluster.pk, instance=vm.name).first()
    failed = last is not None and last.state in (Job.State.FAILED, Job.State.CANCELED, Job.State.UNKNOWN)
    if last is None or not failed or last.created < timezone.now() - FAILURE_STAYS:
        return None
    failure = ShownJob.of(last, reader, vm.cluster.slug)
    if "image" in last.details and permissions.may_operate(reader, vm):
        return replace(failure, again_url=reverse("instance-reinstall", args=[vm.cluster.slug, vm.name]))
    return failure
