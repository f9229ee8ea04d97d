"""Our client and our path from click to end, against real Ganeti: see tests/contract."""

from typing import Any

import pytest

from tests.contract.access import AccessContract
from tests.contract.clients import ClientContract
from tests.contract.confirmed import ConfirmedContract
from tests.contract.creations import CreationContract, mail_server  # noqa: F401  (a fixture)
from tests.contract.powers import PowerContract
from tests.contract.renaming import RenamingContract
from tests.contract.settings import SettingsContract
from tests.plugins.real_ganeti import RealGaneti


@pytest.fixture
def ganeti(real_ganeti: RealGaneti) -> RealGaneti:
    return real_ganeti


class TestClient(ClientContract):
    pass


class TestPower(PowerContract):
    pass


class TestAccess(AccessContract):
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


class TestConfirmed(ConfirmedContract):
    SYSTEM = "image+default"

    def parameters(self, ganeti: RealGaneti) -> dict[str, Any]:
        disk = {"disk_template": "file", "disks": [{"size": 1024}]}
        return {"os_type": self.SYSTEM, "osparams": dict(self.OLD), **disk}

    def parameters_of(self, ganeti: RealGaneti, name: str) -> dict[str, str]:
        question = {"fields": ["osparams"], "filter": ["=", "name", name]}
        [[[_, found]]] = ganeti.ok("PUT", "/2/query/instance", question)["data"]
        return dict(found)


class TestSettings(SettingsContract):
    """On the cluster whose instances are QEMU."""

    INSTALLED = {"disk_template": "file", "disks": [{"size": 1024}], "os_type": "image+default"}

    @pytest.fixture
    def ganeti(self, kvm_ganeti: RealGaneti) -> RealGaneti:
        return kvm_ganeti
