"""Who may do what to other people's accounts. The only place with such rules: views and pages ask here."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _


def may_decide_registrations(user: Any) -> bool:
    """Superusers, and who holds the permission, approve and refuse those who wait."""
    return user.is_active and user.has_perm("accounts.approve_registrations")


def deciders_only(user: Any) -> None:
    """PermissionDenied for everybody else."""
    if not may_decide_registrations(user):
        raise PermissionDenied(_("You may not decide about registrations."))
