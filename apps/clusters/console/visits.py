"""Open consoles, as the database and the history know them: who may come in, who has to leave, who was there.

A row of ConsoleTicket says that a console is open; the process that serves it says so again every now and then. What
a killed process left behind is written down by a chore of the watcher, see `conclude_abandoned`.
"""

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import sessions
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import fleet, locks, screens
from apps.clusters.console import tickets
from apps.clusters.console.endings import (
    NO_SCREEN,
    NOT_ALLOWED,
    SESSION_ENDED,
    TOO_MANY_OF_YOURS,
    Ended,
    Ending,
    Refused,
)
from apps.clusters.models import ConsoleTicket

ABANDONED_SECONDS = 60  # without a word of its process
KEEP_DAYS = 1

WAS_OPEN = gettext_noop("It was open for %(time)s.")
WAS_ABANDONED = gettext_noop("It was open for %(time)s; then its process ended.")
DID_NOT_OPEN = gettext_noop("The screen could not be reached.")
SENTENCES = (WAS_OPEN, WAS_ABANDONED, DID_NOT_OPEN)


@dataclass(eq=False)
class Visit:
    """One console that somebody opens, and where its screen is."""

    ticket: ConsoleTicket
    session_key: str = field(repr=False)
    target: tuple[str, int]
    entry: AuditEntry
    by: Actor

    @property
    def what(self) -> tuple[str, str]:
        return self.ticket.cluster.slug, self.ticket.instance

    def is_open(self) -> None:
        """The screen answered."""
        audit.conclude(self.entry.pk, AuditEntry.Outcome.SUCCEEDED)

    def failed(self) -> None:
        """It did not come so far."""
        if _end(self.ticket):
            audit.conclude(self.entry.pk, AuditEntry.Outcome.FAILED, DID_NOT_OPEN)

    @transaction.atomic
    def is_over(self) -> None:
        """Written down once, here or by the chore."""
        if _end(self.ticket):
            _note_closed(self.by, *self.what, WAS_OPEN, self.ticket.opened)


def enter(token: str, session_key: str, origin: str, address: str | None, request_id: str = "") -> Visit:
    """Uses up a ticket. Refused where it is no good here; Ended where it is, and there is no console all the same."""
    ticket = tickets.lookup(token)
    if ticket is None:
        raise Refused(403, "This ticket is unknown, used or too old.")
    if not tickets.is_from_its_page(ticket, origin):
        raise Refused(403, "This ticket is for a page of this site.")
    user = sessions.people_of([session_key]).get(session_key)
    if user is None or user.pk != ticket.user_id or tickets.hashed(session_key) != ticket.session_hash:
        raise Refused(403, "This ticket is for another session.")
    if not tickets.take(ticket, address):
        raise Refused(403, "This ticket is unknown, used or too old.")
    ticket.refresh_from_db()
    by = Actor(user, address, request_id)
    try:
        return _let_in(ticket, session_key, by)
    except Ended:
        _end(ticket)
        raise


def _let_in(ticket: ConsoleTicket, session_key: str, by: Actor) -> Visit:
    what = (ticket.cluster.slug, ticket.instance)
    vm = fleet.found([what]).get(what)
    is_ours = settings.WEBSOCK_VNC_ENABLED and not settings.NOVNC_PROXY
    if vm is None or not is_ours or locks.why_no_console_by_right(by.user, vm):
        raise Ended(NOT_ALLOWED)
    target = screens.address(vm)
    if screens.why_none(vm) or target is None:
        raise Ended(NO_SCREEN)
    if _open().filter(user=by.user).exclude(pk=ticket.pk).count() >= settings.CONSOLES_PER_PERSON:
        raise Ended(TOO_MANY_OF_YOURS)
    with transaction.atomic():
        entry = audit.record(by, events.CONSOLE_OPENED, cluster=what[0], instance=what[1])
        ConsoleTicket.objects.filter(pk=ticket.pk).update(audit_entry=entry)
    return Visit(ticket, session_key, target, entry, by)


def who_must_leave(visits: Collection[Visit]) -> dict[Visit, Ending]:
    """Those whose session, rights or screen are gone. A few queries for all of them."""
    people = sessions.people_of({visit.session_key for visit in visits})
    fleet.learn_owner_keys(list(people.values()))
    vms = fleet.found({visit.what for visit in visits})
    leaving: dict[Visit, Ending] = {}
    for visit in visits:
        user = people.get(visit.session_key)
        if user is None or user.pk != visit.ticket.user_id:
            leaving[visit] = SESSION_ENDED
            continue
        if visit.what not in vms:  # nothing is known of its cluster just now
            continue
        vm = vms[visit.what]
        if vm is None:
            leaving[visit] = NO_SCREEN
        elif locks.why_no_console_by_right(user, vm):
            leaving[visit] = NOT_ALLOWED
    return leaving


def still_open(visits: Collection[Visit]) -> None:
    """Says so to the chore."""
    pks = [visit.ticket.pk for visit in visits]
    ConsoleTicket.objects.filter(pk__in=pks, ended__isnull=True).update(seen=timezone.now())


def conclude_abandoned() -> None:
    """What a process that was killed could not write down; and old rows go."""
    now = timezone.now()
    silent = now - datetime.timedelta(seconds=ABANDONED_SECONDS)
    for ticket in _open().filter(seen__lt=silent).select_related("cluster", "user", "audit_entry")[:100]:
        with transaction.atomic():
            if not _end(ticket):
                continue
            opened = ticket.audit_entry
            if opened is None:  # it did not come so far
                continue
            if opened.outcome == AuditEntry.Outcome.PENDING:
                audit.conclude(opened.pk, AuditEntry.Outcome.FAILED, DID_NOT_OPEN)
                continue
            by = Actor(ticket.user, ticket.address, opened.request_id)
            _note_closed(by, ticket.cluster.slug, ticket.instance, WAS_ABANDONED, ticket.opened, ticket.seen)
    old = now - datetime.timedelta(days=KEEP_DAYS)
    ConsoleTicket.objects.filter(created__lt=old).exclude(opened__isnull=False, ended__isnull=True).delete()


def _open() -> QuerySet[ConsoleTicket]:
    return ConsoleTicket.objects.filter(opened__isnull=False, ended__isnull=True)


def _end(ticket: ConsoleTicket) -> bool:
    return bool(ConsoleTicket.objects.filter(pk=ticket.pk, ended__isnull=True).update(ended=timezone.now()))


def _note_closed(
    by: Actor,
    cluster: str,
    instance: str,
    sentence: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None = None,
) -> None:
    seconds = int(((until or timezone.now()) - (since or timezone.now())).total_seconds())
    detail = sentence % {"time": str(datetime.timedelta(seconds=max(seconds, 0)))}
    done = AuditEntry.Outcome.SUCCEEDED
    audit.record(by, events.CONSOLE_CLOSED, cluster=cluster, instance=instance, outcome=done, detail=detail)
