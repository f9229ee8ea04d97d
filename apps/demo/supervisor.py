"""Starts processes, watches them, and ends them all together."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

_PATIENCE = 10.0  # seconds that a process may take to end when asked
_STEP = 0.1
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or asked the supervisor to end."""


class ChildDied(Exception):
    """A process ended by itself; the text says which, and what it said last."""


class Supervisor:
    """The children of this process, by name. Each writes to a log file of its own."""

    def __init__(self, logs: Path, directory: Path, environment: dict[str, str] | None = None) -> None:
        self.logs = logs
        self.directory = directory
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def heed_signals(self) -> None:
        """From now on Ctrl-C, SIGTERM and a closed terminal raise Stopped, once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    @staticmethod
    def _stop(number: int, frame: FrameType | None) -> None:
        for later in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(later, signal.SIG_IGN)  # the children end already
        raise Stopped

    def start(self, name: str, command: list[str]) -> None:
        """Starts a child in a process group of its own: Ctrl-C in the terminal reaches us alone."""
        with self.log(name).open("wb") as log:
            self.children[name] = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Raises ChildDied when one has ended."""
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                how = f"exit status {code}" if code >= 0 else signal.Signals(-code).name
                raise ChildDied(f"The {name} ended by itself ({how}). {self.last_words(name)}")

    def last_words(self, name: str, lines: int = 15) -> str:
        """The end of a child's log."""
        log = self.log(name)
        end = log.read_text(errors="replace").strip().splitlines()[-lines:]
        return "\n".join([f"The end of {log}:", *end]) if end else f"It wrote nothing to {log}."

    def watch(self) -> None:
        """Returns never: raises ChildDied or Stopped."""
        while True:
            self.check()
            time.sleep(_STEP)

    def end(self) -> None:
        """Ends all children and waits for them; who does not heed a request is killed with its descendants."""
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + _PATIENCE
        for child in self.children.values():
            try:
                child.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """In the child: asks the kernel for SIGTERM when the supervisor dies, however it dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
