"""contrib's units for systemd and the init script, with the paths of this checkout in the place of /opt/ganetimgr."""

import configparser
import getpass
import grp
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.servers import free_port
from tests.site.running import ROOT, Site

pytestmark = pytest.mark.services
UNITS = ["ganetimgr-web.service", "ganetimgr-watcher@.service", "ganetimgr-console.service"]


def here(text: str) -> str:
    return text.replace("/opt/ganetimgr", str(ROOT))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


class TestSystemd:
    @pytest.mark.parametrize("unit", UNITS)
    def test_finds_nothing_to_complain_about(self, unit: str, tmp_path: Path) -> None:
        path = tmp_path / unit
        path.write_text(here((ROOT / "contrib/systemd" / unit).read_text()))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    @pytest.mark.parametrize("unit", UNITS)
    def test_keeps_each_process_away_from_all_that_is_not_its_own(self, unit: str, tmp_path: Path) -> None:
        """systemd's own figure: 0 is locked away, 10 is not at all; above 4 it says "exposed"."""
        path = tmp_path / unit
        path.write_text(here((ROOT / "contrib/systemd" / unit).read_text()))
        command = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]

    @pytest.mark.parametrize("unit", UNITS)
    def test_hears_that_what_the_unit_starts_is_ready(self, unit: str, site: Site, tmp_path: Path) -> None:
        """Type=notify: what comes after it comes when it works, and not when it was only begun."""
        service = configparser.RawConfigParser(strict=False)
        service.optionxform = str  # type: ignore[assignment,method-assign]
        service.read_string(here((ROOT / "contrib/systemd" / unit).read_text()))
        command = service["Service"]["ExecStart"].split()
        if "gunicorn" in command[0]:
            command[1:1] = ["-b", f"127.0.0.1:{site.port}"]
        if command[-1] == "console.py":
            command += ["--bind", f"127.0.0.1:{free_port()}"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(tmp_path / "notify"))
            systemd.settimeout(60)
            process = site._start(unit, command, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
            assert b"READY=1" in systemd.recv(4096)
            if service["Service"].get("WatchdogSec"):
                assert systemd.recv(4096) == b"WATCHDOG=1"
            if "gunicorn" in command[0]:
                site.until(site._answers, "a worker")  # a worker that has not begun yet does not hear that it may go
            assert site.end(process) == 0


@pytest.fixture
def service(site: Site, tmp_path: Path) -> Iterator["InitScript"]:
    script = InitScript(site, tmp_path)
    yield script
    script("stop")


class InitScript:
    """contrib's init script and default file, in a directory of the test."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.pid_file, self.log_file = directory / "run" / "watcher.pid", directory / "watcher.log"
        self.path = directory / "ganetimgr-watcher"
        defaults = directory / "default"
        group = grp.getgrgid(os.getegid()).gr_name
        self._copy("default", defaults, {
            "DIRECTORY=.*": f"DIRECTORY={ROOT}",
            "RUN_AS=.*": f"RUN_AS={getpass.getuser()}",
            "RUN_AS_GROUP=.*": f"RUN_AS_GROUP={group}",
            "PIDFILE=.*": f"PIDFILE={self.pid_file}",
            "LOGFILE=.*": f"LOGFILE={self.log_file}",
            'OPTIONS=""': 'OPTIONS="--workers 7"',
            "#export GANETIMGR_SETTINGS=.*": f"export GANETIMGR_SETTINGS={site.environment['GANETIMGR_SETTINGS']}",
        })  # fmt: skip
        self._copy("init.d", self.path, {"DEFAULTS=.*": f"DEFAULTS={defaults}"})

    def _copy(self, kind: str, path: Path, replaced: dict[str, str]) -> None:
        source = ROOT / "contrib" / kind / "ganetimgr-watcher"
        shutil.copy(source, path)
        text = source.read_text()
        for pattern, line in replaced.items():
            text, count = re.subn(f"^{pattern}$", line, text, flags=re.MULTILINE)
            assert count == 1, f"{source} has no {pattern}"
        path.write_text(text)

    def __call__(self, verb: str) -> int:
        # Not through pipes: the daemon would keep them open
        return subprocess.run(
            [str(self.path), verb], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=60, check=False,
        ).returncode  # fmt: skip

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    @property
    def words(self) -> list[str]:
        return Path(f"/proc/{self.pid}/cmdline").read_text().split("\0")


def has_ended(pid: int) -> bool:
    """Also true where nobody has asked for the dead one's exit code yet: it has no words any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text() == ""
    except FileNotFoundError:
        return True


class TestTheInitScript:
    """Its exit codes are those of the Linux Standard Base: 3 is "not running"."""

    def test_starts_tells_restarts_and_stops(self, service: InitScript) -> None:
        assert service("status") == 3
        assert service("start") == 0
        assert service("status") == 0
        first = service.pid
        assert "watcher.py" in service.words
        assert service.words[service.words.index("--workers") + 1] == "7"
        assert service("start") == 0
        assert service.pid == first, "what runs is not started again"
        assert service("restart") == 0
        assert service.pid != first
        assert has_ended(first)
        assert service("stop") == 0
        assert service("status") == 3
        assert not service.pid_file.exists()
        assert service("stop") == 0, "what does not run is stopped"

    def test_starts_again_where_a_dead_one_left_its_number(self, service: InitScript) -> None:
        with subprocess.Popen(["true"]) as dead:
            dead.wait()
        service.pid_file.parent.mkdir()
        service.pid_file.write_text(f"{dead.pid}\n")
        assert service("status") == 1
        assert service("start") == 0
        assert service("status") == 0

    def test_leaves_others_alone_who_got_its_number(self, service: InitScript) -> None:
        with subprocess.Popen(["sleep", "600"]) as other:
            service.pid_file.parent.mkdir()
            service.pid_file.write_text(f"{other.pid}\n")
            assert service("stop") == 0
            assert other.poll() is None
            service.pid_file.write_text(f"{other.pid}\n")
            assert service("start") == 0
            assert service.pid != other.pid
            other.kill()

    def test_says_how_it_is_used(self, service: InitScript) -> None:
        assert service("dance") == 2
