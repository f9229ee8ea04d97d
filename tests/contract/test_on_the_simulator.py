"""The contract on the simulator; tests/real/test_contract.py holds real Ganeti to the same."""

from typing import Any

import pytest

from tests.contract.access import AccessContract
from tests.contract.clients import ClientContract
from tests.contract.confirmed import ConfirmedContract
from tests.contract.creations import CreationContract, mail_server  # noqa: F401  (a fixture)
from tests.contract.powers import PowerContract
from tests.contract.renaming import RenamingContract
from tests.contract.settings import SettingsContract
from tests.simulated import SimulatedSide


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


class TestClient(ClientContract):
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
