"""What Ganeti tells us, as frozen values. They hold no client: reading an attribute never starts a request.

Every `from_rapi` takes what it knows and tolerates the rest: Ganeti 2.4 to 3.1 send different
fields, offline nodes send nulls, and a broken server may send anything at all. Sizes are MiB,
times are seconds since 1970. The field names are those of Ganeti's query2 documentation.
"""

import ipaddress
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
MAX_PAIRS = 16  # pairs of least and most in an instance policy
MAX_MAP = 1024  # addresses of a network that we know one by one; of a larger one only how many are free
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


def ratio(value: Any) -> float | None:
    """A finite number above zero, such as how many virtual CPUs a real one may carry."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 2**63 else None  # also drops NaN and infinity


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


def is_secret(key: str) -> bool:
    """Whether a parameter of this name may hold something that nobody should read."""
    return "passw" in key.lower() or "secret" in key.lower()


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
    memory_own: int | None = None  # MiB that the node itself takes, beside its instances
    cpu_sockets: int | None = None
    cpu_nodes: int | None = None  # NUMA nodes
    spindles_total: int | None = None  # only where disks are given out exclusively
    spindles_free: int | None = None
    secondary_ip: str = ""
    master_capable: bool | None = None
    powered: bool | None = None  # as it was last switched out of band; None where there is no such switch
    ctime: float | None = None

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
            memory_own=whole(raw.get("mnode")),
            cpu_sockets=whole(raw.get("csockets")),
            cpu_nodes=whole(raw.get("cnodes")),
            spindles_total=whole(raw.get("sptotal")),
            spindles_free=whole(raw.get("spfree")),
            secondary_ip=text(raw.get("sip")),
            master_capable=truth(raw.get("master_capable")),
            powered=truth(raw.get("powered")),
            ctime=seconds(raw.get("ctime")),
        )

    @property
    def is_silent(self) -> bool:
        """Whether it told nothing of what only a node itself can tell: it does not answer, or nobody asks it."""
        return self.memory_total is None and self.disk_total is None and self.cpus is None


class Spec(Value, frozen=True):
    """One corner of an instance policy; None where it does not say."""

    memory: int | None = None  # MiB
    cpus: int | None = None
    disk: int | None = None  # MiB of each disk
    disks: int | None = None
    nics: int | None = None
    spindles: int | None = None

    @classmethod
    def from_rapi(cls, raw: Any) -> "Spec":
        names = ("memory-size", "cpu-count", "disk-size", "disk-count", "nic-count", "spindle-use")
        return cls(*(whole(raw.get(name)) for name in names)) if isinstance(raw, Mapping) else cls()


class Policy(Value, frozen=True):
    """Which sizes of instances a cluster or a group takes. Newer Ganetis know several pairs of least and most."""

    bounds: tuple[tuple[Spec, Spec], ...] = ()
    standard: Spec = Spec()
    vcpu_ratio: float | None = None  # virtual CPUs for each real one
    spindle_ratio: float | None = None

    @classmethod
    def from_rapi(cls, raw: Any) -> "Policy | None":
        """None where Ganeti is too old to have one (before 2.6)."""
        if not isinstance(raw, Mapping) or not raw:
            return None
        pairs = raw.get("minmax")
        if not isinstance(pairs, list | tuple):  # before 2.9 there was one pair
            pairs = [raw] if "min" in raw or "max" in raw else []
        return cls(
            tuple(
                (Spec.from_rapi(pair.get("min")), Spec.from_rapi(pair.get("max")))
                for pair in pairs[:MAX_PAIRS]
                if isinstance(pair, Mapping)
            ),
            Spec.from_rapi(raw.get("std")),
            ratio(raw.get("vcpu-ratio")),
            ratio(raw.get("spindle-ratio")),
        )


class NodeGroup(Value, frozen=True):
    name: str
    uuid: str = ""
    alloc_policy: str = ""  # preferred, last_resort, unallocable
    nodes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    policy: Policy | None = None  # the cluster's, where the group has none of its own

    @classmethod
    def from_rapi(cls, raw: Raw) -> "NodeGroup":
        return cls(
            name=text(raw.get("name")),
            uuid=text(raw.get("uuid")),
            alloc_policy=text(raw.get("alloc_policy")),
            nodes=texts(raw.get("node_list")),
            tags=texts(raw.get("tags")),
            policy=Policy.from_rapi(raw.get("ipolicy")),
        )

    @property
    def is_locked(self) -> bool:
        """Under maintenance: owners of instances whose primary node is in here wait."""
        return tag_grammar.LOCKED_GROUP in self.tags

    @property
    def volume_groups(self) -> tuple[str, ...]:
        """Those that its tags offer beside the cluster's own."""
        names = (tag.removeprefix("vg:") for tag in self.tags if tag.startswith("vg:"))
        return tuple(name for name in names if name)


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
    external: int | None = None  # reserved addresses that no instance may have
    taken_map: bytes = b""  # a bit for each address that is not free, of networks up to MAX_MAP
    external_map: bytes = b""  # a bit for each of those that no instance may have
    mac_prefix: str = ""

    @classmethod
    def from_rapi(cls, raw: Raw) -> "Network":
        groups = raw.get("group_list")
        taken = raw.get("map")
        external = _listed_addresses(raw.get("external_reservations"))
        drawn = taken if isinstance(taken, str) and len(taken) <= MAX_MAP else ""
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
            external=None if external is None else len(external),
            taken_map=_bits(letter == "X" for letter in drawn),
            external_map=_places(external or (), text(raw.get("network")), len(drawn)),
            mac_prefix=text(raw.get("mac_prefix")),
        )

    @property
    def by_instances(self) -> int | None:
        """How many addresses instances have."""
        return None if self.reserved is None else max(self.reserved - (self.external or 0), 0)

    @property
    def places(self) -> str:
        """A letter for each address: "." free, "X" an instance's, "E" given to no instance; "" where nobody knows."""
        pairs = zip(_flags(self.taken_map), _flags(self.external_map), strict=True)
        size = _size_of(self.network)
        return "".join("E" if external else "X" if taken else "." for taken, external in pairs)[:size]

    @property
    def next_free(self) -> str:
        """The first address that is free; "" where none is, or nobody knows."""
        place = self.places.find(".")
        return str(ipaddress.ip_network(self.network, strict=False)[place]) if place >= 0 else ""


def _listed_addresses(value: Any) -> list[str] | None:
    """The addresses of a text like "192.0.2.0, 192.0.2.255"; None where Ganeti does not say."""
    if not isinstance(value, str) or len(value) > MAX_TEXT * 256:
        return None
    return [address for part in value.split(",") if (address := part.strip())]


def _size_of(network: str) -> int:
    """How many addresses are in it; 0 for what is no network."""
    try:
        return ipaddress.ip_network(network, strict=False).num_addresses
    except ValueError:
        return 0


def _places(addresses: Iterable[str], network: str, size: int) -> bytes:
    """The places of these addresses within the network, as bits."""
    try:
        first = int(ipaddress.ip_network(network, strict=False).network_address)
        places = {int(ipaddress.ip_address(address)) - first for address in addresses}
    except ValueError:
        places = set()
    return _bits(place in places for place in range(size))


def _bits(flags: Iterable[bool]) -> bytes:
    letters = "".join("1" if flag else "0" for flag in flags)
    size = -(-len(letters) // 8)
    return int(letters.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")


def _flags(bits: bytes) -> list[bool]:
    return [bool(byte >> shift & 1) for byte in bits for shift in range(7, -1, -1)]


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
    policy: Policy | None = None
    architecture: tuple[str, ...] = ()  # ("64bits", "x86_64")
    mac_prefix: str = ""
    volume_group: str = ""
    master_netdev: str = ""
    candidate_pool_size: int | None = None  # how many nodes shall be able to become the master
    max_running_jobs: int | None = None
    default_iallocator: str = ""

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
            policy=Policy.from_rapi(ipolicy),
            architecture=texts(raw.get("architecture")),
            mac_prefix=text(raw.get("mac_prefix")),
            volume_group=text(raw.get("volume_group_name")) or text(raw.get("vg_name")),
            master_netdev=text(raw.get("master_netdev")),
            candidate_pool_size=whole(raw.get("candidate_pool_size")),
            max_running_jobs=whole(raw.get("max_running_jobs")),
            default_iallocator=text(raw.get("default_iallocator")),
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
            error=failure_of(raw.get("opresult"), raw.get("opstatus")) if status == "error" else "",
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


def failure_of(opresult: Any, opstatus: Any) -> str:
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
