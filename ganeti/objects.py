"""What Ganeti tells us, as frozen values. They hold no client: reading an attribute never starts a request.

Every `from_rapi` takes what it knows and tolerates the rest: Ganeti 2.4 to 3.1 send different
fields, offline nodes send nulls, and a broken server may send anything at all. Sizes are MiB,
times are seconds since 1970. The field names are those of Ganeti's query2 documentation.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from ganeti import tags as tag_grammar

Raw = Mapping[str, Any]
Parameters = dict[str, str | int | float | bool | None]
T = TypeVar("T")

MAX_TEXT = 4096  # characters that we keep of any single text of Ganeti's
MAX_NAME = 255  # characters of a name, as in the DNS
MAX_ITEMS = 4096  # items that we keep of any list inside an object
END_OF_TIME = 253370764800  # the year 9999 begins: later times are none in some time zone


# ---- taking what we know ----------------------------------------------------------------


def text(value: Any, default: str = "") -> str:
    """A text, cut to what is reasonable; anything that is no text or number gives `default`."""
    if isinstance(value, str):
        short = value[:MAX_TEXT]
        return short if short.isascii() else short.encode("utf-8", "replace").decode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return default


def whole(value: Any) -> int | None:
    """An integer, or None where there is none (offline nodes, rubbish, more than 64 bits)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 2**63 else None


def seconds(value: Any) -> float | None:
    """A time from Ganeti: a number, or a job's pair [seconds, microseconds]; None for what no calendar has."""
    if isinstance(value, list | tuple) and len(value) == 2:
        whole_part, micro = whole(value[0]), whole(value[1])
        value = None if whole_part is None or micro is None else whole_part + micro / 1e6
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < END_OF_TIME else None  # also drops NaN and infinity


def truth(value: Any) -> bool | None:
    """True, False, or None where Ganeti does not know."""
    return value if isinstance(value, bool) else None


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; what is no list is empty, what is no text in it is dropped."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(text(item) for item in value[:MAX_ITEMS] if isinstance(item, str))


def column(value: Any, index: int) -> Any:
    """The entry of a list-valued field (nic.ips, disk.sizes, ...) or None where the list is short or missing."""
    return value[index] if isinstance(value, list | tuple) and index < len(value) else None


def longest(*values: Any) -> int:
    return min(max((len(value) for value in values if isinstance(value, list | tuple)), default=0), MAX_ITEMS)


def parameters(value: Any) -> Parameters:
    """A flat dictionary of plain values, such as hvparams."""
    if not isinstance(value, Mapping):
        return {}
    kept: Parameters = {}
    for key, item in list(value.items())[:MAX_ITEMS]:
        if isinstance(item, str):
            kept[text(key)] = text(item)
        elif item is None or isinstance(item, bool) or (isinstance(item, int | float) and abs(item) < 2**63):
            kept[text(key)] = item
    return kept


def parameters_once(value: Any, known: dict[bytes, Parameters]) -> Parameters:
    """The same, made once for values that are equal: hvparams are most of an instance and its neighbours' as well."""
    try:
        equal = msgspec.json.encode(value)
    except (OverflowError, ValueError):  # numbers and texts that JSON may hold, and MessagePack may not
        return parameters(value)
    if equal not in known:
        known[equal] = parameters(value)
    return known[equal]


def is_name(value: Any) -> bool:
    """Whether Ganeti may call something so: no slash and nothing invisible, or our addresses could not carry it."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable() and "/" not in value


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The base of all values here: immutable, compact in a snapshot, invisible to the garbage collector."""


# ---- instances ----------------------------------------------------------------------------


class Nic(Value, frozen=True):
    mac: str = ""
    ip: str = ""
    mode: str = ""  # bridged, routed, openvswitch
    link: str = ""
    network: str = ""  # the name of a gnt-network, if it is in one
    name: str = ""


class Disk(Value, frozen=True):
    size: int = 0  # MiB
    name: str = ""


class Instance(Value, frozen=True):
    """One instance as a cluster's master described it."""

    name: str
    cluster: str  # our slug of the cluster
    uuid: str = ""
    status: str = ""  # Ganeti's word: running, ADMIN_down, ERROR_nodedown, ...
    admin_state: str = ""  # what should be: up, down, offline
    oper_state: bool | None = None  # what is; None where nobody knows
    pnode: str = ""
    snodes: tuple[str, ...] = ()
    os: str = ""
    hypervisor: str = ""
    disk_template: str = ""
    memory: int = 0  # MiB
    vcpus: int = 0
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    tags: tuple[str, ...] = ()
    hvparams: dict[str, str | int | float | bool | None] = {}
    network_port: int | None = None
    ctime: float | None = None
    mtime: float | None = None
    image: str = ""  # the image it was installed from; the other OS parameters may be secret and are not kept

    @classmethod
    def from_rapi(cls, cluster: str, raw: Raw, known: dict[bytes, Parameters] | None = None) -> "Instance":
        """From a row of /2/instances?bulk=1 or of a query, flattened to a dictionary.

        Rows of one answer are read with the same `known`, which is empty at first.
        """
        beparams = parameters(raw.get("beparams"))
        nic_lists = [raw.get(f"nic.{field}") for field in ("macs", "ips", "modes", "links", "networks.names", "names")]
        sizes, disk_names = raw.get("disk.sizes"), raw.get("disk.names")
        memory = whole(beparams.get("maxmem"))
        return cls(
            name=text(raw.get("name")),
            cluster=cluster,
            uuid=text(raw.get("uuid")),
            status=text(raw.get("status")),
            admin_state=_admin_state(raw.get("admin_state")),
            oper_state=truth(raw.get("oper_state")),
            pnode=text(raw.get("pnode")),
            snodes=texts(raw.get("snodes")),
            os=text(raw.get("os")),
            hypervisor=text(raw.get("hypervisor")),
            disk_template=text(raw.get("disk_template")),
            memory=(memory if memory is not None else whole(beparams.get("memory"))) or 0,
            vcpus=whole(beparams.get("vcpus")) or 0,
            disks=tuple(
                Disk(whole(column(sizes, number)) or 0, text(column(disk_names, number)))
                for number in range(longest(sizes))
            ),
            nics=tuple(
                Nic(*(text(column(values, number)) for values in nic_lists))
                for number in range(longest(*nic_lists[:4]))
            ),
            tags=texts(raw.get("tags")),
            hvparams=parameters_once(raw.get("hvparams"), {} if known is None else known),
            network_port=whole(raw.get("network_port")),
            ctime=seconds(raw.get("ctime")),
            mtime=seconds(raw.get("mtime")),
            image=_image(raw.get("osparams")),
        )

    @property
    def system(self) -> str:
        """What runs inside, as far as anybody knows: the image, else Ganeti's OS definition."""
        return self.image or self.os

    @property
    def is_running(self) -> bool:
        """Whether it runs now; a node that is down says nothing, then it does not."""
        return self.oper_state is True if self.oper_state is not None else self.status == "running"

    @property
    def disk_total(self) -> int:
        """MiB over all disks."""
        return sum(disk.size for disk in self.disks)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(nic.ip for nic in self.nics if nic.ip)


def _image(osparams: Any) -> str:
    """The image's name: `img_id` of instance-image and snf-image, which is a name or an address of a file."""
    image = text(osparams.get("img_id")) if isinstance(osparams, Mapping) else ""
    return "" if image == "none" else image.rstrip("/").rpartition("/")[2].partition("?")[0]


def _admin_state(value: Any) -> str:
    """Ganeti 2.5 and older send a boolean."""
    if isinstance(value, bool):
        return "up" if value else "down"
    return text(value)


_REPEATED = (
    "cluster", "status", "admin_state", "pnode", "snodes", "os", "hypervisor",
    "disk_template", "disks", "tags", "image",
)  # fmt: skip
_REPEATED_IN_NICS = ("mode", "link", "network", "name")


def share_equal_parts(instances: Iterable[Instance]) -> None:
    """Lets instances, which were just made and nobody has seen, have equal parts in common: half of their memory."""
    known: dict[Any, Any] = {}

    def share(value: Value, fields: Iterable[str]) -> None:
        for field in fields:
            content = getattr(value, field)
            msgspec.structs.force_setattr(value, field, known.setdefault(content, content))

    for instance in instances:
        share(instance, _REPEATED)
        for nic in instance.nics:
            share(nic, _REPEATED_IN_NICS)


# ---- nodes, groups, networks, the cluster -----------------------------------------------------

ROLES = {"M": "master", "C": "candidate", "R": "regular", "D": "drained", "O": "offline"}


class Node(Value, frozen=True):
    """One node; None stands for what an offline or silent node does not tell."""

    name: str
    role: str = ""  # M, C, R, D, O: see ROLES
    group: str = ""
    offline: bool = False
    drained: bool = False
    vm_capable: bool = True
    memory_total: int | None = None  # MiB
    memory_free: int | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    cpus: int | None = None
    primary_instances: tuple[str, ...] = ()
    secondary_instances: tuple[str, ...] = ()
    primary_ip: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def from_rapi(cls, raw: Raw) -> "Node":
        role = text(raw.get("role"))
        return cls(
            name=text(raw.get("name")),
            role=role,
            group=text(raw.get("group")),
            offline=truth(raw.get("offline")) or role == "O",
            drained=truth(raw.get("drained")) or role == "D",
            vm_capable=raw.get("vm_capable") is not False,
            memory_total=whole(raw.get("mtotal")),
            memory_free=whole(raw.get("mfree")),
            disk_total=whole(raw.get("dtotal")),
            disk_free=whole(raw.get("dfree")),
            cpus=whole(raw.get("ctotal")),
            primary_instances=texts(raw.get("pinst_list")),
            secondary_instances=texts(raw.get("sinst_list")),
            primary_ip=text(raw.get("pip")),
            tags=texts(raw.get("tags")),
        )


class NodeGroup(Value, frozen=True):
    name: str
    uuid: str = ""
    alloc_policy: str = ""  # preferred, last_resort, unallocable
    nodes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @classmethod
    def from_rapi(cls, raw: Raw) -> "NodeGroup":
        return cls(
            name=text(raw.get("name")),
            uuid=text(raw.get("uuid")),
            alloc_policy=text(raw.get("alloc_policy")),
            nodes=texts(raw.get("node_list")),
            tags=texts(raw.get("tags")),
        )

    @property
    def is_locked(self) -> bool:
        """Under maintenance: owners of instances whose primary node is in here wait."""
        return tag_grammar.LOCKED_GROUP in self.tags


class NetworkConnection(Value, frozen=True):
    """How a network reaches a node group."""

    group: str
    mode: str = ""
    link: str = ""


class Network(Value, frozen=True):
    """A network that Ganeti manages (gnt-network)."""

    name: str
    uuid: str = ""
    network: str = ""  # CIDR
    gateway: str = ""
    network6: str = ""
    gateway6: str = ""
    free: int | None = None  # addresses
    reserved: int | None = None
    connections: tuple[NetworkConnection, ...] = ()
    tags: tuple[str, ...] = ()

    @classmethod
    def from_rapi(cls, raw: Raw) -> "Network":
        groups = raw.get("group_list")
        return cls(
            name=text(raw.get("name")),
            uuid=text(raw.get("uuid")),
            network=text(raw.get("network")),
            gateway=text(raw.get("gateway")),
            network6=text(raw.get("network6")),
            gateway6=text(raw.get("gateway6")),
            free=whole(raw.get("free_count")),
            reserved=whole(raw.get("reserved_count")),
            connections=tuple(
                NetworkConnection(text(column(entry, 0)), text(column(entry, 1)), text(column(entry, 2)))
                for entry in (groups if isinstance(groups, list | tuple) else ())[:MAX_ITEMS]
                if isinstance(entry, list | tuple)
            ),
            tags=texts(raw.get("tags")),
        )


class ClusterInfo(Value, frozen=True):
    """What /2/info says about the cluster as a whole."""

    name: str = ""
    software_version: str = ""
    master: str = ""
    default_hypervisor: str = ""
    enabled_hypervisors: tuple[str, ...] = ()
    enabled_disk_templates: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ctime: float | None = None

    @classmethod
    def from_rapi(cls, raw: Raw) -> "ClusterInfo":
        ipolicy = raw.get("ipolicy")
        templates = ipolicy.get("disk-templates") if isinstance(ipolicy, Mapping) else None
        return cls(
            name=text(raw.get("name")),
            software_version=text(raw.get("software_version")),
            master=text(raw.get("master")),
            default_hypervisor=text(raw.get("default_hypervisor")),
            enabled_hypervisors=texts(raw.get("enabled_hypervisors")),
            enabled_disk_templates=texts(templates) or texts(raw.get("enabled_disk_templates")),
            tags=texts(raw.get("tags")),
            ctime=seconds(raw.get("ctime")),
        )

    @property
    def version(self) -> tuple[int, ...]:
        """(3, 0, 2) for "3.0.2"; empty where the cluster does not say."""
        numbers = []
        for part in self.software_version.split("~")[0].split("."):
            if not (part.isascii() and part.isdigit()):
                break
            numbers.append(int(part[:9]))
        return tuple(numbers)


# ---- jobs ---------------------------------------------------------------------------------------

WAITING_JOB = frozenset({"queued", "waiting", "waitlock"})  # "waitlock" is what 2.5 and older say
ENDED_JOB = frozenset({"success", "error", "canceled"})
UNFINISHED_JOB = WAITING_JOB | {"running", "canceling"}
JOB_STATES = UNFINISHED_JOB | ENDED_JOB


class LogLine(Value, frozen=True):
    """A line that a job wrote; `opcode` is the number of the opcode within the job."""

    serial: int
    time: float | None
    message: str
    opcode: int = 0


class Job(Value, frozen=True):
    """One job of Ganeti's queue. A job that the cluster no longer knows has no status."""

    id: int
    status: str = ""
    summary: tuple[str, ...] = ()
    opcodes: tuple[str, ...] = ()  # OP_INSTANCE_STARTUP, ...
    instances: tuple[str, ...] = ()  # what each opcode is about, "" where that is no instance
    reasons: tuple[str, ...] = ()  # texts of the reason trail, all opcodes together
    opstatus: tuple[str, ...] = ()
    log: tuple[LogLine, ...] = ()
    error: str = ""  # Ganeti's own words, when it failed
    received: float | None = None
    started: float | None = None
    ended: float | None = None

    @classmethod
    def from_rapi(cls, raw: Raw) -> "Job":
        ops = raw.get("ops")
        opcodes = [op for op in ops if isinstance(op, Mapping)] if isinstance(ops, list | tuple) else []
        status = text(raw.get("status"))
        return cls(
            id=whole(raw.get("id")) or 0,
            status=status,
            summary=texts(raw.get("summary")),
            opcodes=tuple(text(op.get("OP_ID")) for op in opcodes),
            instances=tuple(_instance_of(op) for op in opcodes),
            reasons=tuple(_reasons(opcodes)),
            opstatus=texts(raw.get("opstatus")),
            log=tuple(_log_lines(raw.get("oplog"))),
            error=_failure(raw.get("opresult"), raw.get("opstatus")) if status == "error" else "",
            received=seconds(raw.get("received_ts")),
            started=seconds(raw.get("start_ts")),
            ended=seconds(raw.get("end_ts")),
        )

    @property
    def is_known(self) -> bool:
        """False for a job that Ganeti forgot: it answers with nulls."""
        return bool(self.status)

    @property
    def is_over(self) -> bool:
        return self.status in ENDED_JOB

    @property
    def succeeded(self) -> bool:
        return self.status == "success"


MAX_NAMED = 16  # instances of one job that are remembered: nearly all jobs are about one
MAX_STEPS = 4  # of what it does to each
MAX_WORD = 64


class PendingJob(Value, frozen=True):
    """A job that waits or runs on a cluster, whoever asked for it, as far as pages tell of it."""

    id: int
    status: str = ""
    instances: tuple[str, ...] = ()
    opcodes: tuple[str, ...] = ()  # "INSTANCE_MIGRATE", ...: what is done to each of them, step by step
    since: float | None = None  # when it began, else when it came

    @classmethod
    def of(cls, job: Job) -> "PendingJob":
        about: dict[str, dict[str, None]] = {}
        for name, opcode in zip(job.instances, job.opcodes, strict=False):
            if name and (name in about or len(about) < MAX_NAMED):
                about.setdefault(name[:MAX_NAME], {})[opcode.removeprefix("OP_")[:MAX_WORD]] = None
        words = tuple(", ".join(list(opcodes)[:MAX_STEPS]) for opcodes in about.values())
        return cls(job.id, job.status, tuple(about), words, job.started or job.received)

    def steps_for(self, instance: str) -> str:
        """What it does to this instance; empty where it is not about it."""
        return next((op for name, op in zip(self.instances, self.opcodes, strict=False) if name == instance), "")

    @property
    def is_at_work(self) -> bool:
        """Whether it has what it waited for."""
        return self.status not in WAITING_JOB


def _instance_of(op: Raw) -> str:
    """The instance that an opcode is about: opcodes about tags name it as they name nodes and groups."""
    return text(op.get("name")) if op.get("kind") == "instance" else text(op.get("instance_name"))


def _reasons(opcodes: Iterable[Raw]) -> Iterable[str]:
    """The texts of `reason` entries, which are [source, text, nanoseconds]."""
    for op in opcodes:
        trail = op.get("reason")
        for entry in trail[:MAX_ITEMS] if isinstance(trail, list | tuple) else ():
            if isinstance(column(entry, 1), str):
                yield text(entry[1])


def _log_lines(oplog: Any) -> Iterable[LogLine]:
    """Lines of all opcodes in their order; an entry is [serial, [seconds, microseconds], kind, message]."""
    for number, lines in enumerate(oplog[:MAX_ITEMS] if isinstance(oplog, list | tuple) else ()):
        for line in lines[-MAX_ITEMS:] if isinstance(lines, list | tuple) else ():
            if isinstance(line, list | tuple) and len(line) >= 4:
                yield LogLine(whole(line[0]) or 0, seconds(line[1]), _message(line[3]), number)


def _message(value: Any) -> str:
    """A log entry's message: a text, or for a few kinds a structure whose texts count."""
    return text(value) if isinstance(value, str) else " ".join(_leaves(value, 20))[:MAX_TEXT]


def _failure(opresult: Any, opstatus: Any) -> str:
    """The first failed opcode's own words: its result is [class, [message, code]] or a text."""
    if not isinstance(opresult, list | tuple):
        return ""
    for number, result in enumerate(opresult[:MAX_ITEMS]):
        status = column(opstatus, number)
        if result is None or status == "success":
            continue
        words = list(_leaves(column(result, 1) if _is_error(result) else result, 20))
        if words:
            return (words[0] if _is_error(result) else " ".join(words))[:MAX_TEXT]
        if _is_error(result):
            return text(result[0])
    return ""


def _is_error(result: Any) -> bool:
    return isinstance(result, list | tuple) and len(result) == 2 and isinstance(result[0], str)


def _leaves(value: Any, most: int) -> Iterable[str]:
    """At most `most` texts found in a nested value, without recursion: a server may nest deeply."""
    stack = [value]
    while stack and most > 0:
        item = stack.pop()
        if isinstance(item, str):
            most -= 1
            yield text(item)
        elif isinstance(item, list | tuple):
            stack.extend(reversed(item[:MAX_ITEMS]))
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())[:MAX_ITEMS]))
