"""From the click to the end: page, action, row, Ganeti's job, watcher, audit entry, page. The same on both sides."""

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from apps.clusters.watcher import Watcher
from ganeti.client import Client
from ganeti.endpoint import Endpoint
from ganetimgr.worker import AT_THE_END

SECONDS_FOR_A_JOB = 60  # a bound for a test that hangs, not a promise


def add_cluster(endpoint: Endpoint) -> Cluster:
    """The row for a cluster that is there."""
    return Cluster.objects.create(
        slug=endpoint.slug,
        hostname=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        password=endpoint.password,
        verification=Cluster.Verification.FINGERPRINT,
        fingerprint=endpoint.fingerprint,
        description=f"Cluster {endpoint.slug}",
    )


def watch_until(condition: Any) -> None:
    """Lets a watcher work, round by round, until `condition()` holds."""
    watcher = Watcher(AT_THE_END)
    end = time.monotonic() + SECONDS_FOR_A_JOB
    try:
        while not condition():
            assert time.monotonic() < end, "the watcher did not get there"
            watcher.step()
            gevent.sleep(0.1)
    finally:
        watcher.pool.join()
        watcher._leave()


class PowerContract:
    """A subclass's fixture `ganeti` gives the other side, as for ClientContract."""

    @pytest.fixture
    def cluster(self, ganeti: Any, db: None) -> Cluster:
        return add_cluster(ganeti.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any, cluster: Cluster) -> Iterator[str]:
        """A stopped instance of Alice's, which the inventory knows."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice"]) as name:
            inventories.collect_now([cluster.endpoint()], everything=True)
            yield name

    def page(self, cluster: Cluster, instance: str) -> str:
        return f"/instances/{cluster.slug}/{instance}/"

    def do(self, browser: Browser, cluster: Cluster, instance: str, verb: str) -> Job:
        """Clicks, follows the job to its end, and collects: the finished row."""
        response = browser.post(f"{self.page(cluster, instance)}{verb}/")
        assert response.status_code == 302
        row = Job.objects.get(kind=verb, holds__isnull=False)
        watch_until(lambda: not Job.objects.unfinished().exists())
        inventories.collect_now([cluster.endpoint()])
        row.refresh_from_db()
        return row

    def test_start_reboot_and_stop_come_to_their_ends(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        for verb, action, word in (
            ("startup", "Start", "Running"),
            ("reboot", "Reboot", "Running"),
            ("shutdown", "Shutdown", "Stopped"),
        ):
            row = self.do(as_alice, cluster, instance, verb)
            assert row.state == Job.State.SUCCEEDED, row.error
            entry = AuditEntry.objects.get(action=action)
            assert (entry.outcome, entry.job_id, entry.requester_name) == ("succeeded", row.job_id, "alice")
            assert word in as_alice.get(self.page(cluster, instance)).content.decode()
            assert word in as_alice.get("/").content.decode()

    def test_the_pending_job_is_on_the_page_at_once(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        as_alice.post(f"{self.page(cluster, instance)}startup/")
        row = Job.objects.get()
        shown = as_alice.get(self.page(cluster, instance)).content.decode()
        assert "Starting" in shown
        assert str(row.job_id) in shown
        ganeti.job(row.job_id)

    def test_a_second_click_gets_a_sentence_and_no_second_job(
        self, as_alice: Browser, as_dora: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        as_alice.post(f"{self.page(cluster, instance)}startup/")
        response = as_dora.post(f"{self.page(cluster, instance)}startup/", follow=True)
        assert "other changes wait until this ends" in response.content.decode()
        row = Job.objects.get()
        ganeti.job(row.job_id)
        ours = [job for job in Client(cluster.endpoint()).jobs() if instance in job.instances]
        assert sum("OP_INSTANCE_STARTUP" in job.opcodes for job in ours) == 1

    def test_a_failure_is_told_in_ganetis_words(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        """The instance went away by Ganeti's own command after we last looked."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice"]) as doomed:
            inventories.collect_now([cluster.endpoint()])
        as_alice.post(f"{self.page(cluster, doomed)}startup/")
        watch_until(lambda: not Job.objects.unfinished().exists())
        row = Job.objects.get()
        assert row.state == Job.State.FAILED
        assert doomed in row.error
        assert AuditEntry.objects.get().outcome == AuditEntry.Outcome.FAILED
        assert row.error.splitlines()[0][:60] in as_alice.get("/history/").content.decode().replace("&#x27;", "'")

    def test_a_row_whose_number_never_arrived_is_found_again_by_its_token(
        self, as_alice: Browser, people: Any, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        """The web process died after Ganeti took the job."""
        row = Job.objects.create(
            cluster=cluster,
            instance=instance,
            kind=Job.Kind.STARTUP,
            holds=Job.hold_on(cluster, instance),
            requested_by=people["alice"],
        )
        number = Client(cluster.endpoint()).startup_instance(instance, reason=f"{row.token} alice")
        ganeti.job(number)
        watch_until(lambda: not Job.objects.unfinished().exists())
        row.refresh_from_db()
        assert (row.state, row.job_id) == (Job.State.SUCCEEDED, number)

    def test_the_reason_names_the_web_user(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        as_alice.post(f"{self.page(cluster, instance)}startup/")
        row = Job.objects.get()
        ganeti.job(row.job_id)
        job = Client(cluster.endpoint()).jobs_by_id([row.job_id])[row.job_id]
        assert any(reason.startswith(f"{row.token} alice ") for reason in job.reasons)

    def test_a_read_only_user_shows_everything_and_says_why_the_verbs_are_off(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        reader = ganeti.endpoint("reader")
        Cluster.objects.filter(pk=cluster.pk).update(username=reader.username)
        cluster.refresh_from_db()
        cluster.password = reader.password
        cluster.save()
        inventories.collect_now([cluster.endpoint()], everything=True)
        shown = as_alice.get(self.page(cluster, instance)).content.decode()
        assert "can only be looked at" in shown
        response = as_alice.post(f"{self.page(cluster, instance)}startup/", follow=True)
        assert "lets this site look" in response.content.decode()
        assert not Job.objects.exists()

    def test_a_cluster_that_refuses_keeps_its_instances_on_the_page(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        with ganeti.refusing():
            inventories.collect_now([cluster.endpoint()])
            shown = as_alice.get("/").content.decode()
            assert instance in shown
            assert f"Cluster {cluster.slug} has not answered" in shown
            response = as_alice.post(f"{self.page(cluster, instance)}startup/", follow=True)
            assert "does not answer" in response.content.decode()
        assert not Job.objects.exists()
