"""A whole site as processes: gunicorn, watchers and a database file, in a directory of its own, on free ports."""

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import requests

from tests.plugins.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_TO_COME_UP = 300.0  # bounds for a test that hangs, not promises

SETTINGS = """
from pathlib import Path
VAR_DIR = Path({var!r})
SECRET_KEY = "for tests only, never for a site that people use"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
BRANDING = {{"TITLE": "Example VPS"}}
TIME_ZONE = "UTC"
SHOW_PATTERNS = True
"""

PEOPLE = """
from django.contrib.auth.models import Group, Permission, User
for name in ("alice", "bob", "carla", "charlie", "erik"):
    User.objects.create_user(name, password=name)
User.objects.create_superuser("dora", password="dora")
find = lambda *names: Permission.objects.filter(content_type__app_label="ganeti", codename__in=names)
User.objects.get(username="bob").user_permissions.set(find("view_instances"))
User.objects.get(username="carla").user_permissions.set(find("view_instances", "can_lock", "can_isolate"))
User.objects.get(username="erik").groups.add(Group.objects.create(name="noc"))
"""


class Site:
    """Processes that a test starts, kills and starts again; `stop` ends what is left.

    With a `database` the site begins with a copy of that file, instead of an empty one with the six people.
    """

    def __init__(self, directory: Path, settings: str = "", *, database: Path | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        (directory / "settings.py").write_text(SETTINGS.format(var=str(directory / "var")) + settings)
        self.environment = {**os.environ, "GANETIMGR_SETTINGS": str(directory / "settings.py")}
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.database = directory / "var" / "ganetimgr.sqlite3"
        if database:
            self.database.parent.mkdir()
            shutil.copy(database, self.database)
        else:
            self.manage("migrate", "-v0")
            self.manage("shell", "-v0", "-c", PEOPLE)

    def manage(self, *words: str, fed: str = "") -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=fed, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout

    def add_cluster(self, endpoint: Any, description: str = "") -> None:
        """Makes a cluster known, as an operator would."""
        where = ["--host", endpoint.host, "--port", str(endpoint.port), "--username", endpoint.username]
        proof = ["--fingerprint", endpoint.fingerprint, "--description", description or endpoint.slug.capitalize()]
        self.manage("cluster", "add", endpoint.slug, *where, *proof, "--password-file", "-", fed=endpoint.password)

    # ---- processes ---------------------------------------------------------------------------------

    def start_web(self, workers: int = 1) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", str(workers), "--no-control-socket"]
        web = self._start("web", [*command, "-b", f"127.0.0.1:{self.port}", "ganetimgr.wsgi"])
        self.until(lambda: self._answers(), "the web process to answer")
        return web

    def start_watcher(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        return self._start("watcher", [sys.executable, "watcher.py", *options], environment)

    def start_console(self, *options: str) -> subprocess.Popen[bytes]:
        """The console's process, on the port that the site's settings name, unless the options do."""
        log = self.directory / "console.log"
        before = log.read_text().count("Consoles are served on") if log.exists() else 0
        console = self._start("console", [sys.executable, "console.py", *options])
        self.until(lambda: log.read_text().count("Consoles are served on") > before, "the console")
        return console

    def kill_hard(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 for the process and the workers it made."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        self.processes.remove(process)

    def workers_of(self, web: subprocess.Popen[bytes]) -> list[int]:
        """The process ids of gunicorn's workers."""
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Asks a process to end, as systemd does: its exit code."""
        os.kill(process.pid, signal.SIGTERM)
        code = process.wait(timeout=60)
        self.processes.remove(process)
        return code

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=20)

    def _start(
        self, name: str, command: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**self.environment, **(environment or {})}, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/user/login/", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    # ---- looking --------------------------------------------------------------------------------------

    def sign_in(self, name: str) -> "Visitor":
        return Visitor(self.url, name)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Straight from the database file, which no process of the site can embellish."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as database, database:
            return database.execute(query, values).fetchall()

    def until(self, condition: Callable[[], object], what: str, seconds: float = SECONDS_TO_COME_UP) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}\n{self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        parts: Iterable[str] = (
            f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.directory.glob("*.log"))
        )
        return "\n".join(parts)


class Visitor:
    """Somebody with a browser's habits: cookies, CSRF tokens, redirects."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        answer = self.post("/user/login/", username=name, password=name)
        assert answer.status_code == 200, answer.status_code
        assert "/user/login/" not in answer.url, f"{name} could not sign in"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=60)

    def post(self, path: str, **fields: str) -> requests.Response:
        if "csrftoken" not in self.session.cookies:
            self.get("/user/login/")
        token = self.session.cookies["csrftoken"]
        return self.session.post(self.url + path, data={"csrfmiddlewaretoken": token, **fields}, timeout=60)

    def text(self, path: str) -> str:
        """The visible words of a page, roughly."""
        return re.sub(r"<[^>]+>", " ", self.get(path).text)
