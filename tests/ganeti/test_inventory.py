"""The collector against a cluster that a test plays; the store is a real directory."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ganeti.endpoint import Endpoint
from ganeti.errors import (
    BrokenAnswer,
    Busy,
    Failed,
    Missing,
    NotAllowed,
    RapiError,
    Unreachable,
    WrongCertificate,
    WrongPassword,
)
from ganeti.inventory import MOST_DEPARTED, MOST_PENDING, STATES, Collector, Departed, Head, Snapshot, due, hurried
from ganeti.joblist import MOST_JOBS, ListedJob
from ganeti.objects import UNFINISHED_JOB, ClusterInfo, Instance, Job, Network, Node, NodeGroup, PendingJob
from ganeti.store_directory import DirectoryStore

NORTH = Endpoint("north", "north.example.org")
SLOW = ["nodes", "groups", "networks", "info", "may_change"]
QUEUE = ["newest_job", "jobs"]  # with the slow parts, too


class FakeCluster:
    """Answers as a Client does; `trouble` names the calls that raise, `asked` those that came."""

    def __init__(self) -> None:
        self.vms = [Instance("vm2", "north"), Instance("vm1", "north", tags=("b", "a"))]
        self.hosts = [Node("node1", group="default", primary_instances=("vm2", "vm1"), memory_free=100)]
        self.is_writable = True
        self.jobs: list[Job] = []
        self.trouble: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.seconds = 0.0  # that each call takes, on the clock of the test
        self.time = 0.0

    def clock(self) -> float:
        return self.time

    def _answer(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        self.time += self.seconds
        if question in self.trouble:
            raise self.trouble[question]
        return answer

    def instances(self) -> list[Instance]:
        return self._answer("instances", self.vms)

    def nodes(self) -> list[Node]:
        return self._answer("nodes", self.hosts)

    def groups(self) -> list[NodeGroup]:
        return self._answer("groups", [NodeGroup("default", nodes=("node1",))])

    def networks(self) -> list[Network]:
        return self._answer("networks", [Network("net")])

    def info(self) -> ClusterInfo:
        return self._answer("info", ClusterInfo("ganeti.example.org", "3.0.2"))

    def may_change(self) -> bool:
        return self._answer("may_change", self.is_writable)

    def newest_job(self) -> int:
        return self._answer("newest_job", max((job.id for job in self.jobs), default=0))

    def jobs_since(self, number: int, others: Iterable[int] = (), *, unfinished: bool = False) -> list[ListedJob]:
        wanted = [
            job
            for job in self.jobs
            if job.id > number or job.id in others or (unfinished and job.status in UNFINISHED_JOB)
        ]
        return self._answer("jobs", [listed(job) for job in wanted])

    def newest_jobs(self, most: int) -> list[ListedJob]:
        return self._answer("all jobs", [listed(job) for job in self.jobs[-most:]])


def listed(job: Job) -> ListedJob:
    """The same as lists show it, with an opcode for each of its opcodes."""
    pairs = zip(job.opcodes, job.instances, strict=True)
    ops = [{"OP_ID": opcode, "instance_name": name} for opcode, name in pairs]
    times = {"received_ts": job.received, "start_ts": job.started, "end_ts": job.ended}
    return ListedJob.from_rapi({"id": job.id, "status": job.status, "ops": ops, **times})


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "inventory")


@pytest.fixture
def collector(store: DirectoryStore, cluster: FakeCluster) -> Collector:
    return Collector(store, lambda _: cluster, clock=cluster.clock)


def unreachable() -> RapiError:
    return Unreachable("north", "nobody answers")


def names(snapshot: Snapshot | None) -> list[str]:
    assert snapshot
    return [instance.name for instance in snapshot.instances]


class TestCollecting:
    def test_the_first_time_everything_is_asked_and_kept(self, collector: Collector, store: DirectoryStore) -> None:
        head = collector.collect(NORTH, now=1000.0)
        assert head == store.heads()["north"]
        assert (head.state, head.collected_at, head.instance_count, head.node_count) == ("ok", 1000.0, 2, 1)
        assert (head.version, head.may_change, head.slow_at) == ("3.0.2", True, 1000.0)
        snapshot = store.snapshot("north")
        assert names(snapshot) == ["vm1", "vm2"], "sorted by name"
        assert snapshot and snapshot.generation == head.generation
        assert snapshot.info.name == "ganeti.example.org" and snapshot.networks == (Network("net"),)

    def test_the_slow_parts_come_less_often(self, collector: Collector, cluster: FakeCluster) -> None:
        for now in (1000.0, 1015.0, 1059.0):
            collector.collect(NORTH, now=now)
        assert cluster.asked == ["instances", *SLOW, *QUEUE, "instances", "instances"]
        collector.collect(NORTH, now=1060.0)
        assert cluster.asked[-7:] == ["instances", *SLOW, "jobs"]

    def test_everything_means_the_slow_parts_too(self, collector: Collector, cluster: FakeCluster) -> None:
        collector.collect(NORTH, now=1000.0)
        collector.collect(NORTH, now=1001.0, everything=True)
        assert cluster.asked == ["instances", *SLOW, *QUEUE, "instances", *SLOW, "jobs"]

    def test_the_slow_parts_that_were_not_asked_again_stay(self, collector: Collector, cluster: FakeCluster) -> None:
        collector.collect(NORTH, now=1000.0)
        cluster.vms.append(Instance("vm3", "north"))
        head = collector.collect(NORTH, now=1015.0)
        snapshot = collector.store.snapshot("north")
        assert names(snapshot) == ["vm1", "vm2", "vm3"] and head.instance_count == 3
        assert snapshot and [node.name for node in snapshot.nodes] == ["node1"]

    def test_unchanged_content_keeps_its_generation(self, collector: Collector, cluster: FakeCluster) -> None:
        first = collector.collect(NORTH, now=1000.0)
        again = collector.collect(NORTH, now=1070.0)
        assert again.generation == first.generation and again.collected_at == 1070.0
        cluster.vms[0] = Instance("vm2", "north", status="running")
        assert collector.collect(NORTH, now=1071.0).generation > first.generation

    def test_another_order_of_sets_is_no_other_content(self, collector: Collector, cluster: FakeCluster) -> None:
        first = collector.collect(NORTH, now=1000.0)
        cluster.vms = [Instance("vm1", "north", tags=("a", "b")), Instance("vm2", "north")]
        cluster.hosts = [Node("node1", group="default", primary_instances=("vm1", "vm2"), memory_free=100)]
        assert collector.collect(NORTH, now=1001.0, everything=True).generation == first.generation

    def test_a_nodes_free_memory_is_nothing_that_owners_see(self, collector: Collector, cluster: FakeCluster) -> None:
        first = collector.collect(NORTH, now=1000.0)
        cluster.hosts = [msgspec.structs.replace(cluster.hosts[0], memory_free=7)]
        second = collector.collect(NORTH, now=1001.0, everything=True)
        assert second.generation > first.generation and second.page_digest == first.page_digest
        cluster.hosts = [msgspec.structs.replace(cluster.hosts[0], group="other")]
        assert collector.collect(NORTH, now=1002.0, everything=True).page_digest != first.page_digest

    def test_generations_rise_with_the_time_even_when_the_store_lost_all(
        self, collector: Collector, store: DirectoryStore
    ) -> None:
        first = collector.collect(NORTH, now=1000.0)
        store.forget("north")
        assert collector.collect(NORTH, now=1001.0).generation > first.generation

    def test_a_lost_snapshot_is_collected_in_full_again(
        self, collector: Collector, cluster: FakeCluster, store: DirectoryStore
    ) -> None:
        collector.collect(NORTH, now=1000.0)
        for path in (store.path / "snapshots" / "north").iterdir():
            path.write_bytes(b"")
        fresh = DirectoryStore(store.path)
        head = Collector(fresh, lambda _: cluster, clock=cluster.clock).collect(NORTH, now=1001.0)
        assert head.state == "ok" and names(DirectoryStore(store.path).snapshot("north")) == ["vm1", "vm2"]
        assert cluster.asked[-6:] == ["instances", *SLOW]

    def test_two_instances_of_one_name_are_one(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.vms = [Instance("vm1", "north", status="a"), Instance("vm1", "north", status="b")]
        assert collector.collect(NORTH, now=1000.0).instance_count == 1

    def test_a_cluster_without_instances_is_well_and_empty(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.vms = []
        head = collector.collect(NORTH, now=1000.0)
        assert (head.state, head.has_snapshot, head.instance_count) == ("ok", True, 0)

    def test_secrets_never_reach_the_store(
        self, collector: Collector, cluster: FakeCluster, store: DirectoryStore
    ) -> None:
        hvparams: dict[str, Any] = {
            "vnc_password_file": "hidden1",
            "PassWd": "hidden2",
            "a_SECRET": "hidden3",
            "acpi": True,
        }
        cluster.vms = [Instance("vm1", "north", hvparams=hvparams)]
        collector.collect(NORTH, now=1000.0)
        snapshot = store.snapshot("north")
        assert snapshot and snapshot.instances[0].hvparams == {"acpi": True}
        files = [path for path in store.path.rglob("*") if path.is_file()]
        assert any(b"acpi" in path.read_bytes() for path in files)
        assert not any(b"hidden" in path.read_bytes() for path in files)

    def test_rights_that_changed_are_seen(self, collector: Collector, cluster: FakeCluster) -> None:
        collector.collect(NORTH, now=1000.0)
        cluster.is_writable = False
        assert collector.collect(NORTH, now=1060.0).may_change is False

    def test_rights_that_the_cluster_does_not_tell_stay_as_they_were(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.trouble = {"may_change": Failed("north", "no")}
        assert collector.collect(NORTH, now=1000.0).may_change is None
        cluster.trouble = {}
        collector.collect(NORTH, now=1060.0)
        cluster.trouble = {"may_change": Failed("north", "no")}
        head = collector.collect(NORTH, now=1120.0)
        assert (head.may_change, head.state, head.slow_error) == (True, "ok", "")


class TestPendingJobs:
    """Jobs of whomever: asked for where somebody would see them, told in the head."""

    migration = Job(7, "running", opcodes=("OP_INSTANCE_MIGRATE",), instances=("vm1",), received=990.0, started=999.0)

    def test_they_are_told_while_somebody_looks_with_one_request(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.migration]
        assert collector.collect(NORTH, now=1000.0).pending == ()
        head = collector.collect(NORTH, now=1004.0, jobs_too=True)
        assert cluster.asked[-2:] == ["instances", "jobs"]
        assert head.pending == (PendingJob(7, "running", ("vm1",), ("INSTANCE_MIGRATE",), 999.0),)
        assert collector.store.head("north") == head
        assert head.pending[0].steps_for("vm1") == "INSTANCE_MIGRATE" and head.pending[0].is_at_work

    def test_what_was_not_asked_for_again_is_not_known_any_more(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.migration]
        collector.collect(NORTH, now=1000.0, jobs_too=True)
        assert collector.collect(NORTH, now=1004.0).pending == ()

    def test_they_make_no_new_generation(self, collector: Collector, cluster: FakeCluster) -> None:
        first = collector.collect(NORTH, now=1000.0, jobs_too=True)
        cluster.jobs = [self.migration]
        second = collector.collect(NORTH, now=1004.0, jobs_too=True)
        assert (second.generation, second.digest, second.page_digest) == (
            first.generation,
            first.digest,
            first.page_digest,
        )
        assert second.pending

    def test_jobs_about_no_instance_are_left_out_and_a_full_queue_is_bounded(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        verify = Job(1, "running", opcodes=("OP_CLUSTER_VERIFY",), instances=("",))
        cluster.jobs = [verify] + [msgspec.structs.replace(self.migration, id=number) for number in range(2, 500)]
        pending = collector.collect(NORTH, now=1000.0, jobs_too=True).pending
        assert [job.id for job in pending] == list(range(2, 2 + MOST_PENDING))

    def test_a_job_about_very_many_instances_names_some(self, collector: Collector, cluster: FakeCluster) -> None:
        many = tuple(f"vm{number}" for number in range(500))
        cluster.jobs = [Job(7, "waiting", opcodes=("OP_INSTANCE_STARTUP",) * 500, instances=many)]
        [job] = collector.collect(NORTH, now=1000.0, jobs_too=True).pending
        assert len(job.instances) == len(job.opcodes) == 16 and not job.is_at_work

    def test_a_job_of_several_steps_names_them(self, collector: Collector, cluster: FakeCluster) -> None:
        opcodes = ("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_REINSTALL", "OP_TEST_DELAY", "OP_INSTANCE_STARTUP")
        cluster.jobs = [Job(7, "running", opcodes=opcodes, instances=("vm1", "vm1", "", "vm1"))]
        [job] = collector.collect(NORTH, now=1000.0, jobs_too=True).pending
        assert job.steps_for("vm1") == "INSTANCE_SHUTDOWN, INSTANCE_REINSTALL, INSTANCE_STARTUP"
        assert job.steps_for("vm2") == ""

    @pytest.mark.parametrize("error", [unreachable(), Failed("north", "no luxid"), ValueError("rubbish")])
    def test_a_cluster_that_does_not_tell_them_is_well_all_the_same(
        self, collector: Collector, cluster: FakeCluster, error: Exception
    ) -> None:
        cluster.trouble = {"jobs": error}
        head = collector.collect(NORTH, now=1000.0, jobs_too=True)
        assert (head.state, head.pending, head.instance_count) == ("ok", (), 2)
        assert head.jobs_error and not head.jobs_at


class TestListOfJobs:
    """The newest jobs of the queue are kept apart from the snapshot, in all states, and after Ganeti archived them."""

    def job(self, number: int, status: str = "success", received: float = 900.0) -> Job:
        opcodes = ("OP_INSTANCE_STARTUP",)
        return Job(number, status, opcodes=opcodes, instances=("vm1",), received=received + number)

    def kept(self, collector: Collector, head: Head) -> list[tuple[int, str]]:
        found = DirectoryStore(collector.store.path).jobs({"north": head.jobs_version})  # type: ignore[attr-defined]
        return [(job.id, job.status) for job in found["north"].jobs]

    def test_all_states_are_kept_the_newest_first(self, collector: Collector, cluster: FakeCluster) -> None:
        states = ("success", "error", "canceled", "running", "waiting", "queued", "canceling")
        cluster.jobs = [self.job(number, status) for number, status in enumerate(states, start=1)]
        head = collector.collect(NORTH, now=1000.0)
        assert self.kept(collector, head) == [(number, states[number - 1]) for number in range(len(states), 0, -1)]
        assert head.jobs_at == 1000.0

    def test_nobody_looking_they_come_with_the_slow_parts_and_else_each_time(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.job(1)]
        collector.collect(NORTH, now=1000.0)
        cluster.asked.clear()
        collector.collect(NORTH, now=1015.0)
        assert "jobs" not in cluster.asked
        collector.collect(NORTH, now=1017.0, jobs_too=True)
        collector.collect(NORTH, now=1019.0, jobs_too=True)
        assert cluster.asked.count("jobs") == 2 and "newest_job" not in cluster.asked, "one question each time"
        cluster.asked.clear()
        collector.collect(NORTH, now=1080.0)
        assert cluster.asked.count("jobs") == 1

    def test_the_end_of_a_job_and_new_ones_are_noticed_and_what_ganeti_archived_stays(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.job(1), self.job(2, "running"), *(self.job(number) for number in range(3, 20))]
        collector.collect(NORTH, now=1000.0)
        cluster.jobs = [self.job(2, "error"), self.job(20)]
        head = collector.collect(NORTH, now=1004.0, jobs_too=True)
        found = self.kept(collector, head)
        assert found[0] == (20, "success") and (2, "error") in found and (1, "success") in found

    def test_a_job_that_vanished_before_its_end_was_seen_is_left_out(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.job(1, "running"), self.job(9)]
        collector.collect(NORTH, now=1000.0)
        cluster.jobs = [self.job(9)]
        head = collector.collect(NORTH, now=1004.0, jobs_too=True)
        assert self.kept(collector, head) == [(9, "success")]

    def test_only_the_newest_are_kept_and_all_that_are_not_over(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.jobs = [self.job(1, "running"), *(self.job(number) for number in range(2, 1000))]
        head = collector.collect(NORTH, now=1000.0)
        found = self.kept(collector, head)
        assert len(found) == MOST_JOBS + 1 and found[-1] == (1, "running") and found[0][0] == 999

    def test_a_cluster_that_was_set_up_anew_begins_a_new_list(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.jobs = [self.job(number) for number in range(1, 50)]
        collector.collect(NORTH, now=1000.0)
        cluster.jobs = [self.job(1, received=7000.0), self.job(2, received=7000.0)]
        head = collector.collect(NORTH, now=9000.0)
        assert self.kept(collector, head) == [(2, "success"), (1, "success")]

    def test_where_there_are_no_queries_the_whole_queue_is_asked_for_in_the_slow_turn(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        cluster.trouble = {"jobs": NotAllowed("north", "no queries")}
        cluster.jobs = [self.job(1), self.job(2, "running")]
        head = collector.collect(NORTH, now=1000.0, jobs_too=True)
        assert self.kept(collector, head) == [(2, "running"), (1, "success")] and head.pending == ()
        cluster.asked.clear()
        head = collector.collect(NORTH, now=1004.0, jobs_too=True)
        assert "all jobs" not in cluster.asked and (head.jobs_at, head.jobs_error) == (1000.0, "")

    def test_a_cluster_that_does_not_tell_keeps_its_list(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.jobs = [self.job(1)]
        collector.collect(NORTH, now=1000.0)
        cluster.trouble = {"jobs": Failed("north", "no luxid")}
        head = collector.collect(NORTH, now=1100.0)
        assert (head.state, head.jobs_at) == ("ok", 1000.0) and "no luxid" in head.jobs_error
        assert self.kept(collector, head) == [(1, "success")]

    def test_an_unchanged_queue_is_the_same_version(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.jobs = [self.job(1)]
        first = collector.collect(NORTH, now=1000.0).jobs_version
        assert collector.collect(NORTH, now=1100.0).jobs_version == first
        cluster.jobs.append(self.job(2))
        assert collector.collect(NORTH, now=1200.0).jobs_version != first


class TestDepartures:
    """Who went is remembered with whoever could see it, and under which uuid it may be found again."""

    def collect(self, collector: Collector, cluster: FakeCluster, *names: str, now: float) -> Snapshot:
        tags = ("ganetimgr:users:alice", "ganetimgr:group:noc", "other")
        cluster.vms = [Instance(name, "north", uuid=f"uuid of {name}", tags=tags) for name in names]
        collector.collect(NORTH, now=now)
        snapshot = collector.store.snapshot("north")
        assert snapshot
        return snapshot

    def test_one_that_went_is_remembered_with_its_owners_and_when_it_was_there(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        assert self.collect(collector, cluster, "vm1", "vm2", now=1000.0).departed == ()
        snapshot = self.collect(collector, cluster, "vm2", now=1004.0)
        gone = Departed("vm1", "uuid of vm1", ("group:noc", "user:alice"), 1000.0)
        assert snapshot.departed == (gone,)
        assert snapshot.departure("vm1") == gone and snapshot.departure("vm3") is None
        assert DirectoryStore(collector.store.path).snapshot("north") == snapshot  # type: ignore[attr-defined]

    def test_the_memory_lasts_and_changes_nothing(self, collector: Collector, cluster: FakeCluster) -> None:
        self.collect(collector, cluster, "vm1", "vm2", now=1000.0)
        first = self.collect(collector, cluster, "vm2", now=1004.0)
        later = self.collect(collector, cluster, "vm2", now=9999.0)
        assert (later.generation, later.departed) == (first.generation, first.departed)

    def test_one_that_came_back_has_not_gone(self, collector: Collector, cluster: FakeCluster) -> None:
        for number, names in enumerate((("vm1", "vm2"), ("vm2",), ("vm1", "vm2"))):
            snapshot = self.collect(collector, cluster, *names, now=1000.0 + number)
        assert snapshot.departed == ()

    def test_a_renamed_one_is_found_by_its_uuid(self, collector: Collector, cluster: FakeCluster) -> None:
        self.collect(collector, cluster, "vm1", "vm2", now=1000.0)
        cluster.vms = [msgspec.structs.replace(cluster.vms[0], name="new"), cluster.vms[1]]
        collector.collect(NORTH, now=1004.0)
        snapshot = collector.store.snapshot("north")
        assert snapshot
        [gone] = snapshot.departed
        successor = snapshot.successor(gone)
        assert gone.name == "vm1" and successor and successor.name == "new"

    def test_where_ganeti_tells_no_uuid_nobody_is_taken_for_another(self) -> None:
        snapshot = Snapshot("north", instances=(Instance("vm2", "north"),), departed=(Departed("vm1"),))
        assert snapshot.successor(snapshot.departed[0]) is None

    def test_the_latest_are_kept(self, collector: Collector, cluster: FakeCluster) -> None:
        self.collect(collector, cluster, "early", now=1000.0)
        crowd = [f"vm{number:03}" for number in range(MOST_DEPARTED)]
        self.collect(collector, cluster, *crowd, now=1004.0)
        snapshot = self.collect(collector, cluster, now=1008.0)
        assert [one.name for one in snapshot.departed] == crowd

    def test_a_prefix_of_the_sites_own_counts(self, store: DirectoryStore, cluster: FakeCluster) -> None:
        collector = Collector(store, lambda _: cluster, clock=cluster.clock, tag_prefix="cloud")
        cluster.vms = [Instance("vm1", "north", tags=("cloud:users:erik", "ganetimgr:users:alice"))]
        collector.collect(NORTH, now=1000.0)
        cluster.vms = []
        collector.collect(NORTH, now=1004.0)
        snapshot = store.snapshot("north")
        assert snapshot and snapshot.departed[0].owners == ("user:erik",)


class TestTrouble:
    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (Unreachable("north", "nobody answers"), "unreachable"),
            (WrongCertificate("north", "its certificate is not the pinned one"), "untrusted"),
            (WrongPassword("north", "wrong password"), "denied"),
            (NotAllowed("north", "may not"), "denied"),
            (BrokenAnswer("north", "HTML"), "broken"),
            (Missing("north", "no such path"), "broken"),
            (Failed("north", "internal error"), "broken"),
            (Busy("north", "queue drained"), "broken"),
            (TypeError("a defect of ours"), "broken"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_each_kind_has_its_state_and_a_sentence(
        self, collector: Collector, cluster: FakeCluster, error: Exception, state: str
    ) -> None:
        cluster.trouble = {"instances": error}
        head = collector.collect(NORTH, now=1000.0)
        assert head.state == state in STATES
        assert head.error and "north" not in head.error, "whoever shows it names the cluster"
        assert (head.failing_since, head.failures, head.generation) == (1000.0, 1, 0)
        assert head == collector.store.head("north")

    def test_the_last_snapshot_stays_with_its_age(self, collector: Collector, cluster: FakeCluster) -> None:
        good = collector.collect(NORTH, now=1000.0)
        cluster.trouble = {"instances": unreachable()}
        collector.collect(NORTH, now=1015.0)
        head = collector.collect(NORTH, now=1020.0)
        assert (head.state, head.failing_since, head.failures) == ("unreachable", 1015.0, 2)
        assert (head.generation, head.collected_at, head.instance_count) == (good.generation, 1000.0, 2)
        assert head.age(1020.0) == 20.0 and head.is_failing
        assert names(collector.store.snapshot("north")) == ["vm1", "vm2"]

    def test_a_good_answer_ends_the_trouble(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.trouble = {"instances": unreachable()}
        collector.collect(NORTH, now=1000.0)
        cluster.trouble = {}
        head = collector.collect(NORTH, now=1002.0)
        assert (head.state, head.error, head.failing_since, head.failures) == ("ok", "", None, 0)

    def test_the_first_collection_is_complete_or_nothing(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.trouble = {"networks": unreachable()}
        head = collector.collect(NORTH, now=1000.0)
        assert (head.state, head.has_snapshot) == ("unreachable", False)
        assert collector.store.snapshot("north") is None

    @pytest.mark.parametrize("error", [unreachable(), ValueError("rubbish")], ids=["silent", "rubbish"])
    def test_instances_are_renewed_while_a_slow_part_fails(
        self, collector: Collector, cluster: FakeCluster, error: Exception
    ) -> None:
        collector.collect(NORTH, now=1000.0)
        cluster.trouble = {"nodes": error}
        cluster.vms.append(Instance("vm3", "north"))
        head = collector.collect(NORTH, now=1060.0)
        assert (head.state, head.slow_at, head.collected_at) == ("ok", 1000.0, 1060.0)
        assert head.slow_error
        snapshot = collector.store.snapshot("north")
        assert names(snapshot) == ["vm1", "vm2", "vm3"]
        assert snapshot and [node.name for node in snapshot.nodes] == ["node1"], "those of the last time"

    def test_a_failing_slow_part_is_left_in_peace_for_its_usual_time(
        self, collector: Collector, cluster: FakeCluster
    ) -> None:
        collector.collect(NORTH, now=1000.0)
        cluster.trouble = {"nodes": unreachable()}
        collector.collect(NORTH, now=1060.0)
        cluster.trouble = {}
        assert collector.collect(NORTH, now=1075.0).slow_error
        assert not collector.collect(NORTH, now=1120.0).slow_error
        assert cluster.asked.count("nodes") == 3


class TestDue:
    def test_a_cluster_that_nobody_asked_is_due(self) -> None:
        assert due(None, 1000.0, 15.0)
        assert due(Head("north"), 1000.0, 15.0)

    def test_a_healthy_cluster_is_due_after_the_interval(self, collector: Collector) -> None:
        head = collector.collect(NORTH, now=1000.0)
        assert not due(head, 1014.9, 15.0)
        assert due(head, 1015.0, 15.0)
        assert due(head, 1004.0, 4.0)

    def test_no_more_than_a_tenth_of_its_time_is_taken(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.seconds = 0.5
        head = collector.collect(NORTH, now=1000.0)
        assert head.took == 4.0, "eight questions"
        assert not due(head, 1039.9, 4.0)
        assert due(head, 1040.0, 4.0)

    def test_a_silent_cluster_is_asked_less_and_less_often(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.trouble = {"instances": unreachable()}
        pauses, now = [], 1000.0
        for _ in range(8):
            head = collector.collect(NORTH, now=now)
            pauses.append(head.next_try_at - now)
            assert not due(head, head.next_try_at - 0.1, 4.0)
            assert due(head, head.next_try_at, 4.0)
            now = head.next_try_at
        assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]

    def test_waiting_for_a_time_out_is_no_pause(self, collector: Collector, cluster: FakeCluster) -> None:
        cluster.trouble = {"instances": unreachable()}
        cluster.seconds = 15.0
        assert collector.collect(NORTH, now=1000.0).next_try_at == 1017.0

    def test_a_clock_that_was_set_back_silences_no_cluster(self, collector: Collector, cluster: FakeCluster) -> None:
        good = collector.collect(NORTH, now=5000.0)
        assert due(good, 1000.0, 15.0)
        cluster.trouble = {"instances": unreachable()}
        assert due(collector.collect(NORTH, now=5001.0), 1000.0, 15.0)


class TestSnapshot:
    def test_an_instance_is_found_by_its_name(self) -> None:
        snapshot = Snapshot("north", instances=(Instance("vm1", "north"), Instance("vm2", "north")))
        assert snapshot.instance("vm2") is snapshot.instances[1]
        assert snapshot.instance("vm3") is None

    def test_nodes_of_locked_groups_are_locked(self) -> None:
        snapshot = Snapshot(
            "north",
            nodes=(Node("n1", group="a"), Node("n2", group="b"), Node("n3", group="b")),
            groups=(NodeGroup("a"), NodeGroup("b", nodes=("n2",), tags=("locked",))),
        )
        assert snapshot.locked_nodes == {"n2", "n3"}
        assert snapshot.facts.locked_nodes == {"n2", "n3"} and snapshot.facts.nodes["n1"] == "a"

    def test_a_cluster_that_never_answered_has_no_age(self) -> None:
        assert Head("north").age(1000.0) == 0.0
        assert not Head("north").is_failing and not Head("north").has_snapshot


class TestHurried:
    """Somebody wants all clusters to be looked at, at a moment by a clock that may differ from ours."""

    def test_a_cluster_that_was_asked_before_is_asked_again(self) -> None:
        assert hurried(Head("north", tried_at=999.0), 1001.0, 1000.0)

    def test_one_that_was_asked_since_is_not(self) -> None:
        assert not hurried(Head("north", tried_at=1000.5), 1001.0, 1000.0)

    def test_one_that_was_never_asked_is(self) -> None:
        assert hurried(None, 1001.0, 1000.0)

    def test_a_clock_ahead_of_ours_makes_us_look_once_and_not_all_the_time_until_then(self) -> None:
        assert not hurried(Head("north", tried_at=999.0), 1001.0, 1005.0)
        assert hurried(Head("north", tried_at=999.0), 1005.0, 1005.0)

    def test_without_a_wish_nothing_hurries(self) -> None:
        assert not hurried(Head("north", tried_at=999.0), 1001.0, 0.0)
