"""The virtual hardware of an instance: what its owner can set, in words, and what waits for the next reboot.

Ganeti does not tell with which hypervisor parameters an instance runs, only which are configured. Our own jobs
know: each change notes what was before, so that the first of them since the instance last began tells how it runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.looks import Text
from apps.clusters.actions import Step
from apps.clusters.fleet import Vm
from apps.clusters.models import Job
from ganeti import hypervisors
from ganeti.hypervisors import BOOT_ORDER, CDROM_IMAGE_PATH, DISK_TYPE, NIC_TYPE, USE_LOCALTIME, Hypervisor

LABELS: dict[str, Text] = {
    NIC_TYPE: gettext_lazy("Network card"),
    DISK_TYPE: gettext_lazy("Disk controller"),
    BOOT_ORDER: gettext_lazy("Boot from"),
    CDROM_IMAGE_PATH: gettext_lazy("CD"),
    USE_LOCALTIME: gettext_lazy("Hardware clock"),
}
FROM_DISK = pgettext_lazy("boot from", "Disk")
FROM_CD = pgettext_lazy("boot from", "CD")
FROM_NETWORK = pgettext_lazy("boot from", "Network")
BOOT_ORDERS: dict[str, Text] = {
    "disk": FROM_DISK,
    "cdrom": FROM_CD,
    "network": FROM_NETWORK,
    "floppy": pgettext_lazy("boot from", "Floppy"),
    "cd": FROM_DISK,
    "dc": FROM_CD,
    "nc": FROM_NETWORK,
}

# After these an instance runs with what is configured, or not at all.
BEGINNINGS = (Job.Kind.STARTUP, Job.Kind.SHUTDOWN, Job.Kind.REBOOT, Job.Kind.REINSTALL, Job.Kind.CREATE)
MOST_CHANGES = 100  # between two reboots that are looked at


def in_words(name: str, value: Any) -> Text:
    """A parameter's value as people read it."""
    if name == BOOT_ORDER:
        return BOOT_ORDERS.get(str(value), str(value))
    if name == USE_LOCALTIME:
        return _("local time") if value else "UTC"
    if name == CDROM_IMAGE_PATH:
        if not value:
            return pgettext_lazy("CD", "none")
        return str(value) if hypervisors.is_from_the_web(value) else _("an image of an administrator's")
    return str(value)


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter that is configured in another way than the instance runs with."""

    name: str
    running: Any
    configured: Any

    def __str__(self) -> str:
        return _("%(what)s: %(new)s instead of %(old)s") % {
            "what": LABELS.get(self.name, self.name),
            "new": in_words(self.name, self.configured),
            "old": in_words(self.name, self.running),
        }


class Hardware:
    """What is configured for an instance, what can be, and how that differs from what it runs with."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm

    @cached_property
    def _changes(self) -> list[Job]:
        """Our changes since the instance last began, the earliest first."""
        found: list[Job] = []
        ours = Job.objects.filter(
            cluster=self.vm.cluster.pk,
            instance=self.vm.name,
            state=Job.State.SUCCEEDED,
            kind__in=(Job.Kind.MODIFY, *BEGINNINGS),
        )
        for row in ours[:MOST_CHANGES]:  # the latest first
            if row.kind != Job.Kind.MODIFY:
                break
            found.append(row)
        return found[::-1]

    @cached_property
    def configured(self) -> dict[str, Any]:
        """The hypervisor's parameters; what our jobs have changed since we last looked is not forgotten."""
        known = dict(self.vm.instance.hvparams)
        for row in self._changes:
            if row.ended and row.ended.timestamp() > self.vm.cluster.head.collected_at:
                known.update(row.details.get("hvparams", {}))
        return known

    @property
    def hypervisor(self) -> Hypervisor:
        return hypervisors.known(self.vm.instance.hypervisor, self.configured)

    @property
    def settable(self) -> tuple[str, ...]:
        """The names of what can be set, in the order of a form; empty where that is nothing."""
        return hypervisors.settable(self.vm.instance.hypervisor, self.configured)

    @property
    def has_own_kernel(self) -> bool:
        return hypervisors.has_own_kernel(self.hypervisor, self.configured)

    def choices(self, name: str) -> tuple[str, ...]:
        return hypervisors.choices(self.hypervisor, name, self.configured)

    @property
    def facts(self) -> list[tuple[Text, Text]]:
        """(label, value) of everything that can be set, for those who only look."""
        return [(LABELS[name], in_words(name, self.configured.get(name))) for name in self.settable]

    def before(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What is configured now of that which changes, for the job to note; nothing where it does not run with it."""
        return {name: self.configured.get(name) for name in changes} if self.vm.instance.is_running else {}

    # ---- what it runs with -------------------------------------------------------------------------

    @property
    def _running(self) -> dict[str, Any]:
        """What we know of the parameters that it runs with: those that were changed since it began."""
        first: dict[str, Any] = {}
        for row in self._changes:
            before = row.details.get("before") or {}
            if not before:  # it did not run then: it began with all that was changed so far
                first = {}
            for name, value in before.items():
                first.setdefault(name, value)
        return first

    def differences(self, changes: Mapping[str, Any] | None = None) -> list[Difference]:
        """How what is configured, with these further changes, differs from what it runs with, as far as we know."""
        wanted = {**self.configured, **(changes or {})}
        running = {**(self.before(changes) if changes else {}), **self._running}
        return [
            Difference(name, value, wanted.get(name)) for name, value in running.items() if wanted.get(name) != value
        ]

    @property
    def waits(self) -> bool:
        """Whether something is configured that only a reboot puts into force."""
        return self.vm.tags.needsreboot and self.vm.instance.is_running

    @property
    def is_marked_by_us(self) -> bool:
        """Whether the mark came with a change of ours since the instance began, so that we know all that it means."""
        return any(any(step.get("kind") == Job.Kind.ADD_TAGS for step in row.then) for row in self._changes)

    def mark_after(self, changes: Mapping[str, Any]) -> list[Step]:
        """The step that follows these changes: the mark is given or, where all is again as it runs, taken away."""
        if not self.vm.instance.is_running:
            return []
        mark = {"tags": [f"{settings.GANETI_TAG_PREFIX}:needsreboot"]}
        if self.differences(changes):
            return [] if self.vm.tags.needsreboot else [Step(Job.Kind.ADD_TAGS, mark, is_quiet=True)]
        if self.vm.tags.needsreboot and self.is_marked_by_us:
            return [Step(Job.Kind.REMOVE_TAGS, mark, is_quiet=True)]
        return []


def waiting(vm: Vm) -> dict[str, Any] | None:
    """For the head of an instance's pages: what waits for a reboot, in sentences; None where nothing does."""
    hardware = Hardware(vm)
    if not hardware.waits:
        return None
    return {"differences": hardware.differences()}
