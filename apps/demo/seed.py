"""The demo's estate: three clusters that show everything once; and crowds for measuring.

Deterministic: the same instances with the same addresses every time, only the times follow the clock.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from apps.demo import opcodes
from apps.demo.jobs import Job, Pace
from apps.demo.world import Instance, SimulatedCluster

HOUR, DAY = 3600.0, 86400.0
DESCRIPTIONS = {"north": "North", "south": "South", "east": "East"}
OTHERS = tuple(f"user{number:02d}" for number in range(1, 19))
IMAGES = ("debian-12", "debian-13", "ubuntu-24.04", "rocky-9", "windows-server-2022")
KVM = {"kernel_path": "", "serial_console": False, "vnc_bind_address": "0.0.0.0"}  # noqa: S104  (on simulated nodes)
GIB = 1024


def demo_worlds(*, clock: Callable[[], float] = time.time, pace: Pace | None = None) -> list[SimulatedCluster]:
    """The clusters north, south and east with their 60 instances."""
    worlds = [_north(clock, pace), _south(clock, pace), _east(clock, pace)]
    for world in worlds:
        _add_history(world)
    return worlds


# ---- helpers that say what an instance is like ---------------------------------------------------


def user(*names: str) -> list[str]:
    return [f"ganetimgr:users:{name}" for name in names]


def group(*names: str) -> list[str]:
    return [f"ganetimgr:groups:{name}" for name in names]


def mark(*words: str) -> list[str]:
    """Our other tags: adminlock, service:mail, org:physics, ..."""
    return [f"ganetimgr:{word}" for word in words]


class _Builder:
    """Adds instances to one cluster, on its usable nodes in turn."""

    def __init__(self, world: SimulatedCluster, network: str, nodes: list[str], template: str, age: float) -> None:
        self.world = world
        self.network = network
        self.template = template
        self.age = age
        self._nodes = itertools.cycle(nodes)
        self._count = itertools.count()

    def add(
        self,
        name: str,
        tags: list[str],
        *,
        memory: int = 2 * GIB,
        vcpus: int = 2,
        disks: tuple[int, ...] = (20 * GIB,),
        networks: tuple[str, ...] | None = None,
        image: str = "",
        node: str = "",
        **fields: Any,
    ) -> Instance:
        """An instance; networks default to the cluster's first, the image to the next one in turn."""
        world, number = self.world, next(self._count)
        node = node or next(self._nodes)
        where = world.nodes[node].group
        born = world.clock() - self.age + number * DAY
        fields.setdefault("disk_template", self.template)
        fields.setdefault("os", next(system for system in world.systems if system.endswith("image+default")))
        if fields["disk_template"] == "drbd":
            others = [other.name for other in world.nodes_of_group(where) if other.name != node]
            fields.setdefault("snodes", others[:1])
        instance = world.add_instance(
            name,
            node,
            nics=[world.nic(network, group=where) for network in ((self.network,) if networks is None else networks)],
            disks=[world.disk(size) for size in disks],
            beparams={"minmem": memory, "maxmem": memory, "vcpus": vcpus},
            osparams={"img_id": image or IMAGES[number % len(IMAGES)], "img_format": "diskdump"},
            tags=sorted(tags),
            **fields,
        )
        instance.ctime, instance.mtime = born, born + number % 7 * HOUR
        instance.serial_no = 2 + number % 9
        return instance


# ---- the three clusters --------------------------------------------------------------------------


def _north(clock: Callable[[], float], pace: Pace | None) -> SimulatedCluster:
    """Five nodes, KVM on DRBD: the usual cluster; its master and some nodes in `default`, the others in `rack2`."""
    world = SimulatedCluster("north", domain="north.example.org", clock=clock, pace=pace)
    world.systems = ("noop", "snf-image+debian", "snf-image+default", "snf-image+windows")
    world.hvparams = {"kvm": dict(KVM)}
    world.volume_group = "xenvg"
    world.tags = mark("ext:shared-vlmc", "ext:shared-vlmc:params:pool:gold")
    world.add_group("default", tags=["vg:fast"])
    world.add_group("rack2")
    for number, (where, role) in enumerate(
        [("default", "M"), ("default", "C"), ("rack2", "R"), ("rack2", "R"), ("rack2", "D")], start=1
    ):
        world.add_node(f"node{number}.north.example.org", where, role=role)
    world.add_network(
        "public", "192.0.2.0/24", gateway="192.0.2.1", network6="2001:db8:100::/64", gateway6="2001:db8:100::1",
        connections=[("default", "bridged", "br-public"), ("rack2", "bridged", "br-public")], tags=["public"],
    )  # fmt: skip
    world.add_network("private", "198.51.100.0/25", connections=[("default", "routed", "private")])
    nodes = [f"node{number}.north.example.org" for number in (1, 2, 3, 4)]
    build = _Builder(world, "public", nodes, "drbd", 400 * DAY)
    build.add("www.example.org", user("alice") + group("noc") + mark("org:physics", "application:17"), memory=4 * GIB)
    build.add(
        "mail.example.org", user("alice", "user01") + mark("service:mail", "org:physics"), vcpus=4, memory=8 * GIB,
        disks=(20 * GIB, 200 * GIB), networks=("public", "private"), node="node1.north.example.org",
    )  # fmt: skip
    build.add("test.example.org", ["ganetimgr:user:alice", *mark("application:21")], running=False)
    build.add(
        "db.example.net", group("noc") + mark("org:operations"), memory=16 * GIB, vcpus=8,
        disks=(20 * GIB, 100 * GIB, 100 * GIB, 400 * GIB), hvparams={"disk_cache": "none"},
    )  # fmt: skip
    build.add("monitor.example.net", ["ganetimgr:group:noc", *mark("service:monitoring")])
    build.add(
        "isolated.example.com",
        user("user02") + mark("isolate", "whitelist_ip:192.0.2.0/24", "whitelist_ip:2001:db8::/32"),
    )
    build.add("locked.example.com", user("user03") + mark("adminlock", "application:9"))
    build.add(
        "reconfigured.example.com",
        user("user04") + mark("needsreboot"),
        hvparams={"boot_order": "cdrom", "cdrom_image_path": "https://mirror.example.org/rescue.iso"},
    )
    crashed = build.add("crashed.example.com", user("user05"))
    crashed.running_on = ""
    build.add("retired.example.com", user("user06") + mark("vg:fast"), running=False, admin_state="offline")
    build.add("nowhere.example.com", user("user07"), networks=(), disks=(1 * GIB,), memory=512, vcpus=1)
    up = build.add("stubborn.example.com", [*user("user08"), "vima:policy:expired"])
    up.admin_state = "down"
    for number, owner in enumerate(OTHERS[:14], start=1):
        build.add(f"vm{number:02d}.example.org", user(owner), running=number % 5 != 0)
    return world


def _south(clock: Callable[[], float], pace: Pace | None) -> SimulatedCluster:
    """Four nodes, KVM on shared storage; a group under maintenance and a node that is offline."""
    world = SimulatedCluster("south", domain="south.example.net", clock=clock, pace=pace)
    world.systems = ("noop", "snf-image+debian", "snf-image+default")
    world.hvparams = {"kvm": dict(KVM)}
    world.disk_templates = ("sharedfile", "ext", "rbd", "diskless")
    world.add_group("default")
    world.add_group("maintenance", tags=["locked"])
    for number, (where, role) in enumerate(
        [("default", "M"), ("default", "C"), ("maintenance", "R"), ("default", "O")], start=1
    ):
        world.add_node(f"kvm{number}.south.example.net", where, role=role, memory=262144, cpus=64)
    world.add_network(
        "dmz", "203.0.113.0/25", gateway="203.0.113.1", network6="2001:db8:200::/64", gateway6="2001:db8:200::1",
        connections=[("default", "routed", "dmz"), ("maintenance", "routed", "dmz")],
    )  # fmt: skip
    build = _Builder(world, "dmz", ["kvm1.south.example.net", "kvm2.south.example.net"], "sharedfile", 250 * DAY)
    build.add("www.example.org", user("alice") + mark("org:physics"), memory=4 * GIB)  # the same name as on north
    build.add("backup.example.org", user("alice") + mark("application:22"), disks=(20 * GIB, 500 * GIB))
    build.add("lab.example.org", ["ganetimgr:user:alice", *user("user09")], node="kvm3.south.example.net")
    build.add("dns.example.net", group("noc") + mark("org:operations", "service:dns"), memory=1 * GIB, vcpus=1)
    build.add("proxy.example.net", group("noc", "web"), node="kvm3.south.example.net")
    stranded = build.add("stranded.example.com", user("user10"), node="kvm4.south.example.net")
    stranded.running_on = ""
    build.add("stranded-too.example.com", user("user11"), node="kvm4.south.example.net", running=False)
    for number, owner in enumerate(OTHERS[4:], start=21):
        build.add(f"vm{number}.example.net", user(owner), running=number % 6 != 0)
    return world


def _east(clock: Callable[[], float], pace: Pace | None) -> SimulatedCluster:
    """Three nodes with Xen and an older Ganeti."""
    world = SimulatedCluster("east", domain="east.example.com", profile="2.9", clock=clock, pace=pace)
    world.systems = ("debootstrap+default", "image+default", "noop")
    world.hypervisors = ("xen-pvm",)
    world.volume_group = "xenvg"
    world.disk_templates = ("plain", "drbd", "diskless")
    world.hvparams = {"xen-pvm": {"use_bootloader": True, "bootloader_path": "/usr/bin/pygrub"}}
    world.add_group("hall-a")
    world.add_group("hall-b", alloc_policy="last_resort")
    for number, (where, role) in enumerate([("hall-a", "M"), ("hall-a", "C"), ("hall-b", "C")], start=1):
        world.add_node(f"xen{number}.east.example.com", where, role=role, memory=65536, cpus=16, disk=953674)
    world.add_network(
        "campus", "198.51.100.128/25", gateway="198.51.100.129",
        connections=[("hall-a", "bridged", "xenbr0"), ("hall-b", "bridged", "xenbr1")],
    )  # fmt: skip
    nodes = [f"xen{number}.east.example.com" for number in (1, 2, 3)]
    build = _Builder(world, "campus", nodes, "plain", 900 * DAY)
    build.add("archive.example.com", user("alice") + mark("org:library"), disks=(50 * GIB,), memory=1 * GIB)
    build.add("old.example.com", ["ganetimgr:user:alice"], running=False, memory=512, vcpus=1)
    build.add("gateway.example.net", ["ganetimgr:group:noc"], memory=1 * GIB)
    for number, owner in enumerate(OTHERS[8:], start=41):
        build.add(f"vm{number}.example.com", user(owner), memory=1 * GIB, running=number % 4 != 0)
    return world


# ---- jobs that have run, and some that still do --------------------------------------------------


def _add_history(world: SimulatedCluster) -> None:
    """Jobs of the last hours, and three that run or wait as the demo begins."""
    names = sorted(world.instances)
    for number, hours in enumerate((9.0, 7.5, 6.0, 4.0, 2.5, 1.0)):
        _add_past_job(world, names[number], hours * HOUR)
    _add_past_failure(world, names[-1], 3 * HOUR)
    verify = world.jobs.submit([opcodes.new("OP_TEST_DELAY", duration=1800)])
    busy = _quiet_instance(world)
    reinstall = [
        opcodes.new("OP_INSTANCE_SHUTDOWN", instance_name=busy),
        opcodes.new(
            "OP_INSTANCE_REINSTALL",
            instance_name=busy,
            osparams={"img_id": "debian-13", "img_format": "diskdump", "testbed_delay": "900"},
        ),
        opcodes.new("OP_INSTANCE_STARTUP", instance_name=busy),
    ]
    running = world.jobs.submit(reinstall)
    world.jobs.submit([opcodes.new("OP_TAGS_SET", name=busy, tags=["reinstalled"])])  # waits for the lock
    for number in (verify, running):
        world.jobs.all[number].due = world.clock()


def _quiet_instance(world: SimulatedCluster) -> str:
    """A running instance of somebody who is not among the demo's people."""
    return next(
        name
        for name in sorted(world.instances, reverse=True)
        if world.status(world.instances[name]) == "running" and name.startswith("vm")
    )


def _add_past_job(world: SimulatedCluster, name: str, ago: float) -> None:
    began = world.clock() - ago
    op = opcodes.begun(world, opcodes.new("OP_INSTANCE_REBOOT", dry_run=False, instance_name=name))
    _add_ended(world, op, began, "success", None)


def _add_past_failure(world: SimulatedCluster, name: str, ago: float) -> None:
    began = world.clock() - ago
    op = opcodes.begun(world, opcodes.new("OP_INSTANCE_STARTUP", dry_run=False, instance_name=name))
    words = "Not enough memory on node for starting instance: needed 4096 MiB, available 1830 MiB"
    _add_ended(world, op, began, "error", ["OpPrereqError", [words, "insufficient_resources"]])


def _add_ended(world: SimulatedCluster, op: opcodes.Opcode, began: float, status: str, result: Any) -> None:
    number = world.jobs.next_id
    opcodes.add_reason(op, f"gnt:opcode:{opcodes.kebab(op)}", f"job={number};index=0", began)
    world.jobs.restore(
        [
            *world.jobs.all.values(),
            Job(
                number, [op], received=began, due=None, status=status, opstatus=[status], oplog=[[]],
                opresult=[result], opstart=[began + 0.3], opexec=[began + 0.5], opend=[began + 3.0],
                started=began + 0.3, ended=began + 3.0,
            ),
        ],
        number + 1,
    )  # fmt: skip


# ---- crowds --------------------------------------------------------------------------------------


def crowd(clusters: int, instances: int, *, pace: Pace | None = None) -> Iterator[SimulatedCluster]:
    """That many clusters with that many instances each, owned by as many people as there are instances / 5."""
    for number in range(1, clusters + 1):
        yield _crowded(f"c{number:03d}", instances, pace)


def _crowded(slug: str, instances: int, pace: Pace | None) -> SimulatedCluster:
    world = SimulatedCluster(slug, pace=pace)
    chance = random.Random(slug)
    world.hvparams = {"kvm": dict(KVM)}
    world.add_group("default")
    world.add_group("rack2")
    nodes = [
        world.add_node(
            f"node{number}.{world.domain}", "default" if number % 2 else "rack2", role="R" if number else "M"
        )
        for number in range(max(instances // 40, 2))
    ]
    now = world.clock()
    for number in range(instances):
        node = nodes[number % len(nodes)]
        memory = chance.choice((1, 2, 4, 8)) * GIB
        instance = world.add_instance(
            f"vm{number:05d}.{world.domain}",
            node.name,
            running=chance.random() < 0.85,
            network_port=11000 + number,
            disk_template="plain",
            nics=[world.nic(ip=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", link="br0")],
            disks=[world.disk(chance.choice((10, 20, 40)) * GIB)],
            beparams={"minmem": memory, "maxmem": memory, "vcpus": chance.choice((1, 2, 4))},
            tags=user(f"user{chance.randrange(max(instances // 5, 1)):05d}"),
        )
        instance.ctime = instance.mtime = now - chance.random() * 900 * DAY
    return world
