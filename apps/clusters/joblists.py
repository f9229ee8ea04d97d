"""Jobs arranged for lists: Ganeti's own, of whoever asked for them, together with ours that Ganeti forgot."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from accounts.looks import Status, Text
from accounts.retelling import retold
from apps.clusters import words
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.models import Job, moment
from ganeti.joblist import JobList, ListedJob

MOST_OURS = 3000  # of our own, the newest: beside Ganeti's they tell who asked, and what Ganeti archived
STATE_OF_OURS = {Job.State.SUCCEEDED: "success", Job.State.FAILED: "error", Job.State.CANCELED: "canceled"}
NOT_BEGUN = ("queued", "waiting")
SHOWN_NAMES = 3
FIELDS = (
    "cluster_id", "job_id", "requester_name", "instance", "kind", "state", "ganeti_status", "error", "submitted",
    "started", "ended",
)  # fmt: skip

Key = tuple[str, int]  # a cluster's slug, a job's number


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list."""

    cluster: str
    id: int
    state: str  # a key of words.OF_JOB_STATE
    opcodes: tuple[str, ...]
    instances: tuple[str, ...]
    subject: str
    source: str
    error: str
    received: float
    started: float | None
    ended: float | None
    text: str  # in which a search looks
    main: Text = ""  # what it is for, where our row says it

    @property
    def key(self) -> Key:
        return self.cluster, self.id

    @property
    def began(self) -> float:
        return self.started or self.received

    @property
    def is_unfinished(self) -> bool:
        return self.state in ("queued", "waiting", "running", "canceling")

    @property
    def lasted(self) -> float | None:
        """Seconds from its beginning to its end."""
        return max(self.ended - self.started, 0.0) if self.started and self.ended else None

    @property
    def what(self) -> Text:
        return self.main or words.of_opcodes(self.opcodes)

    @property
    def status(self) -> Status:
        return words.OF_JOB_STATE[self.state]


def row_of(cluster: str, job: ListedJob) -> JobRow:
    state = words.state_of_job(job.status)
    said = (str(job.id), cluster, *job.instances, job.subject, *job.opcodes, job.error)
    return JobRow(
        cluster,
        job.id,
        state,
        job.opcodes,
        job.instances,
        job.subject,
        job.source,
        job.error,
        job.received or 0.0,
        None if state in NOT_BEGUN else job.started,  # Ganeti counts from where a job begins to wait for locks
        job.ended,
        " ".join(said).lower(),
    )


class JobBook:
    """The jobs of one cluster as Ganeti told them."""

    def __init__(self, listed: JobList) -> None:
        self.listed = listed
        self.rows = tuple(row_of(listed.cluster, job) for job in listed.jobs)
        self.numbers = frozenset(row.id for row in self.rows)

    @cached_property
    def unfinished(self) -> list[JobRow]:
        return [row for row in self.rows if row.is_unfinished]

    @cached_property
    def failed(self) -> list[JobRow]:
        return [row for row in self.rows if row.state == "error"]

    @cached_property
    def succeeded(self) -> list[JobRow]:
        return [row for row in self.rows if row.state == "success"]


_books: dict[str, JobBook] = {}


def books(seen: Fleet, views: Iterable[ClusterView]) -> dict[str, JobBook]:
    """The jobs of these clusters by slug, arranged once for each list that the store gives."""
    found = {}
    for slug, listed in seen.job_lists(views).items():
        known = _books.get(slug)
        if known is None or known.listed is not listed:
            known = _books[slug] = JobBook(listed)
        found[slug] = known
    return found


@dataclass(frozen=True, slots=True)
class Ours:
    """A job that somebody asked for here, as our own row has it."""

    who: str
    row: JobRow


def ours(views: Iterable[ClusterView]) -> dict[Key, Ours]:
    """Our own jobs that Ganeti gave a number, the newest; one query."""
    slugs = {view.pk: view.slug for view in views}
    rows = Job.objects.filter(cluster__in=slugs, job_id__isnull=False).order_by("-pk").only(*FIELDS)[:MOST_OURS]
    found = [(row.requester_name, of_row(slugs[row.cluster_id], row)) for row in rows]
    return {row.key: Ours(who, row) for who, row in found}


def of_row(cluster: str, job: Job) -> JobRow:
    """Our row of a job that Ganeti gave a number, as a list shows it."""
    is_over = job.state != Job.State.SUBMITTED
    known = STATE_OF_OURS.get(Job.State(job.state), "")
    said = (str(job.job_id), cluster, job.instance, job.kind, job.requester_name, job.error)
    return JobRow(
        cluster,
        job.job_id or 0,
        known if is_over else words.state_of_job(job.ganeti_status or "queued"),
        (),
        (job.instance,),
        "",
        "",
        "" if job.state == Job.State.SUCCEEDED else job.error,
        _seconds(job.submitted) or 0.0,
        _seconds(job.started),
        _seconds(job.ended),
        " ".join(said).lower(),
        job.get_kind_display(),
    )


def _seconds(when: datetime.datetime | None) -> float | None:
    return when.timestamp() if when else None


def together(arranged: Mapping[str, JobBook], own: Mapping[Key, Ours], cluster: str = "") -> list[JobRow]:
    """All jobs: Ganeti's, and ours that it archived; of one cluster where one is named."""
    chosen = [book for slug, book in arranged.items() if not cluster or slug == cluster]
    rows = [row for book in chosen for row in book.rows]
    known = {slug: book.numbers for slug, book in arranged.items()}
    rows += [
        one.row
        for (slug, number), one in own.items()
        if number not in known.get(slug, ()) and (not cluster or slug == cluster)
    ]
    return rows


_ORDER = {state: number for number, state in enumerate(words.OF_JOB_STATE)}
SORT_KEYS: dict[str, Callable[[JobRow, Mapping[Key, Ours]], Any]] = {
    "status": lambda row, own: (_ORDER[row.state], -row.began),
    "what": lambda row, own: (row.instances, row.subject, row.began),
    "cluster": lambda row, own: (row.cluster, row.began),
    "who": lambda row, own: (own[row.key].who if row.key in own else "", row.began),
    "started": lambda row, own: (row.began, row.id),
    "took": lambda row, own: (-1.0 if row.lasted is None else row.lasted, row.began),
    "job": lambda row, own: (row.id, row.cluster),
}


# ---- as pages show them ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """An instance that a job is about, with the address of its page ("" where it has none)."""

    name: str
    url: str


@dataclass(frozen=True)
class ShownRow:
    """A job as a page shows it; `who` asked for it here ("" where nobody did)."""

    row: JobRow
    who: str = ""

    @property
    def url(self) -> str:
        return reverse("job-detail", args=[self.row.cluster, self.row.id])

    @property
    def names(self) -> list[Named]:
        return [Named(name, instance_url(self.row.cluster, name)) for name in self.row.instances[:SHOWN_NAMES]]

    @property
    def further(self) -> int:
        """How many instances it is about beside those."""
        return max(len(self.row.instances) - SHOWN_NAMES, 0)

    @property
    def error(self) -> str:
        return retold(self.row.error)

    @property
    def source(self) -> Text:
        return source_of(self.row.source)

    @property
    def received(self) -> datetime.datetime | None:
        return moment(self.row.received or None)

    @property
    def began(self) -> datetime.datetime | None:
        return moment(self.row.began or None)

    @property
    def started(self) -> datetime.datetime | None:
        return moment(self.row.started)

    @property
    def ended(self) -> datetime.datetime | None:
        return moment(self.row.ended)

    @property
    def took(self) -> str:
        return "" if self.row.lasted is None else duration(self.row.lasted)


def instance_url(cluster: str, name: str) -> str:
    try:
        return reverse("instance-detail", args=[cluster, name])
    except NoReverseMatch:
        return ""


def source_of(source: str) -> Text:
    """By what a job was asked for that nobody asked for here."""
    if source.startswith("gnt:client"):
        return _("from the command line")
    if source.startswith("gnt:library"):
        return _("through the remote API")
    return _("by Ganeti itself") if source.startswith("gnt:watcher") else ""


def duration(seconds: float) -> str:
    """ "0.4 s", "12 s", "3 min", "2 h 5 min"."""
    if seconds < 10:
        return _("%(n)s s") % {"n": f"{seconds:.1f}".removesuffix(".0")}
    if seconds < 120:
        return _("%(n)s s") % {"n": f"{seconds:.0f}"}
    minutes = round(seconds / 60)
    if minutes < 120:
        return _("%(n)s min") % {"n": minutes}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}
