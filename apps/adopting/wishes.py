"""Applications for VMs, under their own numbers: tags of VMs and addresses of keys name them."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from apps.adopting.report import Kind
from apps.adopting.source import Row
from apps.adopting.taking import Person, Taking, in_bulk, misfit
from apps.applications import hostnames
from apps.applications.models import ApplicationEvent, InstanceApplication
from apps.applications.placement import Placement
from apps.clusters.models import TOKEN_PREFIX, Cluster, Job

Status = InstanceApplication.Status
Event = ApplicationEvent.Kind

PROCESSING = 103  # a state that nothing ever set
NEVER_SUBMITTED = "ganetimgr 2.x did not note the number of its job. Look whether the VM is there."
LONGEST_COOKIE = 255
DECIDED = {
    Status.APPROVED: Event.APPROVED,
    Status.SUBMITTED: Event.APPROVED,
    Status.FAILED: Event.APPROVED,
    Status.SUCCESS: Event.APPROVED,
    Status.REFUSED: Event.REFUSED,
    Status.DISCARDED: Event.DISCARDED,
}
ENDED = {Status.FAILED: Event.FAILED, Status.SUCCESS: Event.SUCCESS}
JOB_STATES = {
    Status.SUBMITTED: Job.State.SUBMITTED,
    Status.SUCCESS: Job.State.SUCCEEDED,
    Status.FAILED: Job.State.FAILED,
}


def bring_applications(taking: Taking) -> None:
    kind = taking.report.kind("applications")
    known = dict(InstanceApplication.objects.values_list("pk", "hostname"))
    wishes = _Wishes(taking)
    for batch in taking.source.batches("apply_instanceapplication"):
        fresh: list[InstanceApplication] = []
        for row in batch:
            kind.found += 1
            if row.id in known:
                _there(kind, row, known[row.id])
                continue
            application = wishes.read(row)
            why = "Whoever asked for it did not come." if application is None else misfit(application)
            if application is None or why or row.id <= 0:
                kind.leave(f"number {row.id}, {row.text('hostname')}", why or "It has no number.")
            else:
                fresh.append(application)
        _write(wishes, fresh)
        kind.brought += len(fresh)
    wishes.tell()


def _there(kind: Kind, row: Row, hostname: str) -> None:
    if hostname == hostnames.tidied(row.text("hostname")):
        kind.there += 1
    else:
        kind.leave(f"number {row.id}, {row.text('hostname')}", "Another application has its number here.")


class _Wishes:
    """Reads rows into applications, and remembers what was odd about them."""

    def __init__(self, taking: Taking) -> None:
        self.taking = taking
        self.jobs: dict[int, Job] = {}  # application's number -> its job
        self._by_slug = {cluster.slug: cluster for cluster in taking.clusters.values()}
        self._holds = set(InstanceApplication.objects.pending().values_list("holds", flat=True))
        self._held_jobs = set(Job.objects.unfinished().values_list("holds", flat=True))
        self._twice: list[str] = []
        self._states: list[str] = []
        self._lost: list[str] = []
        self._params: list[str] = []
        self._clusters: list[str] = []

    def read(self, row: Row) -> InstanceApplication | None:
        """The application, unsaved; None where nobody is there who could have asked for it."""
        applicant = self.taking.person(row.number("applicant_id"))
        if applicant is None:
            return None
        reviewer = self.taking.person(row.number("reviewer_id"))
        filed = row.moment("filed") or row.moment("last_updated") or timezone.now()
        params = self._params_of(row)
        cluster = self._cluster_of(row, params)
        application = InstanceApplication(
            pk=row.id,
            hostname=hostnames.tidied(row.text("hostname")),
            memory=row.number("memory") or 0,
            disk_size=row.number("disk_size") or 0,
            vcpus=row.number("vcpus") or 0,
            operating_system=row.text("operating_system"),
            hosts_mail_server=row.flag("hosts_mail_server"),
            comments=row.text("comments"),
            admin_comments=row.text("admin_comments"),
            admin_contact_name=row.text("admin_contact_name"),
            admin_contact_phone=row.text("admin_contact_phone"),
            admin_contact_email=row.text("admin_contact_email")[:254],
            organization_id=self.taking.organizations.get(row.number("organization_id") or 0),
            applicant_id=applicant.pk,
            reviewer_id=reviewer.pk if reviewer else None,
            status=self._status_of(row, cluster),
            cluster=cluster,
            backend_message=row.text("backend_message"),
            filed=filed,
            last_updated=row.moment("last_updated") or filed,
            **self._place(params, cluster),
        )
        if row.text("cookie"):
            application.cookie = row.text("cookie")[:LONGEST_COOKIE]
        self._hold(application)
        self._follow(application, row, reviewer)
        return application

    def _status_of(self, row: Row, cluster: Cluster | None) -> int:
        status = row.number("status")
        if status == PROCESSING:
            status = Status.SUBMITTED
        if status not in Status.values:
            self._states.append(f"{row.id}: {row.text('status') or 'none'}")
            return Status.DISCARDED
        if status == Status.SUBMITTED and (row.number("job_id") is None or cluster is None):
            self._lost.append(f"{row.id}, {row.text('hostname')}")
            return Status.FAILED
        return Status(status)

    def _params_of(self, row: Row) -> dict[str, Any]:
        """Where it was put, or wanted to be; JSON, now and then wrapped in JSON once more."""
        text: Any = row.text("instance_params").strip()
        for _ in range(2):
            if isinstance(text, str) and text:
                try:
                    text = json.loads(text)
                except (ValueError, RecursionError):
                    self._params.append(str(row.id))
                    return {}
        return text if isinstance(text, dict) else {}

    def _cluster_of(self, row: Row, params: dict[str, Any]) -> Cluster | None:
        named = params.get("cluster")
        if named in (None, ""):
            return None
        found = self._by_slug.get(self.taking.slugs.get(str(named), ""))
        if found is None and str(named).isascii() and str(named).isdigit():
            found = self.taking.clusters.get(int(str(named)[:18]))
        if found is None:
            self._clusters.append(f"{row.id}: {named}")
        return found

    def _place(self, params: dict[str, Any], cluster: Cluster | None) -> dict[str, Any]:
        """What we keep of it: the network by hand that was asked for, and the placement if it was decided."""
        if cluster is None:
            return {}
        link, mode = str(params.get("network") or ""), str(params.get("mode") or "")
        by_hand = self.taking.networks.get((cluster.slug, link, mode))
        wanted = {"wanted_network_id": by_hand} if by_hand else {}
        if not params.get("node_group"):
            return wanted
        network = f"hand:{by_hand}" if by_hand else f"ganeti:{link}" if link else ""
        placement = Placement.of({**params, "cluster": cluster.slug, "network": network, "nodes": ()})
        return {**wanted, "instance_params": placement.stored}

    def _hold(self, application: InstanceApplication) -> None:
        if application.status not in InstanceApplication.ON_THEIR_WAY:
            return
        if application.hostname in self._holds:
            self._twice.append(f"{application.pk}: {application.hostname}")
            return
        application.holds = application.hostname
        self._holds.add(application.hostname)

    def _follow(self, application: InstanceApplication, row: Row, reviewer: Person | None) -> None:
        """Its job gets a row, so that pages name it, and the watcher brings one that runs to its end."""
        number, cluster, status = row.number("job_id"), application.cluster, Status(application.status)
        if status == Status.FAILED and row.number("status") != Status.FAILED:
            application.backend_message = application.backend_message or NEVER_SUBMITTED
        if number is None or number < 0 or cluster is None or status not in JOB_STATES:
            return
        at = application.last_updated
        job = Job(
            cluster=cluster,
            instance=application.hostname,
            kind=Job.Kind.CREATE,
            state=JOB_STATES[status],
            job_id=number,
            token=f"{TOKEN_PREFIX}application-{application.pk}",
            requested_by_id=reviewer.pk if reviewer else None,
            requester_name=reviewer.name if reviewer else "",
            error=application.backend_message if status == Status.FAILED else "",
            created=at,
            submitted=at,
        )
        if status == Status.SUBMITTED:
            hold = Job.hold_on(cluster, application.hostname)
            if hold in self._held_jobs:  # two creations of one VM: the first is followed
                application.status, application.backend_message = Status.FAILED, NEVER_SUBMITTED
                self._lost.append(f"{application.pk}, {application.hostname}")
                return
            job.holds = hold
            self._held_jobs.add(hold)
        else:
            job.ended = at
        self.jobs[application.pk] = job

    def tell(self) -> None:
        report = self.taking.report
        for sentence, names in (
            ("Applications for a host name that an older one keeps for itself: reject or discard them.", self._twice),
            ("Applications in a state that is not known: they are discarded here.", self._states),
            ("Applications that were being created without a job that can be followed: they count as failed, and can"
             " be sent again. Look first whether their VM is there.", self._lost),
            ("Applications whose placement could not be read.", self._params),
            ("Applications for a cluster that is not here.", self._clusters),
        ):  # fmt: skip
            if names:
                report.note(sentence, names)


def _write(wishes: _Wishes, fresh: list[InstanceApplication]) -> None:
    """Jobs first, for applications name them; then their history, as far as 2.x knew it."""
    jobs = {one.pk: wishes.jobs[one.pk] for one in fresh if one.pk in wishes.jobs}
    in_bulk(Job, jobs.values())
    tokens = [job.token for job in jobs.values()]
    numbers = dict(Job.objects.filter(token__in=tokens).values_list("token", "pk"))
    for application in fresh:
        if application.pk in jobs:
            application.job_id = numbers[jobs[application.pk].token]
    in_bulk(InstanceApplication, fresh)
    people = {person.pk: person.name for person in wishes.taking.users.values()}
    in_bulk(ApplicationEvent, (event for application in fresh for event in _events(application, people)))


def _events(application: InstanceApplication, people: dict[int, str]) -> Iterator[ApplicationEvent]:
    status = Status(application.status)
    yield _event(application, Event.FILED, application.filed, application.applicant_id, people)
    if status in DECIDED:
        words = application.admin_comments
        yield _event(
            application, DECIDED[status], application.last_updated, application.reviewer_id, people, text=words
        )
    if status in ENDED:
        error = application.backend_message if status == Status.FAILED else ""
        yield _event(application, ENDED[status], application.last_updated, None, people, text=error, is_internal=True)


def _event(
    application: InstanceApplication,
    kind: str,
    at: datetime.datetime,
    by: int | None,
    people: dict[int, str],
    **fields: Any,
) -> ApplicationEvent:
    name = people.get(by, "") if by else ""
    return ApplicationEvent(application=application, kind=kind, by_id=by, by_name=name, at=at, **fields)


STEPS: tuple[Any, ...] = (bring_applications,)
