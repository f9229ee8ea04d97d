"""
A cluster's remote API, one method per call.

Reads answer with the values of `ganeti.objects`; where a cluster is too old for queries, or does not
let us use them, the older resources serve. Changes answer with the number of the job that will do
them and are never asked twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ganeti.endpoint import Endpoint
from ganeti.errors import BrokenAnswer, Denied, Missing, NotAllowed, RapiError, Refused
from ganeti.joblist import ListedJob
from ganeti.objects import (
    UNFINISHED_JOB,
    ClusterInfo,
    Instance,
    Job,
    Network,
    Node,
    NodeGroup,
    Parameters,
    is_name,
    texts,
    whole,
)
from ganeti.transport import Query, Transport

Row = Mapping[str, Any]

# A Ganeti that does not know a field says so for that field alone and answers the others.
INSTANCE_FIELDS = (
    "name", "uuid", "status", "admin_state", "oper_state", "pnode", "snodes", "os", "hypervisor", "disk_template",
    "beparams", "disk.sizes", "disk.names", "nic.macs", "nic.ips", "nic.modes", "nic.links", "nic.networks.names",
    "nic.names", "tags", "hvparams", "network_port", "ctime", "mtime", "osparams",
)  # fmt: skip
NODE_FIELDS = (
    "name", "role", "group", "offline", "drained", "vm_capable", "mtotal", "mfree", "dtotal", "dfree", "ctotal",
    "pinst_list", "sinst_list", "pip", "tags", "mnode", "csockets", "cnodes", "sptotal", "spfree", "sip",
    "master_capable", "powered", "ctime",
)  # fmt: skip
JOB_FIELDS = (
    "id", "status", "summary", "ops", "opstatus", "oplog", "opresult", "received_ts", "start_ts", "end_ts",
)  # fmt: skip
LISTED_JOB_FIELDS = (*JOB_FIELDS, "opstart", "opexec", "opend")

_NO_QUERIES = (Missing, NotAllowed)  # 404 or 501 of an old Ganeti; 403 for a user without the option "read"


class Client:
    """One cluster's remote API."""

    def __init__(self, endpoint: Endpoint, transport: Transport | None = None) -> None:
        self.endpoint = endpoint
        self._transport = transport or Transport(endpoint)

    # ---- reads --------------------------------------------------------------------------------

    def version(self) -> int:
        """The version of the remote API: 2 since Ganeti 2.0."""
        return self._whole(self._transport.request("GET", "/version"), "GET /version")

    def features(self) -> tuple[str, ...]:
        """What this cluster's remote API can do beyond the oldest one."""
        return texts(self._list("/2/features"))

    def info(self) -> ClusterInfo:
        return ClusterInfo.from_rapi(self._mapping("/2/info"))

    def cluster_tags(self) -> tuple[str, ...]:
        return texts(self._list("/2/tags"))

    def instances(self) -> list[Instance]:
        """All instances, with one request."""
        try:
            rows = self._query("instance", INSTANCE_FIELDS)
        except _NO_QUERIES:
            rows = self._bulk("/2/instances")
        known: dict[bytes, Parameters] = {}
        return [Instance.from_rapi(self.endpoint.slug, row, known) for row in rows]

    def instance(self, name: str) -> Instance:
        """One instance as it is now; Missing when the cluster has none of exactly this name."""
        try:
            # "vm1" would also find vm1.example.org
            rows = [row for row in self._query("instance", INSTANCE_FIELDS, ["=", "name", name]) if row["name"] == name]
        except _NO_QUERIES:
            rows = [self._mapping(self._path("instances", name))]
        if not rows:
            raise Missing(self.endpoint.slug, f"there is no instance {name}", asked="PUT /2/query/instance")
        return Instance.from_rapi(self.endpoint.slug, rows[0])

    def os_parameter_names(self, name: str) -> list[str]:
        """The parameters of an instance's system by name, for values may be passwords; none where nobody says."""
        try:
            rows = self._query("instance", ("name", "osparams"), ["=", "name", name])
        except _NO_QUERIES:
            return []
        return [
            parameter
            for row in rows
            if row["name"] == name and isinstance(row["osparams"], Mapping)
            for parameter in row["osparams"]
        ]

    def nodes(self) -> list[Node]:
        try:
            rows: Sequence[Row] = self._query("node", NODE_FIELDS)
        except _NO_QUERIES:
            rows = self._with_group_names(self._bulk("/2/nodes"))
        return [Node.from_rapi(row) for row in rows]

    def groups(self) -> list[NodeGroup]:
        return [NodeGroup.from_rapi(row) for row in self._bulk("/2/groups")]

    def group(self, name: str) -> NodeGroup:
        return NodeGroup.from_rapi(self._mapping(self._path("groups", name)))

    def networks(self) -> list[Network]:
        """The networks that Ganeti manages; none where it is too old to manage any (before 2.7)."""
        try:
            return [Network.from_rapi(row) for row in self._bulk("/2/networks")]
        except Missing:
            return []

    def job(self, job_id: int) -> Job:
        """One job; one that the cluster forgot is not `is_known`."""
        try:
            return Job.from_rapi({**self._mapping(f"/2/jobs/{job_id:d}"), "id": job_id})
        except Missing:
            return Job(job_id)

    def jobs(self) -> list[Job]:
        """All jobs of the queue. Ganeti leaves log lines and results out here."""
        rows = self._list("/2/jobs", {"bulk": 1})
        if not all(isinstance(row, Mapping) and whole(row.get("id")) is not None for row in rows):
            raise self._broken("GET /2/jobs")
        return [Job.from_rapi(row) for row in rows]

    def jobs_by_id(self, ids: Iterable[int]) -> dict[int, Job]:
        """The jobs with these numbers, with one request however many; a job that the cluster forgot is absent."""
        wanted = set(ids)
        if not wanted:
            return {}
        try:
            rows = self._query("job", JOB_FIELDS, ["|", *(["=", "id", number] for number in sorted(wanted))])
            found = [Job.from_rapi(row) for row in rows]
        except _NO_QUERIES:
            found = [self._in_full(job) for job in self.jobs() if job.id in wanted]
        return {job.id: job for job in found if job.id in wanted and job.is_known}

    def newest_job(self) -> int:
        """The highest number in the queue; 0 where it is empty."""
        return max((whole(row.get("id")) or 0 for row in self._list("/2/jobs") if isinstance(row, Mapping)), default=0)

    def jobs_since(self, number: int, others: Iterable[int] = (), *, unfinished: bool = False) -> list[ListedJob]:
        """The jobs with a higher number than this one, and the `others` by their numbers, with one request.

        With `unfinished` all that wait or run, too: Ganeti has to read its whole queue for that.
        Raises Missing or NotAllowed where the cluster has no queries, or none for our user.
        """
        by_number = [["=", "id", other] for other in sorted(set(others)) if other <= number]
        by_status = [["=", "status", word] for word in sorted(UNFINISHED_JOB)] if unfinished else []
        rows = self._query("job", LISTED_JOB_FIELDS, ["|", [">", "id", number], *by_number, *by_status])
        return [job for job in map(ListedJob.from_rapi, rows) if job.id and job.status]

    def newest_jobs(self, most: int) -> list[ListedJob]:
        """The jobs with the highest numbers, for clusters without queries: the whole queue has to come for them.

        Ganeti leaves log lines and results out here.
        """
        rows = [row for row in self._list("/2/jobs", {"bulk": 1}) if isinstance(row, Mapping)]
        newest = sorted(rows, key=lambda row: -(whole(row.get("id")) or 0))[:most]
        return [job for job in map(ListedJob.from_rapi, newest) if job.id and job.status]

    def may_change(self) -> bool:
        """Whether our user may change things: found out with a request for an instance that Ganeti cannot read."""
        try:
            self._transport.request("POST", "/2/instances", body={"__version__": -1}, read=True)
        except Refused:
            return True
        except Denied:
            return False
        raise self._broken("POST /2/instances")

    # ---- changes ------------------------------------------------------------------------------

    def startup_instance(self, name: str, *, reason: str = "") -> int:
        return self._submit("PUT", self._path("instances", name, "startup"), _because(reason))

    def shutdown_instance(self, name: str, *, timeout: int = 120, reason: str = "") -> int:
        """The job that asks the guest to power off and takes its power away after `timeout` seconds."""
        return self._submit("PUT", self._path("instances", name, "shutdown"), _because(reason), {"timeout": timeout})

    def reboot_instance(self, name: str, *, kind: str = "hard", reason: str = "") -> int:
        return self._submit("POST", self._path("instances", name, "reboot"), [("type", kind), *_because(reason)])

    def create_instance(self, body: Row, *, reason: str = "", dry_run: bool = False) -> int:
        """The job that makes an instance; with `dry_run` it only finds out whether Ganeti would."""
        trial = [("dry-run", "1")] if dry_run else []
        return self._submit("POST", "/2/instances", [*trial, *_because(reason)], {"__version__": 1, **body})

    def delete_instance(self, name: str, reason: str = "") -> int:
        return self._submit("DELETE", self._path("instances", name), _because(reason))

    def reinstall_instance(self, name: str, body: Row) -> int:
        """The job that installs anew; the one change that takes no reason."""
        return self._submit("POST", self._path("instances", name, "reinstall"), body=body)

    def rename_instance(self, name: str, new_name: str, *, reason: str = "") -> int:
        body = {"new_name": new_name, "ip_check": False, "name_check": False}
        return self._submit("PUT", self._path("instances", name, "rename"), _because(reason), body)

    def modify_instance(self, name: str, body: Row, *, reason: str = "") -> int:
        return self._submit("PUT", self._path("instances", name, "modify"), _because(reason), body)

    def migrate_instance(self, name: str, *, reason: str = "") -> int:
        return self._submit("PUT", self._path("instances", name, "migrate"), _because(reason), {})

    def add_instance_tags(self, name: str, tags: Iterable[str], reason: str = "") -> int:
        return self._submit("PUT", self._path("instances", name, "tags"), [*_tagged(tags), *_because(reason)])

    def delete_instance_tags(self, name: str, tags: Iterable[str], reason: str = "") -> int:
        return self._submit("DELETE", self._path("instances", name, "tags"), [*_tagged(tags), *_because(reason)])

    def cancel_job(self, job_id: int) -> tuple[bool, str]:
        """Whether the job is canceled, and what Ganeti says to it. A running job cannot be."""
        path = f"/2/jobs/{job_id:d}"
        match self._transport.request("DELETE", path):
            case [bool(done), str(message)]:
                return done, message
        raise self._broken(f"DELETE {path}", perhaps_done=True)

    # ---- answers' shapes ------------------------------------------------------------------------

    def _submit(self, method: str, path: str, query: Query = (), body: Row | None = None) -> int:
        """The number of the job that makes the change."""
        answer = self._transport.request(method, path, query, body)
        return self._whole(answer, f"{method} {path}", perhaps_done=True)

    def _query(self, what: str, fields: Sequence[str], condition: list[Any] | None = None) -> list[Row]:
        """The rows of a query as dictionaries; None for what is unknown, not available or on an offline node."""
        path = f"/2/query/{what}"
        body: dict[str, Any] = {"fields": fields}
        if condition is not None:
            body |= {"qfilter": condition, "filter": condition}  # Ganeti 2.5 knows it by the second name
        answer = self._transport.request("PUT", path, body=body, read=True)
        try:
            rows: list[Row] = [
                {field: value if kind == 0 else None for field, (kind, value) in zip(fields, row, strict=True)}
                for row in answer["data"]
            ]
        except (TypeError, ValueError, LookupError):
            raise self._broken(f"PUT {path}") from None
        return rows if what == "job" else self._all_named(rows, f"PUT {path}")

    def _bulk(self, path: str) -> list[Row]:
        return self._all_named(self._list(path, {"bulk": 1}), f"GET {path}")

    def _all_named(self, rows: list[Any], asked: str) -> list[Row]:
        """`rows`, if all of them are somebody: dropping the others would make rubbish look like an empty cluster."""
        if all(isinstance(row, Mapping) and is_name(row.get("name")) for row in rows):
            return rows
        raise self._broken(asked)

    def _with_group_names(self, rows: list[Row]) -> list[Row]:
        """Nodes' rows of /2/nodes, which know their group by its uuid only."""
        try:
            names = {group.uuid: group.name for group in self.groups()}
        except RapiError:
            names = {}
        return [{**row, "group": names.get(str(row.get("group.uuid")), "")} for row in rows]

    def _in_full(self, job: Job) -> Job:
        """`job` with log lines and results where there may be some, which lists of jobs leave out."""
        is_told = job.is_known and job.status not in ("running", "canceling", "error")
        return job if is_told else self.job(job.id)

    def _path(self, *parts: str) -> str:
        """The path of a resource; Missing for names that would lead to another one."""
        if any(part in ("", ".", "..") for part in parts):
            raise Missing(self.endpoint.slug, f"there is nothing of the name {'/'.join(parts)!r}")
        return "/2/" + "/".join(quote(part, safe="", errors="replace") for part in parts)

    def _list(self, path: str, query: Query = ()) -> list[Any]:
        answer = self._transport.request("GET", path, query)
        if isinstance(answer, list):
            return answer
        raise self._broken(f"GET {path}")

    def _mapping(self, path: str) -> Row:
        answer = self._transport.request("GET", path)
        if isinstance(answer, Mapping):
            return answer
        raise self._broken(f"GET {path}")

    def _whole(self, answer: Any, asked: str, *, perhaps_done: bool = False) -> int:
        number = whole(answer)
        if number is None:
            raise self._broken(asked, perhaps_done=perhaps_done)
        return number

    def _broken(self, asked: str, *, perhaps_done: bool = False) -> BrokenAnswer:
        what = "the answer is JSON, but not of Ganeti's shape"
        return BrokenAnswer(self.endpoint.slug, what, asked=asked, perhaps_done=perhaps_done)


def _because(reason: str) -> list[tuple[str, str]]:
    """The parameter that ends up in the job's reason trail, in ASCII: Ganeti's queue takes no other letters."""
    return [("reason", reason.encode("ascii", "backslashreplace").decode())] if reason else []


def _tagged(tags: Iterable[str]) -> list[tuple[str, str]]:
    return [("tag", tag) for tag in tags]
