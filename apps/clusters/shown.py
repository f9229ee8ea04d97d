"""Instances, clusters and jobs as templates show them to one person: words, icons, verbs with their hindrances."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.looks import Status, Text
from accounts.retelling import retold
from apps.clusters import fleet, locks, permissions, problems, screens, sections, words
from apps.clusters.fleet import ClusterView, Fleet, Vm
from apps.clusters.models import Job, moment
from ganeti.objects import Instance

LogLine = tuple[datetime.datetime | None, str]

ICONS = {Job.Kind.STARTUP: "play-fill", Job.Kind.SHUTDOWN: "power", Job.Kind.REBOOT: "arrow-clockwise"}


@dataclass(frozen=True, slots=True)
class Verb:
    """A button: what it does, where it posts to, and why it is off (a sentence, else empty)."""

    name: str
    label: Text
    icon: str
    url: str
    why_not: Text
    is_primary: bool


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job of ours: what it does or how it ended, since when, for whom ("" for the reader), and its story."""

    status: Status
    started: datetime.datetime
    ended: datetime.datetime | None
    who: str
    job_id: int | None
    log: list[LogLine]
    error: str = ""
    is_ganetis_word: bool = False  # whether `error` is Ganeti's own

    @classmethod
    def of(cls, job: Job, reader: Any) -> "ShownJob":
        who = "" if job.requested_by_id == reader.pk else job.requester_name
        is_ganetis = job.state == Job.State.FAILED and job.job_id is not None
        status = words.of_job(job) if job.is_unfinished else words.of_ended(job)
        return cls(status, job.created, job.ended, who, job.job_id, story(job), retold(job.error), is_ganetis)


@dataclass(frozen=True)
class ShownCluster:
    """A cluster as notices name it."""

    view: ClusterView
    name: str
    vm_count: int = 0
    tells_details: bool = False  # hosts and ports are for those who run the clusters

    @property
    def slug(self) -> str:
        return self.view.slug

    @property
    def description(self) -> str:
        return self.name

    @property
    def is_silent(self) -> bool:
        return self.view.is_silent

    @property
    def as_of(self) -> datetime.datetime | None:
        return self.view.as_of

    @property
    def failing_since(self) -> datetime.datetime | None:
        return self.view.silent_since

    @property
    def error(self) -> str:
        return problems.of_head(self.view.head, self.name) if self.tells_details else ""


class ShownVm:
    """An instance as one person sees it."""

    def __init__(self, vm: Vm, reader: Any) -> None:
        self._vm = vm
        self._reader = reader
        self.instance = vm.instance
        self.tags = vm.tags
        self.group_is_locked = vm.group_is_locked
        self.node_group = vm.node_group
        self.cluster = shown_cluster(vm.cluster, reader)

    @cached_property
    def job(self) -> ShownJob | None:
        return ShownJob.of(self._vm.job, self._reader) if self._vm.job else None

    @property
    def status(self) -> Status:
        """What is being done to it, else Ganeti's word in ours."""
        return words.of_job(self._vm.job) if self._vm.job else words.of_instance(self.instance.status)

    @property
    def is_working(self) -> bool:
        """Whether the page should ask again soon."""
        return self._vm.job is not None or self._vm.is_settling

    @cached_property
    def verbs(self) -> list[Verb]:
        """The verbs that fit the state, with the reason why one is off; none for people who may only look."""
        if not permissions.may_operate(self._reader, self._vm):
            return []
        kinds = [Job.Kind.STARTUP] if self.instance.status in locks.STARTABLE else [Job.Kind.REBOOT, Job.Kind.SHUTDOWN]
        return [self._verb(kind, is_primary=kind == Job.Kind.STARTUP) for kind in kinds]

    @property
    def shortcut(self) -> Verb | None:
        """The verb that a list offers directly."""
        return self.verbs[-1] if self.verbs else None

    @cached_property
    def console_url(self) -> str:
        """Where its screen is shown; empty where there is none now, or not for this reader."""
        if not (sections.has_console(self._reader, self._vm) and screens.is_likely(self._vm)):
            return ""
        return reverse("instance-novnc", args=[self.cluster.slug, self.instance.name])

    def _verb(self, kind: Job.Kind, *, is_primary: bool) -> Verb:
        url = reverse(f"instance-{kind.value}", args=[self.cluster.slug, self.instance.name])
        return Verb(kind.value, kind.label, ICONS[kind], url, locks.why_not(self._reader, self._vm, kind), is_primary)


def vms(found: Iterable[Instance], seen: Fleet) -> list[ShownVm]:
    """A page of instances, ready to be shown; two queries for all of them."""
    return [ShownVm(vm, seen.user) for vm in seen.vms(found)]


def shown_cluster(view: ClusterView, reader: Any, vm_count: int = 0) -> ShownCluster:
    return ShownCluster(view, cluster_name(view, reader), vm_count, fleet.sees_everything(reader))


def cluster_name(view: ClusterView, reader: Any) -> str:
    """The slug for those who see everything, the description for owners."""
    return view.slug if fleet.sees_everything(reader) else view.label


def story(job: Job) -> list[LogLine]:
    """Who asked, when Ganeti took it and began, and Ganeti's own log lines."""
    lines: list[LogLine] = [(job.created, _("Asked for by %(who)s") % {"who": job.requester_name})]
    if job.job_id is not None:
        lines.append((job.submitted, _("Ganeti took it as job %(job)s") % {"job": job.job_id}))
    if job.started:
        lines.append((job.started, _("Ganeti began")))
    lines += [(moment(line[0]), str(line[1])) for line in job.log if isinstance(line, list) and len(line) == 2]
    if job.ganeti_status and not job.started:
        lines.append((None, capfirst(str(words.OF_JOB.get(job.ganeti_status, job.ganeti_status)))))
    return lines
