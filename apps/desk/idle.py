"""Accounts that nobody has used for long, and the mail that asks whether they are still needed.

The page and `manage.py idle_accounts` write the same mail to the same people.
"""

import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import deeds, outbox, profiles
from accounts.models import UserProfile
from apps.desk.owned import Holdings

SINCE = Coalesce("last_login", "date_joined")
CHUNK = 100  # accounts whose VMs are looked up at once
VMS_NAMED = 20  # in a mail


def notification_days() -> int:
    """After how many days without a sign-in an account counts as idle."""
    return int(settings.IDLE_ACCOUNT_NOTIFICATION_DAYS)


def is_idle(days: int) -> Q:
    """Active accounts whose last sign-in, or whose beginning where there never was one, is so long ago."""
    return Q(is_active=True) & _unused_since(_limit(days))


def was_told(days: int) -> Q:
    """Accounts that got the notice within these days: they are left in peace."""
    return Q(profile__idle_notice_sent__gt=_limit(days))


def is_due(days: int) -> Q:
    """Idle accounts that have an address and have not been told."""
    untold = Q(profile__idle_notice_sent__isnull=True) | Q(profile__idle_notice_sent__lte=_limit(days))
    return is_idle(days) & untold & ~Q(email="")


def is_disabled_and_unused(days: int) -> Q:
    return Q(is_active=False) & _unused_since(_limit(days))


def write_to(people: QuerySet[User], days: int, request: HttpRequest | None = None) -> list[User]:
    """Writes a mail to those of `people` whose turn it is: who they are."""
    due = list(people.filter(is_due(days)).order_by("pk"))
    written = []
    for start in range(0, len(due), CHUNK):
        chunk = due[start : start + CHUNK]
        holdings = Holdings(f"user:{user.get_username()}" for user in chunk)
        written += [user for user in chunk if _write(user, days, holdings, request)]
    return written


def _write(user: User, days: int, holdings: Holdings, request: HttpRequest | None) -> bool:
    """False where another process was faster."""
    names = [instance.name for instance in holdings.of(f"user:{user.get_username()}")]
    link = outbox.absolute(reverse("login"), request)
    facts = {
        "user": user,
        "days": (timezone.now() - (user.last_login or user.date_joined)).days,
        "has_signed_in": user.last_login is not None,
        "vms": names[:VMS_NAMED],
        "more_vms": max(len(names) - VMS_NAMED, 0),
        "link": link if "://" in link else "",  # a site without SITE_URL has no address that a mail could carry
    }
    with transaction.atomic():
        profile = profiles.of(user)
        untold = Q(idle_notice_sent__isnull=True) | Q(idle_notice_sent__lte=_limit(days))
        if not UserProfile.objects.filter(untold, pk=profile.pk).update(idle_notice_sent=timezone.now()):
            return False
        outbox.post("idle_account", user, facts)
        deeds.tell(deeds.IDLE_NOTICE, request, about=user)
    return True


def _limit(days: int) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


def _unused_since(limit: datetime.datetime) -> Q:
    return Q(last_login__lte=limit) | Q(last_login__isnull=True, date_joined__lte=limit)
