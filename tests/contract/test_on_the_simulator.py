"""The contract on the simulator; tests/real/test_contract.py holds real Ganeti to the same."""

import pytest

from tests.contract.clients import ClientContract
from tests.contract.powers import PowerContract
from tests.simulated import SimulatedSide


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


class TestClient(ClientContract):
    pass


class TestPower(PowerContract):
    pass
