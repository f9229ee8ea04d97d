"""One verb for many VMs: proposed with the names that somebody reads, begun once, and done a few at a time.

What is proposed is stored: exactly what was read is done, less what has become impossible meanwhile. Beginning writes
all jobs in one transaction as rows that are due; the watchers hand them over (steps.py), whatever process dies.
"""

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, inventories, locks, problems, steps
from apps.clusters.actions import Refused
from apps.clusters.fleet import Fleet, Vm
from apps.clusters.models import Batch, Cluster, Job

KINDS = (Job.Kind.STARTUP, Job.Kind.REBOOT, Job.Kind.SHUTDOWN)
MOST = 1000  # VMs in one batch
TYPED_ABOVE = 20  # whoever means more than so many VMs types how many these are
PROPOSALS = 10  # of one person that are kept
PROPOSAL_KEPT = datetime.timedelta(days=1)
KEPT = datetime.timedelta(days=30)

Name = tuple[str, str]  # a cluster's slug, an instance's name

NOT_THERE = gettext_noop("There is no such instance, or it is not yours.")
TAKEN = gettext_noop("Somebody else was faster: another change of %(name)s is pending.")
CANCELED = gettext_noop("%(who)s canceled it before it began.")
NOTHING_KNOWN = gettext_noop("Nothing is known of %(cluster)s just now. Try again in a moment.")
ONLY_LOOKS = gettext_noop("You may look at this instance, but not change it.")
SENTENCES = (NOT_THERE, TAKEN, CANCELED, NOTHING_KNOWN, ONLY_LOOKS)  # for accounts.retelling


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is, in numbers of VMs."""

    waiting: int = 0
    working: int = 0
    done: int = 0
    failed: int = 0
    canceled: int = 0

    @property
    def total(self) -> int:
        return self.waiting + self.working + self.ended

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.canceled

    @property
    def is_over(self) -> bool:
        return self.ended == self.total


PILES = {
    Job.State.DUE: "waiting",
    Job.State.INTENDED: "working",
    Job.State.SUBMITTED: "working",
    Job.State.SUCCEEDED: "done",
    Job.State.FAILED: "failed",
    Job.State.UNKNOWN: "failed",
    Job.State.CANCELED: "canceled",
}


# ---- proposing ----------------------------------------------------------------------------------------------


def propose(user: Any, kind: str, chosen: Iterable[Name], query: str = "") -> Batch:
    """What would be done to the chosen instances, and what would not and why, to be read before it is begun."""
    chosen = list(dict.fromkeys(chosen))
    if kind not in KINDS:
        raise Refused(_("Choose what is to be done with the VMs."))
    if not chosen:
        raise Refused(_("Choose at least one VM."))
    if len(chosen) > MOST:
        raise Refused(too_many(len(chosen)))
    goes, left_out = _sort_out(user, kind, chosen)
    if not goes and {sentence for *_, sentence in left_out} == {ONLY_LOOKS}:
        raise PermissionDenied(_(ONLY_LOOKS))
    batch = Batch.objects.create(
        kind=kind,
        query=query[:600],
        goes=[_name(vm) for vm in goes],
        left_out=left_out,
        requested_by=user,
        requester_name=user.get_username(),
    )
    _forget_older_proposals(user)
    return batch


def too_many(number: int) -> str:
    return ngettext(
        "This is %(n)s VM. At most %(most)s go at once: narrow the list with its filters.",
        "These are %(n)s VMs. At most %(most)s go at once: narrow the list with its filters.",
        number,
    ) % {"n": number, "most": MOST}


def _sort_out(user: Any, kind: str, chosen: Iterable[Name]) -> tuple[list[Vm], list[list[str]]]:
    """(what can be done now, [slug, name, why not] of the rest), both in the order in which they were chosen."""
    chosen = list(chosen)
    seen = Fleet(user)
    vms = {_name(vm): vm for vm in seen.vms(seen.pick(chosen))}
    goes, left_out = [], []
    with translation.override("en"):  # stored sentences are: each reader gets them retold
        for name in chosen:
            vm = vms.get(name)
            sentence = str(locks.why_not(user, vm, kind)) if vm else _why_not_there(seen, name[0])
            if sentence or vm is None:
                left_out.append([*name, sentence])
            else:
                goes.append(vm)
    return goes, left_out


def _why_not_there(seen: Fleet, slug: str) -> str:
    view = seen.clusters.get(slug)
    is_unknown = view is not None and (seen.store_is_away or not view.has_snapshot)
    return problems.nothing_known(view.label) if view and is_unknown else NOT_THERE


def _name(vm: Vm) -> Name:
    return vm.cluster.slug, vm.name


def _forget_older_proposals(user: Any) -> None:
    mine = Batch.objects.filter(requested_by=user, begun=None).order_by("-pk")
    Batch.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[PROPOSALS:])).delete()


# ---- doing --------------------------------------------------------------------------------------------------


def begin(batch: Batch, by: Actor) -> Batch:
    """Writes down a job for each instance that was proposed and still can be changed; Refused the second time.

    Permission, locks and state are looked at again. What cannot be done any more is left out, with its sentence.
    """
    goes, left_out = _sort_out(by.user, batch.kind, [(slug, name) for slug, name in batch.goes])
    with transaction.atomic():
        if not Batch.objects.filter(pk=batch.pk, begun=None).update(begun=timezone.now()):
            raise Refused(_("It has begun already."))
        left_out += [[slug, name, TAKEN % {"name": name}] for slug, name in _write_down(batch, goes, by)]
        Batch.objects.filter(pk=batch.pk).update(left_out=batch.left_out + left_out)
    batch.refresh_from_db()
    for slug in {vm.cluster.slug for vm in goes}:
        inventories.tell_news(slug)
    return batch


def _write_down(batch: Batch, vms: list[Vm], by: Actor) -> list[Name]:
    """The audit entries and the rows that are due, in a few queries; the answer: those that others took meanwhile."""
    clusters = Cluster.objects.in_bulk({vm.cluster.pk for vm in vms})
    # In one order for all, so that of two batches at the same moment none waits for the other's rows and vice versa.
    vms = sorted(vms, key=lambda vm: (vm.cluster.pk, vm.name))
    entries = audit.record_many(by, actions.VERBS[batch.kind].event, map(_name, vms))
    rows = [
        Job(
            cluster=clusters[vm.cluster.pk],
            instance=vm.name,
            kind=batch.kind,
            then=[step.stored for step in actions.afterwards(vm, batch.kind)],
            batch=batch,
            state=Job.State.DUE,
            holds=Job.hold_on(clusters[vm.cluster.pk], vm.name),
            requested_by=by.user,
            requester_name=by.user.get_username(),
            audit_entry=entry,
        )
        for vm, entry in zip(vms, entries, strict=True)
    ]
    Job.objects.bulk_create(rows, ignore_conflicts=True)
    written = set(batch.jobs.values_list("token", flat=True))
    taken = [row for row in rows if row.token not in written]
    if taken:
        AuditEntry.objects.filter(pk__in=[row.audit_entry_id for row in taken]).delete()
    return [(row.cluster.slug, row.instance) for row in taken]


def cancel(batch: Batch, by: Actor) -> int:
    """Ends what has not begun; what was handed to Ganeti goes on. How many these were."""
    slugs = set(batch.jobs.due().order_by().values_list("cluster__slug", flat=True).distinct())
    dropped = steps.drop(batch.jobs.all(), CANCELED % {"who": by.user.get_username()}, Job.State.CANCELED)
    for slug in slugs:
        inventories.tell_news(slug)
    return dropped


# ---- how far it is ------------------------------------------------------------------------------------------


def progress(batch: Batch) -> Progress:
    counts: Counter[str] = Counter()
    for state, number in batch.jobs.order_by().values_list("state").annotate(Count("pk")):
        counts[PILES[Job.State(state)]] += number
    return Progress(**counts)


def running_of(user: Any) -> QuerySet[Batch]:
    """The batches of `user` that are not over, the newest first, with `total` and `ended`; one query."""
    unfinished = Job.objects.unfinished().filter(batch__requested_by=user).order_by().values("batch")
    counted = {"total": Count("jobs"), "ended": Count("jobs", filter=Q(jobs__holds__isnull=True))}
    return Batch.objects.filter(pk__in=unfinished).defer("goes", "left_out", "query").annotate(**counted)


def forget_old() -> None:
    """A chore: deletes what was begun a month ago and is over, and proposals that nobody begins any more."""
    now = timezone.now()
    unfinished = Job.objects.unfinished().filter(batch__isnull=False).values("batch")
    Batch.objects.filter(begun__lt=now - KEPT).exclude(pk__in=unfinished).delete()
    Batch.objects.filter(begun=None, created__lt=now - PROPOSAL_KEPT).delete()
