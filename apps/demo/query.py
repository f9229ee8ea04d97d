"""Ganeti's query language: fields of instances, nodes, groups, networks and jobs, and filters over them.

An answer's cells are pairs [kind, value]: 0 normal, 1 unknown field, 2 no data, 3 not available, 4 offline.
"""

import enum
import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apps.demo import jobs as job_queue
from apps.demo.world import NDPARAMS, Group, Instance, Network, Node, SimulatedCluster, recorded

Filter = list[Any]
Getter = Callable[["Look", Any], Any]
RESOURCES = ("instance", "node", "group", "network", "job")
_DESCRIBED_ONLY = ("lock", "export", "filter")  # nothing of these is simulated, their lists are empty
_NAME_FIELD = {"job": "id"}


class Missing(enum.Enum):
    """Why a cell has no value."""

    UNKNOWN = 1
    NO_DATA = 2
    UNAVAILABLE = 3
    OFFLINE = 4


class QueryError(Exception):
    """A question that Ganeti answers with a 500; the text is its message."""


class Look:
    """One look at a cluster: what rows need besides themselves, computed once."""

    def __init__(self, world: SimulatedCluster) -> None:
        self.world = world
        self.now = world.clock()

    @functools.cached_property
    def primaries(self) -> dict[str, list[str]]:
        """Names of instances by their primary node."""
        return _gathered((instance.pnode, instance.name) for instance in self.world.instances.values())

    @functools.cached_property
    def secondaries(self) -> dict[str, list[str]]:
        return _gathered(
            (node, instance.name) for instance in self.world.instances.values() for node in instance.snodes
        )

    @functools.cached_property
    def disk_of_node(self) -> dict[str, int]:
        """MiB that instances take on each node."""
        taken: dict[str, int] = {}
        for instance in self.world.instances.values():
            size = sum(disk.size for disk in instance.disks)
            for node in (instance.pnode, *instance.snodes):
                taken[node] = taken.get(node, 0) + size
        return taken

    @functools.cached_property
    def memory_of_node(self) -> dict[str, int]:
        taken: dict[str, int] = {}
        for instance in self.world.instances.values():
            if instance.running_on:
                taken[instance.running_on] = taken.get(instance.running_on, 0) + instance.memory
        return taken

    @functools.cached_property
    def inhabitants(self) -> dict[str, list[str]]:
        """Names of instances by network."""
        return _gathered(
            (nic.network, instance.name)
            for instance in self.world.instances.values()
            for nic in instance.nics
            if nic.network
        )

    def group_uuid(self, node: str) -> Any:
        found = self.world.nodes.get(node)
        return self.world.groups[found.group].uuid if found else Missing.UNAVAILABLE

    def group(self, node: str) -> Any:
        found = self.world.nodes.get(node)
        return found.group if found else Missing.UNAVAILABLE


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for key, value in pairs:
        lists.setdefault(key, []).append(value)
    return lists


def _or_unavailable(value: Any) -> Any:
    return Missing.UNAVAILABLE if value is None else value


# ---- instances -----------------------------------------------------------------------------------


def _live(value: Callable[[Look, Instance], Any]) -> Getter:
    """A field that only the instance's node can tell."""

    def getter(look: Look, instance: Instance) -> Any:
        node = look.world.nodes.get(instance.pnode)
        if node is not None and node.is_silent:
            return Missing.OFFLINE if node.role == "O" else Missing.NO_DATA
        return value(look, instance)

    return getter


def _nic_bridge(nic: Any) -> str | None:
    return nic.link if nic.mode == "bridged" else None


def _network_uuid(look: Look, name: str | None) -> str | None:
    return look.world.networks[name].uuid if name in look.world.networks else None


NIC_LISTS: dict[str, Callable[[Look, Any], Any]] = {
    "ip": lambda look, nic: nic.ip,
    "mac": lambda look, nic: nic.mac,
    "mode": lambda look, nic: nic.mode,
    "link": lambda look, nic: nic.link,
    "bridge": lambda look, nic: _nic_bridge(nic),
    "name": lambda look, nic: nic.name,
    "uuid": lambda look, nic: nic.uuid,
    "vlan": lambda look, nic: "",
    "network": lambda look, nic: _network_uuid(look, nic.network),
    "network.name": lambda look, nic: nic.network,
}
DISK_LISTS: dict[str, Callable[[Any], Any]] = {
    "size": lambda disk: disk.size,
    "name": lambda disk: disk.name,
    "uuid": lambda disk: disk.uuid,
    "spindles": lambda disk: None,
}
_DEPRECATED = {
    "ip": "nic.ip/0", "mac": "nic.mac/0", "bridge": "nic.bridge/0", "nic_mode": "nic.mode/0",
    "nic_link": "nic.link/0", "nic_network": "nic.network/0", "sda_size": "disk.size/0", "sdb_size": "disk.size/1",
    "vcpus": "be/vcpus",
}  # fmt: skip


def _console(look: Look, instance: Instance) -> Any:
    return console(look.world, instance) if instance.running_on else Missing.UNAVAILABLE


def console(world: SimulatedCluster, instance: Instance) -> dict[str, Any]:
    """How to reach a running instance's console."""
    if instance.hypervisor == "fake":
        words = "Console not available for fake hypervisor"
        return {"instance": instance.name, "kind": "msg", "message": words}
    if instance.hypervisor == "kvm" and world.merged_hvparams(instance).get("vnc_bind_address"):
        return {
            "instance": instance.name,
            "kind": "vnc",
            "host": instance.running_on,
            "port": instance.network_port,
            "display": (instance.network_port or 5900) - 5900,
        }
    tool = "kvm-console-wrapper" if instance.hypervisor == "kvm" else "xen-console-wrapper"
    return {
        "instance": instance.name,
        "kind": "ssh",
        "host": instance.running_on,
        "user": "root",
        "command": [f"/usr/lib/ganeti/tools/{tool}", instance.name],
    }


def _plain_nic(nic: Any) -> dict[str, Any]:
    return {"mode": nic.mode, "link": nic.link, "vlan": ""}


_LIVE_FIELDS: dict[str, Callable[[Look, Instance], Any]] = {
    "oper_state": lambda look, instance: bool(instance.running_on),
    "oper_ram": lambda look, instance: instance.memory if instance.running_on else Missing.UNAVAILABLE,
    "oper_vcpus": lambda look, instance: (
        look.world.merged_beparams(instance)["vcpus"] if instance.running_on else Missing.UNAVAILABLE
    ),
    "console": _console,
}
INSTANCE: dict[str, Getter] = {
    "name": lambda look, instance: instance.name,
    "uuid": lambda look, instance: instance.uuid,
    "status": lambda look, instance: look.world.status(instance),
    "admin_state": lambda look, instance: (
        instance.admin_state == "up" if look.world.profile.boolean_admin_state else instance.admin_state
    ),
    "admin_state_source": lambda look, instance: "admin",
    "admin_up": lambda look, instance: instance.admin_state == "up",
    "pnode": lambda look, instance: instance.pnode,
    "pnode.group": lambda look, instance: look.group(instance.pnode),
    "pnode.group.uuid": lambda look, instance: look.group_uuid(instance.pnode),
    "snodes": lambda look, instance: instance.snodes,
    "snodes.group": lambda look, instance: [look.group(node) for node in instance.snodes],
    "snodes.group.uuid": lambda look, instance: [look.group_uuid(node) for node in instance.snodes],
    "os": lambda look, instance: instance.os,
    "hypervisor": lambda look, instance: instance.hypervisor,
    "disk_template": lambda look, instance: instance.disk_template,
    "disk.count": lambda look, instance: len(instance.disks),
    "disk_usage": lambda look, instance: sum(disk.size for disk in instance.disks),
    "disks_active": lambda look, instance: bool(instance.running_on),
    "nic.count": lambda look, instance: len(instance.nics),
    "beparams": lambda look, instance: look.world.merged_beparams(instance),
    "hvparams": lambda look, instance: look.world.merged_hvparams(instance),
    "osparams": lambda look, instance: instance.osparams,
    "custom_beparams": lambda look, instance: instance.beparams,
    "custom_hvparams": lambda look, instance: instance.hvparams,
    "custom_osparams": lambda look, instance: instance.osparams,
    "custom_nicparams": lambda look, instance: [_plain_nic(nic) for nic in instance.nics],
    "nic.networks.names": lambda look, instance: [nic.network for nic in instance.nics],
    "network_port": lambda look, instance: _or_unavailable(instance.network_port),
    "forthcoming": lambda look, instance: False,
    "tags": lambda look, instance: sorted(instance.tags),
    "ctime": lambda look, instance: instance.ctime,
    "mtime": lambda look, instance: instance.mtime,
    "serial_no": lambda look, instance: instance.serial_no,
    **{name: _live(value) for name, value in _LIVE_FIELDS.items()},
}


def _nic_list(part: str) -> Getter:
    return lambda look, instance: [NIC_LISTS[part](look, nic) for nic in instance.nics]


def _disk_list(part: str) -> Getter:
    return lambda look, instance: [DISK_LISTS[part](disk) for disk in instance.disks]


INSTANCE |= {f"nic.{part}s": _nic_list(part) for part in NIC_LISTS if part != "network.name"}
INSTANCE |= {f"disk.{part}s": _disk_list(part) for part in ("size", "name", "uuid")}
INSTANCE["disk.spindles"] = _disk_list("spindles")


def _instance_getter(name: str) -> Getter | None:
    """The getter of a field, also of those with a number or a parameter in their names."""
    name = _DEPRECATED.get(name, name)
    if name in INSTANCE:
        return INSTANCE[name]
    head, _, tail = name.partition("/")
    if head == "be":
        key = "maxmem" if tail == "memory" else tail
        return lambda look, instance: _or_unavailable(look.world.merged_beparams(instance).get(key))
    if head == "hv":
        return lambda look, instance: _or_unavailable(look.world.merged_hvparams(instance).get(tail))
    kind, _, part = head.partition(".")
    if not tail.isdigit() or kind not in ("nic", "disk"):
        return None
    number = int(tail)
    if kind == "nic":
        return lambda look, instance: (
            _or_unavailable(NIC_LISTS[part](look, instance.nics[number]))
            if number < len(instance.nics)
            else Missing.UNAVAILABLE
        )
    return lambda look, instance: (
        _or_unavailable(DISK_LISTS[part](instance.disks[number]))
        if number < len(instance.disks)
        else Missing.UNAVAILABLE
    )


# ---- nodes, groups, networks ---------------------------------------------------------------------


def _told_by_node(value: Callable[[Look, Node], Any]) -> Getter:
    def getter(look: Look, node: Node) -> Any:
        if node.is_silent:
            return Missing.OFFLINE if node.role == "O" else Missing.NO_DATA
        return value(look, node)

    return getter


_TOLD_BY_NODES: dict[str, Callable[[Look, Node], Any]] = {
    "mtotal": lambda look, node: node.memory,
    "mnode": lambda look, node: 2048,
    "mfree": lambda look, node: max(node.memory - 2048 - look.memory_of_node.get(node.name, 0), 0),
    "dtotal": lambda look, node: node.disk,
    "dfree": lambda look, node: max(node.disk - look.disk_of_node.get(node.name, 0), 0),
    "sptotal": lambda look, node: Missing.UNAVAILABLE,
    "spfree": lambda look, node: Missing.UNAVAILABLE,
    "ctotal": lambda look, node: node.cpus,
    "cnos": lambda look, node: node.cpus,
    "cnodes": lambda look, node: 1,
    "csockets": lambda look, node: 1,
    "bootid": lambda look, node: node.uuid,
}
NODE: dict[str, Getter] = {
    "name": lambda look, node: node.name,
    "uuid": lambda look, node: node.uuid,
    "role": lambda look, node: node.role,
    "master": lambda look, node: node.role == "M",
    "master_candidate": lambda look, node: node.role in "MC",
    "master_capable": lambda look, node: True,
    "vm_capable": lambda look, node: node.vm_capable,
    "offline": lambda look, node: node.role == "O",
    "drained": lambda look, node: node.role == "D",
    "powered": lambda look, node: Missing.UNAVAILABLE,
    "group": lambda look, node: node.group,
    "group.uuid": lambda look, node: look.world.groups[node.group].uuid,
    "pip": lambda look, node: node.address,
    "sip": lambda look, node: node.address,
    "pinst_list": lambda look, node: look.primaries.get(node.name, []),
    "pinst_cnt": lambda look, node: len(look.primaries.get(node.name, [])),
    "sinst_list": lambda look, node: look.secondaries.get(node.name, []),
    "sinst_cnt": lambda look, node: len(look.secondaries.get(node.name, [])),
    "ndparams": lambda look, node: NDPARAMS,
    "custom_ndparams": lambda look, node: {},
    "disk_state": lambda look, node: Missing.UNAVAILABLE,
    "hv_state": lambda look, node: Missing.UNAVAILABLE,
    "tags": lambda look, node: sorted(node.tags),
    "ctime": lambda look, node: node.ctime,
    "mtime": lambda look, node: node.mtime,
    "serial_no": lambda look, node: node.serial_no,
    **{name: _told_by_node(value) for name, value in _TOLD_BY_NODES.items()},
}


def _policy(world: SimulatedCluster) -> dict[str, Any]:
    return {**recorded("info")["ipolicy"], "disk-templates": list(world.disk_templates)}


def _node_names(look: Look, group: Group) -> list[str]:
    return [node.name for node in look.world.nodes_of_group(group.name)]


def _instances_of_group(look: Look, group: Group) -> list[str]:
    return [name for node in _node_names(look, group) for name in look.primaries.get(node, [])]


GROUP: dict[str, Getter] = {
    "name": lambda look, group: group.name,
    "uuid": lambda look, group: group.uuid,
    "alloc_policy": lambda look, group: group.alloc_policy,
    "node_list": _node_names,
    "node_cnt": lambda look, group: len(_node_names(look, group)),
    "pinst_list": _instances_of_group,
    "pinst_cnt": lambda look, group: len(_instances_of_group(look, group)),
    "ipolicy": lambda look, group: _policy(look.world),
    "custom_ipolicy": lambda look, group: {},
    "diskparams": lambda look, group: recorded("info")["diskparams"],
    "custom_diskparams": lambda look, group: {},
    "ndparams": lambda look, group: NDPARAMS,
    "custom_ndparams": lambda look, group: {},
    "tags": lambda look, group: sorted(group.tags),
    "ctime": lambda look, group: group.ctime,
    "mtime": lambda look, group: group.mtime,
    "serial_no": lambda look, group: group.serial_no,
}


def _occupied(look: Look, network: Network) -> set[str]:
    return look.world.used_addresses(network) | set(look.world.reserved_addresses(network))


def _map(look: Look, network: Network) -> str:
    taken = _occupied(look, network)
    return "".join("X" if str(address) in taken else "." for address in ipaddress.ip_network(network.network))


NETWORK: dict[str, Getter] = {
    "name": lambda look, network: network.name,
    "uuid": lambda look, network: network.uuid,
    "network": lambda look, network: network.network,
    "gateway": lambda look, network: _or_unavailable(network.gateway),
    "network6": lambda look, network: _or_unavailable(network.network6),
    "gateway6": lambda look, network: _or_unavailable(network.gateway6),
    "mac_prefix": lambda look, network: Missing.UNAVAILABLE,
    "map": _map,
    "free_count": lambda look, network: _map(look, network).count("."),
    "reserved_count": lambda look, network: _map(look, network).count("X"),
    "external_reservations": lambda look, network: ", ".join(look.world.reserved_addresses(network)),
    "group_list": lambda look, network: [[*connection, ""] for connection in network.connections],
    "group_cnt": lambda look, network: len(network.connections),
    "inst_list": lambda look, network: look.inhabitants.get(network.name, []),
    "inst_cnt": lambda look, network: len(look.inhabitants.get(network.name, [])),
    "tags": lambda look, network: sorted(network.tags),
    "ctime": lambda look, network: network.ctime,
    "mtime": lambda look, network: network.mtime,
    "serial_no": lambda look, network: network.serial_no,
}


def _job_getter(name: str) -> Getter:
    """A field of a job; of one that Ganeti does not know only the number, it comes as a bare number."""

    def getter(look: Look, job: Any) -> Any:
        if isinstance(job, int):
            return job if name == "id" else Missing.UNAVAILABLE
        profile = look.world.profile
        fields = job_queue.fields_of(job, look.now, profile)
        return _or_unavailable(fields[name])

    return getter


_JOB_FIELDS = (
    "id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts", "oplog", "opresult", "opstart",
    "opexec", "opend", "oppriority", "priority", "archived",
)  # fmt: skip
JOB: dict[str, Getter] = {name: _job_getter(name) for name in _JOB_FIELDS}


def getter(resource: str, field: str) -> Getter:
    """How to get a field of a resource; an unknown one is no error, its cells say that it is unknown."""
    known = {"node": NODE, "group": GROUP, "network": NETWORK, "job": JOB}
    if field not in definitions(resource):
        found = None
    elif resource == "instance":
        found = _instance_getter(field)
    elif field.startswith("ndp/"):
        found = lambda look, item: NDPARAMS[field.removeprefix("ndp/")]  # noqa: E731
    else:
        found = known[resource].get(field)
    return found or (lambda look, item: Missing.UNKNOWN)


# ---- rows and cells ------------------------------------------------------------------------------


@functools.cache
def definitions(resource: str) -> Mapping[str, dict[str, str]]:
    """Title, kind and meaning of a resource's fields, by name."""
    return {field["name"]: field for field in recorded(f"query-fields-{resource}")["fields"]}


def describe_fields(resource: str) -> dict[str, Any]:
    """What GET /2/query/RESOURCE/fields answers."""
    words = {"os": "ItemTypeOpCode QROs", "cluster": "ItemTypeOpCode QRCluster"}
    if resource in words:
        raise QueryError(f"QueryFields '{words[resource]}' not supported")
    return {"fields": list(definitions(resource).values())}


def is_known(resource: str) -> bool:
    return resource in (*RESOURCES, *_DESCRIBED_ONLY, "os", "cluster")


def rows_of(world: SimulatedCluster, resource: str) -> list[Any]:
    """All objects of a kind, in Ganeti's order."""
    shelves: Mapping[str, Mapping[Any, Any]] = {
        "instance": world.instances,
        "node": world.nodes,
        "group": world.groups,
        "network": world.networks,
        "job": world.jobs.all,
    }
    shelf = shelves.get(resource, {})
    return [shelf[key] for key in sorted(shelf)]


def plain(look: Look, resource: str, item: Any, fields: Iterable[str]) -> dict[str, Any]:
    """A row of the older lists: nulls where there is no value."""
    values = {field: getter(resource, field)(look, item) for field in fields}
    return {field: None if isinstance(value, Missing) else value for field, value in values.items()}


def _cell(value: Any) -> list[Any]:
    return [value.value, None] if isinstance(value, Missing) else [0, value]


def answer(world: SimulatedCluster, resource: str, fields: list[str], qfilter: Filter | None = None) -> dict[str, Any]:
    """What PUT /2/query/RESOURCE answers; raises QueryError."""
    if resource in ("os", "cluster"):
        raise QueryError(f"Query of {resource} is not supported")
    look = Look(world)
    getters = [getter(resource, field) for field in fields]
    return {
        "data": [[_cell(get(look, item)) for get in getters] for item in _selected(look, resource, qfilter)],
        "fields": [_definition(resource, field) for field in fields],
    }


def _definition(resource: str, field: str) -> dict[str, str]:
    unknown = {"name": field, "title": field, "kind": "unknown", "doc": f"Unknown field '{field}'"}
    return dict(definitions(resource).get(field, unknown))


# ---- filters -------------------------------------------------------------------------------------


def _selected(look: Look, resource: str, qfilter: Filter | None) -> list[Any]:
    rows = rows_of(look.world, resource)
    if not qfilter:
        return rows
    names = requested_names(_NAME_FIELD.get(resource, "name"), qfilter)
    if names is not None:
        rows = _named(look.world, resource, names)
    return [row for row in rows if passes(look, resource, row, qfilter)]


def requested_names(name_field: str, qfilter: Filter) -> list[Any] | None:
    """The names in a filter that asks for nothing else, directly or in an "or"; None for all other filters."""
    if qfilter[0] == "=" and qfilter[1] == name_field:
        return [qfilter[2]]
    if qfilter[0] != "|":
        return None
    found: list[Any] = []
    for part in qfilter[1:]:
        names = requested_names(name_field, part) if part else []
        if names is None:
            return None
        found += names
    return found


def _named(world: SimulatedCluster, resource: str, names: list[Any]) -> list[Any]:
    """The objects with these names. Ganeti forgives a job that it does not know, and nothing else."""
    if resource == "job":
        numbers = sorted({int(name) for name in names})
        return [world.jobs.all.get(number, number) for number in numbers]
    rows = {row.name: row for row in rows_of(world, resource)}
    found = {}
    for name in names:
        full = next((known for known in rows if is_name(known, name)), None)
        if full is None:
            raise QueryError(str((f"{resource.capitalize()} name {name} not found", "unknown_entity")))
        found[full] = rows[full]
    return [found[name] for name in sorted(found)]


def is_name(full: str, given: str) -> bool:
    """Whether a given name means this object: the whole name, or its first components."""
    return full == given or full.startswith(f"{given}.")


def passes(look: Look, resource: str, item: Any, qfilter: Filter) -> bool:
    """Whether a row passes a filter; a cell without a value passes every comparison, as Ganeti has it."""
    operator, *operands = qfilter
    if operator == "|":
        return any(passes(look, resource, item, part) for part in operands)
    if operator == "&":
        return all(passes(look, resource, item, part) for part in operands)
    if operator == "!":
        return not passes(look, resource, item, operands[0])
    if operator == "!=":
        return not passes(look, resource, item, ["=", *operands])
    if operator not in _COMPARISONS:
        raise QueryError(f"Unknown filter operand '{operator}'")
    field = operands[0]
    if field not in definitions(resource):
        raise QueryError(f"Can't find field named '{field}'")
    value = getter(resource, field)(look, item)
    if isinstance(value, Missing):
        return True
    is_hostname = operator == "=" and field == "name" and resource in ("instance", "node")
    return _COMPARISONS["=name" if is_hostname else operator](value, *operands[1:])


def _comparable(value: Any, wanted: Any) -> None:
    """Raises QueryError unless both are texts or both are numbers."""
    if isinstance(value, list) and len(value) == 2:  # a job's time stamp counts by its seconds
        value = value[0]
    for kind in (str, int | float):
        if isinstance(value, kind) and isinstance(wanted, kind) and not isinstance(value, bool):
            return
    raise QueryError(f"Invalid types in comparison, trying to compare {value} with '{wanted}'")


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, wanted: Any) -> bool:
        _comparable(value, wanted)
        return test(value[0] if isinstance(value, list) else value, wanted)

    return compare


def _is_true(value: Any) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"Unexpected value '{value}' in boolean context")
    return value


def _matches(value: Any, pattern: str) -> bool:
    if not isinstance(value, str):
        raise QueryError(f"Invalid field value used in regexp matching, expecting string but got '{value}'")
    try:
        return re.search(pattern, value) is not None
    except re.error as error:
        raise QueryError(f"Invalid regular expression '{pattern}': {error}") from error


def _contains(value: Any, wanted: Any) -> bool:
    if not isinstance(value, list):
        raise QueryError(f"Unable to read value '{value}' as a list")
    return wanted in value


_COMPARISONS: dict[str, Callable[..., bool]] = {
    "=": _compared(lambda value, wanted: value == wanted),
    "==": _compared(lambda value, wanted: value == wanted),
    "<": _compared(lambda value, wanted: value < wanted),
    "<=": _compared(lambda value, wanted: value <= wanted),
    ">": _compared(lambda value, wanted: value > wanted),
    ">=": _compared(lambda value, wanted: value >= wanted),
    "=name": _compared(is_name),
    "=~": _matches,
    "=[]": _contains,
    "?": _is_true,
}
