"""Ganeti's job queue: jobs are received, wait for locks, run their opcodes one after another, and end.

Nothing ticks: whoever looks calls `advance()` first, which lets everything happen, in its order and at
its time, that the clock says has happened by now.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from apps.demo import opcodes
from apps.demo.opcodes import Opcode
from apps.demo.profiles import Profile

if TYPE_CHECKING:
    from apps.demo.world import SimulatedCluster

UNFINISHED = ("queued", "waiting", "running", "canceling")
_MESSAGE = "message"  # the kind of every line that an opcode writes


@dataclasses.dataclass(slots=True)
class Pace:
    """How long things take, in seconds; a pair is a range to choose from."""

    queued: float = 0.2
    locking: float = 0.3
    power: tuple[float, float] = (1.5, 4.0)  # start, stop, reboot
    install: tuple[float, float] = (6.0, 12.0)  # create, reinstall
    other: tuple[float, float] = (0.8, 2.0)
    refusal: float = 0.2  # until an opcode finds out that it cannot do what was asked
    cancel: float = 1.0  # until a job gives up waiting for its locks
    dead_node: float = 5.0  # a list asks a node in vain that is down and not marked offline
    no_luxid: float = 30.0  # until RAPI gives up when nobody answers behind it

    @classmethod
    def quick(cls) -> "Pace":
        """For tests: a job takes about 0.05 s."""
        short = (0.02, 0.03)
        return cls(0.01, 0.01, short, short, short, 0.01, 0.01, 0.05, 0.05)


class Job(msgspec.Struct, omit_defaults=True):
    """One job; the lists have one entry per opcode."""

    id: int
    ops: list[Opcode]
    received: float
    due: float | None  # when something happens to it next; None: when another job ends
    status: str = "queued"
    opstatus: list[str] = []
    oplog: list[list[tuple[int, float, str]]] = []  # serial, time, text; lines of the future are not shown yet
    opresult: list[Any] = []
    opstart: list[float | None] = []
    opexec: list[float | None] = []
    opend: list[float | None] = []
    started: float | None = None
    ended: float | None = None
    current: int = 0  # number of the opcode that runs
    failure: list[Any] | None = None  # what the opcode that runs will fail with

    @property
    def is_over(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def locks(self) -> set[str]:
        return set().union(*(opcodes.locks(op) for op in self.ops))


class JobQueue:
    """All jobs of one cluster."""

    def __init__(self, world: "SimulatedCluster", pace: Pace, max_running: int = 20) -> None:
        self.world = world
        self.pace = pace
        self.max_running = max_running
        self.all: dict[int, Job] = {}
        self.next_id = 1
        self.failing_with = ""  # words that every opcode fails with from now on
        self._unfinished: dict[int, Job] = {}

    # ---- asking for things ------------------------------------------------------------------------

    def submit(self, ops: list[Opcode]) -> int:
        """The number of the new job that will run these opcodes."""
        now = self.world.clock()
        number, count = self.next_id, len(ops)
        self.next_id += 1
        for index, op in enumerate(ops):
            opcodes.add_reason(op, f"gnt:opcode:{opcodes.kebab(op)}", f"job={number};index={index}", now)
        job = Job(
            number,
            ops,
            received=now,
            due=now + self.pace.queued,
            opstatus=["queued"] * count,
            oplog=[[] for _ in ops],
            opresult=[None] * count,
            opstart=[None] * count,
            opexec=[None] * count,
            opend=[None] * count,
        )
        self.all[number] = self._unfinished[number] = job
        return number

    def cancel(self, number: int) -> tuple[bool, str]:
        """What Ganeti answers to the wish to cancel a job."""
        job = self._unfinished.get(number)
        if job is None:
            return False, f"Job {number} not found in queue"
        if job.status == "queued":
            self._end(job, "canceled", self.world.clock())
            return True, f"Dequeued job {number}"
        if job.status == "running":
            return False, "Job no longer waiting, can't cancel (informed it anyway)"
        if job.status == "waiting":
            job.status, job.due = "canceling", self.world.clock() + self.pace.cancel
            job.opstatus = ["canceling"] * len(job.ops)
        return True, "Job successfully cancelled"

    def archive(self) -> None:
        """Ganeti forgets the jobs that have ended."""
        for job in [job for job in self.all.values() if job.is_over]:
            del self.all[job.id]

    def restore(self, jobs: Iterable[Job], next_id: int) -> None:
        """Goes on where a saved queue was."""
        self.all = {job.id: job for job in jobs}
        self._unfinished = {job.id: job for job in self.all.values() if not job.is_over}
        self.next_id = next_id

    # ---- the course of things -----------------------------------------------------------------------

    def advance(self) -> None:
        """Lets everything happen that was due by now."""
        now = self.world.clock()
        while job := min(self._due_by(now), key=lambda job: (job.due, job.id), default=None):
            self._happen(job, job.due or now)

    def _due_by(self, now: float) -> list[Job]:
        return [job for job in self._unfinished.values() if job.due is not None and job.due <= now]

    def _happen(self, job: Job, now: float) -> None:
        if job.status == "queued":
            self._leave_the_queue(job, now)
        elif job.status == "waiting":
            self._take_locks(job, now)
        elif job.status == "canceling":
            job.opresult[job.current] = "Job canceled by request"
            self._end(job, "canceled", now)
        else:
            self._end_opcode(job, now)

    def _leave_the_queue(self, job: Job, now: float) -> None:
        busy = [other for other in self._unfinished.values() if other.status != "queued"]
        if len(busy) >= self.max_running:
            job.due = None
            return
        job.status, job.started, job.due = "waiting", now, now + self.pace.locking
        job.opstatus[0], job.opstart[0] = "waiting", now

    def _take_locks(self, job: Job, now: float) -> None:
        held = set().union(*(other.locks for other in self._unfinished.values() if other.status == "running"))
        if held & job.locks:
            job.due = None
            return
        job.status = "running"
        self._begin_opcode(job, now)

    def _begin_opcode(self, job: Job, now: float) -> None:
        number = job.current
        op = job.ops[number] = opcodes.begun(self.world, job.ops[number])
        job.opstatus[number] = "running"
        job.opstart[number] = job.opstart[number] or now
        job.opexec[number] = now
        job.failure = self._failure(op)
        lasts = self.pace.refusal if job.failure else self._duration(op)
        lines = [] if job.failure and not self.failing_with else opcodes.lines(self.world, op)
        job.oplog[number] = [
            (serial, now + lasts * serial / (len(lines) + 1), text) for serial, text in enumerate(lines, start=1)
        ]
        job.due = now + lasts

    def _failure(self, op: Opcode) -> list[Any] | None:
        """What an opcode will fail with, as far as that is known when it begins."""
        if self.failing_with:
            return ["OpExecError", [self.failing_with]]
        try:
            opcodes.check(self.world, op)
        except opcodes.OpcodeError as error:
            return error.result
        return None

    def _duration(self, op: Opcode) -> float:
        kind, extra = opcodes.effort(op)
        return self.world.random.uniform(*getattr(self.pace, kind)) + extra

    def _end_opcode(self, job: Job, now: float) -> None:
        number = job.current
        job.opend[number] = now
        try:
            if job.failure:
                raise opcodes.OpcodeError(*job.failure)
            job.opresult[number] = opcodes.apply(self.world, job.ops[number], now)
        except opcodes.OpcodeError as error:
            self._fail(job, error.result, now)
            return
        job.opstatus[number] = "success"
        if number + 1 == len(job.ops):
            self._end(job, "success", now)
            return
        job.current = number + 1
        self._begin_opcode(job, now)

    def _fail(self, job: Job, result: list[Any], now: float) -> None:
        """The opcode that runs failed; those after it fail because of that."""
        job.opresult[job.current] = result
        for later in range(job.current + 1, len(job.ops)):
            job.opresult[later] = ["OpExecError", ["Preceding opcode failed"]]
        job.opstatus[job.current :] = ["error"] * (len(job.ops) - job.current)
        self._end(job, "error", now)

    def _end(self, job: Job, status: str, now: float) -> None:
        job.status, job.ended, job.due = status, now, None
        if status == "canceled":
            job.opstatus = ["canceled"] * len(job.ops)
        self._unfinished.pop(job.id, None)
        for other in self._unfinished.values():
            if other.due is None:  # it waits for locks or for a free place
                other.due = now


# ---- how a job looks from outside ----------------------------------------------------------------


def timestamp(seconds: float | None) -> list[int] | None:
    """Ganeti's way to write a moment: [seconds, microseconds]."""
    if seconds is None:
        return None
    whole, part = divmod(round(seconds * 1_000_000), 1_000_000)
    return [whole, part]


def fields_of(job: Job, now: float, profile: Profile) -> Mapping[str, Any]:
    """A job as the remote API of a release describes it, by field."""

    def word(status: str) -> str:
        return profile.waiting if status == "waiting" else status

    untold = frozenset() if profile.has_reasons else frozenset({"reason"})
    return {
        "id": str(job.id) if profile.job_ids_are_texts else job.id,
        "ops": [{name: value for name, value in op.items() if name not in untold} for op in job.ops],
        "status": word(job.status),
        "summary": [opcodes.summary(op) for op in job.ops],
        "opstatus": [word(status) for status in job.opstatus],
        "received_ts": timestamp(job.received),
        "start_ts": timestamp(job.started),
        "end_ts": timestamp(job.ended),
        "oplog": [
            [[serial, timestamp(at), _MESSAGE, text] for serial, at, text in lines if at <= now] for lines in job.oplog
        ],
        "opresult": job.opresult,
        "opstart": [timestamp(at) for at in job.opstart],
        "opexec": [timestamp(at) for at in job.opexec],
        "opend": [timestamp(at) for at in job.opend],
        "oppriority": [0] * len(job.ops),
        "priority": 0,
        "archived": False,
    }
