"""Real Ganeti for the tests in tests/real: `make test` or `make ganeti` brings it up and writes down where it is.

A test that cannot have it fails.
"""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ganeti.endpoint import Endpoint

ROOT = Path(__file__).resolve().parent.parent.parent
TESTBED = ROOT / "contrib/ganeti-testbed/testbed"
OVER = {"success", "error", "canceled"}
SECONDS_FOR_A_JOB = 60

numbers = itertools.count(1)


@dataclass(frozen=True)
class RealGaneti:
    """One real cluster, asked by plain HTTP, so that what it says does not depend on our own client."""

    facts: Mapping[str, Any]
    state: str

    @property
    def slug(self) -> str:
        return self.facts["slug"]

    @property
    def nodes(self) -> list[str]:
        return [node["name"] for node in self.facts["nodes"]]

    def endpoint(self, username: str = "ganetimgr") -> Endpoint:
        """Where our own client finds the cluster, as `ganetimgr` (writes), `reader` (reads) or `guest` (no option)."""
        rapi = self.facts["rapi"]
        password = rapi["users"][username]
        return Endpoint(self.slug, rapi["host"], rapi["port"], username, password, fingerprint=rapi["fingerprint"])

    def ask(self, method: str, path: str, body: object = None, *, username: str = "ganetimgr") -> tuple[int, Any]:
        """The status and the decoded answer."""
        rapi = self.facts["rapi"]
        answer = requests.request(
            method,
            rapi["url"] + path,
            json=body,
            auth=(username, rapi["users"][username]),
            verify=rapi["ca_file"],
            timeout=60,
        )
        return answer.status_code, answer.json()

    def ok(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of a request that has to work."""
        status, value = self.ask(method, path, body)
        assert status == 200, f"{method} {path}: {status} {value}"
        return value

    def job(self, number: int) -> dict[str, Any]:
        """The job, once it is over, however it ended."""
        end = time.monotonic() + SECONDS_FOR_A_JOB
        while (job := self.ok("GET", f"/2/jobs/{number}"))["status"] not in OVER:
            assert time.monotonic() < end, f"job {number} is still {job['status']}"
            time.sleep(0.1)
        return job

    def does(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The job of a change that has to succeed, once it is over."""
        job = self.job(self.ok(method, path, body))
        assert job["status"] == "success", job["opresult"]
        return job

    def instance(self, name: str) -> dict[str, Any]:
        return self.ok("GET", f"/2/instances/{name}")

    @property
    def a_disk(self) -> list[dict[str, int]]:
        """The disks of an instance that has a small one, as `an_instance` takes them."""
        return [{"size": 1024}]

    @contextmanager
    def an_instance(self, **parameters: object) -> Generator[str]:
        """The name of an instance without disks or operating system, stopped, that is removed again."""
        name = f"test{os.getpid()}-{next(numbers)}.{self.slug}.ganeti.example"
        request: dict[str, object] = {
            "__version__": 1,
            "mode": "create",
            "instance_name": name,
            "disk_template": "diskless",
            "disks": [],
            "nics": [{}],
            "os_type": "noop",
            "pnode": self.nodes[0],
            "start": False,
            "ip_check": False,
            "name_check": False,
            "conflicts_check": False,
        }
        self.does("POST", "/2/instances", request | parameters)
        try:
            yield name
        finally:
            if (
                self.ask("GET", f"/2/instances/{name}")[0] == 200
            ):  # a test may have destroyed it, or given it another name
                self.does("DELETE", f"/2/instances/{name}")

    def command(self, *words: str) -> str:
        """What a command on the cluster's master printed."""
        return self.testbed("exec", self.slug, "--", *words)

    @contextmanager
    def a_stopped_node(self, name: str) -> Generator[None]:
        """This node's machine is off, and Ganeti was told nothing of it."""
        node = f"{self.slug}/{name.partition('.')[0]}"
        self.testbed("node", "stop", node)
        try:
            yield
        finally:
            self.testbed("node", "start", node)

    @contextmanager
    def nodes_out_of_service(self) -> Generator[None]:
        """One node is drained and another one offline: so the testbed makes its larger cluster."""
        yield

    @contextmanager
    def refusing(self) -> Generator[None]:
        """RAPI is not there: connections are refused."""
        self.testbed("rapi", "stop", self.slug)
        try:
            yield
        finally:
            self.testbed("rapi", "start", self.slug)

    @contextmanager
    def hanging(self) -> Generator[None]:
        """RAPI takes connections and says nothing."""
        self.testbed("rapi", "pause", self.slug)
        try:
            yield
        finally:
            self.testbed("rapi", "resume", self.slug)

    def testbed(self, *words: str) -> str:
        command = [str(TESTBED), "--state", self.state, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def clusters_written_down(path: Path) -> list[RealGaneti]:
    """The clusters of a testbed, all of which answer."""
    if not path.exists():
        pytest.fail(f"no real Ganeti: {path} is not there ('make ganeti' as root makes it)", pytrace=False)
    testbed = json.loads(path.read_text())
    clusters = [RealGaneti(facts, testbed["state"]) for facts in testbed["clusters"]]
    for cluster in clusters:
        try:
            cluster.ok("GET", "/2/info")
        except (requests.RequestException, OSError) as error:
            pytest.fail(f"no real Ganeti: {cluster.slug} of {path} does not answer: {error}", pytrace=False)
    return clusters


@pytest.fixture(scope="session")
def real_clusters() -> list[RealGaneti]:
    """All clusters of the testbed: c1 with five nodes, c2 with two."""
    return clusters_written_down(Path(os.environ.get("GANETI_TESTBED", ROOT / "var/testbed.json")))


@pytest.fixture(scope="session")
def kvm_ganeti() -> RealGaneti:
    """The cluster c3, whose instances are QEMU: vm01 to vm03 run, vm04 is stopped; all have disks, hvparams and VNC."""
    return clusters_written_down(Path(os.environ.get("GANETI_TESTBED_KVM", ROOT / "var/testbed-kvm.json")))[0]


@pytest.fixture(scope="session")
def real_ganeti(real_clusters: list[RealGaneti]) -> RealGaneti:
    """The cluster c1."""
    return real_clusters[0]


@pytest.fixture
def real_instance(real_ganeti: RealGaneti) -> Generator[str]:
    """The name of a stopped instance in c1, made for this test."""
    with real_ganeti.an_instance() as name:
        yield name
