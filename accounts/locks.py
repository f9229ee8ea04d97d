"""Tries to sign in that failed, and the locks that too many of them close for a while. django-axes keeps the book.

There are three locks: an account from one address (AXES_FAILURE_LIMIT), an account from everywhere
(SIGN_IN_ACCOUNT_LIMIT), and an address towards all accounts (SIGN_IN_ADDRESS_LIMIT). Names that nobody has are
counted like those that somebody has. The second lock leaves out addresses from which the account has signed in
lately, so that nobody can keep its owner outside from elsewhere.
"""

import datetime
import ipaddress
import logging
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt, AccessLog
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import Case, F, Max, Q, QuerySet, Sum, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import deeds
from accounts.backends import person_called
from accounts.middleware import client_address

KNOWN_DAYS = 90  # so long an address is known as one from which an account signs in
NEVER = datetime.timedelta(days=365)  # what AXES_COOLOFF_TIME = None means
IPV6_NETWORK = 64  # bits of an IPv6 address; a client chooses the others as it likes

UNKNOWN_NAME = gettext_noop("The name is not that of an account.")
SENTENCES = (UNKNOWN_NAME,)  # for accounts.retelling

Credentials = dict[str, Any] | None

log = logging.getLogger(__name__)


def seconds_to_wait(request: HttpRequest, name: str) -> int:
    """How long nobody can sign in from here under this name; 0 where it can be tried at once."""
    until = _locked_until(request, {"username": name}) if getattr(settings, "AXES_ENABLED", True) else None
    return max(1, round((until - timezone.now()).total_seconds())) if until else 0


def lift(user: User) -> None:
    """Opens every lock of the account, wherever the tries came from."""
    AccessAttempt.objects.filter(username=user.username.casefold()).delete()


def sweep() -> None:
    """Forgets failures that are over, and sign-ins that are too old to make an address known."""
    now = timezone.now()
    AccessAttempt.objects.filter(attempt_time__lt=now - (get_cool_off() or NEVER)).delete()
    AccessLog.objects.filter(attempt_time__lt=now - datetime.timedelta(days=KNOWN_DAYS)).delete()


# ---- what is counted -------------------------------------------------------------------------------------


def counted_name(request: HttpRequest, credentials: Credentials) -> str:
    """The name of the account that was meant, however it was spelt; what was typed where none was (for axes)."""
    typed = str((credentials or {}).get("username") or "")
    user = _person_meant(request, typed)
    return (user.username if user else typed).casefold()[:255]


def counted_address(request: HttpRequest) -> str | None:
    """The client's address; of IPv6 the network that one customer has (for axes)."""
    text = client_address(request)
    if text is None:
        return None
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False).network_address)


def _person_meant(request: HttpRequest, typed: str) -> User | None:
    """Asked several times for each try, and looked up once."""
    known: dict[str, User | None] = request.__dict__.setdefault("_people_meant", {})
    if typed not in known:
        known[typed] = person_called(typed)
    return known[typed]


# ---- the locks --------------------------------------------------------------------------------------------


def _locked_until(request: HttpRequest, credentials: Credentials) -> datetime.datetime | None:
    """When the last of the locks that are closed opens; None where all are open. Tries meanwhile do not prolong it."""
    name, address = counted_name(request, credentials), counted_address(request)
    cool_off = get_cool_off(request) or NEVER
    of_the_account, from_here = Q(username=name), Q(ip_address=address)
    locks = [
        (of_the_account & from_here, settings.AXES_FAILURE_LIMIT),
        (of_the_account, settings.SIGN_IN_ACCOUNT_LIMIT),
        (from_here, settings.SIGN_IN_ADDRESS_LIMIT),
    ]
    sums = {f"failures_{i}": Sum("failures_since_start", filter=tries) for i, (tries, _) in enumerate(locks)}
    latest = {f"latest_{i}": Max("attempt_time", filter=tries) for i, (tries, _) in enumerate(locks)}
    recent = AccessAttempt.objects.filter(of_the_account | from_here, attempt_time__gt=timezone.now() - cool_off)
    book = recent.aggregate(**sums, **latest)
    closed = [i for i, (_, limit) in enumerate(locks) if (book[f"failures_{i}"] or 0) >= limit]
    if address is None and 2 in closed:  # nobody told us the address: it is everybody's
        closed.remove(2)
    if closed == [1] and _signs_in_from_here(name, address):
        return None
    return max((book[f"latest_{i}"] + cool_off for i in closed), default=None)


def _signs_in_from_here(name: str, address: str | None) -> bool:
    since = timezone.now() - datetime.timedelta(days=KNOWN_DAYS)
    return AccessLog.objects.filter(username__iexact=name, ip_address=address, attempt_time__gte=since).exists()


class Handler(AxesDatabaseHandler):
    """axes' book of failures with our locks: one row for a name and an address, whatever else a client says."""

    def get_failures(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """As many as close a lock where one is closed: each has a limit of its own."""
        return int(settings.AXES_FAILURE_LIMIT) if _locked_until(request, credentials) else 0

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Counts the try, if it was let through; tells the audit log, once more when a lock closes by it."""
        if request is None or request.axes_locked_out:
            return
        name, address = counted_name(request, credentials), counted_address(request)
        _count(name, address, get_cool_off(request) or NEVER)
        user = _person_meant(request, str(credentials.get("username") or ""))
        if not _locked_until(request, credentials):
            # never the name that nobody has: it is now and then a password
            told = "" if user else UNKNOWN_NAME
            deeds.tell(deeds.SIGN_IN_FAILED, request, about=user, detail=told, is_authorized=False)
            return
        request.axes_locked_out = True
        user_locked_out.send("axes", request=request, username=name, ip_address=address)
        log.warning("Too many tries to sign in from %s: locked for a while.", address)
        told = "" if user else UNKNOWN_NAME
        deeds.tell(deeds.SIGN_IN_LOCKED, request, about=user, detail=told, is_authorized=False)

    def reset_attempts(self, **which: Any) -> int:
        """What the commands axes_reset, axes_reset_ip and axes_reset_username do."""
        count = super().reset_attempts(**which)
        if count:
            deeds.tell(deeds.SIGN_IN_UNLOCKED, about=which.get("username"), detail=which.get("ip_address") or "")
        return count

    def reset_user_attempts(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Who signs in clears the failures under this name from here, and nobody else's: no lock opens by it."""
        return _row(counted_name(request, credentials), counted_address(request)).update(failures_since_start=0)

    def clean_expired_user_attempts(self, request: HttpRequest | None = None, credentials: Credentials = None) -> int:
        """Nothing: `sweep` does, and a row that is over counts from the beginning."""
        return 0


def _row(name: str, address: str | None) -> QuerySet[AccessAttempt]:
    return AccessAttempt.objects.filter(username=name, ip_address=address, user_agent="")


def _count(name: str, address: str | None, cool_off: datetime.timedelta) -> None:
    """One failure more. Single statements: in a transaction MariaDB would end one of two that come at once."""
    now = timezone.now()
    is_over = When(attempt_time__lte=now - cool_off, then=Value(1))
    one_more = {"failures_since_start": Case(is_over, default=F("failures_since_start") + 1), "attempt_time": now}
    if not _row(name, address).update(**one_more):
        try:
            AccessAttempt.objects.create(username=name, ip_address=address, user_agent="", failures_since_start=1)
        except IntegrityError:  # another try was faster
            _row(name, address).update(**one_more)


class Backend(AxesStandaloneBackend):
    """Lets nobody be tried whose name or address is locked. It stands before the backends that know people."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **kwargs: Any) -> None:
        if request is not None:  # commands and tests have none, and nobody to slow down
            super().authenticate(request, username=username, **kwargs)


def answer_as_it_is(request: HttpRequest, response: HttpResponse, credentials: Credentials) -> HttpResponse:
    """The page that was made: sign-in says itself that it is locked (for axes)."""
    return response
