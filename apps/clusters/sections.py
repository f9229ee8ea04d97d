"""The parts of an instance's page: one address each, with the same head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.looks import Text
from apps.clusters import permissions
from apps.clusters.fleet import Vm


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its address by name, and who has it."""

    name: str
    label: Text
    url_name: str
    test: Callable[[Any, Vm], bool]


@dataclass(frozen=True, slots=True)
class Tab:
    label: Text
    url: str
    is_current: bool


def has_console(user: Any, vm: Vm) -> bool:
    return bool(settings.WEBSOCK_VNC_ENABLED) and permissions.may_operate(user, vm)


def has_graphs(user: Any, vm: Vm) -> bool:
    return bool(settings.COLLECTD_URL) and permissions.may_see_graphs(user, vm)


SECTIONS = (
    Section("overview", _("Overview"), "instance-detail", permissions.may_look),
    Section("console", _("Console"), "instance-novnc", has_console),
    Section("graphs", _("Graphs"), "instance-graphs", has_graphs),
    Section("settings", _("Settings"), "instance-settings", permissions.may_change_anything),
    Section("history", pgettext_lazy("of a VM", "History"), "instance-history", permissions.may_look),
    Section("danger", _("Danger zone"), "instance-danger", permissions.may_operate),
)


def tabs(user: Any, vm: Vm, current: str) -> list[Tab]:
    """The parts that `user` has; one alone needs no tabs."""
    found = [
        Tab(section.label, reverse(section.url_name, args=[vm.cluster.slug, vm.name]), section.name == current)
        for section in SECTIONS
        if section.test(user, vm)
    ]
    return found if len(found) > 1 else []
