"""Instances, clusters and jobs as templates show them to one person: words, icons, verbs with their hindrances."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.looks import Status, Text
from accounts.models import Organization
from accounts.retelling import retold
from apps.audit import events
from apps.audit.models import AuditEntry
from apps.clusters import fleet, locks, marks, permissions, problems, related, screens, sections, words
from apps.clusters.fleet import ClusterView, Fleet, Vm
from apps.clusters.models import Job, moment
from apps.clusters.related import Fact
from ganeti.objects import Instance, Nic, PendingJob

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
    left_out: tuple[Text, ...] = ()  # what does not follow any more, in sentences
    url: str = ""  # the job's own page; empty for who may not see it
    again_url: str = ""  # where a reinstallation that failed can be asked for again

    @classmethod
    def of(cls, job: Job, reader: Any, cluster: str = "") -> "ShownJob":
        """With the way to the job's own page where `cluster`, the slug of its cluster, is named."""
        who = "" if job.requested_by_id == reader.pk else job.requester_name
        is_ganetis = job.state == Job.State.FAILED and job.job_id is not None
        status = words.of_job(job) if job.is_unfinished else words.of_ended(job)
        left_out = () if job.is_unfinished or job.state == Job.State.SUCCEEDED else tuple(words.left_out(job))
        url = job_url(cluster, job.job_id, reader)
        return cls(
            status, job.created, job.ended, who, job.job_id, story(job), retold(job.error), is_ganetis, left_out, url
        )


@dataclass(frozen=True, slots=True)
class OthersJob:
    """A job that nobody asked for here: its number, what it does in Ganeti's word, since when, and whether it waits."""

    job_id: int
    opcode: str
    since: datetime.datetime | None
    is_at_work: bool
    url: str = ""  # its page; empty for who may not see it

    @classmethod
    def of(cls, job: PendingJob, instance: str, url: str = "") -> "OthersJob":
        return cls(job.id, job.steps_for(instance), moment(job.since), job.is_at_work, url)


@dataclass(frozen=True, slots=True)
class Card:
    """A network card with its addresses, "" where there is none."""

    name: str
    nic: Nic
    address6: str


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

    @property
    def jobs_error(self) -> str:
        return problems.of_jobs(self.view.head) if self.tells_details else ""


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
        return ShownJob.of(self._vm.job, self._reader, self._vm.cluster.slug) if self._vm.job else None

    @cached_property
    def lock_story(self) -> AuditEntry | None:
        """Who locked it and when, as far as the history knows; one query, where it is locked."""
        if not self.tags.adminlock:
            return None
        about = AuditEntry.objects.about(self._vm.cluster.slug, self._vm.name)
        ended = about.filter(action__in=(events.LOCK, events.UNLOCK), outcome=AuditEntry.Outcome.SUCCEEDED)
        last = ended.order_by("-recorded", "-pk").first()
        return last if last and last.action == events.LOCK else None

    @property
    def mark(self) -> str:
        """How far the policy for VMs of idle owners has gone with it, see marks.py."""
        return marks.of(self.instance.tags)

    @property
    def lock_url(self) -> str:
        """Where the reader unlocks it; empty for who may not."""
        if not permissions.may_lock(self._reader, self._vm):
            return ""
        return f"{reverse('lock', args=[self._vm.name])}?{urlencode({'cluster': self._vm.cluster.slug})}"

    @property
    def let_in_url(self) -> str:
        """Where the reader chooses the network that reaches it while it is isolated; empty for who may not."""
        if not permissions.may_let_in(self._reader, self._vm):
            return ""
        return reverse("instance-let-in", args=[self._vm.cluster.slug, self._vm.name])

    @cached_property
    def others(self) -> list[OthersJob]:
        slug = self._vm.cluster.slug
        return [OthersJob.of(job, self.instance.name, job_url(slug, job.id, self._reader)) for job in self._vm.others]

    @cached_property
    def cards(self) -> list[Card]:
        pairs = zip(self.instance.nics, self._vm.addresses6, strict=True)
        return [Card(nic.name or f"eth{number}", nic, address6) for number, (nic, address6) in enumerate(pairs)]

    @cached_property
    def addresses(self) -> list[str]:
        """The addresses of all cards, those of IPv4 first."""
        return [*self.instance.addresses, *(card.address6 for card in self.cards if card.address6)]

    @cached_property
    def organization(self) -> Organization | None:
        """That which its tag names; one query."""
        return Organization.objects.filter(tag=self.tags.organization).first() if self.tags.organization else None

    @cached_property
    def related(self) -> list[Fact]:
        """What other rooms know about it."""
        return related.about(self._reader, self._vm)

    @property
    def drive(self) -> str:
        """What lies in its CD drive: the last part of a path or an address, which may hold a password."""
        return _last_part(self.instance.hvparams.get("cdrom_image_path"))

    @property
    def boots_from(self) -> str:
        """The device that it starts from, where the hypervisor is told one."""
        return str(self.instance.hvparams.get("boot_order") or "")

    @property
    def node_url(self) -> str:
        """The page of its primary node; empty where there is none, or its name is one that no address could carry."""
        try:
            return reverse("cluster-node", args=[self.cluster.slug, self.instance.pnode])
        except NoReverseMatch:
            return ""

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


def job_url(cluster: str, number: int | None, reader: Any) -> str:
    """The page of a job; empty where it has no number yet, and for those who see no jobs but their own."""
    if not cluster or number is None or not fleet.sees_everything(reader):
        return ""
    return reverse("job-detail", args=[cluster, number])


def cluster_name(view: ClusterView, reader: Any) -> str:
    """The slug for those who see everything, the description for owners."""
    return view.slug if fleet.sees_everything(reader) else view.label


def _last_part(path: Any) -> str:
    return str(path or "").partition("?")[0].rstrip("/").rpartition("/")[2]


def story(job: Job) -> list[LogLine]:
    """Who asked, when Ganeti took it and began, and Ganeti's own log lines."""
    lines: list[LogLine] = [(job.created, _("Asked for by %(who)s") % {"who": job.requester_name})]
    if job.state == Job.State.DUE:
        lines.append((None, _("It waits for its turn")))
    if job.job_id is not None:
        lines.append((job.submitted, _("Ganeti took it as job %(job)s") % {"job": job.job_id}))
    if job.started:
        lines.append((job.started, _("Ganeti began")))
    lines += [(moment(line[0]), str(line[1])) for line in job.log if isinstance(line, list) and len(line) == 2]
    if job.ganeti_status and not job.started:
        lines.append((None, capfirst(str(words.OF_JOB.get(job.ganeti_status, job.ganeti_status)))))
    return lines
