"""What needs me now: the page, and the line of it above the list of all VMs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.clusters.views.etag import etag_of, unless_unchanged
from apps.desk.matters import SHOWN, Desk
from apps.desk.permissions import for_lookers, may_look

LIVE_SECONDS = 4
STRIP_LIVE_SECONDS = 15


@for_lookers
@require_safe
@vary_on_headers("HX-Request")
def desk(request: HttpRequest) -> HttpResponse:
    """Everything that waits for somebody, the urgent first."""
    found = Desk(request.user)

    def show() -> HttpResponse:
        part = "desk/_now.html" if request.htmx else "desk/now.html"  # type: ignore[attr-defined]
        context = {
            "desk": found,
            "at_work": found.at_work[:SHOWN],
            "has_more_at_work": len(found.at_work) > SHOWN,
            "live_seconds": LIVE_SECONDS,
        }
        return render(request, part, context)

    return unless_unchanged(request, etag_of(request, found.fingerprint), show, as_of=found.fleet.as_of)


@for_lookers
@require_safe
def strip(request: HttpRequest) -> HttpResponse:
    """The one line of it, for the list of all VMs, which renews itself."""
    found = Desk(request.user)
    line = _line(found)
    etag = etag_of(request, found.total, found.urgent, str(line["first"] and line["first"].title))
    return unless_unchanged(request, etag, lambda: render(request, "desk/_strip.html", line))


def above_the_list(request: HttpRequest) -> dict[str, Any] | None:
    """The strip as it stands above the list, for those who have a desk; None for others.

    What it says is asked for by the page itself: the list is not kept waiting by what it needs beyond it.
    """
    return {"strip_live_seconds": STRIP_LIVE_SECONDS} if may_look(request.user) else None


def _line(found: Desk) -> dict[str, Any]:
    first = next((one for section in found.sections for one in section["matters"]), None)
    return {
        "is_known": True,
        "total": found.total,
        "urgent": found.urgent,
        "first": first,
        "strip_live_seconds": STRIP_LIVE_SECONDS,
    }
