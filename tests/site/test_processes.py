"""Web and watcher as systemd, or an operator at a terminal, handles them: readiness, clean ends, daemon, files."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated import SimulatedSide
from tests.site.conftest import Machine
from tests.site.running import Site

pytestmark = pytest.mark.services

LEASES = "SELECT holder FROM ganeti_lease WHERE holder <> ''"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def notify(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket at which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


class TestTheWatcher:
    def test_tells_systemd_that_it_is_ready_alive_and_about_to_end(
        self, site: Site, clusters: dict[str, SimulatedSide], notify: socket.socket
    ) -> None:
        watcher = site.start_watcher(NOTIFY_SOCKET=notify.getsockname(), WATCHDOG_USEC="200000")
        assert notify.recv(100) == b"READY=1"
        assert notify.recv(100) == b"WATCHDOG=1"
        assert site.end(watcher) == 0
        said = b"WATCHDOG=1"
        while said == b"WATCHDOG=1":
            said = notify.recv(100)
        assert said == b"STOPPING=1"

    def test_asked_to_end_does_so_and_gives_its_clusters_back(
        self, site: Site, clusters: dict[str, SimulatedSide], vm: Machine
    ) -> None:
        watcher = site.start_watcher()
        site.until(lambda: len(site.rows(LEASES)) == 3, "the watcher to take all clusters")
        assert site.end(watcher) == 0
        assert site.rows(LEASES) == []
        assert site.rows("SELECT * FROM ganeti_watcherprocess") == []

    def test_asked_to_end_while_a_cluster_keeps_it_waiting_ends_all_the_same(
        self, site: Site, clusters: dict[str, SimulatedSide]
    ) -> None:
        clusters["north"].faults.silence = True
        watcher = site.start_watcher()
        site.until(lambda: clusters["north"].requests, "the watcher to ask")
        assert site.end(watcher) == 0
        assert site.rows(LEASES) == []

    def test_goes_to_the_background_writes_its_number_and_logs_into_a_file(
        self, site: Site, clusters: dict[str, SimulatedSide], tmp_path: Path
    ) -> None:
        pid_file, log_file = tmp_path / "watcher.pid", tmp_path / "watcher.log"
        front = site.start_watcher("--daemon", "--pid-file", str(pid_file), "--log-file", str(log_file))
        assert front.wait(timeout=60) == 0
        site.until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the pid file")
        pid = int(pid_file.read_text())
        try:
            assert pid != front.pid
            assert os.getsid(pid) != os.getsid(0)
            site.until(lambda: len(site.rows(LEASES)) == 3, "the daemon to work")
            assert f"-{pid}-" in site.rows(LEASES)[0][0]
            os.kill(pid, signal.SIGTERM)
            site.until(lambda: not is_alive(pid), "the daemon to end")
            assert not pid_file.exists()
            assert "begins" in log_file.read_text()
            assert "has ended" in log_file.read_text()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class TestTheWeb:
    def test_asked_to_end_answers_who_is_waiting_and_ends(self, site: Site, vm: Machine) -> None:
        watcher = site.start_watcher()
        web = site.start_web()
        alice = site.sign_in("alice")
        site.until(lambda: vm.is_shown_to(alice), "the VM to be on the page")
        vm.north.faults.latency = 1.0
        answers: list[int] = []
        click = threading.Thread(
            target=lambda: answers.append(
                alice.session.post(
                    f"{site.url}{vm.page}startup/",
                    data={"csrfmiddlewaretoken": alice.session.cookies["csrftoken"]},
                    allow_redirects=False,
                    timeout=60,
                ).status_code
            )
        )
        click.start()
        site.until(vm.asked, "the request to reach Ganeti")
        assert site.end(web) == 0
        click.join()
        assert answers == [302]
        vm.north.faults.latency = 0
        vm.wait_for_its_end()
        vm.assert_ended_once()
        assert site.end(watcher) == 0
