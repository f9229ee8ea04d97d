"""What is done with programs, and with the access that people give them: each in the log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import (
    get_access_token_model,
    get_application_model,
    get_grant_model,
    get_refresh_token_model,
)

from apps.audit import events
from apps.audit.models import Actor, AuditEntry, record

Application = get_application_model()
AccessToken = get_access_token_model()
Grant = get_grant_model()
RefreshToken = get_refresh_token_model()


# ---- programs ---------------------------------------------------------------------------------------------


@transaction.atomic
def register(program: Any, by: Actor) -> str:
    """Keeps a new program of `by`'s: its secret, which nobody can read again; empty for one that can keep none."""
    secret = generate_client_secret()
    program.user, program.client_secret = by.user, secret
    program.save()
    _tell(events.PROGRAM_ADDED, program, by)
    return secret if keeps_secrets(program) else ""


@transaction.atomic
def change(program: Any, changed: Iterable[str], by: Actor) -> None:
    """Keeps what differs now; `changed` names the fields for the log."""
    program.save()
    _tell(events.PROGRAM_CHANGED, program, by, ", ".join(changed))


@transaction.atomic
def renew_secret(program: Any, by: Actor) -> str:
    """A new secret, which nobody can read again; the old one is good for nothing from now on."""
    secret = generate_client_secret()
    program.client_secret, program.hash_client_secret = secret, True
    program.save()
    _tell(events.PROGRAM_SECRET, program, by)
    return secret


@transaction.atomic
def remove(program: Any, by: Actor) -> None:
    """With all the access that people gave it."""
    _tell(events.PROGRAM_REMOVED, program, by)
    program.delete()


def keeps_secrets(program: Any) -> bool:
    """Whether it proves by a secret who it is."""
    is_implicit = program.authorization_grant_type == Application.GRANT_IMPLICIT
    return program.client_type == Application.CLIENT_CONFIDENTIAL and not is_implicit


def people_of(program: Any) -> int:
    """How many people let it read what is theirs."""
    people = set(_living(AccessToken).filter(application=program).values_list("user", flat=True))
    return len(people | set(_renewable().filter(application=program).values_list("user", flat=True)))


# ---- access -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Access:
    """A program that may read what is somebody's."""

    program: Any
    since: datetime  # the oldest of its tokens that is good
    until: datetime  # when that ends unless the program asks again


def with_access_to(user: Any) -> list[Access]:
    """The programs that may read what is `user`'s now or can ask for it without them, by name."""
    found: dict[Any, list[tuple[datetime, datetime]]] = {}
    for token in _living(AccessToken).filter(user=user).select_related("application__user"):
        if token.application:
            found.setdefault(token.application, []).append((token.created, token.expires))
    for token in _renewable().filter(user=user).select_related("application__user", "access_token"):
        since = token.access_token.created if token.access_token else token.created
        found.setdefault(token.application, []).append((since, _end_of(token)))
    rows = [
        Access(program, min(since for since, _ in spans), max(until for _, until in spans))
        for program, spans in found.items()
    ]
    return sorted(rows, key=lambda row: (row.program.name.casefold(), row.program.pk))


def note_given(program: Any, scopes: Iterable[str], by: Actor) -> None:
    """Writes down that `by` let the program in. Call it in the transaction that does it."""
    _tell(events.ACCESS_GIVEN, program, by, " ".join(scopes), about=by.user)


@transaction.atomic
def take_away(user: Any, program: Any, by: Actor) -> bool:
    """Ends all access of the program to what is `user`'s, at once; False where it had none."""
    ended = [
        rows.filter(user=user, application=program).delete()[0]
        for rows in (Grant.objects, RefreshToken.objects, AccessToken.objects)
    ]
    if any(ended):
        note_taken(user, program, by)
    return any(ended)


def note_taken(user: Any, program: Any, by: Actor) -> None:
    _tell(events.ACCESS_TAKEN, program, by, about=user)


def _living(model: Any) -> Any:
    return model.objects.filter(expires__gt=timezone.now())


def _renewable() -> Any:
    """Refresh tokens that are good for new access tokens."""
    oldest = timezone.now() - _lifetime()
    return RefreshToken.objects.filter(Q(access_token__expires__gt=oldest), revoked__isnull=True)


def _end_of(token: Any) -> datetime:
    end: datetime = token.access_token.expires + _lifetime()
    return end


def _lifetime() -> timedelta:
    return timedelta(seconds=settings.OAUTH2_PROVIDER["REFRESH_TOKEN_EXPIRE_SECONDS"])


def _tell(event: str, program: Any, by: Actor, more: str = "", about: Any = None) -> None:
    """`about` is whose account it concerns; where it is not given, that of who runs the program."""
    whose = about or program.user
    detail = f"{_named(program)}: {more}" if more else _named(program)
    person = whose.get_username() if whose else ""
    record(by, event, person=person, detail=detail, outcome=AuditEntry.Outcome.SUCCEEDED)


def _named(program: Any) -> str:
    return f"{program.name or '-'} ({program.client_id})"
