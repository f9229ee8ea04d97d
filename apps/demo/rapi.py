"""Ganeti's remote API without sockets: a request becomes an answer, as `ganeti-rapi` would give it.

The order of refusals is Ganeti's: unknown path (404), method that the path does not have (501), who
asks (401), whether they may (403), the body's type (415) and its JSON (400).
"""

import base64
import dataclasses
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from apps.demo import opcodes, query
from apps.demo.faults import Faults
from apps.demo.opcodes import Opcode
from apps.demo.profiles import JOB_FIELDS, JOB_FIELDS_BULK, NETWORK_FIELDS
from apps.demo.world import SimulatedCluster, recorded

REALM = "Ganeti Remote API"
EXPLANATIONS = {
    400: ("Bad Request", "Bad request syntax or unsupported method"),
    401: ("Unauthorized", "No permission -- see authorization schemes"),
    403: ("Forbidden", "Request forbidden -- authorization will not help"),
    404: ("Not Found", "Nothing matches the given URI"),
    415: ("Unsupported Media Type", "Entity body in unsupported format"),
    500: ("Internal Server Error", "Server got itself in trouble"),
    501: ("Not Implemented", "Server does not support this operation"),
    503: ("Service Unavailable", "The server cannot process the request due to a high load"),
    504: ("Gateway Timeout", "The gateway server did not receive a timely response"),
}
_ROLES = {"M": "master", "C": "master-candidate", "R": "regular", "D": "drained", "O": "offline"}
_TAG_KINDS = {"instances": "instance", "nodes": "node", "groups": "nodegroup", "networks": "network"}
_DISK_TEMPLATES = frozenset(
    {"diskless", "file", "sharedfile", "plain", "blockdev", "drbd", "rbd", "ext", "gluster"}
)  # of Ganeti, whatever this cluster has enabled

# Parameters of a request's body that each opcode knows beyond the defaults that it shows.
_MORE_PARAMETERS = {
    "OP_INSTANCE_CREATE": (
        "file_driver", "file_storage_dir", "hypervisor", "iallocator", "pnode", "snode", "pnode_uuid", "snode_uuid",
        "no_install", "src_node", "src_path", "disks_active", "osparams_private", "osparams_secret",
        "source_handshake", "source_instance_name", "source_x509_ca", "group_name",
    ),
    "OP_INSTANCE_SET_PARAMS": (
        "offline", "online", "os_name", "disk_template", "remote_node", "pnode", "runtime_mem",
        "instance_communication", "osparams_private", "file_driver", "file_storage_dir",
    ),
    "OP_INSTANCE_MIGRATE": ("mode", "live", "target_node", "iallocator"),
    "OP_INSTANCE_FAILOVER": ("target_node", "iallocator"),
    "OP_INSTANCE_RENAME": (),
}  # fmt: skip


class HttpError(Exception):
    """An answer that is not 200."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message or EXPLANATIONS[code][0]


@dataclasses.dataclass(slots=True)
class Request:
    method: str
    target: str  # path and query as they came
    headers: dict[str, str] = dataclasses.field(default_factory=dict)  # names in lower case
    raw_body: bytes = b""
    body: Any = None  # the decoded JSON
    option: str = ""  # what the user may do

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def arguments(self, name: str) -> list[str]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True).get(name, [])

    def argument(self, name: str, default: str = "") -> str:
        return next(iter(self.arguments(name)), default)

    def switch(self, name: str) -> bool:
        """A query argument that is on when it is a number other than 0."""
        value = self.argument(name, "0")
        if not value.isdigit():
            raise HttpError(400, f"Invalid value for parameter '{name}'")
        return bool(int(value))

    def parameter(self, name: str, default: Any = None) -> Any:
        """A value from the body."""
        return self.body.get(name, default) if isinstance(self.body, dict) else default


@dataclasses.dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    wait: float = 0.0  # seconds that Ganeti would need for it
    until: Callable[[], bool] | None = None  # answer earlier, as soon as this is true
    then: Callable[[], Any] | None = None  # what the answer is, computed after waiting

    @classmethod
    def of(cls, value: Any, status: int = 200) -> "Answer":
        return cls(status, encoded(value))


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def error(code: int, message: str = "") -> Answer:
    reason, explanation = EXPLANATIONS[code]
    words = html.escape(message or reason, quote=True)
    answer = Answer.of({"code": code, "message": words, "explain": explanation}, code)
    if code == 401:
        answer.headers["WWW-Authenticate"] = f'Basic realm="{REALM}"'
    return answer


# ---- from request to answer ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """What handlers get: the cluster, its faults, the request, and the names in the path."""

    world: SimulatedCluster
    faults: Faults
    request: Request
    names: tuple[str, ...]

    def submit(self, *ops: Opcode) -> Any:
        """The number of the job that these opcodes became."""
        profile = self.world.profile
        if self.faults.drained:
            raise HttpError(*profile.drained)
        number = self.world.jobs.submit(list(ops))
        return str(number) if profile.job_ids_are_texts else number


Handler = Callable[[Call], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    pattern: re.Pattern[str]
    methods: dict[str, Handler]
    readers_only: frozenset[str] = frozenset()  # methods that need the option read or write
    anybody: frozenset[str] = frozenset({"GET"})  # methods that need no option


def handle(world: SimulatedCluster, faults: Faults, request: Request) -> Answer:
    """What this cluster's remote API answers."""
    with world.lock:
        world.jobs.failing_with = faults.failing_jobs
        world.pretended_profile = faults.profile
        world.jobs.advance()
        if faults.forgetful:
            world.jobs.archive()
        try:
            return _answer(world, faults, request)
        except HttpError as refusal:
            return error(refusal.code, refusal.message)
        except query.QueryError as failure:
            return error(500, str(failure))


def _answer(world: SimulatedCluster, faults: Faults, request: Request) -> Answer:
    route, names = _route(world, request.path)
    handler = route.methods.get(request.method)
    if handler is None:
        raise HttpError(501, f"Method {request.method} is unsupported for path {request.path}")
    request.option = _authenticated(world, request)
    _authorized(route, request)
    request.body = _decoded(request)
    if faults.no_luxid:
        answer = error(504)
        answer.wait = world.jobs.pace.no_luxid
        return answer
    value = handler(Call(world, faults, request, names))
    return value if isinstance(value, Answer) else Answer.of(value)


def _route(world: SimulatedCluster, path: str) -> tuple[Route, tuple[str, ...]]:
    profile = world.profile
    unknown = [
        not profile.has_queries and path.startswith("/2/query/"),
        not profile.has_networks and re.match(r"/2/networks(/|$)", path) is not None,
        not profile.has_group_tags and re.fullmatch(r"/2/groups/[^/]+/tags", path) is not None,
    ]
    for route in () if any(unknown) else ROUTES:
        if match := route.pattern.fullmatch(path):
            return route, tuple(unquote(name) for name in match.groups())
    raise HttpError(404)


def _authenticated(world: SimulatedCluster, request: Request) -> str:
    """The option of the user who asks; 401 for strangers."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(token).decode().partition(":")
    except ValueError:
        raise HttpError(401) from None
    user = world.users.get(name)
    if scheme.lower() != "basic" or user is None or user.password != password:
        raise HttpError(401)
    return user.option


def _authorized(route: Route, request: Request) -> None:
    if request.method in route.readers_only:
        allowed = request.option in ("read", "write")
    else:
        allowed = request.method in route.anybody or request.option == "write"
    if not allowed:
        raise HttpError(403)


def _decoded(request: Request) -> Any:
    if not request.raw_body:
        return None
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise HttpError(415)
    try:
        return json.loads(request.raw_body)
    except ValueError:
        raise HttpError(400, "Unable to parse JSON data") from None


# ---- opcodes from requests -----------------------------------------------------------------------


def _opcode(call: Call, op_id: str, source: str, *, dry_run: bool | None = None, **parameters: Any) -> Opcode:
    """An opcode with the trail of who asked for it: the person's reason first, then the resource."""
    op = opcodes.new(op_id, dry_run=dry_run, **parameters)
    now = call.world.clock()
    if reason := call.request.argument("reason"):
        opcodes.add_reason(op, "gnt:user", reason, now)
    opcodes.add_reason(op, f"gnt:library:rlib2:{source}", "", now)
    return op


def _body_of(call: Call, op_id: str, renamed: dict[str, str], ignored: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The parameters in the body; one that the opcode does not have is a 400."""
    body = call.request.body
    if not isinstance(body, dict):
        raise HttpError(400, "Invalid body contents, not a dictionary")
    known = {*opcodes.VERBS[op_id].defaults, *_MORE_PARAMETERS.get(op_id, ())} - set(
        call.world.profile.unknown_parameters
    )
    found: dict[str, Any] = {
        renamed.get(str(name), str(name)): value for name, value in body.items() if name not in ignored
    }
    for name in found:
        if name not in known:
            title = "".join(part.capitalize() for part in op_id.split("_"))
            raise HttpError(400, f"Invalid body parameters: Object {title} doesn't support the parameter '{name}'")
    return found


def _invalid(op_id: str, name: str) -> HttpError:
    reason = (f"Parameter '{op_id}.{name}' fails validation", "wrong_input")
    return HttpError(400, f"Invalid body parameters: {reason}")


# ---- handlers: the cluster -----------------------------------------------------------------------


def _null(call: Call) -> None:
    return None


def _version(call: Call) -> int:
    return 2


def _info(call: Call) -> dict[str, Any]:
    world, profile = call.world, call.world.profile
    found = {
        **recorded("info"),
        "software_version": profile.version,
        "vcs_version": f"(ganeti) version {profile.version}-1",
        "name": world.name,
        "master": world.master.name,
        "default_hypervisor": world.hypervisors[0],
        "enabled_hypervisors": list(world.hypervisors),
        "enabled_disk_templates": list(world.disk_templates),
        "hvparams": {name: world.default_hvparams(name) for name in recorded("info")["hvparams"]},
        "ipolicy": {**recorded("info")["ipolicy"], "disk-templates": list(world.disk_templates)},
        "volume_group_name": world.volume_group,
        "vg_name": world.volume_group,
        "mac_prefix": world.mac_prefix,
        "ctime": world.ctime,
        "mtime": world.ctime,
        "uuid": world.uuid,
        "tags": sorted(world.tags),
    }
    return {name: value for name, value in found.items() if name not in profile.unknown_info}


def _features(call: Call) -> list[str]:
    return list(call.world.profile.features)


def _systems(call: Call) -> list[str]:
    return sorted(call.world.systems)


def _filters(call: Call) -> list[Any]:
    return []


# ---- handlers: lists and single objects ----------------------------------------------------------


def _fields(call: Call, resource: str) -> tuple[str, ...]:
    profile = call.world.profile
    return {
        "instance": profile.instance_fields,
        "node": profile.node_fields,
        "group": profile.group_fields,
        "network": NETWORK_FIELDS,
    }[resource]


def _row(call: Call, look: query.Look, resource: str, item: Any) -> dict[str, Any]:
    row = query.plain(look, resource, item, _fields(call, resource))
    if resource == "instance":
        row["beparams"], row["custom_beparams"] = _with_memory(call, row)
    return row


def _with_memory(call: Call, row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of an instance as lists show them: with one word for memory, beside or instead of two."""
    full = {**row["beparams"], "memory": row["beparams"]["maxmem"]}
    if not call.world.profile.is_ancient:
        return full, row["custom_beparams"]
    custom = row["custom_beparams"]
    own = {"memory": custom["maxmem"]} if "maxmem" in custom else {}
    own |= {name: value for name, value in custom.items() if name == "vcpus"}
    return {name: full[name] for name in ("memory", "vcpus", "auto_balance")}, own


def _dead_node(call: Call, resource: str) -> float:
    """Seconds that a list takes which has to ask the nodes, when one of them is down."""
    asks = resource in ("instance", "node")
    return call.world.jobs.pace.dead_node if asks and any(node.down for node in call.world.nodes.values()) else 0.0


def _list_of(resource: str, plural: str, key: str) -> Handler:
    def handler(call: Call) -> Any:
        look = query.Look(call.world)
        rows = query.rows_of(call.world, resource)
        if call.request.switch("bulk"):
            answer = Answer.of([_row(call, look, resource, row) for row in rows])
            answer.wait = _dead_node(call, resource)
            return answer
        return [{key: row.name, "uri": f"/2/{plural}/{row.name}"} for row in rows]

    return handler


def _one_of(resource: str) -> Handler:
    def handler(call: Call) -> Any:
        row = _row(call, query.Look(call.world), resource, _find(call, resource))
        if resource == "node" and not call.world.profile.is_ancient:
            row["secondary_ip"] = row["sip"]  # in the list of all nodes it is missing
        return row

    return handler


def _find(call: Call, resource: str) -> Any:
    """The object named in the path; instances and nodes may be named by their first components."""
    short = resource in ("instance", "node")
    for row in query.rows_of(call.world, resource):
        if row.name == call.names[0] or (short and query.is_name(row.name, call.names[0])):
            return row
    raise HttpError(404)


def _role(call: Call) -> str:
    return _ROLES[_find(call, "node").role]


def _console(call: Call) -> dict[str, Any]:
    instance = _find(call, "instance")
    if not instance.running_on:
        raise HttpError(503, "Instance console unavailable")
    found = query.console(call.world, instance)
    if found["kind"] == "vnc" and call.world.profile.version == "3.0.2":
        raise HttpError(500)  # a fault of Ganeti 3.0.2
    return found


# ---- handlers: changes of instances --------------------------------------------------------------


def _startup(call: Call) -> Any:
    body = call.request.body if isinstance(call.request.body, dict) else {}
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_STARTUP",
            "instances_name_startup",
            dry_run=call.request.switch("dry-run"),
            instance_name=call.names[0],
            force=call.request.switch("force"),
            no_remember=call.request.switch("no_remember"),
            **{name: body[name] for name in ("hvparams", "beparams", "startup_paused") if name in body},
        )
    )


def _shutdown(call: Call) -> Any:
    timeout = call.request.parameter("timeout") or call.request.argument("timeout") or 120
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_SHUTDOWN",
            "instances_name_shutdown",
            dry_run=call.request.switch("dry-run"),
            instance_name=call.names[0],
            force=bool(call.request.parameter("force")),
            timeout=int(timeout),
            no_remember=call.request.switch("no_remember"),
        )
    )


def _reboot(call: Call) -> Any:
    kind = call.request.argument("type", "hard")
    if kind not in ("hard", "soft", "full"):
        raise _invalid("OP_INSTANCE_REBOOT", "reboot_type")
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_REBOOT",
            "instances_name_reboot",
            dry_run=call.request.switch("dry-run"),
            instance_name=call.names[0],
            ignore_secondaries=call.request.switch("ignore_secondaries"),
            reboot_type=kind,
        )
    )


def _reinstall(call: Call) -> Any:
    """Three opcodes in one job: stop it, install it, start it if asked."""
    name = call.names[0]
    system = call.request.parameter("os") or call.request.argument("os")
    osparams = call.request.parameter("osparams")
    wish = ({"os_type": system} if system else {}) | ({"osparams": osparams} if osparams else {})
    start = call.request.parameter("start", not call.request.switch("nostartup"))
    steps = [
        opcodes.new("OP_INSTANCE_SHUTDOWN", instance_name=name),
        opcodes.new("OP_INSTANCE_REINSTALL", dry_run=None, instance_name=name, **wish),
    ]
    return call.submit(*steps, *([opcodes.new("OP_INSTANCE_STARTUP", instance_name=name)] if start else []))


def _rename(call: Call) -> Any:
    found = _body_of(call, "OP_INSTANCE_RENAME", {})
    if not isinstance(found.get("new_name"), str) or not found["new_name"]:
        raise _invalid("OP_INSTANCE_RENAME", "new_name")
    found["instance_name"] = call.names[0]
    return call.submit(_opcode(call, "OP_INSTANCE_RENAME", "instances_name_rename", **found))


def _modify(call: Call) -> Any:
    found = _body_of(call, "OP_INSTANCE_SET_PARAMS", {"os": "os_name"})
    found["instance_name"] = call.names[0]
    return call.submit(_opcode(call, "OP_INSTANCE_SET_PARAMS", "instances_name_modify", **found))


def _moving(op_id: str, source: str) -> Handler:
    def handler(call: Call) -> Any:
        found = _body_of(call, op_id, {}) if call.request.body is not None else {}
        return call.submit(_opcode(call, op_id, source, **{**found, "instance_name": call.names[0]}))

    return handler


def _delete(call: Call) -> Any:
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_REMOVE",
            "instances_name",
            dry_run=call.request.switch("dry-run"),
            instance_name=call.names[0],
        )
    )


def _instance_info(call: Call) -> Any:
    """A job, although it only looks."""
    static = call.request.switch("static")
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_QUERY_DATA",
            "instances_name_info",
            instances=[call.names[0]],
            static=static,
            use_locking=not static,
        )
    )


def _create(call: Call) -> Any:
    version = call.request.parameter("__version__", 0)
    if version == 0:
        raise HttpError(400, "Instance creation request version 0 is no longer supported")
    if version != 1:
        raise HttpError(400, f"Unsupported request data version {version}")
    renamed = {"os": "os_type", "name": "instance_name"}
    found = _body_of(call, "OP_INSTANCE_CREATE", renamed, frozenset({"__version__"}))
    _check_creation(found)
    return call.submit(
        _opcode(
            call,
            "OP_INSTANCE_CREATE",
            "instances",
            dry_run=call.request.switch("dry-run"),
            **{name: value for name, value in found.items() if value is not None},
        )
    )


def _check_creation(found: dict[str, Any]) -> None:
    rules: dict[str, Callable[[Any], bool]] = {
        "instance_name": lambda value: isinstance(value, str) and bool(value),
        "mode": lambda value: value in ("create", "import", "remote-import"),
        "disk_template": lambda value: value in _DISK_TEMPLATES,
        "disks": lambda value: isinstance(value, list) and all(isinstance(disk, dict) for disk in value),
        "nics": lambda value: isinstance(value, list) and all(isinstance(nic, dict) for nic in value),
    }
    for name, rule in rules.items():
        if not rule(found.get(name)):
            raise _invalid("OP_INSTANCE_CREATE", name)


# ---- handlers: tags ------------------------------------------------------------------------------


def _tag_kind(call: Call) -> tuple[str, str]:
    plural = call.request.path.split("/")[2]
    return (_TAG_KINDS[plural], call.names[0]) if call.names else ("cluster", "")


def _tags(call: Call) -> list[str]:
    found = call.world.tagged(*_tag_kind(call))
    if found is None:
        raise HttpError(404)
    return sorted(found)


def _tagging(op_id: str) -> Handler:
    def handler(call: Call) -> Any:
        kind, name = _tag_kind(call)
        if not call.request.arguments("tag"):
            raise HttpError(400, "Cannot use tags without the 'tag' parameter")
        source = {"instance": "instances_name_tags", "cluster": "tags"}.get(kind, f"{kind}s_name_tags")
        return call.submit(
            _opcode(
                call,
                op_id,
                source,
                dry_run=call.request.switch("dry-run"),
                kind=kind,
                tags=call.request.arguments("tag"),
                name=name,
            )
        )

    return handler


# ---- handlers: jobs ------------------------------------------------------------------------------


def _jobs(call: Call) -> list[dict[str, Any]]:
    look = query.Look(call.world)
    found = query.rows_of(call.world, "job")
    if call.request.switch("bulk") and call.world.profile.has_bulk_jobs:
        return [query.plain(look, "job", job, JOB_FIELDS_BULK) for job in found]
    return [{"id": query.plain(look, "job", job, ["id"])["id"], "uri": f"/2/jobs/{job.id}"} for job in found]


def _job(call: Call) -> dict[str, Any]:
    number = int(call.names[0])
    job = call.world.jobs.all.get(number)
    if job is None and not call.world.profile.lists_missing_jobs:
        raise HttpError(404)
    return query.plain(query.Look(call.world), "job", number if job is None else job, JOB_FIELDS)


def _cancel(call: Call) -> Any:
    number = int(call.names[0])
    jobs = call.world.jobs
    outcome = list(jobs.cancel(number))
    job = jobs.all.get(number)
    answer = Answer.of(outcome)
    if job is not None and job.status == "canceling":
        answer.wait = jobs.pace.cancel
        answer.until = lambda: job.is_over
    return answer


def _wait_for_job(call: Call) -> Answer:
    """Answers as soon as the job differs from what the caller knows already."""
    fields = call.request.parameter("fields") or ["status"]
    known = call.request.parameter("previous_job_info")
    serial = call.request.parameter("previous_log_serial")
    number, world = int(call.names[0]), call.world
    if number not in world.jobs.all:
        raise HttpError(404)

    def news() -> tuple[list[Any], list[Any]]:
        job = world.jobs.all.get(number, number)
        row = query.plain(query.Look(world), "job", job, [*fields, "oplog"])
        lines = [line for lines in row["oplog"] or [] for line in lines if serial is None or line[0] > serial]
        return [row[field] for field in fields], lines

    def what_changed() -> Any:
        values, lines = news()
        return {"job_info": values, "log_entries": lines} if lines or values != known else None

    return Answer(200, b"", wait=29.5, until=lambda: what_changed() is not None, then=what_changed)


# ---- handlers: queries ---------------------------------------------------------------------------


def _query(call: Call) -> Any:
    resource = _resource(call)
    if call.request.method == "GET":
        fields: Any = [name for part in call.request.arguments("fields") for name in part.split(",")]
        if not fields:
            raise HttpError(400, "Missing 'fields' query argument")
        qfilter = None
    else:
        fields, qfilter = call.request.parameter("fields"), call.request.parameter("qfilter")
        qfilter = qfilter or call.request.parameter("filter")
    if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
        raise HttpError(400, "Missing 'fields' query argument")
    try:
        answer = Answer.of(query.answer(call.world, resource, fields, qfilter))
    except (TypeError, ValueError, LookupError) as failure:
        raise HttpError(500, f"Unable to parse the filter: {failure}") from failure
    answer.wait = _dead_node(call, resource)
    return answer


def _query_fields(call: Call) -> dict[str, Any]:
    return query.describe_fields(_resource(call))


def _resource(call: Call) -> str:
    if not query.is_known(call.names[0]):
        raise HttpError(404)
    return call.names[0]


# ---- the table of routes -------------------------------------------------------------------------


def _at(path: str, readers_only: str = "", **methods: Handler) -> Route:
    pattern = re.compile(path.replace("NAME", r"([^/]+)").replace("NUMBER", r"(\d+)"))
    return Route(pattern, methods, frozenset(readers_only.split()))


ROUTES = (
    _at("/|/2/?", GET=_null),
    _at("/version", GET=_version),
    _at("/2/info", GET=_info),
    _at("/2/features", GET=_features),
    _at("/2/os", GET=_systems),
    _at("/2/filters", GET=_filters),
    _at("/2/tags", GET=_tags, PUT=_tagging("OP_TAGS_SET"), DELETE=_tagging("OP_TAGS_DEL")),
    _at("/2/instances", GET=_list_of("instance", "instances", "id"), POST=_create),
    _at("/2/instances/NAME", GET=_one_of("instance"), DELETE=_delete),
    _at("/2/instances/NAME/info", GET=_instance_info),
    _at("/2/instances/NAME/console", "GET", GET=_console),
    _at("/2/instances/NAME/startup", PUT=_startup),
    _at("/2/instances/NAME/shutdown", PUT=_shutdown),
    _at("/2/instances/NAME/reboot", POST=_reboot),
    _at("/2/instances/NAME/reinstall", POST=_reinstall),
    _at("/2/instances/NAME/rename", PUT=_rename),
    _at("/2/instances/NAME/modify", PUT=_modify),
    _at("/2/instances/NAME/migrate", PUT=_moving("OP_INSTANCE_MIGRATE", "instances_name_migrate")),
    _at("/2/instances/NAME/failover", PUT=_moving("OP_INSTANCE_FAILOVER", "instances_name_failover")),
    _at("/2/nodes", GET=_list_of("node", "nodes", "id")),
    _at("/2/nodes/NAME", GET=_one_of("node")),
    _at("/2/nodes/NAME/role", GET=_role),
    _at("/2/groups", GET=_list_of("group", "groups", "name")),
    _at("/2/groups/NAME", GET=_one_of("group")),
    _at("/2/networks", GET=_list_of("network", "networks", "name")),
    _at("/2/networks/NAME", GET=_one_of("network")),
    _at(
        "/2/(?:instances|nodes|groups|networks)/NAME/tags",
        GET=_tags, PUT=_tagging("OP_TAGS_SET"), DELETE=_tagging("OP_TAGS_DEL"),
    ),
    _at("/2/jobs", GET=_jobs),
    _at("/2/jobs/NUMBER", GET=_job, DELETE=_cancel),
    _at("/2/jobs/NUMBER/wait", GET=_wait_for_job),
    _at("/2/query/NAME", "GET PUT", GET=_query, PUT=_query),
    _at("/2/query/NAME/fields", GET=_query_fields),
)  # fmt: skip
