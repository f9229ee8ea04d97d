"""What an instance's hypervisor lets its owner set: the values of Ganeti's hypervisor parameters (gnt-instance(8)).

The lists are those of Ganeti 3.0; what came later than 2.4 is only accepted by newer ones, and never offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NIC_TYPE, DISK_TYPE, BOOT_ORDER = "nic_type", "disk_type", "boot_order"
CDROM_IMAGE_PATH, USE_LOCALTIME = "cdrom_image_path", "use_localtime"
PARAMETERS = (NIC_TYPE, DISK_TYPE, BOOT_ORDER, CDROM_IMAGE_PATH, USE_LOCALTIME)
WEB = ("http://", "https://")

# Xen boots from the first of these letters that works: (a) floppy, hard disk (c), CD (d), network (n).
LETTERS = frozenset("acdn")


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """The values that are offered, the usual one first, and those that Ganeti accepts beside them."""

    offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accepted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes_web_images: bool = False  # a CD from an address; else only from a file on the nodes
    has_clock: bool = False  # a hardware clock whose time can be chosen
    needs_cd_to_boot_from_it: bool = False  # refuses what the others would try in vain

    def accepts(self, name: str, value: str) -> bool:
        """Whether Ganeti would take this value of one of the choices."""
        if name == BOOT_ORDER and not self.accepted.get(name):
            return bool(value) and set(value) <= LETTERS
        return value in self.accepted.get(name, ())


KVM = Hypervisor(
    offered={
        NIC_TYPE: ("paravirtual", "e1000", "rtl8139", "ne2k_pci"),
        DISK_TYPE: ("paravirtual", "scsi", "ide"),
        BOOT_ORDER: ("disk", "cdrom", "network"),
    },
    accepted={
        NIC_TYPE: (
            *("e1000", "pcnet", "ne2k_isa", "i82557b", "ne2k_pci", "rtl8139", "i82551", "paravirtual"),
            "i82559er",
        ),
        DISK_TYPE: (
            *("scsi-hd", "ide", "mtd", "sd", "scsi-block", "pflash", "paravirtual", "scsi", "scsi-generic"),
            "scsi-cd",
        ),
        BOOT_ORDER: ("floppy", "network", "cdrom", "disk"),
    },
    takes_web_images=True,
    has_clock=True,
    needs_cd_to_boot_from_it=True,
)
XEN_HVM = Hypervisor(
    offered={
        NIC_TYPE: ("paravirtual", "e1000", "rtl8139", "ne2k_pci"),
        DISK_TYPE: ("paravirtual", "ioemu"),
        BOOT_ORDER: ("cd", "dc", "nc"),
    },
    accepted={
        NIC_TYPE: ("e1000", "ne2k_isa", "ne2k_pci", "rtl8139", "paravirtual"),
        DISK_TYPE: ("paravirtual", "ioemu"),
    },
    has_clock=True,
)
NOTHING_TO_SET = Hypervisor()  # Xen PVM, LXC, chroot, fake, and those that we do not know
BY_NAME = {"kvm": KVM, "xen-hvm": XEN_HVM}


def known(name: str, hvparams: Mapping[str, Any]) -> Hypervisor:
    """What is known of the hypervisor `name`; Ganeti 2.4 does not tell that, and is known by its parameters."""
    if name:
        return BY_NAME.get(name, NOTHING_TO_SET)
    if "kvm_flag" in hvparams:
        return KVM
    return XEN_HVM if "device_model" in hvparams else NOTHING_TO_SET


def settable(name: str, hvparams: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters that can be set for an instance with these hvparams, all that Ganeti filled in together."""
    hypervisor = known(name, hvparams)
    there = [*hypervisor.offered]
    if hypervisor.takes_web_images or (hypervisor.offered and hvparams.get(CDROM_IMAGE_PATH)):
        there.append(CDROM_IMAGE_PATH)
    if hypervisor.has_clock:
        there.append(USE_LOCALTIME)
    if has_own_kernel(hypervisor, hvparams):
        there.remove(BOOT_ORDER)
    return tuple(parameter for parameter in PARAMETERS if parameter in there and parameter in hvparams)


def has_own_kernel(hypervisor: Hypervisor, hvparams: Mapping[str, Any]) -> bool:
    """Whether KVM is given a kernel that lies on the node: Ganeti then silently ignores where to boot from."""
    return hypervisor is KVM and bool(hvparams.get("kernel_path"))


def is_from_the_web(image: Any) -> bool:
    return isinstance(image, str) and image.startswith(WEB)


def boots_from_cd(order: Any) -> bool:
    """Whether a CD comes first."""
    return order == "cdrom" or (isinstance(order, str) and set(order) <= LETTERS and order.startswith("d"))


def choices(hypervisor: Hypervisor, name: str, hvparams: Mapping[str, Any]) -> tuple[str, ...]:
    """What is offered for a parameter: the current value, too, if it is another one, and no CD where none can be."""
    offered = hypervisor.offered.get(name, ())
    current = str(hvparams.get(name) or "")
    if name == BOOT_ORDER and not hypervisor.takes_web_images and not hvparams.get(CDROM_IMAGE_PATH):
        offered = tuple(value for value in offered if not boots_from_cd(value))
    return offered if current in offered or not current else (*offered, current)
