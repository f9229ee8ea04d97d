"""/metrics tells Prometheus how the site is: true numbers, read by its own parser, and for nobody who may not know."""

import datetime
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current
from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import OutgoingMail
from apps.applications.models import InstanceApplication
from apps.clusters import inventories, leases
from apps.clusters.models import EndedJobs, Job
from ganeti.inventory import Collector
from ganetimgr import VERSION, asking, counting, metrics, shared_counts
from tests import estate
from tests.operation.conftest import Listen
from tests.plugins.servers import Beanstalkd, free_port

SEEN = pytest.mark.django_db(transaction=True)  # the numbers are asked for in a thread, which sees what is committed
STRANGER = {"REMOTE_ADDR": "198.51.100.7"}
TOKEN = "a-token-of-more-than-sixteen-characters"


@pytest.fixture(autouse=True)
def no_question_is_under_way() -> Iterator[None]:
    yield
    asking._under_way.clear()


class Scrape:
    """What a scrape tells, by its own parser: `value("name", label="...")`, None where there is no such number."""

    def __init__(self, **headers: Any) -> None:
        self.answer = Browser().get("/metrics", **headers)
        assert self.answer.status_code == 200
        self.families = list(text_string_to_metric_families(self.answer.content.decode()))
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"ganetimgr_{name}", frozenset(labels.items())))

    def names(self) -> set[str]:
        return {family.name for family in self.families}


class TestWhoMayAsk:
    """Without a database: a query would fail."""

    @pytest.fixture(autouse=True)
    def nothing_to_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(metrics.asking, "ask_all", lambda questions, within: {})

    def status(self, **headers: Any) -> int:
        return Browser().get("/metrics", **headers).status_code

    def test_this_machine_may(self) -> None:
        assert self.status() == self.status(REMOTE_ADDR="::1") == self.status(REMOTE_ADDR="::ffff:127.0.0.1") == 200

    def test_to_a_stranger_there_is_nothing(self) -> None:
        assert self.status(**STRANGER) == 404

    def test_neither_a_cookie_nor_the_admins_session_opens_it(self) -> None:
        browser = Browser()
        browser.cookies["sessionid"] = "a" * 32
        assert browser.get("/metrics", **STRANGER).status_code == 404

    def test_the_addresses_that_the_settings_name_may_and_no_others(self, settings: Any) -> None:
        settings.METRICS_ADDRESSES = ["192.0.2.0/24", "2001:db8::/32"]
        assert self.status(REMOTE_ADDR="192.0.2.9") == self.status(REMOTE_ADDR="2001:db8::9") == 200
        assert self.status() == self.status(**STRANGER) == self.status(REMOTE_ADDR="") == 404

    @pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA"])
    def test_behind_a_proxy_on_this_machine_that_nobody_trusts_nobody_is_near(self, header: str) -> None:
        assert self.status(**{header: "127.0.0.1"}) == 404

    def test_a_trusted_proxy_says_who_is_near(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        assert self.status(HTTP_X_FORWARDED_FOR="127.0.0.1") == 200
        assert self.status(HTTP_X_FORWARDED_FOR="127.0.0.1, 198.51.100.7") == 404

    def test_a_trusted_proxy_that_does_not_say_for_whom_it_asks_opens_nothing(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        assert self.status(HTTP_X_FORWARDED_FOR="198.51.100.7:4711") == 404
        assert self.status(HTTP_VIA="1.1 proxy") == 404

    def test_the_token_opens_it_from_anywhere(self, settings: Any) -> None:
        settings.METRICS_TOKEN = TOKEN
        assert self.status(**STRANGER, HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 200
        for wrong in ("", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer ", "Bearer λ"):
            assert self.status(**STRANGER, HTTP_AUTHORIZATION=wrong) == 404, wrong

    def test_the_token_may_lie_in_a_file(self, settings: Any, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        settings.METRICS_TOKEN_FILE = str(tmp_path / "token")
        assert self.status(**STRANGER, HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 200
        settings.METRICS_TOKEN_FILE = str(tmp_path / "none")
        assert self.status(**STRANGER, HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 404

    @pytest.mark.parametrize("token", ["", "short"])
    def test_no_token_and_a_guessable_one_open_nothing(self, token: str, settings: Any) -> None:
        settings.METRICS_TOKEN = token
        assert self.status(**STRANGER, HTTP_AUTHORIZATION=f"Bearer {token}") == 404

    def test_no_log_tells_a_token_right_or_wrong(self, settings: Any, listen: Listen) -> None:
        settings.METRICS_TOKEN = TOKEN
        log = listen("line")
        self.status(**STRANGER, HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
        self.status(**STRANGER, HTTP_AUTHORIZATION="Bearer another-token-of-some-length")
        assert "asked for with a wrong token, from 198.51.100.7" in log.text
        assert "sixteen" not in log.text
        assert "another" not in log.text

    def test_prometheus_need_not_know_the_sites_name_nor_https(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        assert self.status(HTTP_HOST="10.0.0.5:8088") == 200

    def test_it_cannot_be_posted_to_and_nobody_keeps_it(self) -> None:
        assert Browser(enforce_csrf_checks=True).post("/metrics").status_code == 405
        answer = Browser().get("/metrics")
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestRequests:
    def test_one_is_counted_by_view_method_and_class_of_status_with_how_long_it_took(self, db: None) -> None:
        def numbers() -> list[float]:
            scrape = counting.counted.get_sample_value
            labels = {"view": "login", "method": "GET", "status": "2xx"}
            return [
                scrape("ganetimgr_requests_total", labels) or 0.0,
                scrape("ganetimgr_request_duration_seconds_count", {"view": "login"}) or 0.0,
                scrape("ganetimgr_request_duration_seconds_bucket", {"view": "login", "le": "+Inf"}) or 0.0,
            ]

        before = numbers()
        Browser().get("/user/login/")
        assert numbers() == [number + 1 for number in before]

    def test_no_label_holds_anything_that_somebody_asked_for(self, as_alice: Browser) -> None:
        estate.put("north", estate.instance("web.example.org"))
        for path in ("/instances/north/web.example.org/", "/none-such/whispered-path/", "/user/info/user/alice/"):
            as_alice.get(path)
        as_alice.generic("BREW", "/user/login/")
        samples = [sample for family in counting.counted.collect() for sample in family.samples]
        told = {value for sample in samples for value in sample.labels.values()}
        assert {"instance-detail", "user-info", "none", "other"} <= told
        assert not any(word in label for label in told for word in ("example", "whispered", "alice", "BREW", "/"))

    def test_what_others_turn_away_and_what_goes_wrong_is_counted(self) -> None:
        def failing(request: HttpRequest) -> HttpResponse:
            return HttpResponse(status=503)

        def number() -> float:
            labels = {"view": "none", "method": "GET", "status": "5xx"}
            return counting.counted.get_sample_value("ganetimgr_requests_total", labels) or 0.0

        before = number()
        request = HttpRequest()
        request.method, request.path_info = "GET", "/somewhere/"
        counting.CountingMiddleware(failing)(request)
        assert number() == before + 1


@SEEN
class TestClusters:
    def test_age_duration_and_contents_are_those_of_the_last_collection(self) -> None:
        now = time.time()
        head = {"collected_at": now - 90, "took": 1.5, "slow_at": now - 300, "node_count": 3, "failures": 0}
        estate.put("north", estate.instance("a.example.org"), estate.instance("b.example.org"), head=head)
        told = Scrape()
        assert told.value("cluster_state", cluster="north", state="ok") == 1
        assert 90 <= (told.value("cluster_age_seconds", cluster="north") or 0) < 120
        assert 300 <= (told.value("cluster_slow_parts_age_seconds", cluster="north") or 0) < 330
        assert told.value("cluster_collection_duration_seconds", cluster="north") == 1.5
        assert told.value("cluster_instances", cluster="north") == 2
        assert told.value("cluster_nodes", cluster="north") == 3
        assert told.value("cluster_may_change", cluster="north") == 1

    def test_one_that_fails_says_so_and_how_often_in_a_row(self) -> None:
        row = estate.put("north", head={"collected_at": time.time() - 3600})
        for _ in range(2):  # at its port nobody listens
            inventories.collector().collect(row.endpoint(), now=time.time())
        told = Scrape()
        assert told.value("cluster_state", cluster="north", state="unreachable") == 1
        assert told.value("cluster_state", cluster="north", state="ok") == 0
        assert told.value("cluster_failures", cluster="north") == 2
        assert (told.value("cluster_age_seconds", cluster="north") or 0) >= 3600

    def test_one_that_never_answered_has_no_age_and_a_disabled_one_is_left_out(self) -> None:
        row = estate.put("north")
        inventories.store().forget("north")
        told = Scrape()
        assert told.value("cluster_state", cluster="north", state="collecting") == 1
        assert told.value("cluster_age_seconds", cluster="north") is None
        row.disabled = True
        row.save()
        assert Scrape().value("cluster_state", cluster="north", state="collecting") is None

    def test_whether_a_watcher_looks_after_it(self) -> None:
        estate.put("north")
        told = Scrape()
        assert (told.value("watchers"), told.value("cluster_watched", cluster="north")) == (0, 0)
        leases.renew("one")
        told = Scrape()
        assert (told.value("watchers"), told.value("cluster_watched", cluster="north")) == (1, 1)

    def test_no_cluster_is_asked_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        estate.put("north")
        monkeypatch.setattr(Collector, "collect", lambda *args, **options: pytest.fail("a scrape asked Ganeti"))
        Scrape()


def a_job(kind: str = Job.Kind.STARTUP, state: str = Job.State.SUBMITTED, age: float = 0.0) -> Job:
    row = estate.put("north")
    created = timezone.now() - datetime.timedelta(seconds=age)
    name = f"vm{Job.objects.count()}.example.org"
    return Job.objects.create(
        cluster=row, instance=name, kind=kind, state=state, created=created, holds=Job.hold_on(row, name)
    )


@SEEN
class TestJobs:
    def test_those_that_are_pending_are_told_by_kind_and_state_with_the_oldests_age(self) -> None:
        a_job(age=600)
        a_job(age=60)
        a_job(kind=Job.Kind.CREATE, state=Job.State.DUE, age=20)
        told = Scrape()
        assert told.value("jobs_pending", kind="startup", state="submitted") == 2
        assert told.value("jobs_pending", kind="create", state="due") == 1
        assert told.value("jobs_pending", kind="reboot", state="due") == 0
        assert 600 <= (told.value("jobs_pending_oldest_age_seconds", state="submitted") or 0) < 660
        assert 20 <= (told.value("jobs_pending_oldest_age_seconds", state="due") or 0) < 60

    def test_one_that_ends_is_counted_once_by_kind_and_outcome_and_is_pending_no_more(self) -> None:
        first, second, third = a_job(), a_job(), a_job(kind=Job.Kind.REBOOT)
        for row, end in ((first, Job.State.SUCCEEDED), (second, Job.State.SUCCEEDED), (third, Job.State.FAILED)):
            with transaction.atomic():
                assert row.finish(end)
        with transaction.atomic():
            assert not first.finish(Job.State.FAILED), "it has ended already"
        told = Scrape()
        assert told.value("jobs_ended_total", kind="startup", outcome="succeeded") == 2
        assert told.value("jobs_ended_total", kind="reboot", outcome="failed") == 1
        assert told.value("jobs_ended_total", kind="startup", outcome="failed") == 0
        assert told.value("jobs_pending", kind="startup", state="submitted") == 0

    def test_an_end_that_was_not_written_is_not_counted(self) -> None:
        row = a_job()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            row.finish(Job.State.SUCCEEDED)
            raise ZeroDivisionError
        assert not EndedJobs.objects.exists()

    def test_an_end_that_cannot_be_counted_is_an_end_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def in_vain(*args: str) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(EndedJobs, "count", in_vain)
        row = a_job()
        with transaction.atomic():
            assert row.finish(Job.State.SUCCEEDED)
        row.refresh_from_db()
        assert row.state == Job.State.SUCCEEDED

    def test_the_count_outlives_the_rows_and_the_processes(self) -> None:
        """It is a row for each kind and outcome, however many jobs there were."""
        EndedJobs.objects.create(kind=Job.Kind.STARTUP, outcome=Job.State.SUCCEEDED, number=1_000_000)
        assert Scrape().value("jobs_ended_total", kind="startup", outcome="succeeded") == 1_000_000


@SEEN
class TestWhatWaits:
    def test_mail_that_waits_with_the_oldests_age_and_mail_that_was_given_up(self) -> None:
        for seconds in (5, 700):
            written = timezone.now() - datetime.timedelta(seconds=seconds)
            OutgoingMail.objects.create(recipient="a@example.org", created=written)
        OutgoingMail.objects.create(recipient="a@example.org", state=OutgoingMail.State.FAILED)
        OutgoingMail.objects.create(recipient="a@example.org", state=OutgoingMail.State.SENT)
        told = Scrape()
        assert told.value("outbox_mails", state="waiting") == 2
        assert told.value("outbox_mails", state="given up") == 1
        assert 700 <= (told.value("outbox_oldest_age_seconds") or 0) < 760

    def test_applications_that_wait_for_a_decision(self, people: Any) -> None:
        assert Scrape().value("applications_waiting") == 0
        InstanceApplication.objects.create(
            applicant=people["alice"], hostname="new.example.org", holds="new.example.org", memory=1024, vcpus=1,
            disk_size=5, operating_system="none",
        )  # fmt: skip
        assert Scrape().value("applications_waiting") == 1


@SEEN
class TestWhatIsAway:
    def test_a_site_without_a_broker_has_no_queue(self) -> None:
        told = Scrape()
        assert (told.value("up", part="database"), told.value("up", part="store")) == (1, 1)
        assert told.value("up", part="queue") is None

    def test_a_broker_that_is_away_is_down_and_the_rest_is_told(self, settings: Any) -> None:
        settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT = "127.0.0.1", free_port()
        told = Scrape()
        assert told.value("up", part="queue") == 0
        assert told.value("queue_messages", state="ready") is None
        assert told.value("watchers") == 0

    def test_a_store_that_is_away_is_down_and_the_rest_is_told(self, settings: Any) -> None:
        estate.put("north")
        settings.SNAPSHOT_STORE = f"redis://127.0.0.1:{free_port()}/0"
        told = Scrape()
        assert told.value("up", part="store") == 0
        assert told.value("cluster_state", cluster="north", state="ok") is None, "nobody knows"
        assert told.value("cluster_watched", cluster="north") == 0

    def test_a_database_that_is_away_is_down_and_clusters_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        estate.put("north", estate.instance("a.example.org"))

        def away() -> metrics.Kept:
            raise OSError("no route to db1.example.org")

        monkeypatch.setattr(metrics, "_kept", away)
        told = Scrape()
        assert told.value("up", part="database") == 0
        assert told.value("cluster_instances", cluster="north") == 1
        assert told.value("jobs_pending", kind="startup", state="due") is None
        assert b"db1" not in told.answer.content

    def test_what_was_remembered_of_a_store_is_told_as_such(self, monkeypatch: pytest.MonkeyPatch) -> None:
        estate.put("north", estate.instance("a.example.org"))
        remembered = inventories.known()
        monkeypatch.setattr(inventories, "known", lambda: remembered._replace(store_is_away=True))
        told = Scrape()
        assert told.value("up", part="store") == 0
        assert told.value("cluster_instances", cluster="north") == 1


@SEEN
@pytest.mark.services
def test_the_messages_of_our_tube_by_state_and_the_broker_killed(tmp_path: Path, settings: Any) -> None:
    broker = Beanstalkd(tmp_path / "beanstalkd")
    broker.start()
    settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT, settings.BEANSTALK_TUBE = "127.0.0.1", broker.port, "ours"
    try:
        queue = inventories.queue()
        assert Scrape().value("queue_messages", state="ready") == 0
        for after in (0, 0, 60):
            assert queue.put_news("north", after)
        told = Scrape()
        assert told.value("up", part="queue") == 1
        assert told.value("queue_messages", state="ready") == 2
        assert told.value("queue_messages", state="delayed") == 1
        assert queue.reserve_news(1) == "north"
        assert Scrape().value("queue_messages", state="ready") == 1
        broker.pause()
        asking._under_way.clear()
        assert Scrape().value("up", part="queue") == 0, "it hangs, and is not waited for"
        broker.resume()
    finally:
        broker.kill()
    assert Scrape().value("up", part="queue") == 0


@SEEN
class TestTheText:
    def test_prometheus_own_parsers_read_it_in_both_formats(self, people: Any) -> None:
        estate.put("north", estate.instance("a.example.org"))
        plain = Scrape()
        assert plain.answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        newer = Browser().get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert newer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert {family.name for family in openmetrics_families(newer.content.decode())} >= {
            name.removesuffix("_total") for name in plain.names()
        }

    def test_every_metric_has_a_help_text_and_our_prefix(self) -> None:
        for family in Scrape().families:
            assert family.name.startswith("ganetimgr_")
            assert family.documentation.endswith(".")

    def test_the_version_that_runs_is_the_packages(self) -> None:
        project = tomllib.loads((current.BASE_DIR / "pyproject.toml").read_text())
        assert project["project"]["version"] == VERSION
        assert 'ganetimgr_build_info{django="' in Scrape().answer.content.decode()


class TestWhereWorkersCountTogether:
    @pytest.fixture
    def var(self, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """As in a worker that has just begun: nothing of the library is there yet."""
        settings.VAR_DIR = tmp_path / "var"
        monkeypatch.setenv(shared_counts.PLACE, "")
        monkeypatch.delitem(sys.modules, "prometheus_client")
        return tmp_path / "var"

    def test_each_server_has_a_place_and_those_that_ended_lose_theirs(self, var: Path) -> None:
        ended = subprocess.Popen(["true"])
        ended.wait()
        (var / "metrics" / str(ended.pid)).mkdir(parents=True)
        (var / "metrics" / str(os.getpid())).mkdir()
        (var / "metrics" / "of-somebody-else").mkdir()
        shared_counts.share()
        assert os.environ[shared_counts.PLACE] == str(var / "metrics" / str(os.getppid()))
        kept = {directory.name for directory in (var / "metrics").iterdir()}
        assert kept == {str(os.getppid()), str(os.getpid()), "of-somebody-else"}

    def test_where_nothing_can_be_written_each_counts_for_itself(self, var: Path, listen: Listen) -> None:
        var.write_text("a file, where a directory should be")
        log = listen("line")
        shared_counts.share()
        assert not os.environ[shared_counts.PLACE]
        assert "counts its requests for itself" in log.text


class TestThePage:
    @SEEN
    def test_docs_name_every_metric_and_no_other(self, settings: Any) -> None:
        estate.put("north")
        settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT = "127.0.0.1", free_port()
        told = Scrape().names() | {"ganetimgr_queue_messages", "ganetimgr_queue_listeners"}
        page = (current.BASE_DIR / "docs" / "metrics.md").read_text()
        named = {
            line.split("`")[1].partition("{")[0].removesuffix("_total")
            for line in page.splitlines()
            if line.startswith("| `ganetimgr_")
        }
        assert named == {name.removesuffix("_total") for name in told}

    def test_alert_rules_ask_only_for_what_there_is(self) -> None:

        page = (current.BASE_DIR / "docs" / "metrics.md").read_text()
        rules = (current.BASE_DIR / "contrib" / "prometheus" / "rules.yml").read_text()
        asked = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in re.findall(r"\bganetimgr_\w+", rules)}
        assert asked
        assert all(f"| `{name}" in page for name in asked), asked
