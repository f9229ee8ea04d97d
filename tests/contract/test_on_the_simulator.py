"""The contract on the simulator; tests/real/test_contract.py holds real Ganeti to the same."""

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from apps.demo import opcodes
from ganeti.client import Client
from tests.contract.access import AccessContract
from tests.contract.behind import BehindContract
from tests.contract.clients import ClientContract
from tests.contract.confirmed import ConfirmedContract
from tests.contract.creations import CreationContract, mail_server  # noqa: F401  (a fixture)
from tests.contract.jobs import JobsContract, until
from tests.contract.nodes import NodesContract
from tests.contract.powers import PowerContract
from tests.contract.renaming import RenamingContract
from tests.contract.settings import SettingsContract
from tests.simulated import SimulatedSide


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


class TestClient(ClientContract):
    pass


class TestNodes(NodesContract):
    pass


class TestPower(PowerContract):
    pass


class TestAccess(AccessContract):
    pass


class TestRenaming(RenamingContract):
    pass


class TestCreation(CreationContract):
    SYSTEM = "snf-image+default"

    def recorded(self, ganeti: Any, name: str) -> str:
        return str(ganeti.server.world.instances[name].osparams)


class TestConfirmed(ConfirmedContract):
    SYSTEM = "snf-image+default"

    def parameters(self, ganeti: Any) -> dict[str, Any]:
        disk = ganeti.server.world.disk(1024)
        return {"os": self.SYSTEM, "osparams": dict(self.OLD), "disks": [disk], "hypervisor": "kvm"}

    def parameters_of(self, ganeti: Any, name: str) -> dict[str, str]:
        found: dict[str, str] = ganeti.server.world.instances[name].osparams
        return found


class TestSettings(SettingsContract):
    pass


@contextmanager
def a_migration(ganeti: SimulatedSide, instance: str) -> Iterator[int]:
    world = ganeti.server.world
    pace, world.jobs.pace = world.jobs.pace, dataclasses.replace(world.jobs.pace, queued=3600.0)
    try:
        with world.lock:
            number = world.jobs.submit([opcodes.new("OP_INSTANCE_MIGRATE", instance_name=instance)])
        yield number
    finally:
        world.jobs.pace = pace
        with world.lock:
            job = world.jobs.all[number]
            job.due = None if job.is_over else world.clock()


class TestJobs(JobsContract):
    def a_migration(self, ganeti: SimulatedSide, instance: str) -> AbstractContextManager[int]:
        return a_migration(ganeti, instance)

    @contextmanager
    def a_long_job(self, ganeti: SimulatedSide) -> Iterator[int]:
        world = ganeti.server.world
        with world.lock:
            number = world.jobs.submit([opcodes.new("OP_TEST_DELAY", duration=3600)])
        until(lambda: Client(ganeti.endpoint()).job(number).status == "running")
        yield number
        with world.lock:
            world.jobs.all[number].due = world.clock()


class TestBehindOurBack(BehindContract):
    def a_migration(self, ganeti: SimulatedSide, instance: str) -> AbstractContextManager[int]:
        return a_migration(ganeti, instance)

    def rename(self, ganeti: SimulatedSide, instance: str, new: str) -> None:
        world = ganeti.server.world
        with world.lock:
            world.instances[new] = world.instances.pop(instance)
            world.instances[new].name = new

    def remove(self, ganeti: SimulatedSide, instance: str) -> None:
        with ganeti.server.world.lock:
            del ganeti.server.world.instances[instance]

    def make_again(self, ganeti: SimulatedSide, instance: str) -> None:
        world = ganeti.server.world
        with world.lock:
            world.add_instance(instance, world.master.name, running=False)
