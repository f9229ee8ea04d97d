"""What we last knew about every cluster: heads, snapshots, and the collector that renews them.

Pages never wait for Ganeti. A `Collector` (in the watcher; in the web process while there is no
watcher) asks a cluster and puts what it heard into a `Store`; pages read the store. A cluster's
`Head` is small and says how it is; its `Snapshot` is everything; `Facts` are the few things of a
snapshot that a page needs beside its instances. See `store_directory` and `store_redis`.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec

from ganeti import tags as tag_grammar
from ganeti.endpoint import Endpoint
from ganeti.errors import BrokenAnswer, Denied, Missing, NotAllowed, RapiError, Refused, Unreachable, WrongCertificate
from ganeti.joblist import MOST_JOBS, OVERLAP, JobList, ListedJob
from ganeti.objects import (
    ClusterInfo,
    Instance,
    Network,
    Node,
    NodeGroup,
    PendingJob,
    Value,
    is_secret,
    share_equal_parts,
)

logger = logging.getLogger(__name__)

STATES = ("collecting", "ok", "unreachable", "untrusted", "denied", "broken")
LONGEST_BACK_OFF = 60.0  # seconds until a silent cluster is asked again
SHARE_OF_A_CLUSTERS_TIME = 10  # we may take one tenth of it
MOST_PENDING = 100  # jobs of one cluster that a head names: every page reads it
SWEEP_SECONDS = 3600.0  # between two looks through all of a cluster's queue
MOST_DEPARTED = 200  # instances of one cluster that are remembered after they went
MOST_OWNERS = 64  # of an instance that went

Named = TypeVar("Named", Instance, Node, NodeGroup, Network)

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class StoreDown(Exception):
    """The snapshot store does not answer, and this process remembers nothing that would do instead."""


# ---- values -----------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How one cluster is: what a page must know before it reads anything else."""

    slug: str
    generation: int = 0  # rises when the snapshot's content changes; 0: there is no snapshot
    collected_at: float = 0.0  # when the cluster last answered well
    state: str = "collecting"  # see STATES
    error: str = ""  # what is wrong, while failing; whoever shows it names the cluster
    failing_since: float | None = None
    failures: int = 0  # in a row
    next_try_at: float = 0.0  # not before, while failing
    may_change: bool | None = None  # whether our RAPI user may write; None where nobody knows
    instance_count: int = 0
    node_count: int = 0
    version: str = ""
    news: int = 0  # rises when a job of ours changed; kept by the store apart from the rest
    tried_at: float = 0.0  # when the cluster was last asked
    took: float = 0.0  # seconds that the last collection took
    slow_at: float = 0.0  # when nodes, groups, networks and info last came
    slow_tried_at: float = 0.0
    slow_error: str = ""  # what is wrong: instances come, but the slow parts are old
    digest: str = ""  # of the snapshot's content
    page_digest: str = ""  # of what an owner's page shows: stays when only a node's free memory changed
    pending: tuple[
        PendingJob, ...
    ] = ()  # jobs about instances, while somebody looks at the cluster; else not asked for
    jobs_version: str = ""  # of the list of its newest jobs, see JobList
    jobs_at: float = 0.0  # when it last told of its jobs
    jobs_tried_at: float = 0.0
    jobs_error: str = ""  # what is wrong: all else comes, but the list of jobs is old

    @property
    def has_snapshot(self) -> bool:
        return self.generation > 0

    @property
    def is_failing(self) -> bool:
        return self.failures > 0

    def age(self, now: float) -> float:
        """Seconds since the cluster last answered well; 0 for one that never did."""
        return max(now - self.collected_at, 0.0) if self.collected_at else 0.0


class Facts(Value, frozen=True):
    """What a page needs to know about a cluster beside its instances."""

    nodes: dict[str, str] = {}  # name: node group
    locked_nodes: frozenset[str] = frozenset()  # in a node group under maintenance
    networks: tuple[Network, ...] = ()
    info: ClusterInfo = ClusterInfo()


class Departed(Value, frozen=True):
    """An instance that was there a while ago: who could see it may hear that it went, and what it is called now."""

    name: str
    uuid: str = ""
    owners: tuple[str, ...] = ()  # keys of the owner index
    seen: float = 0.0  # when it was there for the last time


class Snapshot(Value, frozen=True, dict=True, gc=True):
    """Everything that we know about a cluster. `dict=True` is for the lazily built properties."""

    cluster: str  # our slug of it
    generation: int = 0
    instances: tuple[Instance, ...] = ()  # by name
    nodes: tuple[Node, ...] = ()
    groups: tuple[NodeGroup, ...] = ()
    networks: tuple[Network, ...] = ()
    info: ClusterInfo = ClusterInfo()
    departed: tuple[Departed, ...] = ()  # by name, the latest MOST_DEPARTED

    def instance(self, name: str) -> Instance | None:
        return self._by_name.get(name)

    def departure(self, name: str) -> Departed | None:
        """What is remembered of an instance that is no longer there."""
        return next((one for one in self.departed if one.name == name), None)

    def successor(self, departed: Departed) -> Instance | None:
        """The same instance under its new name; Ganeti's uuid stays with it."""
        if not departed.uuid:
            return None
        return next((one for one in self.instances if one.uuid == departed.uuid), None)

    @cached_property
    def _by_name(self) -> dict[str, Instance]:
        return {instance.name: instance for instance in self.instances}

    @cached_property
    def locked_nodes(self) -> frozenset[str]:
        """The names of the nodes in groups under maintenance."""
        locked = [group for group in self.groups if group.is_locked]
        names = {group.name for group in locked}
        members = {node for group in locked for node in group.nodes}
        return frozenset(members | {node.name for node in self.nodes if node.group in names})

    @cached_property
    def facts(self) -> Facts:
        groups = {node.name: node.group for node in self.nodes}
        return Facts(groups, self.locked_nodes, self.networks, self.info)

    @cached_property
    def digests(self) -> tuple[str, str]:
        """(`digest`, `page_digest`) as a head carries them: equal for equal content, whatever the generation."""
        instances = _digest(self.instances)
        return (
            _digest((instances, self.nodes, self.groups, self.networks, self.info, self.departed)),
            _digest((instances, self.facts)),
        )


def _digest(value: Any) -> str:
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=16).hexdigest()


# ---- the store --------------------------------------------------------------------------------


class Store(Protocol):
    """Where heads and snapshots lie, shared by all processes.

    Its methods raise StoreDown when it is away and this process remembers nothing that would do.
    A generation that the caller knows from `heads()` saves `snapshot` and `facts` one read.
    """

    reads: int  # round trips of reading so far
    stale: bool  # whether the last `heads()` came from memory, because the store is away

    def heads(self) -> dict[str, Head]:
        """The heads of all clusters by slug: one read."""

    def head(self, slug: str) -> Head | None:
        """One cluster's head, never from memory: StoreDown when the store is away."""

    def put_snapshot(self, snapshot: Snapshot, head: Head) -> Head:
        """The head as stored. Everything appears together, under a generation that is new and at least the head's."""

    def put_head(self, head: Head) -> None:
        """Replaces a head whose snapshot stays; without effect when there is a newer snapshot already."""

    def snapshot(self, slug: str, generation: int | None = None) -> Snapshot | None:
        """A cluster's snapshot, decoded once per generation and process."""

    def facts(self, slug: str, generation: int | None = None) -> Facts | None:
        """A cluster's facts, without decoding its snapshot."""

    def owned(self, generations: Mapping[str, int], owners: Iterable[str]) -> list[Instance]:
        """The instances in these clusters (slug: generation) of these owners ("user:NAME", "group:NAME")."""

    def put_jobs(self, jobs: JobList) -> None:
        """Keeps the list of a cluster's newest jobs; whoever reads it knows its version from a head."""

    def jobs(self, versions: Mapping[str, str]) -> dict[str, JobList]:
        """The lists of these clusters (slug: version), one read for all that is not remembered; without those that
        have none. Another version than the one asked for is the one that the store has now."""

    def bump(self, slug: str) -> None:
        """Raises the head's `news`: a job of ours on this cluster changed."""

    def watch(self, slugs: Iterable[str], seconds: float) -> None:
        """Marks clusters as looked at for so long. Only a hint: never raises."""

    def watched(self) -> set[str]:
        """The clusters that somebody looks at now."""

    def hurry(self, now: float) -> None:
        """Asks whoever collects to look at every cluster anew, at those too that are left in peace."""

    def hurried_at(self) -> float:
        """When somebody last asked for that; 0 if nobody did lately."""

    def claim(self, name: str, seconds: float) -> bool:
        """True for exactly one caller within `seconds`."""

    def forget(self, slug: str) -> None:
        """Drops all that is known about a cluster."""

    def is_there(self) -> bool:
        """Whether the store answers now."""


# ---- collecting -------------------------------------------------------------------------------


class Questions(Protocol):
    """The part of a `Client` that the collector needs."""

    def instances(self) -> list[Instance]: ...
    def nodes(self) -> list[Node]: ...
    def groups(self) -> list[NodeGroup]: ...
    def networks(self) -> list[Network]: ...
    def info(self) -> ClusterInfo: ...
    def may_change(self) -> bool: ...
    def newest_job(self) -> int: ...
    def jobs_since(self, number: int, others: Iterable[int] = (), *, unfinished: bool = False) -> list[ListedJob]: ...
    def newest_jobs(self, most: int) -> list[ListedJob]: ...


def hurried(head: Head | None, now: float, hurried_at: float) -> bool:
    """Whether the cluster has not been asked since somebody wanted all to be (by a clock that may be ahead of ours)."""
    return hurried_at <= now and (head is None or head.tried_at < hurried_at)


def due(head: Head | None, now: float, interval: float) -> bool:
    """Whether a cluster should be asked again.

    Never while a failing one is left in peace, and never so often that we took more than a tenth
    of its time. A `tried_at` in the future is a clock that was set back: it counts for nothing.
    """
    if head is None:
        return True
    wait = head.next_try_at - head.tried_at if head.failures else max(interval, head.took * SHARE_OF_A_CLUSTERS_TIME)
    return not 0 <= now - head.tried_at < wait


class Collector:
    """Asks clusters how they are and puts the answers into the store.

    Instances are asked for each time. Nodes, groups, networks, info and our rights are the slow
    parts: dear (a node query waits for every node) and rarely different, so they come every
    `slow_interval` seconds. The queue's jobs come as often, and each time where somebody looks.
    """

    def __init__(
        self,
        store: Store,
        client_for: Callable[[Endpoint], Questions],
        *,
        slow_interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        tag_prefix: str = tag_grammar.DEFAULT_PREFIX,
    ) -> None:
        self.store = store
        self.client_for = client_for
        self.tag_prefix = tag_prefix
        self.slow_interval = slow_interval
        self.clock = clock

    def collect(self, endpoint: Endpoint, *, now: float, everything: bool = False, jobs_too: bool = False) -> Head:
        """The cluster's head after asking it. What goes wrong at the cluster is in the head, and its snapshot stays.

        `everything` asks for the slow parts at once, `jobs_too` for its jobs, among them those that are pending.
        Raises StoreDown, before it asks: an answer that cannot be kept is not worth the cluster's work.
        """
        head = self.store.head(endpoint.slug) or Head(endpoint.slug)
        last = self.store.snapshot(endpoint.slug, head.generation)
        head = head if last else msgspec.structs.replace(head, generation=0, digest="", page_digest="")
        started = self.clock()
        try:
            snapshot, head = self._ask(endpoint, head, last, now, everything)
            pending, head = self._listed(endpoint, head, now, everything, jobs_too)
        except RapiError as error:
            return self._put_failure(head, error, now, self.clock() - started)
        departed = departures(last, snapshot.instances, head.collected_at, self.tag_prefix) if last else ()
        snapshot = msgspec.structs.replace(snapshot, departed=departed)
        head = msgspec.structs.replace(
            head,
            pending=pending,
            state="ok",
            error="",
            failing_since=None,
            failures=0,
            next_try_at=0.0,
            collected_at=now,
            tried_at=now,
            took=self.clock() - started,
        )
        return self._put(snapshot, head, now)

    def _ask(
        self, endpoint: Endpoint, head: Head, last: Snapshot | None, now: float, everything: bool
    ) -> tuple[Snapshot, Head]:
        client = self.client_for(endpoint)
        with _defects_as_broken_answers(endpoint.slug):
            instances = _tidy_instances(client.instances())
        if last and not everything and 0 <= now - head.slow_tried_at < self.slow_interval:
            return msgspec.structs.replace(last, instances=instances), head
        try:
            with _defects_as_broken_answers(endpoint.slug):
                slow = Snapshot(
                    endpoint.slug,
                    nodes=_tidy_nodes(client.nodes()),
                    groups=_tidy_groups(client.groups()),
                    networks=_by_name(client.networks()),
                    info=client.info(),
                )
        except RapiError as error:
            # One dead node can hold the node query for minutes. Owners wait for the state of their
            # VMs, which we have: with older slow parts it is worth more than a complete old
            # snapshot. The head says what is old; the slow parts are tried after their usual time.
            if last is None:
                raise
            head = msgspec.structs.replace(head, slow_tried_at=now, slow_error=error.what)
            return msgspec.structs.replace(last, instances=instances), head
        head = msgspec.structs.replace(
            head, slow_at=now, slow_tried_at=now, slow_error="", may_change=_may_change(client, head.may_change)
        )
        return msgspec.structs.replace(slow, instances=instances), head

    def _listed(
        self, endpoint: Endpoint, head: Head, now: float, everything: bool, jobs_too: bool
    ) -> tuple[tuple[PendingJob, ...], Head]:
        """The jobs about instances that wait or run, for those who look, and the head with the list of jobs renewed.

        A cluster that does not tell keeps its list: the rest of what it said is worth keeping.
        """
        is_slow = everything or not 0 <= now - head.jobs_tried_at < self.slow_interval
        if not (jobs_too or is_slow):
            return (), head
        head = msgspec.structs.replace(head, jobs_tried_at=now)
        known = self.store.jobs({endpoint.slug: head.jobs_version}).get(endpoint.slug) if head.jobs_version else None
        before = known or JobList(endpoint.slug)
        try:
            with _defects_as_broken_answers(endpoint.slug):
                listed, is_whole = self._newer(endpoint, before, now, is_slow)
        except RapiError as error:
            logger.info("The jobs of %s are not known: %s", endpoint.slug, error)
            return (), msgspec.structs.replace(head, jobs_error=error.what)
        if known is None or listed != before:
            self.store.put_jobs(listed)
        found = (job.pending for job in sorted(listed.jobs, key=lambda job: job.id) if job.is_unfinished)
        pending = tuple(job for job in found if job.instances)[:MOST_PENDING] if jobs_too and is_whole else ()
        if listed is before and not is_whole:
            return (), head
        return pending, msgspec.structs.replace(head, jobs_version=listed.version, jobs_at=now, jobs_error="")

    def _newer(self, endpoint: Endpoint, before: JobList, now: float, is_slow: bool) -> tuple[JobList, bool]:
        """The list after one more question (what came since, and what became of those that were not over), and whether
        it is told so each time.

        Now and then all of the queue is looked through, for what no other question would find. Where the cluster has
        no queries, or none for our user, its whole queue has to come: that is dear, and so done in the slow turn only.
        """
        client = self.client_for(endpoint)
        try:
            if before.swept_at and 0 <= now - before.swept_at < SWEEP_SECONDS:
                return before.with_news(client.jobs_since(max(before.newest - OVERLAP, 0), before.unfinished)), True
            since = max(client.newest_job() - MOST_JOBS, 0)
            told = client.jobs_since(since, before.unfinished, unfinished=True)
        except (Missing, NotAllowed, Refused):
            if not is_slow:
                return before, False
            return before.with_news(client.newest_jobs(MOST_JOBS), swept_at=now), False
        return before.with_news(told, swept_at=now), True

    def _put(self, snapshot: Snapshot, head: Head, now: float) -> Head:
        """Stores what was heard: as a new generation only where the content is new."""
        digest, page_digest = snapshot.digests
        if digest == head.digest:
            self.store.put_head(head)
            return head
        # Milliseconds since 1970 keep generations rising even when the store lost all it knew.
        head = msgspec.structs.replace(
            head,
            generation=max(head.generation + 1, int(now * 1000)),
            digest=digest,
            page_digest=page_digest,
            instance_count=len(snapshot.instances),
            node_count=len(snapshot.nodes),
            version=snapshot.info.software_version,
        )
        return self.store.put_snapshot(snapshot, head)

    def _put_failure(self, head: Head, error: RapiError, now: float, took: float) -> Head:
        failures = head.failures + 1
        rest = min(2.0 ** min(failures, 10), LONGEST_BACK_OFF)
        head = msgspec.structs.replace(
            head,
            state=_state_after(error),
            error=error.what,
            failing_since=head.failing_since if head.failures else now,
            failures=failures,
            tried_at=now,
            took=took,
            next_try_at=now + took + rest,  # counted from the end: waiting for a time-out is no rest
        )
        self.store.put_head(head)
        return head


@contextmanager
def _defects_as_broken_answers(slug: str) -> Iterator[None]:
    """Around what reads answers: a broken server may send what no reader of ours expected, again and again."""
    try:
        yield
    except RapiError:
        raise
    except Exception as error:
        logger.exception("Collecting the cluster %s ended in a defect of ours", slug)
        raise BrokenAnswer(slug, f"an answer that we cannot read ({type(error).__name__}, see the log)") from error


def _state_after(error: RapiError) -> str:
    if isinstance(error, WrongCertificate):
        return "untrusted"
    if isinstance(error, Unreachable):
        return "unreachable"
    return "denied" if isinstance(error, Denied) else "broken"


def _may_change(client: Questions, before: bool | None) -> bool | None:
    """Whether our user may write; what we knew before where the cluster does not say now."""
    try:
        return client.may_change()
    except RapiError:
        return before


def departures(
    last: Snapshot, instances: Iterable[Instance], seen: float, tag_prefix: str = tag_grammar.DEFAULT_PREFIX
) -> tuple[Departed, ...]:
    """Those that were there in the last snapshot or before, and are not among `instances`: no other change counts."""
    names = {instance.name for instance in instances}
    found = [one for one in last.departed if one.name not in names]
    for gone in last.instances:
        if gone.name not in names:
            owners = tuple(sorted(tag_grammar.owners(gone.tags, tag_prefix))[:MOST_OWNERS])
            found.append(Departed(gone.name, gone.uuid, owners, seen))
    latest = sorted(found, key=lambda one: (one.seen, one.name))[-MOST_DEPARTED:]
    return tuple(sorted(latest, key=lambda one: one.name))


# ---- the same content always looks the same -------------------------------------------------------
# Ganeti keeps tags and a node's instances as sets: their order changes from answer to answer, and
# would make a new generation each time.


def _tidy_instances(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """By name, without secrets; equal parts are one object (hvparams are most of an instance's memory)."""
    shared: dict[bytes, dict[str, Any]] = {}
    seen: dict[int, dict[str, Any]] = {}  # by identity: a client reads equal hvparams once

    def without_secrets(hvparams: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in hvparams.items() if not is_secret(key)}
        return shared.setdefault(_ENCODER.encode(kept), kept)

    def tidy(instance: Instance) -> Instance:
        before = instance.hvparams
        if id(before) not in seen:
            seen[id(before)] = without_secrets(before)
        return msgspec.structs.replace(instance, hvparams=seen[id(before)], tags=tuple(sorted(instance.tags)))

    everybody = list(instances)  # all at once, so that no two of them can have one identity
    tidied = _by_name(tidy(instance) for instance in everybody)
    share_equal_parts(tidied)
    return tidied


def _tidy_nodes(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return _by_name(
        msgspec.structs.replace(
            node,
            primary_instances=tuple(sorted(node.primary_instances)),
            secondary_instances=tuple(sorted(node.secondary_instances)),
            tags=tuple(sorted(node.tags)),
        )
        for node in nodes
    )


def _tidy_groups(groups: Iterable[NodeGroup]) -> tuple[NodeGroup, ...]:
    return _by_name(
        msgspec.structs.replace(group, nodes=tuple(sorted(group.nodes)), tags=tuple(sorted(group.tags)))
        for group in groups
    )


def _by_name(values: Iterable[Named]) -> tuple[Named, ...]:
    """Sorted; of several with one name the last."""
    named = {value.name: value for value in values}
    return tuple(named[name] for name in sorted(named))
