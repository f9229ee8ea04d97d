"""Start, shut down, reboot: from a list's row, from an instance's page, or from a script."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.redirects import is_script, own_page
from apps.audit.models import Actor
from apps.clusters import actions, problems
from apps.clusters.fleet import NothingKnown
from apps.clusters.models import Job
from apps.clusters.permissions import instance_or_404


@login_required
@require_POST
def startup(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    return _do(request, cluster_slug, instance, Job.Kind.STARTUP)


@login_required
@require_POST
def shutdown(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    return _do(request, cluster_slug, instance, Job.Kind.SHUTDOWN)


@login_required
@require_POST
def reboot(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    return _do(request, cluster_slug, instance, Job.Kind.REBOOT)


def _do(request: HttpRequest, cluster_slug: str, name: str, kind: str) -> HttpResponse:
    try:
        vm = instance_or_404(request.user, cluster_slug, name, may="operate")
        told, done = actions.told(actions.request(vm, kind, Actor.of(request))), True
    except actions.Refused as refused:
        told, done = str(refused), False
    except NothingKnown as unknown:
        told, done = problems.nothing_known(unknown.cluster.label), False
    return _answer(request, cluster_slug, name, told, done)


def _answer(request: HttpRequest, cluster_slug: str, name: str, told: str, done: bool) -> HttpResponse:
    """{"action": sentence} for scripts; browsers and htmx are sent back to the page that asked, which shows the job."""
    if is_script(request):
        return JsonResponse({"action": told}, status=200 if done else 409)
    (messages.success if done else messages.error)(request, told)
    own = reverse("instance-detail", args=[cluster_slug, name])
    return redirect(own_page(request, request.POST.get("next", ""), own))
