"""Changes of several steps: what follows, when, how many at once, and what becomes of what cannot be handed over."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, fleet, following, steps, systems
from apps.clusters.actions import Step
from apps.clusters.models import Batch, Cluster, Job
from apps.demo.jobs import Pace
from ganeti.client import Client
from ganeti.errors import Unreachable
from ganeti.objects import Job as GanetiJob
from tests import estate
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

START = Step(Job.Kind.STARTUP)
WITHOUT_END = dataclasses.replace(Pace.quick(), power=(3600.0, 3600.0))
NAMES = [f"vm{number}.example.org" for number in range(12)]


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    """North, with twelve stopped VMs more; power jobs end when a test lets them."""
    side = simulators["north"]
    world = side.server.world
    world.jobs.pace = WITHOUT_END
    with world.lock:
        for name in NAMES:
            world.add_instance(name, next(iter(world.nodes)), running=False, admin_state="down")
    return side


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    return add_cluster(ganeti.endpoint())


@pytest.fixture
def alice(people: dict[str, User]) -> User:
    return people["alice"]


@pytest.fixture
def row(north: Cluster, alice: User) -> Callable[..., Job]:
    """Makes a row of Alice's; submitted as job 7, or whatever is said."""

    def make(name: str = NAMES[0], **fields: Any) -> Job:
        entry = audit.record(Actor(alice, "192.0.2.9", "r1"), "Shutdown", cluster="north", instance=name)
        usual = {"kind": Job.Kind.SHUTDOWN, "state": Job.State.SUBMITTED, "job_id": 7, "audit_entry": entry}
        return Job.objects.create(
            cluster=north,
            instance=name,
            holds=Job.hold_on(north, name),
            requested_by=alice,
            requester_name="alice",
            **{**usual, **fields},
        )

    return make


@pytest.fixture
def due(row: Callable[..., Job]) -> Callable[..., Job]:
    def make(name: str = NAMES[0], **fields: Any) -> Job:
        return row(name, **{"kind": Job.Kind.STARTUP, "state": Job.State.DUE, "job_id": None, **fields})

    return make


@pytest.fixture
def tick(north: Cluster) -> Callable[[], None]:
    """What a watcher does for the cluster at each of its ticks."""

    def work() -> None:
        following.follow(unfinished(), Client(north.endpoint()), {})

    return work


def unfinished() -> list[Job]:
    return list(Job.objects.unfinished().select_related("cluster").order_by("pk"))


def end(row: Job, status: str = "success") -> None:
    following.end(row, GanetiJob(id=7, status=status, error="" if status == "success" else "no room"), {})


def states() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("state", flat=True))


def asked(ganeti: SimulatedSide) -> list[str]:
    """Whom a change was asked for, in that order."""
    changes = [path for method, path in ganeti.requests if method != "GET" and "/2/query" not in path]
    return [path.split("/")[3] for path in changes]


def let_jobs_end(ganeti: SimulatedSide) -> None:
    """The jobs of all rows come to their end, and the next jobs are without end again."""
    numbers = [row.job_id or 0 for row in Job.objects.submitted()]
    world = ganeti.server.world
    with world.lock:
        world.jobs.pace = Pace.quick()
        for number in numbers:
            if world.jobs.all[number].status == "running":
                world.jobs.all[number].due = world.clock()
    for number in numbers:
        ganeti.job(number)
    world.jobs.pace = WITHOUT_END


def some_time_passes(minutes: float) -> None:
    """As if all that is written down had been written so much earlier."""
    earlier = datetime.timedelta(minutes=minutes)
    for row in Job.objects.unfinished():
        row.created -= earlier
        row.claimed = row.claimed and row.claimed - earlier
        row.held_up = row.held_up and row.held_up - earlier
        row.save()


class TestWhatFollows:
    def test_the_next_step_is_due_once_the_first_has_succeeded(self, row: Any) -> None:
        end(row(then=[Step(Job.Kind.REBOOT).stored, START.stored]))
        following_one = Job.objects.due().get()
        assert (following_one.kind, following_one.instance, following_one.then) == ("reboot", NAMES[0], [START.stored])
        assert following_one.is_unfinished

    @pytest.mark.parametrize("status", ["error", "canceled"])
    def test_nothing_follows_a_step_that_did_not_succeed(self, row: Any, status: str) -> None:
        end(row(then=[START.stored]), status)
        assert Job.objects.count() == 1

    def test_nothing_follows_a_step_of_which_nobody_knows_the_end(self, row: Any) -> None:
        following.give_up(row(then=[START.stored]), "Nobody knows.", {})
        assert Job.objects.count() == 1

    def test_end_and_next_step_are_written_together_or_not_at_all(self, row: Any) -> None:
        first = row(then=[START.stored, {"no": "step"}])
        first.then = [{"no": "step"}]
        with pytest.raises(TypeError):
            end(first)
        first.refresh_from_db()
        assert first.state == Job.State.SUBMITTED
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.PENDING

    def test_a_step_has_an_entry_of_its_own_from_the_same_place(self, row: Any, alice: User) -> None:
        end(row(then=[Step(Job.Kind.ADD_TAGS, {"tags": ["a", "b"]}, event="Lock Instance").stored]))
        entry = AuditEntry.objects.exclude(action="Shutdown").get()
        assert (entry.action, entry.detail, entry.requester) == ("Lock Instance", "a b", alice)
        assert (entry.ipaddress, entry.request_id) == ("192.0.2.9", "r1")
        assert Job.objects.due().get().audit_entry == entry

    def test_a_quiet_step_has_none(self, row: Any) -> None:
        end(row(then=[Step(Job.Kind.REMOVE_TAGS, {"tags": ["a"]}, is_quiet=True).stored]))
        assert AuditEntry.objects.count() == 1
        assert Job.objects.due().get().audit_entry is None

    def test_after_a_renaming_it_goes_on_under_the_new_name(self, row: Any, north: Cluster) -> None:
        end(row(kind=Job.Kind.RENAME, details={"new_name": "new.example.org"}, then=[START.stored]))
        step = Job.objects.due().get()
        assert (step.instance, step.holds) == ("new.example.org", Job.hold_on(north, "new.example.org"))
        assert AuditEntry.objects.filter(instance="new.example.org", action="Start").exists()

    def test_the_whole_way_shut_down_and_started_again(self, row: Any, ganeti: SimulatedSide, tick: Any) -> None:
        end(row(then=[START.stored]))
        tick()
        assert asked(ganeti) == [NAMES[0]]
        let_jobs_end(ganeti)
        tick()
        assert states() == ["succeeded", "succeeded"]

    @pytest.mark.parametrize("kind", ["startup", "reboot"])
    def test_settings_that_wait_for_a_new_beginning_wait_no_more(self, people: Any, kind: str) -> None:
        estate.put("north", estate.instance(NAMES[0], tags=("ganetimgr:needsreboot",)))
        vm = fleet.find("north", NAMES[0])
        assert vm
        (step,) = actions.afterwards(vm, kind)
        assert (step.kind, step.details, step.is_quiet) == ("remove-tags", {"tags": ["ganetimgr:needsreboot"]}, True)

    def test_and_nothing_follows_where_nothing_waits(self, people: Any) -> None:
        estate.put("north", estate.instance(NAMES[0]), estate.instance(NAMES[1], tags=("ganetimgr:needsreboot",)))
        plain, waiting = fleet.find("north", NAMES[0]), fleet.find("north", NAMES[1])
        assert plain
        assert waiting
        assert actions.afterwards(plain, "reboot") == actions.afterwards(waiting, "shutdown") == []

    def test_a_reboot_that_was_asked_for_takes_the_tag_away(
        self, ganeti: SimulatedSide, north: Cluster, alice: User, tick: Any
    ) -> None:
        tags = ["ganetimgr:users:alice", "ganetimgr:needsreboot"]
        with ganeti.an_instance(tags=tags) as name:
            estate.put("north", estate.instance(name, status="ADMIN_down", tags=("ganetimgr:needsreboot",)))
            vm = fleet.find("north", name)
            assert vm
            first = actions.request(vm, Job.Kind.STARTUP, Actor(alice))
            let_jobs_end(ganeti)
            tick()
            tick()
            let_jobs_end(ganeti)
            tick()
            assert states() == ["succeeded", "succeeded"]
            assert ganeti.server.world.instances[name].tags == tags[:1]
            assert list(AuditEntry.objects.all()) == [first.audit_entry], "the tag is bookkeeping"


class TestTurns:
    def test_at_most_four_are_with_ganeti_and_the_next_one_follows_the_first_that_ends(
        self, due: Any, ganeti: SimulatedSide, tick: Any
    ) -> None:
        for name in NAMES[:6]:
            due(name)
        tick()
        tick()
        assert asked(ganeti) == NAMES[: steps.AT_ONCE]
        end(Job.objects.submitted().order_by("pk")[0])
        tick()
        assert asked(ganeti) == NAMES[: steps.AT_ONCE + 1]

    def test_a_single_step_waits_for_no_batch(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        batch = Batch.objects.create(kind="startup")
        for name in NAMES[:8]:
            due(name, batch=batch)
        tick()
        due(NAMES[9])
        due(NAMES[10])
        tick()
        assert asked(ganeti) == [*NAMES[: steps.AT_ONCE], NAMES[9], NAMES[10]]

    def test_batches_share_the_places(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        large, small = Batch.objects.create(kind="startup"), Batch.objects.create(kind="startup")
        for name in NAMES[:8]:
            due(name, batch=large)
        for name in NAMES[8:]:
            due(name, batch=small)
        tick()
        assert asked(ganeti) == [NAMES[0], NAMES[8], NAMES[1], NAMES[9]]

    def test_two_watchers_never_hand_over_the_same_row(self, due: Any, ganeti: SimulatedSide, north: Cluster) -> None:
        for name in NAMES[:3]:
            due(name)
        one, other = unfinished(), unfinished()
        steps.take_due(one)
        steps.take_due(other)
        assert sorted(asked(ganeti)) == sorted(NAMES[:3])

    def test_one_row_that_cannot_be_handed_over_ends_and_the_others_go(
        self, due: Any, ganeti: SimulatedSide, tick: Any
    ) -> None:
        due(kind=Job.Kind.REINSTALL, details={"image": "withdrawn meanwhile"})
        due(NAMES[1])
        tick()
        gone, other = Job.objects.order_by("pk")
        assert (gone.state, gone.error) == (Job.State.FAILED, systems.NOT_OFFERED)
        assert gone.audit_entry
        assert gone.audit_entry.outcome == AuditEntry.Outcome.FAILED
        assert other.state == Job.State.SUBMITTED

    def test_what_a_closed_account_asked_for_in_a_batch_is_not_made(
        self, due: Any, ganeti: SimulatedSide, tick: Any, alice: User
    ) -> None:
        due(NAMES[0], batch=Batch.objects.create(kind="startup"))
        due(NAMES[1])
        User.objects.filter(pk=alice.pk).update(is_active=False)
        tick()
        assert asked(ganeti) == [NAMES[1]], "a step goes on: half a change would be worse"
        assert Job.objects.get(instance=NAMES[0]).error == steps.NOBODY_WANTS_IT

    def test_a_turn_that_comes_a_day_too_late_is_none(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        due()
        some_time_passes(minutes=60 * 24 + 1)
        tick()
        assert (asked(ganeti), states()) == ([], ["failed"])
        assert AuditEntry.objects.get().detail == steps.TOO_LATE


class TestAProcessThatDies:
    """After the claim the row is "intended": what became of it is looked up, and nobody asks a second time."""

    def test_after_ganeti_got_it_it_is_found(self, due: Any, ganeti: SimulatedSide, tick: Any, alice: User) -> None:
        row = due()
        assert row.claim()
        job_id = Client(row.cluster.endpoint()).startup_instance(row.instance, reason=actions.reason(row, Actor(alice)))
        some_time_passes(minutes=0.1)
        tick()
        row.refresh_from_db()
        assert (row.state, row.job_id) == (Job.State.SUBMITTED, job_id)
        assert asked(ganeti) == [NAMES[0]]

    def test_before_ganeti_got_it_nobody_knows(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        row = due()
        assert row.claim()
        tick()
        assert states() == ["intended"]
        some_time_passes(minutes=2)
        tick()
        assert states() == ["unknown"]
        assert asked(ganeti) == []

    def test_the_others_wait_until_that_is_known(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        assert due().claim()
        due(NAMES[1])
        tick()
        assert asked(ganeti) == []
        some_time_passes(minutes=2)
        tick()
        tick()
        assert asked(ganeti) == [NAMES[1]]

    def test_an_answer_that_is_lost_is_looked_up_before_the_next_one_goes(
        self, due: Any, ganeti: SimulatedSide, tick: Any
    ) -> None:
        due()
        due(NAMES[1])
        ganeti.faults.lost_answers = True
        tick()
        ganeti.faults.lost_answers = False
        assert (asked(ganeti), states()) == ([NAMES[0]], ["intended", "due"])
        some_time_passes(minutes=0.1)
        tick()
        tick()
        assert asked(ganeti) == NAMES[:2]


class TestAClusterThatTakesNothing:
    def test_one_that_cannot_be_reached_gets_it_later(self, due: Any, ganeti: SimulatedSide, tick: Any) -> None:
        due()
        with ganeti.refusing():
            with pytest.raises(Unreachable):
                tick()
            some_time_passes(minutes=9)
            with pytest.raises(Unreachable):
                tick()
        assert states() == ["due"]
        some_time_passes(minutes=0.1)
        tick()
        assert (asked(ganeti), states()) == ([NAMES[0]], ["submitted"])

    def test_a_drained_one_is_asked_again_after_a_pause_and_tells_about_its_jobs_meanwhile(
        self, due: Any, row: Any, ganeti: SimulatedSide, north: Cluster, tick: Any
    ) -> None:
        job_id = Client(north.endpoint()).startup_instance(NAMES[5])
        running = row(NAMES[5], job_id=job_id)
        let_jobs_end(ganeti)
        due()
        ganeti.requests.clear()
        ganeti.faults.drained = True
        for _ in range(3):
            tick()
        running.refresh_from_db()
        assert running.state == Job.State.SUCCEEDED
        assert len(asked(ganeti)) == 1
        ganeti.faults.drained = False
        some_time_passes(minutes=0.1)
        tick()
        assert states() == ["succeeded", "submitted"]

    @pytest.mark.parametrize("fault", ["closed", "drained"])
    def test_after_ten_minutes_in_vain_it_fails_with_a_sentence(
        self, due: Any, ganeti: SimulatedSide, north: Cluster, fault: str
    ) -> None:
        for name in NAMES[:6]:
            due(name)
        setattr(ganeti.faults, fault, True)
        for _ in range(2):
            if fault == "closed":
                with pytest.raises(Unreachable):
                    steps.take_due(unfinished())
            else:
                steps.take_due(unfinished())
            some_time_passes(minutes=11)
        assert states() == ["failed"] * 6
        ganeti.faults.replace({})
        assert {row.error for row in Job.objects.all()} == {steps.TOO_LONG % {"cluster": "Cluster north"}}
        assert set(AuditEntry.objects.values_list("outcome", flat=True)) == {"failed"}

    def test_a_turn_that_was_long_in_coming_is_not_held_against_it(
        self, due: Any, ganeti: SimulatedSide, tick: Any
    ) -> None:
        """Ten minutes are for a cluster that takes nothing, not for a long batch."""
        due()
        some_time_passes(minutes=60)
        with ganeti.refusing(), pytest.raises(Unreachable):
            tick()
        assert states() == ["due"]

    def test_silence_counts_also_while_all_places_are_taken(
        self, due: Any, row: Any, ganeti: SimulatedSide, tick: Any
    ) -> None:
        for name in NAMES[: steps.AT_ONCE]:
            row(name, claimed=timezone.now())
        due(NAMES[5])
        with ganeti.refusing():
            for _ in range(2):
                with pytest.raises(Unreachable):
                    tick()
                some_time_passes(minutes=11)
        assert Job.objects.get(instance=NAMES[5]).state == Job.State.FAILED

    def test_and_is_forgotten_when_it_speaks_again(
        self, due: Any, row: Any, ganeti: SimulatedSide, north: Cluster, tick: Any
    ) -> None:
        job_id = Client(north.endpoint()).startup_instance(NAMES[0])
        for name in NAMES[: steps.AT_ONCE]:
            row(name, claimed=timezone.now(), job_id=job_id)
        due(NAMES[5])
        with ganeti.refusing(), pytest.raises(Unreachable):
            tick()
        assert Job.objects.due().get().held_up
        tick()
        assert Job.objects.get(instance=NAMES[5]).held_up is None


class TestDropping:
    def test_what_was_claimed_meanwhile_goes_on(self, due: Any, ganeti: SimulatedSide) -> None:
        claimed, waiting = due(NAMES[0]), due(NAMES[1])
        assert claimed.claim()
        assert steps.drop(Job.objects.all(), "Canceled.", Job.State.CANCELED) == 1
        assert states() == ["intended", "canceled"]
        assert not waiting.claim(), "and what was dropped is handed over by nobody"
        outcomes = AuditEntry.objects.order_by("pk").values_list("outcome", "detail")
        assert list(outcomes) == [("pending", ""), ("canceled", "Canceled.")]

    def test_it_costs_the_same_for_few_and_many(self, due: Any, django_assert_num_queries: Any) -> None:
        for name in NAMES:
            due(name)
        with django_assert_num_queries(5):  # with the savepoint's two
            assert steps.drop(Job.objects.all(), "Canceled.", Job.State.CANCELED) == len(NAMES)
