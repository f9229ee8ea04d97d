"""Jobs live as in Ganeti: received, waiting for locks, running, ended; and they change the cluster when they end."""

import json
from typing import Any

import pytest

from apps.demo import opcodes
from apps.demo.faults import Faults
from apps.demo.jobs import UNFINISHED
from apps.demo.world import SimulatedCluster
from tests.demo.mirror import Clock, ask, mirror, said

VM = "vm03.c1.ganeti.example"
OTHER = "vm02.c1.ganeti.example"
STOPPED = "vm04.c1.ganeti.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> SimulatedCluster:
    return mirror(clock)


def job(world: SimulatedCluster, number: int) -> dict[str, Any]:
    return said(ask(world, "GET", f"/2/jobs/{number}"))


def submit(world: SimulatedCluster, method: str, target: str, body: Any = None) -> int:
    return said(ask(world, method, target, body))


def test_a_job_is_queued_then_waits_then_runs_then_succeeds(world: SimulatedCluster, clock: Clock) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    seen = []
    for _ in range(600):
        status = job(world, number)["status"]
        seen += [status] if status not in seen else []
        clock.pass_by(0.01)
    assert seen == ["queued", "waiting", "running", "success"]


def test_time_stamps_appear_as_the_job_goes_on(world: SimulatedCluster, clock: Clock) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    assert [job(world, number)[key] is None for key in ("received_ts", "start_ts", "end_ts")] == [False, True, True]
    clock.pass_by(60)
    ended = job(world, number)
    assert ended["received_ts"] < ended["start_ts"] < ended["end_ts"]


def test_the_instance_changes_when_the_job_ends_and_not_before(world: SimulatedCluster, clock: Clock) -> None:
    submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    clock.pass_by(1)
    assert said(ask(world, "GET", f"/2/instances/{VM}"))["status"] == "running"
    clock.pass_by(60)
    assert said(ask(world, "GET", f"/2/instances/{VM}"))["status"] == "ADMIN_down"


def test_a_second_job_on_the_same_instance_waits_for_the_first(world: SimulatedCluster, clock: Clock) -> None:
    first = submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    second = submit(world, "PUT", f"/2/instances/{VM}/startup")
    elsewhere = submit(world, "PUT", f"/2/instances/{OTHER}/shutdown", {})
    clock.pass_by(1)
    assert [job(world, number)["status"] for number in (first, second, elsewhere)] == ["running", "waiting", "running"]
    clock.pass_by(60)
    ends, starts = world.jobs.all[first].ended, world.jobs.all[second].opexec[0]
    assert ends == starts
    assert world.status(world.instances[VM]) == "running"


def test_jobs_on_one_instance_run_in_the_order_of_their_numbers(world: SimulatedCluster, clock: Clock) -> None:
    numbers = [submit(world, "PUT", f"/2/instances/{VM}/tags?tag=t{number}") for number in range(5)]
    clock.pass_by(300)
    job(world, 1)
    begun = [world.jobs.all[number].opexec[0] for number in numbers]
    assert begun == sorted(begun, key=float)
    assert len(set(begun)) == 5


def test_no_more_jobs_run_at_once_than_the_cluster_allows(world: SimulatedCluster, clock: Clock) -> None:
    world.jobs.max_running = 1
    numbers = [submit(world, "PUT", f"/2/instances/{name}/shutdown", {}) for name in (VM, OTHER)]
    clock.pass_by(1)
    assert [job(world, number)["status"] for number in numbers] == ["running", "queued"]
    clock.pass_by(60)
    assert [job(world, number)["status"] for number in numbers] == ["success", "success"]


def test_log_lines_appear_one_after_another(world: SimulatedCluster, clock: Clock) -> None:
    body = {"__version__": 1, "mode": "create", "name": "new.example.org", "disk_template": "diskless", "disks": []}
    body |= {"nics": [{"network": "net-public", "ip": "pool"}], "os": "noop", "name_check": False, "ip_check": False}
    number = submit(world, "POST", "/2/instances", body)
    lengths = []
    for _ in range(150):
        lengths.append(len(job(world, number)["oplog"][0]))
        clock.pass_by(0.1)
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 3


def test_a_new_instance_takes_an_address_from_the_pool(world: SimulatedCluster, clock: Clock) -> None:
    body = {"__version__": 1, "mode": "create", "instance_name": "new.example.org", "disk_template": "file"}
    body |= {"disks": [{"size": 2048}], "nics": [{"network": "net-public", "ip": "pool"}], "os_type": "noop"}
    body |= {"name_check": False, "ip_check": False, "beparams": {"memory": 512, "vcpus": 2}, "tags": ["b", "a"]}
    number = submit(world, "POST", "/2/instances", body)
    clock.pass_by(60)
    assert job(world, number)["status"] == "success"
    row = said(ask(world, "GET", "/2/instances/new.example.org"))
    assert (row["status"], row["nic.ips"], row["beparams"]["memory"]) == ("running", ["192.0.2.8"], 512)
    assert row["tags"] == ["a", "b"]


def test_a_dry_run_makes_nothing(world: SimulatedCluster, clock: Clock) -> None:
    body = {"__version__": 1, "mode": "create", "instance_name": "new.example.org", "disk_template": "diskless"}
    body |= {"disks": [], "nics": [], "os_type": "noop", "name_check": False, "ip_check": False}
    number = submit(world, "POST", "/2/instances?dry-run=1", body)
    clock.pass_by(60)
    assert job(world, number)["status"] == "success"
    assert "new.example.org" not in world.instances


A_VM: dict[str, Any] = {
    "__version__": 1, "mode": "create", "instance_name": "new.example.org", "disk_template": "diskless", "disks": [],
    "nics": [], "os_type": "noop", "name_check": False, "ip_check": False,
}  # fmt: skip


@pytest.mark.parametrize("group", ["default", "rack2"])
def test_the_allocator_stays_within_the_group_that_it_is_told(
    world: SimulatedCluster, clock: Clock, group: str
) -> None:
    number = submit(world, "POST", "/2/instances", {**A_VM, "group_name": group})
    clock.pass_by(60)
    assert job(world, number)["status"] == "success"
    assert world.nodes[world.instances["new.example.org"].pnode].group == group


@pytest.mark.parametrize(("profile", "status"), [("2.4", 400), ("2.9", 400), ("3.0", 200)])
def test_an_older_ganeti_cannot_be_told_a_group(world: SimulatedCluster, profile: str, status: int) -> None:
    body = {**A_VM, "group_name": "rack2"}
    answer = ask(world, "POST", "/2/instances", body, faults=Faults(profile=profile))
    assert answer.status == status
    assert status == 200 or b"OpInstanceCreate doesn&#x27;t support the parameter" in answer.body


@pytest.mark.parametrize(("size", "status"), [(1024, "success"), (2**20, "success"), (2**20 + 1, "error")])
def test_the_policy_has_a_least_and_a_most_for_disks(
    world: SimulatedCluster, clock: Clock, size: int, status: str
) -> None:
    body = {**A_VM, "disk_template": "file", "disks": [{"size": size}]}
    number = submit(world, "POST", "/2/instances?dry-run=1", body)
    clock.pass_by(60)
    ended = job(world, number)
    assert ended["status"] == status
    assert status == "success" or f"disk-size/0 value {size} is not in range" in ended["opresult"][0][1][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"os_type": "no-such"}, "not in supported OS list"),
        ({"disks": [{"size": 10}]}, "violates policy"),
        ({"beparams": {"memory": 1}}, "violates policy"),
        ({"pnode": "no-such"}, "not known"),
        ({"pnode": "node4.c1.ganeti.example"}, "drained"),
        ({"group_name": "no-such"}, "Wrong number of elems found with name no-such"),
        ({"nics": [{"network": "no-such", "ip": "pool"}]}, "not known"),
        ({"nics": [{"network": "net-public", "ip": "192.0.2.2"}]}, "already in use"),
        ({"osparams": {"img_id": "x"}}, "not supported by the OS"),
    ],
)
def test_a_creation_that_cannot_succeed_is_a_failed_job(
    world: SimulatedCluster, clock: Clock, change: dict[str, Any], words: str
) -> None:
    number = submit(world, "POST", "/2/instances", A_VM | change)
    clock.pass_by(60)
    ended = job(world, number)
    assert ended["status"] == "error"
    assert words in ended["opresult"][0][1][0]
    assert "new.example.org" not in world.instances


def test_a_hypervisor_parameter_is_set_and_put_back_to_its_default(clock: Clock) -> None:
    world = mirror(clock, kvm=True)
    name = next(iter(world.instances))
    submit(world, "PUT", f"/2/instances/{name}/modify", {"hvparams": {"boot_order": "network"}})
    clock.pass_by(60)
    world.jobs.advance()
    assert world.merged_hvparams(world.instances[name])["boot_order"] == "network"
    submit(world, "PUT", f"/2/instances/{name}/modify", {"hvparams": {"boot_order": "default"}})
    clock.pass_by(60)
    world.jobs.advance()
    assert world.merged_hvparams(world.instances[name])["boot_order"] == "disk"


def test_interfaces_are_added_changed_and_removed(world: SimulatedCluster, clock: Clock) -> None:
    for nics in ([["add", {"network": "net-public", "ip": "pool"}]], [[0, {"link": "br1"}]]):
        submit(world, "PUT", f"/2/instances/{STOPPED}/modify", {"nics": nics})
        clock.pass_by(60)
    row = said(ask(world, "GET", f"/2/instances/{STOPPED}"))
    assert row["nic.links"] == ["br1", "br-public"]
    submit(world, "PUT", f"/2/instances/{STOPPED}/modify", {"nics": [["remove", {}]]})
    clock.pass_by(60)
    assert said(ask(world, "GET", f"/2/instances/{STOPPED}"))["nic.links"] == ["br1"]


def test_a_stopped_instance_is_renamed_and_keeps_its_identity(world: SimulatedCluster, clock: Clock) -> None:
    uuid = world.instances[STOPPED].uuid
    body = {"new_name": "new.example.org", "name_check": False, "ip_check": False}
    number = submit(world, "PUT", f"/2/instances/{STOPPED}/rename", body)
    clock.pass_by(60)
    assert job(world, number)["opresult"] == ["new.example.org"]
    assert STOPPED not in world.instances
    assert world.instances["new.example.org"].uuid == uuid


def test_a_migration_moves_a_running_instance_within_its_group(world: SimulatedCluster, clock: Clock) -> None:
    instance = world.instances[VM]
    instance.disk_template = "sharedfile"
    number = submit(world, "PUT", f"/2/instances/{VM}/migrate", {})
    clock.pass_by(60)
    assert job(world, number)["status"] == "success"
    assert instance.pnode == instance.running_on == "node2.c1.ganeti.example"


def test_tags_with_characters_that_ganeti_does_not_know_fail_the_job(world: SimulatedCluster, clock: Clock) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/tags?tag=with%20blank")
    clock.pass_by(60)
    assert job(world, number)["opresult"] == [["TagError", ["Tag contains invalid characters"]]]


@pytest.mark.parametrize(
    "where", ["/2", "/2/nodes/node1.c1.ganeti.example", "/2/groups/rack2", "/2/networks/net-public"]
)
def test_everything_else_can_be_tagged_too(world: SimulatedCluster, clock: Clock, where: str) -> None:
    number = submit(world, "PUT", f"{where}/tags?tag=locked")
    clock.pass_by(60)
    assert job(world, number)["status"] == "success"
    assert "locked" in said(ask(world, "GET", f"{where}/tags"))
    submit(world, "DELETE", f"{where}/tags?tag=locked")
    clock.pass_by(60)
    assert "locked" not in said(ask(world, "GET", f"{where}/tags"))


def test_a_reason_travels_with_the_job(world: SimulatedCluster) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/startup?reason=because%20of%20alice")
    trail = job(world, number)["ops"][0]["reason"]
    assert [entry[:2] for entry in trail] == [
        ["gnt:user", "because of alice"],
        ["gnt:library:rlib2:instances_name_startup", ""],
        ["gnt:opcode:instance_startup", f"job={number};index=0"],
    ]


def test_a_canceled_job_changes_nothing_and_lets_the_next_one_run(world: SimulatedCluster, clock: Clock) -> None:
    submit(world, "PUT", f"/2/instances/{VM}/tags?tag=first")
    second = submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    third = submit(world, "PUT", f"/2/instances/{VM}/tags?tag=third")
    clock.pass_by(0.6)
    assert job(world, second)["status"] == "waiting"
    assert submit(world, "DELETE", f"/2/jobs/{second}")[0] is True
    assert job(world, second)["status"] == "canceling"
    clock.pass_by(60)
    assert [job(world, number)["status"] for number in (second, third)] == ["canceled", "success"]
    assert world.status(world.instances[VM]) == "running"


def test_an_archived_job_is_forgotten(world: SimulatedCluster, clock: Clock) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/startup")
    clock.pass_by(60)
    job(world, number)
    world.jobs.archive()
    assert job(world, number)["status"] is None
    assert said(ask(world, "GET", "/2/jobs")) == []


def test_a_whole_queue_survives_a_restart(world: SimulatedCluster, clock: Clock) -> None:
    submit(world, "PUT", f"/2/instances/{VM}/shutdown", {})
    waiting = submit(world, "PUT", f"/2/instances/{VM}/tags?tag=late")
    clock.pass_by(1)
    world.jobs.advance()
    again = SimulatedCluster.from_json(world.to_json(), clock=clock)
    assert json.loads(again.to_json()) == json.loads(world.to_json())
    assert again.jobs.all[waiting].status == "waiting"
    clock.pass_by(60)
    again.jobs.advance()
    assert "late" in again.instances[VM].tags
    assert again.status(again.instances[VM]) == "ADMIN_down"


def test_every_verb_is_summed_up_in_a_line(world: SimulatedCluster) -> None:
    summaries = {op_id: opcodes.summary(opcodes.new(op_id)) for op_id in opcodes.VERBS}
    assert summaries["OP_INSTANCE_STARTUP"] == "INSTANCE_STARTUP()"
    assert summaries["OP_TAGS_SET"] == "TAGS_SET"


def test_waiting_for_a_job_answers_when_something_has_changed(world: SimulatedCluster, clock: Clock) -> None:
    number = submit(world, "PUT", f"/2/instances/{VM}/startup")
    body = {"fields": ["status"], "previous_job_info": None, "previous_log_serial": None}
    assert said(ask(world, "GET", f"/2/jobs/{number}/wait", body)) == {"job_info": ["queued"], "log_entries": []}
    body["previous_job_info"] = ["queued"]
    answer = ask(world, "GET", f"/2/jobs/{number}/wait", body)
    assert answer.until is not None
    assert not answer.until()
    clock.pass_by(60)
    world.jobs.advance()
    assert answer.until()
    assert said(answer)["job_info"] == ["success"]


def test_no_job_stays_unfinished_for_ever(world: SimulatedCluster, clock: Clock) -> None:
    for name in world.instances:
        for verb in ("shutdown", "startup"):
            submit(world, "PUT", f"/2/instances/{name}/{verb}", {})
        submit(world, "POST", f"/2/instances/{name}/reinstall", {"os": "image+debian"})
    clock.pass_by(3600)
    world.jobs.advance()
    assert not [number for number, found in world.jobs.all.items() if found.status in UNFINISHED]
