"""The verbs: what people do to instances. Each is recorded, then submitted to Ganeti once, then followed to its end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories, locks, problems, words
from apps.clusters.fleet import Vm
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from ganeti.errors import RapiError

log = logging.getLogger(__name__)


class Refused(Exception):
    """The change was not made; `str()` is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A kind of change: its name in the audit log, and the call that asks Ganeti: client, name, reason -> job."""

    event: str
    ask: Callable[[Client, str, str], int]


VERBS: dict[str, Verb] = {
    Job.Kind.STARTUP: Verb(events.START, lambda client, name, reason: client.startup_instance(name, reason=reason)),
    Job.Kind.SHUTDOWN: Verb(
        events.SHUTDOWN, lambda client, name, reason: client.shutdown_instance(name, reason=reason)
    ),
    Job.Kind.REBOOT: Verb(events.REBOOT, lambda client, name, reason: client.reboot_instance(name, reason=reason)),
}


def request(vm: Vm, kind: str, by: Actor) -> Job:
    """Asks Ganeti for a change of `vm`; the answer is the row that follows the job.

    Raises Refused with a sentence when a lock stands in the way, another job is pending, or Ganeti says no.
    """
    sentence = locks.why_not(by.user, vm, kind)
    if sentence:
        raise Refused(sentence)
    row = intend(vm, kind, by)
    submit(row, by)
    return row


def intend(vm: Vm, kind: str, by: Actor) -> Job:
    """Records the intention: audit entry and job row in one transaction.

    The row's unique `holds` lets one of two simultaneous requests through and refuses the other.
    """
    cluster = Cluster.objects.get(pk=vm.cluster.pk)
    try:
        with transaction.atomic():
            entry = audit.record(by, VERBS[kind].event, cluster=cluster.slug, instance=vm.name)
            return Job.objects.create(
                cluster=cluster,
                instance=vm.name,
                kind=kind,
                holds=Job.hold_on(cluster, vm.name),
                requested_by=by.user,
                requester_name=by.user.get_username(),
                audit_entry=entry,
            )
    except IntegrityError as error:
        raise Refused(
            _("Somebody else was faster: another change of %(name)s is pending.") % {"name": vm.name}
        ) from error


def submit(row: Job, by: Actor) -> None:
    """Hands the change to Ganeti, once, outside of any transaction.

    When nobody can tell whether Ganeti got it, the row stays "intended": the watcher looks for the job
    and nobody asks a second time.
    """
    try:
        job_id = VERBS[row.kind].ask(Client(row.cluster.endpoint()), row.instance, reason(row, by))
    except RapiError as error:
        log.warning("%s of %s on %s: %s", row.kind, row.instance, row.cluster.slug, error, extra=row.facts)
        if not error.perhaps_done:
            fail(row, problems.in_english(error, row.cluster.label))
            raise Refused(problems.sentence(error, row.cluster.label)) from error
    else:
        row.adopt(job_id)
        log.info("%s of %s on %s is job %s.", row.kind, row.instance, row.cluster.slug, job_id, extra=row.facts)
    finally:
        inventories.tell_news(row.cluster.slug)


def fail(row: Job, sentence: str) -> None:
    """Ends a row whose change Ganeti did not take."""
    with transaction.atomic():
        if row.finish(Job.State.FAILED, error=sentence):
            audit.conclude(row.audit_entry_id, AuditEntry.Outcome.FAILED, sentence)


def reason(row: Job, by: Actor) -> str:
    """What Ganeti keeps as the job's reason: our token, by which the job is found again, who, and which request."""
    return f"{row.token} {by.user.get_username()} {by.request_id}".strip()


def told(row: Job) -> str:
    """The sentence that tells its author what happens now."""
    word = words.WORKING.get(row.kind, row.get_kind_display())
    if row.state == Job.State.INTENDED:
        return _("%(cluster)s did not confirm in time. Whether the job exists is being looked up.") % {
            "cluster": row.cluster.label
        }
    return _("%(what)s %(name)s.") % {"what": word, "name": row.instance}


def since(row: Job) -> float:
    """Seconds since the change was asked for."""
    return (timezone.now() - row.created).total_seconds()
