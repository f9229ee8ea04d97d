"""Who may see and do what. The only place with such rules: views ask here, where they fetch."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from apps.clusters import fleet
from apps.clusters.fleet import ClusterView, Fleet, Vm


def may_look(user: Any, vm: Vm) -> bool:
    """Superusers, the helpdesk and owners see an instance."""
    return fleet.sees_everything(user) or is_owner(user, vm)


def may_operate(user: Any, vm: Vm) -> bool:
    """Superusers and owners change an instance; the helpdesk looks."""
    return user.is_active and (user.is_superuser or is_owner(user, vm))


def is_owner(user: Any, vm: Vm) -> bool:
    """Named in a tag, or a member of a group that is."""
    return user.is_authenticated and user.is_active and vm.is_owned_by(fleet.owner_keys(user))


def may_lock(user: Any, vm: Vm) -> bool:
    """Superusers, and the helpdesk with `ganeti.can_lock`, lock and unlock an instance."""
    return fleet.sees_everything(user) and user.has_perm("ganeti.can_lock")


def may_isolate(user: Any, vm: Vm) -> bool:
    """Superusers, and the helpdesk with `ganeti.can_isolate`, cut an instance off the network and let it in again."""
    return fleet.sees_everything(user) and user.has_perm("ganeti.can_isolate")


def may_see_graphs(user: Any, vm: Vm) -> bool:
    """Superusers, owners and whoever may see all graphs."""
    return may_operate(user, vm) or (user.is_active and user.has_perm("ganeti.view_all_graphs"))


def may_hurry(user: Any) -> bool:
    """Superusers and the helpdesk may ask for a look at all clusters now."""
    return fleet.sees_everything(user)


def may_see_clusters(user: Any) -> bool:
    """Superusers and the helpdesk see clusters and nodes."""
    return fleet.sees_everything(user)


MAY = {
    "look": may_look,
    "operate": may_operate,
    "lock": may_lock,
    "isolate": may_isolate,
    "see graphs": may_see_graphs,
}


def instance_or_404(user: Any, cluster_slug: str, name: str, *, may: str = "look") -> Vm:
    """The instance, for someone who `may` look at or operate it.

    To a stranger there is no such instance (Http404); to one who may look but not touch: PermissionDenied.
    Where nothing is known of the cluster, fleet.NothingKnown, to everybody alike.
    """
    vm = fleet.find(cluster_slug, name)
    if vm is None or not may_look(user, vm):
        raise Http404(_("There is no such instance, or it is not yours."))
    if not MAY[may](user, vm):
        raise PermissionDenied(_("You may look at this instance, but not change it."))
    return vm


def whole_fleet(user: Any) -> Fleet:
    """All clusters with their nodes, for someone who may see them; PermissionDenied for others."""
    if not may_see_clusters(user):
        raise PermissionDenied(_("Only the help desk and administrators see clusters and nodes."))
    return Fleet(user)


def cluster_or_404(seen: Fleet, slug: str) -> ClusterView:
    """A cluster of the fleet that somebody may see as a whole."""
    if slug not in seen.clusters:
        raise Http404(_("There is no such cluster."))
    return seen.clusters[slug]
