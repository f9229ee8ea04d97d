"""Jobs in the store, as a collector would have put them there, for tests of the pages about them."""

import time
from typing import Any

import msgspec

from apps.clusters import inventories
from ganeti.joblist import JobList, ListedJob


def raw(number: int, status: str = "success", opcode: str = "INSTANCE_REBOOT", **fields: Any) -> dict[str, Any]:
    """A job as Ganeti's queue tells it: of one opcode, an hour ago, three seconds long."""
    now = int(time.time())
    op = {"OP_ID": f"OP_{opcode}", "instance_name": "web.example.org", **fields.pop("op", {})}
    over = status in ("success", "error", "canceled")
    told: dict[str, Any] = {
        "id": number,
        "status": status,
        "ops": [op],
        "opstatus": [status],
        "opresult": [["OpExecError", ["No room"]] if status == "error" else None],
        "oplog": [[]],
        "received_ts": [now - 3600, 0],
        "start_ts": None if status == "queued" else [now - 3600, 0],
        "end_ts": [now - 3597, 0] if over else None,
    }
    return {**told, **fields}


def put(slug: str, *raws: dict[str, Any], **head: Any) -> None:
    """These are the cluster's jobs now; `head` overrides what its head says about them. It needs a head already."""
    store = inventories.store()
    jobs = JobList(slug).with_news([ListedJob.from_rapi(one) for one in raws], swept_at=1.0)
    store.put_jobs(jobs)
    known = store.head(slug)
    assert known
    told = {"jobs_version": jobs.version, "jobs_at": time.time(), "jobs_error": "", **head}
    store.put_head(msgspec.structs.replace(known, **told))
