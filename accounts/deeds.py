"""What people do to accounts, told to whoever keeps a log: a lower room need not know the higher one that listens."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.dispatch import Signal
from django.http import HttpRequest

SIGN_IN = "Sign-in"
SIGN_IN_FAILED = "Sign-in failed"
SIGN_IN_LOCKED = "Sign-in locked"
SIGN_IN_UNLOCKED = "Sign-in unlocked"
PASSWORD_RESET_ASKED = "Password reset requested"  # noqa: S105
PASSWORD_RESET = "Password reset"  # noqa: S105
REGISTERED = "Registration"
ADDRESS_PROVEN = "Registration address proven"
REGISTRATION_APPROVED = "Registration approved"
REGISTRATION_REFUSED = "Registration refused"
REGISTRATION_EXPIRED = "Registration expired"
DIRECTORY_MADE = "Account from the directory"
DIRECTORY_TOOK = "Account taken over by the directory"
DIRECTORY_RIGHTS = "Rights from the directory"
SECOND_FACTOR_ON = "Second factor on"
SECOND_FACTOR_OFF = "Second factor off"
SECOND_FACTOR_RESET = "Second factor reset"
SECOND_FACTOR_LOCKED = "Second factor locked"
RECOVERY_CODES_NEW = "Recovery codes renewed"
RECOVERY_CODE_USED = "Recovery code used"
IDLE_NOTICE = "Idle account notice"
ACCOUNT_MADE = "Account created"
ACCOUNT_CHANGED = "Account changed"
ACCOUNT_RIGHTS = "Account rights changed"
ACCOUNT_ENABLED = "Account enabled"
ACCOUNT_DISABLED = "Account disabled"
ACCOUNT_DELETED = "Account deleted"
ACCOUNT_SIGNED_OUT = "Signed out everywhere"
ACCOUNT_PASSWORD = "Password set by an administrator"  # noqa: S105
USER_RENAMED = "User renamed"
GROUP_RENAMED = "Group renamed"
GROUP_MADE = "Group created"
GROUP_CHANGED = "Group changed"
GROUP_DELETED = "Group deleted"
GROUP_JOINED = "Group joined"
GROUP_LEFT = "Group left"
ORGANIZATION_MADE = "Organisation created"
ORGANIZATION_CHANGED = "Organisation changed"
ORGANIZATION_DELETED = "Organisation deleted"
ORGANIZATION_JOINED = "Organisation joined"
ORGANIZATION_LEFT = "Organisation left"
NAME_CHANGED = "Name change"
CONTACT_CHANGED = "Organisation or telephone change"
PASSWORD_CHANGED = "Password change"  # noqa: S105
SESSIONS_ENDED = "Signed out elsewhere"
EMAIL_CHANGE_ASKED = "E-mail change requested"
EMAIL_CHANGE_CANCELLED = "E-mail change cancelled"
EMAIL_CHANGED = "E-mail change"
SSH_KEY_ADDED = "SSH key added"
SSH_KEY_REMOVED = "SSH key removed"
MAIL_RETRIED = "Mail tried again"
TEXT_ADDED = "Text added"
TEXT_CHANGED = "Text changed"
TEXT_DELETED = "Text deleted"
SITE_CHANGED = "Site changed"

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
