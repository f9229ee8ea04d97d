"""The administrators' side: what waits, and deciding it."""

import contextlib
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.applications import creation, decisions, placement
from apps.applications.decisions import ASKED_FOR, Refused
from apps.applications.forms.reviewing import ReviewForm, initial_of
from apps.applications.models import InstanceApplication
from apps.applications.permissions import application_for_review, may_review, may_see_all
from apps.applications.shown import ShownApplication
from apps.audit.models import Actor

PER_PAGE = 50
PLACES, SPEAKS = ("accept", "try"), ("reject", "ask")


@login_required
@require_safe
def application_list(request: HttpRequest) -> HttpResponse:
    """Every application: those that wait first, the oldest of them on top; then the others, the newest on top."""
    if not may_see_all(request.user):
        raise PermissionDenied(_("Applications are for those who decide them."))
    waiting = InstanceApplication.objects.waiting().select_related("applicant", "cluster").order_by("filed")
    rest = InstanceApplication.objects.exclude(status__in=InstanceApplication.FOR_ADMINISTRATORS)
    under_way = Case(
        When(status=InstanceApplication.Status.SUBMITTED, then=Value(0)), default=1, output_field=IntegerField()
    )
    rest = rest.select_related("applicant", "cluster", "job__cluster").order_by(under_way, "-filed", "-pk")
    query = request.GET.get("q", "").strip()
    if query:
        rest = rest.filter(hostname__icontains=query) | rest.filter(applicant__username__icontains=query)
    page: Any = Paginator(rest, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [ShownApplication(application) for application in page.object_list]
    context = {
        "waiting": [ShownApplication(application) for application in waiting[:500]],
        "page": page,
        "query": query,
        "may_review": may_review(request.user),
    }
    return render(request, "applications/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, application_id: int) -> HttpResponse:
    """One application, everything editable, with the places where it could go; by POST one of the decisions."""
    application = application_for_review(request.user, application_id)
    if not application.is_waiting:
        return redirect("application-detail", application_id)
    offers = placement.offers()
    if request.method != "POST":
        initial = {**first_choice(application, offers), **_filled(initial_of(application, ASKED_FOR))}
        form = ReviewForm(initial=initial, application=application, offers=offers)
        return _page(request, form, application)
    return _decide(request, application, offers)


def _decide(
    request: HttpRequest, application: InstanceApplication, offers: list[placement.ClusterOffer]
) -> HttpResponse:
    verb = request.POST.get("do", "")
    form = ReviewForm(
        request.POST, application=application, offers=offers, needs_placement=verb in PLACES, needs_words=verb in SPEAKS
    )
    if verb == "show" or not form.is_valid():  # another cluster or group was chosen: the page with its own choices
        return _page(request, form, application)
    # What the reviewer saw decides: whoever was faster wins.
    application.version = form.cleaned_data["version"] or application.version
    try:
        told = VERBS[verb](application, form, Actor.of(request)) if verb in VERBS else ""
    except Refused as refusal:
        messages.error(request, str(refusal))
        application.refresh_from_db()
        return (
            _page(request, form, application)
            if application.is_waiting
            else redirect("application-detail", application.pk)
        )
    if told:
        messages.success(request, told)
    return redirect(
        "application-list" if verb in ("accept", "reject", "discard") else "application-review",
        *_stays(verb, application),
    )


def _stays(verb: str, application: InstanceApplication) -> list[int]:
    return [] if verb in ("accept", "reject", "discard") else [application.pk]


def _accept(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.change(application, by, form.cleaned_data)
    decisions.approve(application, by, form.placement, form.cleaned_data["words"])
    creation.submit(application, by)
    return _("%(name)s is being made.") % {"name": application.hostname}


def _try(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.change(application, by, form.cleaned_data)
    creation.try_out(application, by, form.placement)
    return ""


def _reject(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.refuse(application, by, form.cleaned_data["words"])
    return _("The application for %(name)s is rejected.") % {"name": application.hostname}


def _ask(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.ask(application, by, form.cleaned_data["words"])
    return _("Your question is sent.")


def _discard(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.discard(application, by)
    return _("The application for %(name)s is discarded.") % {"name": application.hostname}


def _save(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.change(application, by, form.cleaned_data)
    return _("Saved.")


VERBS = {"accept": _accept, "try": _try, "reject": _reject, "ask": _ask, "discard": _discard, "save": _save}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A reviewer's own VM: made at once on clusters with fast creation, else an application that waits for review."""
    if not may_review(request.user):
        raise PermissionDenied(_("VMs are made by those who decide applications."))
    offers = placement.offers()
    if request.method != "POST":
        form = ReviewForm(initial={**SIZES, **first_choice(None, offers)}, offers=offers)
        return _page(request, form, None)
    verb = request.POST.get("do", "")
    form = ReviewForm(request.POST, offers=offers, needs_placement=verb == "accept")
    if verb != "accept" or not form.is_valid():
        return _page(request, form, None)
    by, chosen = Actor.of(request), form.placement
    offer = form.offers[chosen.cluster]
    try:
        if not offer.fast_create:
            application = decisions.file(by, form.cleaned_data)
            return redirect("application-review", application.pk)
        application = decisions.file_approved(by, form.cleaned_data, chosen)
    except Refused as refusal:
        form.add_error("hostname", str(refusal))
        return _page(request, form, None)
    with contextlib.suppress(Refused):  # its page says why
        creation.submit(application, by)
    return redirect("application-detail", application.pk)


SIZES = {"memory": 1024, "vcpus": 1, "disk_size": 5}


def first_choice(application: InstanceApplication | None, offers: list[placement.ClusterOffer]) -> dict[str, Any]:
    """The place that is chosen at first: the cluster of the wanted network, else the first where it fits."""
    wanted = application.wanted_network if application else None
    memory = application.memory if application else 0
    usable = [offer for offer in offers if not offer.why_not and offer.groups]
    usable.sort(key=lambda offer: wanted is None or offer.view.pk != wanted.cluster_id)
    for offer in usable:
        for group in offer.groups:
            if not group.why_not and group.roomiest >= memory:
                return _in_group(offer, group, f"hand:{wanted.pk}" if wanted else "")
    return {}


def _in_group(offer: placement.ClusterOffer, group: placement.GroupOffer, wanted: str) -> dict[str, Any]:
    networks = [network for network in group.networks if not network.why_not]
    networks.sort(key=lambda network: (network.value != wanted, not network.is_default))
    return {
        "cluster": offer.slug,
        "node_group": group.name,
        "network": networks[0].value if networks else "",
        "disk_template": offer.disk_templates[0] if offer.disk_templates else "",
        "vgs": placement.DEFAULT_VOLUME_GROUP,
    }


def _filled(initial: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in initial.items() if value not in ("", None)}


def _page(request: HttpRequest, form: ReviewForm, application: InstanceApplication | None) -> HttpResponse:
    offer = form.offer
    group = offer.group(str(form.value("node_group") or "")) if offer else None
    if offer and group is None and offer.groups:
        group = next((one for one in offer.groups if not one.why_not), offer.groups[0])
    trial = application.dry_run if application else None
    context = {
        "form": form,
        "application": ShownApplication(application) if application else None,
        "offers": list(form.offers.values()),
        "offer": offer,
        "group": group,
        "trial": trial,
        "trial_works": trial is not None and trial.is_unfinished,
        "history": InstanceApplication.objects.of(application.applicant).exclude(pk=application.pk)[:10]
        if application
        else [],
    }
    return render(request, "applications/review.html", context)
