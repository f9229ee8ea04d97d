"""kill -9 at any moment: a job's end is written down exactly once, and nobody asks Ganeti twice."""

import contextlib
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest
import requests

from tests.simulated import SimulatedSide
from tests.site.conftest import Machine
from tests.site.running import Site, Visitor

pytestmark = pytest.mark.services

Process = subprocess.Popen[bytes]


class Processes:
    """Web and watcher of this file's site; `revive` starts those that a test has killed."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.watcher: Process | None = None
        self.web: Process | None = None

    def revive(self) -> None:
        self.watcher = self.watcher or self.site.start_watcher()
        self.web = self.web or self.site.start_web()

    def kill(self, *names: str) -> None:
        for name in names:
            process = getattr(self, name)
            assert process
            self.site.kill_hard(process)
            setattr(self, name, None)
        if "watcher" in names:
            self.let_leases_expire()

    def let_leases_expire(self) -> None:
        """As if the dead watcher's fifteen seconds had gone by: waiting for them is another test."""
        self.site.rows("UPDATE ganeti_lease SET expires = '2000-01-01 00:00:00'")
        self.site.rows("DELETE FROM ganeti_watcherprocess")


@pytest.fixture(scope="module")
def started(site: Site) -> Processes:
    return Processes(site)


@pytest.fixture
def processes(started: Processes, clusters: dict[str, SimulatedSide]) -> Processes:
    """Both are there as a test begins."""
    started.revive()
    return started


@pytest.fixture(scope="module")
def known_visitors() -> dict[str, Visitor]:
    return {}


@pytest.fixture
def alice(processes: Processes, vm: Machine, known_visitors: dict[str, Visitor]) -> Visitor:
    """Signed in once for all tests here, whatever is killed; her VM is on her list."""
    if "alice" not in known_visitors:
        known_visitors["alice"] = vm.site.sign_in("alice")
    alice = known_visitors["alice"]
    vm.site.until(lambda: vm.is_shown_to(alice), "the VM to be on the page")
    return alice


def click_without_waiting(alice: Visitor, vm: Machine, verb: str = "startup") -> threading.Thread:
    """A click whose answer may never come."""

    def click() -> None:
        with contextlib.suppress(requests.RequestException):
            alice.post(f"{vm.page}{verb}/")

    thread = threading.Thread(target=click)
    thread.start()
    return thread


def assert_life_goes_on(alice: Visitor, vm: Machine) -> None:
    """The page shows the end, and the next click is taken and comes to its end."""
    vm.site.until(lambda: "Running" in alice.text(vm.page), "the page to show that it runs")
    assert "Start" in alice.text(f"/history/?q={vm.name}")
    assert "Shutting down" in alice.post(f"{vm.page}shutdown/").text
    vm.site.until(lambda: len(vm.rows("id")) == 2, "a second job")
    vm.site.until(lambda: not [hold for (hold,) in vm.rows("holds") if hold], "the second job to end")
    assert vm.asked("shutdown") == 1


KILLED = [("watcher",), ("web",), ("web", "watcher")]


@pytest.mark.parametrize("killed", KILLED, ids=" and ".join)
class TestKilled:
    def test_while_ganeti_works(
        self, processes: Processes, vm: Machine, alice: Visitor, killed: tuple[str, ...]
    ) -> None:
        vm.jobs_last(1.0)
        assert "Starting" in alice.post(f"{vm.page}startup/").text
        processes.kill(*killed)
        vm.wait_until_ganeti_is_through()
        processes.revive()
        vm.wait_for_its_end()
        vm.assert_ended_once()
        assert_life_goes_on(alice, vm)

    def test_while_ganeti_is_being_asked(
        self, processes: Processes, vm: Machine, alice: Visitor, killed: tuple[str, ...]
    ) -> None:
        vm.north.faults.latency = 1.5
        click = click_without_waiting(alice, vm)
        vm.site.until(vm.asked, "the request to arrive")
        assert vm.rows("state", "job_id") == [("intended", None)], "written down before Ganeti is asked"
        processes.kill(*killed)
        vm.north.faults.latency = 0
        click.join()
        processes.revive()
        vm.wait_for_its_end()
        vm.assert_ended_once()
        assert_life_goes_on(alice, vm)


def test_killed_before_ganeti_heard_of_it_the_row_says_that_nobody_knows_and_nobody_asks_again(
    processes: Processes, vm: Machine, alice: Visitor
) -> None:
    vm.north.faults.deaf = True
    click = click_without_waiting(alice, vm)
    vm.site.until(lambda: vm.rows("state"), "the row")
    processes.kill("web")
    vm.north.faults.deaf = False
    click.join()
    processes.revive()
    vm.wait_for_its_end()
    vm.assert_ended_once("unknown", requests=0)
    vm.site.until(lambda: "unknown, please look" in alice.text("/history/"), "the history to ask people to look")
    assert "Starting" in alice.post(f"{vm.page}startup/").text, "who has looked may try again"
    vm.site.until(lambda: "Running" in alice.text(vm.page), "the page to show that it runs")


def test_of_two_watchers_one_dies_and_the_other_takes_over_when_its_lease_has_run_out(
    processes: Processes, vm: Machine, alice: Visitor
) -> None:
    second = vm.site.start_watcher()
    holders = "SELECT holder, count(*) FROM ganeti_lease WHERE holder <> '' GROUP BY holder"
    vm.site.until(lambda: len(vm.site.rows(holders)) == 2, "the two to share the clusters")
    holder = vm.site.rows(
        "SELECT holder FROM ganeti_lease JOIN ganeti_cluster ON cluster_id = id WHERE slug = 'north'"
    )[0][0]
    assert processes.watcher
    doomed = next(process for process in (processes.watcher, second) if f"-{process.pid}-" in holder)
    vm.jobs_last(1.0)
    alice.post(f"{vm.page}startup/")
    vm.site.kill_hard(doomed)
    vm.wait_until_ganeti_is_through()
    assert not vm.has_ended()
    vm.wait_for_its_end()
    vm.assert_ended_once()
    processes.watcher = second if doomed is processes.watcher else processes.watcher
    assert_life_goes_on(alice, vm)


class TestRecoveryWithoutARestart:
    def test_of_a_snapshot_store_that_was_removed(self, processes: Processes, vm: Machine, alice: Visitor) -> None:
        vm.jobs_last(1.0)
        alice.post(f"{vm.page}startup/")
        shutil.rmtree(vm.site.directory / "var" / "snapshots", ignore_errors=True)
        assert alice.get("/").status_code == 200
        assert alice.get(vm.page).status_code == 200
        vm.wait_for_its_end()
        vm.assert_ended_once()
        assert_life_goes_on(alice, vm)

    def test_of_a_database_that_was_locked_for_some_seconds(
        self, processes: Processes, vm: Machine, alice: Visitor
    ) -> None:
        vm.jobs_last(0.5)
        alice.post(f"{vm.page}startup/")
        with contextlib.closing(sqlite3.connect(vm.site.database, timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            vm.wait_until_ganeti_is_through()
            time.sleep(2.0)  # long enough for watcher and web to meet the lock
            assert alice.get(vm.page).status_code == 200, "who only reads does not wait"
            other.execute("ROLLBACK")
        vm.wait_for_its_end()
        vm.assert_ended_once()
        assert_life_goes_on(alice, vm)
