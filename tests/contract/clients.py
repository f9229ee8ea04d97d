"""What our RAPI client and a Ganeti promise each other. The same tests run against the simulator and real clusters:

a subclass's fixture `ganeti` gives the other side (`RealGaneti`, or what the simulator offers in its place).
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import pytest

from ganeti import errors, gather
from ganeti.client import Client
from ganeti.transport import fetch_fingerprint


class ClientContract:
    @pytest.fixture
    def client(self, ganeti: Any) -> Client:
        return Client(ganeti.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any) -> Iterator[str]:
        """A stopped instance of this test's own."""
        with ganeti.an_instance() as name:
            yield name

    # ---- reading --------------------------------------------------------------------------------

    def test_the_cluster_says_what_it_is(self, client: Client) -> None:
        info = client.info()
        assert info.version >= (3, 0)
        assert info.master
        assert info.enabled_hypervisors

    def test_instances_are_listed_with_their_facts(self, client: Client, instance: str) -> None:
        found = {one.name: one for one in client.instances()}[instance]
        assert found.status == "ADMIN_down"
        assert found.admin_state == "down"
        assert not found.is_running
        assert found.cluster == client.endpoint.slug
        assert found.memory > 0
        assert found.vcpus > 0
        assert found.hypervisor
        assert found.pnode in {node.name for node in client.nodes()}

    def test_nodes_groups_and_networks_belong_together(self, client: Client) -> None:
        nodes, groups = client.nodes(), client.groups()
        assert {node.group for node in nodes} == {group.name for group in groups if group.nodes}
        assert [node.role for node in nodes].count("M") == 1
        for network in client.networks():
            assert {connection.group for connection in network.connections} <= {group.name for group in groups}

    def test_a_missing_instance_is_missing(self, client: Client) -> None:
        with pytest.raises(errors.Missing):
            client.instance("no-such.example.org")

    def test_a_reader_reads_and_may_not_change(self, ganeti: Any, client: Client) -> None:
        reader = Client(ganeti.endpoint("reader"))
        assert client.may_change()
        assert not reader.may_change()
        assert {one.name for one in reader.instances()} == {one.name for one in client.instances()}

    def test_a_guest_without_any_right_still_reads(self, ganeti: Any, client: Client) -> None:
        """The option-less user may not query; the older resources serve."""
        guest = Client(ganeti.endpoint("guest"))
        assert {one.name for one in guest.instances()} == {one.name for one in client.instances()}
        assert {node.name: node.group for node in guest.nodes()} == {node.name: node.group for node in client.nodes()}
        assert not guest.may_change()

    # ---- changing --------------------------------------------------------------------------------

    def test_power_jobs_are_followed_by_number_all_in_one_question(
        self, ganeti: Any, client: Client, instance: str
    ) -> None:
        first = client.startup_instance(instance, reason="ganetimgr:first Άλκηστις")
        ganeti.job(first)
        second = client.reboot_instance(instance, reason="ganetimgr:second")
        ganeti.job(second)
        third = client.shutdown_instance(instance, timeout=5, reason="ganetimgr:third")
        ganeti.job(third)
        jobs = client.jobs_by_id([first, second, third, 99_999_999])
        assert sorted(jobs) == [first, second, third]
        assert all(job.succeeded and job.is_over and job.instances == (instance,) for job in jobs.values())
        assert [jobs[number].opcodes for number in sorted(jobs)] == [
            ("OP_INSTANCE_STARTUP",),
            ("OP_INSTANCE_REBOOT",),
            ("OP_INSTANCE_SHUTDOWN",),
        ]
        for number, token in ((first, "ganetimgr:first"), (second, "ganetimgr:second"), (third, "ganetimgr:third")):
            assert any(reason.startswith(token) for reason in jobs[number].reasons)
            assert jobs[number].received <= jobs[number].started <= jobs[number].ended

    def test_the_reason_is_also_in_the_list_of_recent_jobs(self, ganeti: Any, client: Client, instance: str) -> None:
        number = client.startup_instance(instance, reason="ganetimgr:found-again")
        ganeti.job(number)
        found = [
            job.id for job in client.jobs() if any(text.startswith("ganetimgr:found-again") for text in job.reasons)
        ]
        assert number in found

    def test_a_change_that_cannot_succeed_is_a_job_that_fails_in_words(self, ganeti: Any, client: Client) -> None:
        number = client.startup_instance("no-such.example.org")
        ganeti.job(number)
        job = client.jobs_by_id([number])[number]
        assert job.status == "error"
        assert "no-such.example.org" in job.error

    def test_a_reader_is_not_allowed_to_change(self, ganeti: Any, instance: str) -> None:
        with pytest.raises(errors.NotAllowed) as caught:
            Client(ganeti.endpoint("reader")).startup_instance(instance)
        assert not caught.value.perhaps_done

    def test_tags_are_given_and_taken(self, ganeti: Any, client: Client, instance: str) -> None:
        ganeti.job(client.add_instance_tags(instance, ["ganetimgr:users:alice", "ganetimgr:isolate"]))
        assert set(client.instance(instance).tags) >= {"ganetimgr:users:alice", "ganetimgr:isolate"}
        ganeti.job(client.delete_instance_tags(instance, ["ganetimgr:isolate"]))
        assert "ganetimgr:isolate" not in client.instance(instance).tags

    def test_a_creation_is_put_into_the_group_that_it_names(self, ganeti: Any, client: Client) -> None:
        """Tried only: a trial makes nothing, and says where Ganeti would put it."""
        name = f"tried{os.getpid()}.example.org"
        for group in (group.name for group in client.groups() if group.alloc_policy != "unallocable"):
            said = self.tried(ganeti, client, name, group_name=group)
            assert said["status"] == "success", said["opresult"]
            assert {node.name: node.group for node in client.nodes()}[said["ops"][0]["pnode"]] == group
        assert name not in {one.name for one in client.instances()}

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"group_name": "no-such"}, "Wrong number of elems found with name no-such"),
            ({"disk_template": "file", "disks": [{"size": 2**20 + 1024}]}, "disk-size/0 value 1049600 is not in range"),
        ],
    )
    def test_a_creation_that_has_no_place_is_refused_in_words(
        self, ganeti: Any, client: Client, more: dict[str, Any], words: str
    ) -> None:
        master = next(node.name for node in client.nodes() if node.role == "M")
        where = {} if "group_name" in more else {"pnode": master}
        said = self.tried(ganeti, client, f"tried{os.getpid()}.example.org", **where, **more)
        assert said["status"] == "error"
        assert words in str(said["opresult"]), said["opresult"]

    def tried(self, ganeti: Any, client: Client, name: str, **more: Any) -> dict[str, Any]:
        """The job of a trial, as Ganeti tells it."""
        body = {
            "mode": "create", "name": name, "disk_template": "diskless", "disks": [], "nics": [{}], "os": "noop",
            "beparams": {"minmem": 128, "maxmem": 128, "vcpus": 1}, "start": False, "ip_check": False,
            "name_check": False, **more,
        }  # fmt: skip
        said: dict[str, Any] = ganeti.job(client.create_instance(body, dry_run=True))
        return said

    # ---- the way there ------------------------------------------------------------------------------

    def test_a_wrong_password_is_said(self, ganeti: Any) -> None:
        wrong = dataclasses.replace(ganeti.endpoint(), password="wrong")
        with pytest.raises(errors.WrongPassword) as caught:
            Client(wrong).info()
        assert "wrong" not in str(caught.value).lower().replace("wrongpassword", "")

    def test_another_certificate_is_refused_and_the_true_one_can_be_asked_for(self, ganeti: Any) -> None:
        endpoint = ganeti.endpoint()
        with pytest.raises(errors.WrongCertificate):
            Client(dataclasses.replace(endpoint, fingerprint="00" * 32)).info()
        seen = fetch_fingerprint(endpoint.host, endpoint.port, timeout=10)
        assert Client(dataclasses.replace(endpoint, fingerprint=seen)).info().name

    def test_a_server_that_is_not_verified_by_any_authority_is_refused(self, ganeti: Any) -> None:
        with pytest.raises(errors.WrongCertificate):
            Client(dataclasses.replace(ganeti.endpoint(), fingerprint="", ca_file="", verify=True)).info()

    def test_a_refused_connection_is_unreachable_and_the_change_surely_not_made(self, ganeti: Any) -> None:
        with ganeti.refusing(), pytest.raises(errors.Unreachable) as caught:
            Client(ganeti.endpoint()).startup_instance("any.example.org")
        assert not caught.value.perhaps_done

    def test_a_hanging_server_is_unreachable_and_a_change_perhaps_made(self, ganeti: Any) -> None:
        impatient = dataclasses.replace(ganeti.endpoint(), connect_timeout=1.0, response_timeout=1.0, deadline=3.0)
        with ganeti.hanging():
            with pytest.raises(errors.Unreachable):
                Client(impatient).info()
            answers = gather.ask_all([impatient], lambda endpoint: Client(endpoint).info(), within=5.0)
        assert isinstance(answers[0].error, errors.Unreachable)
