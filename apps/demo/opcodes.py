"""What each of Ganeti's opcodes takes, checks, says and does.

A verb's `defaults` are the parameters that a new opcode shows, in Ganeti's order; `filled_in` are those
that appear when it begins. `check` raises what the opcode ends with when it cannot be done.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.demo import hvparams
from ganeti import tags as tag_grammar

if TYPE_CHECKING:
    from apps.demo.world import Disk, Instance, Nic, SimulatedCluster

Opcode = dict[str, Any]

# Only these names would be found in the DNS: as in the testbed with the real Ganeti.
_RESOLVABLE = re.compile(r"vm\d\d\.")
OS_PARAMETERS = frozenset(
    {
        "img_id", "img_format", "img_passwd", "img_properties", "img_personality", "img_ssh_key_url", "img_userdata",
        "testbed_delay", "testbed_fail",
    }
)  # fmt: skip
_LEAST_DISK, _LEAST_MEMORY, _MOST_MEMORY = 1024, 128, 32768  # the cluster's policy for instances
_MOST_DISK = 1_048_576  # MiB


class OpcodeError(Exception):
    """An opcode that ended badly; `result` is what Ganeti keeps: the class, and its arguments."""

    def __init__(self, kind: str, arguments: list[Any]) -> None:
        super().__init__(kind, arguments)
        self.result = [kind, arguments]


def impossible(words: str, code: str = "wrong_state") -> OpcodeError:
    """The usual error: the opcode's prerequisites do not hold."""
    return OpcodeError("OpPrereqError", [words, code])


# ---- making and showing opcodes ------------------------------------------------------------------


def new(op_id: str, *, dry_run: bool | None = None, **parameters: Any) -> Opcode:
    """An opcode as Ganeti shows it before it begins. Requests of their own have a `dry_run`, parts of one have not."""
    head: Opcode = {} if dry_run is None else {"dry_run": dry_run}
    head |= {"priority": 0, "depends": None, "comment": None, "reason": [], "OP_ID": op_id}
    defaults = VERBS[op_id].defaults if op_id in VERBS else {}
    return head | {**defaults, **parameters}


def kebab(op: Opcode) -> str:
    """instance_startup for OP_INSTANCE_STARTUP: as the trail of reasons names it."""
    return op["OP_ID"].removeprefix("OP_").lower()


def summary(op: Opcode) -> str:
    """INSTANCE_STARTUP(name): one line for lists of jobs."""
    title = op["OP_ID"].removeprefix("OP_")
    verb = VERBS.get(op["OP_ID"])
    return f"{title}({op[verb.summary]})" if verb and verb.summary else title


def add_reason(op: Opcode, source: str, text: str, now: float) -> None:
    if "reason" in op:  # releases before 2.9 have no trail of reasons
        op["reason"].append([source, text, round(now * 1e6) * 1000])


def begun(world: "SimulatedCluster", op: Opcode) -> Opcode:
    """The opcode with what Ganeti fills in when it begins: debug level, uuid of the instance, and defaults."""
    verb = VERBS.get(op["OP_ID"])
    head = {"dry_run": op["dry_run"]} if "dry_run" in op else {}
    filled = head | {"debug_level": 0}
    for name, value in op.items():
        filled[name] = value
        instance = world.instances.get(value) if name == "instance_name" and isinstance(value, str) else None
        if instance and op["OP_ID"] != "OP_INSTANCE_CREATE":
            filled["instance_uuid"] = instance.uuid
    if op["OP_ID"] == "OP_INSTANCE_CREATE":
        filled["beparams"] = _beparams(filled["beparams"])
    return filled | (dict(verb.filled_in) if verb else {})


def locks(op: Opcode) -> set[str]:
    """The instances that an opcode needs for itself."""
    if op["OP_ID"].startswith("OP_TAGS_"):
        return {op["name"]} if op.get("kind") == "instance" else set()
    if op["OP_ID"] == "OP_INSTANCE_QUERY_DATA":
        return set(op["instances"]) if op["use_locking"] else set()
    return {op[name] for name in ("instance_name", "new_name") if op.get(name)}


def effort(op: Opcode) -> tuple[str, float]:
    """Which of the pace's ranges an opcode's duration is drawn from, and seconds on top."""
    verb = VERBS.get(op["OP_ID"])
    asked = op.get("duration") or (op.get("osparams") or {}).get("testbed_delay") or 0
    return (verb.effort if verb else "other"), float(asked)


def check(world: "SimulatedCluster", op: Opcode) -> None:
    """Raises OpcodeError when the opcode cannot succeed as things are."""
    if op["OP_ID"] in VERBS:
        VERBS[op["OP_ID"]].check(world, op)


def lines(world: "SimulatedCluster", op: Opcode) -> list[str]:
    """What the opcode writes to its log, in its order."""
    return list(VERBS[op["OP_ID"]].lines(world, op)) if op["OP_ID"] in VERBS else []


def apply(world: "SimulatedCluster", op: Opcode, now: float) -> Any:
    """Does what the opcode says; the result is what the job shows."""
    if op.get("dry_run") or op["OP_ID"] not in VERBS:
        return None
    return VERBS[op["OP_ID"]].apply(world, op, now)


# ---- what the verbs have in common ---------------------------------------------------------------


def _nothing(world: "SimulatedCluster", op: Opcode) -> None:
    """Always possible."""


def _silence(world: "SimulatedCluster", op: Opcode) -> Iterable[str]:
    return ()


def _no_effect(world: "SimulatedCluster", op: Opcode, now: float) -> Any:
    return None


@dataclass(frozen=True, slots=True)
class Verb:
    defaults: Opcode = field(default_factory=dict)
    filled_in: Opcode = field(default_factory=dict)
    summary: str = "instance_name"  # the parameter that a list of jobs shows
    effort: str = "other"
    check: Callable[["SimulatedCluster", Opcode], None] = _nothing
    lines: Callable[["SimulatedCluster", Opcode], Iterable[str]] = _silence
    apply: Callable[["SimulatedCluster", Opcode, float], Any] = _no_effect


def _instance(world: "SimulatedCluster", op: Opcode) -> "Instance":
    found = world.instances.get(op["instance_name"])
    if found is None:
        raise impossible(f"Instance '{op['instance_name']}' not known", "unknown_entity")
    return found


def _reachable(world: "SimulatedCluster", op: Opcode) -> "Instance":
    """The instance, if its primary node can be asked to do something with it."""
    instance = _instance(world, op)
    node = world.nodes[instance.pnode]
    if node.role == "O":
        raise impossible(f"Can't use offline node: {node.name}")
    if node.down:
        raise impossible(
            f"Error checking bridges on destination node '{node.name}': Error 7: Failed to connect to "
            f"{node.address} port 1811 after 3068 ms: Couldn't connect to server",
            "environment_error",
        )
    return instance


def _stopped(world: "SimulatedCluster", op: Opcode, verb: str) -> "Instance":
    instance = _reachable(world, op)
    if instance.admin_state == "up" or instance.running_on:
        raise impossible(f"Instance '{instance.name}' is marked to be up, cannot {verb}")
    return instance


def _not_offline(world: "SimulatedCluster", op: Opcode, verb: str) -> "Instance":
    instance = _reachable(world, op)
    if instance.admin_state == "offline":
        raise impossible(f"Instance '{instance.name}' is marked to be offline, cannot {verb}")
    return instance


def _changed(item: Any, now: float) -> None:
    item.mtime = now
    item.serial_no += 1


def _resolves(name: str, op: Opcode) -> None:
    if op["name_check"] and not _RESOLVABLE.match(name):
        raise impossible(
            f"The given name ({name}) does not resolve: Temporary failure in name resolution", "resolver_error"
        )


# ---- power ---------------------------------------------------------------------------------------


def _startup_check(world: "SimulatedCluster", op: Opcode) -> None:
    _not_offline(world, op, "start")


def _startup(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    instance = _instance(world, op)
    if not op["no_remember"]:
        instance.admin_state = "up"
    instance.running_on = instance.pnode
    _changed(instance, now)


def _shutdown_check(world: "SimulatedCluster", op: Opcode) -> None:
    _reachable(world, op)


def _shutdown(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    instance = _instance(world, op)
    if not op["no_remember"]:
        instance.admin_state = "down"
    instance.running_on = ""
    _changed(instance, now)


def _reboot_check(world: "SimulatedCluster", op: Opcode) -> None:
    _not_offline(world, op, "reboot")


def _reboot(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    instance = _instance(world, op)
    instance.admin_state, instance.running_on = "up", instance.pnode
    _changed(instance, now)


# ---- a new life ----------------------------------------------------------------------------------


def _check_system(world: "SimulatedCluster", system: str, node: str) -> None:
    if system not in world.systems:
        raise impossible(f"OS '{system}' not in supported OS list for node '{node}'", "wrong_input")


def _check_os_parameters(system: str, node: str, osparams: dict[str, str]) -> None:
    """Raises what the operating system's own check answers to parameters that it does not know."""
    base = system.split("+")[0]
    known = frozenset() if base == "noop" else OS_PARAMETERS
    if unknown := [name for name in osparams if name not in known]:
        words = f"The following parameters are not supported by the OS {base}: {', '.join(unknown)}"
        raise OpcodeError("OpExecError", [f"OS Parameters validation failed on node {node}: {words}"])


def _install(name: str, node: str, osparams: dict[str, str]) -> None:
    """Raises what a script of the operating system answers that was told to fail."""
    if words := osparams.get("testbed_fail"):
        raise OpcodeError(
            "OpExecError",
            [
                f"Could not install OS for instance '{name}' on node '{node}': OS create script failed "
                f"(exited with exit code 1), last lines in the log file:\ncreate: {words}"
            ],
        )


def _reinstall_check(world: "SimulatedCluster", op: Opcode) -> None:
    instance = _stopped(world, op, "reinstall")
    system = op.get("os_type") or instance.os
    if not instance.disks:
        raise impossible(f"Instance '{instance.name}' has no disks", "wrong_input")
    _check_system(world, system, instance.pnode)
    _check_os_parameters(system, instance.pnode, _mixed(instance, op))


def _reinstall_lines(world: "SimulatedCluster", op: Opcode) -> Iterable[str]:
    if op.get("os_type"):
        yield f"Changing OS scripts to '{op['os_type']}'..."
    yield " - INFO: Running instance OS create scripts..."


def _reinstall(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    instance = _instance(world, op)
    instance.os = op.get("os_type") or instance.os
    parameters = _mixed(instance, op)
    if world.profile.keeps_parameters:
        # As they came: the word "default" takes a parameter away from the check, and is its value for the script.
        instance.osparams = dict(op.get("osparams") or {})
        parameters = {**instance.osparams, **parameters}
    _changed(instance, now)
    _install(instance.name, instance.pnode, parameters)


def _mixed(instance: "Instance", op: Opcode) -> dict[str, str]:
    """The parameters that the instance has, and the new ones over them."""
    wish: dict[str, str] = op.get("osparams") or {}
    return {name: value for name, value in {**instance.osparams, **wish}.items() if wish.get(name) != "default"}


def _create_check(world: "SimulatedCluster", op: Opcode) -> None:
    name = op["instance_name"]
    _resolves(name, op)
    if name in world.instances:
        raise impossible(f"Instance '{name}' is already in the cluster", "already_exists")
    node = world.nodes.get(_primary_node(world, op))
    if node is None and not op.get("pnode"):
        raise _no_place(world, op.get("group_name") or "")
    if node is None:
        raise impossible(f"Node '{op.get('pnode')}' not known", "unknown_entity")
    if node.is_silent or node.role == "D":
        state = "drained" if node.role == "D" else "offline"
        raise impossible(f"Cannot use {state} primary node '{node.name}'")
    _check_system(world, op["os_type"], node.name)
    _check_os_parameters(op["os_type"], node.name, op["osparams"])
    _check_policy(world, op, node.group)
    for nic in op["nics"]:
        _check_network(world, nic, node.group)
    # Ganeti completes an opcode while it checks it, and shows these from now on.
    op |= {"hypervisor": op.get("hypervisor") or world.hypervisors[0], "osparams_private": {}, "osparams_secret": {}}
    op |= {"pnode": node.name, "pnode_uuid": node.uuid}


def _no_place(world: "SimulatedCluster", group: str) -> OpcodeError:
    """What the allocator says that has no node to choose from."""
    words = f"Group {group} (preferred): No valid allocation solutions, failure reasons: "
    if group and group not in world.groups:
        words = f"Wrong number of elems found with name {group}"
    return impossible(f"Can't compute nodes using iallocator 'hail': Request failed: {words}", "insufficient_resources")


def _check_policy(world: "SimulatedCluster", op: Opcode, group: str) -> None:
    memory = _beparams(op["beparams"]).get("maxmem", _LEAST_MEMORY)
    wrong = [
        f"disk-size/{number} value {disk['size']} is not in range [{_LEAST_DISK}, {_MOST_DISK}]"
        for number, disk in enumerate(op["disks"])
        if not _LEAST_DISK <= int(disk["size"]) <= _MOST_DISK
    ]
    if not _LEAST_MEMORY <= memory <= _MOST_MEMORY:
        wrong.append(f"memory-size value {memory} is not in range [{_LEAST_MEMORY}, {_MOST_MEMORY}]")
    if wrong:
        uuid = world.groups[group].uuid
        raise impossible(
            f"Instance allocation to group {uuid} ({group}) violates policy: {', '.join(wrong)}", "wrong_input"
        )


def _check_network(world: "SimulatedCluster", nic: dict[str, Any], group: str) -> None:
    name = nic.get("network")
    if not name:
        return
    network = world.networks.get(name)
    if network is None:
        raise impossible(f"Network '{name}' not known", "unknown_entity")
    if network.connection(group) is None:
        raise impossible(f"Network '{name}' is not connected to node group '{group}'", "wrong_input")
    if nic.get("ip") == "pool" and world.free_address(network) is None:
        raise impossible(f"Unable to get a free IP for NIC 0 from the address pool of network {name}")
    if nic.get("ip") in world.used_addresses(network):
        raise impossible(f"IP address {nic['ip']} is already in use in network {name}", "resource_not_unique")


def _primary_node(world: "SimulatedCluster", op: Opcode) -> str:
    """The node that was asked for; else, as an allocator would choose, the one with most free memory (of a group)."""
    if op.get("pnode"):
        return op["pnode"]
    usable = [node for node in world.nodes.values() if node.role in "MCR" and not node.down and node.vm_capable]
    if op.get("group_name"):
        usable = [node for node in usable if node.group == op["group_name"]]
    return max(usable, key=world.free_memory).name if usable else ""


def _create_lines(world: "SimulatedCluster", op: Opcode) -> Iterable[str]:
    group = world.nodes[_primary_node(world, op)].group
    for number, wish in enumerate(op["nics"]):
        if wish.get("network"):
            network = world.networks[wish["network"]]
            mode, link = network.connection(group) or ("", "")
            yield f" - INFO: NIC/{number} inherits netparams ['{link}', '{mode}', '']"
            if wish.get("ip") == "pool":
                yield f" - INFO: Chose IP {world.free_address(network)} from network {network.name}"
    for number, disk in enumerate(op["disks"]):
        yield f"* disk {number}, size {int(disk['size']) / 1024:.1f}G"
    yield "* creating instance disks..."
    yield f"adding instance {op['instance_name']} to cluster config"
    yield "adding disks to cluster config"
    yield "* running the instance OS create scripts..."
    if op["start"]:
        yield "* starting instance..."


def _create(world: "SimulatedCluster", op: Opcode, now: float) -> list[str]:
    pnode = _primary_node(world, op)
    name, osparams = op["instance_name"], op["osparams"]
    instance = world.add_instance(
        name,
        pnode,
        running=False,
        os=op["os_type"],
        hypervisor=op.get("hypervisor") or world.hypervisors[0],
        disk_template=op["disk_template"],
        snodes=_secondary_nodes(world, op, pnode),
        beparams=_beparams(op["beparams"]),
        hvparams=dict(op["hvparams"]),
        osparams=osparams,
        tags=sorted(op["tags"]),
        ctime=now,
        mtime=now,
    )
    for wish in op["nics"]:
        instance.nics.append(_new_nic(world, wish, pnode))
    instance.disks = [world.disk(int(disk["size"]), disk.get("name")) for disk in op["disks"]]
    _install(name, pnode, osparams)
    if op["start"]:
        instance.admin_state, instance.running_on = "up", pnode
    _changed(instance, now)
    return [pnode, *instance.snodes]


def _secondary_nodes(world: "SimulatedCluster", op: Opcode, pnode: str) -> list[str]:
    if op["disk_template"] != "drbd":
        return []
    if op.get("snode"):
        return [op["snode"]]
    others = (node.name for node in world.nodes_of_group(world.nodes[pnode].group) if node.name != pnode)
    return [next(others)] if len(world.nodes_of_group(world.nodes[pnode].group)) > 1 else []


def _new_nic(world: "SimulatedCluster", wish: dict[str, Any], pnode: str) -> "Nic":
    ip = None if wish.get("ip") in (None, "none", "pool") else wish["ip"]
    if wish.get("network"):
        return world.nic(wish["network"], group=world.nodes[pnode].group, ip=ip)
    return world.nic(ip=ip, mode=wish.get("mode") or "bridged", link=wish.get("link") or "br0", name=wish.get("name"))


def _beparams(wish: dict[str, Any]) -> dict[str, Any]:
    """Memory in the two words that Ganeti knows since 2.6."""
    known = {name: value for name, value in wish.items() if name != "memory"}
    return ({"minmem": wish["memory"], "maxmem": wish["memory"]} if "memory" in wish else {}) | known


def _remove_check(world: "SimulatedCluster", op: Opcode) -> None:
    _instance(world, op)


def _remove(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    del world.instances[op["instance_name"]]


# ---- changes -------------------------------------------------------------------------------------


def _rename_check(world: "SimulatedCluster", op: Opcode) -> None:
    instance = _instance(world, op)
    if instance.admin_state == "up" or instance.running_on:
        raise impossible(f"Instance '{instance.name}' is marked to be up, cannot rename")
    _resolves(op["new_name"], op)
    if op["new_name"] in world.instances:
        raise impossible(f"Instance '{op['new_name']}' is already in the cluster", "already_exists")


def _rename(world: "SimulatedCluster", op: Opcode, now: float) -> str:
    instance = world.instances.pop(op["instance_name"])
    instance.name = op["new_name"]
    world.instances[instance.name] = instance
    _changed(instance, now)
    return instance.name


def _set_params_check(world: "SimulatedCluster", op: Opcode) -> None:
    instance = _instance(world, op)
    changes = ("hvparams", "beparams", "osparams", "os_name", "nics", "disks", "offline", "online")
    if not any(op.get(name) for name in changes):
        raise impossible("No changes submitted", "wrong_input")
    if op["hvparams"]:
        _check_hvparams(world, instance, op["hvparams"])


def _check_hvparams(world: "SimulatedCluster", instance: "Instance", wishes: dict[str, Any]) -> None:
    if cluster_wide := sorted(hvparams.CLUSTER_WIDE & wishes.keys()):
        words = "The following hypervisor parameters are global and cannot be customized at instance level, please "
        raise impossible(f"{words}modify them at cluster level: {', '.join(cluster_wide)}", "wrong_input")
    defaults = world.default_hvparams(instance.hypervisor)
    wrong = hvparams.wrong_with(instance.hypervisor, instance.pnode, defaults, instance.hvparams, wishes)
    if wrong:
        raise OpcodeError(*wrong)


def _set_params(world: "SimulatedCluster", op: Opcode, now: float) -> list[list[Any]]:
    instance = _instance(world, op)
    changes: list[list[Any]] = []
    for prefix, current, wish in (
        ("hv", instance.hvparams, op["hvparams"]),
        ("be", instance.beparams, op["beparams"]),
        ("os", instance.osparams, op["osparams"]),
    ):
        changes += [[f"{prefix}/{name}", value] for name, value in wish.items()]
        wish = _beparams(wish) if prefix == "be" else wish
        kept = {name: value for name, value in wish.items() if value != "default"}
        if prefix == "hv":
            known = world.default_hvparams(instance.hypervisor)
            kept = {name: hvparams.typed(name, value, known[name])[0] for name, value in kept.items()}
        current.update(kept)
        for name in [name for name, value in wish.items() if value == "default"]:
            current.pop(name, None)
    instance.os = op.get("os_name") or instance.os
    changes += _change_items(instance.nics, op["nics"], "nic", lambda wish: _new_nic(world, wish, instance.pnode))
    changes += _change_items(instance.disks, op["disks"], "disk", lambda wish: _new_disk(world, wish))
    if op.get("offline") or op.get("online"):
        instance.admin_state = "offline" if op.get("offline") else "down"
    _changed(instance, now)
    return changes


def _new_disk(world: "SimulatedCluster", wish: dict[str, Any]) -> "Disk":
    return world.disk(int(wish["size"]), wish.get("name"))


def _change_items(items: list[Any], wishes: Any, kind: str, make: Callable[[dict[str, Any]], Any]) -> list[list[Any]]:
    """Adds, removes and changes interfaces or disks: ["add", {...}], ["remove", {}], [0, {...}]."""
    changes: list[list[Any]] = []
    for which, wish in wishes or []:
        if which == "add":
            items.append(make(wish))
            changes.append([f"{kind}/{len(items) - 1}", "add"])
        elif which == "remove":
            items.pop()
            changes.append([f"{kind}/{len(items)}", "remove"])
        else:
            for name, value in wish.items():
                setattr(items[int(which)], name, value)
                changes.append([f"{kind}.{name}/{which}", value])
    return changes


def _move_check(world: "SimulatedCluster", op: Opcode) -> None:
    from apps.demo.world import MIRRORED_TEMPLATES

    instance = _reachable(world, op)
    if instance.disk_template not in MIRRORED_TEMPLATES:
        raise impossible(f"Instance's disk layout '{instance.disk_template}' does not allow migrations")
    if op["OP_ID"] == "OP_INSTANCE_MIGRATE" and not instance.running_on:
        raise impossible("Can't migrate, please use failover")
    if not _targets(world, op, instance):
        raise impossible("Can't find a node to move the instance to", "insufficient_resources")


def _targets(world: "SimulatedCluster", op: Opcode, instance: "Instance") -> list[str]:
    if instance.snodes:
        return [name for name in instance.snodes if not world.nodes[name].is_silent]
    group = world.nodes[instance.pnode].group
    usable = [node for node in world.nodes_of_group(group) if node.role in "MCR" and not node.down]
    names = [op["target_node"]] if op.get("target_node") else [node.name for node in usable]
    return [name for name in names if name != instance.pnode and name in world.nodes]


def _move_lines(world: "SimulatedCluster", op: Opcode) -> Iterable[str]:
    instance = _instance(world, op)
    yield f"Migrating instance {instance.name}"
    yield "* checking disk consistency between source and target"
    yield f"* preparing {_targets(world, op, instance)[0]} to accept the instance"
    yield f"* migrating instance to {_targets(world, op, instance)[0]}"
    yield "* done"


def _move(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    instance = _instance(world, op)
    target = _targets(world, op, instance)[0]
    if instance.snodes:
        instance.snodes = [instance.pnode, *instance.snodes[1:]]
    instance.pnode = target
    instance.running_on = target if instance.running_on else ""
    _changed(instance, now)


# ---- tags ----------------------------------------------------------------------------------------


def _tagged(world: "SimulatedCluster", op: Opcode) -> list[str]:
    found = world.tagged(op["kind"], op["name"])
    if found is None:
        raise impossible(f"{op['kind'].capitalize()} '{op['name']}' not known", "unknown_entity")
    return found


def _tags_set_check(world: "SimulatedCluster", op: Opcode) -> None:
    _tagged(world, op)
    for tag in op["tags"]:
        try:
            tag_grammar.checked(tag)
        except ValueError as error:
            too_long = len(tag) > tag_grammar.MAX_LENGTH
            words = f"Tag too long (maximum 128, actual {len(tag)})" if too_long else "Tag contains invalid characters"
            raise OpcodeError("TagError", [words]) from error


def _tags_set(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    current = _tagged(world, op)
    current[:] = sorted({*current, *op["tags"]})


def _tags_del_check(world: "SimulatedCluster", op: Opcode) -> None:
    missing = sorted(set(op["tags"]) - set(_tagged(world, op)))
    if missing:
        words = ", ".join(f"'{tag}'" for tag in missing)
        raise impossible(f"Tag(s) {words} not found", "unknown_entity")


def _tags_del(world: "SimulatedCluster", op: Opcode, now: float) -> None:
    current = _tagged(world, op)
    current[:] = [tag for tag in current if tag not in op["tags"]]


# ---- looking -------------------------------------------------------------------------------------


def _query_data_check(world: "SimulatedCluster", op: Opcode) -> None:
    for name in op["instances"]:
        if name not in world.instances:
            raise impossible(f"Instance '{name}' not known", "unknown_entity")


def _query_data_lines(world: "SimulatedCluster", op: Opcode) -> Iterable[str]:
    if not op["static"]:
        yield " - WARNING: Non-static data requested, locks need to be acquired"


def _query_data(world: "SimulatedCluster", op: Opcode, now: float) -> dict[str, Any]:
    return {name: _description(world, world.instances[name], static=op["static"]) for name in op["instances"]}


def _description(world: "SimulatedCluster", instance: "Instance", *, static: bool) -> dict[str, Any]:
    """Everything about one instance, as OP_INSTANCE_QUERY_DATA tells it."""
    pnode = world.nodes[instance.pnode]
    group_of = {name: world.groups[world.nodes[name].group] for name in (instance.pnode, *instance.snodes)}
    return {
        "name": instance.name,
        "config_state": instance.admin_state,
        "run_state": None if static else ("up" if instance.running_on else "down"),
        "pnode": instance.pnode,
        "pnode_group_uuid": group_of[instance.pnode].uuid,
        "pnode_group_name": pnode.group,
        "snodes": instance.snodes,
        "snodes_group_uuids": [group_of[name].uuid for name in instance.snodes],
        "snodes_group_names": [group_of[name].name for name in instance.snodes],
        "os": instance.os,
        "nics": [_nic_description(world, nic) for nic in instance.nics],
        "disk_template": instance.disk_template,
        "disks": [_disk_description(number, disk, instance) for number, disk in enumerate(instance.disks)],
        "hypervisor": instance.hypervisor,
        "network_port": instance.network_port,
        "hv_instance": instance.hvparams,
        "hv_actual": world.merged_hvparams(instance),
        "be_instance": instance.beparams,
        "be_actual": world.merged_beparams(instance),
        "os_instance": instance.osparams,
        "os_actual": instance.osparams,
        "serial_no": instance.serial_no,
        "mtime": instance.mtime,
        "ctime": instance.ctime,
        "uuid": instance.uuid,
    }


def _nic_description(world: "SimulatedCluster", nic: "Nic") -> list[Any]:
    network = world.networks.get(nic.network or "")
    uuid = network.uuid if network else None
    about = (
        {
            "name": network.name,
            "serial_no": network.serial_no,
            "network": network.network,
            "network6": network.network6,
            "gateway": network.gateway,
            "gateway6": network.gateway6,
            "ctime": network.ctime,
            "mtime": network.mtime,
            "uuid": network.uuid,
            "tags": network.tags,
        }
        if network
        else None
    )
    return [nic.name, nic.uuid, nic.ip, nic.mac, nic.mode, nic.link, "", uuid, about]


def _disk_description(number: int, disk: "Disk", instance: "Instance") -> dict[str, Any]:
    path = f"/srv/ganeti/{instance.disk_template}/{instance.name}/disk{number}"
    return {
        "iv_name": f"disk/{number}",
        "dev_type": instance.disk_template,
        "logical_id": ["loop", path],
        "drbd_info": None,
        "pstatus": [path, None, None, None, None, False, 1],
        "sstatus": None,
        "children": [],
        "mode": "rw",
        "size": disk.size,
        "spindles": None,
        "name": disk.name,
        "uuid": disk.uuid,
    }


# ---- the table of verbs --------------------------------------------------------------------------

VERBS: dict[str, Verb] = {
    "OP_INSTANCE_STARTUP": Verb(
        defaults={
            "instance_name": "", "force": False, "ignore_offline_nodes": False, "hvparams": {}, "beparams": {},
            "no_remember": False, "startup_paused": False, "shutdown_timeout": 120,
        },
        effort="power", check=_startup_check, apply=_startup,
    ),
    "OP_INSTANCE_SHUTDOWN": Verb(
        defaults={
            "instance_name": "", "force": False, "ignore_offline_nodes": False, "timeout": 120, "no_remember": False,
        },
        filled_in={"admin_state_source": "admin"},
        effort="power", check=_shutdown_check, apply=_shutdown,
    ),
    "OP_INSTANCE_REBOOT": Verb(
        defaults={
            "instance_name": "", "shutdown_timeout": 120, "ignore_secondaries": False, "reboot_type": "hard",
        },
        effort="power", check=_reboot_check, apply=_reboot,
    ),
    "OP_INSTANCE_REINSTALL": Verb(
        defaults={"instance_name": "", "force_variant": False},
        filled_in={"osparams_private": {}, "osparams_secret": {}},
        effort="install", check=_reinstall_check, lines=_reinstall_lines, apply=_reinstall,
    ),
    "OP_INSTANCE_CREATE": Verb(
        defaults={
            "instance_name": "", "force_variant": False, "wait_for_sync": True, "name_check": True,
            "ignore_ipolicy": False, "opportunistic_locking": False, "beparams": {}, "disks": [], "disk_template": "",
            "hvparams": {}, "identify_defaults": False, "ip_check": True, "conflicts_check": True, "mode": "create",
            "nics": [], "osparams": {}, "os_type": "", "source_shutdown_timeout": 120, "compress": "none",
            "start": True, "forthcoming": False, "commit": False, "tags": [], "instance_communication": False,
        },
        filled_in={"helper_startup_timeout": 300, "helper_shutdown_timeout": 7200},
        effort="install", check=_create_check, lines=_create_lines, apply=_create,
    ),
    "OP_INSTANCE_REMOVE": Verb(
        defaults={"instance_name": "", "shutdown_timeout": 120, "ignore_failures": False},
        check=_remove_check, apply=_remove,
    ),
    "OP_INSTANCE_RENAME": Verb(
        defaults={"instance_name": "", "new_name": "", "name_check": True, "ip_check": True},
        summary="", check=_rename_check, apply=_rename,
    ),
    "OP_INSTANCE_SET_PARAMS": Verb(
        defaults={
            "instance_name": "", "force": False, "force_variant": False, "ignore_ipolicy": False, "nics": [],
            "disks": [], "beparams": {}, "hvparams": {}, "ext_params": {}, "osparams": {}, "wait_for_sync": True,
            "conflicts_check": True, "hotplug": False, "hotplug_if_possible": False,
        },
        check=_set_params_check, apply=_set_params,
    ),
    "OP_INSTANCE_MIGRATE": Verb(
        defaults={
            "instance_name": "", "allow_runtime_changes": True, "ignore_ipolicy": False, "cleanup": False,
            "allow_failover": False, "ignore_hvversions": False,
        },
        effort="power", check=_move_check, lines=_move_lines, apply=_move,
    ),
    "OP_INSTANCE_FAILOVER": Verb(
        defaults={
            "instance_name": "", "shutdown_timeout": 120, "ignore_consistency": False, "ignore_ipolicy": False,
            "cleanup": False,
        },
        effort="power", check=_move_check, lines=_move_lines, apply=_move,
    ),
    "OP_INSTANCE_QUERY_DATA": Verb(
        defaults={"use_locking": True, "instances": [], "static": False},
        summary="", check=_query_data_check, lines=_query_data_lines, apply=_query_data,
    ),
    "OP_TAGS_SET": Verb(
        defaults={"kind": "instance", "tags": [], "name": ""},
        summary="", check=_tags_set_check, apply=_tags_set,
    ),
    "OP_TAGS_DEL": Verb(
        defaults={"kind": "instance", "tags": [], "name": ""},
        summary="", check=_tags_del_check, apply=_tags_del,
    ),
    "OP_CLUSTER_VERIFY_CONFIG": Verb(defaults={"debug_simulate_errors": False, "skip_checks": []}, summary=""),
    "OP_TEST_DELAY": Verb(defaults={"duration": 0, "on_master": True, "on_nodes": []}, summary="duration"),
}  # fmt: skip
