"""What Ganeti is told to make, point by point."""

import base64
import dataclasses
import json
from typing import Any

import msgspec
import pytest

from accounts.models import Organization
from apps.applications import recipe
from apps.applications.models import InstanceApplication
from apps.applications.placement import ClusterOffer, GroupOffer, NetworkOffer, Placement
from apps.clusters.fleet import ClusterView
from ganeti.images import Image
from ganeti.inventory import Head
from ganeti.objects import Node

pytestmark = pytest.mark.django_db

ROUTED = NetworkOffer("ganeti:public", "public", "routed", "rt1000", True, free=3)
BRIDGED = NetworkOffer("ganeti:lan", "lan", "bridged", "br0", True, free=3)
BY_HAND = NetworkOffer("hand:1", "old", "routed", "rt2000", False)
NODES = (Node(name="small", memory_free=10), Node(name="large", memory_free=30), Node(name="middle", memory_free=20))
GROUP = GroupOffer("rack", "preferred", NODES, 0, (ROUTED, BRIDGED, BY_HAND), ("default", "fast"))
OTHER = GroupOffer("other", "preferred", (), 0, (), ("default",))
PLACE = Placement("north", "rack", "ganeti:public", "plain")


def offer(**fields: Any) -> ClusterOffer:
    view = ClusterView(1, "north", "North", Head("north"))
    return ClusterOffer(
        view, **{"disk_templates": ("plain", "drbd"), "groups": (GROUP, OTHER), "version": (3, 0), **fields}
    )


@pytest.fixture
def application(people: dict[str, Any]) -> InstanceApplication:
    return InstanceApplication.objects.create(
        pk=7, applicant=people["alice"], hostname="a.b", memory=1024, vcpus=2, disk_size=5, operating_system="debian",
        cookie="c00kie",
    )  # fmt: skip


@pytest.fixture
def body(application: InstanceApplication, debian: Image) -> Any:
    def made(place: Placement = PLACE, of: ClusterOffer | None = None, image: Image = debian) -> dict[str, Any]:
        return recipe.body(application, place, of or offer(), image, ["ssh-ed25519 AAAA a"])

    return made


def changed(place: Placement = PLACE, **fields: Any) -> Placement:
    return dataclasses.replace(place, **fields)


def test_size_name_and_system_are_the_applications(body: Any) -> None:
    told = body()
    assert (told["name"], told["os"], told["mode"]) == ("a.b", "snf-image+default", "create")
    assert told["beparams"] == {"minmem": 1024, "maxmem": 1024, "vcpus": 2}
    assert told["disks"] == [{"size": 5120}]


def test_before_two_ends_of_memory_there_was_one(body: Any) -> None:
    assert body(of=offer(version=(2, 5)))["beparams"] == {"memory": 1024, "vcpus": 2}


class TestNetworks:
    def test_routed_by_ganeti_gets_an_address_from_the_networks_pool(self, body: Any) -> None:
        assert body()["nics"] == [{"network": "public", "ip": "pool"}]

    def test_routed_without_gnt_network_gets_link_mode_and_pool(self, body: Any) -> None:
        told = body(of=offer(use_gnt_network=False))
        assert told["nics"] == [{"link": "rt1000", "mode": "routed", "ip": "pool"}]

    def test_routed_by_hand_likewise(self, body: Any) -> None:
        assert body(changed(network="hand:1"))["nics"] == [{"link": "rt2000", "mode": "routed", "ip": "pool"}]

    def test_bridged_gets_link_and_mode(self, body: Any) -> None:
        assert body(changed(network="ganeti:lan"))["nics"] == [{"link": "br0", "mode": "bridged"}]


class TestDisks:
    @pytest.mark.parametrize("template", ["plain", "drbd"])
    def test_a_volume_group_is_named_where_lvm_is_used(self, body: Any, template: str) -> None:
        told = body(changed(disk_template=template, vgs="fast"))
        assert told["disks"] == [{"size": 5120, "vg": "fast"}]
        assert "ganetimgr:vg:fast" in told["tags"]

    def test_external_storage_takes_provider_and_parameters_of_the_clusters_tags(self, body: Any) -> None:
        tags = (
            "ganetimgr:ext:archipelago",
            "ganetimgr:ext:archipelago:params:pool:fast",
            "ganetimgr:ext:other:params:a:b",
        )
        told = body(changed(disk_template="archipelago[ext]"), offer(tags=tags))
        assert told["disk_template"] == "ext"
        assert told["disks"] == [{"size": 5120, "provider": "archipelago", "pool": "fast"}]


class TestTags:
    def test_owner_application_service_and_organisation(self, body: Any, application: InstanceApplication) -> None:
        application.hosts_mail_server = True
        application.organization = Organization(title="Lab", tag="lab")
        assert body()["tags"] == [
            "ganetimgr:users:alice", "ganetimgr:application:7", "ganetimgr:service:mail", "ganetimgr:org:lab",
        ]  # fmt: skip

    def test_the_old_spelling_where_the_site_asks_for_it(self, body: Any, settings: Any) -> None:
        settings.GANETI_TAG_SPELLING = "singular"
        assert "ganetimgr:user:alice" in body()["tags"]


class TestKeys:
    def test_the_key_parameter_is_an_address_with_the_cookie(self, body: Any) -> None:
        told = body()["osparams"]
        assert told["img_ssh_key_url"] == "https://vps.example.org/application/7/c00kie/ssh_keys"

    def test_key_users_get_files_through_the_personality(self, body: Any, debian: Image) -> None:
        image = msgspec.structs.replace(debian, ssh_key_param="", ssh_key_users="root web:www:/srv/keys")
        told = json.loads(body(image=image)["osparams"]["img_personality"])
        assert [(file["path"], file["owner"], file["group"], file["mode"]) for file in told] == [
            ("/root/.ssh/authorized_keys", "root", "root", 0o600),
            ("/srv/keys", "web", "www", 0o600),
        ]
        assert base64.b64decode(told[0]["contents"]) == b"ssh-ed25519 AAAA a\n"

    def test_files_of_the_image_itself_stay(self, body: Any, debian: Image) -> None:
        own = [{"path": "/etc/motd"}]
        image = msgspec.structs.replace(debian, osparams={"img_personality": own}, ssh_key_users="root")
        told = json.loads(body(image=image)["osparams"]["img_personality"])
        assert [file["path"] for file in told] == ["/etc/motd", "/root/.ssh/authorized_keys"]

    def test_nested_parameters_are_json(self, body: Any, debian: Image) -> None:
        image = msgspec.structs.replace(debian, osparams={"img_properties": {"SWAP": "2:512"}, "n": 3})
        told = body(image=image)["osparams"]
        assert (told["img_properties"], told["n"]) == ('{"SWAP": "2:512"}', "3")


class TestNodes:
    def test_ganetis_allocator_chooses_within_the_group(self, body: Any) -> None:
        told = body()
        assert told["group_name"] == "rack"
        assert "pnode" not in told

    def test_named_nodes_are_named(self, body: Any) -> None:
        told = body(changed(disk_template="drbd", nodes=("small", "middle")))
        assert (told["pnode"], told["snode"]) == ("small", "middle")
        assert "group_name" not in told

    def test_an_allocator_that_knows_no_groups_gets_the_roomiest_nodes(self, body: Any) -> None:
        told = body(changed(disk_template="drbd"), offer(version=(2, 9)))
        assert (told["pnode"], told["snode"]) == ("large", "middle")
