"""Which settings an instance's hypervisor knows, and which values are offered and accepted."""

from typing import Any

import pytest

from ganeti import hypervisors
from ganeti.hypervisors import KVM, NOTHING_TO_SET, PARAMETERS, XEN_HVM
from tests.demo.mirror import sample

FILLED_IN: dict[str, dict[str, Any]] = sample("kvm-info")["hvparams"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("kvm", PARAMETERS),
        ("xen-hvm", ("nic_type", "disk_type", "boot_order", "use_localtime")),
        ("xen-pvm", ()),
        ("lxc", ()),
        ("chroot", ()),
        ("fake", ()),
    ],
)
def test_each_hypervisor_has_what_ganeti_knows_of_it(name: str, found: tuple[str, ...]) -> None:
    assert hypervisors.settable(name, FILLED_IN[name]) == found


def test_one_that_nobody_knows_has_nothing() -> None:
    assert hypervisors.settable("firecracker", {"boot_order": "disk", "nic_type": "e1000"}) == ()


@pytest.mark.parametrize(("name", "found"), [("kvm", KVM), ("xen-hvm", XEN_HVM), ("xen-pvm", NOTHING_TO_SET)])
def test_where_ganeti_does_not_tell_its_name_the_parameters_do(name: str, found: Any) -> None:
    assert hypervisors.known("", FILLED_IN[name]) is found
    assert hypervisors.known("", {}) is NOTHING_TO_SET


def test_a_parameter_that_ganeti_does_not_have_yet_cannot_be_set() -> None:
    old = {key: value for key, value in FILLED_IN["kvm"].items() if key != "use_localtime"}
    assert "use_localtime" not in hypervisors.settable("kvm", old)


@pytest.mark.parametrize("hypervisor", [KVM, XEN_HVM])
def test_what_is_offered_is_accepted_and_of_one_kind_only(hypervisor: Any) -> None:
    for name, values in hypervisor.offered.items():
        assert all(hypervisor.accepts(name, value) for value in values), name
        assert len(set(values)) == len(values)
    assert not hypervisor.accepts("nic_type", "no-such")
    assert not hypervisor.accepts("nic_type", "")


@pytest.mark.parametrize(
    ("hypervisor", "order", "is_accepted"),
    [
        (KVM, "disk", True),
        (KVM, "dc", False),
        (XEN_HVM, "dc", True),
        (XEN_HVM, "acdn", True),
        (XEN_HVM, "disk", False),
        (XEN_HVM, "", False),
    ],
)
def test_kvm_boots_by_words_and_xen_by_letters(hypervisor: Any, order: str, is_accepted: bool) -> None:
    assert hypervisor.accepts("boot_order", order) is is_accepted


@pytest.mark.parametrize(
    ("order", "first"), [("cdrom", True), ("dc", True), ("disk", False), ("cd", False), (None, False)]
)
def test_it_is_known_whether_a_cd_comes_first(order: Any, first: bool) -> None:
    assert hypervisors.boots_from_cd(order) is first


def test_the_current_value_is_offered_though_it_is_an_odd_one() -> None:
    assert hypervisors.choices(KVM, "nic_type", {"nic_type": "pcnet"}) == (*KVM.offered["nic_type"], "pcnet")
    assert hypervisors.choices(KVM, "nic_type", {"nic_type": "e1000"}) == KVM.offered["nic_type"]


def test_xen_boots_from_a_cd_only_where_an_administrator_has_put_one_in() -> None:
    """Xen takes files on the nodes only, and no addresses."""
    without = dict(FILLED_IN["xen-hvm"])
    assert hypervisors.choices(XEN_HVM, "boot_order", without) == ("cd", "nc")
    having = {**without, "cdrom_image_path": "/srv/rescue.iso"}
    assert hypervisors.choices(XEN_HVM, "boot_order", having) == ("cd", "dc", "nc")
    assert "cdrom_image_path" in hypervisors.settable("xen-hvm", having)


def test_with_a_kernel_of_the_cluster_s_there_is_nothing_to_boot_from() -> None:
    with_kernel = {**FILLED_IN["kvm"], "kernel_path": "/boot/vmlinuz"}
    assert "boot_order" not in hypervisors.settable("kvm", with_kernel)
    assert "boot_order" in hypervisors.settable("xen-hvm", FILLED_IN["xen-hvm"]), "Xen's is its own loader"
