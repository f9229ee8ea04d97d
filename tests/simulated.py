"""The simulator in the place of real Ganeti: the same handles as tests.plugins.real_ganeti gives for a real cluster."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.demo.faults import Faults
from apps.demo.jobs import Pace
from apps.demo.seed import demo_worlds
from apps.demo.server import SimulatedGaneti, SimulatedServer
from ganeti.client import Client
from ganeti.endpoint import Endpoint
from tests.demo.mirror import ask, said

numbers = itertools.count(1)


class SimulatedSide:
    """One simulated cluster, as the contract tests use it."""

    def __init__(self, server: SimulatedServer) -> None:
        self.server = server

    @property
    def slug(self) -> str:
        return self.server.world.slug

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def requests(self) -> list[tuple[str, str]]:
        return self.server.requests

    def endpoint(self, username: str = "ganetimgr") -> Endpoint:
        return Endpoint(**self.server.endpoint_fields_of(username))

    def job(self, number: int) -> dict[str, Any]:
        """The job as Ganeti tells it, once it is over, however it ended."""
        end = time.monotonic() + 30
        client = Client(self.endpoint())
        while not client.jobs_by_id([number])[number].is_over:
            assert time.monotonic() < end, f"job {number} does not end"
            time.sleep(0.02)
        found: dict[str, Any] = said(ask(self.server.world, "GET", f"/2/jobs/{number}"))
        return found

    @property
    def a_disk(self) -> list[Any]:
        """The disks of an instance that has a small one, as `an_instance` takes them."""
        return [self.server.world.disk(1024)]

    @contextmanager
    def an_instance(self, **parameters: Any) -> Iterator[str]:
        """The name of a stopped instance that is removed again."""
        name = f"test{next(numbers)}.example.org"
        world = self.server.world
        with world.lock:
            node = next(node.name for node in world.nodes.values() if node.role in ("M", "C", "R"))
            world.add_instance(name, node, running=False, admin_state="down", **parameters)
        try:
            yield name
        finally:
            with world.lock:
                world.instances.pop(name, None)

    @contextmanager
    def a_stopped_node(self, name: str) -> Iterator[None]:
        """This node has lost its power, and nobody marked it offline."""
        world = self.server.world
        world.nodes[name].down = True
        try:
            yield
        finally:
            world.nodes[name].down = False

    @contextmanager
    def nodes_out_of_service(self) -> Iterator[None]:
        """One node is drained and another one offline."""
        world = self.server.world
        before = {name: node.role for name, node in world.nodes.items()}
        names = [name for name, role in sorted(before.items()) if role in "RDO"]
        world.nodes[names[-2]].role, world.nodes[names[-1]].role = "D", "O"
        try:
            yield
        finally:
            for name, role in before.items():
                world.nodes[name].role = role

    @contextmanager
    def refusing(self) -> Iterator[None]:
        self.faults.closed = True
        try:
            yield
        finally:
            self.faults.closed = False

    @contextmanager
    def hanging(self) -> Iterator[None]:
        self.faults.deaf = True
        try:
            yield
        finally:
            self.faults.deaf = False


@contextmanager
def simulated() -> Iterator[dict[str, SimulatedSide]]:
    """The demo's three clusters, with quick jobs, by slug."""
    with SimulatedGaneti(demo_worlds(pace=Pace.quick())) as ganeti:
        yield {server.world.slug: SimulatedSide(server) for server in ganeti}
