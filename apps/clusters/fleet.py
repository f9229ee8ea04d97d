"""All instances over all clusters, as one person may see them: from the inventory, never from Ganeti itself."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, Value
from django.utils import timezone

from apps.clusters import catalogue, inventories
from apps.clusters.catalogue import Catalogue
from apps.clusters.models import Cluster, Job, Renaming, moment
from ganeti import tags as tag_grammar
from ganeti.inventory import Facts, Head, Snapshot, StoreDown
from ganeti.objects import Instance
from ganeti.tags import InstanceTags

SETTLING_SECONDS = 20.0


def sees_everything(user: Any) -> bool:
    """Superusers and the helpdesk ("viewers") see every instance; others see those they own."""
    return user.is_active and user.has_perm("ganeti.view_instances")


def owner_keys(user: Any) -> set[str]:
    """The names under which `user` owns instances, as the owner index knows them, in one query.

    Asked once per user object, which lives as long as a request: the rows of a list ask again and again.
    """
    if not hasattr(user, "_owner_keys"):
        groups = user.groups.order_by()
        is_theirs = Q(kind="user", new=user.get_username()) | Q(kind="group", new__in=groups.values("name"))
        former = Renaming.objects.unfinished().order_by().filter(is_theirs)  # their tags are still being rewritten
        names = (
            groups.annotate(kind=Value("group")).values_list("kind", "name").union(former.values_list("kind", "old"))
        )
        user._owner_keys = {f"user:{user.get_username()}", *(f"{kind}:{name}" for kind, name in names)}
    return user._owner_keys


def keys_of(kind: str, name: str) -> set[str]:
    """The keys of the owner index for one user ("user") or one group ("group"), with the name they had lately."""
    former = Renaming.objects.unfinished().filter(kind=kind, new=name).values_list("old", flat=True)
    return {f"{kind}:{name}", *(f"{kind}:{old}" for old in former)}


@dataclass(frozen=True)
class ClusterView:
    """A cluster as pages show it: who it is, how it is, and how old our knowledge is."""

    pk: int
    slug: str
    label: str  # what owners read
    head: Head

    @property
    def state(self) -> str:
        return self.head.state

    @property
    def is_collecting(self) -> bool:
        """Never seen yet: there is nothing to show, which is not the same as having nothing."""
        return not self.head.generation and self.head.state in ("collecting", "ok")

    @property
    def is_silent(self) -> bool:
        """It did not answer lately, or not usefully; what is shown of it is old."""
        return self.head.state not in ("ok", "collecting")

    @property
    def has_snapshot(self) -> bool:
        return bool(self.head.generation)

    @property
    def as_of(self) -> datetime.datetime | None:
        return moment(self.head.collected_at) if self.head.collected_at else None

    @property
    def silent_since(self) -> datetime.datetime | None:
        return moment(self.head.failing_since)

    @property
    def may_change(self) -> bool:
        """False only where the cluster told us that our RAPI user may just read."""
        return self.head.may_change is not False

    @property
    def nodes_as_of(self) -> datetime.datetime | None:
        """When nodes, groups, networks and the cluster itself were last told of: less often than instances."""
        return moment(self.head.slow_at) if self.head.slow_at else self.as_of

    @property
    def whole_fingerprint(self) -> tuple[Any, ...]:
        """The same for pages that show nodes, too: free memory changes nothing for owners."""
        return (*self.fingerprint, self.head.digest, self.head.slow_error)

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """Changes whenever a page about this cluster would look different."""
        head = self.head
        known = (head.has_snapshot, head.page_digest)
        return (self.slug, self.label, known, head.news, head.state, head.error, head.may_change)


@dataclass(frozen=True)
class Vm:
    """One instance, with all that pages say about it."""

    instance: Instance
    cluster: ClusterView
    job: Job | None = None  # unfinished
    is_settling: bool = False  # a job has ended, and we have not looked at the instance since
    group_is_locked: bool = False
    node_group: str = ""
    tags: InstanceTags = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tag_grammar.parse(self.instance.tags, settings.GANETI_TAG_PREFIX))

    @property
    def name(self) -> str:
        return self.instance.name

    def is_owned_by(self, keys: set[str]) -> bool:
        return not keys.isdisjoint(tag_grammar.owners(self.instance.tags, settings.GANETI_TAG_PREFIX))


class Fleet:
    """The clusters and instances that one person may see. Asks the store once for the heads, and then
    either for this person's instances alone (the owner index) or, for those who see everything, for the snapshots.

    With `owners` (keys of the owner index): what these own, whoever asks. Who may ask is the caller's to know.
    """

    def __init__(self, user: Any, owners: Iterable[str] | None = None) -> None:
        self.user = user
        self.sees_everything = owners is None and sees_everything(user)
        if owners is not None:
            self.owner_keys = set(owners)
        heads, self.store_is_away = inventories.known()
        self.clusters = {
            slug: ClusterView(pk, slug, description or slug, heads.get(slug) or Head(slug))
            for pk, slug, description in Cluster.objects.enabled().values_list("pk", "slug", "description")
        }
        if not self.store_is_away:
            inventories.collect_missing(self.clusters.keys() - heads.keys())

    @cached_property
    def owner_keys(self) -> set[str]:
        return owner_keys(self.user)

    @cached_property
    def catalogues(self) -> dict[str, Catalogue]:
        """Every instance that this person may see, by cluster; without the clusters on which there are none."""
        found = self._of_snapshots() if self.sees_everything else self._owned()
        return {slug: catalogue for slug, catalogue in found if len(catalogue)}

    def _of_snapshots(self) -> Iterator[tuple[str, Catalogue]]:
        for view in self._collected:
            snapshot = _snapshot(view)
            if snapshot:
                yield view.slug, catalogue.of_snapshot(snapshot)

    def _owned(self) -> Iterator[tuple[str, Catalogue]]:
        generations = {view.slug: view.head.generation for view in self._collected}
        try:
            owned = inventories.store().owned(generations, self.owner_keys)
        except StoreDown:
            self.store_is_away = True
            return
        for slug, instances in groupby(owned, key=lambda instance: instance.cluster):
            yield slug, Catalogue(tuple(instances))

    @cached_property
    def _collected(self) -> list[ClusterView]:
        return [view for view in self.clusters.values() if view.has_snapshot]

    @cached_property
    def relevant(self) -> list[ClusterView]:
        """The clusters that matter to this person: where they have instances, or where nobody can know."""
        if self.sees_everything:
            return list(self.clusters.values())
        return [view for view in self.clusters.values() if view.slug in self.catalogues or not view.has_snapshot]

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """Changes whenever the list might look different to this person."""
        keys = () if self.sees_everything else tuple(sorted(self.owner_keys))
        views = tuple(view.fingerprint for view in self.relevant)
        return (self.sees_everything, self.store_is_away, keys, views)

    def snapshot(self, view: ClusterView) -> Snapshot | None:
        """All that is known of a cluster, for those who see everything; None where nothing is at hand."""
        return _snapshot(view) if self.sees_everything and view.has_snapshot else None

    def vms(self, instances: Iterable[Instance]) -> list[Vm]:
        """`instances` (a page of them) with their jobs and their groups' state; one query for all."""
        instances = list(instances)
        jobs = _latest_jobs(instances, self.clusters.values())
        facts = _facts(self.clusters[slug] for slug in {instance.cluster for instance in instances})
        return [_vm(instance, self.clusters[instance.cluster], jobs, facts) for instance in instances]

    @property
    def as_of(self) -> datetime.datetime | None:
        """The oldest good contact among the clusters that are well; None when there is none."""
        known = [view for view in self.relevant if view.has_snapshot] or self._collected
        return moment(min((view.head.collected_at for view in known if not view.is_silent), default=None))


class NothingKnown(Exception):
    """There is no snapshot of this cluster at hand: nobody can say now which instances it has."""

    def __init__(self, cluster: ClusterView, store_is_away: bool) -> None:
        super().__init__(cluster.slug)
        self.cluster = cluster
        self.store_is_away = store_is_away


def find(slug: str, name: str) -> Vm | None:
    """The instance of that name on that cluster, whoever asks; None where the inventory has none.

    Raises NothingKnown where there is no inventory to look in: that is not the same as having none.
    """
    row = Cluster.objects.enabled().filter(slug=slug).first()
    if row is None:
        return None
    heads, store_is_away = inventories.known()
    if not store_is_away:
        inventories.collect_missing({slug} - heads.keys())
    view = ClusterView(row.pk, row.slug, row.label, heads.get(slug) or Head(slug))
    snapshot = _snapshot(view) if view.has_snapshot else None
    if snapshot is None:
        raise NothingKnown(view, store_is_away)
    instance = snapshot.instance(name)
    if instance is None:
        return None
    return _vm(instance, view, _latest_jobs([instance], [view]), _facts([view]))


def snapshots() -> list[tuple[ClusterView, Snapshot | None]]:
    """Every enabled cluster with its whole snapshot; None where there is none at hand."""
    heads, _ = inventories.known()
    rows = Cluster.objects.enabled().values_list("pk", "slug", "description")
    views = [
        ClusterView(pk, slug, description or slug, heads.get(slug) or Head(slug)) for pk, slug, description in rows
    ]
    return [(view, _snapshot(view) if view.has_snapshot else None) for view in views]


def named(name: str) -> list[Instance]:
    """The instances of this name on all clusters, as far as the inventory knows."""
    found = (snapshot.instance(name) for _, snapshot in snapshots() if snapshot is not None)
    return [instance for instance in found if instance is not None]


def names_owned_by(user: AbstractBaseUser) -> dict[str, list[str]] | None:
    """Cluster slug -> names of the instances that `user` owns; None for those who see everything anyway."""
    fleet = Fleet(user)
    if fleet.sees_everything:
        return None
    return {slug: [one.name for one in catalogue.instances] for slug, catalogue in fleet.catalogues.items()}


def _snapshot(view: ClusterView) -> Snapshot | None:
    """A cluster's snapshot; None where the store is away and this process remembers none."""
    try:
        return inventories.store().snapshot(view.slug, view.head.generation)
    except StoreDown:
        return None


def _facts(views: Iterable[ClusterView]) -> dict[str, Facts | None]:
    store = inventories.store()
    try:
        return {view.slug: store.facts(view.slug, view.head.generation) for view in views}
    except StoreDown:
        return {}


def _vm(instance: Instance, view: ClusterView, jobs: dict[tuple[int, str], Job], facts: dict[str, Facts | None]) -> Vm:
    about = facts.get(instance.cluster)
    job = jobs.get((view.pk, instance.name))
    return Vm(
        instance,
        view,
        job=job if job and job.is_unfinished else None,
        is_settling=bool(job and job.ended and job.ended.timestamp() > view.head.collected_at),
        group_is_locked=bool(about and instance.pnode in about.locked_nodes),
        node_group=about.nodes.get(instance.pnode, "") if about else "",
    )


def _latest_jobs(instances: list[Instance], views: Iterable[ClusterView]) -> dict[tuple[int, str], Job]:
    """(cluster's pk, instance's name) -> its unfinished job, or one that ended just now; one query."""
    if not instances:
        return {}
    slugs = {instance.cluster for instance in instances}
    just_now = timezone.now() - datetime.timedelta(seconds=SETTLING_SECONDS)
    jobs = Job.objects.filter(
        Q(holds__isnull=False) | Q(ended__gte=just_now),
        cluster__in=[view.pk for view in views if view.slug in slugs],
        instance__in=[instance.name for instance in instances],
    )
    return {(job.cluster_id, job.instance): job for job in jobs.order_by("created", "pk")}
