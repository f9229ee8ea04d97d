"""Sites of real processes over simulated clusters, made quickly: each begins with a copy of one database."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.demo.jobs import Pace
from apps.demo.seed import demo_worlds
from apps.demo.server import SimulatedGaneti
from tests.simulated import SimulatedSide
from tests.site.running import Site, Visitor

SETTINGS = """
INVENTORY_INTERVAL = 1
INVENTORY_INTERVAL_WATCHED = 1
RAPI_DEADLINE = 3
WATCHER_LEASE = 6
"""
CLUSTER = """
from apps.clusters.models import Cluster
Cluster.objects.create(
    slug={0.slug!r}, hostname={0.host!r}, port={0.port}, username={0.username!r}, password={0.password!r},
    verification="fingerprint", fingerprint={0.fingerprint!r}, description="Cluster " + {0.slug!r},
)
"""
# Every time that somebody writes down an end is counted by the database itself.
COUNT_THE_ENDINGS = """
CREATE TABLE endings (what TEXT, instance TEXT);
CREATE TRIGGER row_ended AFTER UPDATE ON ganeti_job WHEN NEW.ended IS NOT NULL
    BEGIN INSERT INTO endings VALUES ('job', NEW.instance); END;
CREATE TRIGGER entry_concluded AFTER UPDATE ON auditlog_auditentry WHEN NEW.outcome <> 'pending'
    BEGIN INSERT INTO endings VALUES ('entry', NEW.instance); END;
"""


@pytest.fixture(scope="session")
def served() -> Iterator[dict[str, SimulatedSide]]:
    """The demo's clusters, by slug."""
    with SimulatedGaneti(demo_worlds(pace=Pace.quick())) as ganeti:
        yield {server.world.slug: SimulatedSide(server) for server in ganeti}


@pytest.fixture
def clusters(served: dict[str, SimulatedSide]) -> Iterator[dict[str, SimulatedSide]]:
    """The same, healthy and quick again for each test."""
    for side in served.values():
        side.faults.replace({})
        side.requests.clear()
        side.server.world.jobs.pace = Pace.quick()
    yield served
    for side in served.values():
        side.faults.replace({})


@pytest.fixture(scope="session")
def database(served: dict[str, SimulatedSide], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the six people and the three clusters."""
    site = Site(tmp_path_factory.mktemp("prepared"), SETTINGS)
    site.manage("shell", "-v0", "-c", "".join(CLUSTER.format(side.endpoint()) for side in served.values()))
    for statement in COUNT_THE_ENDINGS.replace("; END", "# END").split(";\n"):
        site.rows(statement.replace("# END", "; END"))
    return site.database


@pytest.fixture(scope="module")
def site(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this file's tests, without any process yet."""
    site = Site(tmp_path_factory.mktemp("site"), SETTINGS, database=database)
    yield site
    site.stop()


@pytest.fixture
def vm(site: Site, clusters: dict[str, SimulatedSide]) -> Iterator["Machine"]:
    """A stopped VM of Alice's on north."""
    with clusters["north"].an_instance(tags=["ganetimgr:users:alice"]) as name:
        yield Machine(site, clusters["north"], name)


@dataclasses.dataclass
class Machine:
    """A VM on the cluster north, and what is written about it."""

    site: Site
    north: SimulatedSide
    name: str

    @property
    def page(self) -> str:
        return f"/instances/north/{self.name}/"

    def jobs_last(self, seconds: float) -> None:
        """From now on a start or stop takes Ganeti so long."""
        world = self.north.server.world
        with world.lock:
            world.jobs.pace = dataclasses.replace(Pace.quick(), power=(seconds, seconds))

    def asked(self, verb: str = "startup") -> int:
        """How many requests for it have reached Ganeti."""
        return sum(path == f"/2/instances/{self.name}/{verb}" for _, path in self.north.requests)

    def rows(self, *columns: str, table: str = "ganeti_job") -> list[tuple[Any, ...]]:
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE instance = ? ORDER BY 1"  # noqa: S608
        return self.site.rows(query, self.name)

    def is_shown_to(self, visitor: Visitor) -> bool:
        return self.name in visitor.text("/?q=" + self.name) and visitor.get(self.page).status_code == 200

    def has_ended(self) -> bool:
        return [row for (row,) in self.rows("holds")] == [None]

    def wait_for_its_end(self) -> None:
        self.site.until(self.has_ended, f"the job of {self.name} to end")

    def wait_until_ganeti_is_through(self) -> None:
        def ids() -> list[int]:
            jobs = self.north.server.world.jobs.all.values()
            return [job.id for job in jobs if any(op.get("instance_name") == self.name for op in job.ops)]

        self.site.until(ids, "Ganeti to have the job")
        for number in ids():
            self.north.job(number)

    def assert_ended_once(self, outcome: str = "succeeded", requests: int = 1) -> None:
        """One row and one audit entry, each ended by one UPDATE; Ganeti was asked so many times."""
        assert self.rows("state", "holds") == [(outcome, None)]
        assert self.rows("outcome", table="auditlog_auditentry") == [(outcome,)]
        counts = self.site.rows("SELECT what, count(*) FROM endings WHERE instance = ? GROUP BY what", self.name)
        assert sorted(counts) == [("entry", 1), ("job", 1)]
        assert self.asked() == requests
