"""A site as in production: MariaDB, Redis, beanstalkd, gunicorn with two workers, two watchers, and contrib's files."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import requests
import requests.adapters

from tests.plugins.servers import Beanstalkd, MariaDb, Redis
from tests.simulated import SimulatedSide
from tests.site.running import Site, Visitor

SETTINGS = """
DATABASES = {{"default": {database!r}}}
REDIS_URL = {redis!r}
BEANSTALKD_HOST, BEANSTALKD_PORT, BEANSTALK_TUBE = "127.0.0.1", {beanstalkd}, "ganetimgr"
TRUSTED_PROXIES = ["127.0.0.1"]
INVENTORY_INTERVAL = INVENTORY_INTERVAL_WATCHED = 1
WATCHER_LEASE = 6
OAUTH_ENABLED = True
"""


class Production(Site):
    """A `Site` on real servers, with a database of its own in them."""

    def __init__(
        self,
        directory: Path,
        mariadb: MariaDb,
        redis: Redis,
        beanstalkd: Beanstalkd,
        *,
        settings: str = "",
        database_options: dict[str, Any] | None = None,
    ) -> None:
        self.mariadb, self.redis, self.beanstalkd = mariadb, redis, beanstalkd
        mariadb.make_database("ganetimgr")
        database = {**mariadb.settings(), "OPTIONS": database_options or {}}
        ours = SETTINGS.format(database=database, redis=redis.url, beanstalkd=beanstalkd.port)
        super().__init__(directory, ours + settings)

    def know(self, sides: dict[str, SimulatedSide]) -> None:
        for side in sides.values():
            self.add_cluster(side.endpoint())

    # ---- processes -------------------------------------------------------------------------------

    def start_web(self, workers: int = 2) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gunicorn", "-c", "contrib/gunicorn/ganetimgr.conf.py", "-w", str(workers)]
        web = self._start("web", [*command, "-b", f"127.0.0.1:{self.port}", "ganetimgr.wsgi"])
        self.until(self._answers, "the web process to answer")
        return web

    @staticmethod
    def children_of(pid: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_workers(self, web: subprocess.Popen[bytes]) -> None:
        """kill -9 for all workers; gunicorn makes others."""
        for pid in self.workers_of(web):
            os.kill(pid, signal.SIGKILL)

    # ---- looking ---------------------------------------------------------------------------------

    def sign_in(self, name: str) -> "PatientVisitor":
        return PatientVisitor(self.url, name)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Straight from the server, as its own root."""
        return self.mariadb.execute(query, values=values, database="ganetimgr")

    def until_known(self, visitor: Visitor, slug: str, name: str) -> None:
        """Waits until the inventory has an instance that a test has just made."""
        self.until(lambda: visitor.get(f"/instances/{slug}/{name}/").status_code == 200, f"{name} on {slug}")

    def until_all_jobs_ended(self) -> None:
        self.until(lambda: not self.rows("SELECT 1 FROM ganeti_job WHERE holds IS NOT NULL"), "all jobs to end")

    def a_statement_waits_for_a_lock(self) -> bool:
        return bool(self.mariadb.execute("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))


class PatientVisitor(Visitor):
    """A visitor who takes an answer as it comes, 503 as well."""

    def click(self, verb: str, slug: str, name: str) -> requests.Response:
        return self.post(f"/instances/{slug}/{name}/{verb}/")


class SecureVisitor(Visitor):
    """A visitor over HTTPS from elsewhere, with the certificate at hand and the Referer that browsers send."""

    ADDRESS = "127.0.0.2"  # not the proxy's own

    def __init__(self, url: str, name: str, certificate: Path) -> None:
        self.certificate = certificate
        super().__init__(url, name)

    @property
    def session(self) -> requests.Session:
        return self._session

    @session.setter
    def session(self, session: requests.Session) -> None:
        session.mount("https://", FromElsewhere())
        session.verify = str(self.certificate)
        session.headers["Referer"] = self.url + "/"
        self._session = session


class FromElsewhere(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(SecureVisitor.ADDRESS, 0), **options)


def at_the_same_time(*tasks: Callable[[], Any]) -> list[Any]:
    """What the tasks answer, all begun together in threads."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        barrier.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))
