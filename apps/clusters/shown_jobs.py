"""A job as its own page shows it, and as scripts read it."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.looks import Status, Text
from apps.clusters import joblists, shown, words
from apps.clusters.fleet import ClusterView
from apps.clusters.joblists import JobRow, ShownRow
from apps.clusters.models import Job, moment
from ganeti.joblist import ListedJob, Step, Story


@dataclass(frozen=True, slots=True)
class ShownStep:
    """An opcode of a job."""

    what: Text
    step: Step
    status: Status

    @classmethod
    def of(cls, step: Step) -> "ShownStep":
        return cls(words.of_opcode(step.opcode), step, words.OF_JOB_STATE[words.state_of_job(step.status)])

    @property
    def started(self) -> datetime.datetime | None:
        is_waiting = words.state_of_job(self.step.status) in joblists.NOT_BEGUN
        return None if is_waiting else moment(self.step.started)

    @property
    def ended(self) -> datetime.datetime | None:
        return moment(self.step.ended)


@dataclass(frozen=True)
class ShownJobPage(ShownRow):
    """A job with its story: Ganeti's own, and what we noted of one that was asked for here."""

    listed: ListedJob | None = None
    own: Job | None = None

    @classmethod
    def of(cls, view: ClusterView, listed: ListedJob | None, own: Job | None) -> "ShownJobPage | None":
        """None where neither Ganeti nor we know the job."""
        row = joblists.row_of(view.slug, listed) if listed else joblists.of_row(view.slug, own) if own else None
        return None if row is None else cls(row, own.requester_name if own else "", listed, own)

    @property
    def is_kept_by_ganeti(self) -> bool:
        return self.listed is not None

    @cached_property
    def story(self) -> Story:
        return self.listed.story if self.listed else Story()

    @cached_property
    def steps(self) -> list[ShownStep]:
        return [ShownStep.of(step) for step in self.story.steps]

    @property
    def begun(self) -> int:
        """How many of its steps have begun."""
        return sum(step.started is not None for step in self.steps)

    @property
    def log(self) -> list[shown.LogLine]:
        """Ganeti's lines between what happened to the job; those that our follower heard, where that is more."""
        told = [(moment(line.time), line.message) for line in self.story.log]
        if self.own and len(self.own.log) >= len(told):
            return shown.story(self.own)
        return told

    @property
    def reason(self) -> str:
        """What whoever asked for it gave as the reason; ours is a token that says nothing to people."""
        return "" if self.own else self.story.reason

    @property
    def full_error(self) -> str:
        return self.error if self.row.state in ("error", "") else ""


def as_data(job: ShownRow) -> dict[str, Any]:
    """A job as `jobs/json/` tells it."""
    row: JobRow = job.row
    began = job.began
    return {
        "id": row.id,
        "cluster": row.cluster,
        "status": row.state,
        "summary": [*row.opcodes],
        "ops": [{"OP_ID": str(words.of_opcode(opcode))} for opcode in row.opcodes],
        "instances": [*row.instances],
        "received_ts": row.received or None,
        "start_ts": row.started,
        "end_ts": row.ended,
        "start_time": timezone.localtime(began).strftime("%Y-%m-%d %H:%M:%S") if began else "",
    }
