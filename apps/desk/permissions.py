"""Who may use the desk's pages. Everybody else gets a 403 whatever the address says: names are not given away."""

from typing import Any

from accounts.permissions import only
from apps.clusters import fleet


def may_look(user: Any) -> bool:
    """Superusers and the helpdesk, who see every VM, see everybody too."""
    return fleet.sees_everything(user)


def may_write_to_idle(user: Any) -> bool:
    return user.is_active and user.is_superuser


for_lookers = only(may_look)
