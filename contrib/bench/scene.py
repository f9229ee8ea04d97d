"""A site of some size with its clusters: what each measurement is made on."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contrib.bench.ganeti import CLICKERS
from contrib.bench.helper import Helper
from tests.plugins.servers import Redis
from tests.site.running import Site

LATENCY = 0.1  # seconds that each answer of a cluster takes longer
SETTINGS = """
RAPI_CONNECT_TIMEOUT, RAPI_RESPONSE_TIMEOUT, RAPI_DEADLINE = 2, 3, 5  # so that three faulty clusters are found out soon
"""


@dataclass(frozen=True)
class Size:
    clusters: int
    instances: int  # on each cluster

    @property
    def total(self) -> int:
        return self.clusters * self.instances


class Scene:
    """Simulated clusters, a site that knows them and a web process; nothing has been collected yet."""

    def __init__(self, directory: Path, size: Size, redis: Redis | None) -> None:
        self.size = size
        self.store = "redis" if redis else "directory"
        self.ganeti = Helper("ganeti", directory / "ganeti.log", *map(str, (size.clusters, size.instances, LATENCY)))
        self.site = Site(directory, SETTINGS + (f"REDIS_URL = {redis.url!r}\n" if redis else ""))
        self.web = self.helper("web")
        self.endpoints: list[dict[str, Any]] = self.ganeti.ask("endpoints")
        self.slugs = [endpoint["slug"] for endpoint in self.endpoints]
        self.web.ask("people_and_clusters", CLICKERS, self.endpoints)

    def helper(self, module: str, *words: str) -> Helper:
        """Another process of the bench, in which the site's settings hold."""
        return Helper(module, self.site.directory / f"{module}.log", *words, environment=self.site.environment)

    @contextlib.contextmanager
    def watchers(self, count: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
        """So many watchers meanwhile; they leave their clusters to the next ones."""
        started = [self.site.start_watcher() for _ in range(count)]
        try:
            yield started
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(timeout=30)
                self.site.processes.remove(process)

    def all_collected(self) -> None:
        self.site.until(
            lambda: self.web.ask("collected") == self.size.clusters, "the watchers to see all clusters", seconds=600
        )

    def close(self) -> None:
        self.web.stop()
        self.site.stop()
        self.ganeti.stop()


@contextlib.contextmanager
def scene(size: Size) -> Iterator[Scene]:
    """A scene in a directory that is gone afterwards, with a Redis of its own where Redis is installed."""
    directory = Path(tempfile.mkdtemp(prefix="ganetimgr-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        redis = None
        if shutil.which("redis-server"):
            redis = Redis(directory / "redis")
            redis.start()
            stack.callback(redis.stop)
        made = Scene(directory, size, redis)
        stack.callback(made.close)
        yield made
