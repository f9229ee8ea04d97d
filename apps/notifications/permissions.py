"""Who may write to owners, and who may read what was written."""

from typing import Any

from apps.clusters import fleet


def may_notify(user: Any) -> bool:
    """Superusers and the helpdesk, who see every VM and its owners."""
    return fleet.sees_everything(user)


def may_read_archive(user: Any) -> bool:
    """Superusers, and whoever has `notifications.can_view_notif`."""
    return user.is_active and user.has_perm("notifications.can_view_notif")
