"""Who may see and do what. The only place with such rules: views ask here, where they fetch."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from apps.clusters import fleet
from apps.clusters.fleet import Vm
from apps.clusters.models import Batch


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


def may_operate_all(user: Any) -> bool:
    """Whether `user` may change all that they see: superusers, and owners who see nothing but their own."""
    return user.is_active and (user.is_superuser or not fleet.sees_everything(user))


def batch_or_404(user: Any, number: int) -> Batch:
    """A batch, for whoever asked for it and, once it has begun, for superusers; to others there is none."""
    batch = Batch.objects.filter(pk=number).first()
    is_theirs = batch is not None and batch.requested_by_id == user.pk
    if batch is None or not (is_theirs or (batch.begun and user.is_active and user.is_superuser)):
        raise Http404(_("There is no such bulk action, or it is not yours."))
    return batch
