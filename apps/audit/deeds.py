"""Writes down what the accounts' room says that was done there."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts import deeds
from apps.audit.models import Actor, AuditEntry, record


def connect() -> None:
    deeds.done.connect(_write_down, dispatch_uid="apps.audit.deeds")


def _write_down(
    sender: Any,
    event: str,
    request: HttpRequest | None,
    by: Any,
    about: str,
    detail: str,
    is_authorized: bool,
    **_: Any,
) -> None:
    actor = Actor.of(request) if request else Actor(AnonymousUser())
    if by is not None:
        actor = Actor(by, actor.address, actor.request_id)
    outcome = AuditEntry.Outcome.SUCCEEDED if is_authorized else AuditEntry.Outcome.REFUSED
    record(actor, event, person=about, detail=detail, outcome=outcome, is_authorized=is_authorized)
