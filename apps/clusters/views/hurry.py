"""The button "Collect now"; its address is named after what it did in ganetimgr 2.x, where scripts know it."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.redirects import is_script, own_page
from apps.clusters import inventories, leases
from apps.clusters.permissions import may_hurry
from ganeti.inventory import StoreDown

log = logging.getLogger(__name__)


@login_required
@require_POST
def collect_now(request: HttpRequest) -> HttpResponse:
    """Asks the watchers to look at every cluster now. Nobody waits for Ganeti here."""
    is_asked_by_script = is_script(request)
    if not may_hurry(request.user):
        if is_asked_by_script:
            return JsonResponse({"error": "Violation"}, status=403)
        raise PermissionDenied(_("Only the help desk and administrators may ask for this."))
    sentence = _ask()
    if is_asked_by_script:
        return JsonResponse({"error": sentence} if sentence else {"result": "Success"}, status=503 if sentence else 200)
    if sentence:
        messages.error(request, sentence)
    else:
        messages.success(request, _("All clusters are being looked at now."))
    return redirect(own_page(request, request.POST.get("next", ""), resolve_url("user-instances")))


def _ask() -> str:
    """The sentence that says why nobody will look; empty when somebody will."""
    try:
        inventories.hurry()
    except StoreDown as error:
        log.warning("The snapshot store does not answer: %s", error)
        return _("The place where watchers are told does not answer. Try again in a moment.")
    if not leases.somebody_watches():
        return _("No watcher is running, so nobody looks at the clusters. The operators of this site can start one.")
    log.info("All clusters are to be looked at now.")
    return ""
