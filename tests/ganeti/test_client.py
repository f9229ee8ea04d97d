"""The client against answers that real Ganeti gave, over a real TLS connection."""

from collections.abc import Callable
from typing import Any

import pytest

from ganeti.client import INSTANCE_FIELDS, JOB_FIELDS, LISTED_JOB_FIELDS, NODE_FIELDS, Client
from ganeti.endpoint import Endpoint
from ganeti.errors import BrokenAnswer, Failed, Missing, NotAllowed, Unreachable, WrongPassword
from ganeti.objects import Instance, Nic
from tests.ganeti.conftest import sample
from tests.ganeti.https_server import Act, HttpsServer, Request, answer, error, hang_up

NO_QUERIES = [error(404, "Not Found"), error(501, "Method PUT is unsupported"), error(403, "Forbidden")]


@pytest.fixture
def client(endpoint: Endpoint) -> Client:
    return Client(endpoint)


def query_answer(name: str) -> Act:
    """Answers a query from a recorded one: a field that was not recorded is unknown, as it is to an older Ganeti."""
    recorded = sample(name)
    known = [field["name"] for field in recorded["fields"]]

    def act(request: Request, sock: Any) -> None:
        wanted = request.json["fields"]
        data = [
            [row[known.index(field)] if field in known else [1, None] for field in wanted] for row in recorded["data"]
        ]
        answer({"data": data, "fields": []})(request, sock)

    return act


def asked(server: HttpsServer) -> list[str]:
    return [f"{request.method} {request.path}" for request in server.requests]


class TestInstances:
    def test_one_query_brings_all(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-instance"))
        instances = client.instances()
        assert [instance.name[:4] for instance in instances] == ["vm01", "vm02", "vm03", "vm04", "vm05", "vm06"]
        assert {instance.cluster for instance in instances} == {"athens"}
        first = instances[0]
        assert (first.status, first.memory, first.os) == ("running", 512, "image+default")
        assert first.nics == (Nic("aa:00:01:e4:dd:2a", "192.0.2.2", "bridged", "br-public"),)
        assert asked(server) == ["PUT /2/query/instance"]

    def test_of_the_os_parameters_only_the_images_name_is_kept(self) -> None:
        assert not {"osparams", "img_passwd"} & set(Instance.__struct_fields__)

    def test_what_a_cluster_does_not_know_is_left_empty(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-instance-unknown-field"))  # knows nothing but names
        instance = client.instances()[0]
        assert (instance.name, instance.uuid, instance.nics, instance.is_running) == (
            "vm01.c1.ganeti.example",
            "",
            (),
            False,
        )

    @pytest.mark.parametrize("refusal", NO_QUERIES)
    def test_without_queries_the_bulk_list_serves(self, server: HttpsServer, client: Client, refusal: Act) -> None:
        server.plays(refusal, answer(sample("instances-bulk")))
        assert client.instances()[0].nics[0].network == "net-public"
        assert asked(server) == ["PUT /2/query/instance", "GET /2/instances?bulk=1"]

    def test_a_wrong_password_is_not_asked_around(self, server: HttpsServer, client: Client) -> None:
        server.plays(error(401, "Unauthorized"))
        with pytest.raises(WrongPassword):
            client.instances()
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "value",
        [
            {"data": None},
            {},
            [],
            None,
            3,
            {"data": [[[0, "web"]]]},
            {"data": ["web"]},
            {"data": [[[0]] * len(INSTANCE_FIELDS)]},
            {"data": [[[2, None]] * len(INSTANCE_FIELDS)]},
        ],
    )
    def test_an_answer_of_another_shape_never_looks_like_an_empty_cluster(
        self, server: HttpsServer, client: Client, value: Any
    ) -> None:
        server.plays(answer(value))
        with pytest.raises(BrokenAnswer):
            client.instances()

    @pytest.mark.parametrize("value", [{}, ["web"], [{"id": 3}], [{"name": None}]])
    def test_nor_does_such_a_bulk_list(self, server: HttpsServer, client: Client, value: Any) -> None:
        server.plays(NO_QUERIES[0], answer(value))
        with pytest.raises(BrokenAnswer):
            client.instances()

    def test_an_empty_cluster_is_empty(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer({"data": [], "fields": []}))
        assert client.instances() == []


class TestOneInstance:
    def test_it_is_found_by_its_name(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-instance"))
        assert client.instance("vm03.c1.ganeti.example").memory == 1024
        assert server.requests[0].json["qfilter"] == ["=", "name", "vm03.c1.ganeti.example"]

    def test_a_short_name_is_no_name(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-instance"))  # Ganeti finds vm01.c1.ganeti.example for "vm01"
        with pytest.raises(Missing, match="there is no instance vm01 "):
            client.instance("vm01")

    def test_an_unknown_one_is_missing(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("query-instance-filter-none"), 500), answer(sample("error-404-instance"), 404))
        with pytest.raises(Missing):
            client.instance("no-such.c1.ganeti.example")

    @pytest.mark.parametrize("refusal", NO_QUERIES)
    def test_without_queries_the_instances_own_resource_serves(
        self, server: HttpsServer, client: Client, refusal: Act
    ) -> None:
        server.plays(refusal, answer(sample("instance-admin-down")))
        assert client.instance("sample.c1.ganeti.example").status == "ADMIN_down"
        assert asked(server)[1] == "GET /2/instances/sample.c1.ganeti.example"


class TestNodesGroupsAndNetworks:
    def test_nodes_know_their_group_and_an_offline_one_says_nothing(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-node"))
        nodes = client.nodes()
        assert [(node.name[:5], node.role, node.group) for node in nodes] == [
            ("node1", "M", "default"),
            ("node2", "C", "default"),
            ("node3", "R", "rack2"),
            ("node4", "D", "rack2"),
            ("node5", "O", "rack2"),
        ]
        assert nodes[4].memory_total is None
        assert server.requests[0].json["fields"] == list(NODE_FIELDS)

    @pytest.mark.parametrize("refusal", NO_QUERIES)
    def test_without_queries_group_names_come_from_the_groups(
        self, server: HttpsServer, client: Client, refusal: Act
    ) -> None:
        server.plays(refusal, answer(sample("nodes-bulk")), answer(sample("groups-bulk")))
        assert {node.name[:5]: node.group for node in client.nodes()}["node3"] == "rack2"

    def test_nodes_are_told_even_when_groups_are_not(self, server: HttpsServer, client: Client) -> None:
        server.plays(NO_QUERIES[0], answer(sample("nodes-bulk")), error(500, "no"))
        assert {node.group for node in client.nodes()} == {""}

    def test_groups(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("groups-bulk")), answer(sample("groups-bulk")[0]))
        assert [group.name for group in client.groups()] == ["default", "rack2"]
        assert client.group("default").alloc_policy == "preferred"
        assert asked(server) == ["GET /2/groups?bulk=1", "GET /2/groups/default"]

    def test_networks(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("networks-bulk")))
        assert [network.name for network in client.networks()] == ["net-private", "net-public"]

    def test_an_old_ganeti_has_no_networks(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("error-404-path"), 404))
        assert client.networks() == []

    def test_networks_that_cannot_be_told_are_not_none(self, server: HttpsServer, client: Client) -> None:
        server.plays(error(500, "no"))
        with pytest.raises(Failed):
            client.networks()


class TestTheCluster:
    def test_version_features_info_and_tags(self, server: HttpsServer, client: Client) -> None:
        server.plays(*[answer(sample(name)) for name in ("version", "features", "info", "tags-cluster")])
        assert client.version() == 2
        assert "instance-reinstall-reqv1" in client.features()
        assert client.info().version == (3, 0, 2)
        assert client.cluster_tags() == ("testbed:c1",)
        assert asked(server) == ["GET /version", "GET /2/features", "GET /2/info", "GET /2/tags"]

    @pytest.mark.parametrize("method", ["version", "features", "info", "cluster_tags", "groups", "networks", "jobs"])
    @pytest.mark.parametrize("value", ["text", None, True])
    def test_another_shape_is_a_broken_answer(
        self, server: HttpsServer, client: Client, method: str, value: Any
    ) -> None:
        server.plays(answer(value))
        with pytest.raises(BrokenAnswer):
            getattr(client, method)()


class TestNewestJobs:
    def test_one_request_with_a_filter_on_the_number(self, server: HttpsServer, client: Client) -> None:
        op = {"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "vm1", "osparams": {"img_passwd": "x"}}
        told = {"id": 7, "status": "running", "ops": [op], "received_ts": [1000, 0], "start_ts": [1001, 500000]}
        row = [[0, told.get(field)] for field in LISTED_JOB_FIELDS]
        forgotten = [[0, 8] if field == "id" else [3, None] for field in LISTED_JOB_FIELDS]
        server.plays(answer({"data": [row, forgotten]}))
        [job] = client.jobs_since(5, [3, 9])
        assert (job.id, job.status, job.instances, job.opcodes) == (7, "running", ("vm1",), ("INSTANCE_MIGRATE",))
        assert (job.received, job.started) == (1000.0, 1001.5)
        [request] = server.requests
        assert request.json["qfilter"] == ["|", [">", "id", 5], ["=", "id", 3]]

    def test_all_that_are_not_over_are_asked_for_by_their_state(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer({"data": []}))
        assert client.jobs_since(5, unfinished=True) == []
        assert ["=", "status", "queued"] in server.requests[0].json["qfilter"]

    @pytest.mark.parametrize("refusal", NO_QUERIES)
    def test_where_there_are_no_queries_that_is_said(self, server: HttpsServer, client: Client, refusal: Act) -> None:
        server.plays(refusal)
        with pytest.raises((Missing, NotAllowed)):
            client.jobs_since(5)
        assert len(server.requests) == 1

    def test_the_whole_queue_is_cut_to_the_newest(self, server: HttpsServer, client: Client) -> None:
        rows = [{"id": number, "status": "success", "ops": []} for number in range(1, 50)]
        server.plays(answer([*rows, "rubbish", {"id": None}]))
        assert [job.id for job in client.newest_jobs(3)] == [49, 48, 47]

    def test_the_highest_number_is_found_among_rubbish(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer([{"id": "12", "uri": "x"}, {"id": 7}, {"id": None}, "rubbish"]), answer([]))
        assert (client.newest_job(), client.newest_job()) == (12, 0)


class TestMayChange:
    def test_a_refused_body_means_that_we_may(self, server: HttpsServer, client: Client) -> None:
        server.plays(error(400, "Unsupported request data version -1"))
        assert client.may_change() is True
        assert asked(server) == ["POST /2/instances"]
        assert server.requests[0].json == {"__version__": -1}  # no Ganeti can make an instance of this

    @pytest.mark.parametrize("refusal", [error(401, "Unauthorized"), error(403, "Forbidden")])
    def test_a_refused_user_means_that_we_may_not(self, server: HttpsServer, client: Client, refusal: Act) -> None:
        server.plays(refusal)
        assert client.may_change() is False

    def test_an_unreachable_cluster_means_neither(self, server: HttpsServer, client: Client) -> None:
        server.plays(hang_up, hang_up)
        with pytest.raises(Unreachable):
            client.may_change()


class TestJobs:
    def test_hundreds_are_one_request(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-job"))
        client.jobs_by_id(range(1, 400))
        [request] = server.requests
        assert request.json["qfilter"] == ["|", *(["=", "id", number] for number in range(1, 400))]
        assert request.json["fields"] == list(JOB_FIELDS)

    def test_each_comes_with_log_and_words_and_the_forgotten_one_is_absent(
        self, server: HttpsServer, client: Client
    ) -> None:
        server.plays(query_answer("query-job"))
        jobs = client.jobs_by_id([3, FAILED_JOB, 99999])
        assert set(jobs) == {3, FAILED_JOB}
        assert jobs[3].succeeded
        assert jobs[3].log[0].message == " - INFO: Node will be a master candidate"
        assert jobs[FAILED_JOB].status == "error"
        assert jobs[FAILED_JOB].error

    def test_jobs_that_nobody_asked_for_are_left_out(self, server: HttpsServer, client: Client) -> None:
        server.plays(query_answer("query-job"))  # as a Ganeti would that does not know the filter
        assert set(client.jobs_by_id([3])) == {3}

    def test_no_ids_are_no_request(self, server: HttpsServer, client: Client) -> None:
        assert client.jobs_by_id([]) == {}
        assert server.requests == []

    @pytest.mark.parametrize("refusal", NO_QUERIES)
    def test_without_queries_the_bulk_list_serves_and_failures_are_asked_for(
        self, server: HttpsServer, client: Client, refusal: Act
    ) -> None:
        bulk = [
            {**sample("reinstall-fail-job"), "opresult": None, "oplog": None},
            {**sample("shutdown-job"), "opresult": None, "oplog": None},
            sample("job-queued"),
        ]
        server.plays(refusal, answer(bulk), answer(sample("reinstall-fail-job")))
        failed, done = bulk[0]["id"], bulk[1]["id"]
        jobs = client.jobs_by_id([failed, done, 99999])
        assert set(jobs) == {failed, done}
        assert "no space for the image" in jobs[failed].error
        assert asked(server) == ["PUT /2/query/job", "GET /2/jobs?bulk=1", f"GET /2/jobs/{failed}"]

    def test_the_oldest_ganeti_is_asked_for_each(self, server: HttpsServer, client: Client) -> None:
        done = sample("shutdown-job")
        listed = [{"id": str(done["id"]), "uri": ""}, {"id": "9999", "uri": ""}, {"id": "1", "uri": ""}]
        server.plays(NO_QUERIES[0], answer(listed), answer(done), error(404, "Not Found"))
        assert set(client.jobs_by_id([done["id"], 9999])) == {done["id"]}

    def test_all_jobs(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer([sample("shutdown-job"), sample("job-queued")]))
        assert [job.status for job in client.jobs()] == ["success", "queued"]
        assert asked(server) == ["GET /2/jobs?bulk=1"]

    def test_one_job(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("reinstall-fail-job")))
        assert client.job(33).error.startswith("Could not install OS")
        assert asked(server) == ["GET /2/jobs/33"]

    @pytest.mark.parametrize("forgotten", [answer(sample("job-missing")), error(404, "Not Found")])
    def test_a_forgotten_job_is_not_known(self, server: HttpsServer, client: Client, forgotten: Act) -> None:
        server.plays(forgotten)
        assert (client.job(999999).id, client.job(999999).is_known) == (999999, False)

    @pytest.mark.parametrize(
        ("name", "outcome"),
        [
            ("cancel-waiting", True),
            ("cancel-running", False),
            ("job-missing-cancel", False),
        ],
    )
    def test_canceling_tells_whether_it_worked(
        self, server: HttpsServer, client: Client, name: str, outcome: bool
    ) -> None:
        server.plays(answer(sample(name)))
        canceled, message = client.cancel_job(40)
        assert canceled is outcome
        assert message == sample(name)[1]
        assert asked(server) == ["DELETE /2/jobs/40"]


FAILED_JOB = next(row[0][1] for row in sample("query-job")["data"] if row[1] == [0, "error"])
BECAUSE = "reason=alice%2C+request+7"
TAGS = ["ganetimgr:users:alice", "a/b"]
CHANGES: dict[str, tuple[Callable[[Client], int], str, Any]] = {
    "startup": (
        lambda client: client.startup_instance("web", reason="alice, request 7"),
        f"PUT /2/instances/web/startup?{BECAUSE}",
        None,
    ),
    "shutdown": (
        lambda client: client.shutdown_instance("web", timeout=30, reason="alice, request 7"),
        f"PUT /2/instances/web/shutdown?{BECAUSE}",
        {"timeout": 30},
    ),
    "reboot": (
        lambda client: client.reboot_instance("web", reason="alice, request 7"),
        f"POST /2/instances/web/reboot?type=hard&{BECAUSE}",
        None,
    ),
    "soft reboot": (
        lambda client: client.reboot_instance("web", kind="soft"),
        "POST /2/instances/web/reboot?type=soft",
        None,
    ),
    "create": (
        lambda client: client.create_instance({"mode": "create"}),
        "POST /2/instances",
        {"__version__": 1, "mode": "create"},
    ),
    "delete": (
        lambda client: client.delete_instance("web", "alice, request 7"),
        f"DELETE /2/instances/web?{BECAUSE}",
        None,
    ),
    "reinstall": (
        lambda client: client.reinstall_instance("web", {"os": "image+debian"}),
        "POST /2/instances/web/reinstall",
        {"os": "image+debian"},
    ),
    "rename": (
        lambda client: client.rename_instance("web", "www"),
        "PUT /2/instances/web/rename",
        {"new_name": "www", "ip_check": False, "name_check": False},
    ),
    "modify": (
        lambda client: client.modify_instance("web", {"beparams": {"vcpus": 2}}),
        "PUT /2/instances/web/modify",
        {"beparams": {"vcpus": 2}},
    ),
    "migrate": (lambda client: client.migrate_instance("web"), "PUT /2/instances/web/migrate", {}),
    "add tags": (
        lambda client: client.add_instance_tags("web", TAGS, "alice, request 7"),
        f"PUT /2/instances/web/tags?tag=ganetimgr%3Ausers%3Aalice&tag=a%2Fb&{BECAUSE}",
        None,
    ),
    "delete tags": (
        lambda client: client.delete_instance_tags("web", TAGS),
        "DELETE /2/instances/web/tags?tag=ganetimgr%3Ausers%3Aalice&tag=a%2Fb",
        None,
    ),
}


class TestChanges:
    @pytest.mark.parametrize("change", CHANGES)
    def test_each_answers_with_its_job(self, server: HttpsServer, client: Client, change: str) -> None:
        make, request, body = CHANGES[change]
        server.plays(answer(51))
        assert make(client) == 51
        assert asked(server) == [request]
        assert (server.requests[0].json if server.requests[0].body else None) == body

    @pytest.mark.parametrize("change", CHANGES)
    def test_none_is_asked_twice(self, server: HttpsServer, client: Client, change: str) -> None:
        server.plays(hang_up, answer(51))
        with pytest.raises(Unreachable) as caught:
            CHANGES[change][0](client)
        assert caught.value.perhaps_done
        assert len(server.requests) == 1

    def test_a_read_only_user_is_told_so(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(sample("error-403-read-only"), 403))
        with pytest.raises(NotAllowed):
            client.startup_instance("web")

    def test_an_answer_without_a_job_is_broken_and_perhaps_done(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer({"job": 51}))
        with pytest.raises(BrokenAnswer) as caught:
            client.startup_instance("web")
        assert caught.value.perhaps_done

    def test_a_reason_is_written_in_ascii(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(51))  # a real Ganeti 3.0.2 answers "commitBuffer: invalid argument" to other letters
        client.startup_instance("web", reason="Άννα 7")
        assert asked(server) == [r"PUT /2/instances/web/startup?reason=%5Cu0386%5Cu03bd%5Cu03bd%5Cu03b1+7"]

    def test_names_are_quoted(self, server: HttpsServer, client: Client) -> None:
        server.plays(answer(51))
        client.startup_instance("web/../x?a=b#c é")
        assert asked(server) == ["PUT /2/instances/web%2F..%2Fx%3Fa%3Db%23c%20%C3%A9/startup"]

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_names_that_lead_elsewhere_are_nobodys(self, server: HttpsServer, client: Client, name: str) -> None:
        with pytest.raises(Missing):
            client.delete_instance(name)
        assert server.requests == []
