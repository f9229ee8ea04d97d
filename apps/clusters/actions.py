"""The verbs: what people do to instances. Each is recorded, then submitted to Ganeti once, then followed to its end."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.retelling import retold
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories, locks, problems, systems, words
from apps.clusters.fleet import Vm
from apps.clusters.models import Cluster, Job, Renaming
from ganeti import tags as tag_grammar
from ganeti.client import Client
from ganeti.errors import RapiError

log = logging.getLogger(__name__)


Ask = Callable[[Client, Job, str], int]


class Refused(Exception):
    """The change was not made; `str()` is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A kind of change: its name in the audit log, and the call that asks Ganeti: client, row, reason -> job.

    A creation has none of its own: only the room that knows its recipe can ask for it.
    """

    event: str
    ask: Ask | None = None


@dataclass(frozen=True)
class Step:
    """A change that follows another one, see steps.py. A quiet one is bookkeeping, without an entry in the history; one
    that goes on is told by the entry of the step before it, which ends with it."""

    kind: str
    details: dict[str, Any] = field(default_factory=dict)
    event: str = ""  # its name in the history, else that of its kind
    is_quiet: bool = False
    goes_on: bool = False

    @property
    def stored(self) -> dict[str, Any]:
        return asdict(self)


def _settings(client: Client, row: Job) -> dict[str, Any]:
    """What a change of settings sets: hypervisor parameters, or those of the system that is installed next."""
    if "image" in row.details:
        return systems.modification(row, client.os_parameter_names(row.instance))
    return {"hvparams": row.details["hvparams"]}


VERBS: dict[str, Verb] = {
    Job.Kind.STARTUP: Verb(
        events.START, lambda client, row, reason: client.startup_instance(row.instance, reason=reason)
    ),
    Job.Kind.SHUTDOWN: Verb(
        events.SHUTDOWN, lambda client, row, reason: client.shutdown_instance(row.instance, reason=reason)
    ),
    Job.Kind.REBOOT: Verb(
        events.REBOOT, lambda client, row, reason: client.reboot_instance(row.instance, reason=reason)
    ),
    Job.Kind.ADD_TAGS: Verb(
        events.ADD_TAGS,
        lambda client, row, reason: client.add_instance_tags(row.instance, row.details["tags"], reason),
    ),
    Job.Kind.REMOVE_TAGS: Verb(
        events.REMOVE_TAGS,
        lambda client, row, reason: client.delete_instance_tags(row.instance, row.details["tags"], reason),
    ),
    Job.Kind.REMOVE: Verb(
        events.DESTROY, lambda client, row, reason: client.delete_instance(row.instance, reason=reason)
    ),
    Job.Kind.REINSTALL: Verb(
        events.REINSTALL,
        lambda client, row, reason: client.reinstall_instance(row.instance, systems.reinstall_body(row)),
    ),
    Job.Kind.RENAME: Verb(
        events.RENAME,
        lambda client, row, reason: client.rename_instance(row.instance, row.details["new_name"], reason=reason),
    ),
    Job.Kind.MODIFY: Verb(
        events.SETTING,
        lambda client, row, reason: client.modify_instance(row.instance, _settings(client, row), reason=reason),
    ),
    Job.Kind.MIGRATE: Verb(
        events.MIGRATE, lambda client, row, reason: client.migrate_instance(row.instance, reason=reason)
    ),
    Job.Kind.CREATE: Verb(events.CREATE),
    Job.Kind.DRY_RUN: Verb(events.DRY_RUN),
}


def request(
    vm: Vm, kind: str, by: Actor, *, may: str = "operate", event: str = "", then: Iterable[Step] = (), **details: Any
) -> Job:
    """Asks Ganeti for a change of `vm`; the answer is the row that follows the job. `details` are what the kind needs.

    `may` is what the asker has to be allowed, see permissions.MAY; `event` names it in the history where its kind does
    not say enough; `then` are the steps that follow when it has succeeded.
    Raises Refused with a sentence when a lock stands in the way, another job is pending, or Ganeti says no.
    """
    sentence = locks.why_not(by.user, vm, kind, may=may)
    if sentence:
        raise Refused(sentence)
    row = intend(vm, kind, by, details, event=event, then=[step.stored for step in (*then, *afterwards(vm, kind))])
    submit(row, by)
    return row


def afterwards(vm: Vm, kind: str) -> list[Step]:
    """What follows by itself: an instance that begins anew has no settings any more that wait for that."""
    if kind not in (Job.Kind.STARTUP, Job.Kind.REBOOT) or not vm.tags.needsreboot:
        return []
    return [Step(Job.Kind.REMOVE_TAGS, {"tags": [f"{settings.GANETI_TAG_PREFIX}:needsreboot"]}, is_quiet=True)]


def add_tags(vm: Vm, tags: Iterable[str], by: Actor, **how: Any) -> Job:
    """The row of the job that gives `vm` these tags. Refused where it has them all, or Ganeti could not carry one.

    `how` are may, event and then, as for `request`.
    """
    missing = [tag for tag in tags if tag not in vm.instance.tags]
    if not missing:
        raise Refused(_("%(name)s has these tags already.") % {"name": vm.name})
    try:
        wanted = [tag_grammar.checked(tag) for tag in missing]
    except ValueError as error:
        raise Refused(retold(str(error))) from error
    return request(vm, Job.Kind.ADD_TAGS, by, tags=wanted, **how)


def remove_tags(vm: Vm, tags: Iterable[str], by: Actor, **how: Any) -> Job:
    """The row of the job that takes these tags from `vm`. Ganeti takes none when one is not there: only those are named
    that the inventory knows; Refused where that is none."""
    present = [tag for tag in tags if tag in vm.instance.tags]
    if not present:
        raise Refused(_("%(name)s does not have these tags.") % {"name": vm.name})
    return request(vm, Job.Kind.REMOVE_TAGS, by, tags=present, **how)


def intend(
    vm: Vm,
    kind: str,
    by: Actor,
    details: dict[str, Any] | None = None,
    renaming: Renaming | None = None,
    **fields: Any,
) -> Job:
    """Records the intention: audit entry and job row in one transaction. Refused while another change is pending."""
    cluster = Cluster.objects.get(pk=vm.cluster.pk)
    return intend_on(cluster, vm.name, kind, by, details=details or {}, renaming=renaming, **fields)


def intend_on(
    cluster: Cluster, name: str, kind: str, by: Actor, *, holds: str = "", event: str = "", **fields: Any
) -> Job:
    """The same for an instance that need not exist yet. `holds` is what the row keeps for itself, else the instance.

    The row's unique `holds` lets one of two simultaneous requests through and refuses the other.
    """
    try:
        with transaction.atomic():
            what = detail_of(kind, fields.get("details", {}))
            entry = audit.record(by, event or VERBS[kind].event, cluster=cluster.slug, instance=name, detail=what)
            return Job.objects.create(
                cluster=cluster,
                instance=name,
                kind=kind,
                holds=holds or Job.hold_on(cluster, name),
                **fields,
                requested_by=by.user if by.user.pk else None,
                requester_name=by.user.get_username(),
                audit_entry=entry,
            )
    except IntegrityError as error:
        raise Refused(_("Somebody else was faster: another change of %(name)s is pending.") % {"name": name}) from error


def detail_of(kind: str, details: Mapping[str, Any]) -> str:
    """What the history tells beside the verb: which tags, which name, which settings; or what `told` says instead."""
    if "told" in details:
        return str(details["told"])
    if "image" in details:
        return str(details["image"])
    if kind == Job.Kind.MODIFY:
        return ", ".join(f"{name}: {value}" for name, value in details.get("hvparams", {}).items())
    if kind == Job.Kind.RENAME:
        return f"{details.get('old_name', '')} → {details.get('new_name', '')}"
    return " ".join(details.get("tags", ()))


def submit(row: Job, by: Actor, ask: Ask | None = None, if_refused: Callable[[Job, str], None] | None = None) -> None:
    """Hands the change to Ganeti, once, outside of any transaction. `ask` is for kinds whose verb has none of its own.

    When nobody can tell whether Ganeti got it, the row stays "intended": the watcher looks for the job
    and nobody asks a second time. `if_refused` is called, in the transaction that ends the row, where Ganeti says no.
    """
    try:
        hand_over(row, by, ask)
    except RapiError as error:
        fail(row, problems.in_english(error, row.cluster.label), if_refused)
        raise Refused(problems.sentence(error, row.cluster.label)) from error
    except systems.NoSuchSystem as error:
        fail(row, str(error), if_refused)
        raise Refused(retold(str(error))) from error
    finally:
        inventories.tell_news(row.cluster.slug)


def hand_over(row: Job, by: Actor, ask: Ask | None = None) -> None:
    """The one request to Ganeti. Raises where Ganeti certainly did not take it: what becomes of the row is then the
    caller's to write down, and to tell."""
    ask = ask or VERBS[row.kind].ask
    if ask is None:
        raise TypeError(f"nobody says how to ask for {row.kind}")
    try:
        job_id = ask(Client(row.cluster.endpoint()), row, reason(row, by))
    except RapiError as error:
        log.warning("%s of %s on %s: %s", row.kind, row.instance, row.cluster.slug, error, extra=row.facts)
        if not error.perhaps_done:
            raise
    else:
        row.adopt(job_id)
        log.info("%s of %s on %s is job %s.", row.kind, row.instance, row.cluster.slug, job_id, extra=row.facts)


def fail(row: Job, sentence: str, if_refused: Callable[[Job, str], None] | None = None) -> None:
    """Ends a row whose change Ganeti did not take."""
    with transaction.atomic():
        if row.finish(Job.State.FAILED, error=sentence):
            audit.conclude(row.audit_entry_id, AuditEntry.Outcome.FAILED, sentence)
            if if_refused:
                if_refused(row, sentence)


def reason(row: Job, by: Actor) -> str:
    """What Ganeti keeps as the job's reason: our token, by which the job is found again, who, and which request."""
    return f"{row.token} {by.user.get_username()} {by.request_id}".strip()


def told(row: Job) -> str:
    """The sentence that tells its author what happens now."""
    word = words.working(row)
    if row.state == Job.State.INTENDED:
        return _("%(cluster)s did not confirm in time. Whether the job exists is being looked up.") % {
            "cluster": row.cluster.label
        }
    return _("%(what)s %(name)s.") % {"what": word, "name": row.instance}


def since(row: Job) -> float:
    """Seconds since the change was asked for."""
    return (timezone.now() - row.created).total_seconds()
