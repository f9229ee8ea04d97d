"""Our client and our path from click to end, against real Ganeti: see tests/contract."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

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


@contextmanager
def a_migration(ganeti: RealGaneti, instance: str) -> Iterator[int]:
    """It waits for its node, which another job holds for some seconds."""
    node = ganeti.instance(instance)["pnode"]
    holding = ganeti.command("gnt-debug", "delay", "--submit", "--print-jobid", "--no-master", "-n", node, "8")
    number = int(ganeti.command("gnt-instance", "migrate", "--submit", "--print-jobid", "-f", instance))
    yield number
    ganeti.job(int(holding))


class TestJobs(JobsContract):
    def a_migration(self, ganeti: RealGaneti, instance: str) -> AbstractContextManager[int]:
        return a_migration(ganeti, instance)

    @contextmanager
    def a_long_job(self, ganeti: RealGaneti) -> Iterator[int]:
        number = int(ganeti.command("gnt-debug", "delay", "--submit", "--print-jobid", "6"))
        until(lambda: ganeti.ok("GET", f"/2/jobs/{number}")["status"] == "running")
        yield number
        ganeti.job(number)


class TestBehindOurBack(BehindContract):
    """By Ganeti's own commands on the cluster's master, as far as these ask nothing."""

    def a_migration(self, ganeti: RealGaneti, instance: str) -> AbstractContextManager[int]:
        return a_migration(ganeti, instance)

    def rename(self, ganeti: RealGaneti, instance: str, new: str) -> None:
        """By another program: the command asks at a terminal where a name does not resolve."""
        ganeti.does("PUT", f"/2/instances/{instance}/rename", {"new_name": new, "ip_check": False, "name_check": False})

    def remove(self, ganeti: RealGaneti, instance: str) -> None:
        ganeti.command("gnt-instance", "remove", "-f", instance)

    def make_again(self, ganeti: RealGaneti, instance: str) -> None:
        how = ["-t", "diskless", "-o", "noop", "-n", ganeti.nodes[0], "--no-start", "--no-name-check", "--no-ip-check"]
        ganeti.command("gnt-instance", "add", *how, "--no-conflicts-check", instance)
