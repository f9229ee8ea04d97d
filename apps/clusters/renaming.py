"""Users and groups that get another name keep their VMs: the tags are rewritten by jobs, step by step.

What is to be done is read off the inventory each time: a VM with the old name gets the new one; one with both loses the
old one. So nothing is lost with a process that dies, and no VM is without its owner: the old name counts, see
`fleet.owner_keys`, until every cluster has answered without it. Meanwhile nobody else can take it.
"""

import datetime
import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.ownership import Held, Holdings, NotKnown
from apps.audit.models import Actor
from apps.clusters import actions, inventories
from apps.clusters.fleet import ClusterView, Fleet, Vm
from apps.clusters.models import Cluster, Job, Renaming
from ganeti import tags as tag_grammar
from ganeti.inventory import Head, StoreDown
from ganeti.objects import Instance

log = logging.getLogger(__name__)

AT_ONCE = 3  # jobs of renamings on one cluster: it has other work, too
TRIES = 3  # of one step, until an administrator wants it tried anew
PAUSE_SECONDS = 60.0  # between two tries


# ---- what is known ----------------------------------------------------------------------------------------


def holdings(kind: str, name: str) -> Holdings:
    """What a user or group owns, on disabled clusters too, and the clusters that nobody has seen yet."""
    views = _views()
    held = _instances(views.values(), {f"{kind}:{name}"})
    busy = set(Job.objects.unfinished().values_list("cluster", "instance"))
    return Holdings(
        held=tuple(_held(views[slug], instances, kind, name, busy) for slug, instances in held.items()),
        unknown=tuple(view.slug for view in views.values() if not view.has_snapshot and view.state != DISABLED),
    )


def counts(kind: str, names: Iterable[str]) -> dict[str, int]:
    """How many VMs each of these owns; who owns none is left out."""
    keys = {f"{kind}:{name}": name for name in names}
    counted: Counter[str] = Counter()
    for instances in _instances(_views().values(), set(keys)).values():
        for instance in instances:
            counted.update(keys[key] for key in _owners(instance) & keys.keys())
    return dict(counted)


DISABLED = "disabled"


def _views() -> dict[str, ClusterView]:
    """Every cluster, those too that are disabled: their VMs have owners all the same."""
    heads, store_is_away = inventories.known()
    if store_is_away:
        raise NotKnown(_("What is known of the clusters cannot be read now. Try again in a minute."))
    rows = Cluster.objects.values_list("pk", "slug", "description", "disabled")
    return {slug: _view(pk, slug, label or slug, heads.get(slug) or Head(slug), off) for pk, slug, label, off in rows}


def _view(pk: int, slug: str, label: str, head: Head, is_disabled: bool) -> ClusterView:
    if is_disabled:
        head = Head(slug, state=DISABLED, generation=head.generation, collected_at=head.collected_at)
    return ClusterView(pk, slug, label, head)


def _instances(views: Iterable[ClusterView], keys: set[str]) -> dict[str, list[Instance]]:
    """What these owners have, by cluster; from the index of owners, without decoding any snapshot."""
    generations = {view.slug: view.head.generation for view in views if view.has_snapshot}
    try:
        found = inventories.store().owned(generations, keys)
    except StoreDown as error:
        raise NotKnown(_("What is known of the clusters cannot be read now. Try again in a minute.")) from error
    return {slug: list(instances) for slug, instances in groupby(found, key=lambda instance: instance.cluster)}


def _held(view: ClusterView, instances: list[Instance], kind: str, name: str, busy: set[tuple[int, str]]) -> Held:
    return Held(
        cluster=view.slug,
        vms=tuple(instance.name for instance in instances),
        tags=sum(len(_tags_of(instance, kind, name)) for instance in instances),
        busy=sum((view.pk, instance.name) in busy for instance in instances),
        as_of=view.as_of,
        is_silent=view.is_silent,
        is_read_only=not view.may_change,
    )


def _owners(instance: Instance) -> set[str]:
    return tag_grammar.owners(instance.tags, settings.GANETI_TAG_PREFIX)


def _tags_of(instance: Instance, kind: str, name: str) -> list[str]:
    """The tags that make this user or group an owner of `instance`, in whichever spelling."""
    spellings = tag_grammar.owner_tags(kind, name, settings.GANETI_TAG_PREFIX)
    return [tag for tag in instance.tags if tag in spellings]


# ---- beginning --------------------------------------------------------------------------------------------


def is_kept(kind: str, name: str) -> bool:
    """Whether tags of this name are just being rewritten to another one."""
    return Renaming.objects.filter(holds=Renaming.hold_on(kind, name)).exists()


def address_of(kind: str, name: str) -> str:
    """The page about the renaming that gave somebody this name, while it lasts; else empty."""
    row = Renaming.objects.unfinished().filter(kind=kind, new=name).first()
    return reverse("admin:ganeti_renaming_change", args=[row.pk]) if row else ""


def why_not(kind: str, old: str, new: str) -> str:
    """The sentence that says why this cannot be renamed now; empty when nothing stands in the way."""
    names = {"old": old, "new": new}
    if address_of(kind, old):
        return _("The tags of “%(old)s” are still being rewritten from an earlier name.") % names
    if is_kept(kind, new):
        return _("“%(new)s” is kept: the tags of its former owner are still being rewritten.") % names
    try:
        mine, theirs = holdings(kind, old), holdings(kind, new)
    except NotKnown as error:
        return str(error)
    if theirs.vm_count:
        return _("VMs carry the name “%(new)s” already: they would get another owner.") % names
    read_only = [one.cluster for one in mine.held if one.is_read_only]
    if read_only:
        return _("%(clusters)s: this site may only look there, and not change tags.") % {
            "clusters": ", ".join(read_only)
        }
    return ""


def rename(kind: str, old: str, new: str, request: HttpRequest) -> None:
    """Begins; the watcher does the rest. Call it in the transaction that stores the new name."""
    Renaming.objects.create(
        kind=kind,
        old=old,
        new=new,
        holds=Renaming.hold_on(kind, old),
        vm_count=holdings(kind, old).vm_count,
        asked_by_id=request.user.pk,
        asked_by_name=request.user.get_username(),
    )


# ---- going on: a chore of the watcher ----------------------------------------------------------------------


def go_on() -> None:
    """Takes the next steps of all renamings, and ends those of which nothing is left."""
    for renaming in Renaming.objects.unfinished().select_related("asked_by").order_by("pk"):
        try:
            _take_steps(renaming)
            end_if_done(renaming)
        except NotKnown as error:
            log.warning("Renaming %s waits: %s", renaming, error)


def _take_steps(renaming: Renaming) -> None:
    seen = Fleet(AnonymousUser(), {f"{renaming.kind}:{renaming.old}"})
    progress = Progress(renaming)
    busy = Counter(Job.objects.unfinished().filter(renaming__isnull=False).values_list("cluster", flat=True))
    for slug, catalogue in seen.catalogues.items():
        view = seen.clusters[slug]
        if view.is_silent or not view.may_change:
            continue
        ready = [instance for instance in catalogue.instances if progress.is_ready(view, instance)]
        free = max(AT_ONCE - busy[view.pk], 0)
        _ask_for_all(renaming, [vm for vm in seen.vms(ready[: 10 * AT_ONCE]) if vm.job is None][:free])


def _ask_for_all(renaming: Renaming, vms: list[Vm]) -> None:
    by = Actor(renaming.asked_by or AnonymousUser())
    for vm in vms:
        kind, tags = next_step(renaming, vm.instance)
        try:
            actions.submit(actions.intend(vm, kind, by, {"tags": tags}, renaming), by)
        except actions.Refused as error:
            log.warning("Renaming %s on %s waits: %s", renaming, vm.cluster.slug, error)
            return  # what a cluster says to one it says to all; the next round tries again


def next_step(renaming: Renaming, instance: Instance) -> tuple[str, list[str]]:
    """The kind of job and its tags: first the new name, then, when it is known to be there, the old one away."""
    if f"{renaming.kind}:{renaming.new}" in _owners(instance):
        return Job.Kind.REMOVE_TAGS, _tags_of(instance, renaming.kind, renaming.old)
    is_singular = settings.GANETI_TAG_SPELLING == "singular"
    tag = tag_grammar.owner_tag(renaming.kind, renaming.new, settings.GANETI_TAG_PREFIX, singular=is_singular)
    return Job.Kind.ADD_TAGS, [tag]


class Progress:
    """How often each step of a renaming was tried, and when last; one query."""

    def __init__(self, renaming: Renaming) -> None:
        self.renaming = renaming
        self._tries: Counter[tuple[int, str, str]] = Counter()
        self._ended: dict[tuple[int, str], datetime.datetime] = {}
        self._failed: dict[tuple[int, str], datetime.datetime] = {}
        jobs = renaming.jobs.filter(created__gte=renaming.tried_anew).order_by()
        steps = jobs.values_list("cluster", "instance", "kind", "state").annotate(Count("pk"), Max("ended"))
        for cluster, instance, kind, state, count, ended in steps:
            self._tries[cluster, instance, kind] += count
            _note_later(self._ended, (cluster, instance), ended)
            if state != Job.State.SUCCEEDED:
                _note_later(self._failed, (cluster, instance), ended)

    def is_ready(self, view: ClusterView, instance: Instance) -> bool:
        """Whether the next step may be taken: the inventory has seen the last one, and it was not tried too often."""
        ended, failed = self._ended.get((view.pk, instance.name)), self._failed.get((view.pk, instance.name))
        if ended and ended.timestamp() >= view.head.collected_at:
            return False
        if failed and (timezone.now() - failed).total_seconds() < PAUSE_SECONDS:
            return False
        return not self.is_stuck(view, instance)

    def is_stuck(self, view: ClusterView, instance: Instance) -> bool:
        """Whether an administrator has to look: Ganeti said no too often, or somebody undoes what we do."""
        kind = next_step(self.renaming, instance)[0]
        return self._tries[view.pk, instance.name, kind] >= TRIES


def _note_later(
    times: dict[tuple[int, str], datetime.datetime], key: tuple[int, str], when: datetime.datetime | None
) -> None:
    if when is not None:
        times[key] = max(when, times.get(key, when))


# ---- the end -----------------------------------------------------------------------------------------------


class Standing:
    """How far a renaming is: what is left of the old name, and which clusters have to answer first."""

    def __init__(self, renaming: Renaming) -> None:
        self.renaming = renaming
        self.views = _views()
        self.left = _instances(self.views.values(), {f"{renaming.kind}:{renaming.old}"})

    @property
    def left_count(self) -> int:
        return sum(map(len, self.left.values()))

    @cached_property
    def since(self) -> float:
        """From when on an answer is complete: VMs that were just being made when it began may have the old name."""
        began = self.renaming.created
        under_way = Job.objects.filter(Q(holds__isnull=False) | Q(ended__gte=began), created__lt=began)
        ends = [ended.timestamp() if ended else math.inf for ended in under_way.values_list("ended", flat=True)]
        return max([began.timestamp(), *ends])

    @property
    def awaited(self) -> list[ClusterView]:
        """The clusters that have not answered since then: nobody knows whether there is more."""
        views = [view for view in self.views.values() if view.state != DISABLED]
        return [view for view in views if not view.head.collected_at > self.since]

    def stuck(self) -> Iterator[tuple[ClusterView, Instance]]:
        progress = Progress(self.renaming)
        for slug, instances in self.left.items():
            view = self.views[slug]
            yield from ((view, instance) for instance in instances if progress.is_stuck(view, instance))


def end_if_done(renaming: Renaming) -> None:
    """Ends it when every cluster has answered since it began and no VM has the old name any more."""
    standing = Standing(renaming)
    if not standing.left and not standing.awaited and not renaming.jobs.unfinished().exists():
        _end(renaming, [])
        log.info("Renaming %s has ended.", renaming)


def give_up(renaming: Renaming) -> None:
    """Ends it with what is left noted down: those VMs keep the old name only, and their owner does not see them."""
    left = Standing(renaming).left
    _end(renaming, [f"{slug}: {', '.join(one.name for one in instances)}" for slug, instances in left.items()])


def try_anew(renaming: Renaming) -> None:
    """Steps that failed too often are tried again, at once."""
    Renaming.objects.filter(pk=renaming.pk).update(tried_anew=timezone.now())


def _end(renaming: Renaming, left_over: list[str]) -> None:
    now = timezone.now()
    Renaming.objects.filter(pk=renaming.pk, holds__isnull=False).update(holds=None, ended=now, left_over=left_over)
