"""Does with contrib's units what systemd would: starts what a unit's file says, waits until that says it is ready,
and ends it. `python units.py DIRECTORY ROOT start|stop NAME...` is what a deployment calls instead of systemctl.

A file DIRECTORY/options.json may give a unit further words.
"""

import configparser
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SECONDS_TO_COME_UP = 300.0  # a bound for a test that hangs, no promise


class Units:
    """The units of one checkout, which is where `/opt/ganetimgr` stands in their files."""

    def __init__(self, directory: Path, root: Path) -> None:
        self.directory, self.root = directory, root
        directory.mkdir(parents=True, exist_ok=True)

    def service(self, name: str) -> dict[str, str]:
        """What the file says of a service; `watcher@1` is in the file `watcher@`."""
        template, at, _ = name.partition("@")
        text = (self.root / "contrib" / "systemd" / f"{template}{at}.service").read_text()
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(text.replace("/opt/ganetimgr", str(self.root)))
        return dict(unit["Service"])

    def start(self, name: str, *options: str, environment: dict[str, str] | None = None) -> None:
        """As Type=notify: comes back when the process says READY=1; raises where it ends before."""
        if self.pid(name):
            return
        service = self.service(name)
        assert service["Type"] == "notify"
        command = [*service["ExecStart"].split(), *options, *self._further(name)]
        address = self.directory / f"{name}.notify"
        address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, self.log(name).open("ab") as log:
            heard.bind(str(address))
            heard.settimeout(0.1)
            process = subprocess.Popen(
                command, cwd=service["WorkingDirectory"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**(environment or os.environ), "NOTIFY_SOCKET": str(address)}, start_new_session=True,
                umask=int(service["UMask"], 8),
            )  # fmt: skip
            (self.directory / f"{name}.pid").write_text(str(process.pid))
            self._wait(process, heard, name)

    def stop(self, name: str) -> None:
        pid = self.pid(name)
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + SECONDS_TO_COME_UP
        while self.pid(name):
            assert time.monotonic() < end, f"{name} does not end"
            time.sleep(0.05)

    def pid(self, name: str) -> int:
        """0 where it does not run; a child of ours that has ended is buried."""
        try:
            pid = int((self.directory / f"{name}.pid").read_text())
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return 0
        return 0 if state == "Z" else pid

    def words(self, name: str) -> list[str]:
        """The command line of what runs."""
        return Path(f"/proc/{self.pid(name)}/cmdline").read_text().split("\0")

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _further(self, name: str) -> list[str]:
        file = self.directory / "options.json"
        further: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}
        return further.get(name, [])

    def _wait(self, process: subprocess.Popen[bytes], heard: socket.socket, name: str) -> None:
        end = time.monotonic() + SECONDS_TO_COME_UP
        while time.monotonic() < end:
            try:
                if b"READY=1" in heard.recv(4096):
                    return
            except TimeoutError:
                pass
            if process.poll() is not None:
                break
        raise SystemExit(f"{name} did not start: {self.log(name).read_text()[-1000:]}")


def main(directory: str, root: str, verb: str, *names: str) -> None:
    units: Any = Units(Path(directory), Path(root))
    for name in names:
        getattr(units, verb)(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
