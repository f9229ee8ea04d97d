"""What this room puts into the side navigation and the search field."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry, Search
from apps.clusters import fleet
from apps.clusters.permissions import may_see_clusters


def sees_only_own(user: object) -> bool:
    return not fleet.sees_everything(user)


INFRASTRUCTURE = _("Infrastructure")
NAVIGATION = [
    Entry(_("My VMs"), "user-instances", "pc-display", test=sees_only_own, pages=("instance-detail",), order=10),
    Entry(
        _("All VMs"), "user-instances", "pc-display", test=fleet.sees_everything, pages=("instance-detail",), order=10
    ),
    Entry(_("History"), "auditlog", "clock-history", order=30),
    Entry(_("Clusters"), "clusterdetails", "diagram-3", test=may_see_clusters, section=INFRASTRUCTURE, order=40),
    Entry(
        _("Nodes"),
        "cluster-nodes",
        "hdd-stack",
        test=may_see_clusters,
        section=INFRASTRUCTURE,
        pages=("cluster-node",),
        order=41,
    ),
]
SEARCH = Search("user-instances", _("Name, address, MAC, owner, tag"), test=fleet.sees_everything)
