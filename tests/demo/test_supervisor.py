"""The demo's processes come and go together."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.demo.supervisor import ChildDied, Supervisor

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]  # fmt: skip


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "log", tmp_path)
    yield supervisor
    supervisor.end()


def until_it_is_up(supervisor: Supervisor, name: str) -> None:
    deadline = time.monotonic() + 30
    while "up" not in supervisor.log(name).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_children_end_when_asked(supervisor: Supervisor) -> None:
    for name in ("one", "two"):
        supervisor.start(name, SLEEP)
    supervisor.check()
    supervisor.end()
    assert [child.returncode for child in supervisor.children.values()] == [-signal.SIGTERM] * 2


def test_one_that_does_not_heed_the_request_is_killed(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.demo.supervisor._PATIENCE", 0.2)
    supervisor.start("stubborn", STUBBORN)
    until_it_is_up(supervisor, "stubborn")
    supervisor.end()
    assert supervisor.children["stubborn"].returncode == -signal.SIGKILL


def test_a_child_that_ends_by_itself_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start("watcher", [sys.executable, "-c", "raise SystemExit('no such table')"])
    supervisor.children["watcher"].wait()
    with pytest.raises(ChildDied, match=r"(?s)The watcher ended by itself \(exit status 1\).*no such table"):
        supervisor.watch()


def test_a_child_that_was_killed_is_named_with_the_signal(supervisor: Supervisor) -> None:
    supervisor.start("web", SLEEP)
    supervisor.children["web"].kill()
    supervisor.children["web"].wait()
    with pytest.raises(ChildDied, match="SIGKILL"):
        supervisor.check()


def test_children_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        from pathlib import Path
        from apps.demo.supervisor import Supervisor
        supervisor = Supervisor(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}))
        supervisor.start("child", {SLEEP!r})
        print(supervisor.children["child"].pid, flush=True)
        supervisor.watch()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = Path(f"/proc/{parent.stdout.readline().strip()}")
        assert child.exists()
        parent.kill()
    deadline = time.monotonic() + 30
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
