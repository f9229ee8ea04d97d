"""A site of production's parts: its health while they hang, and its logs, which one id of a request leads through."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ganeti.client import Client
from tests.plugins.servers import Beanstalkd, MariaDb, Redis, Server, beanstalkd, mariadb, redis  # noqa: F401
from tests.simulated import SimulatedSide, simulated
from tests.site.running import Site

pytestmark = pytest.mark.services

SETTINGS = """
LOG_FORMAT = "json"
DATABASES = {{"default": {database!r}}}
REDIS_URL = {redis!r}
BEANSTALKD_HOST = "127.0.0.1"
BEANSTALKD_PORT = {beanstalkd}
"""


@pytest.fixture(scope="module")
def north() -> Iterator[SimulatedSide]:
    with simulated() as sides:
        yield sides["north"]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    mariadb: MariaDb,  # noqa: F811
    redis: Redis,  # noqa: F811
    beanstalkd: Beanstalkd,  # noqa: F811
    north: SimulatedSide,
) -> Iterator[Site]:
    mariadb.make_database("operation")
    parts = {"database": mariadb.settings("operation"), "redis": redis.url, "beanstalkd": beanstalkd.port}
    made = Site(tmp_path_factory.mktemp("operation"), SETTINGS.format(**parts))
    made.add_cluster(north.endpoint())
    made.start_watcher()
    made.start_web(workers=2)
    made.until(lambda: ready(made)[0] == 200, "all parts to be well")
    yield made
    made.stop()


def ready(site: Site) -> tuple[int, list[str]]:
    """The status, and the parts that are not well."""
    response = requests.get(f"{site.url}/readyz", timeout=30)
    return response.status_code, sorted(name for name, part in response.json().items() if not part["ok"])


def told(site: Site, log: str) -> list[dict[str, Any]]:
    """What a process logged since Django runs in it; gunicorn's master speaks before."""
    lines = (site.directory / f"{log}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


class TestHealth:
    def test_all_is_well(self, site: Site) -> None:
        response = requests.get(f"{site.url}/readyz", timeout=30)
        assert set(response.json()) == {"database", "store", "queue", "watcher", "mail"}
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("server", "silent"),
        [("mariadb", ["database", "mail", "watcher"]), ("redis", ["store"]), ("beanstalkd", ["queue"])],
    )
    def test_a_part_that_hangs_is_named_and_holds_nobody(
        self, server: str, silent: list[str], site: Site, request: pytest.FixtureRequest
    ) -> None:
        hanging: Server = request.getfixturevalue(server)
        hanging.pause()
        try:
            assert ready(site) == (503, silent)
            assert requests.get(f"{site.url}/healthz", timeout=30).text == "ok\n"
        finally:
            hanging.resume()
        site.until(lambda: ready(site)[0] == 200, f"{server} to be well again")

    def test_a_watcher_that_ends_is_missed_at_once(self, site: Site) -> None:
        (watcher,) = [process for process in site.processes if "watcher.py" in process.args]
        watcher.terminate()
        watcher.wait(timeout=60)
        site.processes.remove(watcher)
        assert ready(site) == (503, ["watcher"])
        site.start_watcher()
        site.until(lambda: ready(site)[0] == 200, "another watcher to be seen")


class TestLogs:
    def test_one_id_leads_through_answer_log_audit_entry_and_ganetis_job(
        self,
        site: Site,
        north: SimulatedSide,
        mariadb: MariaDb,  # noqa: F811
    ) -> None:
        alice = site.sign_in("alice")
        with north.an_instance(tags=["ganetimgr:users:alice"]) as name:
            site.manage("refresh_cluster_instances")
            page = f"/instances/north/{name}/"
            site.until(lambda: alice.get(page).status_code == 200, "the instance to be known")
            token = alice.session.cookies["csrftoken"]
            response = alice.session.post(
                f"{site.url}{page}startup/",
                data={"csrfmiddlewaretoken": token},
                headers={"X-Requested-With": "XMLHttpRequest"},
                timeout=60,
            )
            assert response.status_code == 200, response.text
            followed = response.headers["X-Request-ID"]
            query = "SELECT job_id, outcome FROM auditlog_auditentry WHERE request_id = %s"

            def entry() -> tuple[int, str]:
                return mariadb.execute(query, values=(followed,), database="operation")[0]

            site.until(lambda: entry()[1] == "succeeded", "the job to end")
            job = entry()[0]
            reasons = Client(north.endpoint()).jobs_by_id([job])[job].reasons
            assert any(followed in reason.split() for reason in reasons)
        lines = [line for line in told(site, "web") if line["request_id"] == followed]
        assert [line["job"] for line in lines if line["logger"] == "apps.clusters.actions"] == [job]
        assert [line["user"] for line in lines if line["logger"] == "ganetimgr.requests"] == ["alice"]
        ends = [line for line in told(site, "watcher") if line["logger"] == "apps.clusters.following"]
        assert ("north", name, job) in [(line["cluster"], line["instance"], line["job"]) for line in ends]

    def test_no_query_string_no_cookie_and_no_password_is_in_any_log(self, site: Site, north: SimulatedSide) -> None:
        bob = site.sign_in("bob")
        bob.get("/?q=query-secret-4711")
        bob.get("/nowhere?token=query-secret-4711")
        requests.get(f"{site.url}/?next=query-secret-4711", cookies={"sessionid": "cookie-secret-4711"}, timeout=60)
        site.until(lambda: any(line.get("path") == "/nowhere" for line in told(site, "web")), "the log to be written")
        everything = "".join(path.read_text() for path in Path(site.directory).glob("*.log"))
        for secret in ("4711", bob.session.cookies["sessionid"], north.endpoint().password):
            assert secret not in everything

    def test_every_line_of_the_workers_is_an_object_with_the_same_names(self, site: Site) -> None:
        requests.get(f"{site.url}/user/login/", timeout=60)
        names = {"time", "level", "logger", "message", "request_id", "user"}
        assert all(names <= set(line) for log in ("web", "watcher") for line in told(site, log))
        workers = (site.directory / "web.log").read_text().partition("{")[2]
        assert "\n[" not in workers, "gunicorn's own shape, which does not know what a secret is"
