"""All instances over all clusters, as one person may see them: from the inventory, never from Ganeti itself."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.db.models import FilteredRelation, Q, Value
from django.http import Http404
from django.utils import timezone

from apps.clusters import catalogue, inventories
from apps.clusters.catalogue import Catalogue
from apps.clusters.models import Cluster, Job, Renaming, moment
from ganeti import tags as tag_grammar
from ganeti.addresses import Prefixes
from ganeti.inventory import Departed, Facts, Head, Snapshot, StoreDown
from ganeti.joblist import JobList
from ganeti.objects import Instance, Node, PendingJob
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
    prefixes: Mapping[str, str] = field(default_factory=dict)  # link -> IPv6 prefix, of networks kept by hand

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
    def jobs_as_of(self) -> datetime.datetime | None:
        """When it last told of its jobs."""
        return moment(self.head.jobs_at) if self.head.jobs_at else None

    @property
    def jobs_fingerprint(self) -> tuple[Any, ...]:
        """Changes whenever a page about this cluster's jobs would look different."""
        head = self.head
        return (self.slug, head.jobs_version, head.jobs_error, head.news, head.state, head.error, bool(head.generation))

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """Changes whenever a page about this cluster would look different."""
        head = self.head
        known = (head.has_snapshot, head.page_digest)
        told = (head.news, head.state, head.error, head.may_change, head.pending)
        return (self.slug, self.label, tuple(self.prefixes.items()), known, *told)


def _views(heads: Mapping[str, Head], **only: Any) -> dict[str, ClusterView]:
    """The enabled clusters by slug, all or only those, with the prefixes of their networks; one query."""
    with_prefix = FilteredRelation("network", condition=Q(network__ipv6_prefix__gt=""))
    rows = Cluster.objects.enabled().filter(**only).annotate(prefixed=with_prefix).order_by("slug", "prefixed__pk")
    views: dict[str, ClusterView] = {}
    prefixes: dict[str, dict[str, str]] = defaultdict(dict)
    for pk, slug, text, link, prefix in rows.values_list(
        "pk", "slug", "description", "prefixed__link", "prefixed__ipv6_prefix"
    ):
        if slug not in views:
            views[slug] = ClusterView(pk, slug, text or slug, heads.get(slug) or Head(slug), prefixes[slug])
        if prefix:
            prefixes[slug].setdefault(link, prefix)
    return views


@dataclass(frozen=True)
class Vm:
    """One instance, with all that pages say about it."""

    instance: Instance
    cluster: ClusterView
    job: Job | None = None  # unfinished
    is_settling: bool = False  # a job has ended, and we have not looked at the instance since
    group_is_locked: bool = False
    node_group: str = ""
    prefixes: Prefixes = field(default_factory=Prefixes)
    others: tuple[PendingJob, ...] = ()  # jobs that nobody asked for here
    tags: InstanceTags = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tag_grammar.parse(self.instance.tags, settings.GANETI_TAG_PREFIX))

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def addresses6(self) -> tuple[str, ...]:
        """For each of its network cards the IPv6 address that it makes itself, "" for one that makes none."""
        return tuple(self.prefixes.address(nic) for nic in self.instance.nics)

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
        self.clusters = _views(heads)
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
                yield view.slug, catalogue.of_snapshot(snapshot, view.prefixes)

    def _owned(self) -> Iterator[tuple[str, Catalogue]]:
        generations = {view.slug: view.head.generation for view in self._collected}
        try:
            owned = inventories.store().owned(generations, self.owner_keys)
        except StoreDown:
            self.store_is_away = True
            return
        for slug, instances in groupby(owned, key=lambda instance: instance.cluster):
            prefixes = partial(_prefixes, self.clusters[slug])
            yield slug, Catalogue(tuple(instances), prefixes, for_staff=sees_everything(self.user))

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

    def pick(self, names: Iterable[tuple[str, str]]) -> list[Instance]:
        """Those of `names` (cluster's slug, instance's name) that this person may see."""
        wanted: dict[str, set[str]] = {}
        for slug, name in names:
            wanted.setdefault(slug, set()).add(name)
        return [
            instance
            for slug in wanted.keys() & self.catalogues.keys()
            for instance in self.catalogues[slug].instances
            if instance.name in wanted[slug]
        ]

    def snapshot(self, view: ClusterView) -> Snapshot | None:
        """All that is known of a cluster, for those who see everything; None where nothing is at hand."""
        return _snapshot(view) if self.sees_everything and view.has_snapshot else None

    def job_lists(self, views: Iterable[ClusterView]) -> dict[str, JobList]:
        """The newest jobs of these clusters by slug, for those who see everything; without those that told of none."""
        versions = {view.slug: view.head.jobs_version for view in views if self.sees_everything}
        try:
            return inventories.store().jobs(versions)
        except StoreDown:
            self.store_is_away = True
            return {}

    def vms(self, instances: Iterable[Instance]) -> list[Vm]:
        """`instances` (a page of them) with their jobs and their groups' state; one query for all, and one more where
        there are jobs of others."""
        instances = list(instances)
        return _vms(instances, {slug: self.clusters[slug] for slug in {instance.cluster for instance in instances}})

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


class Gone(Http404):
    """An instance that is no longer there, told to somebody who could see it: as a page of its own (views/gone.py).

    `successor` is the same instance under its new name, if its reader may see that one.
    """

    def __init__(self, cluster: ClusterView, departed: Departed, successor: Vm | None = None) -> None:
        super().__init__(departed.name)
        self.cluster = cluster
        self.departed = departed
        self.successor = successor


def find(slug: str, name: str) -> Vm | None:
    """The instance of that name on that cluster, whoever asks; None where the inventory has none.

    Raises NothingKnown where there is no inventory to look in: that is not the same as having none.
    """
    view, snapshot = _look_into(slug)
    instance = snapshot.instance(name) if snapshot else None
    return _vms([instance], {slug: view})[0] if instance and view else None


def cluster(slug: str) -> tuple[ClusterView, Snapshot] | None:
    """That cluster with its whole snapshot, whoever asks; None where there is no such cluster.

    Raises NothingKnown where there is no snapshot at hand.
    """
    view, snapshot = _look_into(slug)
    return (view, snapshot) if view and snapshot else None


def departure(slug: str, name: str) -> Gone | None:
    """What is remembered of an instance that `find` did not find, whoever asks; with its successor, if it has one."""
    view, snapshot = _look_into(slug)
    departed = snapshot.departure(name) if snapshot else None
    if not (view and snapshot and departed):
        return None
    successor = snapshot.successor(departed)
    return Gone(view, departed, _vms([successor], {slug: view})[0] if successor else None)


def _look_into(slug: str) -> tuple[ClusterView | None, Snapshot | None]:
    """A cluster and all that is known of it; nothing where there is no such cluster. Raises NothingKnown."""
    heads, store_is_away = inventories.known()
    view = _views(heads, slug=slug).get(slug)
    if view is None:
        return None, None
    if not store_is_away:
        inventories.collect_missing({slug} - heads.keys())
    snapshot = _snapshot(view) if view.has_snapshot else None
    if snapshot is None:
        raise NothingKnown(view, store_is_away)
    return view, snapshot


def found(wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Vm | None]:
    """(cluster's slug, instance's name) -> the instance, None where the inventory has none; two queries for all.

    Those are left out of whose clusters nothing is known just now.
    """
    heads, _ = inventories.known()
    views = _views(heads, slug__in={slug for slug, _ in wanted})
    held = {slug: _snapshot(view) if view.has_snapshot else None for slug, view in views.items()}
    known = {
        (slug, name): snapshot.instance(name) if (snapshot := held.get(slug)) else None
        for slug, name in wanted
        if slug not in views or held[slug] is not None
    }
    there = {what: instance for what, instance in known.items() if instance is not None}
    vms = dict(zip(there, _vms(list(there.values()), views), strict=True))
    return {what: vms.get(what) for what in known}


def node_of(vm: Vm) -> Node | None:
    """The node that the instance runs on, as far as the inventory knows it."""
    snapshot = _snapshot(vm.cluster)
    nodes = snapshot.nodes if snapshot else ()
    return next((node for node in nodes if node.name == vm.instance.pnode), None)


def learn_owner_keys(users: Collection[Any]) -> None:
    """Asks once for all of them what `owner_keys` would ask for each."""
    keys = {user.pk: {f"user:{user.get_username()}"} for user in users}
    members = User.groups.through.objects.filter(user__in=keys).values_list("user", "group__name")
    for pk, group in members:
        keys[pk].add(f"group:{group}")
    former = Renaming.objects.unfinished().order_by().values_list("kind", "old", "new")
    for kind, old, new in former:
        for held in keys.values():
            if f"{kind}:{new}" in held:
                held.add(f"{kind}:{old}")
    for user in users:
        user._owner_keys = keys[user.pk]


def snapshots() -> list[tuple[ClusterView, Snapshot | None]]:
    """Every enabled cluster with its whole snapshot; None where there is none at hand."""
    heads, _ = inventories.known()
    return [(view, _snapshot(view) if view.has_snapshot else None) for view in _views(heads).values()]


def named(name: str) -> list[Instance]:
    """The instances of this name on all clusters, as far as the inventory knows."""
    found = (snapshot.instance(name) for _, snapshot in snapshots() if snapshot is not None)
    return [instance for instance in found if instance is not None]


def all_known() -> None:
    """Raises NothingKnown for a cluster of which no snapshot is at hand; there may be anything on it."""
    unknown = next((view for view, snapshot in snapshots() if snapshot is None), None)
    if unknown is not None:
        raise NothingKnown(unknown, inventories.known()[1])


def nodes(view: ClusterView) -> tuple[Node, ...]:
    """The nodes of a cluster, as far as the inventory knows."""
    snapshot = _snapshot(view) if view.has_snapshot else None
    return snapshot.nodes if snapshot else ()


def names_owned_by(user: AbstractBaseUser) -> dict[str, list[str]] | None:
    """Cluster slug -> names of the instances that `user` owns; None for those who see everything anyway."""
    fleet = Fleet(user)
    if fleet.sees_everything:
        return None
    return {slug: [one.name for one in catalogue.instances] for slug, catalogue in fleet.catalogues.items()}


def slugs() -> list[str]:
    """The short names of all clusters."""
    return list(Cluster.objects.order_by("slug").values_list("slug", flat=True))


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


def _prefixes(view: ClusterView, about: Facts | None = None) -> Prefixes:
    """The IPv6 prefixes of a cluster's networks; from its facts, which are read where they are not at hand."""
    about = about or _facts([view]).get(view.slug)
    return Prefixes(about.networks if about else (), view.prefixes)


def _vms(instances: list[Instance], views: dict[str, ClusterView]) -> list[Vm]:
    """All that pages say about these instances, which live on the clusters in `views`."""
    jobs = _latest_jobs(instances, views.values())
    facts = _facts(views.values())
    prefixes = {slug: Prefixes(about.networks if about else (), views[slug].prefixes) for slug, about in facts.items()}
    others = _others(instances, views)

    def vm(instance: Instance) -> Vm:
        view, about = views[instance.cluster], facts.get(instance.cluster)
        key = (view.pk, instance.name)
        job = jobs.get(key)
        # A row whose number has not arrived may be any of the others: they are told when it is known.
        is_nameless = job is not None and job.state == Job.State.INTENDED
        return Vm(
            instance,
            view,
            job=job if job and job.is_unfinished else None,
            is_settling=bool(job and job.ended and job.ended.timestamp() > view.head.collected_at),
            group_is_locked=bool(about and instance.pnode in about.locked_nodes),
            node_group=about.nodes.get(instance.pnode, "") if about else "",
            prefixes=prefixes.get(instance.cluster) or Prefixes(by_link=view.prefixes),
            others=() if is_nameless else tuple(others.get(key, ())),
        )

    return [vm(instance) for instance in instances]


def _others(instances: list[Instance], views: Mapping[str, ClusterView]) -> dict[tuple[int, str], list[PendingJob]]:
    """(cluster's pk, instance's name) -> the jobs that Ganeti has for it and that nobody asked for here.

    One query, and none where there are no such jobs.
    """
    wanted = {(instance.cluster, instance.name) for instance in instances}
    found = [
        (view.pk, name, job)
        for view in views.values()
        if not view.is_silent
        for job in view.head.pending
        for name in job.instances
        if (view.slug, name) in wanted
    ]
    if not found:
        return {}
    rows = Job.objects.filter(cluster__in={pk for pk, _, _ in found}, job_id__in={job.id for _, _, job in found})
    ours = set(rows.order_by().values_list("cluster_id", "job_id"))
    others: dict[tuple[int, str], list[PendingJob]] = defaultdict(list)
    for pk, name, job in found:
        if (pk, job.id) not in ours:
            others[pk, name].append(job)
    return others


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
