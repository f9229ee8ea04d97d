"""Tickets: what a page gets by POST, and what the console's process takes for it.

A ticket is a row with the hash of a random token. It is good once, for TICKET_SECONDS, for the session that asked, from
a page of this site, and only as long as its owner may use the console of that instance.
"""

import datetime
import hashlib
import secrets
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils import timezone

from apps.clusters.fleet import Vm
from apps.clusters.models import ConsoleTicket

TICKET_SECONDS = 30
PLACE = "console/ws/"  # below the site's address, before the token


def issue(request: HttpRequest, vm: Vm) -> str:
    """A new ticket's token, for `request.user` in this session."""
    token = secrets.token_urlsafe(32)
    ConsoleTicket.objects.create(
        token_hash=hashed(token),
        user=cast(User, request.user),
        session_hash=hashed(request.session.session_key or ""),
        # What a browser says here the protection against forged requests has looked at
        origin=(request.headers.get("Origin") or f"{request.scheme}://{request.get_host()}")[:300],
        cluster_id=vm.cluster.pk,
        instance=vm.name,
    )
    return token


def address_of(request: HttpRequest, token: str) -> str:
    """Where the browser takes it: a path on this site, or an address where CONSOLE_URL names another."""
    return f"{base_of(request)}{get_script_prefix()}{PLACE}{token}"


def base_of(request: HttpRequest) -> str:
    """ "" for the site's own address, else scheme, host and port of the console's."""
    host = request.get_host()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return settings.CONSOLE_URL.format(host=name).rstrip("/")


def token_in(path: str) -> str:
    """The token in a request's path; empty where there is none."""
    _, found, token = path.rpartition(f"/{PLACE}")
    return token if found and "/" not in token else ""


def lookup(token: str) -> ConsoleTicket | None:
    """The ticket, as long as it is good."""
    return _good().filter(token_hash=hashed(token)).select_related("cluster").first() if token else None


def take(ticket: ConsoleTicket, address: str | None) -> bool:
    """Uses it up. False when somebody else was faster, or time."""
    now = timezone.now()
    return bool(_good().filter(pk=ticket.pk).update(opened=now, seen=now, address=address))


def is_from_its_page(ticket: ConsoleTicket, origin: str) -> bool:
    """Whether the browser says that the page which asked is the one that connects."""
    wanted, given = urlsplit(ticket.origin), urlsplit(origin)
    return (wanted.scheme, wanted.netloc.lower()) == (given.scheme, given.netloc.lower())


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _good() -> QuerySet[ConsoleTicket]:
    earliest = timezone.now() - datetime.timedelta(seconds=TICKET_SECONDS)
    return ConsoleTicket.objects.filter(opened__isnull=True, ended__isnull=True, created__gt=earliest)
