"""Whichever worker Prometheus happens to ask, it is told what all of them did."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.site.running import Site

pytestmark = pytest.mark.services


def scrape(site: Site) -> dict[tuple[str, str], float]:
    """(name, view): the sum over the other labels."""
    found: dict[tuple[str, str], float] = {}
    answer = requests.get(f"{site.url}/metrics", timeout=20)
    assert answer.status_code == 200
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = (sample.name, sample.labels.get("view", ""))
            found[key] = found.get(key, 0.0) + sample.value
    return found


def answered(site: Site) -> float:
    return scrape(site).get(("ganetimgr_requests_total", "healthz"), 0.0)


@pytest.fixture
def web(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    web = site.start_web(workers=2)
    yield web
    site.kill_hard(web)


@contextmanager
def only(one: int, workers: list[int]) -> Iterator[None]:
    """Only that worker answers meanwhile: which of them the kernel wakes is otherwise nobody's choice."""
    others = [pid for pid in workers if pid != one]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def test_two_workers_add_up_and_one_that_is_killed_still_counts(site: Site, web: subprocess.Popen[bytes]) -> None:
    before = answered(site)
    workers = site.workers_of(web)
    assert len(workers) == 2
    told = []
    for worker in workers:
        with only(worker, workers):
            for _ in range(20):
                assert requests.get(f"{site.url}/healthz", timeout=30).status_code == 200
    for worker in workers:
        with only(worker, workers):
            told.append(scrape(site))
    assert {one["ganetimgr_requests_total", "healthz"] for one in told} == {before + 40}
    assert {one["ganetimgr_request_duration_seconds_count", "healthz"] for one in told} == {before + 40}
    assert len(list(site.directory.glob(f"var/metrics/{web.pid}/counter_*.db"))) == 2, "both have counted"

    os.kill(workers[0], signal.SIGKILL)
    site.until(lambda: workers[0] not in site.workers_of(web) and len(site.workers_of(web)) == 2, "another worker")
    site.until(lambda: answered(site) == before + 40, "what the dead one counted")
