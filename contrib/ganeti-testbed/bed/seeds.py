"""Instances with owners, made through RAPI like any other."""

from typing import Any, NamedTuple

from .cluster import Cluster
from .machine import say

USERS = ("user01", "alice", "user02", "alice")
GROUPS = ("dev", "noc")


class Spellings(NamedTuple):
    """How an owner is written as a tag."""

    user: str = "ganetimgr:users:{}"
    group: str = "ganetimgr:groups:{}"


def seed(cluster: Cluster, count: int, spellings: Spellings) -> None:
    """Makes those of the first `count` instances that are missing; three in four are started."""
    rapi = cluster.rapi()
    there = {instance["id"] for instance in rapi.ok("GET", "/2/instances")}
    wanted = [instance_to_make(cluster, number, spellings) for number in range(1, count + 1)]
    missing = [body for body in wanted if body["instance_name"] not in there]
    rapi.wait_for_success([rapi.ok("POST", "/2/instances", body) for body in missing], timeout=60 + 5 * count)
    if missing:
        say(f"{cluster.slug}: made {len(missing)} instances")


def instance_to_make(cluster: Cluster, number: int, spellings: Spellings) -> dict[str, Any]:
    """The body of the request for vm01, vm02, ..."""
    hosts = [node for node in cluster.nodes if node.role not in ("drained", "offline")]
    # A real instance without a disk has no way to shut itself down
    templates = ("file", "diskless" if cluster.hypervisor == "fake" else "file", "sharedfile")
    template = templates[number % 3]
    return {
        "__version__": 1,
        "mode": "create",
        "instance_name": f"vm{number:02d}.{cluster.domain}",
        "disk_template": template,
        "disks": [] if template == "diskless" else [{"size": 1024}],
        "nics": [
            {"network": "net-public", "ip": "pool"} if number <= 100 else {"mode": "bridged", "link": "br-private"}
        ],
        "os_type": "image+default",
        "osparams": {"img_id": "debian-12", "img_format": "diskdump"},
        "pnode": hosts[number % len(hosts)].name,
        "beparams": {"memory": 256 * (1 + number % 4), "vcpus": 1 + number % 2},
        "tags": owner_tags(number, spellings),
        "start": number % 4 != 0,
        "ip_check": False,
        "name_check": False,
        "wait_for_sync": False,
        "conflicts_check": False,
    }


def owner_tags(number: int, spellings: Spellings) -> list[str]:
    """Every instance belongs to a person, every third to a group as well."""
    tags = [spellings.user.format(USERS[number % len(USERS)])]
    if number % 3 == 0:
        tags.append(spellings.group.format(GROUPS[number % len(GROUPS)]))
    return tags
