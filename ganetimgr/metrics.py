"""/metrics: how the site is, as numbers for Prometheus. What each means is in docs/metrics.md.

A scrape asks database, store and broker side by side, waits for none that hangs, never asks Ganeti, and tells what it
knows of the rest. Its queries are bounded by the number of clusters and of what is unfinished, not by the history.
"""

import datetime
import hmac
import ipaddress
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from accounts import outbox
from accounts.middleware import client_address
from apps.applications.models import InstanceApplication
from apps.clusters import inventories, leases
from apps.clusters.models import Cluster, EndedJobs, Job
from ganeti.inventory import STATES, Head
from ganeti.jobqueue import STATES as MESSAGE_STATES
from ganetimgr import VERSION, asking, counting, shared_counts
from ganetimgr.health import came_directly

METRICS = "/metrics"
SHORTEST_TOKEN = 16  # what is shorter can be guessed, and opens nothing
PATIENCE = 2.0  # seconds for database, store and broker together; Prometheus gives up after ten
PENDING = (Job.State.DUE, Job.State.INTENDED, Job.State.SUBMITTED)
OUTCOMES = (Job.State.SUCCEEDED, Job.State.FAILED, Job.State.CANCELED, Job.State.UNKNOWN)

log = logging.getLogger(__name__)


class MetricsMiddleware:
    """Answers /metrics as soon as the client's address is known: Prometheus asks the process itself, by whatever name,
    without HTTPS and without a session, also when the database is away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return metrics(request) if request.path_info == METRICS else self.get_response(request)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All that is counted and known here, for whoever may ask; to others there is nothing."""
    if not may_read(request):
        return _answer(b"Not Found\n", "text/plain; charset=utf-8", status=404)
    registry = CollectorRegistry()
    registry.register(Site())
    _register_what_is_counted(registry)
    if "application/openmetrics-text" in request.headers.get("Accept", ""):
        return _answer(openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST)
    return _answer(generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)


def _register_what_is_counted(registry: CollectorRegistry) -> None:
    """What all workers of this machine have counted, where they count together."""
    if os.environ.get(shared_counts.PLACE):
        multiprocess.MultiProcessCollector(registry)
    else:
        registry.register(counting.counted)


def _answer(content: bytes, content_type: str, status: int = 200) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type, status=status)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


# ---- who may ask ------------------------------------------------------------------------------------------


def may_read(request: HttpRequest) -> bool:
    """By the client's address, or by METRICS_TOKEN. No cookie opens this, so no page can have a browser read it."""
    return _is_near(request) or _has_the_token(request)


def _is_near(request: HttpRequest) -> bool:
    """Whether the client is in METRICS_ADDRESSES, and it is certain that this is the client: behind a proxy that nobody
    trusts, or that does not say for whom it asks, everybody seems to be near."""
    address = client_address(request)
    if address is None or not (came_directly(request) or _is_vouched_for(request, address)):
        return False
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return any(parsed in network for network in _networks(tuple(settings.METRICS_ADDRESSES)))


def _is_vouched_for(request: HttpRequest, address: str) -> bool:
    """Whether a trusted proxy named this very address: others' headers are gone by now."""
    named = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return address in named


@lru_cache(maxsize=8)
def _networks(addresses: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(address, strict=False) for address in addresses]


def _has_the_token(request: HttpRequest) -> bool:
    kind, _, sent = request.headers.get("Authorization", "").partition(" ")
    token = the_token()
    if len(token) < SHORTEST_TOKEN or kind.lower() != "bearer":
        return False
    is_right = hmac.compare_digest(sent.strip().encode(), token.encode())
    if not is_right:
        log.warning("The metrics were asked for with a wrong token, from %s.", client_address(request))
    return is_right


def the_token() -> str:
    """What METRICS_TOKEN_FILE holds, or METRICS_TOKEN; empty: no token opens anything."""
    if not settings.METRICS_TOKEN_FILE:
        return settings.METRICS_TOKEN.strip()
    try:
        return Path(settings.METRICS_TOKEN_FILE).read_text().strip()
    except (OSError, ValueError) as error:
        log.warning("METRICS_TOKEN_FILE cannot be read: %s", getattr(error, "strerror", None) or "it is no text")
        return ""


# ---- what is asked ----------------------------------------------------------------------------------------


class Pending(NamedTuple):
    """Unfinished jobs of one kind in one state."""

    kind: str
    state: str
    number: int
    since: datetime.datetime


class Kept(NamedTuple):
    """What the database knows."""

    clusters: dict[str, bool]  # slug: whether a watcher looks after it
    watchers: int
    pending: list[Pending]
    ended: dict[tuple[str, str], int]
    mails: tuple[int, datetime.datetime | None]
    mails_given_up: int
    applications: int


class Heard(NamedTuple):
    """What the store knows, or what this process remembers of it."""

    heads: dict[str, Head]
    is_memory: bool


def _kept() -> Kept:
    now = timezone.now()
    pending = Job.objects.unfinished().order_by().values_list("kind", "state")
    try:
        watched = leases.watched(now)
        return Kept(
            clusters={slug: pk in watched for pk, slug in Cluster.objects.enabled().values_list("pk", "slug")},
            watchers=leases.living(now),
            pending=[Pending(*row) for row in pending.annotate(number=Count("pk"), since=Min("created"))],
            ended={(kind, end): n for kind, end, n in EndedJobs.objects.values_list("kind", "outcome", "number")},
            mails=outbox.waiting(),
            mails_given_up=outbox.given_up(),
            applications=InstanceApplication.objects.waiting().count(),
        )
    finally:
        connection.close()


def _heard() -> Heard:
    known = inventories.known()
    return Heard(known.heads, known.store_is_away)


def _queue() -> dict[str, int]:
    return inventories.queue().numbers()


# ---- what is told of it -----------------------------------------------------------------------------------


class Site:
    """A collector in the library's sense: asked once for each scrape."""

    def collect(self) -> Iterator[Metric]:
        questions: dict[str, Callable[[], Any]] = {"metrics-database": _kept, "metrics-store": _heard}
        if settings.BEANSTALKD_HOST:
            questions["metrics-queue"] = _queue
        answers = asking.ask_all(questions, within=PATIENCE)
        kept, heard, queue = (answers.get(f"metrics-{name}") for name in ("database", "store", "queue"))
        now = time.time()
        yield from _parts(answers)
        yield _build()
        if isinstance(heard, Heard):
            yield from _clusters(_shown(heard, kept), now)
        if isinstance(kept, Kept):
            yield from _watching(kept)
            yield from _jobs(kept, now)
            yield from _waiting(kept, now)
        if isinstance(queue, dict):
            yield from _messages(queue)


def _parts(answers: dict[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily("ganetimgr_up", "Whether a part answers that this site lives from.", labels=["part"])
    for name, answer in answers.items():
        is_away = isinstance(answer, Exception) or (isinstance(answer, Heard) and answer.is_memory)
        up.add_metric([name.removeprefix("metrics-")], 0 if is_away else 1)
    yield up


def _build() -> Metric:
    build = GaugeMetricFamily(
        "ganetimgr_build_info", "Which version runs here.", labels=["version", "python", "django"]
    )
    build.add_metric([VERSION, platform.python_version(), django.get_version()], 1)
    return build


def _shown(heard: Heard, kept: Any) -> list[Head]:
    """A head for each cluster that is not disabled; without a database for all that are remembered."""
    if not isinstance(kept, Kept):
        return sorted(heard.heads.values(), key=lambda head: head.slug)
    if heard.is_memory:
        return [heard.heads[slug] for slug in sorted(kept.clusters) if slug in heard.heads]
    return [heard.heads.get(slug, Head(slug)) for slug in sorted(kept.clusters)]


def _clusters(heads: list[Head], now: float) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "ganetimgr_cluster_state", "1 for the state that the cluster is in, else 0.", labels=["cluster", "state"]
    )
    for head in heads:
        for name in STATES:
            state.add_metric([head.slug, name], 1 if head.state == name else 0)
    yield state
    facts: dict[tuple[str, str], Callable[[Head], float | None]] = {
        ("age_seconds", "Since the last collection that succeeded."): lambda head: _since(head.collected_at, now),
        ("collection_duration_seconds", "How long the last collection took, good or bad."): lambda head: (
            head.took if head.tried_at else None
        ),
        ("failures", "Collections that failed in a row."): lambda head: head.failures,
        ("instances", "Instances, when it answered last."): lambda head: head.instance_count,
        ("nodes", "Nodes, when they were told last."): lambda head: head.node_count,
        ("slow_parts_age_seconds", "Since nodes, groups and networks were told."): lambda head: _since(
            head.slow_at, now
        ),
        ("job_list_age_seconds", "Since its list of jobs was told."): lambda head: _since(head.jobs_at, now),
        ("may_change", "Whether our user of its remote API may change anything."): lambda head: (
            None if head.may_change is None else float(head.may_change)
        ),
    }
    for (name, text), fact in facts.items():
        gauge = GaugeMetricFamily(f"ganetimgr_cluster_{name}", text, labels=["cluster"])
        for head in heads:
            value = fact(head)
            if value is not None:
                gauge.add_metric([head.slug], value)
        yield gauge


def _since(moment: float, now: float) -> float | None:
    """Seconds; None where it never was."""
    return max(now - moment, 0.0) if moment else None


def _watching(kept: Kept) -> Iterator[Metric]:
    yield GaugeMetricFamily("ganetimgr_watchers", "Watchers that live.", value=kept.watchers)
    watched = GaugeMetricFamily(
        "ganetimgr_cluster_watched", "Whether a watcher looks after the cluster.", labels=["cluster"]
    )
    for slug, is_watched in sorted(kept.clusters.items()):
        watched.add_metric([slug], float(is_watched))
    yield watched


def _jobs(kept: Kept, now: float) -> Iterator[Metric]:
    pending = GaugeMetricFamily(
        "ganetimgr_jobs_pending", "Changes that have not ended, asked for here.", labels=["kind", "state"]
    )
    numbers = {(row.kind, row.state): row.number for row in kept.pending}
    for kind in Job.Kind.values:
        for state in PENDING:
            pending.add_metric([kind, state], numbers.get((kind, state), 0))
    yield pending
    oldest = GaugeMetricFamily(
        "ganetimgr_jobs_pending_oldest_age_seconds", "Since the oldest of these was asked for.", labels=["state"]
    )
    for state in PENDING:
        since = [row.since.timestamp() for row in kept.pending if row.state == state]
        oldest.add_metric([state], max(now - min(since), 0.0) if since else 0.0)
    yield oldest
    ended = CounterMetricFamily("ganetimgr_jobs_ended", "Changes that have ended.", labels=["kind", "outcome"])
    for kind in Job.Kind.values:
        for outcome in OUTCOMES:
            ended.add_metric([kind, outcome], kept.ended.get((kind, outcome), 0))
    yield ended


def _waiting(kept: Kept, now: float) -> Iterator[Metric]:
    waiting, since = kept.mails
    mails = GaugeMetricFamily("ganetimgr_outbox_mails", "Mails that have not left.", labels=["state"])
    mails.add_metric(["waiting"], waiting)
    mails.add_metric(["given up"], kept.mails_given_up)
    yield mails
    age = max(now - since.timestamp(), 0.0) if since else 0.0
    yield GaugeMetricFamily("ganetimgr_outbox_oldest_age_seconds", "Since the oldest that waits was written.", age)
    yield GaugeMetricFamily(
        "ganetimgr_applications_waiting", "Applications that wait for an administrator.", kept.applications
    )


def _messages(queue: dict[str, int]) -> Iterator[Metric]:
    messages = GaugeMetricFamily("ganetimgr_queue_messages", "Messages in our tube of beanstalkd.", labels=["state"])
    for state in MESSAGE_STATES:
        messages.add_metric([state], queue.get(state, 0))
    yield messages
    yield GaugeMetricFamily("ganetimgr_queue_listeners", "Watchers that listen to it.", value=queue.get("watching", 0))
