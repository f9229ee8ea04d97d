"""The simulator answers what a real Ganeti 3.0.2 answered: every sample that one can be asked for is replayed."""

from typing import Any

import pytest

from apps.demo.faults import Faults
from tests.demo.mirror import BY_NAME, Clock, ask, instance_from, keys, mirror, said, sample, shape

# Reads of the cluster as it was: equal but for times and free space.
READS = [
    "version", "root", "2", "features", "os", "tags-cluster", "filters", "nodes", "groups", "group", "groups-bulk",
    "networks", "network", "networks-bulk", "node-master", "node-role-master", "node-drained", "node-role-drained",
    "node-offline", "node-role-offline", "nodes-bulk", "instances", "instances-bulk", "instance", "instance-tags",
    "instance-console", "query-instance", "query-instance-filter", "query-instance-filter-tag",
    "query-instance-filter-none", "query-instance-filter-none-or", "query-instance-filter-none-regex",
    "query-instance-unknown-field", "query-instance-get", "query-node", "query-fields-instance", "query-fields-node",
    "query-fields-group", "query-fields-job", "query-fields-network", "query-fields-os", "query-fields-cluster",
    "query-fields-lock", "query-fields-export", "query-fields-filter", "error-404-instance", "error-404-node",
    "error-404-path", "job-missing", "job-missing-cancel", "error-400-missing", "error-400-type", "error-400-unknown",
    "error-400-version", "error-400-json", "error-400-fields", "error-501-method",
]  # fmt: skip
FROM_KVM = ["kvm-instances-bulk", "kvm-console-vnc"]
# The file system had other things on it than instances; these lists come in no particular order.
_LOOSE = {"dfree", "group_list", "inst_list", "node_list", "disk-templates"}


def loosely(value: Any) -> Any:
    """An answer without the free space of a real disk, and with the members of unordered lists in one order."""
    if isinstance(value, dict):
        return {key: _unordered(item) if key in _LOOSE else loosely(item) for key, item in value.items()}
    return [loosely(item) for item in value] if isinstance(value, list) else value


def _unordered(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, list) else None


def replayed(name: str, **options: Any) -> tuple[Any, Any]:
    """What the simulator answers to the request of a sample, and the sample's entry in the index."""
    entry = BY_NAME[name]
    world = options.pop("world", None) or mirror(kvm=name.startswith("kvm-"))
    return ask(world, entry["method"], entry["path"], entry.get("request_body"), **options), entry


@pytest.mark.parametrize("name", READS + FROM_KVM)
def test_a_read_is_answered_as_recorded(name: str) -> None:
    answer, entry = replayed(name)
    assert answer.status == entry["status"]
    expected, found = shape(sample(name)), shape(said(answer))
    if name == "query-node":  # cells have no names: the free space is the fifth
        for rows in (expected, found):
            for row in rows["data"]:
                row[5] = row[5][0]
    assert loosely(found) == loosely(expected)


def test_the_information_about_the_cluster_has_all_recorded_keys() -> None:
    answer, _ = replayed("info")
    assert keys(said(answer)) == keys(sample("info"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("error-401-nothing", {"user": ""}),
        ("error-401-password", {"password": "wrong"}),
        ("error-403-read-only", {"user": "reader"}),
        ("error-403-query-guest", {"user": "guest"}),
        ("error-415", {"kind": "application/x-www-form-urlencoded"}),
        ("error-drained", {"faults": Faults(drained=True)}),
        ("error-no-luxid", {"faults": Faults(no_luxid=True)}),
        ("error-no-luxid-submit", {"faults": Faults(no_luxid=True)}),
    ],
)
def test_a_refusal_is_worded_as_recorded(name: str, options: dict[str, Any]) -> None:
    answer, entry = replayed(name, **options)
    assert (answer.status, said(answer)) == (entry["status"], sample(name))
    expected = entry["response_headers"].get("WWW-Authenticate")
    assert answer.headers.get("WWW-Authenticate") == expected


@pytest.mark.parametrize("resource", ["instances", "nodes"])
def test_a_node_without_power_shows_in_the_bulk_lists_as_recorded(resource: str) -> None:
    world = mirror()
    world.nodes["node2.c1.ganeti.example"].down = True
    answer, _ = replayed(f"{resource}-bulk-node-down", world=world)
    told = [
        [{key: row[key] for key in row if key not in ("mtime", "serial_no", *_LOOSE)} for row in rows]
        for rows in (shape(said(answer)), shape(sample(f"{resource}-bulk-node-down")))
    ]
    assert told[0] == told[1]
    assert answer.wait == 5


# sample -> what the instance is like before: the sample of the instance, or None where it is not there yet
BEFORE = {
    "create": None,
    "create-exists": "instance-admin-down",
    "create-unresolvable": None,
    "reboot": "instance-admin-down",
    "tags-add": "instance-admin-down",
    "tags-remove-missing": "instance-admin-down",
    "modify": "instance-admin-down",
    "reinstall-running": "instance-admin-down",
    "reinstall-fail": "instance-admin-down",
    "reinstall-bad-parameter": "instance-admin-down",
    "rename-running": None,
    "migrate-file": "instance-admin-down",
    "shutdown": "instance-admin-down",
    "shutdown-no-remember": None,
    "delete": "instance-admin-down",
    "instance-info": None,
    "instance-info-static": None,
    "kvm-modify-bad": None,
}
# Ganeti fills these in at one point of its checks or another.
_NOT_COMPARED = ("file_driver", "helper_startup_timeout", "helper_shutdown_timeout")


def told_by(job: dict[str, Any]) -> dict[str, Any]:
    """A job without what depends on the day: the words of its log and results stay."""
    plain = shape(job)
    for op in plain["ops"]:
        for name in _NOT_COMPARED:
            op.pop(name, None)
    plain["oplog"] = [[line[3] for line in lines] for lines in plain["oplog"]]
    return plain


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_a_job_looks_and_ends_as_recorded(name: str) -> None:
    clock = Clock()
    world = mirror(clock, kvm=name.startswith("kvm-"))
    recorded_name = "create-job-success" if name == "create" else f"{name}-job"
    expected = sample(recorded_name)
    if before := BEFORE[name]:
        instance = instance_from(sample(before))
        instance.admin_state, instance.running_on = "up", instance.pnode
        world.instances[instance.name] = instance
    world.jobs.next_id = expected["id"]
    answer, _ = replayed(f"{name}-submit", world=world)
    assert (answer.status, said(answer)) == (200, expected["id"])
    clock.pass_by(60)
    found = said(ask(world, "GET", f"/2/jobs/{expected['id']}"))
    told, wanted = told_by(found), told_by(expected)
    if name.startswith("instance-info"):
        assert keys(without_address_maps(told.pop("opresult"))) == keys(without_address_maps(wanted.pop("opresult")))
    if name == "reinstall-fail":  # the script's own log is in the middle
        for job in (told, wanted):
            lines = job["opresult"][1][1][0].split("\n")
            job["opresult"][1][1] = [lines[0], lines[-1]]
    assert told == wanted


def without_address_maps(results: list[Any]) -> list[Any]:
    """The description of an instance without the networks' bit maps, and with only the kind of a disk's state."""
    for about in results[0].values():
        about["nics"] = [nic[:8] for nic in about["nics"]]
        about["hv_actual"] = {}
        for disk in about["disks"]:
            disk["pstatus"] = None
    return results


def test_a_job_shows_the_recorded_states_while_it_waits_and_runs() -> None:
    clock = Clock()
    world = mirror(clock)
    instance = instance_from(sample("instance-error-down"))
    instance.running_on = instance.pnode
    world.instances[instance.name] = instance
    world.jobs.next_id = 39
    slow, behind = (said(replayed(f"{name}-submit", world=world)[0]) for name in ("slow", "behind"))
    clock.pass_by(1)
    running, waiting = (said(ask(world, "GET", f"/2/jobs/{number}")) for number in (slow, behind))
    assert told_by(running) == told_by(sample("job-running"))
    assert told_by(waiting) == told_by(sample("job-waiting"))
    assert said(ask(world, "DELETE", f"/2/jobs/{slow}")) == sample("cancel-running")
    assert said(ask(world, "DELETE", f"/2/jobs/{behind}")) == sample("cancel-waiting")
    clock.pass_by(5)
    assert told_by(said(ask(world, "GET", f"/2/jobs/{behind}"))) == told_by(sample("job-canceled"))


def test_a_queued_job_is_dequeued_as_recorded() -> None:
    world = mirror()
    world.jobs.next_id = 43
    ask(world, "PUT", "/2/instances/vm03.c1.ganeti.example/startup")
    assert told_by(said(ask(world, "GET", "/2/jobs/43"))) == told_by(sample("job-queued"))
    assert said(ask(world, "DELETE", "/2/jobs/43")) == sample("cancel-queued")
    assert told_by(said(ask(world, "GET", "/2/jobs/43"))) == told_by(sample("job-canceled-queued"))


def test_the_bulk_list_of_jobs_has_the_recorded_keys() -> None:
    world = mirror()
    ask(world, "PUT", "/2/instances/vm03.c1.ganeti.example/startup")
    assert list(said(ask(world, "GET", "/2/jobs?bulk=1"))[0]) == list(sample("jobs-bulk-busy")[-1])
    assert said(ask(world, "GET", "/2/jobs")) == sample("jobs")[:1]


def test_a_startup_on_a_node_without_power_fails_in_the_recorded_words() -> None:
    clock = Clock()
    world = mirror(clock)
    world.nodes["node2.c1.ganeti.example"].down = True
    world.jobs.next_id = 52
    ask(world, "PUT", "/2/instances/vm01.c1.ganeti.example/startup")
    clock.pass_by(60)
    found = told_by(said(ask(world, "GET", "/2/jobs/52")))
    assert found == told_by(sample("startup-node-down-job"))


def test_an_instance_that_crashed_and_one_stopped_from_outside_look_as_recorded() -> None:
    for name in ("instance-error-down", "instance-admin-down", "instance-shutdown-no-remember"):
        world = mirror()
        expected = sample(name)
        world.instances[expected["name"]] = instance_from(expected)
        assert said(ask(world, "GET", f"/2/instances/{expected['name']}")) == expected
