"""Counts requests for the metrics: how many, how they ended, how long they took. Never who, and never which VM."""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

Handler = Callable[[HttpRequest], HttpResponse]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds; a change may wait for its cluster
ANSWERED_EARLY = {"/healthz": "healthz", "/metrics": "metrics"}  # before any view is looked for
NO_VIEW = "none"  # an address that leads nowhere, or a request that was turned away before

disable_created_metrics()
counted = CollectorRegistry()
requests_total = Counter(
    "ganetimgr_requests", "Requests that were answered.", ["view", "method", "status"], registry=counted
)
request_seconds = Histogram(
    "ganetimgr_request_duration_seconds",
    "How long requests took, until the answer began.",
    ["view"],
    buckets=BUCKETS,
    registry=counted,
)


class CountingMiddleware:
    """Outermost, so that what others turn away counts as well."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        view = view_of(request)
        request_seconds.labels(view).observe(time.perf_counter() - began)
        method = request.method if request.method in METHODS else "other"
        requests_total.labels(view, method, f"{response.status_code // 100}xx").inc()
        return response


def view_of(request: HttpRequest) -> str:
    """The name of what answered: one of those that the list of addresses has, never anything of the address itself."""
    if request.resolver_match:
        return request.resolver_match.view_name
    if request.path_info.startswith(settings.STATIC_URL):
        return "static"
    return ANSWERED_EARLY.get(request.path_info, NO_VIEW)
