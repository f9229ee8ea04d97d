"""Start, shut down and reboot by POST: what stands in the way is decided on the server, and said in a sentence."""

from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, Job
from tests import estate
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

PAGE = "/instances/north/web.example.org/"


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    """The simulated cluster, whose inventory says that Alice's instance runs."""
    row = add_cluster(ganeti.endpoint())
    estate.put("north", estate.instance("web.example.org"))
    return row


def changes(ganeti: SimulatedSide) -> list[tuple[str, str]]:
    """What reached the cluster and would change something."""
    return [(method, path) for method, path in ganeti.requests if method != "GET" and "/2/query" not in path]


def sentence(browser: Browser, verb: str = "shutdown") -> str:
    """What somebody is told who clicks."""
    return browser.post(f"{PAGE}{verb}/", follow=True).content.decode()


class TestWhatStandsInTheWay:
    """Each is enforced for a POST that no page would have offered."""

    def test_an_admin_lock_stops_the_owner(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:adminlock",)))
        assert "An administrator has locked this instance" in sentence(as_alice)
        assert changes(ganeti) == []

    def test_and_not_the_superuser(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:adminlock",)))
        sentence(as_dora)
        assert len(changes(ganeti)) == 1

    def test_a_locked_node_group_stops_the_owner(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        estate.put("north", estate.instance("web.example.org"), locked=True)
        assert "under maintenance" in sentence(as_alice)
        assert changes(ganeti) == []

    def test_and_not_the_superuser_either(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org"), locked=True)
        sentence(as_dora)
        assert len(changes(ganeti)) == 1

    def test_a_pending_job_stops_everybody(
        self, as_alice: Browser, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        sentence(as_alice, "reboot")
        assert "other changes wait until this ends" in sentence(as_dora)
        assert len(changes(ganeti)) == 1

    def test_a_silent_cluster_is_not_asked(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"state": "unreachable", "error": "timed out"})
        assert "does not answer" in sentence(as_alice)
        assert changes(ganeti) == []

    @pytest.mark.parametrize(
        ("status", "verb", "words"),
        [
            ("running", "startup", "It is running already"),
            ("ADMIN_down", "shutdown", "It is stopped"),
            ("ADMIN_down", "reboot", "It is stopped"),
            ("ADMIN_offline", "startup", "out of service"),
            ("ERROR_nodedown", "startup", "is down"),
            ("ERROR_nodeoffline", "reboot", "is down"),
        ],
    )
    def test_what_makes_no_sense_is_not_asked(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, status: str, verb: str, words: str
    ) -> None:
        estate.put("north", estate.instance("web.example.org", status=status))
        assert words in sentence(as_alice, verb)
        assert changes(ganeti) == []

    def test_the_helpdesk_is_refused_and_leaves_no_trace(
        self, as_bob: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        assert as_bob.post(f"{PAGE}shutdown/").status_code == 403
        assert not AuditEntry.objects.exists()
        assert changes(ganeti) == []

    def test_get_is_not_enough(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        assert as_alice.get(f"{PAGE}shutdown/").status_code == 405
        assert changes(ganeti) == []


class TestTheWayToGaneti:
    def test_it_is_asked_once_with_a_reason(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        sentence(as_alice)
        assert [(method, path.partition("?")[0]) for method, path in changes(ganeti)] == [
            ("PUT", "/2/instances/web.example.org/shutdown")
        ]
        row = Job.objects.get()
        assert row.state == Job.State.SUBMITTED
        assert row.audit_entry is not None
        assert row.audit_entry.job_id == row.job_id
        assert row.audit_entry.request_id

    def test_a_drained_queue_is_a_sentence_and_frees_the_instance(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        ganeti.faults.drained = True
        assert "takes no jobs now" in sentence(as_alice)
        assert Job.objects.get().state == Job.State.FAILED
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.FAILED
        ganeti.faults.drained = False
        sentence(as_alice)
        assert Job.objects.unfinished().count() == 1

    def test_a_refused_connection_is_a_failure_at_once(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        ganeti.faults.closed = True
        assert "does not answer" in sentence(as_alice)
        assert not Job.objects.unfinished().exists()

    def test_an_answer_that_is_lost_leaves_the_row_to_the_watcher(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        ganeti.faults.lost_answers = True
        assert "being looked up" in sentence(as_alice)
        row = Job.objects.get()
        assert (row.state, row.job_id) == (Job.State.INTENDED, None)
        assert len(changes(ganeti)) == 1, "never asked twice"

    def test_two_clicks_in_the_same_moment_are_one_job(
        self, people: Any, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        """Both saw the instance free; the database lets one through."""
        from apps.audit.models import Actor
        from apps.clusters import actions, fleet

        first, second = fleet.find("north", "web.example.org"), fleet.find("north", "web.example.org")
        assert first
        assert second
        actions.request(first, "shutdown", Actor(people["alice"]))
        with pytest.raises(actions.Refused, match="faster"):
            actions.request(second, "reboot", Actor(people["dora"]))
        assert len(changes(ganeti)) == 1
        assert AuditEntry.objects.count() == 1, "the refused one leaves no half entry"


class TestAnswers:
    def test_a_browser_is_sent_back_where_it_came_from(self, as_alice: Browser, north: Cluster) -> None:
        response = as_alice.post(f"{PAGE}shutdown/", {"next": "/?q=web"})
        assert (response.status_code, response.headers["Location"]) == (302, "/?q=web")

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
    def test_and_never_to_another_site(self, as_alice: Browser, north: Cluster, wanted: str) -> None:
        assert as_alice.post(f"{PAGE}shutdown/", {"next": wanted}).headers["Location"] == PAGE

    def test_a_script_gets_the_sentence_as_json(self, as_alice: Browser, north: Cluster) -> None:
        response = as_alice.post(f"{PAGE}shutdown/", headers={"X-Requested-With": "XMLHttpRequest"})
        assert (response.status_code, response.json()) == (200, {"action": "Shutting down web.example.org."})
        refused = as_alice.post(f"{PAGE}shutdown/", headers={"X-Requested-With": "XMLHttpRequest"})
        assert refused.status_code == 409
        assert "wait until this ends" in refused.json()["action"]

    def test_htmx_gets_the_part_with_the_pending_job_and_the_sentence(self, as_alice: Browser, north: Cluster) -> None:
        response = as_alice.post(f"{PAGE}shutdown/", headers={"HX-Request": "true"}, follow=True)
        part = response.content.decode()
        assert 'id="jobstrip"' in part
        assert "Shutting down web.example.org." in part.partition("hx-swap-oob")[2]
        assert "<html" not in part

    def test_htmx_from_the_list_gets_the_list_as_it_was_filtered(self, as_alice: Browser, north: Cluster) -> None:
        asked = {"next": "/?status=running"}
        response = as_alice.post(f"{PAGE}shutdown/", asked, headers={"HX-Request": "true"}, follow=True)
        assert '<div id="vms" data-live' in response.content.decode()
        assert 'hx-get="/?status=running"' in response.content.decode()
