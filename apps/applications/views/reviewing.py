"""The administrators' side: what waits, and deciding it."""

import contextlib
from collections.abc import Callable
from copy import copy
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.retelling import retold
from apps.applications import creation, decisions, placement, places
from apps.applications.applicants import history_of, vms_of
from apps.applications.decisions import Refused
from apps.applications.forms.listing import ApplicationSearchForm
from apps.applications.forms.reviewing import ReviewForm, initial_of
from apps.applications.models import InstanceApplication
from apps.applications.permissions import application_for_review, may_review, may_see_all
from apps.applications.placement import ClusterOffer
from apps.applications.shown import ShownApplication, with_last_word
from apps.audit.models import Actor

PER_PAGE = 50
OTHERS_SHOWN = 8
SIZES = {"memory": 1024, "vcpus": 1, "disk_size": 5}  # what the form for a VM of one's own begins with


# ---- the list ---------------------------------------------------------------------------------------------------


@login_required
@require_safe
@vary_on_headers("HX-Request")
def application_list(request: HttpRequest) -> HttpResponse:
    """Every application: those that wait first, the oldest of them on top; then the others, the newest on top."""
    if not may_see_all(request.user):
        raise PermissionDenied(_("Applications are for those who decide them."))
    form = ApplicationSearchForm(request.GET)
    waiting = with_last_word(InstanceApplication.objects.waiting()).order_by("filed", "pk")
    context = {
        "waiting": _page_of(request, waiting, "waiting"),
        "page": _page_of(request, form.apply(), "page"),
        "chips": form.chips,
        "form": form,
        "is_filtered": form.is_narrowed,
        "may_review": may_review(request.user),
    }
    part = "_list" if request.htmx else "list"  # type: ignore[attr-defined]
    return render(request, f"applications/{part}.html", context)


def _page_of(request: HttpRequest, rows: Any, key: str) -> Any:
    page: Any = Paginator(rows.select_related("applicant", "cluster"), PER_PAGE).get_page(request.GET.get(key))
    page.object_list = [ShownApplication(application, for_reviewers=True) for application in page.object_list]
    return page


# ---- deciding ---------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, application_id: int) -> HttpResponse:
    """One application, everything editable, with the places where it could go; by POST one of the decisions."""
    application = application_for_review(request.user, application_id)
    offers = placement.offers()
    if request.method == "POST":
        return _decide(request, application, offers)
    if not application.is_waiting:
        return redirect("application-detail", application_id)
    return _page(request, ReviewForm(initial=initial_of(application), application=application, offers=offers))


def _decide(request: HttpRequest, application: InstanceApplication, offers: list[ClusterOffer]) -> HttpResponse:
    """Does what was asked for. What the reviewer saw decides: whoever was faster wins, nobody loses what they typed."""
    verb = request.POST.get("do", "")
    form = ReviewForm(request.POST, application=application, offers=offers, verb=verb)
    if not application.is_waiting:
        return _too_late(request, form, application)
    if verb not in VERBS or not form.is_valid():  # another cluster or group was chosen, or something is to be changed
        return _page(request, form)
    application.version = form.cleaned_data["version"] or application.version
    try:
        told = VERBS[verb](application, form, Actor.of(request))
    except Refused as refusal:
        application.refresh_from_db()
        if not application.is_waiting:
            return _too_late(request, form, application)
        form.renew(application)
        return _page(request, form, failed=str(refusal), differences=form.differences)
    if verb in ENDS:
        messages.success(request, told)
        return redirect("application-list")
    form.renew(application, **({"words": ""} if verb == "ask" else {}))
    return _page(request, form, told=told)


def _too_late(request: HttpRequest, form: ReviewForm, application: InstanceApplication) -> HttpResponse:
    """Somebody has decided. Who clicked twice sees what came of it; another one keeps what they typed, and is told."""
    if application.reviewer_id == request.user.pk:
        return redirect("application-detail", application.pk)
    return _page(request, form, failed=decisions.meanwhile(application))


def _accept(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.change(application, by, form.asked_for)
    decisions.approve(application, by, form.placement, form.cleaned_data["words"])
    creation.submit(application, by)
    return _("%(name)s is being made.") % {"name": application.hostname}


def _try(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    """With what stands in the form; nothing of it is saved."""
    as_typed = copy(application)
    for name, value in form.asked_for.items():
        setattr(as_typed, name, value)
    application.dry_run = creation.try_out(as_typed, by, form.placement)
    return ""


def _reject(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.refuse(application, by, form.cleaned_data["words"])
    return _("The application for %(name)s is rejected.") % {"name": application.hostname} + _left_over(application)


def _ask(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.ask(application, by, form.cleaned_data["words"])
    return _("Your question is sent.")


def _discard(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.discard(application, by)
    return _("The application for %(name)s is discarded.") % {"name": application.hostname} + _left_over(application)


def _left_over(application: InstanceApplication) -> str:
    """What Ganeti kept of a failed try stays, in its applicant's list: whoever ends the application hears of it."""
    kept = ", ".join(f"{one.name} ({one.cluster})" for one in creation.made_for(application))
    if not kept:
        return ""
    return " " + _("Ganeti keeps what the failed try left, tagged with its owner: %(what)s. Remove it there.") % {
        "what": kept
    }


def _save(application: InstanceApplication, form: ReviewForm, by: Actor) -> str:
    decisions.change(application, by, form.asked_for)
    decisions.plan(application, form.placement)
    return _("Saved. The applicant sees the changes in the history.")


VERBS: dict[str, Callable[[InstanceApplication, ReviewForm, Actor], str]] = {
    "accept": _accept,
    "try": _try,
    "reject": _reject,
    "ask": _ask,
    "discard": _discard,
    "save": _save,
}
ENDS = ("accept", "reject", "discard")


# ---- a VM of one's own ------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A reviewer's own VM: made at once on clusters with fast creation, else an application that waits for review."""
    if not may_review(request.user):
        raise PermissionDenied(_("VMs are made by those who decide applications."))
    offers = placement.offers()
    if request.method != "POST":
        return _page(request, ReviewForm(initial=SIZES, offers=offers))
    verb = request.POST.get("do", "")
    form = ReviewForm(request.POST, offers=offers, verb=verb)
    if verb != "accept" or not form.is_valid():
        return _page(request, form)
    try:
        return _created(form, Actor.of(request))
    except Refused as refusal:
        form.add_error("hostname", str(refusal))
        return _page(request, form)


def _created(form: ReviewForm, by: Actor) -> HttpResponse:
    chosen = form.placement
    if not form.offers[chosen.cluster].fast_create:
        application = decisions.file(by, form.asked_for)
        decisions.plan(application, chosen)
        return redirect("application-review", application.pk)
    application = decisions.file_approved(by, form.asked_for, chosen)
    with contextlib.suppress(Refused):  # its page says why
        creation.submit(application, by)
    return redirect("application-detail", application.pk)


# ---- the page ---------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, form: ReviewForm, **said: Any) -> HttpResponse:
    """The form with the table of places. `said`: told, failed (sentences), differences."""
    application, wish = form.application, form.wish
    chosen = places.settled(form.placement, form.offers.values(), wish)
    offer = form.offers.get(chosen.cluster)
    context = {
        "form": form,
        "chosen": chosen,
        "places": places.table(form.offers.values(), chosen, wish),
        "wish": wish,
        "offer": offer,
        "group": offer.group(chosen.node_group) if offer else None,
        "application": ShownApplication(application, for_reviewers=True) if application else None,
        **(_about(application) if application else {}),
        **said,
    }
    return render(request, "applications/review.html", context)


def _about(application: InstanceApplication) -> dict[str, Any]:
    others = InstanceApplication.objects.waiting().exclude(pk=application.pk).order_by("filed", "pk")
    trial = application.dry_run
    return {
        "trial": trial,
        "trial_works": trial is not None and trial.is_unfinished,
        "trial_words": retold(trial.error) if trial else "",
        "has_remains": application.status == InstanceApplication.Status.FAILED and creation.remains(application),
        "history": history_of(application),
        "vms": vms_of(application.applicant),
        "others": [ShownApplication(row) for row in others.select_related("applicant")[:OTHERS_SHOWN]],
        "other_count": others.count(),
    }
