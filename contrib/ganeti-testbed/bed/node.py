"""One machine of a cluster: a process tree in its own mount, network, UTS, IPC and PID namespace."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import NoReturn

from .fabric import Fabric
from .machine import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    Failure,
    PidFile,
    run,
    start_process_that_stays,
    unshare,
    wait_for,
)
from .systems import write_definitions

DAEMON_UTIL = "/usr/lib/ganeti/daemon-util"

NETWORK_AND_SSH = """
    set -e
    ip link set lo up
    ip link add br0 type bridge
    ip link set eth0 master br0 up
    ip link set br0 up
    ip addr add {address}/24 brd + dev br0
    for bridge in br-public br-private; do
        ip link add $bridge type bridge
        ip link set $bridge up
    done
    /usr/sbin/sshd -f /etc/ssh/sshd_config
"""


class Node:
    def __init__(self, cluster_directory: Path, domain: str, index: int, address: str) -> None:
        self.index = index
        self.short = f"node{index}"
        self.name = f"{self.short}.{domain}"
        self.address = address
        self.directory = cluster_directory / self.short
        self.process = PidFile(self.directory / "init.pid")

    @property
    def group(self) -> str:
        return "default" if self.index <= 2 else "rack2"

    @property
    def role(self) -> str:
        return {1: "master", 4: "drained", 5: "offline"}.get(self.index, "regular")

    def runs(self) -> bool:
        return self.process.pid() is not None

    def prepare(self) -> None:
        """Makes what the node will see as its own directories and files."""
        for name in ("etc-ganeti", "var-lib-ganeti", "var-log-ganeti", "srv"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        copy_missing(Path("/etc/ganeti"), self.directory / "etc-ganeti")
        (self.directory / "etc-ganeti/file-storage-paths").write_text(
            "/srv/ganeti/file-storage\n/srv/ganeti/shared-file-storage\n"
        )
        for name in ("os", "file-storage", "shared-file-storage", "export"):
            (self.directory / "srv/ganeti" / name).mkdir(parents=True, exist_ok=True)
        write_definitions(self.directory / "srv/ganeti/os")
        (self.directory / "default").write_text('RAPI_ARGS="-b 0.0.0.0 --require-authentication"\n')
        big = self.index % 2 == 0
        (self.directory / "meminfo").write_text(made_up_meminfo(gib=96 if big else 64))
        (self.directory / "cpuinfo").write_text(made_up_cpuinfo(count=24 if big else 16))

    def start(self, fabric: Fabric) -> bool:
        """Whether the node had to be started; it then runs, with its network, but without Ganeti."""
        if self.runs():
            return False
        ready = self.directory / "ready"
        for path in (ready, self.process.path):
            path.unlink(missing_ok=True)
        log = self.directory / "init.log"
        started = start_process_that_stays(["_node", str(self.directory), self.name], log)
        # What was started ends as soon as the node's first process lives
        wait_for(
            f"node {self.name}",
            ready.exists,
            20,
            gave_up=lambda: started.poll() is not None and not self.runs(),
            log=log,
        )
        fabric.plug_in(f"n{self.index}", self.pid())
        self.shell(NETWORK_AND_SSH.format(address=self.address))
        return True

    def stop(self) -> bool:
        """Whether it was running. It has no time to say good-bye."""
        return self.process.kill()

    def pid(self) -> int:
        pid = self.process.pid()
        if pid is None:
            raise Failure(f"node {self.name} is not running")
        return pid

    def entrance(self) -> list[str]:
        """The words that make a command run on this node."""
        return ["nsenter", "-t", str(self.pid()), "-m", "-n", "-u", "-i", "-p", "-r", "-w", "--"]

    def command(self, *words: str) -> str:
        """What a command on this node printed."""
        return run([*self.entrance(), *words], name=f"on {self.name}: {shlex.join(words)}")

    def shell(self, script: str) -> str:
        return self.command("/bin/sh", "-c", script)


def copy_missing(source: Path, target: Path) -> None:
    for entry in source.iterdir():
        copy = target / entry.name
        if not copy.exists() and not copy.is_symlink() and (entry.is_symlink() or entry.is_file()):
            shutil.copy2(entry, copy, follow_symlinks=False)


def made_up_meminfo(gib: int) -> str:
    """A /proc/meminfo with room for many instances."""
    total = gib * 1024 * 1024
    used = 2 * 1024 * 1024
    rows = {"MemTotal": total, "MemFree": total - used, "MemAvailable": total - used, "Buffers": 0, "Cached": 0}
    rows |= {"SwapCached": 0, "Active": used, "Inactive": 0, "SwapTotal": 0, "SwapFree": 0}
    return "".join(f"{key + ':':<16}{value:8d} kB\n" for key, value in rows.items())


def made_up_cpuinfo(count: int) -> str:
    return "".join(
        f"processor\t: {number}\nmodel name\t: testbed\nphysical id\t: 0\ncore id\t\t: {number}\n"
        f"cpu cores\t: {count}\nflags\t\t: fpu\n\n"
        for number in range(count)
    )


def be_a_node(directory: Path, hostname: str) -> NoReturn:
    """The life of a node's first process: with it ends everything else on the node."""
    unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
    pidfile = PidFile(directory / "init.pid")
    child = os.fork()
    if child:
        pidfile.write(child)
        os._exit(0)
    # The parent writes the pid as the machine sees it; inside, this is 1
    wait_for("its own pid", pidfile.path.exists, 10)
    hide_the_machine(directory)
    socket.sethostname(hostname)
    os.chdir("/")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    (directory / "ready").write_text("")
    bury_children_for_ever()


def hide_the_machine(directory: Path) -> None:
    """Mounts the node's own files over the machine's."""
    cluster = directory.parent
    mount("--make-rprivate", "/")
    for source, target in (
        (directory / "etc-ganeti", "/etc/ganeti"),
        (directory / "var-lib-ganeti", "/var/lib/ganeti"),
        (directory / "var-log-ganeti", "/var/log/ganeti"),
        (directory / "srv", "/srv"),
        (directory / "default", "/etc/default/ganeti"),
        (cluster / "shared", "/srv/ganeti/shared-file-storage"),
        (cluster / "etc-ssh", "/etc/ssh"),
        (cluster / "hosts", "/etc/hosts"),
        (cluster / "resolv.conf", "/etc/resolv.conf"),
    ):
        if Path(target).exists():
            mount("--bind", str(source), target)
    mount("-t", "proc", "proc", "/proc")
    for name in ("meminfo", "cpuinfo"):
        mount("--bind", str(directory / name), f"/proc/{name}")
    if Path("/proc/sysrq-trigger").exists():
        # "gnt-node powercycle" would restart the real machine through it
        mount("--bind", "/dev/null", "/proc/sysrq-trigger")
    mount("-t", "sysfs", "sysfs", "/sys")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name in ("/run/lock/subsys", "/run/sshd"):
        Path(name).mkdir(parents=True, mode=0o755)


def mount(*arguments: str) -> None:
    run(["mount", *arguments])


def bury_children_for_ever() -> NoReturn:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.2)
