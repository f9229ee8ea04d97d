"""The testbed's own promises: what tests of trouble rely on."""

import hashlib
import socket
import ssl

import pytest
import requests

from ganeti import tags


@pytest.fixture
def small_cluster(real_clusters):
    """The second one, so that trouble there disturbs nobody else."""
    return real_clusters[1]


def test_every_cluster_has_instances_with_owners(real_clusters):
    for cluster in real_clusters:
        instances = cluster.ok("GET", "/2/instances?bulk=1")
        owners = {owner for instance in instances for owner in tags.owners(instance["tags"], "ganetimgr")}
        assert {"user:alice", "group:noc"} <= owners


def test_the_fingerprint_is_that_of_the_certificate_that_rapi_shows(real_ganeti):
    endpoint = real_ganeti.endpoint()
    shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((endpoint.host, endpoint.port)))
    assert hashlib.sha256(shown).hexdigest() == endpoint.pin


def test_there_are_a_drained_and_an_offline_node_and_two_groups(real_ganeti):
    nodes = real_ganeti.ok("GET", "/2/nodes?bulk=1")
    assert sorted(node["role"] for node in nodes) == ["C", "D", "M", "O", "R"]
    assert {group["name"] for group in real_ganeti.ok("GET", "/2/groups?bulk=1")} == {"default", "rack2"}


def test_a_stopped_rapi_refuses_and_comes_back(small_cluster):
    with small_cluster.refusing(), pytest.raises(requests.ConnectionError):
        small_cluster.ask("GET", "/2/info")
    small_cluster.ok("GET", "/2/info")


def test_a_paused_rapi_hangs_and_comes_back(small_cluster):
    endpoint = small_cluster.endpoint()
    with small_cluster.hanging(), pytest.raises(requests.Timeout):
        requests.get(f"{endpoint.url}/2/info", verify=small_cluster.facts["rapi"]["ca_file"], timeout=0.5)
    small_cluster.ok("GET", "/2/info")


def test_a_crashed_instance_is_in_error(real_ganeti, real_instance):
    real_ganeti.does("PUT", f"/2/instances/{real_instance}/startup")
    real_ganeti.testbed("crash", real_ganeti.slug, real_instance)
    assert real_ganeti.instance(real_instance)["status"] == "ERROR_down"


def test_status_says_how_to_add_every_cluster(real_clusters):
    said = real_clusters[0].testbed("status")
    for cluster in real_clusters:
        endpoint = cluster.endpoint()
        assert f"cluster add {cluster.slug} --host {endpoint.host} --port {endpoint.port} --username ganetimgr" in said
        assert f"--fingerprint {endpoint.fingerprint}" in said


def test_bringing_up_what_is_up_changes_nothing(real_ganeti):
    before = real_ganeti.endpoint().fingerprint
    assert before in real_ganeti.testbed("up", "--seed", "6")


def test_the_small_cluster_s_instances_are_qemu_with_a_screen_each(kvm_ganeti):
    instances = {instance["name"]: instance for instance in kvm_ganeti.ok("GET", "/2/instances?bulk=1")}
    assert [instances[f"vm{number:02d}.c3.ganeti.example"]["status"] for number in (1, 2, 3, 4)] == [
        *["running"] * 3,
        "ADMIN_down",
    ]
    assert all("kernel_args" in instance["hvparams"] for instance in instances.values())
    with socket.create_connection(
        (kvm_ganeti.facts["nodes"][0]["vnc_host"], instances["vm01.c3.ganeti.example"]["network_port"]), timeout=10
    ) as screen:
        assert screen.recv(12).startswith(b"RFB 003.")
