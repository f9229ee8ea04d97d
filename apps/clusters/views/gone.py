"""What is not there: an instance that was there a while ago has a page that says what became of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.defaults import page_not_found

from apps.clusters import fleet, shown
from apps.clusters.fleet import Fleet, Gone
from apps.clusters.models import Job, moment
from apps.clusters.shown import ShownJob, ShownVm
from apps.clusters.views.instances import heading, lately, whole_history_url

GONE = 410


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The site's answer to every Http404, whichever page of an instance raised it."""
    if isinstance(exception, Gone):
        return _gone(request, exception)
    return page_not_found(request, exception if isinstance(exception, Http404) else Http404())


def _gone(request: HttpRequest, gone: Gone) -> HttpResponse:
    """For a page that is open, the status alone: static/js/live.js then asks for the page as a whole."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=GONE)
    cluster, name = gone.cluster, gone.departed.name
    context = {
        "name": name,
        "cluster": shown.shown_cluster(cluster, request.user),
        "seen": moment(gone.departed.seen),
        "successor": ShownVm(gone.successor, request.user) if gone.successor else None,
        "destroyed": _destroyed(gone, request.user),
        "elsewhere": _elsewhere(gone, request.user),
        "lately": lately(cluster.slug, name, request.user),
        "history_url": whole_history_url(cluster.slug, name),
        "heading": heading(fleet.sees_everything(request.user)),
    }
    return render(request, "clusters/instances/gone.html", context, status=GONE)


def _destroyed(gone: Gone, reader: Any) -> ShownJob | None:
    """The last change from here, if it was the end of it."""
    last = Job.objects.filter(cluster=gone.cluster.pk, instance=gone.departed.name).first()
    return ShownJob.of(last, reader) if last and (last.kind, last.state) == ("remove", "succeeded") else None


def _elsewhere(gone: Gone, reader: Any) -> list[dict[str, str]]:
    """Those of the same name that the reader may see on other clusters."""
    seen, name = Fleet(reader), gone.departed.name
    found = (one for catalogue in seen.catalogues.values() for one in catalogue.named(name))
    return [
        {
            "name": name,
            "cluster": shown.cluster_name(seen.clusters[one.cluster], reader),
            "url": reverse("instance-detail", args=[one.cluster, name]),
        }
        for one in found
        if one.cluster != gone.cluster.slug
    ]
