"""An instance in short, for the helpdesk's lists: asked for when somebody wants it, not sent with every row."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.clusters.contacts import Owners
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.permissions import instance_for_desk
from apps.clusters.shown import ShownVm


@login_required
@require_safe
def popup(request: HttpRequest) -> HttpResponse:
    """A part of a page: the same facts as the instance's page, its owners with names and addresses, and its verbs."""
    try:
        vm = instance_for_desk(request.user, request.GET.get("cluster", ""), request.GET.get("instance", ""))
    except NothingKnown as unknown:
        raise Http404(_("Nothing is known of it just now.")) from unknown
    context = {
        "vm": ShownVm(vm, request.user),
        "people": Owners.of(vm.tags),
        "sees_nodes": True,
        "owners_url": reverse("instance-access", args=[vm.cluster.slug, vm.name]),
        "notify_url": _notify_url(vm),
        "history_url": reverse("instance-history", args=[vm.cluster.slug, vm.name]),
    }
    response = render(request, "clusters/instances/_popup.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _notify_url(vm: Vm) -> str:
    """Where the helpdesk writes to its owners, in a higher room; empty where this site has no such page."""
    try:
        return f"{reverse('notify', args=[vm.name])}?{urlencode({'cluster': vm.cluster.slug})}"
    except NoReverseMatch:
        return ""
