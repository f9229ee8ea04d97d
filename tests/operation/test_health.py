"""/healthz says that this process lives, /readyz that the parts do; neither waits for one that hangs."""

import datetime
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone, translation

from accounts.models import OutgoingMail
from apps.clusters import leases
from apps.clusters.models import WatcherProcess
from ganetimgr import asking, health
from ganetimgr.health import Part

WELL = Part(True, "It answers.", "at 192.0.2.1")
STRANGER = {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture(autouse=True)
def from_scratch() -> Iterator[None]:
    """No question is under way, and nobody's last page decides the language."""
    with translation.override("en"):
        yield
    asking._under_way.clear()


@pytest.fixture
def all_well(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Parts that are well, for tests of what is made of their answers."""
    parts = {"database": lambda: WELL, "store": lambda: WELL, "watcher": lambda: WELL}
    monkeypatch.setattr(health, "parts_of_this_site", lambda: parts)
    return parts


def seen(seconds_ago: float) -> None:
    moment = timezone.now() - datetime.timedelta(seconds=seconds_ago)
    WatcherProcess.objects.update_or_create(name="one.example.org-1", defaults={"seen": moment})


class TestHealthz:
    def test_it_answers_without_a_database(self) -> None:
        """No fixture here lets a test touch the database: a query would fail."""
        response = Browser().get("/healthz")
        assert (response.status_code, response.content) == (200, b"ok\n")

    def test_it_leaves_no_cookie_and_reads_none(self) -> None:
        browser = Browser()
        browser.cookies["sessionid"] = "a" * 32
        response = browser.get("/healthz")
        assert response.status_code == 200
        assert not response.cookies

    @pytest.mark.parametrize("host", ["10.0.0.5", "anything.example.net", "not a host"])
    def test_a_load_balancer_need_not_know_the_sites_name(self, host: str) -> None:
        assert Browser().get("/healthz", HTTP_HOST=host).status_code == 200

    def test_it_is_not_sent_to_https(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        assert Browser().get("/healthz").status_code == 200
        assert Browser().get("/user/login/").status_code == 301

    def test_nobody_keeps_its_answer(self) -> None:
        assert "no-store" in Browser().get("/healthz").headers["Cache-Control"]

    def test_it_cannot_be_posted_to(self) -> None:
        assert Browser(enforce_csrf_checks=True).post("/healthz").status_code == 405


class TestReadyz:
    def test_it_is_200_when_all_parts_are_well(self, all_well: Any) -> None:
        response = Browser().get("/readyz")
        assert response.status_code == 200
        assert set(response.json()) == {"database", "store", "watcher"}

    @pytest.mark.parametrize("name", ["database", "store", "watcher"])
    def test_it_is_503_and_names_the_part_that_is_not(self, name: str, all_well: Any) -> None:
        all_well[name] = lambda: Part(False, "It does not answer.")
        response = Browser().get("/readyz")
        assert response.status_code == 503
        assert [part for part, said in response.json().items() if not said["ok"]] == [name]

    def test_it_is_not_sent_to_https_or_to_the_sign_in(self, all_well: Any, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        assert Browser().get("/readyz").status_code == 200

    def test_a_part_that_raises_is_not_well_and_the_others_are(self, all_well: Any) -> None:
        def broken() -> Part:
            raise OSError("no route to db1.example.org")

        all_well["database"] = broken
        said = Browser().get("/readyz").json()
        assert said["database"] == {"ok": False, "words": "It does not answer. OSError: no route to db1.example.org"}
        assert said["store"]["ok"]

    def test_the_words_are_in_the_readers_language(self, all_well: Any) -> None:
        all_well["store"] = lambda: Part(True, translation.get_language() or "")
        assert Browser().get("/readyz", HTTP_ACCEPT_LANGUAGE="el").json()["store"]["words"] == "el"


class TestAPartThatHangs:
    @pytest.fixture
    def until(self) -> Iterator[threading.Event]:
        """Lets go of what a test left hanging."""
        event = threading.Event()
        yield event
        event.set()

    def test_it_is_not_waited_for(self, until: threading.Event) -> None:
        def hanging() -> Part:
            until.wait(60)
            return WELL

        found = health.look({"database": hanging, "store": lambda: WELL}, within=0.3)
        assert not found["database"].ok
        assert "in time" in found["database"].words
        assert found["store"].ok

    def test_it_holds_one_thread_however_often_somebody_asks(self, until: threading.Event) -> None:
        asked = []

        def hanging() -> Part:
            asked.append(1)
            until.wait(60)
            return WELL

        for _ in range(5):
            health.look({"database": hanging}, within=0.01)
        assert len(asked) == 1

    def test_it_is_well_again_when_it_answers(self, until: threading.Event) -> None:
        def hanging() -> Part:
            until.wait(60)
            return WELL

        assert not health.look({"database": hanging}, within=0.01)["database"].ok
        until.set()
        assert health.look({"database": hanging}, within=30)["database"].ok

    def test_one_that_never_came_back_is_asked_anew_after_a_while(
        self, until: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hanging() -> Part:
            until.wait(60)
            return WELL

        monkeypatch.setattr(asking, "GIVEN_UP", 0.0)
        assert not health.look({"database": hanging}, within=0.01)["database"].ok
        assert health.look({"database": lambda: WELL}, within=30)["database"].ok


class TestTheParts:
    @pytest.mark.django_db(transaction=True)
    def test_a_database_that_answers(self) -> None:
        assert Browser().get("/readyz").json()["database"]["ok"]

    @pytest.mark.django_db(transaction=True)
    def test_a_store_that_is_there_and_one_that_is_not(self, settings: Any, tmp_path: Any) -> None:
        assert Browser().get("/readyz").json()["store"]["ok"]
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        assert not Browser().get("/readyz").json()["store"]["ok"]

    @pytest.mark.django_db(transaction=True)
    def test_a_broker_is_a_part_only_where_there_should_be_one(self, settings: Any) -> None:
        assert "queue" not in Browser().get("/readyz").json()
        settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT = "127.0.0.1", 1
        assert Browser().get("/readyz").json()["queue"] == {"ok": False, "words": "It does not answer."}

    @pytest.mark.django_db(transaction=True)
    def test_a_watcher_that_was_seen_lately(self) -> None:
        seen(1)
        assert Browser().get("/readyz").json()["watcher"]["ok"]

    @pytest.mark.django_db(transaction=True)
    def test_a_watcher_that_is_gone_and_none_at_all(self) -> None:
        assert Browser().get("/readyz").json()["watcher"]["words"].startswith("None has been seen.")
        seen(leases.silent_after() + 1)
        said = Browser().get("/readyz").json()["watcher"]
        assert not said["ok"]
        assert said["words"].startswith("None was seen lately.")

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(("seconds", "words"), [(5, "Some is about to leave."), (600, "Some is late.")])
    def test_mail_that_waits_is_told_and_makes_nobody_unready(self, seconds: int, words: str) -> None:
        """Pages do not need it: people must not be sent elsewhere because a mail server is away."""
        assert Browser().get("/readyz").json()["mail"] == {"ok": True, "words": "None waits."}
        written = timezone.now() - datetime.timedelta(seconds=seconds)
        for _ in range(3):
            OutgoingMail.objects.create(recipient="a@rivers.example", created=written)
        said = Browser().get("/readyz").json()["mail"]
        assert said["ok"]
        assert said["words"] == f"{words} 3, the oldest since {written.isoformat(timespec='seconds')}."

    @pytest.mark.django_db
    def test_a_watcher_at_work_is_seen(self) -> None:
        leases.renew("one")
        assert leases.somebody_watches()
        leases.release_all("one")
        assert not leases.somebody_watches()


class TestWhoIsToldWhat:
    """A stranger learns that something is wrong, and not where it runs."""

    def words(self, browser: Browser, **meta: str) -> str:
        return browser.get("/readyz", **meta).json()["store"]["words"]

    def test_this_machine_is_told_details(self, all_well: Any) -> None:
        assert "192.0.2.1" in self.words(Browser())
        assert "192.0.2.1" in self.words(Browser(), REMOTE_ADDR="::1")

    def test_a_stranger_is_not(self, all_well: Any) -> None:
        assert self.words(Browser(), **STRANGER) == "It answers."

    @pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA"])
    def test_a_stranger_behind_a_proxy_on_this_machine_that_nobody_trusts_is_not(
        self, header: str, all_well: Any
    ) -> None:
        assert self.words(Browser(), **{header: "127.0.0.1"}) == "It answers."

    def test_a_trusted_proxy_is_told_for_itself_and_not_for_others(self, all_well: Any, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
        assert "192.0.2.1" in self.words(Browser(), REMOTE_ADDR="10.0.0.1")
        assert self.words(Browser(), REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7") == "It answers."

    def test_no_invented_address_opens_it(self, all_well: Any, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
        assert self.words(Browser(), **STRANGER, HTTP_X_FORWARDED_FOR="127.0.0.1") == "It answers."

    @pytest.mark.django_db
    @pytest.mark.parametrize(("who", "is_told"), [("dora", True), ("bob", False), ("alice", False)])
    def test_staff_are_told_details_wherever_they_are(
        self, who: str, is_told: bool, sign_in: Any, all_well: Any
    ) -> None:
        assert ("192.0.2.1" in self.words(sign_in(who), **STRANGER)) is is_told

    @pytest.mark.django_db
    def test_nobody_waits_for_a_dead_database_to_know_who_asks(
        self, sign_in: Any, all_well: Any, django_assert_num_queries: Any
    ) -> None:
        browser = sign_in("dora")
        all_well["database"] = lambda: Part(False, "It does not answer.")
        with django_assert_num_queries(0):
            assert self.words(browser, **STRANGER) == "It answers."
