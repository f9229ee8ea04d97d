"""Which instances have a screen that browsers can show (VNC), and where it is."""

import ipaddress

from django.conf import settings
from django.utils.translation import gettext as _

from apps.clusters import fleet
from apps.clusters.fleet import Vm
from ganeti.objects import Instance

PORTS = range(5900, 65536)  # of VNC; Ganeti gives them from 11000 upwards


def why_none(vm: Vm) -> str:
    """The sentence that says why there is no screen to show now; empty where there is one."""
    return _has_none(vm.instance) or _is_off(vm.instance) or _is_out_of_reach(vm)


def is_likely(vm: Vm) -> bool:
    """Whether a button is worth its place, as far as the instance alone tells: lists look at no nodes."""
    return not (_has_none(vm.instance) or _is_off(vm.instance)) and vm.instance.network_port in PORTS


def address(vm: Vm) -> tuple[str, int] | None:
    """Host and port of an instance's screen: of a node that the inventory knows, and a port that is VNC's."""
    node = fleet.node_of(vm)
    port = vm.instance.network_port
    if node is None or port is None or port not in PORTS:
        return None
    return settings.CONSOLE_NODE_ADDRESSES.get(node.name) or _as_address(node.primary_ip) or node.name, port


def _has_none(instance: Instance) -> str:
    """What it was made of has no screen, however it is."""
    if instance.hypervisor == "xen-pvm":
        return _("Paravirtualised VMs of Xen have no screen, only a serial console, which is not shown here.")
    if instance.hypervisor in ("fake", "chroot", "lxc"):
        return _("VMs of the kind “%(kind)s” have no screen.") % {"kind": instance.hypervisor}
    hvparams = instance.hvparams
    if hvparams.get("spice_bind") and not hvparams.get("vnc_bind_address"):
        return _("Its screen speaks SPICE, which is not shown here.")
    if "vnc_bind_address" in hvparams and not hvparams["vnc_bind_address"]:
        if hvparams.get("serial_console"):
            return _("Its console is a serial one, which is not shown here.")
        return _("VNC is switched off for this VM.")
    return ""


def _is_off(instance: Instance) -> str:
    if instance.status in ("ERROR_nodedown", "ERROR_nodeoffline"):
        return _("The machine that this VM runs on is down.")
    if not instance.is_running:
        return _("It is stopped. Start it to see its screen.")
    return ""


def _is_out_of_reach(vm: Vm) -> str:
    instance = vm.instance
    bound = str(instance.hvparams.get("vnc_bind_address") or "")
    if bound.startswith("/") or (_is_loopback(bound) and not _is_here(vm)):
        return _("Its screen can be reached from its node only.")
    if instance.hvparams.get("vnc_tls"):
        return _("Its screen speaks TLS (vnc_tls), which the console does not. The help desk can change that.")
    if instance.network_port not in PORTS:
        return _("Ganeti names no port for its screen.")
    return ""


def _is_loopback(host: str) -> bool:
    return bool(_as_address(host)) and ipaddress.ip_address(host).is_loopback


def _is_here(vm: Vm) -> bool:
    """Whether the node is this machine, or the site's settings say another way to its screens."""
    found = address(vm)
    return found is not None and (_is_loopback(found[0]) or vm.instance.pnode in settings.CONSOLE_NODE_ADDRESSES)


def _as_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
