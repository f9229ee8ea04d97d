"""From a form to everybody's mailbox: the recipients are rows first, then each gets a mail in the outbox, once.

A chore of the watcher writes the mails, a batch at a time, each in one transaction with the note that it is written;
so that whatever process is killed, nobody is left out and nobody gets two.
"""

import logging
from collections.abc import Iterable

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import outbox
from accounts.models import OutgoingMail
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.notifications import wording
from apps.notifications.models import Notification, Recipient
from apps.notifications.recipients import Choice, Person
from apps.notifications.wording import Vm

log = logging.getLogger(__name__)

BATCH = 200  # mails that are written at a time
OCCASION = "notification"
NO_ADDRESS = gettext_noop("This is no address.")
CANNOT_BE_WRITTEN = gettext_noop("The mail could not be written; the log says why.")
SENTENCES = (NO_ADDRESS, CANNOT_BE_WRITTEN)  # for accounts.retelling


def send(
    by: Actor, subject: str, message: str, choices: Iterable[Choice], people: Iterable[Person], token: str
) -> Notification:
    """Writes down what goes to whom; the watcher does the rest. The same `token` again is the same notification."""
    try:
        with transaction.atomic():
            notification = Notification.objects.create(
                sender=by.user,
                sender_name=by.user.get_username(),
                subject=subject,
                message=message,
                chosen=[{"kind": choice.kind, "text": choice.text, "beside": choice.beside} for choice in choices],
                token=token,
            )
            rows = [
                Recipient(
                    notification=notification,
                    user=person.user,
                    name=person.name,
                    address=person.address,
                    instances=[[vm.cluster, vm.name] for vm in person.vms],
                )
                for person in people
            ]
            Recipient.objects.bulk_create(rows, batch_size=500)
            outcome = AuditEntry.Outcome.SUCCEEDED
            audit.record(by, events.NOTIFIED, detail=f"{subject} ({len(rows)})", outcome=outcome)
    except IntegrityError:
        return Notification.objects.get(token=token)
    return notification


def write_due() -> int:
    """Writes mails of recipients who have none yet; says how many. A chore of the watcher."""
    due = Recipient.objects.filter(outcome=Recipient.Outcome.WAITING, written_at=None)
    return sum(map(_write_safely, due.select_related("notification", "user").order_by("pk")[:BATCH]))


def _write_safely(row: Recipient) -> bool:
    """One that cannot be written keeps no other waiting: it is given up, and the log says why."""
    try:
        return _write(row)
    except DatabaseError:
        raise  # all of them wait for that
    except Exception:
        log.exception("The mail of notification %s to recipient %s cannot be written.", row.notification_id, row.pk)
        failed = {"outcome": Recipient.Outcome.FAILED, "error": CANNOT_BE_WRITTEN, "written_at": timezone.now()}
        Recipient.objects.filter(pk=row.pk, written_at=None).update(**failed)
        return False


def _write(row: Recipient) -> bool:
    with transaction.atomic():
        if not Recipient.objects.filter(pk=row.pk, written_at=None).update(written_at=timezone.now()):
            return False
        mail = outbox.post(OCCASION, row.address, _context(row), language=outbox.language_of(row.user))
        if mail is None:
            failed = {"outcome": Recipient.Outcome.FAILED, "error": NO_ADDRESS}
            Recipient.objects.filter(pk=row.pk).update(**failed)
        else:
            OutgoingMail.objects.filter(pk=mail.pk).update(user=row.user)
            Recipient.objects.filter(pk=row.pk).update(mail=mail)
    return True


def _context(row: Recipient) -> dict[str, str]:
    called = (row.user.get_full_name() or row.user.get_username()) if row.user else row.name
    vms = [Vm(cluster, name) for cluster, name in row.instances]
    return {"subject": row.notification.subject, "text": filled(row.notification.message, vms, called)}


def filled(message: str, vms: Iterable[Vm], called: str) -> str:
    """The text as that person reads it."""
    return wording.fill(message, vms, recipient=called, site=str(settings.BRANDING["TITLE"]))


def note_outcomes() -> None:
    """Takes over from the outbox, which forgets, what became of the mails; two statements. A chore of the watcher."""
    waiting = Recipient.objects.filter(outcome=Recipient.Outcome.WAITING)
    sent = waiting.filter(mail__state=OutgoingMail.State.SENT).values_list("pk", flat=True)[:5000]
    Recipient.objects.filter(pk__in=list(sent)).update(outcome=Recipient.Outcome.SENT)
    failed = waiting.filter(mail__state=OutgoingMail.State.FAILED).values_list("pk", flat=True)[:5000]
    words = OutgoingMail.objects.filter(pk=OuterRef("mail_id")).values("last_error")[:1]
    Recipient.objects.filter(pk__in=list(failed)).update(outcome=Recipient.Outcome.FAILED, error=Subquery(words))


def work() -> None:
    """The chore: mails that have to be written, and what became of those that were."""
    write_due()
    note_outcomes()
