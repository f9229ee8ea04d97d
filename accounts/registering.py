"""Registration: an account that proves its address first and is approved by an administrator then.

A row of django-registration-redux stands for each account on this way, `activated` once the address is proven; the
decision removes the row. Who is inactive and has no row was switched off by an administrator.

An address belongs to whom proved it. Before, any number may claim it: a stranger's claim keeps nobody out.
"""

import datetime as dt
import hashlib
import logging
import re
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from registration.models import RegistrationProfile, SupervisedRegistrationProfile

from accounts import deeds, outbox, profiles
from accounts.middleware import client_address
from accounts.models import Organization
from accounts.throttling import network, times_this_hour

log = logging.getLogger(__name__)

Standing = Literal["unvalidated", "waiting", "active", "inactive"]
Link = Literal["good", "used", "expired", "unknown", "taken"]

MAILS_PER_HOUR = 3  # to one address, whoever asks for them
_KEY = re.compile(r"[0-9a-f]{40,64}")


def is_open() -> bool:
    return settings.REGISTRATION_OPEN


# ---- who is how far -----------------------------------------------------------------------------------


def standing(user: User) -> Standing:
    """Whether `user` may sign in, and if not, what is missing: the proof of the address, or the approval.

    Somebody who has signed in before was approved then: no forgotten row makes such an account new again.
    """
    if user.is_active:
        return "active"
    if user.pk is None:  # see accounts/backends.py
        return "unvalidated"
    row = _pending().filter(user=user).first()
    if row is None:
        return "inactive"
    return "waiting" if row.activated else "unvalidated"


def waiting() -> QuerySet[RegistrationProfile]:
    """Those whose address is proven: somebody has to decide about them. The oldest first."""
    return _pending().filter(activated=True)


def unproven() -> QuerySet[RegistrationProfile]:
    """Those who have not followed the link in their mail yet."""
    return _pending().filter(activated=False)


def _pending() -> QuerySet[RegistrationProfile]:
    rows = RegistrationProfile.objects.filter(user__is_active=False, user__last_login=None)
    return rows.select_related("user__profile__organization").order_by("user__date_joined", "pk")


def owner_of(email: str) -> User | None:
    """To whom an address belongs: the account that proved it, or got it from an administrator."""
    claims = User.objects.filter(email__iexact=email).order_by("-is_active", "pk")
    return next((user for user in claims if standing(user) != "unvalidated"), None)


# ---- registering --------------------------------------------------------------------------------------


@transaction.atomic
def register(user: User, telephone: str, organization: Organization | None, request: HttpRequest) -> None:
    """Makes an account of an unsaved `user` and mails it a link, or tells whom the address belongs to already.

    From outside both look alike, so that nobody learns who has an account here. IntegrityError where the name
    was taken in this very moment.
    """
    owner = owner_of(user.email)
    if owner is not None:
        _keep(user.username, user.email, password_hash=user.password)
        if _may_mail(user.email):
            reset = outbox.absolute(reverse("password_reset"), request)
            about = {"name": owner.username, "standing": standing(owner), "sign_in": _sign_in(request), "reset": reset}
            outbox.post("registration_known", owner, about)
        return
    user.is_active = False
    user.save()
    row = SupervisedRegistrationProfile.objects.create_profile(user)
    profile = profiles.of(user)
    profile.telephone, profile.organization, profile.language = telephone, organization, get_language() or ""
    profile.save()
    deeds.tell(deeds.REGISTERED, request, by=user, about=user)
    if _may_mail(user.email):
        _mail_link(row, request)


@transaction.atomic
def resend(email: str, request: HttpRequest) -> None:
    """Mails new links to all who claim this address without proof yet; nothing where nobody does."""
    for row in _claims(email):
        if not row.activation_key_expired() and _may_mail(email):
            row.create_new_activation_key()
            _mail_link(row, request)


def _claims(email: str) -> list[RegistrationProfile]:
    """Whoever claims this address without proof yet. A database may take more letters for equal than mail servers."""
    rows = unproven().filter(user__email__iexact=email).select_related("user")
    return [row for row in rows if row.user.email.lower() == email.lower()]


def _mail_link(row: RegistrationProfile, request: HttpRequest) -> None:
    link = outbox.absolute(reverse("registration_activate", args=[row.activation_key]), request)
    until = row.user.date_joined + dt.timedelta(days=settings.ACCOUNT_ACTIVATION_DAYS)
    outbox.post("registration_validate", row.user, {"name": row.user.username, "link": link, "until": until})


def _sign_in(request: HttpRequest) -> str:
    return outbox.absolute(reverse("login"), request)


# ---- proving the address --------------------------------------------------------------------------------


def find(key: str) -> tuple[Link, RegistrationProfile | None]:
    """What the link with this key is good for now, and whose it is."""
    row = _pending().filter(activation_key=key).first() if _KEY.fullmatch(key) else None
    if row is None:
        return "unknown", None
    if row.activated:
        return "used", row
    if row.activation_key_expired():
        return "expired", row
    return ("taken" if owner_of(row.user.email) else "good"), row


@transaction.atomic
def prove(key: str, request: HttpRequest) -> Link:
    """Notes that the address is proven and mails those who decide, if the link is good: what it was good for."""
    claimed = RegistrationProfile.objects.filter(activation_key=key).values_list("user__email", flat=True).first()
    _lock(user__email__iexact=claimed or "")  # two clicks, or two who claim one address: one proof
    link, row = find(key)
    if link == "good" and row is not None:
        row.activated = True
        row.save(update_fields=["activated"])
        rivals = [claim.user_id for claim in _claims(row.user.email) if claim.pk != row.pk]
        User.objects.filter(pk__in=rivals).delete()
        deeds.tell(deeds.ADDRESS_PROVEN, request, by=row.user, about=row.user, detail=row.user.email)
        _ask_for_decision(row, request)
    return link


def _ask_for_decision(row: RegistrationProfile, request: HttpRequest) -> None:
    about = {
        "person": row.user,
        "link": outbox.absolute(reverse("registration_admin_approve", args=[row.pk]), request),
        "waiting": outbox.absolute(reverse("registration-waiting"), request),
    }
    for administrator in deciders():
        outbox.post("registration_approve", administrator, about, reply_to=row.user.email)


def deciders() -> list[User | str]:
    """Who is told of those who wait: the addresses that the settings name, else all superusers."""
    named = settings.REGISTRATION_ADMINS or settings.ADMINS
    if named:
        return [entry if isinstance(entry, str) else entry[1] for entry in named]
    return list(User.objects.filter(is_superuser=True, is_active=True).exclude(email=""))


# ---- deciding -----------------------------------------------------------------------------------------


@transaction.atomic
def approve(number: int, request: HttpRequest) -> User | None:
    """Lets somebody who waits in, and tells them; None where nobody waits under this number (any more)."""
    user = _taken_from_the_queue(number)
    if user is not None:
        user.is_active = True
        user.save(update_fields=["is_active"])
        deeds.tell(deeds.REGISTRATION_APPROVED, request, about=user)
        outbox.post("registration_approved", user, {"name": user.username, "sign_in": _sign_in(request)})
    return user


@transaction.atomic
def refuse(number: int, reason: str, request: HttpRequest) -> User | None:
    """Tells somebody who waits that and why they cannot come in, and removes the account; None as above."""
    user = _taken_from_the_queue(number)
    if user is not None:
        deeds.tell(deeds.REGISTRATION_REFUSED, request, about=user, detail=reason)
        about = {"name": user.username, "reason": reason}
        outbox.post("registration_refused", user.email, about, language=outbox.language_of(user))
        user.delete()
    return user


def _taken_from_the_queue(number: int) -> User | None:
    """Of two administrators who decide at once, one gets the user."""
    _lock(pk=number)
    row = waiting().filter(pk=number).first()
    if row is None:
        return None
    row.delete()
    return row.user


def _lock(**which: Any) -> None:
    """Lets others wait who would take the same row; they read it anew then."""
    list(RegistrationProfile.objects.select_for_update().filter(**which).order_by("pk"))


# ---- cleaning up ----------------------------------------------------------------------------------------


def remove_expired() -> int:
    """Removes accounts that did not prove their address in time: how many."""
    limit = timezone.now() - dt.timedelta(days=settings.ACCOUNT_ACTIVATION_DAYS)
    with transaction.atomic():
        expired = User.objects.filter(registrationprofile__in=unproven().filter(user__date_joined__lte=limit))
        names = dict(expired.values_list("pk", "username"))
        _, removed = expired.delete()
        for name in names.values():
            deeds.tell(deeds.REGISTRATION_EXPIRED, about=name)
    number = removed.get(User._meta.label, 0)
    if number:
        log.info("%s registrations expired without proof of their address.", number)
    return number


# ---- not too often ----------------------------------------------------------------------------------------


def comes_too_often(request: HttpRequest) -> bool:
    """Counts one more registration from where `request` comes from: whether that is one too many for this hour."""
    address, limit = client_address(request), settings.REGISTRATIONS_PER_HOUR
    return bool(address and limit) and times_this_hour("register", network(address or "")) > limit


def _may_mail(email: str) -> bool:
    return times_this_hour("registration-mail", email) <= MAILS_PER_HOUR


# A second registration with a name that the first one did not really get would tell that the first address was known.


def is_kept(name: str) -> bool:
    """Whether somebody registered this name, although there is no such account."""
    return cache.get(f"registered-name:{_digest(name)}") is not None


def looks_unproven(name: str, password: str) -> bool:
    """Whether somebody registered so, by name or address, and got no account: they read what a real one would."""
    kept = cache.get(f"registered-name:{_digest(name)}")
    return isinstance(kept, str) and check_password(password, kept)


def _keep(*names: str, password_hash: str) -> None:
    for name in names:
        cache.set(f"registered-name:{_digest(name)}", password_hash, settings.ACCOUNT_ACTIVATION_DAYS * 24 * 3600)


def _digest(text: str) -> str:
    return hashlib.sha256(text.casefold().encode()).hexdigest()
