"""What this room puts into the side navigation."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry
from apps.clusters import fleet, grapher, permissions

INFRASTRUCTURE = _("Infrastructure")


def sees_only_own(user: object) -> bool:
    return not fleet.sees_everything(user)


def has_all_graphs(user: object) -> bool:
    return grapher.is_configured() and permissions.may_see_all_graphs(user)


PAGES = (
    *("instance-detail", "instance-novnc", "instance-graphs", "instance-settings", "instance-history"),
    *("instance-danger", "instance-reinstall", "instance-rename", "instance-destroy", "reinstall-destroy-review"),
    *("instance-bulk", "instance-bulk-detail"),
    *("instance-tags", "lock", "isolate", "instance-access", "instance-let-in"),
)

NAVIGATION = [
    Entry(_("My VMs"), "user-instances", "pc-display", test=sees_only_own, pages=PAGES, order=10),
    Entry(_("All VMs"), "user-instances", "pc-display", test=fleet.sees_everything, pages=PAGES, order=10),
    Entry(_("History"), "auditlog", "clock-history", order=30),
    Entry(_("Graphs"), "cluster-get-nodes-graphs", "graph-up", test=has_all_graphs, section=INFRASTRUCTURE, order=45),
    Entry(
        _("Clusters"),
        "clusterdetails",
        "diagram-3",
        test=permissions.may_see_clusters,
        section=INFRASTRUCTURE,
        order=40,
    ),
    Entry(
        _("Nodes"),
        "cluster-nodes",
        "hdd-stack",
        test=permissions.may_see_clusters,
        section=INFRASTRUCTURE,
        pages=("cluster-node",),
        order=41,
    ),
    Entry(
        _("Jobs"),
        "jobs",
        "list-task",
        test=permissions.may_see_clusters,
        section=INFRASTRUCTURE,
        pages=("job-detail",),
        order=42,
    ),
]
