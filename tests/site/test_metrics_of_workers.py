"""Whichever worker Prometheus happens to ask, it is told what all of them did."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

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


def test_two_workers_add_up_and_one_that_is_killed_still_counts(site: Site) -> None:
    web = site.start_web(workers=2)
    before = answered(site)
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: requests.get(f"{site.url}/healthz", timeout=30), range(40)):
            assert answer.status_code == 200
    told = [scrape(site) for _ in range(6)]
    assert {one["ganetimgr_requests_total", "healthz"] for one in told} == {before + 40}
    assert {one["ganetimgr_request_duration_seconds_count", "healthz"] for one in told} == {before + 40}
    assert len(list(site.directory.glob(f"var/metrics/{web.pid}/counter_*.db"))) == 2, "both have counted"

    one = site.workers_of(web)[0]
    os.kill(one, signal.SIGKILL)
    site.until(lambda: one not in site.workers_of(web) and len(site.workers_of(web)) == 2, "another worker")
    site.until(lambda: answered(site) == before + 40, "what the dead one counted")
    site.kill_hard(web)
