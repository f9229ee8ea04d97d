"""What keeps a change from being made now, in sentences: checked on the server before every verb, shown on pages."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.clusters import permissions, screens, words
from apps.clusters.fleet import Vm
from apps.clusters.models import Job

STARTABLE = frozenset({"ADMIN_down", "USER_down", "ERROR_down"})
ON = frozenset({"running", "ERROR_up"})
OF_THE_HELPDESK = ("lock", "isolate")  # whoever may do these is not stopped by the lock itself


def why_not(user: Any, vm: Vm, kind: str, *, may: str = "operate") -> str | Promise:
    """The sentence that says why `user` cannot do `kind` to `vm` now; empty when nothing stands in the way.

    `may` is what the user has to be allowed, see permissions.MAY.
    """
    if not permissions.MAY[may](user, vm):
        return _("You may look at this instance, but not change it.")
    return _pending(vm) or ("" if may in OF_THE_HELPDESK else _held(user, vm)) or _cluster(vm) or _state(vm, kind)


def why_no_console(user: Any, vm: Vm) -> str:
    """The same for the console: what keeps changes from being made does, and a VM without a screen. A job that is
    under way does not: people want to see their VM start.
    """
    return why_no_console_by_right(user, vm) or screens.why_none(vm)


def why_no_console_by_right(user: Any, vm: Vm) -> str:
    """The part of it that ends a console that is open."""
    if not permissions.may_operate(user, vm):
        return _("You may look at this instance, but not change it.")
    return _held(user, vm)


def _pending(vm: Vm) -> str:
    if vm.job is None:
        return ""
    return _("%(what)s: other changes wait until this ends.") % {"what": words.of_job(vm.job).word}


def _held(user: Any, vm: Vm) -> str:
    """The admin lock and a group under maintenance stop owners, and not superusers."""
    if user.is_superuser:
        return ""
    if vm.tags.adminlock:
        return _("An administrator has locked this instance. Ask the help desk why.")
    if vm.group_is_locked:
        return _("The machines that this instance runs on are under maintenance. Try again later.")
    return ""


def _cluster(vm: Vm) -> str:
    """A cluster that does not answer cannot be asked; one that lets us only read neither."""
    name = {"cluster": vm.cluster.label}
    if vm.cluster.is_silent:
        return _("%(cluster)s does not answer. Changes are possible again as soon as it does.") % name
    if not vm.cluster.may_change:
        return _("%(cluster)s lets this site look, but not change anything.") % name
    return ""


def _state(vm: Vm, kind: str) -> str:
    status = vm.instance.status
    if kind in (Job.Kind.ADD_TAGS, Job.Kind.REMOVE_TAGS):  # written down by the master, whatever the instance does
        return ""
    if status == "ADMIN_offline":
        return _("An administrator took this instance out of service.")
    if status in ("ERROR_nodedown", "ERROR_nodeoffline"):
        return _("The machine that this instance runs on is down.")
    if kind == Job.Kind.STARTUP and status in ON:
        return _("It is running already.")
    if kind in (Job.Kind.SHUTDOWN, Job.Kind.REBOOT, Job.Kind.MIGRATE) and status in STARTABLE:
        return _("It is stopped.")
    return ""


# For accounts.retelling: a batch keeps why it left an instance out.
SENTENCES = (
    gettext_noop("You may look at this instance, but not change it."),
    gettext_noop("%(what)s: other changes wait until this ends."),
    gettext_noop("An administrator has locked this instance. Ask the help desk why."),
    gettext_noop("The machines that this instance runs on are under maintenance. Try again later."),
    gettext_noop("%(cluster)s does not answer. Changes are possible again as soon as it does."),
    gettext_noop("%(cluster)s lets this site look, but not change anything."),
    gettext_noop("An administrator took this instance out of service."),
    gettext_noop("The machine that this instance runs on is down."),
    gettext_noop("It is running already."),
    gettext_noop("It is stopped."),
    # what "%(what)s" can be, see words.WORKING
    gettext_noop("Starting"),
    gettext_noop("Shutting down"),
    gettext_noop("Rebooting"),
    gettext_noop("Adding tags"),
    gettext_noop("Removing tags"),
    gettext_noop("Creating"),
    gettext_noop("Trying"),
    gettext_noop("Destroying"),
    gettext_noop("Reinstalling"),
    gettext_noop("Renaming"),
    gettext_noop("Changing settings"),
    gettext_noop("Migrating"),
)
