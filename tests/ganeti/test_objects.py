import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeti.objects import (
    JOB_STATES,
    ClusterInfo,
    Disk,
    Instance,
    Job,
    Network,
    NetworkConnection,
    Nic,
    Node,
    NodeGroup,
    Parameters,
    Value,
    is_name,
    parameters,
    share_equal_parts,
)
from tests.ganeti.conftest import sample

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN_FIELDS = st.sampled_from(
    [
        *(
            "name",
            "uuid",
            "status",
            "admin_state",
            "oper_state",
            "pnode",
            "snodes",
            "os",
            "beparams",
            "hvparams",
            "tags",
        ),
        *("nic.ips", "nic.macs", "nic.modes", "nic.links", "disk.sizes", "disk.names", "network_port", "ctime"),
        *("role", "group", "offline", "mfree", "pinst_list", "node_list", "group_list", "free_count", "ipolicy"),
        *("software_version", "id", "ops", "summary", "opstatus", "oplog", "opresult", "received_ts", "end_ts"),
    ]
)
ANY_ROW = st.dictionaries(KNOWN_FIELDS | st.text(max_size=8), ANY_JSON, max_size=12)
PARSERS = [lambda raw: Instance.from_rapi("c", raw), Node.from_rapi, NodeGroup.from_rapi, Network.from_rapi]
PARSERS += [ClusterInfo.from_rapi, Job.from_rapi]


class TestAnything:
    @pytest.mark.parametrize("parse", PARSERS)
    @settings(max_examples=30)
    @given(raw=ANY_ROW)
    def test_no_json_makes_a_parser_raise_and_every_result_can_be_stored(self, parse: Any, raw: dict) -> None:
        value = parse(raw)
        assert isinstance(value, Value)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value)) == value

    @pytest.mark.parametrize("name", ["", None, 3, "a/b", "two\nlines", "x" * 256, "tab\there"])
    def test_what_no_address_could_carry_is_no_name(self, name: Any) -> None:
        assert not is_name(name)

    @pytest.mark.parametrize("name", ["web.example.org", "UPPER", "τεστ", "x" * 255])
    def test_what_ganeti_may_call_something_is_one(self, name: str) -> None:
        assert is_name(name)


class TestInstance:
    @pytest.fixture
    def by_name(self) -> dict[str, Instance]:
        return {row["name"]: Instance.from_rapi("c1", row) for row in sample("instances-bulk")}

    def test_a_real_one_is_read_in_full(self, by_name: dict[str, Instance]) -> None:
        [instance] = [Instance.from_rapi("c9", row) for row in sample("kvm-instances-bulk")[:1]]
        assert (instance.name, instance.cluster, instance.status) == ("vm01.c9.ganeti.example", "c9", "running")
        assert (instance.pnode, instance.os) == ("node2.c9.ganeti.example", "image+default")
        assert (instance.memory, instance.vcpus, instance.network_port) == (512, 2, 11000)
        assert instance.disks == (Disk(1024, ""),)
        assert instance.disk_total == 1024
        assert instance.nics == (
            Nic("aa:00:09:57:d6:48", "192.0.2.2", "bridged", "br-public", network="net-public", name=""),
        )
        assert instance.addresses == ("192.0.2.2",)
        assert instance.hvparams["boot_order"] == "disk"
        assert instance.tags == ("ganetimgr:user:bob",)
        assert instance.is_running

    def test_one_that_was_stopped_does_not_run(self) -> None:
        instance = Instance.from_rapi("c1", sample("instance-admin-down"))
        assert (instance.status, instance.admin_state, instance.is_running) == ("ADMIN_down", "down", False)

    def test_one_on_a_dead_node_is_not_taken_for_running(self) -> None:
        dead = [Instance.from_rapi("c1", row) for row in sample("instances-bulk-node-down")]
        dead = [instance for instance in dead if instance.status == "ERROR_nodedown"]
        assert dead
        assert all(instance.oper_state is None and not instance.is_running for instance in dead)

    def test_the_running_state_of_an_unknown_status_word_is_what_ganeti_measured(self) -> None:
        assert Instance.from_rapi("c", {"name": "a", "status": "DREAMING", "oper_state": True}).is_running

    def test_one_without_nics_and_disks_has_none(self) -> None:
        instance = Instance.from_rapi("c", {"name": "a", "nic.ips": [], "disk.sizes": None})
        assert (instance.nics, instance.disks, instance.disk_total) == ((), (), 0)

    def test_ganeti_2_5_tells_memory_and_state_in_its_own_way(self) -> None:
        instance = Instance.from_rapi("c", {"name": "a", "admin_state": True, "beparams": {"memory": 256}})
        assert (instance.admin_state, instance.memory) == ("up", 256)

    def test_lists_of_different_lengths_do_not_shift(self) -> None:
        instance = Instance.from_rapi("c", {"name": "a", "nic.macs": ["m1", "m2"], "nic.ips": [None], "nic.links": 7})
        assert [(nic.mac, nic.ip) for nic in instance.nics] == [("m1", ""), ("m2", "")]


class TestNode:
    def test_every_role_is_told(self) -> None:
        nodes = {node.name[:5]: node for node in map(Node.from_rapi, sample("nodes-bulk"))}
        assert {name: node.role for name, node in nodes.items()} == {
            "node1": "M",
            "node2": "C",
            "node3": "R",
            "node4": "D",
            "node5": "O",
        }
        assert nodes["node4"].drained
        assert nodes["node5"].offline

    def test_an_offline_nodes_nulls_are_no_zeros(self) -> None:
        node = Node.from_rapi(sample("node-offline"))
        assert (node.memory_total, node.memory_free, node.disk_total, node.disk_free, node.cpus) == (None,) * 5

    def test_a_working_node_tells_its_resources(self) -> None:
        node = Node.from_rapi(sample("node-master"))
        assert (node.memory_total, node.memory_free, node.cpus) == (65536, 61696, 16)
        assert node.primary_instances == ("vm03.c1.ganeti.example", "vm06.c1.ganeti.example")


class TestGroupsAndNetworks:
    def test_a_group_is_locked_by_its_tag(self) -> None:
        [default, rack2] = map(NodeGroup.from_rapi, sample("groups-bulk"))
        assert (default.name, default.alloc_policy, len(rack2.nodes)) == ("default", "preferred", 3)
        assert not default.is_locked
        assert NodeGroup.from_rapi({"name": "a", "tags": ["locked"]}).is_locked

    def test_a_network_tells_its_addresses_and_connections(self) -> None:
        network = Network.from_rapi(sample("network"))
        assert (network.network, network.gateway6, network.free) == ("192.0.2.0/24", "2001:db8:1::1", 247)
        assert NetworkConnection("default", "bridged", "br-public") in network.connections


class TestClusterInfo:
    def test_a_real_cluster(self) -> None:
        info = ClusterInfo.from_rapi(sample("info"))
        assert (info.software_version, info.version) == ("3.0.2", (3, 0, 2))
        assert info.default_hypervisor == "fake"
        assert "diskless" in info.enabled_disk_templates

    @pytest.mark.parametrize(
        ("text", "version"), [("2.4.5", (2, 4, 5)), ("3.1.0~rc2", (3, 1, 0)), ("", ()), (None, ()), ("²", ())]
    )
    def test_versions(self, text: str | None, version: tuple) -> None:
        assert ClusterInfo.from_rapi({"software_version": text}).version == version


class TestJob:
    @pytest.mark.parametrize(
        ("name", "status", "over", "succeeded"),
        [
            ("job-queued", "queued", False, False),
            ("job-waiting", "waiting", False, False),
            ("job-running", "running", False, False),
            ("job-canceled", "canceled", True, False),
            ("shutdown-job", "success", True, True),
            ("reinstall-fail-job", "error", True, False),
        ],
    )
    def test_every_state(self, name: str, status: str, over: bool, succeeded: bool) -> None:
        job = Job.from_rapi(sample(name))
        assert (job.status, job.is_over, job.succeeded, job.is_known) == (status, over, succeeded, True)
        assert job.status in JOB_STATES

    def test_a_forgotten_job_is_not_known_and_not_over(self) -> None:
        job = Job.from_rapi(sample("job-missing"))
        assert (job.id, job.is_known, job.is_over) == (999999, False, False)

    def test_log_lines_come_in_order_with_their_opcode(self) -> None:
        job = Job.from_rapi(sample("reinstall-running-job"))
        assert [(line.opcode, line.serial, line.message) for line in job.log] == [
            (1, 1, "Changing OS scripts to 'image+debian'..."),
            (1, 2, " - INFO: Running instance OS create scripts..."),
        ]
        assert job.log[0].time == pytest.approx(1795198030.280412)
        assert job.opcodes == ("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_REINSTALL", "OP_INSTANCE_STARTUP")
        assert set(job.instances) == {"sample.c1.ganeti.example"}

    def test_a_failure_is_told_in_ganetis_words(self) -> None:
        assert "no space for the image" in Job.from_rapi(sample("reinstall-fail-job")).error
        assert Job.from_rapi(sample("startup-node-down-job")).error.startswith("Error checking bridges")

    def test_a_job_that_did_not_fail_has_no_error(self) -> None:
        assert Job.from_rapi(sample("job-canceled")).error == ""

    def test_reasons_are_found(self) -> None:
        job = Job.from_rapi({"id": 1, "ops": [{"OP_ID": "OP_X", "reason": [["gnt:user", "alice, request 7", 5]]}]})
        assert job.reasons == ("alice, request 7",)

    def test_no_secret_of_an_opcode_is_kept(self) -> None:
        raw = {"id": 1, "ops": [{"OP_ID": "OP_INSTANCE_CREATE", "osparams": {"img_passwd": "s3cret"}}]}
        assert "s3cret" not in repr(Job.from_rapi(raw))


@pytest.mark.parametrize(
    ("osparams", "system"),
    [
        ({"img_id": "debian-12", "img_passwd": "hush"}, "debian-12"),
        ({"img_id": "https://images.example.org/debian-12.img?x=1"}, "debian-12.img"),
        ({"img_id": "none"}, "image+default"),
        ({}, "image+default"),
        (None, "image+default"),
        ({"img_id": ["odd"]}, "image+default"),
    ],
)
def test_the_system_is_the_images_name_and_no_other_os_parameter_is_kept(osparams: Any, system: str) -> None:
    found = Instance.from_rapi("c1", {"name": "a", "os": "image+default", "osparams": osparams})
    assert found.system == system
    assert "hush" not in repr(found)


class TestMemory:
    """An estate of 100,000 instances is mostly the same few texts."""

    def test_instances_of_one_answer_share_their_equal_hvparams(self) -> None:
        known: dict[bytes, Parameters] = {}
        rows = [{"name": name, "hvparams": {"acpi": True, "boot_order": "disk"}} for name in ("a", "b")]
        one, other = [Instance.from_rapi("c", row, known) for row in rows]
        assert one.hvparams is other.hvparams

    def test_what_only_looks_equal_is_kept_apart(self) -> None:
        known: dict[bytes, Parameters] = {}
        values = [True, 1, 1.0, "1"]
        kept = [Instance.from_rapi("c", {"name": "a", "hvparams": {"x": value}}, known).hvparams for value in values]
        assert [type(each["x"]) for each in kept] == [bool, int, float, str]

    @pytest.mark.parametrize("odd", [2**70, [1, [2]], None, "text", {"x": 10**400}])
    def test_odd_hvparams_are_read_as_without_the_memory(self, odd: Any) -> None:
        row = {"name": "a", "hvparams": {"x": odd, "y": 1} if not isinstance(odd, dict) else odd}
        assert Instance.from_rapi("c", row, {}).hvparams == parameters(row["hvparams"])

    def test_equal_parts_become_one_object_and_stay_equal(self) -> None:
        raw = {"name": "a", "status": "running", "nic.macs": ["aa:00"], "nic.links": ["br0"], "disk.sizes": [1024]}
        instances = [Instance.from_rapi("c1", json.loads(json.dumps({**raw, "name": name}))) for name in ("a", "b")]
        copies = list(instances)
        share_equal_parts(instances)
        one, other = instances
        assert one.disks is other.disks
        assert one.nics[0].link is other.nics[0].link
        assert instances == copies
