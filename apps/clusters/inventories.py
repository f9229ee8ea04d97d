"""This process's hold on the snapshot store, the queue and the collector, as the settings say."""

import contextvars
import logging
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from apps.clusters.models import Cluster
from ganeti import gather
from ganeti.client import Client
from ganeti.endpoint import Endpoint
from ganeti.inventory import Collector, Head, Store, StoreDown
from ganeti.jobqueue import JobQueue, NoQueue
from ganeti.store_directory import DirectoryStore
from ganeti.store_redis import RedisStore

log = logging.getLogger(__name__)

WATCH_SECONDS = 12.0  # a page that polls every 4 s renews this; a closed one is forgotten soon
CLAIM_SECONDS = 20.0
HURRY_SECONDS = 5.0  # a look at all clusters costs them real work, however often somebody asks for it


@lru_cache(maxsize=4)
def _store(where: str, tag_prefix: str) -> Store:
    if where.startswith(("redis://", "rediss://", "unix://")):
        return RedisStore(where, tag_prefix=tag_prefix)
    return DirectoryStore(where, tag_prefix=tag_prefix)


def store() -> Store:
    """The snapshot store that all processes of this site share."""
    return _store(settings.SNAPSHOT_STORE, settings.GANETI_TAG_PREFIX)


@lru_cache(maxsize=4)
def _queue(host: str, port: int, tube: str) -> JobQueue | NoQueue:
    return JobQueue(host, port, tube or "default") if host else NoQueue()


def queue() -> JobQueue | NoQueue:
    """The broker that wakes watchers; without one their sweep finds the work."""
    return _queue(settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT, settings.BEANSTALK_TUBE)


def collector() -> Collector:
    return Collector(store(), client_for=Client, tag_prefix=settings.GANETI_TAG_PREFIX)


class Known(NamedTuple):
    """The heads by slug, and whether the store is away: then they are what this process remembers, perhaps nothing."""

    heads: dict[str, Head]
    store_is_away: bool = False


def known() -> Known:
    """What is known of each cluster. Never raises: a page has something to say in any case."""
    try:
        return Known(store().heads(), store().stale)
    except StoreDown as error:
        log.warning("The snapshot store does not answer: %s", error)
        return Known({}, store_is_away=True)


def tell_news(slug: str) -> None:
    """A job row of ours has changed: pages get another ETag, and a watcher looks at the cluster."""
    try:
        store().bump(slug)
    except StoreDown as error:
        log.warning("The snapshot store does not answer: %s", error)
    queue().put_news(slug)


# ---- what pages leave behind: clusters that are looked at, clusters without a snapshot -------------------

_last_watched: dict[str, float] = {}


def look_at(slugs: Iterable[str]) -> None:
    """Marks clusters as looked at, so that the watcher comes by more often; at most every few seconds a process."""
    now = time.monotonic()
    due = [slug for slug in slugs if now - _last_watched.get(slug, -WATCH_SECONDS) > WATCH_SECONDS / 3]
    if not due:
        return
    _last_watched.update(dict.fromkeys(due, now))
    try:
        store().watch(due, WATCH_SECONDS)
    except StoreDown as error:
        log.warning("The snapshot store does not answer: %s", error)


def hurry() -> None:
    """Asks the watchers to look at every cluster now. Raises StoreDown when they cannot be told."""
    if store().claim("hurry", HURRY_SECONDS):
        store().hurry(time.time())


def collect_missing(slugs: Iterable[str]) -> None:
    """Starts one bounded look at clusters that nobody has seen yet: the page says "collecting" meanwhile.

    The watcher does this all the time; here it is for the minutes in which there is none.
    """
    try:
        claimed = [slug for slug in slugs if store().claim(f"collect-{slug}", CLAIM_SECONDS)]
    except StoreDown:
        return
    if claimed:
        endpoints = [cluster.endpoint() for cluster in Cluster.objects.enabled().filter(slug__in=claimed)]
        # A new thread begins without the context, and its log lines would not tell which request they belong to.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(collect_now, endpoints), name="collect-missing", daemon=True).start()


def collect_now(endpoints: list[Endpoint], *, everything: bool = False) -> None:
    """Looks at the clusters at once, side by side; what they answer is in the store afterwards."""
    worker = collector()
    answers = gather.ask_all(
        endpoints,
        lambda endpoint: worker.collect(endpoint, now=time.time(), everything=everything),
        # Above what any single request may take: a cluster that is cut off here could not be noted as silent.
        within=settings.RAPI_DEADLINE + 10.0,
    )
    for answer in answers:
        if answer.error:
            log.warning("Collecting failed: %s", answer.error, extra={"cluster": answer.slug})
        elif answer.value and answer.value.is_failing:
            log.warning("%s: %s", answer.slug, answer.value.error, extra={"cluster": answer.slug})
