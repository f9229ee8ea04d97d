"""The clusters that the samples were recorded on, rebuilt in the simulator from the samples themselves."""

import base64
import json
import re
from pathlib import Path
from typing import Any

from apps.demo import rapi
from apps.demo.faults import Faults
from apps.demo.jobs import Pace
from apps.demo.world import Disk, Group, Instance, Network, Nic, Node, SimulatedCluster, User

SAMPLES = Path(__file__).parent / "samples"
INDEX: list[dict[str, Any]] = json.loads((SAMPLES / "index.json").read_text())
BY_NAME = {entry["file"].removesuffix(".json"): entry for entry in INDEX}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


class Clock:
    """A clock that the tests turn."""

    def __init__(self, now: float = 1_795_198_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def instance_from(row: dict[str, Any], osparams: dict[str, str] | None = None) -> Instance:
    """The instance that a row of /2/instances?bulk=1 describes."""
    nics = [
        Nic(mac, ip, mode, link, network, name, uuid)
        for mac, ip, mode, link, network, name, uuid in zip(
            *(row[f"nic.{part}"] for part in ("macs", "ips", "modes", "links", "networks.names", "names", "uuids")),
            strict=True,
        )
    ]
    disks = [Disk(*about) for about in zip(row["disk.sizes"], row["disk.names"], row["disk.uuids"], strict=True)]
    return Instance(
        row["name"], row["uuid"], row["os"], row["pnode"],
        hypervisor="kvm" if row["hvparams"] else "fake",
        snodes=row["snodes"], disk_template=row["disk_template"], nics=nics, disks=disks,
        beparams=row["custom_beparams"], hvparams=row["custom_hvparams"], osparams=osparams or {},
        admin_state=row["admin_state"], running_on=row["pnode"] if row["oper_state"] else "",
        network_port=row["network_port"], tags=row["tags"], ctime=row["ctime"], mtime=row["mtime"],
        serial_no=row["serial_no"],
    )  # fmt: skip


def mirror(clock: Clock | None = None, *, kvm: bool = False) -> SimulatedCluster:
    """The testbed's cluster c1 with its six instances; with `kvm` the instances of c9 instead."""
    clock = clock or Clock()
    world = SimulatedCluster("c1", domain="c9.ganeti.example" if kvm else "c1.ganeti.example", clock=clock, pace=Pace())
    world.users = {
        "ganetimgr": User("testbed", "write"),
        "reader": User("reader", "read"),
        "guest": User("guest"),
    }
    info = sample("kvm-info" if kvm else "info")
    world.uuid, world.ctime, world.mac_prefix, world.tags = (
        info["uuid"],
        info["ctime"],
        info["mac_prefix"],
        info["tags"],
    )
    world.hypervisors = tuple(info["enabled_hypervisors"])
    world.disk_templates = tuple(info["enabled_disk_templates"])
    world.hvparams = info["hvparams"]
    world.systems = tuple(sample("os"))
    groups = sample("groups-bulk")
    names = {row["uuid"]: row["name"] for row in groups}
    for row in groups:
        world.groups[row["name"]] = Group(
            row["name"], row["uuid"], ctime=row["ctime"], mtime=row["mtime"], serial_no=row["serial_no"]
        )
    for row in sample("nodes-bulk"):
        group = names[row["group.uuid"]]
        name = row["name"].replace("c1.", "c9.") if kvm else row["name"]
        world.nodes[name] = Node(
            name, group, row["uuid"], row["role"], memory=row["mtotal"] or 0, disk=row["dtotal"] or 0,
            cpus=row["ctotal"] or 0, address=row["pip"], ctime=row["ctime"], mtime=row["mtime"],
            serial_no=row["serial_no"],
        )  # fmt: skip
    for row in sample("networks-bulk"):
        world.networks[row["name"]] = Network(
            row["name"], row["uuid"], row["network"], row["gateway"], row["network6"], row["gateway6"],
            [tuple(connection[:3]) for connection in row["group_list"]], tags=row["tags"],
            ctime=row["ctime"], mtime=row["mtime"], serial_no=row["serial_no"],
        )  # fmt: skip
    for row in sample("kvm-instances-bulk" if kvm else "instances-bulk"):
        world.instances[row["name"]] = instance_from(row, {"img_format": "diskdump", "img_id": "debian-12"})
    return world


def ask(
    world: SimulatedCluster,
    method: str,
    target: str,
    body: Any = None,
    *,
    user: str = "ganetimgr",
    password: str | None = None,
    kind: str = "application/json",
    faults: Faults | None = None,
) -> rapi.Answer:
    """What the remote API answers; a text as body is sent as it is."""
    headers = {}
    if user:
        secret = world.users[user].password if password is None else password
        headers["authorization"] = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
    raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    if raw:
        headers["content-type"] = kind
    return rapi.handle(world, faults or Faults(), rapi.Request(method, target, headers, raw))


def said(answer: rapi.Answer) -> Any:
    """The JSON of an answer, computed now where Ganeti would wait for it."""
    return answer.then() if answer.then else json.loads(answer.body)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def shape(value: Any) -> Any:
    """What stays of an answer on another day: names and words; uuids, addresses of cards and times are only kinds."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, int) for item in value) and value[0] > 10**9:
            return "time"
        return [shape(item) for item in value]
    if isinstance(value, str):
        return _MAC.sub("mac", _UUID.sub("uuid", value))
    return "time" if isinstance(value, int | float) and value > 10**9 else value


def keys(value: Any) -> Any:
    """The names in an answer and the kinds of its values, of a list those of its first item."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
