"""A home to deploy to, releases of a made-up ganetimgr that begins in no time, and what starts its processes.

The made-up manage.py keeps its "database" in var/database.json: which migrations were applied, and rows.
"""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.plugins.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
FAB = [str(Path(sys.executable).with_name("fab")), "--search-root", str(ROOT / "contrib" / "deploy")]

MANAGE = """
import json, pathlib, shutil, sys
here = pathlib.Path(__file__).parent
database, names = here / "var" / "database.json", (here / "migrations").read_text().split()
kept = json.loads(database.read_text()) if database.exists() else {"applied": [], "rows": []}
verb, *words = [word for word in sys.argv[1:] if not word.startswith("-")]
with (here / "var" / "calls").open("a") as calls:
    calls.write(f"{here.name} {' '.join(sys.argv[1:])}\\n")
if verb == "compare_settings":
    print("nothing new")
    sys.exit("DEBUG is on" if (here / "bad settings").exists() else 0)
if verb == "showmigrations":
    print("\\n".join(f"[{'X' if name in kept['applied'] else ' '}]  {name}" for name in names))
if verb == "back_up":
    print(shutil.copy(database, words[0] + ".json"))
if verb == "restore":
    shutil.copy(words[0], database)
if verb == "migrate":
    if words:
        app, last = words
        of_app = [name for name in names if name.startswith(app + ".")]
        gone = of_app[of_app.index(f"{app}.{last}") + 1:] if last != "zero" else of_app
        if (here / "irreversible").exists():
            sys.exit("it is irreversible")
        kept["applied"] = [name for name in kept["applied"] if name not in gone]
    else:
        kept["applied"] = names
    database.write_text(json.dumps(kept))
    if not words and (here / "bad migration").exists():
        sys.exit("no such column")
"""

CONTROL = """#!/bin/sh
# control VERB NAME...: what runs is a file below "running"; a release says in "broken" what does not start
home=$1; verb=$2; shift 2
while [ "$verb" = "$(cat "$home/hold" 2>/dev/null)" ]; do sleep 0.05; done
for name in "$@"; do
    case $verb in
    stop) rm -f "$home/running/$name" ;;
    start)
        echo "$(basename "$(readlink "$home/current")") $name" >>"$home/started"
        writes='s/"rows": \\[/"rows": ["written by a watcher", /'
        case $name in watcher) sed -i "$writes" "$home/var/database.json" ;; esac
        if grep -qx "$name" "$home/current/broken" 2>/dev/null; then echo "$name ends at once" >&2; exit 1; fi
        touch "$home/running/$name" ;;
    esac
done
"""


class Fake:
    """`home`, a repository whose tags a test makes, and `fab`."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.home, self.repository = directory, directory / "home", directory / "repository"
        for place in (self.home / "running", self.home / "var", self.repository):
            place.mkdir(parents=True, exist_ok=True)
        (self.home / "settings.py").write_text("")
        self.control = directory / "control"
        self.control.write_text(CONTROL)
        self.control.chmod(0o755)
        self.port = free_port()
        self.site = directory / "site.toml"
        self.write_site()
        if not (self.repository / ".git").exists():
            self.git("init", "-q")
        self.environment = {**os.environ, "HOME": str(directory)}
        for name in ("DJANGO_SETTINGS_MODULE", "GANETIMGR_SETTINGS"):  # of the tests themselves
            self.environment.pop(name, None)

    def write_site(self, **further: object) -> None:
        words = {
            "repository": str(self.repository),
            "home": str(self.home),
            "control": f"{self.control} {self.home}",
            "web": ["web"],
            "others": ["watcher"],
            "address": f"http://127.0.0.1:{self.port}",
            "patience": 60,
            "environment": sys.prefix,
            **further,
        }
        self.site.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in words.items()))

    def tag(self, name: str, migrations: str = "stats.0001_initial", *signs: str, broken: str = "") -> None:
        """Makes a release; `signs` are files that make its manage.py fail, `broken` is what does not start."""
        (self.repository / "manage.py").write_text(MANAGE)
        (self.repository / "migrations").write_text(migrations)
        (self.repository / "requirements.txt").write_text("Django\n")
        (self.repository / "broken").write_text(broken)
        (self.repository / "name").write_text(name)
        for sign in ("bad settings", "bad migration", "irreversible"):
            (self.repository / sign).unlink(missing_ok=True)
        for sign in signs:
            (self.repository / sign).touch()
        self.git("add", "-A")
        self.git("commit", "-qm", name)
        self.git("tag", name)

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, "-C", str(self.repository), *words], check=True, capture_output=True)

    # ---- deploying -----------------------------------------------------------------------------------

    def fab(self, *words: str, before: tuple[str, ...] = ()) -> tuple[int, str]:
        """Its exit code, and all that it said."""
        done = subprocess.run(
            [*FAB, *before, *words, "--site", str(self.site)], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900,
        )  # fmt: skip
        return done.returncode, done.stdout

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen(
                [*FAB, *words, "--site", str(self.site)], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip

    def deployed(self, tag: str) -> str:
        code, said = self.fab("deploy", "--tag", tag)
        assert code == 0, said
        return said

    # ---- looking ---------------------------------------------------------------------------------------

    @property
    def current(self) -> str:
        link = self.home / "current"
        return link.readlink().name if link.is_symlink() else ""

    @property
    def running(self) -> list[str]:
        return sorted(path.name for path in (self.home / "running").iterdir())

    @property
    def started(self) -> list[str]:
        return (self.home / "started").read_text().splitlines()

    @property
    def is_under_maintenance(self) -> bool:
        return (self.home / "var" / "maintenance").exists()

    @property
    def database(self) -> dict[str, list[str]]:
        return json.loads((self.home / "var" / "database.json").read_text())

    def calls(self, tag: str) -> list[str]:
        """What was asked of a release's manage.py."""
        lines = (self.home / "var" / "calls").read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{tag} ")]

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """The web process: it answers while "web" runs, and says that a watcher is there while one is."""
        home = self.home

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not (home / "running" / "web").exists():
                    self.send_error(502)
                    return
                watcher = {"ok": (home / "running" / "watcher").exists(), "words": "None has been seen."}
                self.send_response(200 if watcher["ok"] or self.path != "/readyz" else 503)
                self.end_headers()
                self.wfile.write(json.dumps({"watcher": watcher, "database": {"ok": True, "words": ""}}).encode())

            def log_message(self, *words: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            yield
            server.shutdown()
            thread.join()
