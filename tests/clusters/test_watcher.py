"""The watcher's rounds: what it collects, what it follows, and that a bad cluster does not keep it from others."""

import datetime
import time
from collections.abc import Iterator
from typing import Any

import gevent
import gevent.event
import pytest
from django.utils import timezone

from accounts import sending
from apps.clusters import inventories
from apps.clusters.chores import Chore
from apps.clusters.models import ChoreLease, Cluster, Job, Lease, WatcherProcess
from apps.clusters.watcher import STOP_SECONDS, Watcher
from apps.demo.jobs import Pace
from ganeti.client import Client
from ganetimgr.worker import CHORES
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db


@pytest.fixture
def clusters(simulators: dict[str, SimulatedSide]) -> dict[str, Cluster]:
    return {slug: add_cluster(side.endpoint()) for slug, side in simulators.items()}


@pytest.fixture
def watcher(clusters: dict[str, Cluster]) -> Iterator[Watcher]:
    made = Watcher({})
    yield made
    made.pool.kill()


def work(watcher: Watcher) -> None:
    """One round, and everything that it began."""
    watcher.step()
    watcher.pool.join()


def queries(side: SimulatedSide, what: str) -> int:
    return sum(path.startswith(f"/2/query/{what}") for _, path in side.requests)


class TestCollecting:
    def test_the_first_round_collects_every_cluster(self, watcher: Watcher) -> None:
        work(watcher)
        heads = inventories.known().heads
        assert {slug: head.state for slug, head in heads.items()} == {"north": "ok", "south": "ok", "east": "ok"}
        assert sum(head.instance_count for head in heads.values()) == 60

    def test_a_cluster_is_left_alone_until_it_is_due(self, watcher: Watcher, simulators: Any) -> None:
        work(watcher)
        before = queries(simulators["north"], "instance")
        work(watcher)
        assert queries(simulators["north"], "instance") == before

    def test_a_cluster_that_somebody_looks_at_is_due_sooner(
        self, watcher: Watcher, simulators: Any, settings: Any
    ) -> None:
        settings.INVENTORY_INTERVAL, settings.INVENTORY_INTERVAL_WATCHED = 3600, 0
        work(watcher)
        inventories.store().watch(["north"], 60)
        head = inventories.known().heads["north"]
        gevent.sleep(head.took * 10 + 0.05)  # never more than a tenth of a cluster's time
        before = {slug: queries(side, "instance") for slug, side in simulators.items()}
        work(watcher)
        assert queries(simulators["north"], "instance") == before["north"] + 1
        assert queries(simulators["south"], "instance") == before["south"]

    def test_jobs_of_others_are_asked_for_where_somebody_looks_with_one_request_a_round(
        self, watcher: Watcher, simulators: Any, settings: Any
    ) -> None:
        settings.INVENTORY_INTERVAL_WATCHED = 0
        work(watcher)
        assert [queries(side, "job") for side in simulators.values()] == [1, 1, 1], "for the page of all jobs"
        inventories.store().watch(["north"], 60)
        head = inventories.known().heads["north"]
        gevent.sleep(head.took * 10 + 0.05)  # never more than a tenth of a cluster's time
        with simulators["north"].an_instance() as name:
            world = simulators["north"].server.world
            world.jobs.pace = Pace()  # it lasts a second
            number = Client(simulators["north"].endpoint()).startup_instance(name)
            work(watcher)
            [job] = [job for job in inventories.known().heads["north"].pending if job.id == number]
        assert (job.instances, job.opcodes) == ((name,), ("INSTANCE_STARTUP",))
        assert [queries(side, "job") for side in simulators.values()] == [2, 1, 1]

    def test_a_silent_cluster_costs_the_others_nothing(self, watcher: Watcher, simulators: Any) -> None:
        simulators["east"].faults.closed = True
        work(watcher)
        states = {slug: head.state for slug, head in inventories.known().heads.items()}
        assert states == {"north": "ok", "south": "ok", "east": "unreachable"}

    def test_a_disabled_cluster_is_not_asked(self, watcher: Watcher, simulators: Any, clusters: Any) -> None:
        Cluster.objects.filter(slug="east").update(disabled=True)
        work(watcher)
        assert simulators["east"].requests == []


class TestFollowing:
    def unfinished(self, cluster: Cluster, side: SimulatedSide, instance: str) -> Job:
        row = Job.objects.create(
            cluster=cluster, instance=instance, kind=Job.Kind.STARTUP, holds=Job.hold_on(cluster, instance)
        )
        row.adopt(Client(side.endpoint()).startup_instance(instance, reason=row.token))
        return row

    def test_an_end_is_written_down_and_the_instance_looked_at_again(
        self, watcher: Watcher, simulators: Any, clusters: Any
    ) -> None:
        side = simulators["north"]
        work(watcher)
        with side.an_instance() as name:
            row = self.unfinished(clusters["north"], side, name)
            side.job(row.job_id)
            before = queries(side, "instance")
            work(watcher)
            row.refresh_from_db()
            assert row.state == Job.State.SUCCEEDED
            work(watcher)
            assert queries(side, "instance") == before + 1, "at once, although it is not due"
            assert inventories.store().snapshot("north").instance(name).status == "running"

    def test_one_round_asks_a_cluster_once_about_all_its_jobs(
        self, watcher: Watcher, simulators: Any, clusters: Any
    ) -> None:
        side = simulators["north"]
        work(watcher)
        with side.an_instance() as first, side.an_instance() as second, side.an_instance() as third:
            for name in (first, second, third):
                self.unfinished(clusters["north"], side, name)
            before = queries(side, "job")
            work(watcher)
            assert queries(side, "job") == before + 1

    def test_within_a_tick_no_cluster_is_asked_a_second_time(
        self, watcher: Watcher, simulators: Any, clusters: Any, monkeypatch: Any
    ) -> None:
        side = simulators["north"]
        work(watcher)
        monkeypatch.setattr("apps.clusters.watcher.TICK_SECONDS", 3600.0)
        with side.an_instance() as name:
            self.unfinished(clusters["north"], side, name)
            before = queries(side, "job")
            work(watcher)
            work(watcher)
            assert queries(side, "job") == before + 1

    def test_one_end_after_another_does_not_mean_one_look_after_another(
        self, watcher: Watcher, simulators: Any, clusters: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("apps.clusters.watcher.HURRY_SECONDS", 3600.0)
        work(watcher)
        before = queries(simulators["north"], "instance")
        for _ in range(3):
            watcher.hurry.add(clusters["north"].pk)
            work(watcher)
        assert queries(simulators["north"], "instance") == before + 1
        assert watcher.hurry == {clusters["north"].pk}, "it is not forgotten"

    def test_a_silent_cluster_is_asked_ever_less_often_and_that_is_said_once(
        self, watcher: Watcher, simulators: Any, clusters: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "apps.clusters.watcher")
        side, pauses = simulators["north"], []
        with side.an_instance() as name:
            self.unfinished(clusters["north"], side, name)
            side.faults.closed = True
            for _ in range(6):
                watcher.followed_at.clear()
                before = time.monotonic()
                work(watcher)
                pauses.append(round(watcher.followed_at[clusters["north"].pk] - before, 1))
            side.faults.closed = False
        assert pauses == sorted(pauses)
        assert pauses[-1] > 4 * pauses[0]
        assert caplog.text.count("Jobs of north wait") == 1

    def test_jobs_of_a_silent_cluster_wait_and_others_go_on(
        self, watcher: Watcher, simulators: Any, clusters: Any
    ) -> None:
        north, south = simulators["north"], simulators["south"]
        with north.an_instance() as one, south.an_instance() as other:
            waiting = self.unfinished(clusters["north"], north, one)
            going = self.unfinished(clusters["south"], south, other)
            south.job(going.job_id)
            with north.refusing():
                work(watcher)
            waiting.refresh_from_db()
            going.refresh_from_db()
            assert waiting.is_unfinished
            assert going.state == Job.State.SUCCEEDED

    def test_another_watchers_jobs_are_not_touched(self, watcher: Watcher, simulators: Any, clusters: Any) -> None:
        work(watcher)
        Lease.objects.update(holder="another")
        watcher._renew_at = 0.0
        WatcherProcess.objects.create(name="another", seen=WatcherProcess.objects.get().seen)
        side = simulators["north"]
        with side.an_instance() as name:
            row = self.unfinished(clusters["north"], side, name)
            side.job(row.job_id)
            work(watcher)
            row.refresh_from_db()
            assert row.is_unfinished


class TestStopping:
    def test_it_leaves_its_clusters_to_the_others(self, watcher: Watcher) -> None:
        running = gevent.spawn(watcher.run)
        end = time.monotonic() + 30
        while not Lease.objects.filter(holder=watcher.name).exists():
            assert time.monotonic() < end
            gevent.sleep(0.05)
        watcher.stop()
        running.join(timeout=30)
        assert running.successful()
        assert not Lease.objects.filter(holder=watcher.name).exists()
        assert not WatcherProcess.objects.exists()


class TestChores:
    """What a watcher does beside clusters and jobs."""

    @pytest.fixture
    def done(self) -> list[str]:
        return []

    def watcher_with(self, *chores: Chore) -> Watcher:
        return Watcher({}, chores=chores)

    def work(self, watcher: Watcher) -> None:
        watcher.step()
        watcher.chore_pool.join()

    def test_are_done_when_they_are_due_and_not_before(self, done: list[str]) -> None:
        often, seldom = (
            Chore("often", 0.0, lambda: done.append("often")),
            Chore("seldom", 3600.0, lambda: done.append("seldom")),
        )
        watcher = self.watcher_with(often, seldom)
        self.work(watcher)
        self.work(watcher)
        assert done == ["often", "seldom", "often"]

    def test_are_done_by_one_watcher(self, done: list[str]) -> None:
        one, other = (
            self.watcher_with(Chore("often", 0.0, lambda name=name: done.append(name))) for name in ("one", "other")
        )
        for watcher in (one, other, one, other):
            self.work(watcher)
        assert done == ["one", "one"]

    def test_of_a_watcher_that_stops_are_done_by_another_at_once(self, done: list[str]) -> None:
        one, other = (
            self.watcher_with(Chore("often", 0.0, lambda name=name: done.append(name))) for name in ("one", "other")
        )
        self.work(one)
        one._leave()
        self.work(other)
        assert done == ["one", "other"]

    def test_of_a_watcher_that_died_are_done_by_another_when_its_lease_ends(self, done: list[str]) -> None:
        one, other = (
            self.watcher_with(Chore("often", 0.0, lambda name=name: done.append(name))) for name in ("one", "other")
        )
        self.work(one)
        ChoreLease.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
        self.work(other)
        assert done == ["one", "other"]

    def test_that_are_done_once_a_day_are_not_done_again_by_the_next_watcher(self, done: list[str]) -> None:
        for name in ("one", "other"):
            watcher = self.watcher_with(Chore("daily", 86400.0, lambda name=name: done.append(name)))
            self.work(watcher)
            watcher._leave()
        assert done == ["one"]
        ChoreLease.objects.update(due=timezone.now())
        self.work(self.watcher_with(Chore("daily", 86400.0, lambda: done.append("the day after"))))
        assert done == ["one", "the day after"]

    def test_that_fail_are_logged_and_tried_again_and_the_others_are_done(
        self, done: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        watcher = self.watcher_with(
            Chore("broken", 0.0, lambda: 1 / 0), Chore("fine", 0.0, lambda: done.append("fine"))
        )
        self.work(watcher)
        self.work(watcher)
        assert done == ["fine", "fine"]
        assert caplog.text.count("The chore “broken” failed") == 2
        assert "ZeroDivisionError" in caplog.text

    def test_that_fail_once_a_day_do_not_wait_for_a_day(self, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("apps.clusters.watcher.CHORE_PAUSE", 0.0)
        watcher = self.watcher_with(Chore("daily", 86400.0, lambda: done.append("tried") or 1 / 0))
        self.work(watcher)
        self.work(watcher)
        assert done == ["tried", "tried"]

    def test_that_take_long_delay_neither_jobs_nor_each_other_and_are_not_begun_twice(
        self, done: list[str], clusters: dict[str, Cluster]
    ) -> None:
        free = gevent.event.Event()
        slow = Chore("slow", 0.0, lambda: (done.append("begun"), free.wait(60)))
        watcher = Watcher({}, chores=[slow, Chore("quick", 0.0, lambda: done.append("quick"))], workers=3)
        for _ in range(2):
            watcher.step()
            watcher.pool.join()
            gevent.sleep(0)
        assert done == ["begun", "quick", "quick"]
        assert set(inventories.known().heads) == {"north", "south", "east"}
        free.set()
        watcher.chore_pool.join()

    def test_that_never_end_are_ended(self, caplog: pytest.LogCaptureFixture) -> None:
        watcher = self.watcher_with(Chore("stuck", 0.0, lambda: gevent.sleep(60), at_most=0.05))
        self.work(watcher)
        assert "not done after" in caplog.text

    def test_of_a_real_watcher_begin_with_the_mail(self) -> None:
        """Whoever plugs things together has not forgotten any: they run, too, with nothing to do."""
        names = [chore.name for chore in CHORES]
        assert names[0] == "send mail"
        assert {"forget old mail", "forget ended sessions"} <= set(names)
        assert len(set(names)) == len(names)
        assert CHORES[0].at_most < sending.CLAIM_SECONDS, "whoever holds a claim is ended before it"
        assert sending.BATCH_SECONDS < STOP_SECONDS, "a batch is finished by a watcher that is asked to end"

    @pytest.mark.parametrize("chore", CHORES, ids=lambda chore: chore.name)
    def test_can_all_be_done_where_there_is_nothing_to_do(self, chore: Chore) -> None:
        chore.work()
