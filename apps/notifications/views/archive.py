"""What was sent, to whom, and what became of it."""

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.permissions import only
from apps.clusters.views.etag import etag_of, unless_unchanged
from apps.notifications.models import Notification, Recipient
from apps.notifications.permissions import may_read_archive

PER_PAGE = 100
LIVE_SECONDS = 2


@only(may_read_archive)
@require_safe
@vary_on_headers("HX-Request")
def details(request: HttpRequest, notification: int) -> HttpResponse:
    """One notification; renews itself until every mail has left or was given up."""
    row = get_object_or_404(Notification.objects.select_related("sender"), pk=notification)
    counts = dict(row.recipients.values_list("outcome").annotate(Count("pk")).order_by())

    def show() -> HttpResponse:
        page = Paginator(row.recipients.all(), PER_PAGE).get_page(request.GET.get("page"))
        waiting = counts.get(Recipient.Outcome.WAITING, 0)
        context = {
            "notification": row,
            "page": page,
            "total": sum(counts.values()),
            "sent": counts.get(Recipient.Outcome.SENT, 0),
            "failed": counts.get(Recipient.Outcome.FAILED, 0),
            "waiting": waiting,
            "live_seconds": LIVE_SECONDS if waiting else 0,
        }
        part = "notifications/_details.html" if request.htmx else "notifications/details.html"  # type: ignore[attr-defined]
        return render(request, part, context)

    return unless_unchanged(request, etag_of(request, sorted(counts.items())), show)
