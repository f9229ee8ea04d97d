"""Changes of several steps: each is a job of its own, the next one follows when the one before has succeeded.

The step that follows is written in the transaction that ends the one before, as a row that is due; the watcher that
follows the cluster's jobs takes what is due. So nothing is lost with a process that dies, and nothing is asked twice.
"""

import datetime
import logging
from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor
from apps.clusters import actions, inventories, problems, systems
from apps.clusters.actions import Step
from apps.clusters.models import Job
from ganeti.errors import Busy, RapiError, Unreachable

log = logging.getLogger(__name__)

AT_ONCE = 4  # rows that were due and are now with Ganeti, on one cluster: others want to work there, too
PATIENCE = datetime.timedelta(minutes=10)  # how long a step waits for a cluster that cannot be reached


def prepare_next(row: Job) -> None:
    """Writes down the step that follows `row`, which has succeeded. Call it in the transaction that ends the row."""
    if not row.then:
        return
    step, rest = Step(**row.then[0]), row.then[1:]
    name = row.name_at_the_end
    entry = row.audit_entry if step.goes_on else None if step.is_quiet else _entry(row, step, name)
    Job.objects.create(
        cluster=row.cluster,
        instance=name,
        kind=step.kind,
        details=step.details,
        then=rest,
        state=Job.State.DUE,
        holds=Job.hold_on(row.cluster, name),
        requested_by=row.requested_by,
        requester_name=row.requester_name,
        audit_entry=entry,
    )


def is_told_on(row: Job) -> bool:
    """Whether the step that follows `row` is told by the same entry of the history."""
    return bool(row.then) and Step(**row.then[0]).goes_on


def _entry(row: Job, step: Step, name: str) -> audit.AuditEntry:
    """The entry of the step that follows: from whom and where the first one came."""
    first = row.audit_entry
    by = Actor(
        row.requested_by or AnonymousUser(), first.ipaddress if first else None, first.request_id if first else ""
    )
    event = step.event or actions.VERBS[step.kind].event
    return audit.record(
        by, event, cluster=row.cluster.slug, instance=name, detail=actions.detail_of(step.kind, step.details)
    )


def take_due(rows: Iterable[Job]) -> bool:
    """Hands to Ganeti what is due among one cluster's unfinished rows, as many as may be under way; true if any was.

    Raises the error of a cluster that cannot be reached or takes no jobs: what was not asked stays due, for a while.
    """
    rows = list(rows)
    under_way = sum(row.claimed is not None for row in rows)
    due = [row for row in rows if row.state == Job.State.DUE][: max(AT_ONCE - under_way, 0)]
    taken = False
    for row in due:
        if row.claim():
            taken = True
            _hand_over(row)
    return taken


def _hand_over(row: Job) -> None:
    try:
        actions.hand_over(row, Actor(row.requested_by or AnonymousUser()))
    except (Unreachable, Busy) as error:
        if timezone.now() - row.created < PATIENCE:
            row.put_back()
            raise
        _give_up(row, error)
    except RapiError as error:
        _give_up(row, error)
    except systems.NoSuchSystem as error:
        actions.fail(row, str(error))
    finally:
        inventories.tell_news(row.cluster.slug)


def _give_up(row: Job, error: RapiError) -> None:
    actions.fail(row, problems.in_english(error, row.cluster.label))
