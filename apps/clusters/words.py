"""The words, icons and colour families in which people read the states of instances and jobs."""

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.looks import Status, Text
from apps.clusters.models import Job
from ganeti import tags as tag_grammar

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

# What is said of a step that did not follow any more, because the one before it failed.
LEFT_OUT: dict[str, Text] = {
    Job.Kind.STARTUP: _("It was not started again."),
    Job.Kind.SHUTDOWN: _("It was not shut down."),
    Job.Kind.RENAME: _("It was not renamed."),
    Job.Kind.REINSTALL: _("It was not reinstalled."),
    Job.Kind.MIGRATE: _("It was not migrated."),
    Job.Kind.MODIFY: _("Its settings were not changed."),
}

# What tags mean: (the verb, the verb at work) for giving them and for taking them away.
OF_TAGS: dict[str, dict[str, tuple[Text, Text]]] = {
    "adminlock": {
        Job.Kind.ADD_TAGS: (_("Lock"), _("Locking")),
        Job.Kind.REMOVE_TAGS: (_("Unlock"), _("Unlocking")),
    },
    "isolate": {
        Job.Kind.ADD_TAGS: (_("Isolate"), _("Isolating")),
        Job.Kind.REMOVE_TAGS: (_("End the isolation"), _("Ending the isolation")),
    },
    "whitelist_ip": {
        Job.Kind.ADD_TAGS: (_("Let a network in"), _("Letting a network in")),
        Job.Kind.REMOVE_TAGS: (_("Let a network in no more"), _("Shutting a network out")),
    },
    "owner": {
        Job.Kind.ADD_TAGS: (_("Give owners"), _("Adding owners")),
        Job.Kind.REMOVE_TAGS: (_("Take owners away"), _("Taking owners away")),
    },
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

# Ganeti's words for a job's state, all of them, in the order in which lists offer them.
OF_JOB_STATE: dict[str, Status] = {
    "running": Status(pgettext_lazy("state of a job", "Running"), "arrow-repeat", "work"),
    "waiting": Status(
        pgettext_lazy("state of a job", "Waiting"), "hourglass-split", "idle", _("It waits for what other jobs hold.")
    ),
    "queued": Status(
        pgettext_lazy("state of a job", "Queued"), "hourglass-split", "idle", _("It has not had its turn yet.")
    ),
    "canceling": Status(pgettext_lazy("state of a job", "Being canceled"), "arrow-repeat", "work"),
    "error": Status(pgettext_lazy("state of a job", "Failed"), "x-octagon-fill", "bad"),
    "canceled": Status(pgettext_lazy("state of a job", "Canceled"), "slash-circle", "idle"),
    "success": Status(pgettext_lazy("state of a job", "Done"), "check-circle-fill", "ok"),
    "": Status(pgettext_lazy("state of a job", "Unknown"), "question-circle", "warn", _("Nobody knows how it ended.")),
}

# What Ganeti's opcodes do, as the beginning of a line that goes on with what they do it to.
OF_OPCODE: dict[str, Text] = {
    "INSTANCE_CREATE": _("Create"),
    "INSTANCE_REMOVE": _("Destroy"),
    "INSTANCE_STARTUP": _("Start"),
    "INSTANCE_SHUTDOWN": _("Shut down"),
    "INSTANCE_REBOOT": _("Reboot"),
    "INSTANCE_REINSTALL": _("Reinstall"),
    "INSTANCE_RENAME": _("Rename"),
    "INSTANCE_SET_PARAMS": _("Change settings of"),
    "INSTANCE_MIGRATE": _("Migrate"),
    "INSTANCE_FAILOVER": _("Fail over"),
    "INSTANCE_MOVE": _("Move"),
    "INSTANCE_REPLACE_DISKS": _("Replace disks of"),
    "INSTANCE_GROW_DISK": _("Grow a disk of"),
    "INSTANCE_RECREATE_DISKS": _("Recreate disks of"),
    "INSTANCE_ACTIVATE_DISKS": _("Activate disks of"),
    "INSTANCE_DEACTIVATE_DISKS": _("Deactivate disks of"),
    "INSTANCE_CHANGE_GROUP": _("Move to another group:"),
    "INSTANCE_MULTI_ALLOC": _("Create several VMs"),
    "INSTANCE_CONSOLE": _("Console of"),
    "TAGS_SET": _("Add tags to"),
    "TAGS_DEL": _("Remove tags from"),
    "BACKUP_EXPORT": _("Export"),
    "BACKUP_PREPARE": _("Prepare the export of"),
    "BACKUP_REMOVE": _("Remove the export of"),
    "NODE_ADD": _("Add the node"),
    "NODE_REMOVE": _("Remove the node"),
    "NODE_EVACUATE": _("Evacuate the node"),
    "NODE_MIGRATE": _("Migrate all VMs of the node"),
    "NODE_SET_PARAMS": _("Change the node"),
    "NODE_POWERCYCLE": _("Power-cycle the node"),
    "GROUP_ADD": _("Add the node group"),
    "GROUP_REMOVE": _("Remove the node group"),
    "GROUP_RENAME": _("Rename the node group"),
    "GROUP_SET_PARAMS": _("Change the node group"),
    "GROUP_ASSIGN_NODES": _("Assign nodes to the group"),
    "GROUP_EVACUATE": _("Evacuate the node group"),
    "GROUP_VERIFY_DISKS": _("Verify disks of the group"),
    "NETWORK_ADD": _("Add the network"),
    "NETWORK_REMOVE": _("Remove the network"),
    "NETWORK_SET_PARAMS": _("Change the network"),
    "NETWORK_CONNECT": _("Connect the network"),
    "NETWORK_DISCONNECT": _("Disconnect the network"),
    "CLUSTER_VERIFY": _("Verify the cluster"),
    "CLUSTER_VERIFY_CONFIG": _("Verify the cluster's configuration"),
    "CLUSTER_VERIFY_GROUP": _("Verify the node group"),
    "CLUSTER_VERIFY_DISKS": _("Verify all disks"),
    "CLUSTER_REPAIR_DISK_SIZES": _("Repair disk sizes"),
    "CLUSTER_SET_PARAMS": _("Change the cluster"),
    "CLUSTER_REDIST_CONF": _("Distribute the configuration"),
    "CLUSTER_RENEW_CRYPTO": _("Renew the cluster's certificates"),
    "OS_DIAGNOSE": _("Look for operating systems"),
    "TEST_DELAY": _("Wait"),
}
# Steps that stand beside the one that says what a job is for.
BESIDE = frozenset({"INSTANCE_SHUTDOWN", "INSTANCE_STARTUP", "TAGS_SET", "TAGS_DEL", "TEST_DELAY"})

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


def verb(job: Job) -> Text:
    """What a change does, as its button says it."""
    meant = _meant(job)
    return meant[0] if meant else job.get_kind_display()


def working(job: Job) -> Text:
    """What a change is doing. The settings of a system that is installed next are a part of that."""
    meant = _meant(job)
    kind = Job.Kind.REINSTALL if "image" in job.details else job.kind
    return meant[1] if meant else WORKING.get(kind, job.get_kind_display())


def _meant(job: Job) -> tuple[Text, Text] | None:
    """What a job about tags of one meaning is about; None for others."""
    if job.kind not in (Job.Kind.ADD_TAGS, Job.Kind.REMOVE_TAGS) or job.renaming_id is not None:
        return None
    kinds = {tag_grammar.split(tag, settings.GANETI_TAG_PREFIX)[0] for tag in job.details.get("tags", ())}
    if kinds and kinds <= {"user", "group"}:
        kinds = {"owner"}
    meaning = OF_TAGS.get(kinds.pop()) if len(kinds) == 1 else None
    return meaning[job.kind] if meaning else None


def of_ended(job: Job) -> Status:
    """How a change ended, for people who did not see it end."""
    family = {Job.State.SUCCEEDED: "ok", Job.State.FAILED: "bad"}.get(Job.State(job.state), "warn")
    icon = {"ok": "check-circle-fill", "bad": "x-octagon-fill"}.get(family, "question-circle")
    what = {"what": verb(job), "how": job.get_state_display()}
    return Status(_("%(what)s: %(how)s") % what, icon, family)


def of_job(job: Job) -> Status:
    how = job.get_state_display() if job.state == Job.State.DUE else OF_JOB.get(job.ganeti_status, "")
    return Status(working(job), "arrow-repeat", "work", how)


def left_out(job: Job) -> list[Text]:
    """What does not follow any more after a change that failed, each a sentence."""
    return [LEFT_OUT[step["kind"]] for step in job.then if not step["is_quiet"] and step["kind"] in LEFT_OUT]


def of_turn(job: Job) -> Status:
    """How far one of many is, for people who know what is being done."""
    if job.state == Job.State.DUE:
        return Status(pgettext_lazy("one of many VMs", "Waiting"), "hourglass-split", "idle")
    if job.is_unfinished:
        how = OF_JOB.get(job.ganeti_status, job.ganeti_status)
        return Status(_("With Ganeti"), "arrow-repeat", "work", how)
    if job.state == Job.State.CANCELED and job.job_id is None:
        return Status(pgettext_lazy("one of many VMs", "Canceled"), "slash-circle", "idle")
    family = {Job.State.SUCCEEDED: "ok", Job.State.FAILED: "bad"}.get(Job.State(job.state), "warn")
    icon = {"ok": "check-circle-fill", "bad": "x-octagon-fill"}.get(family, "question-circle")
    return Status(job.get_state_display(), icon, family)


def of_node(role: str) -> Status:
    unknown = Status(pgettext_lazy("role of a node", "Unknown"), "question-circle", "warn")
    return OF_ROLE.get(role, unknown)


def state_of_job(ganeti_status: str) -> str:
    """A key of OF_JOB_STATE for Ganeti's word; "" for one that nobody knows."""
    state = "waiting" if ganeti_status == "waitlock" else ganeti_status
    return state if state in OF_JOB_STATE else ""


def of_opcodes(opcodes: Iterable[str]) -> Text:
    """What a job of these opcodes is for: that which is not only done beside another."""
    names = list(opcodes)
    telling = next((name for name in names if name not in BESIDE), names[0] if names else "")
    return of_opcode(telling)


def of_opcode(name: str) -> Text:
    return OF_OPCODE.get(name) or name.replace("_", " ").capitalize() or _("Job")
