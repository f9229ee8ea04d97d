"""One question to many clusters at once. Everyone gets an answer: a silent cluster costs its own time only."""

import logging
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

import gevent
from gevent.pool import Pool

from ganeti.endpoint import Endpoint
from ganeti.errors import Failed, RapiError, Unreachable

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What one cluster said: a value or an error, never both."""

    slug: str
    value: T | None = None
    error: RapiError | None = None


def ask_all(
    endpoints: Iterable[Endpoint], question: Callable[[Endpoint], T], *, at_once: int = 20, within: float = 15.0
) -> list[Answer[T]]:
    """The clusters' answers in the order of `endpoints`; each cluster has `within` seconds from when it is asked."""
    pool = Pool(at_once)
    try:
        # gevent starts greenlets in an empty context, and log lines would lose their request id
        asked = [pool.spawn(copy_context().run, _ask, question, endpoint, within) for endpoint in endpoints]
        return [greenlet.get() for greenlet in asked]
    finally:
        pool.kill(block=False)  # only when we are interrupted is somebody left


def _ask(question: Callable[[Endpoint], T], endpoint: Endpoint, within: float) -> Answer[T]:
    timer = gevent.Timeout(within)
    try:
        with timer:
            return Answer(endpoint.slug, value=question(endpoint))
    except RapiError as error:
        return Answer(endpoint.slug, error=error)
    except gevent.Timeout as late:
        if late is not timer:
            raise
        return Answer(endpoint.slug, error=Unreachable(endpoint.slug, f"no answer within {within:g} s"))
    except Exception as error:
        logger.exception("Asking the cluster %s ended in a defect of ours", endpoint.slug)
        return Answer(endpoint.slug, error=Failed(endpoint.slug, f"an unexpected {type(error).__name__}, see the log"))
