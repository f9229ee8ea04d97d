"""Changes of several steps: each is a job of its own, the next one follows when the one before has succeeded.

The step that follows is written in the transaction that ends the one before, as a row that is due; the watcher that
follows the cluster's jobs takes what is due. So nothing is lost with a process that dies, and nothing is asked twice.
The jobs of a batch (see bulk.py) are due from the beginning, and taken a few at a time.
"""

import datetime
import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, inventories, problems, systems
from apps.clusters.actions import Step
from apps.clusters.models import Job, JobQuerySet
from ganeti.errors import Busy, RapiError, Unreachable

log = logging.getLogger(__name__)

AT_ONCE = 4  # rows that were due and are now with Ganeti, on one cluster: others want to work there, too
PATIENCE = datetime.timedelta(minutes=10)  # how long what is due waits for a cluster that takes nothing
PAUSE = datetime.timedelta(seconds=3)  # between two tries on such a cluster
LONGEST_WAIT = datetime.timedelta(days=1)  # for one's turn: later it would surprise people

TOO_LONG = gettext_noop("%(cluster)s took no changes for too long. This one was not made.")
TOO_LATE = gettext_noop("Its turn did not come within a day. It was not made.")
NOBODY_WANTS_IT = gettext_noop("The account that asked for it is no longer in use. It was not made.")
SENTENCES = (TOO_LONG, TOO_LATE, NOBODY_WANTS_IT)  # for accounts.retelling

OUTCOMES = {Job.State.FAILED: AuditEntry.Outcome.FAILED, Job.State.CANCELED: AuditEntry.Outcome.CANCELED}


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


def _entry(row: Job, step: Step, name: str) -> AuditEntry:
    """The entry of the step that follows: from whom and where the first one came."""
    first = row.audit_entry
    by = Actor(
        row.requested_by or AnonymousUser(), first.ipaddress if first else None, first.request_id if first else ""
    )
    event = step.event or actions.VERBS[step.kind].event
    return audit.record(
        by, event, cluster=row.cluster.slug, instance=name, detail=actions.detail_of(step.kind, step.details)
    )


# ---- handing over -------------------------------------------------------------------------------------------


def take_due(rows: Sequence[Job]) -> bool:
    """Hands to Ganeti what is due among one cluster's unfinished rows, as many as may be under way; true if any was.

    What a cluster that takes nothing was certainly not asked for stays due, see `hold_up`.
    Raises Unreachable where it cannot be asked about jobs either.
    """
    now = timezone.now()
    taken = _give_up_the_late(rows, now)
    if _is_in_doubt(rows) or any(_is_due(row) and row.claimed and now - row.claimed < PAUSE for row in rows):
        return taken
    for row in _whose_turn_it_is(rows):
        if not row.claim():
            continue
        taken = True
        try:
            _hand_over(row)
        except (Unreachable, Busy) as error:
            row.put_back()
            hold_up(rows)
            if isinstance(error, Unreachable):
                raise
            return taken
        if row.state == Job.State.INTENDED:  # the next one waits until it is known what became of this one
            return taken
        go_on(rows)
    return taken


def _whose_turn_it_is(rows: Iterable[Job]) -> list[Job]:
    """Steps of single changes first: they wait for no batch. Batches share their places, each row in its order."""
    rows = list(rows)
    under_way = Counter(row.batch_id for row in rows if row.claimed and not _is_due(row))
    single = [row for row in rows if _is_due(row) and row.batch_id is None]
    in_batches = []
    place = Counter(under_way)
    for row in rows:
        if _is_due(row) and row.batch_id is not None:
            in_batches.append((place[row.batch_id], row))
            place[row.batch_id] += 1
    in_batches.sort(key=lambda placed: placed[0])
    free = max(AT_ONCE - (under_way.total() - under_way[None]), 0)
    return single[: max(AT_ONCE - under_way[None], 0)] + [row for _, row in in_batches[:free]]


def _is_due(row: Job) -> bool:
    return row.state == Job.State.DUE


def _is_in_doubt(rows: Iterable[Job]) -> bool:
    """Whether one was handed over and nobody knows yet whether it arrived."""
    return any(row.claimed and row.state == Job.State.INTENDED for row in rows)


def _hand_over(row: Job) -> None:
    """Asks for it. Raises Unreachable or Busy where the cluster could not take it now, and might later."""
    try:
        if row.batch_id and not (row.requested_by and row.requested_by.is_active):
            actions.fail(row, NOBODY_WANTS_IT)
        else:
            actions.hand_over(row, Actor(row.requested_by or AnonymousUser()))
    except (Unreachable, Busy):
        raise
    except RapiError as error:
        actions.fail(row, problems.in_english(error, row.cluster.label))
    except systems.NoSuchSystem as error:
        actions.fail(row, str(error))
    except Exception:  # a row that cannot be handed over keeps no other waiting for longer than it takes to settle it
        log.exception("%s of %s could not be handed over.", row.kind, row.instance, extra=row.facts)
    finally:
        inventories.tell_news(row.cluster.slug)


# ---- waiting, and waiting in vain ---------------------------------------------------------------------------


def hold_up(rows: Iterable[Job]) -> None:
    """Notes that the cluster takes nothing just now; what has waited PATIENCE for it is given up."""
    now = timezone.now()
    due = [row for row in rows if _is_due(row)]
    too_long = [row for row in due if row.held_up and now - row.held_up >= PATIENCE]
    if too_long:
        cluster = too_long[0].cluster
        drop(Job.objects.filter(pk__in=[row.pk for row in too_long]), TOO_LONG % {"cluster": cluster.label})
        inventories.tell_news(cluster.slug)
    fresh = [row.pk for row in due if not row.held_up]
    if fresh:
        Job.objects.due().filter(pk__in=fresh).update(held_up=now)


def go_on(rows: Iterable[Job]) -> None:
    """Notes that the cluster takes changes again."""
    held_up = [row for row in rows if _is_due(row) and row.held_up]
    if held_up:
        Job.objects.due().filter(pk__in=[row.pk for row in held_up]).update(held_up=None)
    for row in held_up:
        row.held_up = None


def has_answered(rows: Iterable[Job]) -> None:
    """Notes that the cluster speaks again, if it was not that it took a change no more."""
    rows = list(rows)
    if not any(_is_due(row) and row.claimed for row in rows):
        go_on(rows)


def _give_up_the_late(rows: Iterable[Job], now: datetime.datetime) -> bool:
    late = [row for row in rows if _is_due(row) and now - row.created > LONGEST_WAIT]
    if late:
        drop(Job.objects.filter(pk__in=[row.pk for row in late]), TOO_LATE)
        for row in late:
            row.state = Job.State.FAILED
    return bool(late)


def drop(rows: JobQuerySet, sentence: str, state: Job.State = Job.State.FAILED) -> int:
    """Ends those of `rows` that are still due, without asking Ganeti, whatever watchers do meanwhile: how many."""
    with transaction.atomic():
        found = list(rows.due().order_by("pk").select_for_update().values_list("pk", "audit_entry"))
        ended = {"state": state, "holds": None, "error": sentence, "ended": timezone.now()}
        dropped = Job.objects.due().filter(pk__in=[pk for pk, _ in found]).update(**ended)
        audit.conclude_many([entry for _, entry in found if entry], OUTCOMES[state], sentence)
    return dropped
