"""The console's page, and the tickets that it asks for; the screen itself comes from another process, see console/."""

import logging
from collections.abc import Callable
from typing import Any, cast

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import locks, problems, screens
from apps.clusters.console import endings, tickets, vncauthproxy
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.permissions import instance_or_404
from apps.clusters.shown import ShownVm
from apps.clusters.views.instances import nothing_known, render_section

log = logging.getLogger(__name__)

LOST = 1006  # what a browser says itself when a connection ends without a word
PASTE_AT_MOST = 2000  # characters

# What the page says when a console ends, and whether it tries again by itself.
WORDS: dict[int, tuple[str | Promise, bool]] = {
    endings.SCREEN_CLOSED.code: (gettext_lazy("The VM closed its screen: it was stopped, restarted or moved."), True),
    endings.NODE_SILENT.code: (gettext_lazy("The machine that this VM runs on does not show its screen."), True),
    endings.STOPPING.code: (gettext_lazy("The console is being restarted."), True),
    endings.OUT_OF_ORDER.code: (gettext_lazy("Something that the console needs does not answer."), True),
    endings.BROWSER_SILENT.code: (gettext_lazy("The connection was lost."), True),
    LOST: (gettext_lazy("The connection was lost."), True),
    endings.NOT_ALLOWED.code: (gettext_lazy("You may not use this console, or not any more."), False),
    endings.SESSION_ENDED.code: (gettext_lazy("Your session has ended. Sign in to go on."), False),
    endings.NO_SCREEN.code: (gettext_lazy("This VM has no screen to show now."), False),
    endings.TOO_MANY.code: (gettext_lazy("Too many consoles are open here now. Try again later."), False),
    endings.TOO_MANY_OF_YOURS.code: (
        gettext_lazy("You have too many consoles open. Close one, then try again."),
        False,
    ),
    endings.WANTS_TLS.code: (gettext_lazy("This VM's screen speaks TLS, which the console does not."), False),
    endings.WANTS_PASSWORD.code: (
        gettext_lazy("This VM's screen wants a password that this site does not know."),
        False,
    ),
    endings.NOT_VNC.code: (gettext_lazy("What answers in the place of this VM's screen is none."), False),
}


@login_required
@require_safe
@never_cache
def console(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """The screen of a VM, or the sentence that says why there is none to see."""
    _exists()
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="operate")
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    why_not = locks.why_no_console(request.user, vm)
    if why_not or request.htmx:  # type: ignore[attr-defined]
        context = {"why_not": why_not, "again_url": request.path}
        return render_section(request, vm, "console", "clusters/instances/no_console.html", context)
    elsewhere = _elsewhere(request)

    @csp_update({"connect-src": [elsewhere]} if elsewhere else {})
    def page(request: HttpRequest) -> HttpResponse:
        return render(request, "clusters/instances/console.html", _context(request, vm))

    return cast(HttpResponse, page(request))


def _context(request: HttpRequest, vm: Vm) -> dict[str, Any]:
    slug, name = vm.cluster.slug, vm.name
    return {
        "vm": ShownVm(vm, request.user),
        "back_url": reverse("instance-detail", args=[slug, name]),
        "ticket_url": reverse("instance-novnc-proxy", args=[slug, name]),
        "proxy_tls": settings.NOVNC_USE_TLS,
        "endings": [{"code": code, "words": words, "again": again} for code, (words, again) in WORDS.items()],
        "paste_at_most": PASTE_AT_MOST,
    }


def _elsewhere(request: HttpRequest) -> str:
    """What the page's policy must allow beside the site's own address: where the console is, if it is elsewhere."""
    if settings.NOVNC_PROXY:
        return f"{'wss' if settings.NOVNC_USE_TLS else 'ws'}://{settings.NOVNC_PROXY.rpartition(':')[0]}:*"
    return tickets.base_of(request)


@login_required
@require_POST
@never_cache
def ticket(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """{"url": where the browser connects, once, soon}; with NOVNC_PROXY [host, port, password], as in ganetimgr 2.x.

    Where there is no console now: 409 and {"error": sentence}.
    """
    _exists()
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="operate")
    except NothingKnown as unknown:
        return _refusal(problems.nothing_known(unknown.cluster.label))
    why_not = locks.why_no_console(request.user, vm)
    if why_not:
        return _refusal(why_not)
    give: Callable[[HttpRequest, Vm], HttpResponse] = _by_the_old_proxy if settings.NOVNC_PROXY else _our_ticket
    return give(request, vm)


def _our_ticket(request: HttpRequest, vm: Vm) -> HttpResponse:
    return JsonResponse({"url": tickets.address_of(request, tickets.issue(request, vm))})


def _by_the_old_proxy(request: HttpRequest, vm: Vm) -> HttpResponse:
    """The proxy says nothing when a console ends: the history knows the beginning only."""
    target = screens.address(vm)
    if target is None:
        return _refusal(_("Ganeti names no port for its screen."))
    entry = audit.record(Actor.of(request), events.CONSOLE_OPENED, cluster=vm.cluster.slug, instance=vm.name)
    try:
        way = vncauthproxy.ask(settings.NOVNC_PROXY, target, tls=settings.NOVNC_USE_TLS)
    except vncauthproxy.ProxyFailed as failed:
        log.warning("The console proxy gave no port: %s", failed)
        audit.conclude(entry.pk, AuditEntry.Outcome.FAILED)
        return _refusal(_("The console proxy does not let anybody through now. Try again later."), status=503)
    audit.conclude(entry.pk, AuditEntry.Outcome.SUCCEEDED)
    return JsonResponse(way, safe=False)


def _refusal(sentence: str | Promise, status: int = 409) -> HttpResponse:
    return JsonResponse({"error": str(sentence)}, status=status)


def _exists() -> None:
    if not settings.WEBSOCK_VNC_ENABLED:
        raise Http404(_("This site has no console."))
