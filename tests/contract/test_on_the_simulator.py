"""The contract on the simulator; tests/real/test_contract.py holds real Ganeti to the same."""

from typing import Any

import pytest

from tests.contract.clients import ClientContract
from tests.contract.creations import CreationContract, mail_server  # noqa: F401  (a fixture)
from tests.contract.nodes import NodesContract
from tests.contract.powers import PowerContract
from tests.contract.renaming import RenamingContract
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


class TestRenaming(RenamingContract):
    pass


class TestCreation(CreationContract):
    SYSTEM = "snf-image+default"

    def recorded(self, ganeti: Any, name: str) -> str:
        return str(ganeti.server.world.instances[name].osparams)
