"""This machine: its commands, processes, namespaces, packages and files."""

import ctypes
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTBED = Path(__file__).resolve().parent.parent / "testbed"
INSTALL_PACKAGES = TESTBED.parent.parent / "install-packages"

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# Nothing of the caller's environment reaches a node
CLEAN_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
}

BEGINNING = time.monotonic()


class Failure(Exception):
    """Something that ends the program with a sentence for the person who called it."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGINNING:6.1f}s] {text}", file=sys.stderr, flush=True)


def run(command: list[str], *, timeout: float = 120, name: str = "") -> str:
    """What the command printed; one that fails raises Failure with the end of its output."""
    name = name or shlex.join(command)
    try:
        done = subprocess.run(
            command,
            env=CLEAN_ENVIRONMENT,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{name}: no end after {timeout:.0f} s\n{_as_text(error.output)[-2000:]}") from error
    except OSError as error:
        raise Failure(f"{name}: {error}") from error
    if done.returncode != 0:
        raise Failure(f"{name}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def _as_text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def start_process_that_stays(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    """This program, started once more with other arguments, on its own, writing to a log."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, str(TESTBED), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=CLEAN_ENVIRONMENT,
            start_new_session=True,
        )


def wait_for(
    what: str,
    happened: Callable[[], object],
    timeout: float,
    *,
    gave_up: Callable[[], bool] = lambda: False,
    log: Path | None = None,
) -> None:
    """Returns once it has happened; otherwise raises Failure with the end of the log."""
    end = time.monotonic() + timeout
    while not happened():
        over = gave_up()
        if over or time.monotonic() > end:
            reason = "its process has ended" if over else f"not within {timeout:.0f} s"
            tail = log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            raise Failure(f"{what}: {reason}\n{tail}".strip())
        time.sleep(0.05)


def unshare(flags: int) -> None:
    """Puts this process into namespaces of its own."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(flags) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise Failure(f"unshare(0x{flags:x}): {reason} (is this root, with the right to make namespaces?)")


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks; None if there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if words[0] in "ZX" else int(words[19])


class PidFile:
    """A process known by pid and start time, so that a stranger with a used pid is never taken for it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pid: int) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"pid": pid, "start": start_time(pid)}))
        new.rename(self.path)

    def pid(self) -> int | None:
        """The pid, if the process written down still is that process."""
        try:
            record = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        alive = record["start"] is not None and start_time(record["pid"]) == record["start"]
        return record["pid"] if alive else None

    def kill(self) -> bool:
        """Whether there was a process to end."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_for(f"the end of process {pid}", lambda: self.pid() is None, 10)
        self.path.unlink(missing_ok=True)
        return pid is not None


def install(packages: list[str]) -> None:
    """Sees to it that Debian packages are there."""
    done = subprocess.run([str(INSTALL_PACKAGES), *packages], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode != 0:
        raise Failure(f"without {', '.join(packages)} there are no clusters")


def remove_directory(path: Path) -> None:
    """Removes a directory whose processes have just ended: their last files may still appear."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [mount for mount in mounts if mount.startswith(f"{path}/")]
    if inside:
        raise Failure(f"still mounted: {', '.join(inside)}")
    end = time.monotonic() + 2
    while path.exists():
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if time.monotonic() > end:
                raise Failure(f"cannot remove {path}: {error}") from error
            time.sleep(0.1)
