"""What somebody has typed into the form and not sent yet: kept as they type, and there again after a lost session."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.applications.decisions import ASKED_FOR
from apps.applications.models import Draft

MOST = 50_000  # characters
AGAIN = "again"  # names the rejected application that is being changed
KEPT = (*ASKED_FOR, AGAIN)


@dataclass(frozen=True)
class Kept:
    """The fields of a draft as texts, and since when they wait."""

    fields: dict[str, str] = field(default_factory=dict)
    saved: datetime.datetime | None = None


def keep(user: Any, typed: Mapping[str, Any]) -> bool:
    """Keeps what is typed, in the place of what was; False where it is too much."""
    fields = _texts(typed)
    if sum(map(len, fields.values())) > MOST:
        return False
    Draft.objects.update_or_create(user=user, defaults={"fields": fields})
    return True


def kept(user: Any, again: str = "") -> Kept:
    """The draft for a new application, or for the one that is sent `again`; an empty one where there is none."""
    draft = Draft.objects.filter(user=user).first()
    fields = _texts(draft.fields) if draft and isinstance(draft.fields, dict) else {}
    if draft is None or not fields or fields.pop(AGAIN, "") != again:
        return Kept()
    return Kept(fields, draft.saved)


def forget(user: Any) -> None:
    Draft.objects.filter(user=user).delete()


def _texts(typed: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields and nothing else; without what no database takes."""
    return {name: text.replace("\0", "") for name in KEPT if isinstance(text := typed.get(name), str)}
