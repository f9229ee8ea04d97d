"""What both stores have in common: what a process remembers, and what it does about a lost race or a lost store."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

import msgspec

from ganeti import tags
from ganeti.inventory import Facts, Head, Snapshot, StoreDown
from ganeti.joblist import JobList
from ganeti.objects import Instance
from ganeti.store_format import FORMAT, Format, Packed, instances_from

logger = logging.getLogger(__name__)

T = TypeVar("T")
Owned = dict[str, tuple[int, tuple[Instance, ...]]]  # slug: generation, instances
Remembered = dict[str, tuple[int, T]]  # slug: generation, value

REMEMBERED_HEADS = 1024
REMEMBERED_OWNERS = 256  # sets of owners, whose pages are open just now


class RememberingStore(ABC):
    """A `Store` (see inventory.py) on top of a few primitives that move bytes.

    A generation's content never changes, so what was read of it is remembered until a newer one
    is asked for. A generation that the store does not have is either old by now (then a fresh
    head names a newer one) or lost (evicted, damaged): then its head goes too, the cluster counts
    as "collecting", and the collector starts anew.
    """

    def __init__(self, tag_prefix: str = tags.DEFAULT_PREFIX, *, format_number: int = FORMAT) -> None:
        self.tag_prefix = tag_prefix
        self.reads = 0
        self.decoded = 0  # snapshots so far: a figure for tests and benchmarks
        self.stale = False
        self._format = Format(format_number)
        self._opened = lru_cache(maxsize=REMEMBERED_HEADS)(self._open_head)  # most are the same from page to page
        self._heads: dict[str, Head] = {}
        self._snapshots: Remembered[Snapshot] = {}
        self._facts: Remembered[Facts] = {}
        self._jobs: dict[str, JobList] = {}
        self._owned: OrderedDict[frozenset[str], Owned] = OrderedDict()
        self._marked: dict[str, float] = {}  # slug: until when we marked it as watched
        self._locks: dict[str, threading.Lock] = {}

    # -- heads --

    def heads(self) -> dict[str, Head]:
        try:
            self._heads = self._fresh_heads()
            self.stale = False
        except StoreDown:
            if not self._heads:
                raise
            self.stale = True
        return dict(self._heads)

    def head(self, slug: str) -> Head | None:
        self.reads += 1
        return self._opened(*self._read_head(slug))

    def _fresh_heads(self) -> dict[str, Head]:
        self.reads += 1
        opened = {slug: self._opened(blob, news) for slug, (blob, news) in self._read_heads().items()}
        heads = {slug: head for slug, head in opened.items() if head}
        self._let_go_of_what_is_no_more(heads)
        return heads

    def _open_head(self, blob: bytes | None, news: int) -> Head | None:
        head = self._format.open(blob, Head)
        return msgspec.structs.replace(head, news=news) if head and news else head

    def _let_go_of_what_is_no_more(self, heads: Mapping[str, Head]) -> None:
        """A remembered generation above the head's is from before the store lost its memory."""
        for memory in (self._snapshots, self._facts):
            for slug, (generation, _) in list(memory.items()):
                if slug not in heads or heads[slug].generation < generation:
                    memory.pop(slug, None)

    # -- writing --

    def put_snapshot(self, snapshot: Snapshot, head: Head) -> Head:
        packed = self._format.pack(snapshot, self.tag_prefix)
        generation = self._publish(head.slug, packed, head.generation, lambda number: self._sealed(head, number))
        self._snapshots[head.slug] = (generation, msgspec.structs.replace(snapshot, generation=generation))
        return msgspec.structs.replace(head, generation=generation)

    def put_head(self, head: Head) -> None:
        self._write_head(head.slug, self._sealed(head, head.generation), head.generation)

    def forget(self, slug: str) -> None:
        self._drop(slug, None)
        for memory in (self._heads, self._snapshots, self._facts, self._jobs, self._marked, self._locks):
            memory.pop(slug, None)

    def put_jobs(self, jobs: JobList) -> None:
        self._write_jobs(jobs.cluster, self._format.seal(jobs))
        self._jobs[jobs.cluster] = jobs

    def _sealed(self, head: Head, generation: int) -> bytes:
        return self._format.seal(msgspec.structs.replace(head, generation=generation, news=0))

    # -- what lies behind a head --

    def snapshot(self, slug: str, generation: int | None = None) -> Snapshot | None:
        def read(number: int) -> Snapshot | None:
            snapshot = self._format.unpack(slug, number, self._read(slug, number, "body"))
            self.decoded += snapshot is not None
            return snapshot

        return self._remembered(self._snapshots, slug, generation, read)

    def facts(self, slug: str, generation: int | None = None) -> Facts | None:
        def read(number: int) -> Facts | None:
            return self._format.open(self._read(slug, number, "facts"), Facts)

        return self._remembered(self._facts, slug, generation, read)

    def _remembered(
        self, memory: Remembered[T], slug: str, generation: int | None, read: Callable[[int], T | None]
    ) -> T | None:
        try:
            if generation is None:
                head = self.head(slug)
                generation = head.generation if head else 0
            # one at a time: twenty pages that miss the same generation decode it once
            with self._locks.setdefault(slug, threading.Lock()):
                while generation:
                    if slug in memory and memory[slug][0] >= generation:
                        return memory[slug][1]
                    self.reads += 1
                    value = read(generation)
                    if value is not None:
                        memory[slug] = (generation, value)
                        return value
                    generation = self._newer({slug: generation}).get(slug)
                return None
        except StoreDown:
            if slug not in memory:
                raise
            return memory[slug][1]

    def _newer(self, missing: Mapping[str, int]) -> dict[str, int]:
        """The newer generations of those whose content the store no longer has; a head without one is dropped."""
        heads = self._fresh_heads()
        newer = {}
        for slug, generation in missing.items():
            head = heads.get(slug)
            if head and head.generation > generation:
                newer[slug] = head.generation
            elif head and head.generation == generation:
                logger.warning("The snapshot of the cluster %s is lost or damaged: it will be collected anew", slug)
                self._drop(slug, generation)
        return newer

    # -- the lists of jobs --

    def jobs(self, versions: Mapping[str, str]) -> dict[str, JobList]:
        unknown = [
            slug
            for slug, version in versions.items()
            if version and (slug not in self._jobs or self._jobs[slug].version != version)
        ]
        if unknown:
            self._learn_jobs(unknown)
        return {slug: self._jobs[slug] for slug, version in versions.items() if version and slug in self._jobs}

    def _learn_jobs(self, slugs: list[str]) -> None:
        self.reads += 1
        try:
            blobs = self._read_jobs(slugs)
        except StoreDown:
            if any(slug not in self._jobs for slug in slugs):
                raise
            return
        for slug, blob in blobs.items():
            found = self._format.open(blob, JobList)
            if found is None:
                self._jobs.pop(slug, None)
            else:
                self._jobs[slug] = found

    # -- an owner's instances --

    def owned(self, generations: Mapping[str, int], owners: Iterable[str]) -> list[Instance]:
        key = frozenset(owners)
        if not key:
            return []
        known = self._owned.get(key, {})
        wanted = {
            slug: generation
            for slug, generation in generations.items()
            if generation and (slug not in known or known[slug][0] != generation)
        }
        if wanted:
            known = known | self._owned_now(wanted, key, known)
            self._owned[key] = known
        if key in self._owned:
            self._owned.move_to_end(key)
        while len(self._owned) > REMEMBERED_OWNERS:
            self._owned.popitem(last=False)
        return [instance for slug in generations if generations[slug] for instance in known[slug][1]]

    def _owned_now(self, wanted: dict[str, int], owners: frozenset[str], known: Owned) -> Owned:
        found: Owned = {}
        try:
            asked = wanted
            while asked:
                self.reads += 1
                missing = {}
                pieces = self._read_owned(asked, owners)
                for slug, generation in asked.items():
                    instances = instances_from(pieces.get(slug, []))
                    if instances is None:
                        missing[slug] = generation
                    else:
                        found[slug] = (generation, self._really_owned(instances, owners))
                asked = self._newer(missing) if missing else {}
        except StoreDown:
            if any(slug not in found and slug not in known and slug not in self._snapshots for slug in wanted):
                raise
        for slug in wanted.keys() - found.keys():
            found[slug] = known[slug] if slug in known else self._owned_by_memory(slug, owners)
        return found

    def _owned_by_memory(self, slug: str, owners: frozenset[str]) -> tuple[int, tuple[Instance, ...]]:
        generation, snapshot = self._snapshots.get(slug, (0, None))
        return generation, self._really_owned(snapshot.instances, owners) if snapshot else ()

    def _really_owned(self, instances: Iterable[Instance], owners: frozenset[str]) -> tuple[Instance, ...]:
        """Each instance once, by name. Its tags are asked again: a damaged index must show nobody a foreign VM."""
        named = {
            instance.name: instance
            for instance in instances
            if not owners.isdisjoint(tags.owners(instance.tags, self.tag_prefix))
        }
        return tuple(named[name] for name in sorted(named))

    # -- marks --

    def watch(self, slugs: Iterable[str], seconds: float) -> None:
        """Written only when half of our last mark is over: pages poll often."""
        now = time.time()
        fading = [slug for slug in slugs if self._marked.get(slug, 0) < now + seconds / 2]
        if not fading:
            return
        try:
            self._mark(fading, now + seconds)
        except StoreDown:
            return
        self._marked.update(dict.fromkeys(fading, now + seconds))

    def watched(self) -> set[str]:
        self.reads += 1
        return self._marks(time.time())

    # -- the primitives; all of them raise StoreDown --

    @abstractmethod
    def _read_heads(self) -> dict[str, tuple[bytes, int]]:
        """All heads' bytes and news, in one round trip."""

    @abstractmethod
    def _read_head(self, slug: str) -> tuple[bytes | None, int]: ...

    @abstractmethod
    def _write_head(self, slug: str, blob: bytes, generation: int) -> None:
        """Without effect where a higher generation is published."""

    @abstractmethod
    def _publish(self, slug: str, packed: Packed, at_least: int, head: Callable[[int], bytes]) -> int:
        """The new generation, above all earlier ones; its head appears last, and old ones go a little later."""

    @abstractmethod
    def _read(self, slug: str, generation: int, part: str) -> bytes | None:
        """`part` is "body" or "facts"; None where there is none."""

    @abstractmethod
    def _read_owned(self, generations: Mapping[str, int], owners: frozenset[str]) -> dict[str, list[bytes] | None]:
        """What the index names, cut out of the bodies; None where there is no index or body."""

    @abstractmethod
    def _write_jobs(self, slug: str, blob: bytes) -> None: ...

    @abstractmethod
    def _read_jobs(self, slugs: list[str]) -> dict[str, bytes | None]:
        """The bytes of all of these lists, in one round trip; None where there is none."""

    @abstractmethod
    def _drop(self, slug: str, generation: int | None) -> None:
        """Removes a cluster's head and all else; only if it still has this generation, where one is given."""

    @abstractmethod
    def _mark(self, slugs: list[str], until: float) -> None: ...

    @abstractmethod
    def _marks(self, now: float) -> set[str]: ...

    @abstractmethod
    def hurry(self, now: float) -> None: ...

    @abstractmethod
    def hurried_at(self) -> float: ...

    @abstractmethod
    def bump(self, slug: str) -> None: ...

    @abstractmethod
    def claim(self, name: str, seconds: float) -> bool: ...

    @abstractmethod
    def is_there(self) -> bool: ...
