"""Both stores keep the same promises: every test of the first part runs on a directory and on a real Redis."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ganeti import tags
from ganeti.inventory import Collector, Head, Snapshot, Store, StoreDown
from ganeti.joblist import JobList, ListedJob
from ganeti.objects import ClusterInfo, Disk, Instance, Network, NetworkConnection, Nic, Node, NodeGroup
from ganeti.store_base import RememberingStore
from ganeti.store_directory import DirectoryStore
from ganeti.store_format import FORMAT, Format
from ganeti.store_redis import RedisStore
from tests.plugins.servers import free_port

# ---- the two places -----------------------------------------------------------------------------


class DirectoryPlace:
    """A directory; `store()` is what one more process would see of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def store(self, **options: Any) -> RememberingStore:
        return DirectoryStore(self.path, **options)

    def overwrite(self, slug: str, part: str, content: bytes) -> None:
        for path in self._paths(slug, part):
            path.write_bytes(content)

    def lose(self, slug: str, part: str) -> None:
        for path in self._paths(slug, part):
            path.unlink()

    def expire(self, slug: str, generation: int) -> None:
        """Nothing to do: it goes with the next snapshots."""
        assert not list((self.path / "snapshots" / slug).glob(f"{generation}.*"))

    def _paths(self, slug: str, part: str) -> list[Path]:
        if part == "head":
            return [self.path / "heads" / slug]
        return list((self.path / "snapshots" / slug).glob(f"*.{part}"))


class RedisServer:
    """A real one on a port of its own, which keeps nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:sesame@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        binary = shutil.which("redis-server")
        if not binary:
            pytest.fail("redis-server is missing: run contrib/install-test-packages")
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.path, "save": "", "requirepass": "sesame"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen([binary, *words], stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        _wait_until(lambda: _answers(client), "redis-server did not start")
        client.close()

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None


class RedisPlace:
    def __init__(self, server: RedisServer, prefix: str) -> None:
        self.server = server
        self.prefix = prefix
        self.client = redis.Redis.from_url(server.url)

    def store(self, **options: Any) -> RememberingStore:
        return RedisStore(self.server.url, self.prefix, **options)

    def overwrite(self, slug: str, part: str, content: bytes) -> None:
        if part == "head":
            self.client.hset(f"{self.prefix}inventory:heads", slug, content)
        for key in self._keys(slug, part):
            self.client.set(key, content)

    def lose(self, slug: str, part: str) -> None:
        for key in self._keys(slug, part):
            self.client.delete(key)

    def expire(self, slug: str, generation: int) -> None:
        """What time would do."""
        for part in PARTS:
            assert self.client.delete(f"{self.prefix}inventory:{part}:{slug}:{generation}")

    def _keys(self, slug: str, part: str) -> list[bytes]:
        return list(self.client.scan_iter(f"{self.prefix}inventory:{part}:{slug}:*"))


Place = DirectoryPlace | RedisPlace


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _wait_until(condition: Callable[[], Any], otherwise: str) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(otherwise)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that a test may stop."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture(params=["directory", pytest.param("redis", marks=pytest.mark.services)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "directory":
        return DirectoryPlace(tmp_path / "inventory")
    return RedisPlace(request.getfixturevalue("shared_redis"), f"{tmp_path.name}-{os.getpid()}:")


@pytest.fixture
def store(place: Place) -> RememberingStore:
    return place.store()


# ---- what lies in them ----------------------------------------------------------------------------

PARTS = ["body", "facts", "index"]


def instance(name: str, *its_tags: str, cluster: str = "north", **more: Any) -> Instance:
    return Instance(name=name, cluster=cluster, tags=its_tags, **more)


def snapshot(*instances: Instance, slug: str = "north", **more: Any) -> Snapshot:
    return Snapshot(slug, instances=instances, **more)


def put(store: Store, *instances: Instance, slug: str = "north", **more: Any) -> int:
    """The generation under which these instances were stored."""
    return store.put_snapshot(snapshot(*instances, slug=slug, **more), Head(slug, state="ok")).generation


def generations(store: Store) -> dict[str, int]:
    return {slug: head.generation for slug, head in store.heads().items()}


def names(instances: list[Instance]) -> list[str]:
    return [instance.name for instance in instances]


WHOLE = Snapshot(
    "north",
    instances=(
        instance(
            "vm1",
            "ganetimgr:users:alice",
            "ganetimgr:groups:noc",
            uuid="u-1",
            status="running",
            oper_state=True,
            snodes=("node2",),
            memory=512,
            disks=(Disk(1024, "root"),),
            nics=(Nic("aa:00:09:57:d6:48", "192.0.2.2", "bridged", "br0", "net", "eth"),),
            hvparams={
                "acpi": True,
                "boot_order": "disk",
                "kernel_args": "ro",
                "threads": 3,
                "share": 0.5,
                "none": None,
            },
            ctime=1.5,
        ),
        instance("vm2", "ganetimgr:user:bob", hvparams={"acpi": False}),
        instance("vm3"),
    ),
    nodes=(Node("node1", "M", "default", memory_free=None), Node("node2", "O", "old", offline=True)),
    groups=(NodeGroup("default", nodes=("node1",)), NodeGroup("old", nodes=("node2",), tags=("locked",))),
    networks=(Network("net", network="192.0.2.0/24", connections=(NetworkConnection("default", "bridged", "br0"),)),),
    info=ClusterInfo("ganeti.example.org", "3.0.2"),
)


# ---- snapshots ------------------------------------------------------------------------------------


def test_another_process_reads_exactly_what_was_put(place: Place, store: Store) -> None:
    generation = store.put_snapshot(WHOLE, Head("north", state="ok")).generation
    other = place.store()
    assert other.snapshot("north") == msgspec.structs.replace(WHOLE, generation=generation)
    assert other.facts("north") == WHOLE.facts
    assert other.owned({"north": generation}, {"user:alice"}) == [WHOLE.instances[0]]


def test_facts_come_without_decoding_the_snapshot(place: Place, store: Store) -> None:
    store.put_snapshot(WHOLE, Head("north"))
    other = place.store()
    facts = other.facts("north")
    assert facts and facts.locked_nodes == {"node2"} and facts.nodes == {"node1": "default", "node2": "old"}
    assert other.decoded == 0


def test_a_cluster_without_a_snapshot_has_none_of_all(store: Store) -> None:
    assert store.heads() == {}
    assert store.head("north") is None
    assert store.snapshot("north") is None
    assert store.facts("north") is None
    assert store.owned({"north": 0}, {"user:alice"}) == []


def test_a_head_alone_is_kept_before_the_first_snapshot(store: Store) -> None:
    store.put_head(Head("north", state="unreachable", error="north: nobody answers", failures=2))
    assert store.heads()["north"].error == "north: nobody answers"
    assert store.snapshot("north") is None


def test_a_snapshot_is_decoded_once_for_each_generation(place: Place, store: Store) -> None:
    put(store, instance("vm1"))
    other = place.store()
    assert other.snapshot("north") is other.snapshot("north")
    assert other.decoded == 1
    put(store, instance("vm1"), instance("vm2"))
    again = other.snapshot("north")
    assert again and names(list(again.instances)) == ["vm1", "vm2"]
    assert other.decoded == 2


def test_many_pages_at_once_decode_it_once_too(place: Place, store: Store) -> None:
    generation = put(store, *(instance(f"vm{number}") for number in range(300)))
    other = place.store()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: other.snapshot("north", generation), range(32)))
    assert {id(one) for one in found} == {id(found[0])}
    assert other.decoded == 1


def test_equal_hvparams_are_kept_in_memory_once(place: Place, store: Store) -> None:
    put(
        store,
        instance("vm1", hvparams={"a": 1}),
        instance("vm2", hvparams={"a": 1}),
        instance("vm3", hvparams={"a": 2}),
    )
    read = place.store().snapshot("north")
    assert read and read.instances[0].hvparams is read.instances[1].hvparams
    assert [one.hvparams["a"] for one in read.instances] == [1, 1, 2]


@pytest.mark.parametrize("slug", ["a.b", "..", "x/../y", "έψιλον", "with space", "%2E"])
def test_any_slug_is_kept_apart_from_the_others(place: Place, store: Store, slug: str) -> None:
    put(store, instance("vm1", "ganetimgr:users:alice"), slug=slug)
    store.bump(slug)
    store.watch([slug], 60)
    other = place.store()
    assert set(other.heads()) == {slug} and other.heads()[slug].news == 1
    assert other.watched() == {slug}
    assert names(other.owned(generations(other), {"user:alice"})) == ["vm1"]


# ---- what it costs -----------------------------------------------------------------------------------


def test_all_heads_are_one_read_however_many_clusters(place: Place, store: Store) -> None:
    for number in range(40):
        put(store, slug=f"cluster{number}")
        store.bump(f"cluster{number}")
    other = place.store()
    assert len(other.heads()) == 40
    assert other.reads == 1


def test_an_owners_instances_are_one_read_however_many_clusters(place: Place, store: Store) -> None:
    for number in range(40):
        put(store, instance("vm", "ganetimgr:users:alice"), instance("vx"), slug=f"cluster{number}")
    other = place.store()
    known = generations(other)
    assert len(other.owned(known, {"user:alice", "group:noc"})) == 40
    assert (other.reads, other.decoded) == (2, 0)


def test_an_unchanged_page_costs_one_read(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    other = place.store()
    for _ in range(3):
        before = other.reads
        known = generations(other)
        assert names(other.owned(known, {"user:alice"})) == ["vm"]
        assert other.facts("north", known["north"])
    assert other.reads - before == 1


def test_a_changed_cluster_is_read_again_and_seen(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    other = place.store()
    other.owned(generations(other), {"user:alice"})
    put(store, instance("vm", "ganetimgr:users:alice"), instance("vm2", "ganetimgr:user:alice"))
    assert names(other.owned(generations(other), {"user:alice"})) == ["vm", "vm2"]


# ---- the owner index ------------------------------------------------------------------------------------


def test_an_instance_of_two_of_ones_owners_comes_once(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice", "ganetimgr:user:alice", "ganetimgr:groups:noc"))
    other = place.store()
    assert names(other.owned(generations(other), {"user:alice", "group:noc"})) == ["vm"]


def test_nobody_owns_nothing(store: Store) -> None:
    put(store, instance("vm"))
    assert store.owned(generations(store), set()) == []


def test_a_name_that_no_tag_can_carry_owns_nothing(store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:?"), instance("vm2", "ganetimgr:users:alice"))
    assert store.owned(generations(store), {"user:\ud800", "", "user:", "user:alic"}) == []


def test_an_own_prefix_decides_who_owns(place: Place) -> None:
    store = place.store(tag_prefix="vps")
    put(store, instance("vm", "vps:users:alice"), instance("vm2", "ganetimgr:users:alice"))
    assert names(store.owned(generations(store), {"user:alice"})) == ["vm"]


def test_an_instance_with_4096_owners_is_stored_once(place: Place, store: Store) -> None:
    crowd = [f"ganetimgr:users:user{number}" for number in range(tags.MAX_PER_OBJECT)]
    put(store, instance("vm", *crowd), instance("vm2", "ganetimgr:users:user7"))
    other = place.store()
    assert names(other.owned(generations(other), {"user:user7"})) == ["vm", "vm2"]
    assert len(other.owned(generations(other), {"user:user4095"})[0].tags) == 4096
    packed = Format().pack(snapshot(instance("vm", *crowd)), "ganetimgr")
    assert len(packed.body) + len(str(packed.owners)) < 3 * len("".join(crowd))


odd_names = some.one_of(
    some.sampled_from(
        ["alice", "bob", "Alice", "a:b", "user:x", "1 2", "a.b", "1", "", "*", "ünï", "\n", "alice ", "0"]
    ),
    some.text(max_size=5),
)
their_tags = some.builds(
    ":".join,
    some.tuples(
        some.sampled_from(["ganetimgr", "ganetimgr", "other", ""]),
        some.sampled_from(["user", "users", "group", "groups", "org", "service", ""]),
        odd_names,
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tag_lists=some.lists(some.lists(their_tags, max_size=6), max_size=8),
    asked=some.sets(some.builds("{}:{}".format, some.sampled_from(["user", "group"]), odd_names), max_size=4),
)
def test_the_index_answers_what_looking_at_every_instance_would(
    place: Place, tag_lists: list[list[str]], asked: set[str]
) -> None:
    instances = [instance(f"vm{number}", *its, memory=number) for number, its in enumerate(tag_lists)]
    everybody = set().union(*(tags.owners(one.tags) for one in instances))
    put(place.store(), *instances)
    other = place.store()
    for owners in (asked, everybody, *({one} for one in everybody)):
        expected = [one for one in instances if tags.owners(one.tags) & owners]
        assert other.owned(generations(other), owners) == expected


# ---- generations and races ------------------------------------------------------------------------------


def test_generations_rise_from_writer_to_writer(place: Place) -> None:
    found = [put(place.store(), instance(f"vm{number}")) for number in range(5)]
    assert found == sorted(set(found))


def test_a_writer_may_ask_for_a_higher_generation_and_never_gets_a_lower_one(store: Store) -> None:
    assert store.put_snapshot(snapshot(), Head("north", generation=1000)).generation == 1000
    assert store.put_snapshot(snapshot(), Head("north", generation=3)).generation > 1000
    assert generations(store)["north"] > 1000


def test_a_head_of_an_older_generation_comes_too_late(store: Store) -> None:
    old = put(store, instance("vm1"))
    new = put(store, instance("vm2"))
    store.put_head(Head("north", generation=old, state="unreachable"))
    assert (store.heads()["north"].generation, store.heads()["north"].state) == (new, "ok")


def test_a_reader_with_the_last_head_still_gets_its_snapshot(place: Place, store: Store) -> None:
    put(store, instance("vm1", "ganetimgr:users:alice"))
    other = place.store()
    known = generations(other)
    put(store, instance("vm2", "ganetimgr:users:alice"))
    assert names(other.owned(known, {"user:alice"})) == ["vm1"]
    read = other.snapshot("north", known["north"])
    assert read and read.generation == known["north"]


def test_a_reader_with_a_head_of_long_ago_gets_the_snapshot_of_now(place: Place, store: Store) -> None:
    put(store, instance("vm1", "ganetimgr:users:alice"))
    other = place.store()
    known = generations(other)
    for number in range(4):
        put(store, instance(f"vm{number}", "ganetimgr:users:alice"))
    place.expire("north", known["north"])
    assert names(other.owned(known, {"user:alice"})) == ["vm3"]
    read = other.snapshot("north", known["north"])
    assert read and names(list(read.instances)) == ["vm3"]
    assert other.facts("north", known["north"])
    assert "north" in other.heads()


def _write_snapshots(place_store: Callable[[], Store], times: int) -> None:
    store = place_store()
    for number in range(1, times + 1):
        put(store, *(instance(f"vm{one}", "ganetimgr:users:alice", memory=number) for one in range(number % 7 + 1)))


def _write_heads_and_bump(place_store: Callable[[], Store], times: int) -> None:
    store = place_store()
    for number in range(times):
        head = store.head("north") or Head("north")
        store.put_head(msgspec.structs.replace(head, collected_at=float(number)))
        store.bump("north")


def _in_processes(*calls: tuple[Callable[..., None], Any, int]) -> list[Any]:
    """Started, in processes of their own that share nothing with this one."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=(opener, times)) for target, opener, times in calls]
    for process in processes:
        process.start()
    return processes


class _Opener:
    """Opens the same place in another process."""

    def __init__(self, place: Place) -> None:
        self.kind = DirectoryStore if isinstance(place, DirectoryPlace) else RedisStore
        self.where = (place.path,) if isinstance(place, DirectoryPlace) else (place.server.url, place.prefix)

    def __call__(self) -> Store:
        return self.kind(*self.where)


def test_a_reader_never_meets_a_head_without_its_snapshot(place: Place) -> None:
    opener = _Opener(place)
    processes = _in_processes((_write_snapshots, opener, 150), (_write_snapshots, opener, 150))
    seen = 0
    while any(process.is_alive() for process in processes):
        reader = place.store()
        for slug, head in reader.heads().items():
            seen = max(seen, head.generation)
            assert head.generation == seen, "generations never fall"
            assert reader.facts(slug, head.generation)
            read = reader.snapshot(slug, head.generation)
            assert read
            owned = reader.owned({slug: head.generation}, {"user:alice"})
            assert len({one.memory for one in owned}) == 1, "one generation, never a mixture"
            assert len(owned) == owned[0].memory % 7 + 1
    assert [process.exitcode for process in processes] == [0, 0]
    assert seen >= 2


def test_two_processes_that_write_never_share_a_generation(place: Place) -> None:
    opener = _Opener(place)
    for process in _in_processes((_write_snapshots, opener, 60), (_write_snapshots, opener, 60)):
        process.join()
        assert process.exitcode == 0
    assert generations(place.store())["north"] >= 120


def test_no_bump_is_lost_between_processes_that_write_heads(place: Place, store: Store) -> None:
    put(store, instance("vm"))
    opener = _Opener(place)
    processes = _in_processes((_write_heads_and_bump, opener, 80), (_write_heads_and_bump, opener, 80))
    for number in range(40):
        store.bump("north")
        put(store, instance(f"vm{number}"))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert place.store().heads()["north"].news == 200


def test_news_rise_with_each_bump_and_outlive_heads_and_snapshots(store: Store) -> None:
    put(store, instance("vm"))
    store.bump("north")
    store.put_head(msgspec.structs.replace(store.heads()["north"], state="denied", news=0))
    store.bump("north")
    put(store, instance("vm2"))
    assert store.heads()["north"].news == 2
    head = store.head("north")
    assert head and head.news == 2


# ---- marks ------------------------------------------------------------------------------------------------


def test_watched_clusters_are_known_to_all_until_their_time_is_over(place: Place, store: Store) -> None:
    store.watch(["north", "south"], 60)
    store.watch(["east"], 0.05)
    other = place.store()
    assert {"north", "south"} <= other.watched()
    _wait_until(lambda: other.watched() == {"north", "south"}, "a mark did not fade")


def test_a_short_look_does_not_end_a_long_one(place: Place, store: Store) -> None:
    store.watch(["north"], 60)
    place.store().watch(["north"], 0.01)
    time.sleep(0.02)
    assert store.watched() == {"north"}


def test_a_claim_has_one_winner(place: Place) -> None:
    stores = [place.store() for _ in range(8)]
    ready = threading.Barrier(8)

    def claim(store: Store) -> bool:
        ready.wait()
        return store.claim("fetch:north", 60)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, stores)) == 1
    assert stores[0].claim("fetch:south", 60)


def test_a_claim_whose_time_is_over_can_be_had_again(place: Place, store: Store) -> None:
    assert store.claim("fetch", 0.05)
    other = place.store()
    _wait_until(lambda: other.claim("fetch", 60), "a claim never ended")
    assert not store.claim("fetch", 60)


def test_a_wish_for_a_look_at_all_clusters_reaches_every_process(place: Place, store: Store) -> None:
    assert store.hurried_at() == 0
    store.hurry(1234.5)
    assert place.store().hurried_at() == 1234.5


def test_of_two_wishes_the_later_one_counts(place: Place, store: Store) -> None:
    store.hurry(1234.5)
    place.store().hurry(2345.5)
    assert store.hurried_at() == 2345.5


def test_a_forgotten_cluster_is_gone_for_all(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    put(store, slug="south")
    store.bump("north")
    other = place.store()
    known = generations(other)
    store.forget("north")
    assert set(store.heads()) == set(other.heads()) == {"south"}
    assert other.snapshot("north") is None and store.snapshot("north") is None
    assert other.owned(known, {"user:alice"}) == []


def test_a_store_that_answers_says_so(store: Store) -> None:
    assert store.is_there()


# ---- damage ------------------------------------------------------------------------------------------------


def test_values_of_another_format_count_as_no_snapshot(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    newer = place.store(format_number=FORMAT + 1)
    assert newer.heads() == {}
    assert newer.snapshot("north") is None
    assert newer.owned({"north": 1}, {"user:alice"}) == []
    put(newer, instance("vm2"))
    assert newer.snapshot("north")
    assert place.store().heads() == {}


RUBBISH = [b"", b"rubbish", b"\x80\x04pickle", Format().magic, Format().magic + b"\xdd\xff\xff\xff\xff", b"\xff" * 5000]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_a_damaged_head_counts_as_none(place: Place, store: Store, rubbish: bytes) -> None:
    put(store)
    put(store, slug="south")
    place.overwrite("north", "head", rubbish)
    assert set(place.store().heads()) == {"south"}
    assert put(place.store(), instance("vm"))
    assert set(place.store().heads()) == {"north", "south"}


@pytest.mark.parametrize("part", ["body", "facts"])
@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_a_damaged_snapshot_counts_as_none_and_can_be_had_anew(
    place: Place, store: Store, part: str, rubbish: bytes
) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    place.overwrite("north", part, rubbish)
    other = place.store()
    known = generations(other)
    if part == "body":
        assert other.owned(known, {"user:alice"}) == []
        assert other.snapshot("north", known["north"]) is None
    else:
        assert other.facts("north", known["north"]) is None
    assert other.heads() == {}, "it looks like collecting, not like a cluster without instances"
    put(place.store(), instance("vm", "ganetimgr:users:alice"))
    assert names(other.owned(generations(other), {"user:alice"})) == ["vm"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_was_evicted_takes_the_head_with_it(place: Place, store: Store, part: str) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    place.lose("north", part)
    other = place.store()
    known = generations(other)
    ask = {
        "body": lambda: other.snapshot("north", known["north"]),
        "facts": lambda: other.facts("north", known["north"]),
        "index": lambda: other.owned(known, {"user:alice"}),
    }
    assert not ask[part]()
    assert other.heads() == {}


def test_who_remembers_a_lost_snapshot_still_shows_it(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"), instance("vm2"))
    other = place.store()
    known = generations(other)
    other.snapshot("north")
    place.lose("north", "index")
    assert names(other.owned(known, {"user:alice"})) == ["vm"]


def test_a_damaged_index_shows_nobody_a_foreign_instance(place: Place, store: Store) -> None:
    put(store, instance("vm", "ganetimgr:users:alice"))
    where = Format().pack(snapshot(instance("vm", "ganetimgr:users:alice")), "ganetimgr").owners["user:alice"]
    if isinstance(place, RedisPlace):
        place.client.hset(place._keys("north", "index")[0], "user:mallory", where)
    else:
        place.overwrite("north", "index", Format().seal({"user:mallory": where}))
    other = place.store()
    assert other.owned(generations(other), {"user:mallory"}) == []
    assert "north" in other.heads()


# ---- Redis away -----------------------------------------------------------------------------------------


@pytest.mark.services
class TestRedisIsAway:
    @pytest.fixture
    def place(self, redis_server: RedisServer) -> RedisPlace:
        return RedisPlace(redis_server, "ganetimgr:")

    def test_a_process_that_knows_nothing_says_that_the_store_is_down(self, place: RedisPlace) -> None:
        store = place.store()
        place.server.stop()
        for ask in (
            store.heads,
            lambda: store.head("north"),
            lambda: store.snapshot("north"),
            lambda: store.facts("north", 1),
            lambda: store.owned({"north": 1}, {"user:alice"}),
            lambda: put(store),
            lambda: store.put_head(Head("north")),
            lambda: store.bump("north"),
            lambda: store.claim("north", 1),
            lambda: store.forget("north"),
            store.watched,
        ):
            with pytest.raises(StoreDown):
                ask()
        store.watch(["north"], 60)
        assert not store.is_there()

    def test_what_was_read_before_is_served_and_called_stale(self, place: RedisPlace) -> None:
        put(place.store(), instance("vm", "ganetimgr:users:alice"))
        store = place.store()
        known = generations(store)
        assert not store.stale
        read = store.snapshot("north"), store.facts("north"), store.owned(known, {"user:alice"})
        place.server.stop()
        assert generations(store) == known and store.stale
        later = {"north": known["north"] + 1}  # another process may have told of it
        assert read == (store.snapshot("north"), store.facts("north"), store.owned(later, {"user:alice"}))
        assert store.owned(known, {"user:bob"}) == []  # from the remembered snapshot
        with pytest.raises(StoreDown):
            store.head("north")

    def test_after_a_restart_it_goes_on_with_rising_generations(self, place: RedisPlace) -> None:
        store = place.store()
        collector = Collector(store, lambda _: _Side([instance("vm", "ganetimgr:users:alice")]))
        before = collector.collect(_endpoint(), now=1_000.0).generation
        assert generations(store) == {"north": before}
        place.server.stop()
        with pytest.raises(StoreDown):
            collector.collect(_endpoint(), now=1_001.0)
        place.server.start()
        _wait_until(lambda: store.heads() == {} and not store.stale, "no recovery: Redis is back, and empty")
        assert store.snapshot("north") is None, "what Redis forgot is not shown as if it were fresh"
        after = collector.collect(_endpoint(), now=1_002.0).generation
        assert after > before
        assert names(store.owned(generations(store), {"user:alice"})) == ["vm"]

    def test_connections_that_a_restart_closed_are_no_error(self, place: RedisPlace) -> None:
        store = place.store()
        put(store)
        place.server.stop()
        place.server.start()
        assert store.heads() == {} and not store.stale

    def test_a_redis_that_hangs_is_away_too(self, place: RedisPlace) -> None:
        store = place.store()
        put(store, instance("vm"))
        assert place.server.process
        known = generations(store)
        place.server.process.send_signal(signal.SIGSTOP)
        assert generations(store) == known and store.stale
        place.server.process.send_signal(signal.SIGCONT)
        _wait_until(lambda: store.heads() and not store.stale, "no recovery")

    def test_its_password_is_in_no_error(self, place: RedisPlace) -> None:
        store = place.store()
        place.server.stop()
        with pytest.raises(StoreDown) as caught:
            store.heads()
        assert "sesame" not in repr(caught.value) + repr(caught.value.__cause__)

    def test_outdated_generations_expire_and_the_current_one_does_not(self, place: RedisPlace) -> None:
        store = place.store()
        old, new = put(store, instance("vm1")), put(store, instance("vm2"))
        store.put_head(Head("north", generation=new))
        for part in PARTS:
            assert place.client.ttl(f"ganetimgr:inventory:{part}:north:{old}") > 0
            assert place.client.ttl(f"ganetimgr:inventory:{part}:north:{new}") == -1

    def test_a_redis_that_takes_no_writes_is_named(self, place: RedisPlace) -> None:
        store = place.store()
        place.client.config_set("maxmemory", "1mb")
        with pytest.raises(StoreDown, match="Redis refuses"):
            put(store, instance("vm", os="x" * 4_000_000))
        assert store.heads() == {}


class _Side:
    """A cluster's answers for the collector."""

    def __init__(self, instances: list[Instance]) -> None:
        self.instances = lambda: instances

    def nodes(self) -> list[Node]:
        return []

    def groups(self) -> list[NodeGroup]:
        return []

    def networks(self) -> list[Network]:
        return []

    def info(self) -> ClusterInfo:
        return ClusterInfo()

    def may_change(self) -> bool:
        return True


def _endpoint() -> Any:
    from ganeti.endpoint import Endpoint

    return Endpoint("north", "north.example.org")


# ---- the directory ------------------------------------------------------------------------------------------


class TestDirectory:
    def test_only_the_last_two_generations_stay(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        found = [put(store, instance(f"vm{number}")) for number in range(5)]
        files = {path.name for path in (tmp_path / "snapshots" / "north").iterdir()}
        assert files == {f"{number}.{part}" for number in found[-2:] for part in PARTS}
        assert list((tmp_path / "new").iterdir()) == []

    def test_a_dead_writers_files_are_removed_and_a_living_ones_are_not(self, tmp_path: Path) -> None:
        DirectoryStore(tmp_path)
        for name, age in (("dead", 7200), ("alive", 10)):
            path = tmp_path / "new" / name
            path.touch()
            os.utime(path, (time.time() - age, time.time() - age))
        DirectoryStore(tmp_path)
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["alive"]

    def test_a_directory_that_vanished_is_a_store_that_is_down_and_made_anew(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path / "it")
        put(store, instance("vm"))
        known = generations(store)
        shutil.rmtree(tmp_path / "it")
        assert generations(store) == known and store.stale, "what is remembered is shown once more"
        assert generations(store) == {} and not store.stale
        put(store, instance("vm"))
        assert store.snapshot("north")

    @pytest.mark.parametrize("ask", ["heads", "watched", "put", "bump", "claim"])
    def test_whoever_finds_it_gone_makes_it_for_the_next(self, tmp_path: Path, ask: str) -> None:
        store = DirectoryStore(tmp_path / "it")
        shutil.rmtree(tmp_path / "it")
        assert not store.is_there()
        with pytest.raises(StoreDown):
            {
                "heads": store.heads,
                "watched": store.watched,
                "put": lambda: put(store),
                "bump": lambda: store.bump("north"),
                "claim": lambda: store.claim("x", 1),
            }[ask]()
        assert store.is_there()

    def test_a_place_where_no_directory_can_be_is_a_store_that_is_down(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        store = DirectoryStore(tmp_path / "file")
        with pytest.raises(StoreDown, match="directory"):
            store.heads()
        assert not store.is_there()


class TestListsOfJobs:
    def some(self, slug: str = "north", version: str = "v1", *numbers: int) -> JobList:
        return JobList(slug, version, 1.0, tuple(ListedJob(number, "success") for number in numbers or (2, 1)))

    def test_another_process_reads_exactly_what_was_put(self, place: Place, store: Store) -> None:
        store.put_jobs(self.some())
        assert place.store().jobs({"north": "v1", "south": "v9", "west": ""}) == {"north": self.some()}

    def test_all_clusters_are_one_read_and_what_is_known_is_none(self, place: Place, store: Store) -> None:
        wanted = {f"c{number}": "v1" for number in range(50)}
        for slug in wanted:
            store.put_jobs(self.some(slug))
        other = place.store()
        assert other.jobs(wanted).keys() == wanted.keys() and other.reads == 1
        assert other.jobs(wanted).keys() == wanted.keys() and other.reads == 1
        store.put_jobs(self.some("c7", "v2", 3))
        assert other.jobs({**wanted, "c7": "v2"})["c7"].newest == 3 and other.reads == 2

    def test_a_forgotten_cluster_has_none(self, place: Place, store: Store) -> None:
        store.put_jobs(self.some())
        store.forget("north")
        assert store.jobs({"north": "v1"}) == {} and place.store().jobs({"north": "v1"}) == {}
