"""Whose numbers somebody sees: their own, or all of them."""

from typing import Any

from apps.clusters import fleet


def sees_all(user: Any) -> bool:
    """Superusers and the helpdesk, who see every VM."""
    return fleet.sees_everything(user)
