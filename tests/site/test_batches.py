"""kill -9 in the middle of a bulk action: what was begun goes on, nothing is lost and nothing is asked for twice."""

import contextlib
import dataclasses
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from apps.demo.jobs import Pace
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.services

NUMBER = 10
LEASES = ("UPDATE ganeti_lease SET expires = '2000-01-01 00:00:00'", "DELETE FROM ganeti_watcherprocess")


@pytest.fixture
def names(clusters: dict[str, SimulatedSide]) -> Iterator[list[str]]:
    """Stopped VMs of Alice's on north, whose starts take Ganeti a while."""
    north = clusters["north"]
    north.server.world.jobs.pace = dataclasses.replace(Pace.quick(), power=(0.4, 0.4))
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(north.an_instance(tags=["ganetimgr:users:alice"])) for _ in range(NUMBER)]


def asked(north: SimulatedSide) -> Counter[str]:
    """How often Ganeti was asked to start each VM."""
    return Counter(path.split("/")[3] for _, path in north.requests if "/startup" in path)


def test_web_dies_before_it_has_begun_and_watchers_die_again_and_again(
    site: Site, clusters: dict[str, SimulatedSide], names: list[str]
) -> None:
    north = clusters["north"]
    web, watcher = site.start_web(), site.start_watcher()
    alice = site.sign_in("alice")
    site.until(lambda: all(name in alice.text("/?status=stopped") for name in names), "the VMs to be on the list")
    chosen = alice.post("/instances/bulk/", do="startup", vm=[f"north/{name}" for name in names])  # type: ignore[arg-type]
    found = re.search(r"/instances/bulk/\d+/", chosen.url)
    assert found
    page = found[0]

    # web is killed while it writes down what is to be done: nothing of it has happened
    with contextlib.closing(sqlite3.connect(site.database, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def begin_in_vain() -> None:
            with contextlib.suppress(requests.RequestException):
                alice.post(f"{page}begin/")

        click = threading.Thread(target=begin_in_vain)
        click.start()
        click.join(1.0)
        site.kill_hard(web)
        click.join()
        other.execute("ROLLBACK")
    assert site.rows("SELECT count(*) FROM ganeti_job WHERE batch_id IS NOT NULL") == [(0,)]
    site.start_web()
    assert "a few at a time" in alice.post(f"{page}begin/").text

    # watchers are killed in the middle of asking, and while jobs run
    for number in (1, NUMBER // 2):
        north.faults.latency = 0.3
        site.until(lambda number=number: len(asked(north)) >= number, "Ganeti to be asked")  # type: ignore[misc]
        site.kill_hard(watcher)
        north.faults.latency = 0.0
        for statement in LEASES:
            site.rows(statement)
        watcher = site.start_watcher()
    rows = "SELECT instance, state FROM ganeti_job WHERE batch_id IS NOT NULL"
    site.until(
        lambda: all(state in ("succeeded", "unknown") for _, state in site.rows(rows)), "every job of the batch to end"
    )
    states = dict(site.rows(rows))
    assert sorted(states) == sorted(names)
    # one that was claimed by a watcher that died before it asked is the only one that may be unknown
    assert dict(asked(north)) == {name: 1 for name, state in states.items() if state == "succeeded"}
    assert Counter(states.values())["succeeded"] >= NUMBER - 2
    entries = "SELECT instance, outcome FROM auditlog_auditentry WHERE action = 'Start'"
    assert dict(site.rows(entries)) == states
    assert len(site.rows(entries)) == NUMBER
    counted = site.rows("SELECT instance, count(*) FROM endings WHERE what = 'job' GROUP BY instance")
    assert dict(counted) == dict.fromkeys(names, 1), "each end is written once"
