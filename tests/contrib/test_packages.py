"""contrib/install-packages, with a made-up dpkg and apt."""

import os
import subprocess
from pathlib import Path

import pytest

CONTRIB = Path(__file__).resolve().parent.parent.parent / "contrib"


class Machine:
    """A Debian whose installed packages and user we choose, and whose apt writes down what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.policy = directory / "policy-rc.d"
        self.log = directory / "apt.log"
        self.has()
        self.is_used_by(0)
        self.program("apt-get", f'echo "$@" >>{self.log}; cp {self.policy} {self.policy}.seen')

    def program(self, name: str, script: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def has(self, *packages: str) -> None:
        self.program("dpkg-query", "\n".join(f"echo {package} installed" for package in packages))

    def is_used_by(self, uid: int) -> None:
        self.program("id", f"echo {uid}")

    def install(self, *packages: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "POLICY_RC_D": str(self.policy),
        }
        command = [str(CONTRIB / "install-packages"), *packages]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @property
    def asked_of_apt(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_where_all_is_there_nothing_is_asked_of_apt(machine):
    machine.has("redis-server", "chromium")
    done = machine.install("redis-server", "chromium")
    assert (done.returncode, done.stdout + done.stderr, machine.asked_of_apt) == (0, "", "")


def test_only_what_is_missing_is_installed(machine):
    machine.has("redis-server")
    assert machine.install("redis-server", "chromium").returncode == 0
    update, install = machine.asked_of_apt.splitlines()
    assert update.endswith("update")
    assert install.endswith("install --no-install-recommends chromium")


def test_a_package_whose_name_only_begins_alike_is_missing(machine):
    machine.has("chromium-common")
    machine.install("chromium")
    assert machine.asked_of_apt.endswith(" chromium\n")


def test_no_service_may_start_meanwhile(machine):
    machine.install("redis-server")
    assert "exit 101" in (machine.directory / "policy-rc.d.seen").read_text()
    assert not machine.policy.exists()


def test_a_policy_that_was_there_stays(machine):
    machine.policy.write_text("theirs")
    machine.install("redis-server")
    assert machine.policy.read_text() == "theirs"


def test_who_is_not_root_gets_one_sentence(machine):
    machine.is_used_by(1000)
    machine.has("redis-server")
    done = machine.install("redis-server", "beanstalkd", "chromium")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Some Debian packages are missing; as root: apt-get install --no-install-recommends beanstalkd chromium"
    ]
    assert machine.asked_of_apt == ""


def test_what_apt_complains_about_is_shown(machine):
    machine.program("apt-get", "echo no such package; exit 100")
    done = machine.install("chromium")
    assert done.returncode == 1
    assert "no such package" in done.stderr
    assert not machine.policy.exists()
