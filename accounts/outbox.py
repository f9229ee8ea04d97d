"""Outgoing mail: a row for each, written in the transaction of the change it tells, sent and retried by the watcher.

A mail is one text template, templates/mail/OCCASION.txt: its first line is the subject, the rest the text;
the HTML part is made from the same text.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from accounts import profiles
from accounts.models import OutgoingMail

MAX_SUBJECT = 200


def post(
    occasion: str,
    to: User | str,
    context: dict[str, Any] | None = None,
    *,
    reply_to: str = "",
    language: str = "",
) -> OutgoingMail | None:
    """Writes a mail into the outbox, in the recipient's language; None for a user without an address.

    `to` is a user or a bare address; `language` is for bare addresses, settings.LANGUAGE_CODE otherwise.
    """
    address = to if isinstance(to, str) else to.email
    if not address:
        return None
    user = None if isinstance(to, str) else to
    language = language or language_of(user)
    subject, text = _rendered(occasion, {**(context or {}), "recipient": user}, language)
    return OutgoingMail.objects.create(
        occasion=occasion,
        recipient=address,
        user=user,
        reply_to=reply_to,
        subject=subject,
        text=text,
        language=language,
    )


def post_all(occasion: str, to: Iterable[tuple[str, str]], context: dict[str, Any] | None = None) -> None:
    """The same to each of ADMINS or MANAGERS, given as those settings are: (name, address) pairs."""
    for _, address in to:
        post(occasion, address, context)


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
    one_line = " ".join((settings.EMAIL_SUBJECT_PREFIX + subject).split())
    return one_line[:MAX_SUBJECT], text.strip() + "\n"
