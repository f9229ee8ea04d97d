"""Whether an instance can move to another node while it runs: the one place with this rule.

What the nodes enforce, such as the isolation, takes effect where an instance begins: at a start, or by moving.
"""

from django.utils.translation import gettext as _

from apps.clusters import fleet, locks
from apps.clusters.actions import Step
from apps.clusters.fleet import Vm
from apps.clusters.models import Job
from ganeti.objects import Node

# Ganeti's disk templates whose data is on another node too, or on none (lib/constants: DTS_MIRRORED),
TEMPLATES = frozenset({"drbd", "sharedfile", "gluster", "rbd", "ext", "blockdev", "diskless"})
# and its hypervisors that cannot move what runs.
NOT_LIVE = frozenset({"chroot", "lxc"})


def why_not_live(vm: Vm) -> str:
    """Why `vm` cannot move while it runs, and when something takes effect instead: a sentence; empty where it can."""
    instance = vm.instance
    if instance.status not in locks.ON:
        return _("It does not run: this takes effect when it is started.")
    if instance.disk_template not in TEMPLATES or instance.hypervisor in NOT_LIVE:
        return _(
            "It cannot move to another node while it runs: this takes effect when it is next started, or rebooted"
            " from here."
        )
    if not _has_target(vm):
        return _(
            "There is no other node for it to move to: this takes effect when it is next started, or rebooted from"
            " here."
        )
    return ""


def effect(vm: Vm) -> str:
    """When what the nodes enforce takes effect, as a sentence."""
    return why_not_live(vm) or _("It then moves to another node while it runs, so that this takes effect at once.")


def then_move(vm: Vm) -> list[Step]:
    """The step that makes it take effect now, where the cluster can."""
    return [] if why_not_live(vm) else [Step(Job.Kind.MIGRATE)]


def _has_target(vm: Vm) -> bool:
    """DRBD moves to the secondary node, all others to any node of the group that takes instances."""
    usable = {node.name: node for node in fleet.nodes(vm.cluster) if _takes_instances(node)}
    if vm.instance.disk_template == "drbd":
        return any(name in usable for name in vm.instance.snodes)
    return any(name != vm.instance.pnode and node.group == vm.node_group for name, node in usable.items())


def _takes_instances(node: Node) -> bool:
    return node.vm_capable and not node.offline and not node.drained and node.role not in ("O", "D")
