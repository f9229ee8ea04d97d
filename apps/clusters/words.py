"""The words, icons and colour families in which people read the states of instances and jobs."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.looks import Status, Text
from apps.clusters.models import Job

RUNNING, STOPPED, ATTENTION = "running", "stopped", "attention"

# Ganeti's words for an instance's state (its design document "query2", field "status").
OF_INSTANCE: dict[str, tuple[str, Status]] = {
    "running": (RUNNING, Status(_("Running"), "play-circle-fill", "ok")),
    "ADMIN_down": (STOPPED, Status(_("Stopped"), "stop-circle", "idle")),
    "USER_down": (
        STOPPED,
        Status(_("Stopped from inside"), "stop-circle", "idle", _("The system inside switched itself off.")),
    ),
    "ADMIN_offline": (
        STOPPED,
        Status(_("Out of service"), "slash-circle", "idle", _("An administrator took it out of service.")),
    ),
    "ERROR_up": (
        ATTENTION,
        Status(
            _("Running, should be stopped"), "exclamation-triangle-fill", "warn", _("Ganeti meant it to be stopped.")
        ),
    ),
    "ERROR_down": (
        ATTENTION,
        Status(_("Stopped, should be running"), "exclamation-triangle-fill", "bad", _("It went down by itself.")),
    ),
    "ERROR_nodedown": (
        ATTENTION,
        Status(_("Node is down"), "x-octagon-fill", "bad", _("The machine it runs on does not answer.")),
    ),
    "ERROR_nodeoffline": (
        ATTENTION,
        Status(_("Node is offline"), "x-octagon-fill", "bad", _("The machine it ran on is out of service.")),
    ),
    "ERROR_wrongnode": (
        ATTENTION,
        Status(
            _("On the wrong node"),
            "exclamation-triangle-fill",
            "warn",
            _("It runs on another node than Ganeti planned."),
        ),
    ),
}

WORKING: dict[str, Text] = {
    Job.Kind.STARTUP: _("Starting"),
    Job.Kind.SHUTDOWN: _("Shutting down"),
    Job.Kind.REBOOT: _("Rebooting"),
    Job.Kind.ADD_TAGS: _("Adding tags"),
    Job.Kind.REMOVE_TAGS: _("Removing tags"),
    Job.Kind.CREATE: _("Creating"),
    Job.Kind.DRY_RUN: _("Trying"),
    Job.Kind.REMOVE: _("Destroying"),
    Job.Kind.REINSTALL: _("Reinstalling"),
    Job.Kind.RENAME: _("Renaming"),
    Job.Kind.MODIFY: _("Changing settings"),
    Job.Kind.MIGRATE: _("Migrating"),
}

# What Ganeti says about a job's state, as the second half of a sentence that begins with WORKING.
OF_JOB: dict[str, Text] = {
    "": pgettext_lazy("job", "being handed to Ganeti"),
    "queued": pgettext_lazy("job", "in Ganeti's queue"),
    "waiting": pgettext_lazy("job", "waiting for locks"),
    "waitlock": pgettext_lazy("job", "waiting for locks"),
    "running": pgettext_lazy("job", "at work"),
    "canceling": pgettext_lazy("job", "being canceled"),
}

# The roles of nodes, in the order in which they are shown.
OF_ROLE: dict[str, Status] = {
    "master": Status(pgettext_lazy("role of a node", "Master"), "star-fill", "idle"),
    "candidate": Status(pgettext_lazy("role of a node", "Candidate"), "star", "idle", _("It can become the master.")),
    "regular": Status(pgettext_lazy("role of a node", "Regular"), "check-lg", "idle"),
    "drained": Status(
        pgettext_lazy("role of a node", "Drained"), "box-arrow-right", "warn", _("It is given no new instances.")
    ),
    "offline": Status(pgettext_lazy("role of a node", "Offline"), "plug", "bad", _("Ganeti does not ask it.")),
}
ROLE_ORDER = {role: number for number, role in enumerate(OF_ROLE)}
NODE_IS_SILENT = Status(
    pgettext_lazy("state of a node", "Does not answer"),
    "x-octagon-fill",
    "bad",
    _("It tells nothing of itself, and nobody took it out of service."),
)


def group_of(ganeti_status: str) -> str:
    """running, stopped or attention: the three piles into which lists sort instances."""
    return OF_INSTANCE[ganeti_status][0] if ganeti_status in OF_INSTANCE else ATTENTION


def of_instance(ganeti_status: str) -> Status:
    if ganeti_status in OF_INSTANCE:
        return OF_INSTANCE[ganeti_status][1]
    word = ganeti_status[:40] or pgettext_lazy("state of a VM", "Unknown")
    return Status(word, "question-circle", "warn", _("Ganeti uses a word that we do not know."))


def of_ended(job: Job) -> Status:
    """How a change ended, for people who did not see it end."""
    family = {Job.State.SUCCEEDED: "ok", Job.State.FAILED: "bad"}.get(Job.State(job.state), "warn")
    icon = {"ok": "check-circle-fill", "bad": "x-octagon-fill"}.get(family, "question-circle")
    what = {"what": job.get_kind_display(), "how": job.get_state_display()}
    return Status(_("%(what)s: %(how)s") % what, icon, family)


def of_job(job: Job) -> Status:
    how = job.get_state_display() if job.state == Job.State.DUE else OF_JOB.get(job.ganeti_status, "")
    return Status(WORKING.get(job.kind, job.get_kind_display()), "arrow-repeat", "work", how)


def of_node(role: str) -> Status:
    unknown = Status(pgettext_lazy("role of a node", "Unknown"), "question-circle", "warn")
    return OF_ROLE.get(role, unknown)
