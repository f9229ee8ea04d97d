"""Changes that cannot be taken back: asked for on a page, confirmed through a mailed link, done once.

Opening the link shows a page, its button does the deed. Taking the link and recording the change are one
transaction: whatever dies, nothing is done twice and no link is lost for nothing.
"""

import datetime
import hashlib
import logging
import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import outbox
from accounts.throttling import times_this_hour
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, locks, names, systems
from apps.clusters.actions import Refused, Step
from apps.clusters.fleet import Vm
from apps.clusters.models import Cluster, InstanceAction, Job
from ganeti.objects import Job as GanetiJob

log = logging.getLogger(__name__)

Kind = InstanceAction.Kind

TIMES_PER_HOUR = 10  # that somebody may ask: each time a mail goes out
REPORTS_PER_HOUR = 3  # mails to the managers about one person with one link


@dataclass(frozen=True, slots=True)
class Deed:
    """A kind of confirmed action: the job that does it, and its names in the history."""

    job: str
    asked: str
    unauthorized: str


DEEDS: dict[int, Deed] = {
    Kind.REINSTALL: Deed(Job.Kind.REINSTALL, events.REINSTALL_ASKED, events.REINSTALL_UNAUTHORIZED),
    Kind.DESTROY: Deed(Job.Kind.REMOVE, events.DESTROY_ASKED, events.DESTROY_UNAUTHORIZED),
    Kind.RENAME: Deed(Job.Kind.RENAME, events.RENAME_ASKED, events.RENAME_UNAUTHORIZED),
}


# ---- what stands in the way -------------------------------------------------------------------------------


def why_not(user: Any, vm: Vm, kind: int) -> str | Promise:
    """The sentence that says why `user` cannot do this to `vm` now; empty when nothing stands in the way."""
    return locks.why_not(user, vm, DEEDS[kind].job) or _of_kind(vm, kind)


def why_not_so(user: Any, vm: Vm, action: InstanceAction) -> str | Promise:
    """The same for what was asked for: with its system, or its new name."""
    return why_not(user, vm, action.kind) or _of_details(vm, action)


def no_address(user: Any) -> str:
    """The sentence for somebody to whom no link can be mailed; else empty."""
    if outbox.is_address(user.email):
        return ""
    return _("Your account has no e-mail address to which the link could go. Your profile takes one.")


def _of_kind(vm: Vm, kind: int) -> str:
    if kind == Kind.REINSTALL and not vm.instance.disks:
        return _("It has no disk on which a system could be installed.")
    if kind == Kind.REINSTALL and not systems.choices():
        return _("This site offers no systems to install.")
    return ""


def _of_details(vm: Vm, action: InstanceAction) -> str | Promise:
    if action.kind == Kind.REINSTALL and action.details["image"] not in dict(systems.choices()):
        return _("This system is no longer offered. Choose another.")
    if action.kind == Kind.RENAME:
        return names.why_not(action.details["new_name"], renaming=(vm.cluster.slug, vm.name))
    return ""


def is_stopped_first(vm: Vm) -> bool:
    """Whether Ganeti has to be told to stop it before it gives it another name."""
    return vm.instance.status != "ADMIN_down"


# ---- asking -------------------------------------------------------------------------------------------------


def ask(request: HttpRequest, vm: Vm, kind: int, **details: Any) -> InstanceAction:
    """Notes what the request's user wants, instead of the same of an earlier time, and mails them the link.

    Raises Refused with a sentence.
    """
    by = Actor.of(request)
    action = InstanceAction(
        kind=kind,
        cluster_id=vm.cluster.pk,
        instance=vm.name,
        uuid=vm.instance.uuid[:64],
        details=details,
        user=by.user,
        expires=timezone.now() + datetime.timedelta(days=settings.INSTANCE_ACTION_ACTIVE_DAYS),
    )
    _refuse_unless_possible(by.user, vm, action)
    key = secrets.token_hex(20)
    deed = DEEDS[kind]
    with transaction.atomic():
        entry = audit.record(
            by,
            deed.asked,
            cluster=vm.cluster.slug,
            instance=vm.name,
            detail=actions.detail_of(deed.job, details),
            outcome=AuditEntry.Outcome.SUCCEEDED,
        )
        action, _is_new = InstanceAction.objects.update_or_create(
            user=by.user,
            cluster_id=vm.cluster.pk,
            instance=vm.name,
            kind=kind,
            defaults={
                "uuid": action.uuid,
                "details": details,
                "key_hash": hashed(key),
                "asked": timezone.now(),
                "expires": action.expires,
                "used": None,
                "audit_entry": entry,
            },
        )
        outbox.post("instance_action", by.user, _mail(request, vm, action, key, by))
    log.info("%s asked to %s %s.", by.user, action.get_kind_display(), vm.name)
    return action


def _refuse_unless_possible(user: Any, vm: Vm, action: InstanceAction) -> None:
    sentence = why_not_so(user, vm, action) or no_address(user)
    if sentence:
        raise Refused(str(sentence))
    if times_this_hour("instance-action", str(user.pk)) > TIMES_PER_HOUR:
        raise Refused(_("You have asked for such changes too often. Try again in an hour."))


def _mail(request: HttpRequest, vm: Vm, action: InstanceAction, key: str, by: Actor) -> dict[str, Any]:
    return {
        "name": by.user.get_username(),
        "kind": action.get_kind_display,
        "action": action,
        "what": Kind(action.kind).name,
        "vm": vm,
        "system": dict(systems.choices()).get(action.details.get("image", ""), ""),
        "is_stopped_first": is_stopped_first(vm),
        "address": by.address,
        "link": outbox.absolute(reverse("reinstall-destroy-review", args=[key, action.kind]), request),
        "reset": outbox.absolute(reverse("password_reset"), request),
    }


def pending(user: Any, vm: Vm) -> list[InstanceAction]:
    """What `user` has asked for and not confirmed yet."""
    wishes = InstanceAction.objects.filter(user=user, cluster=vm.cluster.pk, instance=vm.name, used=None)
    return [action for action in wishes if not action.is_expired]


@transaction.atomic
def withdraw(user: Any, vm: Vm, kind: int) -> bool:
    """Forgets what `user` has asked for; False where there was nothing that waited."""
    action = InstanceAction.objects.filter(
        user=user, cluster=vm.cluster.pk, instance=vm.name, kind=kind, used=None
    ).first()
    if action is None or not InstanceAction.objects.filter(pk=action.pk, used=None).delete()[0]:
        return False
    audit.conclude(action.audit_entry_id, AuditEntry.Outcome.CANCELED)
    return True


# ---- the link -------------------------------------------------------------------------------------------------


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def find(key: str, kind: int) -> InstanceAction | None:
    """What the link was made for, whether it still works or not; None for one that is not known (any more)."""
    found = InstanceAction.objects.filter(key_hash=hashed(key), kind=kind)
    return found.select_related("cluster", "user").first()


def report(request: HttpRequest, action: InstanceAction) -> None:
    """Somebody tried a link that is not theirs, or not any more: written down, and told to the managers."""
    by = Actor.of(request)
    sentence = f"Asked for by {action.user.get_username()}"
    with transaction.atomic():
        audit.record(
            by,
            DEEDS[action.kind].unauthorized,
            cluster=action.cluster.slug,
            instance=action.instance,
            detail=sentence,
            outcome=AuditEntry.Outcome.REFUSED,
            is_authorized=False,
        )
        if times_this_hour("unauthorized-action", f"{action.pk}/{by.user.pk}") <= REPORTS_PER_HOUR:
            about = {"action": action, "who": by.user.get_username(), "address": by.address}
            outbox.post_all("unauthorized_action", outbox.managers(), about)
    log.warning("%s tried the link of %s: %s", by.user, action.user, action)


def confirm(action: InstanceAction, vm: Vm, by: Actor) -> Job:
    """Does what the link was made for, once: the row that follows the job.

    Raises Refused with a sentence; the link still works then, unless it was used meanwhile.
    """
    sentence = why_not_so(by.user, vm, action)
    if sentence:
        raise Refused(str(sentence))
    kind, details, then, event = _steps(action, vm)
    with transaction.atomic():
        if not action.use():
            raise Refused(_("Somebody was faster: this link was used already."))
        row = actions.intend(vm, kind, by, details, event=event, then=[step.stored for step in then])
    actions.submit(row, by, if_refused=lambda row, sentence: action.give_back())
    return row


def _steps(action: InstanceAction, vm: Vm) -> tuple[str, dict[str, Any], list[Step], str]:
    """The first job, what it needs to know, the steps that follow it, and what the history calls the first."""
    anew = actions.afterwards(vm, Job.Kind.STARTUP)
    if action.kind == Kind.DESTROY:
        return Job.Kind.REMOVE, {}, [], ""
    if action.kind == Kind.REINSTALL:
        image = {"image": action.details["image"]}
        install = Step(Job.Kind.REINSTALL, {**image, "start": True}, goes_on=True)
        return Job.Kind.MODIFY, image, [install, *anew], events.REINSTALL
    rename = {"new_name": action.details["new_name"], "old_name": vm.name}
    if not is_stopped_first(vm):
        return Job.Kind.RENAME, rename, [], ""
    start = [Step(Job.Kind.STARTUP), *anew] if vm.instance.status in locks.ON else []
    return Job.Kind.SHUTDOWN, {}, [Step(Job.Kind.RENAME, rename), *start], ""


# ---- what follows -------------------------------------------------------------------------------------------


def renamed(row: Job, job: GanetiJob | None) -> None:
    """Our own records follow an instance that got another name; called in the transaction that ends its job.

    Its history is found under the new name: the entry of the renaming tells both.
    """
    if job is None or not job.succeeded:
        return
    old, new = row.instance, row.name_at_the_end
    AuditEntry.objects.about(row.cluster.slug, old).update(instance=new)
    Job.objects.filter(cluster=row.cluster, instance=old).update(instance=new)
    InstanceAction.objects.filter(cluster=row.cluster, instance=new).delete()
    InstanceAction.objects.filter(cluster=row.cluster, instance=old).update(instance=new)


def destroyed(row: Job, job: GanetiJob | None) -> None:
    """What was asked for an instance that is gone counts no more: the next one of its name is another."""
    if job is not None and job.succeeded:
        InstanceAction.objects.filter(cluster=row.cluster, instance=row.instance, used=None).delete()


def new_name_of(cluster: str, old: str) -> str:
    """What an instance of ours is called that had this name; empty where nobody knows of one."""
    row = Cluster.objects.filter(slug=cluster).first()
    if row is None:
        return ""
    done = InstanceAction.objects.filter(cluster=row, kind=Kind.RENAME, details__old_name=old, used__isnull=False)
    return done.exclude(instance=old).values_list("instance", flat=True).first() or ""


def forget_old() -> None:
    """Deletes what expired long enough ago that nobody opens its link any more."""
    before = timezone.now() - datetime.timedelta(days=settings.INSTANCE_ACTION_ACTIVE_DAYS)
    InstanceAction.objects.filter(expires__lt=before).delete()
