"""Puts an estate into the snapshot store, as a collector would have: what pages show when Ganeti is not asked."""

import time
from typing import Any

import msgspec
from django.conf import settings

from apps.clusters import inventories
from apps.clusters.models import Cluster
from ganeti.inventory import Head, Snapshot, departures
from ganeti.objects import ClusterInfo, Disk, Instance, Network, Nic, Node, NodeGroup


def instance(
    name: str, cluster: str = "north", *, owners: tuple[str, ...] = ("users:alice",), **fields: Any
) -> Instance:
    """A running instance with one address; `owners` are tags without the prefix, as in "users:alice"."""
    tags = tuple(f"{settings.GANETI_TAG_PREFIX}:{owner}" for owner in owners)
    facts: dict[str, Any] = {
        "status": "running",
        "admin_state": "up",
        "oper_state": True,
        "pnode": "node1.example.org",
        "os": "image+default",
        "memory": 2048,
        "vcpus": 2,
        "disks": (Disk(10240),),
        "nics": (Nic(mac="aa:00:00:00:00:01", ip="192.0.2.7", mode="routed", link="pub", network="public"),),
        "tags": tags + fields.pop("tags", ()),
        "ctime": time.time() - 86400,
        "mtime": time.time() - 3600,
    }
    return Instance(name=name, cluster=cluster, **{**facts, **fields})


def put(
    slug: str,
    *instances: Instance,
    locked: bool = False,
    description: str = "",
    head: dict[str, Any] | None = None,
    **parts: Any,
) -> Cluster:
    """A cluster row and a snapshot of it with these instances; `head` overrides what is known of its state.

    `parts` are others of the snapshot's (nodes, groups, networks, info) than one node in one group. Instances of the
    last snapshot that are not among these have gone.
    """
    row, _ = Cluster.objects.get_or_create(
        slug=slug,
        defaults={
            "hostname": "127.0.0.1",
            "port": 1,
            "username": "u",
            "password": "secret",
            "description": description or slug.capitalize(),
        },
    )
    store = inventories.store()
    old = store.head(slug)
    generation = (old.generation if old else 0) + 1
    last = store.snapshot(slug, old.generation) if old else None
    group = NodeGroup(name="default", nodes=("node1.example.org",), tags=("locked",) if locked else ())
    usual: dict[str, Any] = {
        "nodes": (Node(name="node1.example.org", role="M", group="default"),),
        "groups": (group,),
        "networks": (Network(name="public", network="192.0.2.0/24"),),
        "info": ClusterInfo(name=f"{slug}.example.org", software_version="3.0.2"),
    }
    snapshot = Snapshot(
        cluster=slug,
        generation=generation,
        instances=tuple(sorted(instances, key=lambda one: one.name)),
        departed=departures(last, instances, old.collected_at, settings.GANETI_TAG_PREFIX) if last and old else (),
        **{**usual, **parts},
    )
    facts = {"state": "ok", "collected_at": time.time(), "may_change": True, "instance_count": len(instances)}
    digest, page_digest = snapshot.digests
    known = Head(slug=slug, generation=generation, digest=digest, page_digest=page_digest, tried_at=time.time())
    store.put_snapshot(snapshot, msgspec.structs.replace(known, **{**facts, **(head or {})}))
    return row
