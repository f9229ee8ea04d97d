"""What Ganeti is told to make: the body of a creation, from an application, its placement and its image.

The parameters are those of OpInstanceCreate (Ganeti's documentation of the remote API, /2/instances, version 1).
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from accounts import outbox
from apps.applications.models import InstanceApplication
from apps.applications.placement import DEFAULT_VOLUME_GROUP, ClusterOffer, NetworkOffer, Placement
from ganeti import tags as tag_grammar
from ganeti.images import Image

MEMORY_HAS_TWO_ENDS = (2, 6)  # "minmem" and "maxmem" from here on, "memory" before


def body(
    application: InstanceApplication, placement: Placement, offer: ClusterOffer, image: Image, key_lines: Iterable[str]
) -> dict[str, Any]:
    """The body of the request. It holds secrets of the image and goes nowhere but to Ganeti.

    Raises ValueError with a sentence when a tag cannot be carried.
    """
    group = offer.group(placement.node_group)
    network = group.network(placement.network) if group else None
    if network is None:
        raise ValueError("The network is not known.")
    template, provider = split_template(placement.disk_template)
    return {
        "mode": "create",
        "name": application.hostname,
        "disk_template": template,
        "disks": [_disk(application, placement, offer, template, provider)],
        "nics": [_nic(network, offer)],
        "beparams": _beparams(application, offer),
        "os": image.provider,
        "osparams": osparams(application, image, key_lines),
        "tags": tags(application, placement),
        "start": False,
        "ip_check": False,
        "name_check": False,
        **_where(placement, offer),
    }


def split_template(disk_template: str) -> tuple[str, str]:
    """("ext", PROVIDER) for PROVIDER[ext]; (template, "") for the others."""
    if disk_template.endswith("[ext]"):
        return "ext", disk_template.removesuffix("[ext]")
    return disk_template, ""


def tags(application: InstanceApplication, placement: Placement) -> list[str]:
    """The tags of the new instance: owner, application, service, organisation, volume group."""
    prefix = settings.GANETI_TAG_PREFIX
    found = [
        tag_grammar.owner_tag(
            "user", application.applicant.get_username(), prefix, singular=settings.GANETI_TAG_SPELLING == "singular"
        ),
        f"{prefix}:application:{application.pk}",
    ]
    if application.hosts_mail_server:
        found.append(f"{prefix}:service:mail")
    if application.organization and application.organization.tag:
        found.append(f"{prefix}:org:{application.organization.tag}")
    if placement.vgs != DEFAULT_VOLUME_GROUP:
        found.append(f"{prefix}:vg:{placement.vgs}")
    return [tag_grammar.checked(tag) for tag in found]


def osparams(application: InstanceApplication | None, image: Image, key_lines: Iterable[str]) -> dict[str, str]:
    """The image's OS parameters and the two ways in which keys come into a VM; nested values as JSON.

    A VM without an application has no address where it could fetch keys.
    """
    found = dict(image.osparams)
    if image.ssh_key_param and application:
        found[image.ssh_key_param] = keys_url(application)
    if image.ssh_key_users:
        found["img_personality"] = _personality(found.get("img_personality")) + _key_files(
            image.ssh_key_users, key_lines
        )
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}


def keys_url(application: InstanceApplication) -> str:
    """Where the new VM fetches its owner's keys: the path of the predecessor's."""
    return outbox.absolute(f"/application/{application.pk}/{application.cookie}/ssh_keys")


def _personality(value: Any) -> list[Any]:
    """What the image itself writes into the VM, as a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return list(value) if isinstance(value, list | tuple) else []


def _key_files(users: str, key_lines: Iterable[str]) -> list[dict[str, Any]]:
    """An authorized_keys for each of "user[:group[:path]] ..."."""
    contents = base64.b64encode("".join(f"{line}\n" for line in key_lines).encode()).decode()
    found = []
    for entry in users.split():
        user, _, rest = entry.partition(":")
        group, _, path = rest.partition(":")
        home = "/root" if user == "root" else f"/home/{user}"
        found.append(
            {
                "path": path or f"{home}/.ssh/authorized_keys",
                "contents": contents,
                "owner": user,
                "group": group or user,
                "mode": 0o600,
            }
        )
    return found


def _disk(
    application: InstanceApplication, placement: Placement, offer: ClusterOffer, template: str, provider: str
) -> dict[str, Any]:
    disk: dict[str, Any] = {"size": application.disk_size * 1024}
    if template in ("drbd", "plain") and placement.vgs != DEFAULT_VOLUME_GROUP:
        disk["vg"] = placement.vgs
    if provider:
        disk |= {"provider": provider, **offer.provider_parameters.get(provider, {})}
    return disk


def _nic(network: NetworkOffer, offer: ClusterOffer) -> dict[str, str]:
    """Bridged: link and mode. Routed: an address of the pool, from the network itself where Ganeti keeps it."""
    if network.mode != "routed":
        return {"link": network.link, "mode": network.mode}
    if network.is_ganetis and offer.use_gnt_network:
        return {"network": network.value.removeprefix("ganeti:"), "ip": "pool"}
    return {"link": network.link, "mode": network.mode, "ip": "pool"}


def _beparams(application: InstanceApplication, offer: ClusterOffer) -> dict[str, int]:
    memory = application.memory
    if offer.version and offer.version < MEMORY_HAS_TWO_ENDS:
        return {"memory": memory, "vcpus": application.vcpus}
    return {"minmem": memory, "maxmem": memory, "vcpus": application.vcpus}


def _where(placement: Placement, offer: ClusterOffer) -> dict[str, str]:
    """Named nodes; else the allocator within the group. One that cannot be told a group gets the roomiest nodes."""
    nodes = placement.nodes
    if not nodes and offer.takes_group_names:
        return {"group_name": placement.node_group}
    if not nodes and len(offer.groups) > 1:
        group = offer.group(placement.node_group)
        by_room = sorted(group.nodes if group else (), key=lambda node: -(node.memory_free or 0))
        nodes = tuple(node.name for node in by_room)[: 2 if placement.disk_template == "drbd" else 1]
    return dict(zip(("pnode", "snode"), nodes, strict=False))
