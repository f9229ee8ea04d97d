"""A cluster's queue as our pages show it, and the way to cancel what waits in it: simulated and real alike.

A subclass says how the other side is given jobs, with commands of its own and not through our client.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster
from ganeti.client import Client
from ganeti.inventory import Head
from ganeti.joblist import ListedJob
from tests.contract.powers import add_cluster

SECONDS_FOR_A_JOB = 60  # a bound for a test that hangs, not a promise


def until(condition: Callable[[], bool]) -> None:
    """Waits until `condition()` holds."""
    end = time.monotonic() + SECONDS_FOR_A_JOB
    while not condition():
        assert time.monotonic() < end, "it does not get there"
        time.sleep(0.05)


@pytest.mark.django_db
class JobsContract:
    @pytest.fixture
    def cluster(self, people: Any, ganeti: Any) -> Cluster:
        return add_cluster(ganeti.endpoint())

    def a_migration(self, ganeti: Any, instance: str) -> AbstractContextManager[int]:
        """The number of a job that migrates the instance, and waits until the block ends."""
        raise NotImplementedError

    def a_long_job(self, ganeti: Any) -> AbstractContextManager[int]:
        """The number of a job that runs until the block ends, or a little longer."""
        raise NotImplementedError

    def look(self, ganeti: Any, username: str = "ganetimgr") -> Head:
        head = inventories.collector().collect(
            ganeti.endpoint(username), now=time.time(), everything=True, jobs_too=True
        )
        assert head.state == "ok" and head.jobs_version and not head.jobs_error
        return head

    def listed(self, ganeti: Any, number: int) -> ListedJob:
        head = self.look(ganeti)
        job = inventories.store().jobs({head.slug: head.jobs_version})[head.slug].job(number)
        assert job
        return job

    def cancel(self, browser: Browser, ganeti: Any, number: int) -> str:
        """What a superuser reads who cancels."""
        return browser.post(f"/jobs/{ganeti.slug}/{number}/cancel/", follow=True).content.decode()

    def last_entry(self) -> tuple[str, int | None, str]:
        entry = AuditEntry.objects.get(action="Cancel job")
        return entry.requester_name, entry.job_id, entry.outcome

    def test_a_job_that_waits_is_canceled_and_then_told_so(
        self, as_dora: Browser, ganeti: Any, cluster: Cluster
    ) -> None:
        with ganeti.an_instance() as name, self.a_migration(ganeti, name) as number:
            job = self.listed(ganeti, number)
            assert job.status in ("queued", "waiting") and job.instances == (name,)
            page = as_dora.get(f"/jobs/{ganeti.slug}/{number}/").content.decode()
            assert "Migrate" in page and "Cancel the job" in page
            assert f"Job {number} is canceled." in self.cancel(as_dora, ganeti, number)
            assert ganeti.job(number)["status"] == "canceled"
            assert self.listed(ganeti, number).status == "canceled"
            assert "This job was canceled" in as_dora.get(f"/jobs/{ganeti.slug}/{number}/").content.decode()
            assert self.last_entry() == ("dora", number, AuditEntry.Outcome.SUCCEEDED)

    def test_a_job_that_runs_is_not_canceled_and_that_is_said(
        self, as_dora: Browser, ganeti: Any, cluster: Cluster
    ) -> None:
        with self.a_long_job(ganeti) as number:
            assert self.listed(ganeti, number).status == "running"
            assert f"Job {number} is at work already" in self.cancel(as_dora, ganeti, number)
            assert self.last_entry() == ("dora", number, AuditEntry.Outcome.REFUSED)

    def test_a_job_that_failed_is_read_with_its_step_and_why(
        self, as_dora: Browser, ganeti: Any, cluster: Cluster
    ) -> None:
        with ganeti.an_instance() as name:
            number = Client(ganeti.endpoint()).delete_instance_tags(name, ["never-given"], "a try")
            ganeti.job(number)
            job = self.listed(ganeti, number)
            assert (job.status, job.opcodes, job.instances) == ("error", ("TAGS_DEL",), (name,))
            [step] = job.story.steps
            assert (step.status, ("tags", "never-given") in step.told) == ("error", True)
            assert job.error and step.error == job.error and job.story.reason == "a try"
            assert job.received and job.started and job.ended and job.received <= job.started <= job.ended
            page = as_dora.get(f"/jobs/{ganeti.slug}/{number}/").content.decode()
            assert "never-given" in page and "Failed" in page

    def test_a_job_that_has_ended_is_not_canceled_and_that_is_said(
        self, as_dora: Browser, ganeti: Any, cluster: Cluster
    ) -> None:
        with ganeti.an_instance() as name:
            number = Client(ganeti.endpoint()).add_instance_tags(name, ["seen"])
            ganeti.job(number)
            self.look(ganeti)
            assert f"Job {number} has ended meanwhile" in self.cancel(as_dora, ganeti, number)
            assert self.last_entry() == ("dora", number, AuditEntry.Outcome.REFUSED)

    def test_what_came_since_the_last_look_is_one_more_question(self, ganeti: Any, cluster: Cluster) -> None:
        with ganeti.an_instance() as name:
            self.look(ganeti)
            client = Client(ganeti.endpoint())
            numbers = [client.add_instance_tags(name, [f"tag{count}"]) for count in range(2)]
            for number in numbers:
                ganeti.job(number)
            found = {job.id: job.status for job in client.jobs_since(numbers[0] - 1)}
            assert {number: found[number] for number in numbers} == dict.fromkeys(numbers, "success")
            assert min(found) == numbers[0]
            assert self.listed(ganeti, numbers[1]).status == "success"

    def test_who_may_not_query_is_told_of_the_queue_all_the_same(self, ganeti: Any, cluster: Cluster) -> None:
        with ganeti.an_instance() as name:
            number = Client(ganeti.endpoint()).add_instance_tags(name, ["seen"])
            ganeti.job(number)
            head = self.look(ganeti, "guest")
            job = inventories.store().jobs({head.slug: head.jobs_version})[head.slug].job(number)
            assert job and (job.status, job.instances) == ("success", (name,))
