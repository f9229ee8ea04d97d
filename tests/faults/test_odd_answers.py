"""Answers that are Ganeti's and odd all the same: nulls, unknown words, too much of something, releases of long ago."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, Job
from apps.demo.world import SimulatedCluster
from tests.contract.powers import watch_until
from tests.faults.conftest import READERS, WELL_KNOWN, Estate, detail_of, let_time_pass, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def north(estate: Estate) -> SimulatedCluster:
    """What the cluster north is made of; a test changes it before anybody looks."""
    return estate.north.server.world


class TestInstances:
    def test_without_network_cards_say_so(self, sign_in: Any, estate: Estate, north: SimulatedCluster) -> None:
        north.instances[WELL_KNOWN].nics = []
        estate.collect()
        for reader in READERS:
            browser = sign_in(reader)
            assert "This VM has no network card" in page(browser, detail_of(WELL_KNOWN))
            assert WELL_KNOWN in page(browser, "/?q=www")

    def test_without_disks_say_so(self, as_alice: Browser, estate: Estate, north: SimulatedCluster) -> None:
        north.instances[WELL_KNOWN].disks = []
        north.instances[WELL_KNOWN].disk_template = "diskless"
        estate.collect("north")
        assert "This VM has no disk" in page(as_alice, detail_of(WELL_KNOWN))

    def test_on_an_offline_node_are_there_though_it_tells_nothing(
        self, sign_in: Any, estate: Estate, north: SimulatedCluster
    ) -> None:
        north.instances[WELL_KNOWN].pnode = "node3.north.example.org"
        north.nodes["node3.north.example.org"].role = "O"
        estate.collect()
        for reader in READERS:
            browser = sign_in(reader)
            shown = page(browser, detail_of(WELL_KNOWN))
            assert "Node is offline" in shown
            assert WELL_KNOWN in page(browser, "/?q=www&status=attention")

    def test_in_a_state_of_which_we_never_heard_show_ganetis_word(
        self, sign_in: Any, estate: Estate, north: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(north, "status", lambda instance: "HIBERNATED_deeply")
        estate.collect()
        for reader in READERS:
            browser = sign_in(reader)
            shown = page(browser, detail_of(WELL_KNOWN))
            assert "HIBERNATED_deeply" in shown
            assert WELL_KNOWN in page(browser, "/?q=www&status=attention")

    def test_with_4096_tags_are_shown_with_some_of_them(
        self, sign_in: Any, estate: Estate, north: SimulatedCluster
    ) -> None:
        kinds = ("ganetimgr:users:u", "ganetimgr:service:s", "ganetimgr:org:o", "ganetimgr:whitelist_ip:w", "other-")
        tags = [f"{kinds[number % len(kinds)]}{number:04d}" for number in range(4095)]
        north.instances[WELL_KNOWN].tags = ["ganetimgr:users:alice", *tags]
        estate.collect()
        for reader in READERS:
            browser = sign_in(reader)
            shown = page(browser, detail_of(WELL_KNOWN))
            assert len(shown) < 200_000, "no page of thousands of lines"
            assert WELL_KNOWN in page(browser, "/?q=www")

    @pytest.mark.parametrize("seconds", [253402300799, -62135596800, 1e11, float("1e300"), -1, 0])
    def test_born_at_the_end_of_all_calendars_are_shown(
        self, sign_in: Any, estate: Estate, north: SimulatedCluster, seconds: float
    ) -> None:
        north.instances[WELL_KNOWN].ctime = north.instances[WELL_KNOWN].mtime = seconds
        estate.collect("north")
        for zone in ("Europe/Athens", "America/New_York"):
            with timezone.override(zone):
                assert WELL_KNOWN in page(sign_in("dora"), detail_of(WELL_KNOWN))


class TestJobs:
    def test_that_ganeti_forgot_are_unknown_and_people_are_asked_to_look(
        self, as_alice: Browser, estate: Estate, north: SimulatedCluster
    ) -> None:
        estate.collect("north")
        as_alice.post(f"{detail_of(WELL_KNOWN)}shutdown/")
        number = Job.objects.get().job_id
        estate.north.faults.forgetful = True
        watch_until(lambda: not Job.objects.unfinished().exists())
        assert Job.objects.get().state == Job.State.UNKNOWN
        estate.collect("north")
        for path in (detail_of(WELL_KNOWN), "/history/"):
            assert f"Ganeti no longer knows job {number}. See how the instance is." in page(as_alice, path)

    def test_cannot_be_taken_by_a_drained_queue_and_a_click_says_so(
        self, as_alice: Browser, estate: Estate, north: SimulatedCluster
    ) -> None:
        estate.collect("north")
        estate.north.faults.drained = True
        told = as_alice.post(f"{detail_of(WELL_KNOWN)}shutdown/", follow=True).content.decode()
        assert "Cluster north takes no jobs now" in told
        script = {"X-Requested-With": "XMLHttpRequest"}
        answer = as_alice.post(f"{detail_of(WELL_KNOWN)}shutdown/", headers=script)
        assert answer.status_code == 409
        assert "Cluster north takes no jobs now" in answer.json()["action"]
        assert {row.state for row in Job.objects.all()} == {Job.State.FAILED}

    def test_whose_number_was_lost_are_found_by_their_token_and_end_once(
        self, as_alice: Browser, estate: Estate, north: SimulatedCluster
    ) -> None:
        estate.collect("north")
        estate.north.faults.lost_answers = True
        told = as_alice.post(f"{detail_of(WELL_KNOWN)}shutdown/", follow=True).content.decode()
        assert "Whether the job exists is being looked up" in told
        told = as_alice.post(f"{detail_of(WELL_KNOWN)}shutdown/", follow=True).content.decode()
        assert "other changes wait until this ends" in told
        estate.north.faults.lost_answers = False
        let_time_pass(3)
        watch_until(lambda: not Job.objects.unfinished().exists())
        row, entry = Job.objects.get(), AuditEntry.objects.get()
        assert (row.state, entry.outcome) == (Job.State.SUCCEEDED, AuditEntry.Outcome.SUCCEEDED)
        assert entry.job_id == row.job_id
        job = north.jobs.all[row.job_id or 0]
        assert job.ops[0]["reason"][0][1].startswith(row.token)
        assert sum(path.endswith("/shutdown") for _, path in estate.north.requests) == 1


@pytest.mark.parametrize("release", ["2.4", "2.9"])
class TestReleasesOfLongAgo:
    @pytest.fixture(autouse=True)
    def release_of_north(self, estate: Estate, release: str) -> None:
        estate.north.faults.profile = release
        estate.collect()

    def test_are_listed_and_shown_like_others(self, sign_in: Any, estate: Estate) -> None:
        for reader in READERS:
            browser = sign_in(reader)
            assert WELL_KNOWN in page(browser, "/?q=www&cluster=north")
            shown = page(browser, detail_of(WELL_KNOWN))
            for fact in ("Running", "192.0.2.", "memory", "snf-image"):
                assert fact in shown
            assert "has not answered" not in shown

    def test_start_stop_and_reboot(self, as_alice: Browser, estate: Estate) -> None:
        for verb, status in (("reboot", "Running"), ("shutdown", "Stopped"), ("startup", "Running")):
            as_alice.post(f"{detail_of(WELL_KNOWN)}{verb}/")
            watch_until(lambda: not Job.objects.unfinished().exists())
            row = Job.objects.get(kind=verb)
            assert (row.state, row.error) == (Job.State.SUCCEEDED, "")
            estate.collect("north")
            assert status in page(as_alice, detail_of(WELL_KNOWN))
        assert AuditEntry.objects.filter(outcome=AuditEntry.Outcome.SUCCEEDED).count() == 3

    def test_tell_a_failure_in_their_words(self, as_alice: Browser, estate: Estate) -> None:
        estate.north.faults.failing_jobs = "no memory left"
        as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        watch_until(lambda: not Job.objects.unfinished().exists())
        assert "no memory left" in page(as_alice, detail_of(WELL_KNOWN))
        assert "no memory left" in page(as_alice, "/history/")

    def test_forget_a_job(self, as_alice: Browser, estate: Estate) -> None:
        as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        estate.north.faults.forgetful = True
        watch_until(lambda: not Job.objects.unfinished().exists())
        assert "Ganeti no longer knows job" in page(as_alice, detail_of(WELL_KNOWN))

    def test_lose_an_answer_and_the_job_is_found_again(self, as_alice: Browser, estate: Estate) -> None:
        estate.north.faults.lost_answers = True
        as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        estate.north.faults.lost_answers = False
        let_time_pass(3)
        watch_until(lambda: not Job.objects.unfinished().exists())
        assert Job.objects.get().state == Job.State.SUCCEEDED
        assert sum(path.endswith("/reboot") for _, path in estate.north.requests) == 1

    def test_have_a_queue_that_is_drained(self, as_alice: Browser, estate: Estate) -> None:
        estate.north.faults.drained = True
        told = as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/", follow=True).content.decode()
        assert "Cluster north takes no jobs now" in told
        assert Cluster.objects.count() == 3
