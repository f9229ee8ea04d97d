"""Outgoing mail: a row for each, written in the transaction of the change it tells, sent and retried by the watcher.

A mail is one text template, templates/mail/OCCASION.txt: its first line is the subject, the rest the text;
the HTML part is made from the same text.
"""

import datetime
import logging
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Count, Min
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from accounts import profiles
from accounts.models import OutgoingMail

log = logging.getLogger(__name__)

MAX_SUBJECT = 200
MAX_ADDRESS = 254  # the column's, and about what mail servers take
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def post(
    occasion: str,
    to: User | str,
    context: dict[str, Any] | None = None,
    *,
    reply_to: str = "",
    language: str = "",
) -> OutgoingMail | None:
    """Writes a mail into the outbox, in the recipient's language; None where there is no address that could be one.

    `to` is a user or a bare address; `language` is for bare addresses, settings.LANGUAGE_CODE otherwise.
    """
    address = to if isinstance(to, str) else to.email
    if not is_address(address):
        if address:
            log.warning("No mail “%s”: %r is no address.", occasion, address)
        return None
    user = None if isinstance(to, str) else to
    language = language or language_of(user)
    subject, text = _rendered(occasion, {**(context or {}), "recipient": user}, language)
    return OutgoingMail.objects.create(
        occasion=occasion,
        recipient=address,
        user=user,
        reply_to=reply_to if is_address(reply_to) else "",
        subject=subject,
        text=text,
        language=language,
    )


def managers() -> list[tuple[str, str]]:
    """Who hears of applications: MANAGERS, or ADMINS where a site names none."""
    return settings.MANAGERS or settings.ADMINS


def post_all(occasion: str, to: Iterable[tuple[str, str]], context: dict[str, Any] | None = None) -> None:
    """The same to each of ADMINS or MANAGERS, given as those settings are: (name, address) pairs."""
    for _, address in to:
        post(occasion, address, context)


def waiting() -> tuple[int, datetime.datetime | None]:
    """How many mails have yet to leave, and when the oldest of them was written."""
    found = OutgoingMail.objects.filter(state=OutgoingMail.State.WAITING).aggregate(n=Count("pk"), since=Min("created"))
    return found["n"], found["since"]


def given_up() -> int:
    """How many mails will not be tried again, of the last OUTBOX_KEEP_DAYS."""
    return OutgoingMail.objects.filter(state=OutgoingMail.State.FAILED).count()


def is_address(text: str) -> bool:
    """Whether a mail can go there: one address, without a name, line breaks or anything else around it."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= MAX_ADDRESS


def without_control_characters(text: str) -> str:
    """`text` with blanks for what is neither to be read nor a line's end: none of it may reach a header."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))


def language_of(user: Any) -> str:
    """The language that `user` has chosen, or the site's."""
    chosen = profiles.of(user).language if user is not None else ""
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def absolute(path: str, request: HttpRequest | None = None) -> str:
    """The full address of a page of ours, for mails: under SITE_URL, else under the host that was asked for."""
    if settings.SITE_URL or request is None:
        return settings.SITE_URL.rstrip("/") + path
    return request.build_absolute_uri(path)


def _rendered(occasion: str, context: dict[str, Any], language: str) -> tuple[str, str]:
    shared = {"site": settings.BRANDING["TITLE"], "site_url": settings.SITE_URL}
    with translation.override(language):
        whole = render_to_string(f"mail/{occasion}.txt", {**shared, **context})
    subject, _, text = whole.lstrip().partition("\n")
    one_line = " ".join(without_control_characters(settings.EMAIL_SUBJECT_PREFIX + subject).split())
    return one_line[:MAX_SUBJECT], without_control_characters(text).strip() + "\n"
