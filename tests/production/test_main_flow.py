"""The main flow on the servers of production, with two web workers and two watchers, behind nginx as contrib has it."""

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
import redis as redis_client
import requests
from requests_oauthlib import OAuth2Session

from tests.api.callback import a_program_listens
from tests.plugins.servers import Nginx, free_port, running
from tests.production.site import Production, SecureVisitor, at_the_same_time
from tests.simulated import SimulatedSide
from tests.site.running import ROOT

pytestmark = pytest.mark.services
OURS = ["ganetimgr:users:alice"]


@pytest.fixture(scope="module", autouse=True)
def processes(site: Production) -> None:
    site.web = site.start_web(workers=2)
    site.start_watcher()
    site.start_watcher()


@pytest.fixture(scope="module")
def nginx(site: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    site.manage("collectstatic", "--no-input", "-v0")
    places = {
        "127.0.0.1:8088": f"127.0.0.1:{site.port}",
        "/opt/ganetimgr/var/static/": f"{site.directory}/var/static/",
        "/opt/ganetimgr/contrib/nginx": str(ROOT / "contrib/nginx"),
        "/opt/ganetimgr/var/maintenance": f"{site.directory}/var/maintenance",
    }
    yield from running(Nginx(tmp_path_factory.mktemp("nginx"), ROOT / "contrib/nginx/ganetimgr.conf", places))


def url(nginx: Nginx) -> str:
    return f"https://127.0.0.1:{nginx.port}"


def started(side: SimulatedSide, name: str) -> int:
    """How often the cluster was asked to start this instance."""
    return Counter(side.requests)[("PUT", f"/2/instances/{name}/startup")]


@contextlib.contextmanager
def jobs_wait(side: SimulatedSide) -> Iterator[None]:
    """What is submitted meanwhile stays in Ganeti's queue."""
    world = side.server.world
    usual, world.jobs.pace.queued = world.jobs.pace.queued, 3600.0
    try:
        yield
    finally:
        with world.lock:
            world.jobs.pace.queued = usual
            for job in world.jobs.all.values():
                if job.status == "queued":
                    job.due = world.clock()


class TestTheMainFlow:
    def test_click_job_watcher_audit_page(self, site: Production, sides: dict, nginx: Nginx) -> None:
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        with sides["north"].an_instance(tags=OURS) as name:
            site.until_known(alice, "north", name)
            page = f"/instances/north/{name}/"
            assert page in alice.get("/").text
            answer = alice.post(f"{page}startup/")
            assert (answer.status_code, answer.history[0].status_code) == (200, 302)
            site.until(lambda: "Running" in alice.text(page), "the instance to run")
            site.until_all_jobs_ended()
            ((state, job_id),) = site.rows("SELECT state, job_id FROM ganeti_job WHERE instance = %s", name)
            assert state == "succeeded"
            entries = site.rows(
                "SELECT action, outcome, job_id, requester_name, ipaddress, cluster FROM auditlog_auditentry "
                "WHERE instance = %s", name,
            )  # fmt: skip
            assert entries == [("Start", "succeeded", job_id, "alice", SecureVisitor.ADDRESS, "north")]
            assert name in alice.text("/history/")
            assert started(sides["north"], name) == 1

    def test_both_watchers_share_the_clusters(self, site: Production) -> None:
        held = "SELECT COUNT(DISTINCT holder), COUNT(*) FROM ganeti_lease WHERE holder != '' AND expires > NOW(6)"
        site.until(lambda: site.rows(held.replace("NOW(6)", "UTC_TIMESTAMP(6)")) == [(2, 3)], "two who share three")

    def test_snapshots_sessions_and_news_are_where_the_settings_say(self, site: Production) -> None:
        with redis_client.Redis.from_url(site.redis.url) as client:
            keys = {key.decode() for key in client.keys("*")}
            assert client.hlen("ganetimgr:inventory:heads") == 3
        assert any("django.contrib.sessions.cached_db" in key for key in keys)
        assert site.rows("SELECT COUNT(*) > 0 FROM django_session") == [(1,)]

    def test_during_maintenance_a_page_says_so_and_static_files_stay(self, site: Production, nginx: Nginx) -> None:
        sign = site.directory / "var" / "maintenance"
        sign.touch()
        try:
            answer = requests.get(f"{url(nginx)}/user/login/", verify=nginx.certificate, timeout=10)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
            assert "Under maintenance" in answer.text
            assert "Υπό συντήρηση" in answer.content.decode()
        finally:
            sign.unlink()
        assert requests.get(f"{url(nginx)}/user/login/", verify=nginx.certificate, timeout=10).status_code == 200

    def test_after_a_restart_of_redis_everybody_is_still_signed_in(self, site: Production) -> None:
        alice = site.sign_in("alice")
        site.redis.restart()
        assert "/user/login/" not in alice.get("/").url


class TestTwoAtOnce:
    def test_clicks_on_one_instance_are_one_job(self, site: Production, sides: dict) -> None:
        people = [site.sign_in(name) for name in ("alice", "dora", "alice", "dora")]
        side = sides["south"]
        for _ in range(4):
            with side.an_instance(tags=OURS) as name:
                site.until_known(people[0], "south", name)
                clicks = [lambda who=who: who.click("startup", "south", name).status_code for who in people]
                with jobs_wait(side):
                    assert at_the_same_time(*clicks) == [200] * 4, "everybody is led to a page"
                site.until_all_jobs_ended()
                assert started(side, name) == 1
                assert site.rows("SELECT state FROM ganeti_job WHERE instance = %s", name) == [("succeeded",)]

    def test_who_waits_for_a_row_keeps_nobody_else_waiting(self, site: Production, sides: dict, tmp_path: Path) -> None:
        """In one worker: a driver in C would stop it until the lock times out, with the page that is asked for, too."""
        one_worker = Second(site)
        with sides["east"].an_instance(tags=OURS) as name:
            alice, dora = one_worker.sign_in("alice"), one_worker.sign_in("dora")
            one_worker.until_known(alice, "east", name)
            (cluster,) = site.rows("SELECT id FROM ganeti_cluster WHERE slug = 'east'")[0]
            with pymysql.connect(**site.mariadb.as_root, database="ganetimgr") as other:
                other.cursor().execute(
                    "INSERT INTO ganeti_job (cluster_id, instance, kind, state, holds, token, requester_name, "
                    "ganeti_status, details, `then`, log, error, created) "
                    "VALUES (%s, %s, 'startup', 'intended', %s, 'x', '', '', '{}', '[]', '[]', '', UTC_TIMESTAMP(6))",
                    (cluster, name, f"{cluster}/{name}"),
                )
                answers: list[requests.Response] = []
                click = threading.Thread(target=lambda: answers.append(alice.click("startup", "east", name)))
                click.start()
                site.until(site.a_statement_waits_for_a_lock, "the click to wait for the row")
                assert dora.get("/").status_code == 200
                assert answers == [], "the click still waits"
                other.rollback()
            click.join()
            assert answers[0].status_code == 200
            site.until_all_jobs_ended()
            assert started(sides["east"], name) == 1


class Second(Production):
    """The same site once more, with one worker on another port."""

    def __init__(self, first: Production) -> None:
        self.__dict__.update(first.__dict__)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start_web(workers=1)


class TestPrograms:
    def test_a_real_oauth2_client_reads_through_nginx_and_no_log_has_its_tokens(
        self, site: Production, sides: dict, nginx: Nginx
    ) -> None:
        dora = SecureVisitor(url(nginx), "dora", nginx.certificate)
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        with a_program_listens() as callback, sides["north"].an_instance(tags=OURS) as name:
            site.until_known(alice, "north", name)
            facts = {"name": "Dashboard", "kind": "server", "redirect_uris": callback.address}
            secret, client_id = re.findall(r'data-copy="(\w+)"', dora.post("/o/applications/register/", **facts).text)
            program = OAuth2Session(client_id, redirect_uri=callback.address, pkce="S256")
            program.verify, program.trust_env = str(nginx.certificate), False
            address, state = program.authorization_url(f"{url(nginx)}/o/authorize/")
            assert "Back at the program" in alice.post(address.removeprefix(url(nginx)), allow="yes").text
            assert callback.told["state"] == state
            where = f"{url(nginx)}/o/token/"
            token = program.fetch_token(where, code=callback.told["code"], client_secret=secret)
            listed = f"{url(nginx)}/instances/list/"
            assert name in program.get(listed).json()["response"]["instances"]
            query = {"access_token": token["access_token"]}
            by_query = requests.get(listed, query, verify=nginx.certificate, timeout=10).json()
            assert name in by_query["response"]["instances"]
            assert by_query["user"]["username"] == "alice"
            assert requests.get(listed, verify=nginx.certificate, timeout=10).status_code == 401
        logged = _logged(site, nginx)
        assert '"GET /instances/list/ HTTP/1.1" 200' in logged
        for told in (token["access_token"], token["refresh_token"], callback.told["code"], secret):
            assert told not in logged


def _logged(site: Production, nginx: Nginx) -> str:
    """All that the site's processes and nginx have written down."""
    return "".join(log.read_text() for where in (site.directory, nginx.directory) for log in where.glob("*.log"))


class TestNginx:
    def test_serves_static_files_itself_and_pages_through_gunicorn(self, nginx: Nginx) -> None:
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        style = alice.get("/static/css/app.css")
        assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css")
        assert "X-Request-ID" not in style.headers, "not from the application"
        assert alice.get("/").headers["X-Request-ID"]

    def test_tells_the_clients_true_address_whatever_the_client_claims(
        self, site: Production, sides: dict, nginx: Nginx
    ) -> None:
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        with sides["east"].an_instance(tags=OURS) as name:
            site.until_known(alice, "east", name)
            alice.session.headers["X-Forwarded-For"] = "203.0.113.9"
            alice.post(f"/instances/east/{name}/startup/")
            site.until_all_jobs_ended()
        entries = site.rows("SELECT ipaddress, outcome FROM auditlog_auditentry WHERE instance = %s", name)
        assert entries == [(SecureVisitor.ADDRESS, "succeeded")]

    def test_forms_of_other_sites_are_refused(self, sides: dict, nginx: Nginx) -> None:
        """Over HTTPS Django asks for the page that a form came from; the scheme arrives through the proxy."""
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        alice.session.headers["Referer"] = "https://elsewhere.example/"
        assert alice.post("/setlang/", language="el").status_code == 403
        alice.session.headers["Referer"] = url(nginx) + "/"
        assert alice.post("/setlang/", language="en").status_code == 200

    def test_while_gunicorn_is_away_there_is_a_sentence(self, site: Production, nginx: Nginx) -> None:
        alice = SecureVisitor(url(nginx), "alice", nginx.certificate)
        site.kill_hard(site.web)
        for answer in (alice.get("/"), alice.get("/history/"), alice.get("/user/login/")):
            assert answer.status_code == 503
            assert "Back in a moment" in answer.text
            assert "Επιστρέφουμε" in answer.content.decode()
            assert answer.headers["Retry-After"]
        answer = requests.get(
            f"{url(nginx)}/user/details/?access_token=never-to-be-told", verify=nginx.certificate, timeout=10
        )
        assert answer.status_code == 503
        assert "never-to-be-told" not in _logged(site, nginx)
        site.web = site.start_web()
        assert alice.get("/").status_code == 200
        assert "/user/login/" not in alice.get("/").url
