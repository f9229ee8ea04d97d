"""`manage.py draw_graphs`: serves graphs of simulated load until it is told to stop."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.demo.grapher import FAULTS, Grapher

_STEP = 0.5  # seconds between two looks at the faults file


class Command(BaseCommand):
    help = "Serves graphs of simulated load on the loopback interface until it is stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="else a free one")
        parser.add_argument(
            "--fault", type=Path, metavar="FILE", help=f"what is wrong, in JSON, read when changed: one of {FAULTS}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        try:
            grapher = Grapher(options["port"])
        except (OSError, OverflowError) as error:
            raise CommandError(f"The grapher cannot listen: {getattr(error, 'strerror', error)}.") from error
        with grapher:
            self.stdout.write(grapher.url)
            self.stdout.flush()
            while not stopped.wait(_STEP):
                if options["fault"]:
                    grapher.fault = _fault(options["fault"])


def _fault(file: Path) -> str:
    """What the file says; nothing where it says something else."""
    try:
        wanted = json.loads(file.read_text())
    except (OSError, ValueError):
        return ""
    return wanted if wanted in FAULTS else ""
