"""A whole site under trial: real servers, nginx, two web workers, two watchers, three clusters with many stopped
instances of Alice's; and what must be true of every click, whatever happened meanwhile."""

import contextlib
import itertools
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import requests

from apps.demo.jobs import Pace
from apps.demo.seed import demo_worlds
from apps.demo.server import SimulatedGaneti
from ganeti.client import Client
from ganeti.objects import Job
from tests.plugins.servers import Beanstalkd, MariaDb, Nginx, Redis
from tests.production.site import Production, SecureVisitor
from tests.simulated import SimulatedSide
from tests.site.running import ROOT

AWAY = "Back in a moment"
ENDINGS = ("succeeded", "failed", "canceled", "unknown")  # the same words in the row and in the history
# Short, so that tests of silence are short; the defaults are for a world with distances.
PATIENCE = "RAPI_CONNECT_TIMEOUT, RAPI_RESPONSE_TIMEOUT, RAPI_DEADLINE = 3, 4, 6\n"
PATIENCE_WITH_MARIADB = {"connect_timeout": 3, "read_timeout": 4, "write_timeout": 4}
INSTANCES = 60  # stopped ones, on each cluster


@dataclass
class Click:
    """A start that somebody asked for, and the answer; None where the connection broke."""

    slug: str
    name: str
    answer: requests.Response | None = None

    @property
    def told(self) -> str:
        return self.answer.text if self.answer is not None else AWAY


@dataclass
class Onlooker:
    """Somebody who looks at pages all the time; `seen` are the answers."""

    visitor: SecureVisitor
    paths: list[str]
    seen: list[requests.Response] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Onlooker":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._enough.set()
        self._thread.join()

    def _look(self) -> None:
        for path in itertools.cycle(self.paths):
            self.seen.append(self.visitor.get(path))
            if self._enough.wait(0.1):
                return


class World:
    settings = PATIENCE
    database_options = PATIENCE_WITH_MARIADB

    def __init__(self, directory: Path, instances: int = INSTANCES) -> None:
        self.directory = directory
        self.everything = contextlib.ExitStack()
        try:
            self._begin(instances)
        except BaseException:
            self.everything.close()
            raise

    def _begin(self, instances: int) -> None:
        short = (0.02, 0.03)
        pace = Pace(0.1, 0.1, (0.8, 1.2), short, short, 0.01, 0.01, 0.05, 0.05)
        ganeti = self.everything.enter_context(SimulatedGaneti(demo_worlds(pace=pace)))
        self.sides = {server.world.slug: SimulatedSide(server) for server in ganeti}
        self.unused = {slug: self._make_instances(side, instances) for slug, side in self.sides.items()}
        self.mariadb, self.redis, self.beanstalkd = (
            kind(self.directory / kind.__name__.lower()) for kind in (MariaDb, Redis, Beanstalkd)
        )
        for server in (self.mariadb, self.redis, self.beanstalkd):
            self.everything.callback(server.stop)
        self.redis.start()
        self.beanstalkd.start()
        home = self.directory / "site"
        home.mkdir()
        self.site = Production(
            home,
            self.mariadb,
            self.redis,
            self.beanstalkd,
            settings=self.settings,
            database_options=self.database_options,
        )
        self.everything.callback(self.site.stop)
        self.site.know(self.sides)
        self.web = self.site.start_web()
        self.start_watchers()
        self._begin_nginx()
        self.alice, self.dora = self.sign_in("alice"), self.sign_in("dora")
        for slug, names in self.unused.items():
            self.site.until_known(self.alice, slug, names[-1])

    def _begin_nginx(self) -> None:
        places = {
            "127.0.0.1:8088": f"127.0.0.1:{self.site.port}",
            "/opt/ganetimgr/contrib/nginx": str(ROOT / "contrib/nginx"),
        }
        self.nginx = Nginx(self.directory / "nginx", ROOT / "contrib/nginx/ganetimgr.conf", places)
        self.everything.callback(self.nginx.stop)
        self.nginx.start()

    @staticmethod
    def _make_instances(side: SimulatedSide, count: int) -> list[str]:
        world = side.server.world
        usable = [node for node in world.nodes.values() if node.role in ("M", "C", "R")]
        nodes = itertools.cycle([node.name for node in usable if "locked" not in world.groups[node.group].tags])
        names = [f"vm{number:04d}.{side.slug}.example.org" for number in range(count)]
        with world.lock:
            for name in names:
                tags = ["ganetimgr:users:alice"]
                world.add_instance(name, next(nodes), running=False, admin_state="down", tags=tags)
        return names

    # ---- doing -------------------------------------------------------------------------------------

    def sign_in(self, name: str) -> SecureVisitor:
        return SecureVisitor(f"https://127.0.0.1:{self.nginx.port}", name, self.nginx.certificate)

    def click(self, slug: str = "north", visitor: SecureVisitor | None = None) -> Click:
        """Alice, unless it is said who else, starts an instance that nobody has touched yet."""
        click = Click(slug, self.unused[slug].pop())
        click.answer = (visitor or self.alice).post(f"/instances/{slug}/{click.name}/startup/")
        return click

    @contextlib.contextmanager
    def clicking(self, slug: str = "north") -> Iterator[Click]:
        """The same in the background; at the end the answer is there."""
        click = Click(slug, self.unused[slug].pop())
        path = f"/instances/{slug}/{click.name}/startup/"
        thread = threading.Thread(target=lambda: setattr(click, "answer", self.alice.post(path)))
        thread.start()
        try:
            yield click
        finally:
            thread.join()

    @contextlib.contextmanager
    def onlooker(self) -> Iterator[Onlooker]:
        name = self.unused["north"][0]
        with Onlooker(self.dora, ["/", f"/instances/north/{name}/", "/history/", "/?q=www"]) as onlooker:
            yield onlooker

    @contextlib.contextmanager
    def holding(self, statement: str, *values: Any) -> Iterator[None]:
        """Keeps a row locked, as a slow transaction would, and undoes it in the end."""
        with pymysql.connect(**self.mariadb.as_root, database="ganetimgr") as other:
            other.cursor().execute(statement, values)
            yield
            other.rollback()

    def kill_watchers(self) -> None:
        for watcher in self.watchers:
            self.site.kill_hard(watcher)

    def start_watchers(self) -> None:
        self.watchers = [self.site.start_watcher(), self.site.start_watcher()]

    def holding_row(
        self, table: str, click: Click, column: str = "instance"
    ) -> contextlib.AbstractContextManager[None]:
        """The click's newest row in that table, by its key: a search would lock all that it passes."""
        newest = f"SELECT MAX(id) FROM {table} WHERE {column} = %s"  # noqa: S608  (our own words)
        ((key,),) = self.site.rows(newest, click.name)
        return self.holding(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", key)  # noqa: S608  (our own words)

    # ---- looking ---------------------------------------------------------------------------------------

    def row(self, click: Click) -> tuple[Any, ...] | None:
        """(state, number, outcome in the history, number in the history) of a click; None where there is none."""
        rows = self.site.rows(
            "SELECT job.state, job.job_id, entry.outcome, entry.job_id FROM ganeti_job job "
            "LEFT JOIN auditlog_auditentry entry ON entry.id = job.audit_entry_id "
            "WHERE job.instance = %s AND job.kind = 'startup'", click.name,
        )  # fmt: skip
        assert len(rows) <= 1, f"one click, {len(rows)} rows: {rows}"
        return rows[0] if rows else None

    def state(self, click: Click) -> str:
        row = self.row(click)
        return row[0] if row else ""

    def all_jobs(self, slug: str) -> list[Job]:
        return Client(self.sides[slug].endpoint()).jobs()

    def has_a_job(self, click: Click) -> bool:
        """Whether Ganeti has a job for it, known from inside, without asking."""
        world = self.sides[click.slug].server.world
        with world.lock:
            return any(op.get("instance_name") == click.name for job in world.jobs.all.values() for op in job.ops)

    def waits_for_a_lock(self, table: str) -> int:
        """How many statements about this table wait for a row that another transaction has."""
        waiting = self.mariadb.execute(
            "SELECT trx_query FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        )
        return sum(f"`{table}`" in (statement or "") for (statement,) in waiting)

    def has_ended_in_an_open_transaction(self, click: Click) -> bool:
        """Whether somebody has written the end of its job, and not committed it yet."""
        uncommitted = self.mariadb.execute(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
            f"SELECT holds FROM ganeti_job WHERE instance = '{click.name}'",  # noqa: S608  (our own name)
            database="ganetimgr",
        )
        return uncommitted == [(None,)] and self.state(click) == "submitted"

    def until_all_jobs_ended(self) -> None:
        self.site.until_all_jobs_ended()

    def assert_nothing_is_lost_or_done_twice(self, click: Click, all_jobs: list[Job] | None = None) -> None:
        """Ganeti did it at most once; row, history and Ganeti tell the same story, and the story is over."""
        known = self.all_jobs(click.slug) if all_jobs is None else all_jobs
        jobs = [job.id for job in known if click.name in job.instances and "OP_INSTANCE_STARTUP" in job.opcodes]
        row = self.row(click)
        assert len(jobs) <= 1, f"done twice: {jobs}"
        entries = self.site.rows("SELECT outcome FROM auditlog_auditentry WHERE instance = %s", click.name)
        if row is None:
            assert (jobs, entries) == ([], []), "done, and nobody knows"
            return
        state, number, outcome, number_in_history = row
        assert len(entries) == 1
        assert state in ENDINGS, row
        assert outcome == state, row
        assert number == number_in_history, row
        if state == "succeeded":
            assert jobs == [number], row
        if state == "failed":
            assert jobs == [], row

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [self.web, *self.watchers]

    @property
    def pids(self) -> list[int]:
        """Of all processes that should outlive any fault of others."""
        return [process.pid for process in self.processes if process.poll() is None] + self.site.workers_of(self.web)

    def close(self) -> None:
        self.everything.close()


def is_an_error_page(answer: requests.Response) -> bool:
    """Anything that a person cannot do anything with: a 500, or a 5xx without our sentence."""
    return answer.status_code >= 500 and not (answer.status_code == 503 and AWAY in answer.text)
