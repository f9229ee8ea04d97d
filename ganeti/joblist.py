"""The newest jobs of a cluster's queue, as pages show them: bounded, and without what is nobody's business.

Opcodes hold passwords (osparams), keys, and all else that somebody handed to Ganeti. Of what an opcode was told only
what is named in TOLD is kept, of hypervisor parameters what is no secret; the rest never reaches a store.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ganeti.objects import (
    MAX_ITEMS,
    MAX_NAME,
    MAX_NAMED,
    MAX_WORD,
    UNFINISHED_JOB,
    Job,
    LogLine,
    PendingJob,
    Raw,
    Value,
    column,
    failure_of,
    is_secret,
    seconds,
    text,
)

MOST_JOBS = 500  # of one cluster, the newest; those that are not over come on top
MOST_UNFINISHED = 500  # of one cluster, those that came first: a longer queue is told of in part
MOST_STEPS = 32  # opcodes of one job
MOST_LINES = 60  # of one job's log, the latest
LONGEST_LINE = 300
LONGEST_ERROR = 1000
MOST_TOLD = 24  # parameters of one opcode
LONGEST_TOLD = 160
OVERLAP = 4  # a job may appear a moment after one with a higher number

ABOUT = ("instance_name", "node_name", "group_name", "network_name", "name", "new_name")
TOLD = (
    "mode", "disk_template", "os_type", "hypervisor", "new_name", "kind", "tags", "start", "pnode", "snode",
    "primary_node", "target_node", "remote_node", "target_groups", "iallocator", "reboot_type", "timeout",
    "shutdown_timeout", "live", "cleanup", "allow_failover", "ignore_failures", "ignore_consistency", "force",
    "offline", "drained", "master_candidate", "role", "duration", "dry_run",
)  # fmt: skip

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class Step(Value, frozen=True):
    """One opcode of a job."""

    opcode: str = ""  # "INSTANCE_CREATE"
    about: str = ""  # an instance, a node, a group
    status: str = ""
    started: float | None = None
    ended: float | None = None
    error: str = ""
    told: tuple[tuple[str, str], ...] = ()  # what it was told, by parameter


class Story(Value, frozen=True):
    """What only a job's own page shows."""

    steps: tuple[Step, ...] = ()
    log: tuple[LogLine, ...] = ()
    reason: str = ""  # what whoever asked for it gave as the reason


class ListedJob(Value, frozen=True):
    """A job as lists show it; its story is kept packed, for nobody reads it but the job's own page."""

    id: int
    status: str = ""
    opcodes: tuple[str, ...] = ()  # "INSTANCE_CREATE", ...: each once
    instances: tuple[str, ...] = ()
    subject: str = ""  # what it is about where that is no instance
    source: str = ""  # by what it was asked for: "gnt:client:gnt-instance", "gnt:library:rlib2:..."
    error: str = ""  # Ganeti's own words, when it failed
    received: float | None = None
    started: float | None = None
    ended: float | None = None
    packed: bytes = b""

    @classmethod
    def from_rapi(cls, raw: Raw) -> "ListedJob":
        job = Job.from_rapi(raw)
        rows = raw.get("ops")
        ops = [op for op in rows if isinstance(op, Mapping)][:MOST_STEPS] if isinstance(rows, list | tuple) else []
        steps = tuple(_step(number, op, raw) for number, op in enumerate(ops))
        about = tuple(dict.fromkeys(name[:MAX_NAME] for name in job.instances if name))[:MAX_NAMED]
        source, reason = _asked(ops[0] if ops else {})
        log = tuple(
            LogLine(line.serial, line.time, line.message[:LONGEST_LINE], line.opcode) for line in job.log[-MOST_LINES:]
        )
        return cls(
            id=job.id,
            status=job.status[:MAX_WORD],
            opcodes=tuple(dict.fromkeys(step.opcode for step in steps)),
            instances=about,
            subject="" if about else next((step.about for step in steps if step.about), ""),
            source=source,
            error=job.error[:LONGEST_ERROR],
            received=job.received,
            started=job.started if _has_begun(raw) else None,
            ended=job.ended,
            packed=_ENCODER.encode(Story(steps, log, reason)),
        )

    @property
    def story(self) -> Story:
        try:
            return msgspec.msgpack.decode(self.packed, type=Story)
        except (msgspec.MsgspecError, ValueError):
            return Story()

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED_JOB

    @property
    def pending(self) -> PendingJob:
        """The same as pages about instances tell of it."""
        steps = self.story.steps
        opcodes = tuple(step.opcode for step in steps)
        names = tuple(step.about if step.about in self.instances else "" for step in steps)
        job = Job(self.id, self.status, opcodes=opcodes, instances=names, received=self.received, started=self.started)
        return PendingJob.of(job)


class JobList(Value, frozen=True, gc=True):
    """The newest jobs of one cluster, by number, the highest first. Those that Ganeti archived meanwhile stay."""

    cluster: str  # our slug of it
    version: str = ""  # equal for equal jobs
    swept_at: float = 0.0  # when the whole queue was last looked through
    jobs: tuple[ListedJob, ...] = ()

    @property
    def newest(self) -> int:
        return self.jobs[0].id if self.jobs else 0

    @property
    def unfinished(self) -> list[int]:
        return [job.id for job in self.jobs if job.is_unfinished]

    def job(self, number: int) -> ListedJob | None:
        return next((job for job in self.jobs if job.id == number), None)

    def with_news(self, told: Iterable[ListedJob], *, swept_at: float | None = None) -> "JobList":
        """This list after what the cluster told now: of all that is new, and of all that was not over."""
        news = {job.id: job for job in told if job.id > 0 and job.status}
        known = {} if self._is_of_another_queue(news) else {job.id: job for job in self.jobs}
        left = {number: job for number, job in known.items() if not job.is_unfinished or number in news}
        ordered = sorted((left | news).values(), key=lambda job: -job.id)
        unfinished = {job.id for job in [job for job in ordered if job.is_unfinished][-MOST_UNFINISHED:]}
        kept = tuple(
            job
            for place, job in enumerate(ordered)
            if job.id in unfinished or (place < MOST_JOBS and not job.is_unfinished)
        )
        return JobList(self.cluster, _digest(kept), self.swept_at if swept_at is None else swept_at, kept)

    def _is_of_another_queue(self, news: Mapping[int, ListedJob]) -> bool:
        """Whether the cluster was set up anew: its numbers began again, and name other jobs than those we know."""
        known = {job.id: job.received for job in self.jobs}
        if any(known.get(number, job.received) != job.received for number, job in news.items()):
            return True
        last = max((when for when in known.values() if when), default=0.0)
        return bool(news) and all(
            number < self.newest and number not in known and (job.received or 0) > last for number, job in news.items()
        )


def _digest(value: Any) -> str:
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=12).hexdigest()


def _step(number: int, op: Raw, raw: Raw) -> Step:
    status = text(column(raw.get("opstatus"), number))[:MAX_WORD]
    result = column(raw.get("opresult"), number)
    return Step(
        opcode=text(op.get("OP_ID")).removeprefix("OP_")[:MAX_WORD],
        about=next((word[:MAX_NAME] for key in ABOUT if (word := text(op.get(key)))), ""),
        status=status,
        started=seconds(column(_beginnings(raw), number)),
        ended=seconds(column(raw.get("opend"), number)),
        error=failure_of([result], [status])[:LONGEST_ERROR] if status == "error" else "",
        told=tuple(_told(op)[:MOST_TOLD]),
    )


def _beginnings(raw: Raw) -> Any:
    """When each opcode had what it waited for; older Ganetis tell only from when on it waited."""
    told = raw.get("opexec")
    return told if isinstance(told, list | tuple) else raw.get("opstart")


def _has_begun(raw: Raw) -> bool:
    """Whether a job did anything: Ganeti's own time of its beginning is that from which on it waits for locks."""
    told = _beginnings(raw)
    return not isinstance(told, list | tuple) or any(seconds(when) is not None for when in told)


def _told(op: Raw) -> list[tuple[str, str]]:
    found = [(key, _plain(op[key])) for key in TOLD if key in op]
    for group in ("beparams", "hvparams"):
        inside = op.get(group)
        for key, value in list(inside.items())[:MAX_ITEMS] if isinstance(inside, Mapping) else ():
            if isinstance(key, str) and not is_secret(key):
                found.append((text(key)[:MAX_WORD], _plain(value)))
    return [(key, value) for key, value in found if value]


def _plain(value: Any) -> str:
    """A plain value or a list of such as a text, else empty; of an address, which may hold a password, its end."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(word for word in map(_plain, value[:16]) if word)[:LONGEST_TOLD]
    word = text(value)
    if "://" in word:
        word = word.partition("?")[0].rstrip("/").rpartition("/")[2].rpartition("@")[2]
    return word[:LONGEST_TOLD]


def _asked(op: Raw) -> tuple[str, str]:
    """(by what, why) from the reason trail, whose entries are [source, text, nanoseconds]."""
    trail = op.get("reason")
    entries = [entry for entry in trail[:16] if isinstance(entry, list | tuple)] if isinstance(trail, list) else []
    pairs = [(text(column(entry, 0)), text(column(entry, 1))) for entry in entries]
    why = next((words for source, words in pairs if source == "gnt:user"), "")
    by = next((source for source, _ in pairs if source.startswith(("gnt:client", "gnt:library", "gnt:watcher"))), "")
    return by[:MAX_WORD], why[:LONGEST_LINE]
