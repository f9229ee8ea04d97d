"""What is logged, in both shapes, and what never is."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import path

from accounts.middleware import RequestIdMiddleware
from apps.clusters import inventories
from apps.clusters.watcher import Watcher
from ganetimgr import logs
from tests import estate
from tests.contract.powers import add_cluster
from tests.operation.conftest import Listen, Log
from tests.simulated import SimulatedSide

SHAPES = ["line", "json"]
INSTANCE = "/instances/north/web.example.org/"


class TestOneLineForEachRequest:
    @pytest.mark.django_db
    def test_it_tells_method_path_status_milliseconds_and_who(self, as_alice: Browser, listen: Listen) -> None:
        log = listen("json")
        response = as_alice.get("/history/?q=web")
        (told,) = log.of("ganetimgr.requests")
        assert (told["method"], told["path"], told["status"], told["user"]) == ("GET", "/history/", 200, "alice")
        assert told["request_id"] == response.headers["X-Request-ID"]
        assert isinstance(told["ms"], int)
        assert told["level"] == "INFO"

    @pytest.mark.django_db
    def test_as_a_line_it_tells_the_same(self, as_alice: Browser, listen: Listen) -> None:
        log = listen("line")
        response = as_alice.get("/history/?q=web")
        (line,) = [line for line in log.lines if " ganetimgr.requests " in line]
        assert f"INFO ganetimgr.requests [{response.headers['X-Request-ID']} alice] GET /history/ 200 " in line

    @pytest.mark.django_db
    def test_somebody_who_signs_in_or_out_is_named(self, people: Any, listen: Listen) -> None:
        log, browser = listen("json"), Browser()
        browser.post("/user/login/", {"username": "alice", "password": "alice"})
        browser.post("/user/logout/")
        browser.get("/user/login/")
        assert [told["user"] for told in log.of("ganetimgr.requests")] == ["alice", "alice", "-"]

    @pytest.mark.django_db
    def test_nobody_is_looked_up_for_it(self, as_alice: Browser, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(2):  # session and person, as every page asks; the line costs nothing
            assert as_alice.get("/theme/").status_code == 405

    @pytest.mark.django_db
    @pytest.mark.parametrize("address", ["/healthz", "/static/css/app.css"])
    def test_machines_that_ask_all_the_time_are_not_told(self, address: str, listen: Listen) -> None:
        log = listen("json")
        assert Browser().get(address).status_code == 200
        assert log.of("ganetimgr.requests") == []

    @pytest.mark.django_db
    def test_an_unchanged_page_is_told_at_debug_only(self, as_alice: Browser, listen: Listen) -> None:
        estate.put("north", estate.instance("web.example.org"))
        etag = as_alice.get("/").headers["ETag"]
        log = listen("json")
        assert as_alice.get("/", HTTP_IF_NONE_MATCH=etag).status_code == 304
        (told,) = log.of("ganetimgr.requests")
        assert told["level"] == "DEBUG"

    @pytest.mark.django_db
    def test_an_error_has_its_traceback_and_its_line(
        self, as_alice: Browser, listen: Listen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = listen("json")
        as_alice.raise_request_exception = False
        monkeypatch.setattr(inventories, "known", lambda: 1 / 0)
        response = as_alice.get("/")
        (error,) = [told for told in log.of("django.request") if told["level"] == "ERROR"]
        assert "ZeroDivisionError" in error["exc_info"]
        assert error["request_id"] == response.headers["X-Request-ID"]
        assert log.of("ganetimgr.requests")[-1]["status"] == 500


@pytest.mark.django_db
class TestAnOutage:
    """What somebody has to mend in the code is an ERROR, of which ADMINS get a mail; a database that is away is not."""

    @pytest.fixture
    def ask(
        self, as_alice: Browser, listen: Listen, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[Exception], list[dict[str, Any]]]:
        settings.ADMINS = [("Operators", "operators@rivers.example")]
        log = listen("json")
        as_alice.raise_request_exception = False

        def ask(error: Exception) -> list[dict[str, Any]]:
            def known() -> None:
                raise error

            monkeypatch.setattr(inventories, "known", known)
            as_alice.get("/")
            return log.of("django.request")

        return ask

    def test_is_one_warning_in_one_line_and_no_mail(self, ask: Any) -> None:
        (told,) = ask(OperationalError(2003, "Can't connect to MySQL server on '192.0.2.1'"))
        assert told["level"] == "WARNING"
        assert "exc_info" not in told
        assert "Can't connect to MySQL server" in told["message"]
        assert mail.outbox == []

    @pytest.mark.parametrize(
        "error", [OperationalError("no such table: ganeti_job"), RuntimeError("a defect")], ids=str
    )
    def test_is_not_what_a_defect_is(self, error: Exception, ask: Any) -> None:
        (told,) = ask(error)
        assert told["level"] == "ERROR"
        assert str(error) in told["exc_info"]
        assert [letter.to for letter in mail.outbox] == [["operators@rivers.example"]]


class TestShapes:
    def test_an_object_has_always_the_same_names(self, listen: Listen) -> None:
        log = listen("json")
        logging.getLogger("anybody").warning("So %s", "what", extra={"cluster": "north", "job": 7, "other": object()})
        (told,) = log.of("anybody")
        assert set(told) == {"time", "level", "logger", "message", "request_id", "user", "cluster", "job"}
        assert (told["message"], told["cluster"], told["job"]) == ("So what", "north", 7)
        assert told["time"].endswith("+00:00")

    @pytest.mark.parametrize("shape", SHAPES)
    def test_a_record_is_one_line_whatever_is_in_it(self, shape: str, listen: Listen) -> None:
        log = listen(shape)
        logging.getLogger("anybody").warning("first\r\n2026-01-01 CRITICAL forged\x1b[2J\u2028more")
        assert len(log.lines) == 1
        assert "\x1b" not in log.text

    def test_another_shape_is_chosen_by_the_setting(self, settings: Any) -> None:
        settings.LOG_FORMAT = "json"
        assert isinstance(logs.formatter(), logs.JsonFormatter)
        settings.LOG_FORMAT = "line"
        assert isinstance(logs.formatter(), logs.LineFormatter)


# ---- secrets: a small site of addresses that do what a careless programmer might ---------------------------


def careless(request: Any, token: str = "") -> HttpResponse:
    """Logs all that it should not."""
    log = logging.getLogger("careless")
    log.warning("Asked for %s", request.get_full_path())
    log.warning("Cookies: %s", request.COOKIES)
    log.warning("Cookie: %s", request.headers.get("Cookie"))
    log.warning("Authorization: %s", request.headers.get("Authorization"))
    log.warning("Sent %s", dict(request.POST))
    log.warning("%s", " ".join(request.COOKIES.values()))
    log.warning("A request", extra={"request": request, "password": request.POST.get("password")})
    log.warning("Connecting to redis://:%s@cache.example.org/0", request.POST.get("password"))
    raise ValueError(f"password={request.POST.get('password')} token: {token} for {request.get_full_path()}")


urlpatterns = [path("links/<token>/", careless)]

HOSTILE = {
    "in the query": "query-secret-4711",
    "in the path": "path-secret-4711",
    "in the session": "session-secret-4711",
    "in another cookie": "other-secret-4711",
    "in a header": "bearer-secret-4711",
    "in a form": "form'secret 4711",
}


@pytest.mark.django_db
@pytest.mark.parametrize("shape", SHAPES)
class TestSecrets:
    @pytest.fixture
    def told(self, shape: str, listen: Listen, settings: Any) -> str:
        """What is logged of a request that carries a secret in every place, and ends in an error."""
        settings.ROOT_URLCONF = __name__
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
        log = listen(shape)
        browser = Browser(raise_request_exception=False)
        browser.cookies[settings.SESSION_COOKIE_NAME] = HOSTILE["in the session"]
        browser.cookies["consent"] = HOSTILE["in another cookie"]
        response = browser.post(
            f"/links/{HOSTILE['in the path']}/?t={HOSTILE['in the query']}",
            {"password": HOSTILE["in a form"]},
            HTTP_AUTHORIZATION=f"Bearer {HOSTILE['in a header']}",
            HTTP_REFERER=f"http://testserver/?t={HOSTILE['in the query']}",
        )
        assert response.status_code == 500
        return log.text

    @pytest.mark.parametrize("where", HOSTILE)
    def test_a_secret_does_not_reach_the_log_even_from_careless_code(self, where: str, told: str) -> None:
        assert "ValueError" in told
        assert HOSTILE[where] not in told
        assert json.dumps(HOSTILE[where])[1:-1] not in told

    def test_a_query_string_is_not_told_of_a_page_that_is_not_there(self, shape: str, listen: Listen) -> None:
        log = listen(shape)
        Browser().get("/nothing-here.txt?token=query-secret-4711&x")
        Browser().get("/nothing-here.txt?query-secret-4711")
        assert "nothing-here" in log.text
        assert "4711" not in log.text

    def test_the_line_of_a_request_cannot_be_forged_by_its_path(self, shape: str, listen: Listen) -> None:
        log = listen(shape)
        Browser().get("/x%0a2026-01-01%20INFO%20ganetimgr.requests%20GET%20/forged.txt")
        assert not [line for line in log.lines if line.startswith("2026-01-01 INFO")]

    @pytest.mark.django_db
    def test_what_people_type_at_the_sign_in_is_not_told(self, shape: str, people: Any, listen: Listen) -> None:
        log = listen(shape)
        browser = Browser(enforce_csrf_checks=True)
        browser.get("/user/login/?next=/history/%3Fq=query-secret-4711")
        token = browser.cookies["csrftoken"].value
        facts = {"username": "alice", "password": "form-secret-4711", "csrfmiddlewaretoken": token}
        browser.post("/user/login/", facts)
        browser.post("/user/login/", {**facts, "password": "alice"})
        browser.post("/user/login/", {"username": "alice", "password": "form-secret-4711"})
        session = browser.cookies["sessionid"].value
        for secret in ("4711", token, session, facts["csrfmiddlewaretoken"]):
            assert secret not in log.text

    @pytest.mark.django_db
    def test_the_password_of_a_cluster_is_not_told(
        self, shape: str, simulators: dict[str, SimulatedSide], listen: Listen
    ) -> None:
        log = listen(shape)
        row = add_cluster(simulators["north"].endpoint())
        row.password = "rapi-secret-4711"
        inventories.collect_now([row.endpoint()], everything=True)
        simulators["north"].faults.closed = True
        inventories.collect_now([row.endpoint()], everything=True)
        assert "north" in log.text
        assert "4711" not in log.text

    def test_ordinary_sentences_stay_as_they_are(self, shape: str, listen: Listen) -> None:
        sentences = (
            "north: it does not know the user ganetimgr with this password (GET /2/info)",
            "Forbidden (CSRF token missing.): /user/login/",
            "startup of web.example.org on north is job 4711.",
            "Whose is it? Nobody's.",
        )
        log = listen(shape)
        for sentence in sentences:
            logging.getLogger("anybody").warning(sentence)
        assert all(sentence in log.text for sentence in sentences)


# ---- the id of a request ---------------------------------------------------------------------------------


class TestTheIdOfARequest:
    @pytest.mark.django_db
    def test_one_id_leads_from_the_answer_to_log_audit_entry_and_job(
        self, as_alice: Browser, simulators: dict[str, SimulatedSide], listen: Listen
    ) -> None:
        from apps.audit.models import AuditEntry
        from ganeti.client import Client

        side = simulators["north"]
        row = add_cluster(side.endpoint())
        with side.an_instance(tags=["ganetimgr:users:alice"]) as name:
            inventories.collect_now([row.endpoint()], everything=True)
            log = listen("json")
            response = as_alice.post(f"/instances/north/{name}/startup/")
            followed = response.headers["X-Request-ID"]
            entry = AuditEntry.objects.get()
            assert entry.request_id == followed
            job = Client(side.endpoint()).jobs_by_id([entry.job_id])[entry.job_id]
            assert any(followed in reason.split() for reason in job.reasons)
            told = [line for line in log.of("apps.clusters.actions") if line["request_id"] == followed]
            assert [(line["cluster"], line["instance"], line["job"]) for line in told] == [
                ("north", name, entry.job_id)
            ]
            assert [line["request_id"] for line in log.of("ganetimgr.requests")] == [followed]

    @pytest.mark.django_db
    def test_what_a_page_begins_in_the_background_belongs_to_its_request(
        self, as_alice: Browser, simulators: dict[str, SimulatedSide], listen: Listen
    ) -> None:
        simulators["north"].faults.closed = True
        add_cluster(simulators["north"].endpoint())
        log = listen("json")
        response = as_alice.get("/")
        for thread in threading.enumerate():
            if thread.name == "collect-missing":
                thread.join(timeout=60)
        (told,) = log.of("apps.clusters.inventories")
        assert told["cluster"] == "north"
        assert (told["request_id"], told["user"]) == (response.headers["X-Request-ID"], "alice")

    def test_two_requests_at_once_keep_their_own(self, listen: Listen) -> None:
        log = listen("json")
        both = threading.Barrier(2, timeout=30)

        def view(request: Any) -> HttpResponse:
            both.wait()
            logging.getLogger("anybody").info(request.path)
            both.wait()
            return HttpResponse()

        answers: dict[str, str] = {}

        def ask(address: str) -> None:
            handler = RequestIdMiddleware(logs.RequestLogMiddleware(view))
            answers[address] = handler(RequestFactory().get(address)).headers["X-Request-ID"]

        threads = [threading.Thread(target=ask, args=(address,)) for address in ("/one", "/two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert {line["message"]: line["request_id"] for line in log.of("anybody")} == answers
        assert len(set(answers.values())) == 2


# ---- the watcher -------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestTheWatchersLines:
    def work(self, watcher: Watcher) -> None:
        watcher.step()
        watcher.pool.join()

    def look_again(self, watcher: Watcher, cluster: int) -> None:
        watcher.hurry.add(cluster)
        watcher.hurried_at.clear()
        self.work(watcher)

    def lines(self, log: Log) -> list[tuple[str, str]]:
        return [(told["level"], told["cluster"]) for told in log.of("apps.clusters.watcher")]

    def test_a_cluster_that_falls_silent_is_told_once_and_once_when_it_is_back(
        self, simulators: dict[str, SimulatedSide], listen: Listen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        side = simulators["north"]
        row = add_cluster(side.endpoint())
        log, watcher = listen("json"), Watcher({})
        side.faults.closed = True
        for _ in range(3):
            self.look_again(watcher, row.pk)
        assert self.lines(log) == [("WARNING", "north")]
        side.faults.closed = False
        for _ in range(2):
            self.look_again(watcher, row.pk)
        assert self.lines(log) == [("WARNING", "north"), ("INFO", "north")]

    def test_the_end_of_a_job_names_cluster_instance_and_job(
        self, simulators: dict[str, SimulatedSide], people: Any, listen: Listen
    ) -> None:
        from apps.clusters.models import Job
        from ganeti.client import Client

        side = simulators["north"]
        cluster = add_cluster(side.endpoint())
        with side.an_instance() as name:
            row = Job.objects.create(
                cluster=cluster, instance=name, kind=Job.Kind.STARTUP, holds=Job.hold_on(cluster, name)
            )
            row.adopt(Client(side.endpoint()).startup_instance(name, reason=row.token))
            side.job(row.job_id or 0)
            log = listen("json")
            self.work(Watcher({}))
            (told,) = log.of("apps.clusters.following")
            assert (told["cluster"], told["instance"], told["job"]) == ("north", name, row.job_id)
            assert "succeeded" in told["message"]
