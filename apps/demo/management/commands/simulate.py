"""`manage.py simulate`: serves simulated clusters until it is told to stop."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.demo import seed
from apps.demo.keeping import Shelf
from apps.demo.server import SimulatedGaneti
from apps.demo.world import SimulatedCluster

_STEP = 0.5  # seconds between two looks at the faults file and at what has to be kept


class Command(BaseCommand):
    help = "Serves simulated Ganeti clusters over HTTPS on the loopback interface until it is stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", type=Path, metavar="DIR", help="keep the clusters there over restarts")
        parser.add_argument("--port-base", type=int, default=0, metavar="N", help="ports from here on; else free ones")
        parser.add_argument(
            "--faults", type=Path, metavar="FILE", help='what is wrong, read when changed: {"east": {"silence": true}}'
        )
        parser.add_argument(
            "--crowd", type=int, nargs=2, metavar=("CLUSTERS", "INSTANCES"), help="many clusters instead of the demo's"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        shelf = Shelf(options["state"]) if options["state"] else None
        worlds = list(seed.crowd(*options["crowd"])) if options["crowd"] else seed.demo_worlds()
        if shelf:
            worlds = shelf.load(worlds)
        ports = {world.slug: options["port_base"] + number for number, world in enumerate(worlds)}
        ganeti = SimulatedGaneti(
            worlds,
            ports=ports if options["port_base"] else None,
            pems=shelf.keys(worlds) if shelf else None,
            screens=not options["crowd"],
        )
        faults = FaultsFile(options["faults"], ganeti) if options["faults"] else None
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        try:
            ganeti.start()
        except OSError as error:
            raise CommandError(f"The simulated clusters cannot listen: {error.strerror}.") from error
        with ganeti:
            for server in ganeti:
                self.stdout.write(f"{server.world.slug}: https://127.0.0.1:{server.port} {server.fingerprint}")
            self.stdout.flush()
            if shelf:
                shelf.announce(ganeti)
            while True:
                self._look_after(worlds, shelf, faults)
                if stopped.wait(_STEP):
                    break
        self._look_after(worlds, shelf, None)

    def _look_after(self, worlds: list[SimulatedCluster], shelf: Shelf | None, faults: "FaultsFile | None") -> None:
        if faults and (trouble := faults.apply()):
            self.stderr.write(trouble)
        if not shelf:
            return
        for world in worlds:
            with world.lock:
                world.jobs.advance()
        shelf.save(worlds)


class FaultsFile:
    """The file that says what is wrong with which cluster."""

    def __init__(self, path: Path, ganeti: SimulatedGaneti) -> None:
        self.path = path
        self.ganeti = ganeti
        self._seen = 0

    def apply(self) -> str:
        """Heeds the file when it has changed; what is wrong with the file itself comes back as a sentence."""
        changed = self.path.stat().st_mtime_ns if self.path.exists() else 0
        if changed == self._seen:
            return ""
        self._seen = changed
        try:
            wanted = json.loads(self.path.read_text()) if changed else {}
            unknown = sorted(set(wanted) - set(self.ganeti.servers))
            if unknown:
                return f"{self.path}: there is no cluster {unknown[0]}."
            for server in self.ganeti:
                server.faults.replace(wanted.get(server.world.slug, {}))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            return f"{self.path}: {error}"
        return ""
