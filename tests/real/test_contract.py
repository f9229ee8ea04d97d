"""Our client and our path from click to end, against real Ganeti: see tests/contract."""

import pytest

from tests.contract.clients import ClientContract
from tests.contract.powers import PowerContract
from tests.plugins.real_ganeti import RealGaneti


@pytest.fixture
def ganeti(real_ganeti: RealGaneti) -> RealGaneti:
    return real_ganeti


class TestClient(ClientContract):
    pass


class TestPower(PowerContract):
    pass
