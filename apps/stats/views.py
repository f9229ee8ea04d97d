"""The page of figures, and the same as JSON for scripts that know ganetimgr 2.x."""

from itertools import accumulate
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.applications.models import InstanceApplication
from apps.clusters.fleet import Fleet
from apps.stats import figures
from apps.stats.forms import OwnersForm
from apps.stats.permissions import sees_all

PER_PAGE = 50
MOST_POINTS = 5000  # of a script's answer


@login_required
@require_safe
@vary_on_headers("HX-Request")
def stats(request: HttpRequest) -> HttpResponse:
    """For owners their own figures, for staff all of them."""
    if not sees_all(request.user):
        return render(request, "stats/own.html", figures.own(request.user))
    found = figures.everything()
    form = OwnersForm(request.GET)
    page = Paginator(form.apply(found["owners"]), PER_PAGE).get_page(request.GET.get("page"))
    part = "stats/_owners.html" if request.htmx else "stats/everything.html"  # type: ignore[attr-defined]
    return render(request, part, {**found, "form": form, "page": page})


@login_required
@require_safe
def applications(request: HttpRequest) -> HttpResponse:
    """Applications over time, the newest MOST_POINTS: everybody's for staff, else one's own."""
    rows = InstanceApplication.objects.order_by("-filed", "-pk").select_related("applicant")
    if not sees_all(request.user):
        rows = rows.filter(applicant=request.user.pk)
    before = max(rows.count() - MOST_POINTS, 0)
    newest = list(rows[:MOST_POINTS])[::-1]
    return JsonResponse(
        [
            {
                "instance": row.hostname,
                "count": number,
                "user": row.applicant.get_username(),
                "time": milliseconds(row.filed.timestamp()),
            }
            for number, row in enumerate(newest, start=before + 1)
        ],
        safe=False,
    )


@login_required
@require_safe
def instances(request: HttpRequest) -> HttpResponse:
    """When the instances that one sees were made, for each cluster that has some."""
    seen = Fleet(request.user)
    found = []
    for slug, catalogue in seen.catalogues.items():
        made = sorted((one for one in catalogue.instances if one.ctime), key=lambda one: one.ctime or 0)
        counts = accumulate(1 for _ in made)
        rows = [
            {"time": milliseconds(one.ctime or 0), "name": one.name, "count": count}
            for one, count in zip(made, counts, strict=True)
        ]
        name = slug if seen.sees_everything else seen.clusters[slug].label
        found.append({"name": name, "instances": rows[-MOST_POINTS:]})
    return JsonResponse(found, safe=False)


@login_required
@require_safe
def vms_of_cluster(request: HttpRequest, cluster_slug: str) -> HttpResponse:
    """How many of the instances that one sees on a cluster are up and down; [] where nothing is known."""
    seen = Fleet(request.user)
    catalogue = seen.catalogues.get(cluster_slug)
    if cluster_slug not in seen.clusters or catalogue is None:
        return JsonResponse([], safe=False)
    up = sum(bool(one.oper_state) for one in catalogue.instances)
    answer: dict[str, Any] = {"name": cluster_slug, "instances": {"up": up, "down": len(catalogue) - up}}
    return JsonResponse(answer)


def milliseconds(seconds: float) -> int:
    """As browsers' clocks count."""
    return round(seconds * 1000)
