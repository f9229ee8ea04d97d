"""Sends what waits in the outbox: a chore of the watcher, done outside of any transaction.

A mail is claimed by a conditional UPDATE, sent, and noted as sent. Whoever dies in between leaves a claim that ends:
the mail is tried again then, under the same Message-ID, so that a copy that had left is known as the same.
"""

import contextlib
import datetime
import logging
import smtplib
import time

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.letters import composed
from accounts.models import OutgoingMail
from accounts.outbox import without_control_characters

log = logging.getLogger(__name__)

BATCH = 50  # mails over one connection
BATCH_SECONDS = 8.0  # no other mail is begun after so many: a watcher that is asked to end waits 10
CLAIM_SECONDS = 600.0  # longer than one mail can take, see Chore.at_most
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
MAX_TRIES = 78  # with those pauses: three days
CLOSING = 421  # the server's answer before it hangs up
MAX_WORDS = 500


def send_due() -> int:
    """Sends a batch of those whose time has come, over one connection; says how many have left."""
    due = list(_free().order_by("next_try_at", "pk")[:BATCH])
    if not due:
        return 0
    try:
        connection = get_connection()
        connection.open()
    except Exception as error:
        _nobody_takes(due, error)
        return 0
    try:
        return _send(due, connection)
    finally:
        with contextlib.suppress(Exception):  # nothing is lost any more if the server does not say goodbye
            connection.close()


def forget_old() -> None:
    """Deletes mails that were sent, or given up, more than OUTBOX_KEEP_DAYS days ago."""
    before = timezone.now() - datetime.timedelta(days=settings.OUTBOX_KEEP_DAYS)
    sent = Q(state=OutgoingMail.State.SENT, sent_at__lt=before)
    given_up = Q(state=OutgoingMail.State.FAILED, next_try_at__lt=before)
    OutgoingMail.objects.filter(sent | given_up).delete()


def try_again(mails: QuerySet[OutgoingMail]) -> int:
    """Has those that wait or were given up sent soon, as if for the first time; says how many these are."""
    unsent = mails.exclude(state=OutgoingMail.State.SENT)
    return unsent.update(state=OutgoingMail.State.WAITING, next_try_at=timezone.now(), tries=0)


# ---- one after another ------------------------------------------------------------------------------------


def _free() -> QuerySet[OutgoingMail]:
    """Those whose time has come and on which nobody is at work."""
    now = timezone.now()
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return OutgoingMail.objects.filter(unclaimed, state=OutgoingMail.State.WAITING, next_try_at__lte=now)


def _send(due: list[OutgoingMail], connection: BaseEmailBackend) -> int:
    sent, ends_at = 0, time.monotonic() + BATCH_SECONDS
    for mail in due:
        if time.monotonic() > ends_at:
            break
        if not _claim(mail):
            continue
        try:
            connection.send_messages([composed(mail)])
        except Exception as error:
            _note_failure(mail, error)
            if not _can_go_on_after(error):
                break
        else:
            _note_sent(mail)
            sent += 1
    return sent


def _claim(mail: OutgoingMail) -> bool:
    """True for the one process that may send it now. A try that kills its process counts as one, too."""
    until = timezone.now() + datetime.timedelta(seconds=CLAIM_SECONDS)
    taken = _free().filter(pk=mail.pk).update(claimed_until=until, tries=F("tries") + 1)
    mail.tries += 1
    return bool(taken)


def _note_sent(mail: OutgoingMail) -> None:
    """Its text is gone: links in it open doors."""
    sent = OutgoingMail.State.SENT
    _note(mail, state=sent, sent_at=timezone.now(), text="", last_error="", claimed_until=None)


def _note(mail: OutgoingMail, **changes: object) -> None:
    OutgoingMail.objects.filter(pk=mail.pk).update(**changes)


# ---- when it does not go -------------------------------------------------------------------------------------


def _nobody_takes(due: list[OutgoingMail], error: Exception) -> None:
    """Without a server it costs each of them a try: the pauses grow."""
    log.warning("Mails wait (%d), for the mail server cannot be used: %s", len(due), _words(error))
    for mail in due:
        if _claim(mail):
            _try_later(mail, error)


def _note_failure(mail: OutgoingMail, error: Exception) -> None:
    about = (mail.occasion, mail.pk, _words(error))
    if not isinstance(error, OSError | ValueError):
        log.exception("The mail “%s” (%d) could not be sent: %s", *about)
    if _is_final(error) or mail.tries >= MAX_TRIES:
        log.warning("The mail “%s” (%d) is given up: %s", *about)
        _note(mail, state=OutgoingMail.State.FAILED, last_error=_words(error), claimed_until=None)
    else:
        _try_later(mail, error)


def _try_later(mail: OutgoingMail, error: Exception) -> None:
    again = timezone.now() + datetime.timedelta(seconds=pause_after(mail.tries))
    _note(mail, next_try_at=again, last_error=_words(error), claimed_until=None)


def pause_after(tries: int) -> float:
    """How many seconds a mail waits that has been tried so often: a minute, twice as long each time, then an hour."""
    return min(FIRST_PAUSE * 2.0 ** (tries - 1), LONGEST_PAUSE)


def _is_final(error: Exception) -> bool:
    """Whether nothing will change by waiting: the recipient or the text is refused, or is none.

    What the server has against us (sender, password) is for the operator to mend meanwhile.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError):
        return all(code >= 500 for code, _ in _answers(error))
    return isinstance(error, ValueError)  # headers that cannot be written


def _can_go_on_after(error: Exception) -> bool:
    """Whether the connection takes another mail: the server has said no to this one only."""
    answers = _answers(error)
    return isinstance(error, ValueError) or bool(answers and all(code != CLOSING for code, _ in answers))


def _answers(error: Exception) -> list[tuple[int, bytes | str]]:
    """What the mail server said, with its code; nothing where it said nothing."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return list(error.recipients.values())
    return [(error.smtp_code, error.smtp_error)] if isinstance(error, smtplib.SMTPResponseException) else []


def _words(error: Exception) -> str:
    """The error in a line: the server's own words where it spoke."""
    said = [
        f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}" for code, text in _answers(error)
    ]
    words = "; ".join(said) or str(error) or type(error).__name__
    return " ".join(without_control_characters(words).split())[:MAX_WORDS]
