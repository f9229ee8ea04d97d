"""One verb for many VMs: what will happen, doing it, how far it is, canceling what has not begun."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.looks import Status
from accounts.redirects import is_script
from accounts.retelling import retold
from accounts.templatetags.look import counted_vms
from apps.audit.models import Actor
from apps.clusters import bulk, fleet, shown, steps, words
from apps.clusters.actions import Refused
from apps.clusters.bulk import Name, Progress
from apps.clusters.fleet import Fleet
from apps.clusters.forms import CountForm, InstanceSearchForm
from apps.clusters.models import Batch, Cluster, Job
from apps.clusters.permissions import batch_or_404
from apps.clusters.shown import ICONS
from apps.clusters.views.etag import etag_of, unless_unchanged

LIVE_SECONDS = 1.5
PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Group:
    """Names that have something in common: a cluster, or why they are left out."""

    title: str
    names: list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one instance, or how far it is."""

    name: str
    cluster: str
    url: str
    status: Status
    job_id: int | None
    job_url: str
    note: str


# ---- choosing -----------------------------------------------------------------------------------------------


@login_required
@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    """What was ticked in the list, or all that its filter finds, becomes a proposal, which is read on its own page."""
    query = request.GET.urlencode()
    try:
        batch = bulk.propose(request.user, request.POST.get("do", ""), _chosen(request), query)
    except Refused as refused:
        return _answer(request, str(refused), _list_url(query), done=False)
    return _answer(request, _proposed(batch), _url(batch), say=False)


def _chosen(request: HttpRequest) -> list[Name]:
    """(cluster's slug, instance's name) of each."""
    if not request.POST.get("all"):
        ticked = (value.partition("/") for value in request.POST.getlist("vm"))
        return [(slug[:50], name[:255]) for slug, _slash, name in ticked]
    form = InstanceSearchForm(request.GET, Fleet(request.user))
    if form.errors:  # the list shows everything then; here that would be too much
        raise Refused(_("This filter is not known. Go back to the list, and choose anew."))
    found = form.apply()
    if len(found) > bulk.MOST:
        raise Refused(bulk.too_many(len(found)))
    return [(instance.cluster, instance.name) for instance in found[:]]


# ---- the page -----------------------------------------------------------------------------------------------


@login_required
@require_safe
@vary_on_headers("HX-Request")
def look(request: HttpRequest, number: int) -> HttpResponse:
    """Before it has begun: what will happen. Afterwards: what became of each VM."""
    batch = batch_or_404(request.user, number)
    if not batch.begun:
        return _review(request, batch, CountForm(None, len(batch.goes)))
    done = bulk.progress(batch)
    jobs = batch.jobs.select_related("cluster").order_by("pk")
    page: Any = Paginator(jobs, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)

    def show() -> HttpResponse:
        part = "clusters/bulk/_progress.html" if request.htmx else "clusters/bulk/progress.html"  # type: ignore[attr-defined]
        page.object_list = [_result(row, request.user) for row in rows]
        return render(request, part, _progress_context(request, batch, done, page))

    state = [(row.pk, row.state, row.job_id, row.ganeti_status) for row in rows]
    return unless_unchanged(request, etag_of(request, batch.pk, done, state), show)


def _review(request: HttpRequest, batch: Batch, form: CountForm) -> HttpResponse:
    number = len(batch.goes)
    context = {
        **_about(request, batch, number),
        "button": _("%(verb)s %(vms)s") % {"verb": batch.verb.label, "vms": counted_vms(number)},
        "number": number,
        "clusters": _by_cluster(batch, request.user),
        "form": form if number > bulk.TYPED_ABOVE else None,
        "at_once": steps.AT_ONCE,
    }
    return render(request, "clusters/bulk/review.html", context)


def _progress_context(request: HttpRequest, batch: Batch, done: Progress, page: Any) -> dict[str, Any]:
    return {
        **_about(request, batch, done.total),
        "progress": done,
        "status": _state(done),
        "page": page,
        "live_seconds": 0 if done.is_over else LIVE_SECONDS,
        "who": "" if batch.requested_by_id == request.user.pk else batch.requester_name,
    }


def _about(request: HttpRequest, batch: Batch, number: int) -> dict[str, Any]:
    return {
        "batch": batch,
        "heading": _("%(verb)s: %(vms)s") % {"verb": batch.verb.label, "vms": counted_vms(number)},
        "icon": ICONS[batch.verb],
        "left_out": _by_reason(batch, request.user),
        "left_out_count": len(batch.left_out),
        "list_url": _list_url(batch.query if batch.requested_by_id == request.user.pk else ""),
        "list_name": _("All VMs") if fleet.sees_everything(request.user) else _("My VMs"),
    }


def _by_cluster(batch: Batch, reader: Any) -> list[Group]:
    labels = _labels(reader)
    return _grouped((labels.get(slug, slug), name) for slug, name in batch.goes)


def _by_reason(batch: Batch, reader: Any) -> list[Group]:
    """Each sentence in the reader's language, with the names that it is about."""
    labels = _labels(reader)
    is_on_many = len({slug for slug, _name, _why in batch.left_out}) > 1
    told = {sentence: retold(sentence) for _slug, _name, sentence in batch.left_out}
    return _grouped(
        (told[sentence], f"{name} ({labels.get(slug, slug)})" if is_on_many else name)
        for slug, name, sentence in batch.left_out
    )


def _grouped(titled: Iterable[tuple[str, str]]) -> list[Group]:
    groups: dict[str, list[str]] = {}
    for title, name in titled:
        groups.setdefault(title, []).append(name)
    return [Group(title, sorted(names)) for title, names in sorted(groups.items())]


def _labels(reader: Any) -> dict[str, str]:
    """What `reader` calls the clusters, by slug."""
    clusters = Cluster.objects.all()
    sees_everything = fleet.sees_everything(reader)
    return {cluster.slug: cluster.slug if sees_everything else cluster.label for cluster in clusters}


def _result(row: Job, reader: Any) -> Result:
    name = row.cluster.slug if fleet.sees_everything(reader) else row.cluster.label
    url = reverse("instance-detail", args=[row.cluster.slug, row.instance])
    job_url = shown.job_url(row.cluster.slug, row.job_id, reader)
    return Result(row.instance, name, url, words.of_turn(row), row.job_id, job_url, retold(row.error))


def _state(done: Progress) -> Status:
    """How the whole of it is."""
    if not done.is_over:
        return Status(_("At work"), "arrow-repeat", "work")
    if done.failed:
        return Status(_("Ended, not all went well"), "exclamation-triangle-fill", "warn")
    if done.canceled:
        return Status(_("Ended, in part canceled"), "slash-circle", "idle")
    return Status(_("Ended"), "check-circle-fill", "ok")


# ---- doing --------------------------------------------------------------------------------------------------


@login_required
@require_POST
def begin(request: HttpRequest, number: int) -> HttpResponse:
    """Does what was proposed, once."""
    batch = batch_or_404(request.user, number)
    form = CountForm(request.POST, len(batch.goes))
    if not batch.begun and len(batch.goes) > bulk.TYPED_ABOVE and not form.is_valid():
        if is_script(request):
            return JsonResponse({"action": form.errors["count"][0]}, status=409)
        return _review(request, batch, form)
    if batch.requested_by_id != request.user.pk:
        raise PermissionDenied(_("Only who has chosen these VMs can begin."))
    try:
        batch = bulk.begin(batch, Actor.of(request))
    except Refused as refused:
        return _answer(request, str(refused), _url(batch), done=False)
    return _answer(request, _begun(batch), _url(batch))


@login_required
@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Ends what has not begun."""
    batch = batch_or_404(request.user, number)
    dropped = bulk.cancel(batch, Actor.of(request)) if batch.begun else 0
    if not dropped:
        return _answer(request, _("There is nothing left that has not begun."), _url(batch), done=False)
    told = ngettext("%(n)s VM was canceled before it began.", "%(n)s VMs were canceled before they began.", dropped)
    return _answer(request, told % {"n": dropped} + _what_goes_on(bulk.progress(batch)), _url(batch))


def _what_goes_on(done: Progress) -> str:
    if not done.working:
        return ""
    goes_on = ngettext("%(n)s that Ganeti has already goes on.", "%(n)s that Ganeti has already go on.", done.working)
    return " " + goes_on % {"n": done.working}


def _proposed(batch: Batch) -> str:
    return _("%(verb)s: %(vms)s; left out: %(left)s. Nothing has begun yet.") % {
        "verb": batch.verb.label,
        "vms": counted_vms(len(batch.goes)),
        "left": len(batch.left_out),
    }


def _begun(batch: Batch) -> str:
    """What its author is told; what was taken by others in the last moment is on the page."""
    number = batch.jobs.count()
    if not number:
        return _("None of these VMs can be changed any more. See below why.")
    return _("%(verb)s: %(vms)s, a few at a time.") % {"verb": batch.verb.label, "vms": counted_vms(number)}


def _url(batch: Batch) -> str:
    return reverse("instance-bulk-detail", args=[batch.pk])


def _list_url(query: str) -> str:
    return f"{resolve_url('user-instances')}?{query}" if query else resolve_url("user-instances")


def _answer(request: HttpRequest, told: str, url: str, *, done: bool = True, say: bool = True) -> HttpResponse:
    """{"action": sentence, "url": page} for scripts; browsers are sent to the page."""
    if is_script(request):
        return JsonResponse({"action": told, "url": url}, status=200 if done else 409)
    if say:
        (messages.success if done else messages.error)(request, told)
    return redirect(url)
