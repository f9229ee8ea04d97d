"""`manage.py demo`: the whole of ganetimgr with simulated clusters, in one terminal."""

import fcntl
import http.client
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from apps.demo import people, seed
from apps.demo.keeping import Shelf
from apps.demo.supervisor import ChildDied, Stopped, Supervisor

HOST = "127.0.0.1"
OWN_SETTINGS = Path(settings.BASE_DIR) / "contrib" / "demo" / "settings.py"
_PATIENCE = 60.0  # seconds until the clusters and the site have to answer, also on a busy machine
_STEP = 0.05


class Trouble(Exception):
    """Why the demo cannot start; the text is a sentence."""


class Command(BaseCommand):
    help = "Runs everything with simulated clusters on the loopback interface until Ctrl-C. Use `make demo`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="default: 8000")

    def handle(self, *args: Any, **options: Any) -> None:
        _prefer_own_settings()
        port = options["port"]
        try:
            _refuse_a_real_site()
            _refuse_a_taken_port(port)
            lock = _lock(Path(settings.VAR_DIR))
        except Trouble as trouble:
            self.stderr.write(str(trouble))
            sys.exit(1)
        with lock:
            sys.exit(self._run(port))

    def _run(self, port: int) -> int:
        state = Path(settings.VAR_DIR)
        graphs = _free_port()  # the settings of all processes name it, so it is chosen before they start
        console = _free_port()
        environment = {"PORT": str(port), "GRAPHER_PORT": str(graphs), "CONSOLE_PORT": str(console)}
        supervisor = Supervisor(state / "log", settings.BASE_DIR, environment)
        try:
            supervisor.heed_signals()
            self._start(supervisor, state, port, graphs)
            self.stdout.write(_welcome(port, state))
            self.stdout.flush()
            supervisor.watch()
        except Stopped:
            self.stdout.write("\nThe demo has ended.")
        except (ChildDied, Trouble) as trouble:
            self.stderr.write(str(trouble))
            return 1
        finally:
            supervisor.end()
        return 0

    def _start(self, supervisor: Supervisor, state: Path, port: int, graphs: int) -> None:
        """Everything up, in an order that lets the slow things overlap."""
        shelf = Shelf(state / "clusters")
        shelf.endpoints_file.unlink(missing_ok=True)
        faults = state / "faults.json"
        if not faults.exists():
            faults.write_text("{}\n")
        manage = [sys.executable, "manage.py"]
        supervisor.start("simulator", [*manage, "simulate", "--state", str(shelf.directory), "--faults", str(faults)])
        fault = state / "grapher-fault.json"
        supervisor.start("grapher", [*manage, "draw_graphs", "--port", str(graphs), "--fault", str(fault)])
        call_command("migrate", interactive=False, verbosity=0)
        people.ensure_applicants()
        people.ensure_people()
        people.ensure_organizations()
        people.ensure_texts()
        _wait_for(supervisor, shelf.endpoints, "The simulated clusters do not answer.")
        people.ensure_clusters(shelf.endpoints(), seed.DESCRIPTIONS)
        people.ensure_network()
        people.ensure_applications()
        supervisor.start("watcher", [sys.executable, "watcher.py", "--foreground"])
        supervisor.start("console", [sys.executable, "console.py"])
        supervisor.start("web", _gunicorn(port))
        _wait_for(supervisor, lambda: _answers(port), "The site does not answer.")


def _prefer_own_settings() -> None:
    """Starts anew with the demo's settings where nobody has named others."""
    if not getattr(settings, "DEMO", False) and "GANETIMGR_SETTINGS" not in os.environ:
        environment = {**os.environ, "GANETIMGR_SETTINGS": str(OWN_SETTINGS)}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606  (ourselves, no shell)


def _refuse_a_real_site() -> None:
    if not getattr(settings, "DEMO", False):
        raise Trouble(
            f"GANETIMGR_SETTINGS names the settings of a real site; the demo runs with its own only ({OWN_SETTINGS})."
        )


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise Trouble(
                f"Port {port} is not free: stop what listens there, or choose another (PORT={port + 1} make demo)."
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _lock(state: Path) -> Any:
    """An open file that is ours as long as it is open: two demos would write to the same state."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Trouble(f"A demo runs already with its state in {state}: end that one first.") from error
    return file


def _gunicorn(port: int) -> list[str]:
    """The web server; requests are told in its log without query strings, for tokens travel in them."""
    return [
        sys.executable, "-m", "gunicorn", "ganetimgr.wsgi",
        "--worker-class", "gevent", "--workers", "2", "--bind", f"{HOST}:{port}", "--no-control-socket",
        "--graceful-timeout", "3",
    ]  # fmt: skip


def _wait_for(supervisor: Supervisor, condition: Any, complaint: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        supervisor.check()
        if time.monotonic() > deadline:
            raise Trouble(f"{complaint} Its log is in {supervisor.logs}.")
        time.sleep(_STEP)


def _answers(port: int) -> bool:
    """Whether the site shows its sign-in page."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", settings.LOGIN_URL)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _welcome(port: int, state: Path) -> str:
    """Where it is, how to sign in, how to end it."""
    rows = [("sign in as", "password", ""), *((name, name, about[0]) for name, about in people.PEOPLE.items())]
    table = "\n".join(f"  {name:<12}{password:<12}{about}".rstrip() for name, password, about in rows)
    return (
        f"\nganetimgr is at http://{HOST}:{port}/\n\n{table}\n\n"
        f"Its state is in {state}, its logs in {state / 'log'}, its mails in {settings.EMAIL_FILE_PATH}.\n"
        f"What is wrong with which cluster says {state / 'faults.json'}, "
        'for example {"east": {"silence": true}}.\n'
        f'What is wrong with the graphs says {state / "grapher-fault.json"}, for example "nothing".\n'
        "Ctrl-C ends it.\n"
    )
