"""What is kept of a cluster's jobs: bounded whatever a server sends, and without what is nobody's business."""

from typing import Any

import msgspec
import pytest

from ganeti.joblist import LONGEST_ERROR, MOST_LINES, MOST_STEPS, JobList, ListedJob

CREATE = {
    "OP_ID": "OP_INSTANCE_CREATE",
    "instance_name": "vm1.example.org",
    "disk_template": "drbd",
    "osparams": {"img_passwd": "hush1", "img_id": "hush2"},
    "osparams_private": {"key": "hush3"},
    "osparams_secret": {"key": "hush4"},
    "hvparams": {"vnc_password_file": "hush5", "spice_secret": "hush6", "kernel_path": "https://me:hush7@h/vmlinuz?t=hush8"},
    "beparams": {"memory": 4096, "vcpus": 2},
    "x509_destroy": "hush9",
    "reason": [["gnt:user", "moved house", 1], ["gnt:client:gnt-instance", "add", 2], ["gnt:opcode:x", "job=7", 3]],
}  # fmt: skip
RAW: dict[str, Any] = {
    "id": 7,
    "status": "error",
    "ops": [CREATE, {"OP_ID": "OP_TAGS_SET", "kind": "instance", "name": "vm1.example.org", "tags": ["a", "b"]}],
    "opstatus": ["error", "error"],
    "opresult": [
        ["OpPrereqError", ["No room", "insufficient_resources"]],
        ["OpExecError", ["Preceding opcode failed"]],
    ],
    "opexec": [[1001, 0], None],
    "opend": [[1009, 0], None],
    "oplog": [[[1, [1002, 0], "message", "asking hail"]], []],
    "received_ts": [1000, 0],
    "start_ts": [1001, 0],
    "end_ts": [1009, 0],
}


def test_a_job_is_told_with_its_steps_its_log_and_why_it_failed() -> None:
    job = ListedJob.from_rapi(RAW)
    assert (job.id, job.status, job.error) == (7, "error", "No room")
    assert (job.opcodes, job.instances) == (("INSTANCE_CREATE", "TAGS_SET"), ("vm1.example.org",))
    assert (job.received, job.started, job.ended) == (1000.0, 1001.0, 1009.0)
    assert (job.source, job.story.reason) == ("gnt:client:gnt-instance", "moved house")
    first, second = job.story.steps
    assert (first.status, first.error, first.started, first.ended) == ("error", "No room", 1001.0, 1009.0)
    assert second.error == "Preceding opcode failed" and ("tags", "a, b") in second.told
    assert [line.message for line in job.story.log] == ["asking hail"]
    assert {("disk_template", "drbd"), ("memory", "4096"), ("vcpus", "2")} <= set(first.told)


def test_no_secret_of_an_opcode_is_kept() -> None:
    job = ListedJob.from_rapi(RAW)
    assert b"hush" not in msgspec.msgpack.encode(job) and ("kernel_path", "vmlinuz") in job.story.steps[0].told


def test_a_job_about_no_instance_names_what_it_is_about() -> None:
    op = {"OP_ID": "OP_NODE_EVACUATE", "node_name": "node3.example.org"}
    assert ListedJob.from_rapi({"id": 1, "status": "running", "ops": [op]}).subject == "node3.example.org"


def test_a_job_that_waits_is_told_to_pages_about_its_instances() -> None:
    job = ListedJob.from_rapi({**RAW, "status": "waiting"})
    assert job.pending.steps_for("vm1.example.org") == "INSTANCE_CREATE, TAGS_SET" and not job.pending.is_at_work


@pytest.mark.parametrize(
    "rubbish", [None, "x", 7, [], {}, [[]], [None], [{"OP_ID": {}}], [{"hvparams": []}], float("nan")]
)
@pytest.mark.parametrize("field", [*RAW, "summary"])
def test_rubbish_in_any_field_is_no_error(field: str, rubbish: Any) -> None:
    job = ListedJob.from_rapi({**RAW, field: rubbish})
    assert isinstance(job.story.steps, tuple)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=ListedJob) == job


def test_a_giant_is_cut_to_size() -> None:
    names = {"OP_ID": "OP_" + "X" * 9999, "instance_name": "n" * 9999}
    op = {**names, "tags": ["t" * 9999] * 999, "beparams": dict.fromkeys(map(str, range(9999)), "v")}
    giant = {
        "id": 7,
        "status": "error",
        "ops": [op] * 999,
        "opstatus": ["error"] * 999,
        "opresult": [["OpExecError", ["e" * 99999]]] * 999,
        "oplog": [[[number, [1000, 0], "message", "m" * 9999] for number in range(999)]] * 99,
    }
    job = ListedJob.from_rapi(giant)
    assert len(job.story.steps) == MOST_STEPS and len(job.story.log) == MOST_LINES and len(job.error) == LONGEST_ERROR
    assert len(msgspec.msgpack.encode(job)) < 400_000


@pytest.mark.parametrize("status", ["waiting", "canceled"])
def test_a_job_that_only_waited_has_not_begun(status: str) -> None:
    job = ListedJob.from_rapi({**RAW, "status": status, "opstart": [[1001, 0], None], "opexec": [None, None]})
    assert job.started is None and [step.started for step in job.story.steps] == [None, None]


def test_older_ganetis_tell_the_beginning_otherwise() -> None:
    older = {key: value for key, value in RAW.items() if key != "opexec"} | {"opstart": [[1001, 0], None]}
    assert ListedJob.from_rapi(older).story.steps[0].started == 1001.0
    assert ListedJob.from_rapi({**older, "opstart": None}).started == 1001.0


def test_what_was_stored_damaged_tells_no_story() -> None:
    assert ListedJob(7, packed=b"rubbish").story.steps == ()


def test_a_list_without_news_stays_as_it_is() -> None:
    known = JobList("north").with_news([ListedJob.from_rapi(RAW)])
    assert known.with_news([]) == known and known.job(7) and known.job(8) is None
