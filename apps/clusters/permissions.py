"""Who may see and do what. The only place with such rules: views ask here, where they fetch."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from apps.clusters import fleet
from apps.clusters.fleet import ClusterView, Fleet, Gone, Vm
from apps.clusters.models import Batch, InstanceAction
from ganeti import tags as tag_grammar


class IdlePolicy(AnonymousUser):
    """Who acts when `manage.py idle_policy` does: nobody's account. A blank is in no account's name."""

    username: Any = "idle policy"


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


def may_let_in(user: Any, vm: Vm) -> bool:
    """Its owners, superusers and whoever may isolate it choose the network that may reach an isolated instance."""
    return may_operate(user, vm) or may_isolate(user, vm)


def may_keep_policy(user: Any, vm: Vm) -> bool:
    """The policy for VMs of idle owners alone, whose rules are in apps/desk/idle_policy.py; locks stop it."""
    return isinstance(user, IdlePolicy)


def may_change_anything(user: Any, vm: Vm) -> bool:
    """Whoever has at least one way to change an instance."""
    return may_operate(user, vm) or may_lock(user, vm) or may_isolate(user, vm)


def may_see_graphs(user: Any, vm: Vm) -> bool:
    """Superusers, owners and whoever may see all graphs."""
    return may_operate(user, vm) or may_see_all_graphs(user)


def may_see_all_graphs(user: Any) -> bool:
    return user.is_active and user.has_perm("ganeti.view_all_graphs")


def may_look_back(user: Any, gone: Gone) -> bool:
    """Whoever could see an instance when it was there for the last time hears what became of it."""
    keys = fleet.owner_keys(user) if user.is_authenticated and user.is_active else set()
    return fleet.sees_everything(user) or not keys.isdisjoint(gone.departed.owners)


def may_see_popups(user: Any) -> bool:
    """Superusers and the helpdesk, whose lists show all instances."""
    return fleet.sees_everything(user)


def may_hurry(user: Any) -> bool:
    """Superusers and the helpdesk may ask for a look at all clusters now."""
    return fleet.sees_everything(user)


def may_confirm(user: Any, action: InstanceAction) -> bool:
    """The mailed link is for whoever asked for it, nobody else."""
    return user.is_active and action.user_id == user.pk


def may_see_clusters(user: Any) -> bool:
    """Superusers and the helpdesk see clusters and nodes."""
    return fleet.sees_everything(user)


def may_cancel_jobs(user: Any) -> bool:
    """Superusers stop what waits in a cluster's queue, whoever asked for it."""
    return user.is_active and user.is_superuser


MAY = {
    "look": may_look,
    "operate": may_operate,
    "lock": may_lock,
    "isolate": may_isolate,
    "let in": may_let_in,
    "keep the policy": may_keep_policy,
    "change anything": may_change_anything,
    "see graphs": may_see_graphs,
    "see a picture": may_see_graphs,
}
NEEDS_NO_LOOK = ("see a picture",)  # whoever may see all graphs sees them where they see nothing else of an instance


def instance_or_404(user: Any, cluster_slug: str, name: str, *, may: str = "look") -> Vm:
    """The instance, for someone who `may` look at it, operate it, and so on.

    To a stranger there is no such instance (Http404); to one who may look but not touch: PermissionDenied. Who could
    see one that is there no longer gets fleet.Gone, an Http404 that says what became of it.
    Where nothing is known of the cluster, fleet.NothingKnown, to everybody alike.
    """
    vm = fleet.find(cluster_slug, name)
    if vm is None:
        raise _gone(user, cluster_slug, name) or _nothing()
    if not (may_look(user, vm) or (may in NEEDS_NO_LOOK and MAY[may](user, vm))):
        raise _nothing()
    if not MAY[may](user, vm):
        raise PermissionDenied(
            _("You may look at this instance, but not at its graphs.")
            if MAY[may] is may_see_graphs
            else _("You may look at this instance, but not change it.")
        )
    return vm


def check_all_graphs(user: Any) -> None:
    """PermissionDenied for everybody but superusers and holders of `ganeti.view_all_graphs`."""
    if not may_see_all_graphs(user):
        raise PermissionDenied(_("Only who may see all graphs may see this page."))


def instance_to_confirm(user: Any, action: InstanceAction) -> Vm | None:
    """The instance that `action` is about, for its asker, if they may still change it; None where it is gone.

    PermissionDenied for everybody else. Where nothing is known of the cluster, fleet.NothingKnown.
    """
    if not may_confirm(user, action):
        raise PermissionDenied(_("This link is for somebody else."))
    vm = fleet.find(action.cluster.slug, action.instance)
    if vm is None or (action.uuid and vm.instance.uuid and action.uuid != vm.instance.uuid[:64]):
        return None
    if not may_operate(user, vm):
        raise PermissionDenied(_("You may not change this instance any more."))
    return vm


def clusters_of(user: Any, name: str) -> list[str]:
    """The slugs of the clusters on which there is an instance of this name that `user` may see.

    Raises fleet.NothingKnown where there is none, and one might be on a cluster of which nothing is known.
    """
    everything = fleet.sees_everything(user)
    keys = set() if everything else fleet.owner_keys(user)

    def is_theirs(tags: tuple[str, ...]) -> bool:
        return everything or not keys.isdisjoint(tag_grammar.owners(tags, settings.GANETI_TAG_PREFIX))

    found = [instance.cluster for instance in fleet.named(name) if is_theirs(instance.tags)]
    if not found:
        fleet.all_known()
    return found


def _nothing() -> Http404:
    return Http404(_("There is no such instance, or it is not yours."))


def _gone(user: Any, cluster_slug: str, name: str) -> Gone | None:
    gone = fleet.departure(cluster_slug, name)
    if gone is None or not may_look_back(user, gone):
        return None
    if gone.successor and not may_look(user, gone.successor):
        gone.successor = None
    return gone


def instance_for_desk(user: Any, cluster_slug: str, name: str) -> Vm:
    """The instance, for the pop-up in lists of all instances; others than the helpdesk: PermissionDenied."""
    if not may_see_popups(user):
        raise PermissionDenied(_("Only the help desk and administrators see this."))
    return instance_or_404(user, cluster_slug, name)


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


def whole_fleet(user: Any) -> Fleet:
    """All clusters with their nodes, for someone who may see them; PermissionDenied for others."""
    if not may_see_clusters(user):
        raise PermissionDenied(_("Only the help desk and administrators see clusters, nodes and jobs."))
    return Fleet(user)


def cluster_or_404(seen: Fleet, slug: str) -> ClusterView:
    """A cluster of the fleet that somebody may see as a whole."""
    if slug not in seen.clusters:
        raise Http404(_("There is no such cluster."))
    return seen.clusters[slug]


def whole_fleet_to_cancel(user: Any) -> Fleet:
    """All clusters, for someone who may cancel jobs there; PermissionDenied for others."""
    seen = whole_fleet(user)
    if not may_cancel_jobs(user):
        raise PermissionDenied(_("You may look at this job, but not cancel it."))
    return seen
