"""The simulated remote API on the wire: HTTPS as Ganeti's, and every fault as a client would meet it."""

import base64
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apps.demo.jobs import Pace
from apps.demo.seed import crowd, demo_worlds
from apps.demo.server import SimulatedGaneti, SimulatedServer
from ganeti import errors
from ganeti.client import Client
from ganeti.endpoint import Endpoint
from ganeti.transport import fetch_fingerprint

VM = "www.example.org"


@pytest.fixture
def ganeti() -> Iterator[SimulatedGaneti]:
    with SimulatedGaneti(demo_worlds(pace=Pace.quick())) as served:
        yield served


@pytest.fixture
def north(ganeti: SimulatedGaneti) -> SimulatedServer:
    return ganeti["north"]


class Reply:
    """An answer as it came over the wire."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = dict(response.getheaders())
        self.content = response.read()

    def json(self) -> Any:
        return json.loads(self.content)


def get(server: SimulatedServer, path: str = "/2/info", *, timeout: float = 5, password: str = "") -> Reply:
    """What the cluster answers to somebody who trusts its certificate; or the error of the socket."""
    fields = server.endpoint_fields
    token = base64.b64encode(f"{fields['username']}:{password or fields['password']}".encode()).decode()
    trust = ssl.create_default_context(cadata=server.certificate)
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, timeout=timeout, context=trust)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Basic {token}"})
        return Reply(connection.getresponse())


def client(server: SimulatedServer, **changes: Any) -> Client:
    return Client(Endpoint(**{**server.endpoint_fields, "response_timeout": 0.5, "deadline": 3, **changes}))


# ---- a healthy cluster --------------------------------------------------------------------------------


def test_an_answer_has_ganetis_headers(north: SimulatedServer) -> None:
    answer = get(north)
    assert answer.status == 200
    assert list(answer.headers) == ["Content-Type", "Connection", "Date", "Server", "Content-Length"]
    assert answer.headers["Server"] == "Ganeti 3.0.2"
    assert answer.headers["Connection"] == "close"
    assert answer.content.endswith(b"}\n")


def test_a_refusal_names_the_realm(north: SimulatedServer) -> None:
    answer = get(north, password="wrong")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Ganeti Remote API"')


def test_each_cluster_has_a_port_and_a_certificate_of_its_own(ganeti: SimulatedGaneti) -> None:
    assert {get(server).json()["name"] for server in ganeti} == {
        "cluster.north.example.org", "cluster.south.example.net", "cluster.east.example.com",
    }  # fmt: skip
    shown = [fetch_fingerprint("127.0.0.1", server.port) for server in ganeti]
    assert shown == [server.fingerprint for server in ganeti]
    assert len(set(shown)) == 3


def test_the_certificate_is_one_that_a_ca_file_can_vouch_for(north: SimulatedServer, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(north.certificate)
    for host in ("localhost", "127.0.0.1"):
        assert client(north, host=host, fingerprint="", ca_file=str(file)).version() == 2


def test_what_was_asked_can_be_counted(north: SimulatedServer) -> None:
    get(north)
    get(north, "/2/instances?bulk=1")
    assert north.requests == [("GET", "/2/info"), ("GET", "/2/instances")]
    assert north.questions[1].argument("bulk") == "1"


def test_our_client_reads_and_changes_it(north: SimulatedServer) -> None:
    ours = client(north)
    assert len(ours.instances()) == len(north.world.instances)
    assert ours.info().version == (3, 0, 2)
    assert {network.name for network in ours.networks()} == {"public", "private"}
    number = ours.shutdown_instance(VM, reason="for the test")
    assert wait_for(ours, number).succeeded
    assert ours.instance(VM).status == "ADMIN_down"
    assert "for the test" in ours.job(number).reasons


def wait_for(ours: Client, number: int) -> Any:
    for _ in range(500):
        if (job := ours.job(number)).is_over:
            return job
        time.sleep(0.01)
    raise AssertionError("the job does not end")


def test_many_ask_at_once(north: SimulatedServer) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(client(north).instances()))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [len(north.world.instances)] * 30


def test_nonsense_on_the_wire_harms_nobody_else(north: SimulatedServer) -> None:
    context = ssl.create_default_context(cadata=north.certificate)
    for words in (
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / SMTP/1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ):
        with (
            socket.create_connection(("127.0.0.1", north.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.sendall(words)
            tls.shutdown(socket.SHUT_WR)
    with socket.create_connection(("127.0.0.1", north.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert get(north).status == 200


# ---- faults -----------------------------------------------------------------------------------------------


def test_stopped_it_refuses_and_started_it_is_there_again_at_the_same_port(north: SimulatedServer) -> None:
    port = north.port
    north.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    north.start()
    assert north.port == port
    assert get(north).status == 200


def test_closed_by_a_switch_it_refuses(north: SimulatedServer) -> None:
    north.faults.closed = True
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", north.port))
    with pytest.raises(errors.Unreachable):
        client(north).info()
    north.faults.closed = False
    assert get(north).status == 200


def test_stopping_breaks_connections_that_wait(north: SimulatedServer) -> None:
    north.faults.silence = True
    broken = threading.Event()

    def ask() -> None:
        try:
            get(north, timeout=30)
        except ConnectionError:
            broken.set()

    threading.Thread(target=ask, daemon=True).start()
    while not north.requests:
        time.sleep(0.01)
    north.stop()
    assert broken.wait(5)


def test_reset_breaks_each_connection(north: SimulatedServer) -> None:
    north.faults.reset = True
    with pytest.raises(ConnectionError):
        get(north)
    with pytest.raises(errors.Unreachable):
        client(north).info()


@pytest.mark.parametrize("switch", ["silence", "deaf"])
def test_silent_it_accepts_and_never_answers(north: SimulatedServer, switch: str) -> None:
    setattr(north.faults, switch, True)
    with pytest.raises(TimeoutError):
        get(north, timeout=0.2)
    north.faults.replace({})
    assert get(north).status == 200


def test_a_silent_cluster_carries_out_nothing(north: SimulatedServer) -> None:
    before = len(north.world.jobs.all)
    north.faults.silence = True
    with pytest.raises(errors.Unreachable) as caught:
        client(north, response_timeout=0.2).startup_instance(VM)
    assert caught.value.perhaps_done
    assert len(north.world.jobs.all) == before


def test_a_lost_answer_was_carried_out(north: SimulatedServer) -> None:
    before = len(north.world.jobs.all)
    north.faults.lost_answers = True
    with pytest.raises(errors.Unreachable) as caught:
        client(north).startup_instance(VM)
    assert caught.value.perhaps_done
    assert len(north.world.jobs.all) == before + 1


def test_latency_delays_each_answer(north: SimulatedServer) -> None:
    north.faults.latency = 0.3
    with pytest.raises(TimeoutError):
        get(north, timeout=0.1)
    assert get(north, timeout=5).status == 200


def test_rubbish_is_a_web_page(north: SimulatedServer) -> None:
    north.faults.rubbish = True
    assert get(north).headers["Content-Type"] == "text/html"
    with pytest.raises(errors.BrokenAnswer):
        client(north).info()


def test_a_truncated_answer_ends_early(north: SimulatedServer) -> None:
    north.faults.truncated = True
    with pytest.raises(http.client.IncompleteRead):
        get(north)
    with pytest.raises(errors.BrokenAnswer):
        client(north).info()


def test_dripping_bytes_come_one_by_one(north: SimulatedServer) -> None:
    north.faults.drip = 0.001
    with pytest.raises(errors.Unreachable):
        client(north, deadline=0.3).info()
    assert get(north, "/version").json() == 2


def test_a_changed_certificate_is_noticed_by_who_pins_it(north: SimulatedServer) -> None:
    north.faults.other_certificate = True
    with pytest.raises(ssl.SSLCertVerificationError):
        get(north)
    with pytest.raises(errors.WrongCertificate):
        client(north).info()
    north.faults.other_certificate = False
    assert client(north).info().name == "cluster.north.example.org"


def test_a_drained_queue_takes_no_jobs_and_is_read_all_the_same(ganeti: SimulatedGaneti) -> None:
    for slug, name in (("north", VM), ("east", "archive.example.com")):
        ganeti[slug].faults.drained = True
        with pytest.raises(errors.Busy):
            client(ganeti[slug]).startup_instance(name)
        assert client(ganeti[slug]).jobs()


def test_a_forgetful_cluster_does_not_know_a_job_that_has_ended(ganeti: SimulatedGaneti) -> None:
    for slug, name in (("north", VM), ("east", "archive.example.com")):
        ganeti[slug].faults.forgetful = True
        ours = client(ganeti[slug])
        number = ours.startup_instance(name)
        for _ in range(500):
            if not ours.job(number).is_known:
                break
            time.sleep(0.01)
        assert ours.jobs_by_id([number]) == {}


def test_jobs_fail_with_the_words_that_were_set(north: SimulatedServer) -> None:
    north.faults.failing_jobs = "no space left on device"
    ours = client(north)
    job = wait_for(ours, ours.startup_instance(VM))
    assert (job.status, job.error) == ("error", "no space left on device")


def test_without_luxid_every_request_times_out_behind_it(north: SimulatedServer) -> None:
    north.faults.no_luxid = True
    assert get(north).status == 504
    with pytest.raises(errors.Failed):
        client(north).info()


def test_a_switch_that_does_not_exist_is_refused(north: SimulatedServer) -> None:
    with pytest.raises(ValueError, match="no switch 'silent'"):
        north.faults.replace({"silent": True})


# ---- old releases ------------------------------------------------------------------------------------------


def test_ganeti_2_4_has_no_queries_networks_or_reasons(north: SimulatedServer) -> None:
    north.faults.profile = "2.4"
    statuses = [get(north, path).status for path in ("/2/query/instance?fields=name", "/2/networks", "/2/jobs/9999")]
    assert statuses == [404, 404, 404]
    row = get(north, f"/2/instances/{VM}").json()
    assert row["admin_state"] is True
    assert set(row["beparams"]) == {"memory", "vcpus", "auto_balance"}
    assert "ipolicy" not in get(north).json()
    ours = client(north)
    number = ours.reboot_instance(VM, reason="not heard")
    assert "reason" not in get(north, f"/2/jobs/{number}").json()["ops"][0]
    assert isinstance(get(north, f"/2/jobs/{number}").json()["id"], str)
    assert wait_for(ours, number).succeeded


def test_ganeti_2_4_says_waitlock(north: SimulatedServer) -> None:
    north.faults.profile = "2.4"
    north.world.jobs.pace.power = (0.5, 0.5)  # long enough to see the second one wait
    ours = client(north)
    ours.shutdown_instance("vm01.example.org")
    number = ours.startup_instance("vm01.example.org")
    seen = set()
    while not (job := ours.job(number)).is_over:
        seen.add(job.status)
        time.sleep(0.002)
    assert "waitlock" in seen
    assert "waiting" not in seen


def test_our_client_reads_every_release_alike(north: SimulatedServer) -> None:
    def read() -> list[Any]:
        return [(found.name, found.status, found.memory, found.addresses) for found in client(north).instances()]

    north.world.jobs.restore([], 1)  # what a job is doing to an instance would show
    newest = read()
    for profile in ("2.9", "2.4"):
        north.faults.profile = profile
        assert read() == newest
        assert [node.name for node in client(north).nodes()] == sorted(north.world.nodes)


# ---- the process ----------------------------------------------------------------------------------------------


def test_two_hundred_clusters_are_served_by_one_process() -> None:
    with SimulatedGaneti(crowd(200, 5)) as ganeti:
        answers = [get(server, "/2/instances").json() for server in ganeti]
    assert [len(answer) for answer in answers] == [5] * 200
    assert json.dumps(answers)
