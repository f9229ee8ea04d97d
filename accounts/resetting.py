"""A forgotten password: a link by mail, once, to the account's own address, and a new password behind it.

From outside an address that somebody has here looks like one that nobody has, in words, in work and in time.
"""

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts import deeds, locks, outbox, profiles, registering
from accounts.throttling import times_this_hour

MAILS_PER_HOUR = 3  # to one address, whoever asks for them
MAX_ACCOUNTS = 10  # of one address, each of which gets a link of its own


def may_reset(user: User) -> bool:
    return user.is_active and not profiles.is_managed_elsewhere(user)


@transaction.atomic
def ask(email: str, request: HttpRequest) -> None:
    """Mails a link to each account with this address that may have a new password, or why it may not."""
    if times_this_hour("password-reset", email) > MAILS_PER_HOUR:
        return
    claims = User.objects.select_related("profile").filter(email__iexact=email).order_by("-is_active", "pk")
    people = [user for user in claims[:MAX_ACCOUNTS] if user.email.lower() == email.lower()]
    entitled = [user for user in people if may_reset(user)]
    for user in entitled:
        _mail_link(user, user, request)
    if people and not entitled:
        _mail_reason(people[0])
    if not people:
        _pretend(email, request)


def finish(user: User, request: HttpRequest) -> None:
    """After the new password was saved, in the same transaction: locks open, the owner is told.

    Sessions end by themselves: each remembers the password that it began with. So does the link.
    """
    locks.lift(user)
    deeds.tell(deeds.PASSWORD_RESET, request, by=user, about=user)
    outbox.post("password_changed", user, {"name": user.username, "reset": _reset_page(request)})


def _mail_link(user: User, to: User | str, request: HttpRequest) -> None:
    where = {"uidb64": urlsafe_base64_encode(force_bytes(user.pk)), "token": default_token_generator.make_token(user)}
    link = outbox.absolute(reverse("password_reset_confirm", kwargs=where), request)
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    outbox.post("password_reset", to, {"name": user.username, "link": link, "hours": hours})
    deeds.tell(deeds.PASSWORD_RESET_ASKED, request, about=user)


def _mail_reason(user: User) -> None:
    why = registering.standing(user) if not user.is_active else "elsewhere"
    outbox.post("password_reset_refused", user, {"name": user.username, "why": why, "where": profiles.where_managed()})


def _pretend(email: str, request: HttpRequest) -> None:
    """The same work, and nothing of it stays."""
    with transaction.atomic():
        _mail_link(User(pk=0, username="nobody", email=email), email, request)
        transaction.set_rollback(True)


def _reset_page(request: HttpRequest) -> str:
    return outbox.absolute(reverse("password_reset"), request)
