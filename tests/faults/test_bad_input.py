"""Whatever a cluster sends, or does not send: pages with a sentence, never a 500, and the others' VMs are all there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters.models import Job
from apps.demo.world import USERS, User
from tests.contract.powers import watch_until
from tests.faults.conftest import (
    ELSEWHERE,
    READERS,
    WELL_KNOWN,
    Estate,
    detail_of,
    everything_of,
    let_time_pass,
    page,
)
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db


def fault(**switches: Any) -> Callable[[SimulatedSide], None]:
    return lambda side: side.faults.replace(switches)


def change_the_password(side: SimulatedSide) -> None:
    side.server.world.users["ganetimgr"] = User("another", "write")


# What goes wrong with a cluster, and the words that tell the staff why it is silent
TROUBLES = {
    "the RAPI password is wrong": (change_the_password, "does not know the user"),
    "the certificate was changed": (fault(other_certificate=True), "its certificate is not the pinned one"),
    "the port refuses": (fault(closed=True), "refuses connections on port"),
    "requests are read and never answered": (fault(silence=True), "no answer within 0.3 s"),
    "not even TLS is spoken": (fault(deaf=True), "no connection within 0.3 s"),
    "connections break": (fault(reset=True), "the connection broke"),
    "it answers a web page": (fault(rubbish=True), "the answer is not JSON"),
    "it answers half a JSON": (fault(truncated=True), "the answer was cut short"),
    "it drips bytes": (fault(drip=0.05), "no complete answer within 0.6 s"),
    "nobody stands behind RAPI": (fault(no_luxid=True), "Gateway Timeout"),
}
# What somebody is told who clicks in the moment in which it begins. The others are not sure: the job may exist
REFUSALS = {
    "the RAPI password is wrong": "Cluster north does not accept this site's user name and password.",
    "the certificate was changed": "Cluster north presents another certificate than the one this site trusts.",
    "the port refuses": "Cluster north does not answer: 127.0.0.1 refuses connections",
    "not even TLS is spoken": "Cluster north does not answer: no connection within 0.3 s.",
    "connections break": "Cluster north does not answer: the connection broke",
}
CARRIED_OUT = {"it answers a web page", "it answers half a JSON", "it drips bytes"}
IN_DOUBT = "Cluster north did not confirm in time. Whether the job exists is being looked up."


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def begin(settings: Any, estate: Estate, trouble: str) -> Callable[[], str]:
    """Brings north into trouble; the words that say why. From now on nobody is waited for long."""

    def bring() -> str:
        settings.RAPI_CONNECT_TIMEOUT = settings.RAPI_RESPONSE_TIMEOUT = 0.3
        settings.RAPI_DEADLINE = 0.6
        cause, words = TROUBLES[trouble]
        cause(estate.north)
        return words

    return bring


def end_of_trouble(settings: Any, estate: Estate) -> None:
    estate.north.faults.closed = True  # breaks what still waits for an answer
    estate.north.faults.replace({})
    estate.north.server.world.users.update(USERS)
    settings.RAPI_CONNECT_TIMEOUT = settings.RAPI_RESPONSE_TIMEOUT = settings.RAPI_DEADLINE = 15


def assert_all_are_there(browser: Browser, estate: Estate, *slugs: str) -> None:
    shown = everything_of(browser)
    for slug in slugs:
        for name in estate.names_on(slug):
            assert detail_of(name, slug) in shown, f"{name} of {slug} is missing"


class TestAClusterInTrouble:
    def test_keeps_its_vms_on_every_page_with_a_sentence_until_it_is_well(
        self, sign_in: Any, settings: Any, estate: Estate, trouble: str, begin: Any
    ) -> None:
        estate.collect()
        words = begin()
        estate.collect("north")
        for reader in READERS:
            browser = sign_in(reader)
            for path in ("/?q=www", detail_of(WELL_KNOWN)):
                shown = page(browser, path)
                name = "Cluster north" if reader == "alice" else "north"
                assert f"{name} has not answered for" in shown
                assert (words in shown) == (reader != "alice"), "staff read why"
                assert WELL_KNOWN in shown
            page(browser, "/history/")
        assert_all_are_there(browser, estate, "north", *ELSEWHERE)

        estate.north.requests.clear()
        alice = sign_in("alice")
        told = page(alice, alice.post(f"{detail_of(WELL_KNOWN)}reboot/")["Location"])
        assert "does not answer" in told
        assert (estate.north.requests, Job.objects.count()) == ([], 0), "it is not asked for a change in vain"

        end_of_trouble(settings, estate)
        estate.collect("north")
        assert "has not answered" not in page(alice, "/")

    def test_that_never_answered_is_named_and_hides_nobody_elses_vms(
        self, sign_in: Any, estate: Estate, trouble: str, begin: Any
    ) -> None:
        estate.collect(*ELSEWHERE)
        words = begin()
        estate.collect("north")
        browsers = {reader: sign_in(reader) for reader in ("alice", "bob", "charlie")}
        for reader, path in (
            ("alice", "/"),
            ("charlie", "/"),
            *((reader, detail_of(WELL_KNOWN)) for reader in browsers),
        ):
            shown = page(browsers[reader], path)
            assert "It has never answered so far" in shown
            assert (words in shown) == (reader == "bob"), "staff read why"
            assert "You have no VMs yet" not in shown, "nobody knows"
        assert_all_are_there(browsers["bob"], estate, *ELSEWHERE)


class TestAClickWhenTroubleBegins:
    """The inventory says that all is well: the click is the first to find out."""

    def test_gets_a_sentence_and_comes_to_one_end(
        self, as_alice: Browser, settings: Any, estate: Estate, trouble: str, begin: Any
    ) -> None:
        estate.collect("north")
        begin()
        sentence = REFUSALS.get(trouble, IN_DOUBT)

        answer = as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        assert answer.status_code == 302
        assert sentence in page(as_alice, answer["Location"])
        script = {"X-Requested-With": "XMLHttpRequest"}
        answer = as_alice.post(f"{detail_of('mail.example.org')}shutdown/", headers=script)
        assert answer.status_code == (409 if trouble in REFUSALS else 200)
        assert answer.json()["action"].startswith(sentence)
        assert "Reboot" in page(as_alice, "/history/")
        page(as_alice, "/")

        end_of_trouble(settings, estate)
        let_time_pass(3 if trouble in CARRIED_OUT else 60)
        watch_until(lambda: not Job.objects.unfinished().exists())
        state = Job.State.FAILED if trouble in REFUSALS else Job.State.UNKNOWN
        state = Job.State.SUCCEEDED if trouble in CARRIED_OUT else state
        assert [row.state for row in Job.objects.all()] == [state, state]
        assert [entry.outcome for entry in AuditEntry.objects.all()] == [state, state]
        assert (asked_for(estate.north, "reboot"), asked_for(estate.north, "shutdown")) in ((1, 1), (0, 0))
        page(as_alice, "/history/")


def asked_for(side: SimulatedSide, verb: str) -> int:
    return sum(path.endswith(f"/{verb}") for _, path in side.requests)
