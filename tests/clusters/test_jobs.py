"""The list of jobs and the page of one: all clusters, every state, from the inventory, for those who see everything."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from ganeti.objects import JOB_STATES
from tests import estate
from tests.clusters import queues
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db
LIST = "/jobs/"
ONE = "/jobs/north/7/"
STATES = ("success", "error", "canceled", "running", "waiting", "queued", "canceling")
SECRETS = {
    "osparams": {"img_passwd": "hush-one"},
    "osparams_secret": {"token": "hush-two"},
    "hvparams": {"vnc_password": "hush-three", "boot_order": "cdrom"},
}


def numbers(response: Any) -> list[tuple[str, int]]:
    """(cluster, number) of the rows, in their order."""
    found = re.findall(r'<tr id="job-([a-z]+)-(\d+)"', response.content.decode())
    return [(cluster, int(number)) for cluster, number in found]


def counts(page: str) -> dict[str, int]:
    """What stands beside the states, by word."""
    found = re.findall(r'<a href="[^"]*"(?: aria-current="true")?>([^<]+) <span class="n">(\d+)</span>', page)
    return {word: int(number) for word, number in found}


@pytest.fixture
def north(people: dict[str, User]) -> Cluster:
    """A job in each of Ganeti's states, numbered from 1 in the order of STATES."""
    row = estate.put("north", estate.instance("web.example.org"))
    queues.put("north", *(queues.raw(number, state) for number, state in enumerate(STATES, start=1)))
    return row


def ours(cluster: Cluster, number: int, who: User | None = None, **fields: Any) -> Job:
    """A job that was asked for here, and has succeeded."""
    now = timezone.now()
    told = {"state": Job.State.SUCCEEDED, "submitted": now, "started": now, "ended": now, "kind": Job.Kind.REBOOT}
    name = who.username if who else ""
    return Job.objects.create(
        cluster=cluster, instance="web.example.org", job_id=number, requested_by=who, requester_name=name,
        **{**told, **fields},
    )  # fmt: skip


class TestWhoSeesJobs:
    @pytest.mark.parametrize("name", ["bob", "carla", "dora"])
    @pytest.mark.parametrize("page", [LIST, ONE, "/jobs/json/"])
    def test_the_helpdesk_and_superusers_do(self, sign_in: Any, north: Cluster, name: str, page: str) -> None:
        assert sign_in(name).get(page).status_code == 200

    @pytest.mark.parametrize("name", ["alice", "charlie", "erik"])
    @pytest.mark.parametrize("page", [LIST, ONE, "/jobs/json/", "/jobs/north/99/", "/jobs/none/7/"])
    def test_others_may_not_whether_there_is_such_a_job_or_not(
        self, sign_in: Any, north: Cluster, name: str, page: str
    ) -> None:
        assert sign_in(name).get(page).status_code == 403

    def test_a_job_that_nobody_knows_is_not_found(self, as_bob: Browser, north: Cluster) -> None:
        for address in ("/jobs/north/99/", "/jobs/none/7/", f"/jobs/north/{10**30}/"):
            assert as_bob.get(address).status_code == 404

    def test_the_navigation_leads_there(self, as_bob: Browser, as_alice: Browser) -> None:
        assert f'href="{LIST}"' in as_bob.get("/").content.decode()
        assert f'href="{LIST}"' not in as_alice.get("/").content.decode()

    @pytest.mark.parametrize("page", [LIST, ONE, "/jobs/json/"])
    def test_nobody_reads_a_secret_of_an_opcode(self, as_dora: Browser, north: Cluster, page: str) -> None:
        queues.put("north", queues.raw(7, op=SECRETS))
        assert "hush" not in as_dora.get(page).content.decode()
        assert "cdrom" in as_dora.get(ONE).content.decode()


class TestTheList:
    def test_every_state_of_ganetis_is_shown_and_counted(self, as_bob: Browser, north: Cluster) -> None:
        page = as_bob.get(LIST).content.decode()
        words = ("Done", "Failed", "Canceled", "Running", "Waiting", "Queued", "Being canceled")
        assert counts(page) == {"All": 7, **dict.fromkeys(words, 1)}
        assert set(STATES) | {"waitlock"} == JOB_STATES, "and there are no others"

    @pytest.mark.parametrize(("state", "number"), [(state, place) for place, state in enumerate(STATES, start=1)])
    def test_a_filter_by_state_leaves_the_counts_as_they_are(
        self, as_bob: Browser, north: Cluster, state: str, number: int
    ) -> None:
        response = as_bob.get(LIST, {"state": state})
        assert numbers(response) == [("north", number)]
        assert counts(response.content.decode())["All"] == 7

    def test_a_word_that_nobody_knows_is_a_state_of_its_own(self, as_bob: Browser, north: Cluster) -> None:
        queues.put("north", queues.raw(1, "dreaming"), queues.raw(2, "waitlock"))
        page = as_bob.get(LIST).content.decode()
        assert (counts(page)["Unknown"], counts(page)["Waiting"]) == (1, 1)

    def test_all_clusters_stand_in_one_table_or_one_of_them(self, as_bob: Browser, north: Cluster) -> None:
        estate.put("south")
        queues.put("south", queues.raw(70))
        assert {cluster for cluster, _ in numbers(as_bob.get(LIST))} == {"north", "south"}
        assert numbers(as_bob.get(LIST, {"cluster": "south"})) == [("south", 70)]

    def test_a_search_finds_numbers_names_errors_verbs_and_people(
        self, as_bob: Browser, north: Cluster, people: dict[str, User]
    ) -> None:
        queues.put(
            "north",
            queues.raw(11, "error", opresult=[["OpExecError", ["No room at all"]]]),
            queues.raw(12, opcode="NODE_EVACUATE", op={"instance_name": "", "node_name": "node3.example.org"}),
            queues.raw(13, opcode="INSTANCE_MIGRATE", op={"instance_name": "db.example.org"}),
        )
        ours(north, 13, people["alice"])
        for text, number in (
            ("no room", 11),
            ("12", 12),
            ("node3", 12),
            ("evacuate", 12),
            ("db.exa", 13),
            ("alice", 13),
        ):
            assert numbers(as_bob.get(LIST, {"q": text})) == [("north", number)], text
        assert "No job matches" in as_bob.get(LIST, {"q": "nowhere"}).content.decode()

    def test_it_is_sorted_by_time_at_first_and_by_any_column(self, as_bob: Browser, north: Cluster) -> None:
        queues.put(
            "north",
            queues.raw(1, start_ts=[2000, 0], end_ts=[2001, 0]),
            queues.raw(2, start_ts=[3000, 0], end_ts=[3900, 0], op={"instance_name": "a.example.org"}),
            queues.raw(3, "error", start_ts=[1000, 0], end_ts=[1030, 0]),
        )

        def order(sort: str) -> list[int]:
            return [number for _, number in numbers(as_bob.get(LIST, {"sort": sort} if sort else {}))]

        assert order("") == order("-started") == [2, 1, 3]
        assert order("took") == [1, 3, 2] and order("-job") == [3, 2, 1]
        assert order("status") == [3, 2, 1] and order("what")[0] == 2
        for sort in ("cluster", "who", "rubbish"):
            assert set(order(sort)) == {1, 2, 3}

    def test_it_comes_page_by_page(self, as_bob: Browser, north: Cluster) -> None:
        queues.put("north", *(queues.raw(number) for number in range(1, 121)))
        assert len(numbers(as_bob.get(LIST))) == 50 and len(numbers(as_bob.get(LIST, {"page": 3}))) == 20

    def test_who_asked_here_is_named_and_others_by_what_they_asked_with(
        self, as_bob: Browser, north: Cluster, people: dict[str, User]
    ) -> None:
        trail = [["gnt:client:gnt-node", "evacuate", 1]]
        queues.put("north", queues.raw(1), queues.raw(2, op={"reason": trail}))
        ours(north, 1, people["alice"])
        page = as_bob.get(LIST).content.decode()
        assert ">alice<" in page and "from the command line" in page

    def test_a_job_of_ours_that_ganeti_archived_stays(
        self, as_bob: Browser, north: Cluster, people: dict[str, User]
    ) -> None:
        queues.put("north", queues.raw(9))
        ours(north, 3, people["alice"], state=Job.State.FAILED, error="No such disk")
        response = as_bob.get(LIST)
        assert ("north", 3) in numbers(response) and "No such disk" in response.content.decode()
        page = as_bob.get("/jobs/north/3/").content.decode()
        assert "Ganeti keeps this job no longer." in page and "No such disk" in page and "alice" in page

    def test_the_number_of_queries_does_not_grow(
        self, as_bob: Browser, north: Cluster, people: dict[str, User]
    ) -> None:
        def queries() -> int:
            as_bob.get(LIST)
            with CaptureQueriesContext(
                connection,
            ) as told:
                as_bob.get(LIST)
            return len(told)

        few = queries()
        for number in range(8, 40):
            ours(north, number, people["alice"])
        for slug in ("south", "east", "west"):
            estate.put(slug)
            queues.put(slug, *(queues.raw(number) for number in range(1, 30)))
        assert queries() == few

    def test_a_silent_clusters_jobs_are_shown_as_they_were(self, as_bob: Browser, north: Cluster) -> None:
        silence = {"state": "unreachable", "failing_since": 1000.0, "error": "north: no answer", "failures": 3}
        queues.put("north", queues.raw(1), **silence)
        response = as_bob.get(LIST)
        assert numbers(response) == [("north", 1)]
        page = response.content.decode()
        assert "north has not answered for" in page and "Its job is shown as it was at" in page

    def test_a_cluster_that_does_not_tell_its_jobs_is_named(self, as_bob: Browser, north: Cluster) -> None:
        queues.put("north", queues.raw(1), jobs_error="north: no luxid")
        page = as_bob.get(LIST).content.decode()
        assert "north answers, but does not tell of its jobs." in page and "no luxid" in page

    def test_where_nothing_is_known_yet_that_is_said(self, as_bob: Browser) -> None:
        estate.put("north")
        assert "Collecting jobs" in as_bob.get(LIST).content.decode()
        assert "Nothing is known of it just now" in as_bob.get(ONE).content.decode()

    def test_an_unchanged_list_is_not_sent_again_and_a_changed_one_is(self, as_bob: Browser, north: Cluster) -> None:
        etag = as_bob.get(LIST)["ETag"]
        assert as_bob.get(LIST, headers={"If-None-Match": etag}).status_code == 304
        queues.put("north", queues.raw(99))
        assert as_bob.get(LIST, headers={"If-None-Match": etag}).status_code == 200

    def test_who_looks_has_the_clusters_asked_more_often(self, as_bob: Browser, north: Cluster) -> None:
        inventories._last_watched.clear()
        as_bob.get(LIST)
        assert "north" in inventories.store().watched()

    def test_a_hostile_cluster_is_shown_as_text(self, as_bob: Browser, north: Cluster) -> None:
        bad = "<script>alert(1)</script>"
        op = {"instance_name": bad, "reason": [["gnt:client", bad, 1]]}
        log = [[[1, [1000, 0], "message", bad]]]
        queues.put("north", queues.raw(7, "error", opcode=bad, op=op, opresult=[["OpExecError", [bad]]], oplog=log))
        for address in (LIST, ONE):
            assert bad not in as_bob.get(address).content.decode()


class TestOneJob:
    def test_it_tells_steps_log_and_why_it_failed(self, as_bob: Browser, north: Cluster) -> None:
        log = [[[1, [1000, 0], "message", "asking hail for two nodes"]], []]
        ops = [
            {"OP_ID": "OP_INSTANCE_CREATE", "instance_name": "new.example.org", "disk_template": "drbd"},
            {"OP_ID": "OP_TAGS_SET", "kind": "instance", "name": "new.example.org"},
        ]
        failed = [["OpExecError", ["No room"]], ["OpExecError", ["Preceding opcode failed"]]]
        queues.put(
            "north", queues.raw(7, "error", ops=ops, opstatus=["error", "error"], opresult=failed, oplog=log)
        )  # fmt: skip
        page = as_bob.get(ONE).content.decode()
        for text in ("Create", "OP_TAGS_SET", "No room", "Preceding opcode failed", "asking hail", "drbd", "took 3 s"):
            assert text in page, text

    def test_its_log_is_renewed_while_it_runs(self, as_bob: Browser, north: Cluster) -> None:
        queues.put("north", queues.raw(7, "running", oplog=[[[1, [1000, 0], "message", "first line"]]]))
        first = as_bob.get(ONE, headers={"HX-Request": "true"})
        assert "first line" in first.content.decode() and 'data-live="1"' in first.content.decode()
        queues.put("north", queues.raw(7, "running", oplog=[[[2, [1001, 0], "message", "second line"]]]))
        renewed = as_bob.get(ONE, headers={"HX-Request": "true", "If-None-Match": first["ETag"]})
        assert "second line" in renewed.content.decode() and "<html" not in renewed.content.decode()

    def test_the_address_of_ganetimgr_2_leads_there(self, as_bob: Browser, north: Cluster) -> None:
        response = as_bob.get("/cluster/jobdetails/", {"cluster": "north", "jobid": "7"})
        assert response["Location"] == ONE
        for wrong in ({}, {"cluster": "north"}, {"cluster": "north", "jobid": "x"}, {"cluster": "x", "jobid": "7"}):
            assert as_bob.get("/cluster/jobdetails/", wrong).status_code == 404

    def test_numbers_of_jobs_lead_there_for_those_who_may_see_it(
        self, as_bob: Browser, as_alice: Browser, north: Cluster, people: dict[str, User]
    ) -> None:
        entry = AuditEntry.objects.create(
            requester=people["alice"], requester_name="alice", action="Reboot", cluster="north",
            instance="web.example.org", job_id=7, outcome="succeeded",
        )  # fmt: skip
        ours(north, 7, people["alice"], audit_entry=entry)
        for address in ("/history/", "/instances/north/web.example.org/history/"):
            assert f'href="{ONE}"' in as_bob.get(address).content.decode(), address
            assert f'href="{ONE}"' not in as_alice.get(address).content.decode(), address

    def test_the_json_of_ganetimgr_2_tells_all_jobs(self, as_bob: Browser, north: Cluster) -> None:
        told = as_bob.get("/jobs/json/", {"cluster": "north"}).json()
        assert told["clusters"] == ["north"] and len(told["aaData"]) == 7
        first = next(row for row in told["aaData"] if row["id"] == 1)
        assert (first["status"], first["cluster"], first["ops"]) == ("success", "north", [{"OP_ID": "Reboot"}])
        assert first["start_time"]
        assert as_bob.get("/jobs/json/", {"cluster": "none"}).status_code == 404


class TestCanceling:
    """What becomes of it on a cluster that answers is in tests/contract/jobs.py."""

    ADDRESS = "/jobs/north/5/cancel/"

    def test_only_superusers_cancel_and_only_what_waits_is_offered(
        self, as_dora: Browser, as_bob: Browser, north: Cluster
    ) -> None:
        offered = [
            number for number in range(1, 8) if "/cancel/" in as_dora.get(f"/jobs/north/{number}/").content.decode()
        ]
        assert [STATES[number - 1] for number in offered] == ["waiting", "queued"]
        assert self.ADDRESS not in as_bob.get("/jobs/north/5/").content.decode()

    @pytest.mark.parametrize("name", ["alice", "bob", "carla", "erik"])
    def test_a_post_of_somebody_else_reaches_no_cluster(
        self, sign_in: Any, people: Any, simulators: dict[str, SimulatedSide], name: str
    ) -> None:
        add_cluster(simulators["north"].endpoint())
        estate.put("north")
        queues.put("north", queues.raw(5, "waiting"))
        assert sign_in(name).post(self.ADDRESS).status_code == 403
        assert not [path for method, path in simulators["north"].requests if method == "DELETE" and "/jobs/" in path]
        assert not AuditEntry.objects.exists()

    def test_a_look_at_the_address_cancels_nothing(self, as_dora: Browser, north: Cluster) -> None:
        assert as_dora.get(self.ADDRESS).status_code == 405 and not AuditEntry.objects.exists()

    def test_a_cluster_that_is_silent_is_named_and_the_history_knows(self, as_dora: Browser, north: Cluster) -> None:
        page = as_dora.post(self.ADDRESS, follow=True).content.decode()
        assert "North does not answer" in page
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.outcome, entry.job_id) == ("Cancel job", AuditEntry.Outcome.FAILED, 5)
        assert (entry.requester_name, entry.cluster, entry.instance) == ("dora", "north", "web.example.org")

    def test_where_the_answer_is_lost_the_history_says_that_nobody_knows(
        self, as_dora: Browser, people: Any, simulators: dict[str, SimulatedSide]
    ) -> None:
        side = simulators["north"]
        add_cluster(side.endpoint())
        estate.put("north")
        queues.put("north", queues.raw(5, "waiting"))
        side.faults.lost_answers = True
        try:
            page = as_dora.post(self.ADDRESS, follow=True).content.decode()
        finally:
            side.faults.lost_answers = False
        assert "did not confirm in time" in page
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.UNKNOWN
        asked = [path for method, path in side.requests if method == "DELETE"]
        assert asked == ["/2/jobs/5"], "once"

    def test_a_script_is_told_in_json(self, as_dora: Browser, north: Cluster) -> None:
        response = as_dora.post(self.ADDRESS, headers={"X-Requested-With": "XMLHttpRequest"})
        assert response.status_code == 409 and "does not answer" in response.json()["action"]

    def test_a_job_that_nobody_knows_is_not_asked_for(self, as_dora: Browser, north: Cluster) -> None:
        assert as_dora.post("/jobs/north/99/cancel/").status_code == 404
        assert not AuditEntry.objects.exists()
