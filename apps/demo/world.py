"""A simulated cluster as Ganeti's configuration and its nodes would describe it: values, no sockets, no Django.

Times are seconds since 1970 and come from the cluster's clock, sizes are MiB. Tests change what they
like in `instances`, `nodes`, `groups` and `networks`; `lock` guards it against a server's threads.
"""

import functools
import ipaddress
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from apps.demo import hvparams
from apps.demo.jobs import Job, JobQueue, Pace
from apps.demo.profiles import PROFILES, Profile

Parameters = dict[str, Any]

DEFAULT_BEPARAMS = {
    "minmem": 128, "maxmem": 128, "vcpus": 1, "auto_balance": True, "always_failover": False, "spindle_use": 1,
}  # fmt: skip
NDPARAMS = {
    "oob_program": "", "spindle_count": 1, "exclusive_storage": False, "ovs": False, "ovs_name": "switch1",
    "ovs_link": "", "ssh_port": 22, "cpu_speed": 1,
}  # fmt: skip
MIRRORED_TEMPLATES = frozenset({"drbd", "sharedfile", "rbd", "ext", "gluster", "diskless"})  # these can migrate


@functools.cache
def recorded(name: str) -> Any:
    """An answer that a real Ganeti gave, see recorded/README.md."""
    return json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text())


class Nic(msgspec.Struct, omit_defaults=True):
    mac: str
    ip: str | None = None
    mode: str = "bridged"
    link: str = "br0"
    network: str | None = None  # a network's name
    name: str | None = None
    uuid: str = ""


class Disk(msgspec.Struct, omit_defaults=True):
    size: int
    name: str | None = None
    uuid: str = ""


class Instance(msgspec.Struct, omit_defaults=True):
    name: str
    uuid: str
    os: str
    pnode: str
    hypervisor: str = "kvm"
    snodes: list[str] = []
    disk_template: str = "drbd"
    nics: list[Nic] = []
    disks: list[Disk] = []
    beparams: Parameters = {}  # those that differ from the cluster's
    hvparams: Parameters = {}
    osparams: Parameters = {}
    admin_state: str = "up"  # what should be: up, down, offline
    running_on: str = ""  # what is: the node's name, empty when it does not run
    network_port: int | None = None
    tags: list[str] = []
    ctime: float = 0.0
    mtime: float = 0.0
    serial_no: int = 1

    @property
    def memory(self) -> int:
        return self.beparams.get("maxmem", DEFAULT_BEPARAMS["maxmem"])


class Node(msgspec.Struct, omit_defaults=True):
    name: str
    group: str
    uuid: str
    role: str = "R"  # Master, Candidate, Regular, Drained, Offline
    down: bool = False  # without power, though nobody marked it offline
    memory: int = 131072
    disk: int = 3815447
    cpus: int = 32
    address: str = "192.0.2.1"
    vm_capable: bool = True
    tags: list[str] = []
    ctime: float = 0.0
    mtime: float = 0.0
    serial_no: int = 1

    @property
    def is_silent(self) -> bool:
        return self.down or self.role == "O"


class Group(msgspec.Struct, omit_defaults=True):
    name: str
    uuid: str
    alloc_policy: str = "preferred"
    tags: list[str] = []
    ctime: float = 0.0
    mtime: float = 0.0
    serial_no: int = 1


class Network(msgspec.Struct, omit_defaults=True):
    name: str
    uuid: str
    network: str
    gateway: str | None = None
    network6: str | None = None
    gateway6: str | None = None
    connections: list[tuple[str, str, str]] = []  # group, mode, link
    reserved: list[str] = []  # addresses that Ganeti must not hand out
    tags: list[str] = []
    ctime: float = 0.0
    mtime: float = 0.0
    serial_no: int = 1

    def connection(self, group: str) -> tuple[str, str] | None:
        """Mode and link of this network in a node group."""
        return next(((mode, link) for name, mode, link in self.connections if name == group), None)


class User(msgspec.Struct):
    """Somebody who may use the remote API; `option` is write, read, or empty."""

    password: str
    option: str = ""


USERS = {
    "ganetimgr": User("simulated", "write"),
    "reader": User("reader", "read"),
    "guest": User("guest"),
}


class _Saved(msgspec.Struct):
    """What survives a restart of the simulator."""

    slug: str
    domain: str
    profile: str
    settings: dict[str, Any]
    tags: list[str]
    nodes: list[Node]
    groups: list[Group]
    networks: list[Network]
    instances: list[Instance]
    jobs: list[Job]
    next_job: int


class SimulatedCluster:
    """One cluster: its configuration, the state of its nodes, and its job queue."""

    def __init__(
        self,
        slug: str,
        *,
        domain: str = "",
        profile: str = "3.0",
        clock: Callable[[], float] = time.time,
        pace: Pace | None = None,
        seed: int = 0,
    ) -> None:
        self.slug = slug
        self.domain = domain or f"{slug}.example.org"
        self.clock = clock
        self.lock = threading.RLock()
        self.random = random.Random(f"{slug}/{seed}")
        self.profile_name = profile
        self.pretended_profile = ""  # a fault: the cluster speaks as another release
        self.users = dict(USERS)
        self.tags: list[str] = []
        self.nodes: dict[str, Node] = {}
        self.groups: dict[str, Group] = {}
        self.networks: dict[str, Network] = {}
        self.instances: dict[str, Instance] = {}
        self.systems: tuple[str, ...] = ("noop", "snf-image+default")
        self.hypervisors: tuple[str, ...] = ("kvm", "fake")
        self.disk_templates: tuple[str, ...] = ("drbd", "plain", "sharedfile", "file", "diskless")
        self.hvparams: dict[str, Parameters] = {}  # the cluster's own, by hypervisor
        self.volume_group: str | None = None  # LVM's, on every node
        self.mac_prefix = f"aa:00:{self.random.randrange(256):02x}"
        self.uuid = self.new_uuid()
        self.ctime = clock()
        self.jobs = JobQueue(self, pace or Pace())

    @property
    def name(self) -> str:
        return f"cluster.{self.domain}"

    @property
    def profile(self) -> Profile:
        """How this cluster's release of Ganeti speaks."""
        return PROFILES[self.pretended_profile or self.profile_name]

    @property
    def master(self) -> Node:
        return next(node for node in self.nodes.values() if node.role == "M")

    # ---- what Ganeti would compute --------------------------------------------------------------

    def status(self, instance: Instance) -> str:
        """Ganeti's word for what an instance does, compared with what it should do."""
        node = self.nodes.get(instance.pnode)
        if node is not None and node.role == "O":
            return "ERROR_nodeoffline"
        if node is not None and node.down:
            return "ERROR_nodedown"
        if instance.running_on and instance.running_on != instance.pnode:
            return "ERROR_wrongnode"
        if instance.admin_state == "up":
            return "running" if instance.running_on else "ERROR_down"
        if instance.running_on:
            return "ERROR_up"
        return "ADMIN_offline" if instance.admin_state == "offline" else "ADMIN_down"

    def merged_beparams(self, instance: Instance) -> Parameters:
        return {**DEFAULT_BEPARAMS, **instance.beparams}

    def default_hvparams(self, hypervisor: str) -> Parameters:
        return {**recorded("info")["hvparams"].get(hypervisor, {}), **self.hvparams.get(hypervisor, {})}

    def merged_hvparams(self, instance: Instance) -> Parameters:
        """What the hypervisor is told about an instance."""
        merged = {**self.default_hvparams(instance.hypervisor), **instance.hvparams}
        return {name: value for name, value in merged.items() if name not in hvparams.CLUSTER_WIDE}

    def nodes_of_group(self, group: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.group == group]

    def free_memory(self, node: Node) -> int:
        running = (instance.memory for instance in self.instances.values() if instance.running_on == node.name)
        return max(node.memory - 2048 - sum(running), 0)

    def used_addresses(self, network: Network) -> set[str]:
        """The addresses that instances hold in a network."""
        nics = (nic for instance in self.instances.values() for nic in instance.nics)
        return {nic.ip for nic in nics if nic.network == network.name and nic.ip}

    def reserved_addresses(self, network: Network) -> list[str]:
        """The addresses that Ganeti never hands out: the ends of the network, its gateway and the operator's own."""
        block = ipaddress.ip_network(network.network)
        ends = {str(block.network_address), str(block.broadcast_address)}
        chosen = ends | set(network.reserved) | ({network.gateway} if network.gateway else set())
        return sorted(chosen, key=ipaddress.ip_address)

    def free_address(self, network: Network) -> str | None:
        """The first address that a network can still give."""
        taken = self.used_addresses(network) | set(self.reserved_addresses(network))
        block = ipaddress.ip_network(network.network)
        return next((str(address) for address in block if str(address) not in taken), None)

    # ---- making things ----------------------------------------------------------------------------

    def new_uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def new_mac(self) -> str:
        return ":".join([self.mac_prefix, *(f"{self.random.randrange(256):02x}" for _ in range(3))])

    def new_port(self) -> int:
        """A console's port, as Ganeti gives them: from 11000 upwards."""
        taken = {instance.network_port for instance in self.instances.values()}
        return next(port for port in range(11000, 15000) if port not in taken)

    def add_group(self, name: str, **fields: Any) -> Group:
        now = self.clock()
        self.groups[name] = group = Group(name, self.new_uuid(), ctime=now, mtime=now, **fields)
        return group

    def add_node(self, name: str, group: str, **fields: Any) -> Node:
        now = self.clock()
        fields.setdefault("address", f"10.0.{len(self.slug)}.{len(self.nodes) + 11}")
        self.nodes[name] = node = Node(name, group, self.new_uuid(), ctime=now, mtime=now, **fields)
        return node

    def add_network(self, name: str, network: str, **fields: Any) -> Network:
        now = self.clock()
        self.networks[name] = made = Network(name, self.new_uuid(), network, ctime=now, mtime=now, **fields)
        return made

    def add_instance(self, name: str, pnode: str, *, running: bool = True, **fields: Any) -> Instance:
        """A new instance that runs, or is stopped by its owner."""
        now = self.clock()
        fields = {"os": self.systems[-1], "hypervisor": self.hypervisors[0], "ctime": now, "mtime": now, **fields}
        fields.setdefault("admin_state", "up" if running else "down")
        if fields["hypervisor"] in ("kvm", "xen-hvm"):
            fields.setdefault("network_port", self.new_port())
        instance = Instance(name, self.new_uuid(), pnode=pnode, running_on=pnode if running else "", **fields)
        self.instances[name] = instance
        return instance

    def nic(self, network: str | None = None, *, group: str = "", ip: str | None = None, **fields: Any) -> Nic:
        """A network interface; in a network it takes that network's mode and link, and its next address."""
        if network:
            found = self.networks[network]
            mode, link = found.connection(group) or found.connections[0][1:]
            fields = {"mode": mode, "link": link, **fields}
            ip = ip or self.free_address(found)
        return Nic(self.new_mac(), ip, network=network, uuid=self.new_uuid(), **fields)

    def disk(self, size: int, name: str | None = None) -> Disk:
        return Disk(size, name, self.new_uuid())

    # ---- what survives a restart ----------------------------------------------------------------------

    _SETTINGS = ("systems", "hypervisors", "disk_templates", "hvparams", "volume_group", "mac_prefix", "uuid", "ctime")

    def to_json(self) -> bytes:
        """Everything about this cluster that a restart must not forget."""
        with self.lock:
            return msgspec.json.encode(
                _Saved(
                    slug=self.slug,
                    domain=self.domain,
                    profile=self.profile_name,
                    settings={name: getattr(self, name) for name in self._SETTINGS},
                    tags=self.tags,
                    nodes=list(self.nodes.values()),
                    groups=list(self.groups.values()),
                    networks=list(self.networks.values()),
                    instances=list(self.instances.values()),
                    jobs=list(self.jobs.all.values()),
                    next_job=self.jobs.next_id,
                )
            )

    @classmethod
    def from_json(
        cls, saved: bytes, *, clock: Callable[[], float] = time.time, pace: Pace | None = None
    ) -> "SimulatedCluster":
        """The cluster that `to_json` described; raises msgspec.MsgspecError for anything else."""
        kept = msgspec.json.decode(saved, type=_Saved)
        world = cls(kept.slug, domain=kept.domain, profile=kept.profile, clock=clock, pace=pace, seed=kept.next_job)
        for name, value in kept.settings.items():
            setattr(world, name, tuple(value) if isinstance(value, list) else value)
        world.tags = kept.tags
        world.nodes = {node.name: node for node in kept.nodes}
        world.groups = {group.name: group for group in kept.groups}
        world.networks = {network.name: network for network in kept.networks}
        world.instances = {instance.name: instance for instance in kept.instances}
        world.jobs.restore(kept.jobs, kept.next_job)
        return world

    # ---- tags ---------------------------------------------------------------------------------------------

    def tagged(self, kind: str, name: str = "") -> list[str] | None:
        """The list of tags of one of Ganeti's objects, to be read or changed; None where there is no such object."""
        if kind == "cluster":
            return self.tags
        shelves: Mapping[str, Mapping[str, Any]] = {
            "instance": self.instances,
            "node": self.nodes,
            "nodegroup": self.groups,
            "network": self.networks,
        }
        found = shelves[kind].get(name)
        return None if found is None else found.tags
