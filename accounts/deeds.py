"""What people do to accounts, told to whoever keeps a log: a lower room need not know the higher one that listens."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.dispatch import Signal
from django.http import HttpRequest

done = Signal()  # event, request (None for commands), by, about, detail, is_authorized


def tell(
    event: str,
    request: HttpRequest | None = None,
    *,
    by: Any = None,
    about: AbstractUser | str | None = None,
    detail: str = "",
    is_authorized: bool = True,
) -> None:
    """Says that `by` (the request's user where it is not given) did `event` (a name of apps/audit/events.py).

    `about` is whose account or which group it concerns, `detail` a sentence in English for the log.
    Call it in the transaction of the deed.
    """
    name = about if isinstance(about, str) else about.get_username() if about else ""
    done.send(sender=None, event=event, request=request, by=by, about=name, detail=detail, is_authorized=is_authorized)
