"""Another e-mail address: it counts once somebody who is signed in has followed the link that goes there.

Nobody learns from us whether an address has an account: who asks for somebody else's sees what all see, and its
owner gets a mail instead of the link.
"""

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import deeds, outbox, registering
from accounts.models import EmailChange, new_key
from accounts.throttling import times_this_hour

DAYS = 3  # how long the link is good
TIMES_PER_HOUR = 5  # that somebody may ask: each time a mail goes to an address that need not be theirs
MAILS_PER_HOUR = 3  # to one address that belongs to somebody else


def pending_of(user: User) -> EmailChange | None:
    """The address of `user` that has yet to prove itself."""
    return _fresh().filter(user=user).first()


def find(key: str) -> EmailChange | None:
    """What the link with this key is good for; None for one that was used, is too old or never was."""
    return _fresh().select_related("user").filter(key=key).first()


def may_ask(user: User) -> bool:
    """Whether `user` has not asked too often; each question counts."""
    return times_this_hour("email-change", str(user.pk)) <= TIMES_PER_HOUR


@transaction.atomic
def ask(request: HttpRequest, email: str) -> None:
    """Notes the wish of the request's user, instead of an earlier one, and mails both addresses."""
    user = _asking(request)
    change, _is_new = EmailChange.objects.update_or_create(
        user=user, defaults={"email": email, "key": new_key(), "asked": timezone.now()}
    )
    deeds.tell(deeds.EMAIL_CHANGE_ASKED, request, about=user, detail=_both(user.email, email))
    if _is_free(change):
        link = outbox.absolute(reverse("mail-change-confirm", args=[change.key]), request)
        about = {"name": user.username, "link": link, "days": DAYS}
        outbox.post("email_confirm", email, about, language=outbox.language_of(user))
    else:
        _tell_owner(email)
    outbox.post("email_changing", user, {"name": user.username, "email": email, **_pages(request)})


@transaction.atomic
def cancel(request: HttpRequest) -> bool:
    """The address stays as it is; False where no other one was waiting."""
    user = _asking(request)
    was_there = EmailChange.objects.filter(user=user).delete()[0] > 0
    if was_there:
        deeds.tell(deeds.EMAIL_CHANGE_CANCELLED, request, about=user)
    return was_there


@transaction.atomic
def confirm(request: HttpRequest, change: EmailChange) -> bool:
    """The new address counts, and both are told. False where it is another account's by now, or somebody was faster."""
    user = _asking(request)
    is_first = EmailChange.objects.filter(pk=change.pk, key=change.key, user=user).delete()[0] > 0
    if not is_first or not _is_free(change):
        return False
    before, user.email = user.email, change.email
    user.save(update_fields=["email"])
    deeds.tell(deeds.EMAIL_CHANGED, request, about=user, detail=_both(before, user.email))
    about = {"name": user.username, "before": before, "email": user.email}
    outbox.post("email_changed", user, about)
    if before:
        outbox.post("email_changed", before, about, language=outbox.language_of(user))
    return True


def forget_old() -> None:
    """Removes what nobody confirmed in time."""
    EmailChange.objects.filter(asked__lte=_too_long_ago()).delete()


def _fresh() -> QuerySet[EmailChange]:
    return EmailChange.objects.filter(asked__gt=_too_long_ago())


def _too_long_ago() -> dt.datetime:
    return timezone.now() - dt.timedelta(days=DAYS)


def _asking(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _is_free(change: EmailChange) -> bool:
    owner = registering.owner_of(change.email)
    return owner is None or owner.pk == change.user_id


def _tell_owner(email: str) -> None:
    owner = registering.owner_of(email)
    if owner is not None and times_this_hour("email-taken", email) <= MAILS_PER_HOUR:
        outbox.post("email_taken", owner, {"name": owner.username})


def _pages(request: HttpRequest) -> dict[str, str]:
    return {
        "profile": outbox.absolute(reverse("profile") + "#email", request),
        "reset": outbox.absolute(reverse("password_reset"), request),
    }


def _both(before: str, after: str) -> str:
    return f"{before or '–'} → {after}"
