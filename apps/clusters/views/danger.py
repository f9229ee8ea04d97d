"""What cannot be taken back: the danger zone, the pages that say what is lost, and the page behind the mailed link."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.looks import Text
from apps.audit.models import Actor
from apps.clusters import actions, confirmations, permissions, problems, systems
from apps.clusters.danger_forms import FORMS, DestroyForm
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.models import InstanceAction
from apps.clusters.permissions import instance_or_404
from apps.clusters.shown import ShownVm
from apps.clusters.views.instances import nothing_known, render_section

Kind = InstanceAction.Kind


@dataclass(frozen=True, slots=True)
class Look:
    """How a kind of action is shown: what it is called in addresses and templates, its icon, what it does."""

    name: str
    url_name: str
    icon: str
    text: Text


LOOKS: dict[int, Look] = {
    Kind.RENAME: Look(
        "rename",
        "instance-rename",
        "pencil",
        gettext_lazy("A new host name. A running VM is stopped for it; DNS is yours to change."),
    ),
    Kind.REINSTALL: Look(
        "reinstall",
        "instance-reinstall",
        "disc",
        gettext_lazy("Writes a fresh system over its disk. Everything on it is lost; addresses stay."),
    ),
    Kind.DESTROY: Look(
        "destroy", "instance-destroy", "trash3", gettext_lazy("Removes the VM, its disks and its addresses.")
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the danger zone: a kind of action, why it is off, and what its reader has asked for already."""

    kind: int
    label: Text
    look: Look
    url: str
    why_not: str | Promise
    asked: InstanceAction | None


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def danger(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """The danger zone; a POST withdraws what was asked for and not confirmed yet."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="operate")
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    if request.method == "POST":
        return _withdrawn(request, vm)
    return render_section(request, vm, "danger", "clusters/danger/zone.html", {"rows": _rows(request.user, vm)})


def _rows(user: Any, vm: Vm) -> list[Row]:
    asked = {action.kind: action for action in confirmations.pending(user, vm)}
    where = [vm.cluster.slug, vm.name]
    return [
        Row(
            kind,
            Kind(kind).label,
            look,
            reverse(look.url_name, args=where),
            confirmations.why_not(user, vm, kind),
            asked.get(Kind(kind)),
        )
        for kind, look in LOOKS.items()
    ]


def _withdrawn(request: HttpRequest, vm: Vm) -> HttpResponse:
    kinds = {look.name: kind for kind, look in LOOKS.items()}
    kind = kinds.get(request.POST.get("withdraw", ""))
    if kind and confirmations.withdraw(request.user, vm, kind):
        messages.success(request, _("Withdrawn. The link in the mail does not work any more."))
    else:
        messages.error(request, _("There is nothing to withdraw."))
    return redirect("instance-danger", vm.cluster.slug, vm.name)


# ---- asking -------------------------------------------------------------------------------------------------


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST", "DELETE"])
def destroy(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """Scripts of ganetimgr 2.x ask by DELETE."""
    return _asking(request, cluster_slug, instance, Kind.DESTROY)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reinstall(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    return _asking(request, cluster_slug, instance, Kind.REINSTALL)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    return _asking(request, cluster_slug, instance, Kind.RENAME)


def _asking(request: HttpRequest, slug: str, name: str, kind: Kind) -> HttpResponse:
    """A page that says what will be lost; its form has the link mailed."""
    is_script = request.method == "DELETE" or request.headers.get("X-Requested-With") == "XMLHttpRequest"
    try:
        vm = instance_or_404(request.user, slug, name, may="operate")
    except NothingKnown as unknown:
        if is_script:
            return _told(problems.nothing_known(unknown.cluster.label), done=False)
        return nothing_known(request, name, unknown)
    if request.method in ("GET", "HEAD"):
        return _page(request, vm, kind, FORMS[kind](None, vm))
    form = FORMS[kind](request.POST, vm, is_script=is_script)
    is_asked = form.is_valid() and _asked(request, vm, kind, form)
    if is_script:
        return _told(_mailed(request) if is_asked else _first_error(form), done=is_asked)
    if not is_asked:
        return _page(request, vm, kind, form)
    messages.success(request, _mailed(request))
    return redirect("instance-danger", slug, name)


def _asked(request: HttpRequest, vm: Vm, kind: Kind, form: DestroyForm) -> bool:
    try:
        confirmations.ask(request, vm, kind, **form.details)
    except actions.Refused as refused:
        form.add_error(None, str(refused))
        return False
    return True


def _mailed(request: HttpRequest) -> str:
    user: Any = request.user
    return _("A link is on its way to %(email)s. Nothing happens before you have opened it.") % {"email": user.email}


def _first_error(form: DestroyForm) -> str:
    return next(str(errors[0]) for errors in form.errors.values())


def _told(sentence: str, *, done: bool) -> HttpResponse:
    return JsonResponse({"action": sentence}, status=200 if done else 409)


def _page(request: HttpRequest, vm: Vm, kind: Kind, form: DestroyForm) -> HttpResponse:
    context = {
        **_about(request, vm, kind),
        "form": form,
        "why_not": confirmations.why_not(request.user, vm, kind) or confirmations.no_address(request.user),
        "days": settings.INSTANCE_ACTION_ACTIVE_DAYS,
        "is_outdated": kind == Kind.REINSTALL and vm.instance.image and not systems.offered_as(vm.instance.image),
        "asked": next((one for one in confirmations.pending(request.user, vm) if one.kind == kind), None),
    }
    return render(request, "clusters/danger/ask.html", context)


def _about(request: HttpRequest, vm: Vm, kind: int) -> dict[str, Any]:
    """What every page about one kind of action tells of the VM."""
    user: Any = request.user
    return {
        "vm": ShownVm(vm, user),
        "kind": Kind(kind),
        "look": LOOKS[kind],
        "is_stopped_first": confirmations.is_stopped_first(vm),
        "other_users": [name for name in vm.tags.users if name != user.get_username()],
    }


# ---- the mailed link ------------------------------------------------------------------------------------------


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, key: str, action_id: int) -> HttpResponse:
    """The page behind the link: says once more what will be lost. Its button does the deed, once."""
    action = confirmations.find(key, action_id)
    if action is None:
        return _no_use(request, "unknown", 404)
    if not action.is_good:
        return _no_use(request, "used" if action.used else "expired", 410)
    try:
        vm = permissions.instance_to_confirm(request.user, action)
    except PermissionDenied:
        confirmations.report(request, action)
        raise
    except NothingKnown as unknown:
        return nothing_known(request, action.instance, unknown)
    if vm is None:
        return _no_use(request, "gone", 410)
    if request.method == "POST":
        return _confirmed(request, action, vm)
    return _review(request, action, vm, confirmations.why_not_so(request.user, vm, action))


def _confirmed(request: HttpRequest, action: InstanceAction, vm: Vm) -> HttpResponse:
    try:
        row = confirmations.confirm(action, vm, Actor.of(request))
    except actions.Refused as refused:
        return _review(request, action, vm, str(refused), status=409)
    messages.success(request, actions.told(row))
    if action.kind == Kind.DESTROY:
        return redirect("user-instances")
    return redirect("instance-detail", vm.cluster.slug, vm.name)


def _review(
    request: HttpRequest, action: InstanceAction, vm: Vm, why_not: str | Promise, *, status: int = 200
) -> HttpResponse:
    context = {
        **_about(request, vm, action.kind),
        "action": action,
        "system": dict(systems.choices()).get(action.details.get("image", ""), ""),
        "why_not": why_not,
    }
    return render(request, "clusters/danger/review.html", context, status=status)


def _no_use(request: HttpRequest, why: str, status: int) -> HttpResponse:
    return render(request, "clusters/danger/no_use.html", {"why": why}, status=status)
