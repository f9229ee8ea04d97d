"""A job's way to its end: written down exactly once, whoever asks, whatever died in between."""

import datetime
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import following
from apps.clusters.models import Cluster, Job
from ganeti.errors import Unreachable
from ganeti.objects import Job as GanetiJob
from ganeti.objects import LogLine

pytestmark = pytest.mark.django_db


class FakeClient:
    """Stands where ganeti.client.Client stands, and counts what it is asked."""

    def __init__(self, *jobs: GanetiJob) -> None:
        self.queue = {job.id: job for job in jobs}
        self.asked: list[str] = []

    def jobs_by_id(self, ids: Iterable[int]) -> dict[int, GanetiJob]:
        self.asked.append("jobs_by_id")
        return {number: self.queue[number] for number in ids if number in self.queue}

    def jobs(self) -> list[GanetiJob]:
        self.asked.append("jobs")
        return list(self.queue.values())


class SilentClient(FakeClient):
    def jobs_by_id(self, ids: Iterable[int]) -> dict[int, GanetiJob]:
        raise Unreachable("north", "no answer in time")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster.objects.create(slug="north", hostname="h", username="u")


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def make_row(cluster: Cluster, alice: User) -> Any:
    def make(job_id: int | None = 7, instance: str = "web.example.org", kind: str = "startup", age: float = 0.0) -> Job:
        entry = audit.record(Actor(alice), "Start", cluster="north", instance=instance)
        return Job.objects.create(
            cluster=cluster,
            instance=instance,
            kind=kind,
            state=Job.State.SUBMITTED if job_id else Job.State.INTENDED,
            job_id=job_id,
            holds=Job.hold_on(cluster, instance),
            requested_by=alice,
            audit_entry=entry,
            created=timezone.now() - datetime.timedelta(seconds=age),
        )

    return make


def follow(client: FakeClient, *rows: Job, **endings: Any) -> tuple[bool, bool]:
    return following.follow(rows, client, endings)  # type: ignore[arg-type]


class TestFollow:
    def test_success_ends_row_and_audit_entry(self, make_row: Any) -> None:
        row = make_row()
        assert follow(FakeClient(GanetiJob(id=7, status="success")), row) == (True, True)
        row.refresh_from_db()
        assert (row.state, row.holds) == (Job.State.SUCCEEDED, None)
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.SUCCEEDED

    def test_failure_keeps_ganetis_own_words(self, make_row: Any) -> None:
        row = make_row()
        follow(FakeClient(GanetiJob(id=7, status="error", error="node is full")), row)
        row.refresh_from_db()
        assert (row.state, row.error) == (Job.State.FAILED, "node is full")
        assert AuditEntry.objects.get().detail == "node is full"

    def test_cancellation_is_no_success(self, make_row: Any) -> None:
        row = make_row()
        follow(FakeClient(GanetiJob(id=7, status="canceled")), row)
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.CANCELED

    def test_progress_and_log_lines_are_noted(self, make_row: Any) -> None:
        row = make_row()
        job = GanetiJob(id=7, status="running", started=1000.0, log=(LogLine(1, 1001.5, "shutting down"),))
        assert follow(FakeClient(job), row) == (True, False)
        row.refresh_from_db()
        assert (row.ganeti_status, row.log) == ("running", [[1001.5, "shutting down"]])
        assert follow(FakeClient(job), row) == (False, False), "the same again is no news"

    def test_the_end_is_written_once_even_if_two_watchers_see_it(self, make_row: Any) -> None:
        first = make_row()
        second = Job.objects.get(pk=first.pk)
        endings: list[int] = []
        client = FakeClient(GanetiJob(id=7, status="success"))
        follow(client, first, startup=lambda row, job: endings.append(job.id))
        follow(client, second, startup=lambda row, job: endings.append(job.id))
        assert endings == [7]

    def test_an_ending_that_raises_leaves_everything_for_the_next_try(self, make_row: Any) -> None:
        row, other = make_row(7), make_row(8, instance="db.example.org", kind="reboot")
        client = FakeClient(GanetiJob(id=7, status="success"), GanetiJob(id=8, status="success"))

        def broken(row: Job, job: GanetiJob) -> None:
            raise RuntimeError("the mail room is on fire")

        follow(client, row, other, startup=broken)
        row.refresh_from_db()
        other.refresh_from_db()
        assert row.is_unfinished
        assert row.audit_entry.outcome == AuditEntry.Outcome.PENDING
        assert other.state == Job.State.SUCCEEDED, "one bad row does not keep the others"
        follow(client, row)
        row.refresh_from_db()
        assert row.state == Job.State.SUCCEEDED

    def test_a_job_that_ganeti_forgot_ends_as_unknown(self, make_row: Any) -> None:
        row = make_row()
        assert follow(FakeClient(), row) == (True, True)
        row.refresh_from_db()
        assert row.state == Job.State.UNKNOWN
        assert "7" in row.error

    def test_many_jobs_are_one_question(self, make_row: Any) -> None:
        rows = [make_row(number, instance=f"vm{number}.example.org") for number in range(1, 40)]
        client = FakeClient(*(GanetiJob(id=number, status="running") for number in range(1, 40)))
        follow(client, *rows)
        assert client.asked == ["jobs_by_id"]

    def test_a_silent_cluster_ends_nothing(self, make_row: Any) -> None:
        row = make_row()
        with pytest.raises(Unreachable):
            follow(SilentClient(), row)
        row.refresh_from_db()
        assert row.is_unfinished


class TestSettle:
    """Rows whose process died between the call and the number."""

    def test_a_job_with_our_token_is_adopted_and_followed(self, make_row: Any) -> None:
        row = make_row(None, age=5)
        job = GanetiJob(id=41, status="running", reasons=("", f"{row.token} alice 0123"))
        follow(FakeClient(job), row)
        row.refresh_from_db()
        assert (row.state, row.job_id) == (Job.State.SUBMITTED, 41)
        assert AuditEntry.objects.get().job_id == 41

    def test_a_job_of_somebody_else_is_not(self, make_row: Any) -> None:
        row = make_row(None, age=5)
        other = GanetiJob(
            id=41,
            status="running",
            reasons=("maintenance",),
            instances=(row.instance,),
            opcodes=("OP_INSTANCE_STARTUP",),
        )
        follow(FakeClient(other), row)
        row.refresh_from_db()
        assert row.state == Job.State.INTENDED

    def test_a_row_that_was_just_made_is_left_to_its_process(self, make_row: Any) -> None:
        row = make_row(None, age=0)
        client = FakeClient()
        follow(client, row)
        assert client.asked == []

    def test_on_a_cluster_without_reasons_instance_opcode_and_time_decide(self, make_row: Any) -> None:
        row = make_row(None, age=5)
        now = timezone.now().timestamp()
        fitting = {"instances": (row.instance,), "opcodes": ("OP_INSTANCE_STARTUP",)}
        old = GanetiJob(id=40, status="success", received=now - 3600, **fitting)
        new = GanetiJob(id=41, status="running", received=now - 4, **fitting)
        follow(FakeClient(old, new), row)
        row.refresh_from_db()
        assert row.job_id == 41

    def test_two_that_fit_are_too_many(self, make_row: Any) -> None:
        row = make_row(None, age=5)
        now = timezone.now().timestamp()
        fitting = {"instances": (row.instance,), "opcodes": ("OP_INSTANCE_STARTUP",), "received": now - 4}
        follow(
            FakeClient(GanetiJob(id=41, status="running", **fitting), GanetiJob(id=42, status="running", **fitting)),
            row,
        )
        row.refresh_from_db()
        assert row.job_id is None

    def test_what_is_not_found_in_the_end_is_unknown_and_never_submitted_again(
        self, make_row: Any, settings: Any
    ) -> None:
        row = make_row(None, age=settings.RAPI_DEADLINE + 10)
        client = FakeClient()
        follow(client, row)
        row.refresh_from_db()
        assert row.state == Job.State.UNKNOWN
        assert row.holds is None
        assert client.asked == ["jobs"], "looked for, not asked for again"
