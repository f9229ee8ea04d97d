"""The settings of an instance: its virtual hardware, and who may reach it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.looks import Text
from apps.audit.models import Actor
from apps.clusters import actions, cdrom, inventories, locks, permissions, problems
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.hardware import Hardware
from apps.clusters.hardware_form import HardwareForm
from apps.clusters.models import Job
from apps.clusters.permissions import instance_or_404
from apps.clusters.views import access, instances
from apps.clusters.views.etag import etag_of, unless_unchanged
from ganeti.hypervisors import CDROM_IMAGE_PATH


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def instance_settings(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """What can be set, for whoever may look; set by whoever may operate the instance."""
    is_post = request.method == "POST"
    own = reverse("instance-settings", args=[cluster_slug, instance])
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="operate" if is_post else "look")
    except NothingKnown as unknown:
        if not is_post:
            return instances.nothing_known(request, instance, unknown)
        messages.error(request, problems.nothing_known(unknown.cluster.label))
        return redirect(own)
    form = HardwareForm(request.POST if is_post else None, Hardware(vm))
    if is_post and _is_done(request, vm, form):
        return redirect(own)
    if is_post and request.path != own:
        return redirect(own, preserve_request=True)  # where the mistake can be mended
    return _page(request, vm, form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance_page(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """The overview; ganetimgr 2.x had the form for the settings on this page, and took it at this address."""
    view = instance_settings if request.method == "POST" else instances.instance_detail
    return view(request, cluster_slug, instance)


def _is_done(request: HttpRequest, vm: Vm, form: HardwareForm) -> bool:
    """Saves what was sent. False where the form has to be mended: why is said at its fields."""
    if not form.hardware.settable:
        messages.error(request, _("There is nothing that could be set here."))
        return True
    if not form.is_valid():
        return False
    if not form.changes:
        messages.info(request, _("Nothing has changed: %(name)s has these settings already.") % {"name": vm.name})
        return True
    if why_not := locks.why_not(request.user, vm, Job.Kind.MODIFY):
        form.add_error(None, str(why_not))
        return False
    warning = _warning_about_image(request, form)
    if form.errors or not _is_asked_for(request, vm, form):
        return False
    if warning:
        messages.warning(request, str(warning))
    return True


def _warning_about_image(request: HttpRequest, form: HardwareForm) -> Text:
    """Looks at the address of another CD image, outside of any transaction, for the server may take its time.

    What keeps it from being taken is said at its field.
    """
    if not form.new_image:
        return ""
    error, warning = cdrom.look_for(form.new_image, request.user)
    if error:
        form.add_error(CDROM_IMAGE_PATH, str(error))
    return warning


def _is_asked_for(request: HttpRequest, vm: Vm, form: HardwareForm) -> bool:
    changes, hardware = form.changes, form.hardware
    try:
        row = actions.request(
            vm,
            Job.Kind.MODIFY,
            Actor.of(request),
            then=hardware.mark_after(changes),
            hvparams=changes,
            before=hardware.before(changes),
        )
    except actions.Refused as refused:
        form.add_error(None, str(refused))
        return False
    messages.success(request, actions.told(row))
    return True


def _page(request: HttpRequest, vm: Vm, form: HardwareForm) -> HttpResponse:
    may_operate = permissions.may_operate(request.user, vm)
    context: dict[str, Any] = {
        "form": form,
        "hardware": form.hardware,
        "may_operate": may_operate,
        "is_running": vm.instance.is_running,
        "why_not": locks.why_not(request.user, vm, Job.Kind.MODIFY) if may_operate else "",
        "own_url": reverse("instance-settings", args=[vm.cluster.slug, vm.name]),
        "live_seconds": instances.LIVE_SECONDS,
    }
    # By its address, not by its target, or browsers would take the head that they keep for it.
    if request.method != "POST" and request.htmx and request.GET.get("part") == "hardware":  # type: ignore[attr-defined]
        inventories.look_at([vm.cluster.slug])
        return unless_unchanged(
            request,
            etag_of(request, vm.cluster.fingerprint),
            lambda: render(request, "clusters/instances/_hardware.html", context),
        )
    context |= access.context(request, vm)
    return instances.render_section(request, vm, "settings", "clusters/instances/settings.html", context)
