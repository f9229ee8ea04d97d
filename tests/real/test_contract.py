"""Our client and our path from click to end, against real Ganeti: see tests/contract."""

import pytest

from tests.contract.clients import ClientContract
from tests.contract.creations import CreationContract, mail_server  # noqa: F401  (a fixture)
from tests.contract.nodes import NodesContract
from tests.contract.powers import PowerContract
from tests.contract.renaming import RenamingContract
from tests.plugins.real_ganeti import RealGaneti


@pytest.fixture
def ganeti(real_ganeti: RealGaneti) -> RealGaneti:
    return real_ganeti


class TestClient(ClientContract):
    pass


class TestNodes(NodesContract):
    pass


class TestPower(PowerContract):
    pass


class TestRenaming(RenamingContract):
    pass


class TestCreation(CreationContract):
    SYSTEM = "image+default"

    def recorded(self, ganeti: RealGaneti, name: str) -> str:
        """The testbed's script writes it behind the first sector of the disk."""
        node = ganeti.instance(name)["pnode"].split(".")[0]
        find = f"find /srv/ganeti -path '*{name}*' -type f | head -n 1"
        return ganeti.testbed(
            "exec",
            f"{ganeti.slug}/{node}",
            "--",
            "sh",
            "-c",
            f"dd if=$({find}) bs=512 skip=1 count=8 status=none | tr -d '\\0'",
        )
