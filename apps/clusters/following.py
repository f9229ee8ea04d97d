"""Follows jobs to their end: one question per cluster about all its unfinished rows, and each end written down once."""

import datetime
import logging
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import AuditEntry
from apps.clusters import problems, steps
from apps.clusters.models import TOKEN_PREFIX, Job
from ganeti.client import Client
from ganeti.errors import RapiError
from ganeti.objects import Job as GanetiJob

log = logging.getLogger(__name__)

Ending = Callable[[Job, GanetiJob | None], None]  # None: nobody will ever know how it ended

# The process that submits has this long before a row without a number is looked for, in seconds.
LOOK_AFTER = 2.0
# A job that belongs to an old cluster without reasons is recognised by time, within this many seconds.
CLOCKS_MAY_DIFFER = 30.0
NEWEST = 10  # jobs that are looked at on a cluster that has to be asked for each

OPCODES = {
    Job.Kind.STARTUP: "OP_INSTANCE_STARTUP",
    Job.Kind.SHUTDOWN: "OP_INSTANCE_SHUTDOWN",
    Job.Kind.REBOOT: "OP_INSTANCE_REBOOT",
    Job.Kind.ADD_TAGS: "OP_TAGS_SET",
    Job.Kind.REMOVE_TAGS: "OP_TAGS_DEL",
    Job.Kind.CREATE: "OP_INSTANCE_CREATE",
    Job.Kind.DRY_RUN: "OP_INSTANCE_CREATE",
    Job.Kind.REMOVE: "OP_INSTANCE_REMOVE",
    Job.Kind.REINSTALL: "OP_INSTANCE_REINSTALL",
    Job.Kind.RENAME: "OP_INSTANCE_RENAME",
    Job.Kind.MODIFY: "OP_INSTANCE_SET_PARAMS",
    Job.Kind.MIGRATE: "OP_INSTANCE_MIGRATE",
}
# Ganeti's remote API takes no reason for these, however new it is: their jobs are recognised otherwise.
WITHOUT_REASON = frozenset({Job.Kind.REINSTALL})
OUTCOMES = {
    "success": (Job.State.SUCCEEDED, AuditEntry.Outcome.SUCCEEDED),
    "error": (Job.State.FAILED, AuditEntry.Outcome.FAILED),
    "canceled": (Job.State.CANCELED, AuditEntry.Outcome.CANCELED),
}


def follow(rows: Iterable[Job], client: Client, at_the_end: Mapping[str, Ending]) -> tuple[bool, bool]:
    """Asks one cluster about its unfinished `rows` and writes down what is new.

    Answers (something changed, something ended). Rows that are due are handed to the cluster first. Then at most two
    requests: one about all jobs with a number, one for the cluster's recent jobs when there are rows whose number
    never arrived.
    Raises RapiError when the cluster does not answer; the rows wait.
    """
    rows = list(rows)
    taken = steps.take_due(rows)
    try:
        adopted = settle([row for row in rows if row.state == Job.State.INTENDED], client, at_the_end)
        numbered = [row for row in rows if row.state == Job.State.SUBMITTED and row.job_id is not None]
        jobs = client.jobs_by_id([row.job_id for row in numbered if row.job_id is not None]) if numbered else {}
    except RapiError:
        steps.hold_up(rows)
        raise
    if numbered:
        steps.has_answered(rows)
    changed, ended = taken or adopted, False
    for row in numbered:
        try:
            row_changed, row_ended = _take(row, jobs.get(row.job_id or 0), at_the_end)
        except Exception:
            # One row that cannot be written must not keep the others waiting; it is tried again at the next tick.
            log.exception("Job %s of %s could not be written down.", row.job_id, row.instance, extra=row.facts)
            continue
        changed, ended = changed or row_changed, ended or row_ended
    return changed or ended, ended


def _take(row: Job, job: GanetiJob | None, at_the_end: Mapping[str, Ending]) -> tuple[bool, bool]:
    if job is None or not job.is_known:
        return True, give_up(row, problems.FORGOTTEN % {"job": row.job_id}, at_the_end)
    changed = row.progress(job)
    if not job.is_over:
        return changed, False
    return True, end(row, job, at_the_end)


def end(row: Job, job: GanetiJob, at_the_end: Mapping[str, Ending]) -> bool:
    """Writes down a job's end: row, audit entry and what else its kind asks for, in one transaction, exactly once."""
    state, outcome = OUTCOMES[job.status]
    with transaction.atomic():
        if not row.finish(state, error=job.error, ganeti_status=job.status):
            return False
        if state != Job.State.SUCCEEDED or not steps.is_told_on(row):
            audit.conclude(row.audit_entry_id, outcome, job.error)
        if row.kind in at_the_end:
            at_the_end[row.kind](row, job)
        if state == Job.State.SUCCEEDED:
            steps.prepare_next(row)
    log.info("Job %s has ended: %s of %s, %s.", row.job_id, row.kind, row.instance, state.value, extra=row.facts)
    return True


def give_up(row: Job, sentence: str, at_the_end: Mapping[str, Ending]) -> bool:
    """Ends a row of which nobody will ever know; people are asked to look."""
    with transaction.atomic():
        if not row.finish(Job.State.UNKNOWN, error=sentence):
            return False
        audit.conclude(row.audit_entry_id, AuditEntry.Outcome.UNKNOWN, sentence)
        if row.kind in at_the_end:
            at_the_end[row.kind](row, None)
    log.warning("%s of %s is given up: %s", row.kind, row.instance, sentence, extra=row.facts)
    return True


# ---- rows that stayed "intended": their process died, or Ganeti's answer never came -------------------------


def settle(rows: list[Job], client: Client, at_the_end: Mapping[str, Ending]) -> bool:
    """Finds the jobs of rows without a number among the cluster's recent ones; true when something changed.

    A row is adopted when its token is in a job's reason. One that is not found stays, until its
    request can no longer be under way: then nobody knows, and it is never submitted again by itself.
    """
    old_enough = [row for row in rows if _age(row) > LOOK_AFTER]
    if not old_enough:
        return False
    jobs = _recent_jobs(client)
    taken = set(
        Job.objects.filter(cluster=old_enough[0].cluster, job_id__isnull=False).values_list("job_id", flat=True)[:5000]
    )
    changed = False
    for row in old_enough:
        job = recognise(row, [job for job in jobs if job.id not in taken])
        if job is not None:
            taken.add(job.id)
            changed = row.adopt(job.id) or changed
            log.info("%s of %s was found again as job %s.", row.kind, row.instance, job.id, extra=row.facts)
        elif _age(row) > settings.RAPI_DEADLINE + LOOK_AFTER:
            changed = give_up(row, problems.NEVER_SEEN, at_the_end) or changed
    return changed


def _recent_jobs(client: Client) -> list[GanetiJob]:
    """The cluster's jobs; where Ganeti lists numbers only (2.4), the newest of them, asked for one by one."""
    jobs = client.jobs()
    numbers = sorted((job.id for job in jobs if not job.is_known), reverse=True)
    return [job for job in jobs if job.is_known] + [client.job(number) for number in numbers[:NEWEST]]


def recognise(row: Job, jobs: Iterable[GanetiJob]) -> GanetiJob | None:
    """The job that carries the row's token; on clusters too old for reasons, the only one that fits otherwise."""
    jobs = list(jobs)
    for job in jobs:
        if any(reason.startswith(row.token) for reason in job.reasons):
            return job
    if row.kind in WITHOUT_REASON:
        jobs = [job for job in jobs if not any(reason.startswith(TOKEN_PREFIX) for reason in job.reasons)]
    elif any(job.reasons for job in jobs):
        return None
    earliest = (row.asked_at - datetime.timedelta(seconds=CLOCKS_MAY_DIFFER)).timestamp()
    fitting = [
        job
        for job in jobs
        if row.instance in job.instances
        and OPCODES[Job.Kind(row.kind)] in job.opcodes
        and (job.received or 0) >= earliest
    ]
    return fitting[0] if len(fitting) == 1 else None


def _age(row: Job) -> float:
    return (timezone.now() - row.asked_at).total_seconds()
