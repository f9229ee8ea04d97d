"""An instance in short, for the helpdesk's lists: asked for when somebody wants it, not sent with every row."""

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
        "owners_url": _address("instance-tags", vm),
        "notify_url": _address("notify", vm),
        "history_url": _address("instance-history", vm),
    }
    response = render(request, "clusters/instances/_popup.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _address(url_name: str, vm: Vm) -> str:
    """A page about this instance; empty where this site has none of that name."""
    try:
        return reverse(url_name, args=[vm.cluster.slug, vm.name])
    except NoReverseMatch:
        return ""
