"""The section "History" of an instance's page: what happened to it, with what Ganeti said meanwhile."""

import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters.models import Cluster, Job
from apps.clusters.views.history import PER_PAGE
from ganeti.objects import PendingJob
from tests import estate

pytestmark = pytest.mark.django_db

PAGE = "/instances/north/web.example.org/history/"
PART = {"HX-Request": "true", "HX-Target": "events"}


@pytest.fixture
def north(people: Any) -> Cluster:
    return estate.put("north", estate.instance("web.example.org"))


def done(cluster: Cluster, by: Any, kind: str = "reboot", **fields: Any) -> Job:
    """A change of the instance, with its entry."""
    actor = Actor(by, "198.51.100.7", "request1")
    entry = audit.record(actor, kind.capitalize(), cluster=cluster.slug, instance="web.example.org")
    facts = {"state": "succeeded", "job_id": 4711, "ended": timezone.now(), "requester_name": by.username, **fields}
    row = Job.objects.create(cluster=cluster, instance="web.example.org", kind=kind, audit_entry=entry, **facts)
    audit.note_job(entry.pk, row.job_id or 0)
    return row


def text(browser: Browser, path: str = PAGE, **headers: str) -> str:
    response = browser.get(path, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


class TestWhatItTells:
    def test_who_did_what_when_and_how_it_ended_with_the_jobs_log(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        row = done(
            north, people["dora"], state="failed", error="no <memory> left", log=[[time.time(), "Asking <node1>"]]
        )
        audit.conclude(row.audit_entry_id, AuditEntry.Outcome.FAILED, "no <memory> left")
        page = text(as_alice)
        for part in ("dora", "Reboot", "Failed", "no &lt;memory&gt; left", "Asking &lt;node1&gt;", "Log of job 4711"):
            assert part in page, part
        assert "Asked for by dora" in page and "Ganeti took it as job 4711" in page

    def test_addresses_are_told_by_the_rules_of_the_history(
        self, as_alice: Browser, as_bob: Browser, people: Any, north: Cluster
    ) -> None:
        done(north, people["dora"])
        assert "198.51.100.7" not in text(as_alice)
        assert "198.51.100.7" in text(as_bob)
        assert 'href="/user/info/user/dora/"' in text(as_bob)

    def test_other_instances_and_other_clusters_of_the_same_name_are_not_in_it(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        for cluster, name in (("south", "web.example.org"), ("north", "web.example.org.uk"), ("north", "web")):
            audit.record(Actor(people["dora"]), "Shutdown", cluster=cluster, instance=name)
        page = text(as_alice)
        assert "Nothing happened to it from here yet" in page and "Shut down</th>" not in page

    def test_entries_without_a_job_of_ours_are_there_too(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        audit.record(Actor(people["dora"]), "Console opened", cluster="north", instance="web.example.org")
        assert "Console opened" in text(as_alice)

    def test_what_followed_by_itself_is_told_apart(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        done(north, people["dora"])
        assert "What followed by itself" not in text(as_alice)
        Job.objects.create(
            cluster=north, instance="web.example.org", kind="remove-tags", state="failed", error="no such tag",
            ended=timezone.now(), job_id=4712,
        )  # fmt: skip
        page = text(as_alice)
        assert "What followed by itself" in page and "no such tag" in page and "Job 4712" in page

    def test_a_job_of_somebody_else_is_told_above(self, as_alice: Browser, people: Any) -> None:
        pending = (PendingJob(1234, "running", ("web.example.org",), ("INSTANCE_MIGRATE",)),)
        estate.put("north", estate.instance("web.example.org"), head={"pending": pending})
        assert "Job 1234 of somebody else is at work on it: INSTANCE_MIGRATE." in text(as_alice)

    def test_it_leads_to_the_search_in_the_whole_history(self, as_alice: Browser, north: Cluster) -> None:
        assert 'href="/history/?q=web.example.org&amp;cluster=north"' in text(as_alice)

    def test_it_is_a_tab_and_the_overview_leads_to_it(self, as_alice: Browser, north: Cluster) -> None:
        assert f'<a href="{PAGE}" aria-current="page">History</a>' in text(as_alice)
        assert f'href="{PAGE}">All history</a>' in text(as_alice, "/instances/north/web.example.org/")


class TestManyEntries:
    @pytest.fixture
    def long_ago(self, people: Any, north: Cluster) -> None:
        AuditEntry.objects.bulk_create(
            AuditEntry(requester_name="dora", action=f"Deed {number:03}", instance="web.example.org", cluster="north")
            for number in range(PER_PAGE * 2 + 3)
        )

    def test_all_of_them_are_there_in_pages(self, as_alice: Browser, long_ago: None) -> None:
        found = [text(as_alice, f"{PAGE}?page={number}") for number in (1, 2, 3)]
        assert [page.count("Deed ") for page in found] == [PER_PAGE, PER_PAGE, 3]

    @pytest.mark.parametrize("page", ["0", "-1", "x", "99999"])
    def test_rubbish_in_the_address_shows_a_page(self, as_alice: Browser, long_ago: None, page: str) -> None:
        assert "Deed " in text(as_alice, f"{PAGE}?page={page}")

    def test_a_page_costs_the_same_queries_for_few_and_many(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                text(as_alice)
            return len(captured)

        done(north, people["dora"])
        few = queries()
        for _ in range(10):
            done(north, people["dora"])
        assert queries() == few


class TestRenewing:
    def test_the_part_asks_often_while_something_is_under_way(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        row = done(north, people["alice"])
        assert 'id="events" data-live="1"' in text(as_alice)
        audit.conclude(row.audit_entry_id, AuditEntry.Outcome.SUCCEEDED)
        assert 'id="events" data-live="15"' in text(as_alice)

    def test_the_list_renews_itself_alone_and_is_a_304_without_news(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        done(north, people["alice"])
        response = as_alice.get(PAGE, headers=PART)
        page = response.content.decode()
        assert 'id="events"' in page and 'id="vm"' not in page and "<html" not in page
        again = as_alice.get(PAGE, headers={**PART, "If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304

    def test_the_head_renews_itself_alone(self, as_alice: Browser, north: Cluster) -> None:
        page = text(as_alice, **{"HX-Request": "true", "HX-Target": "vm"})
        assert 'id="vm"' in page and 'id="events"' not in page


def test_while_nothing_is_known_of_the_cluster_the_page_says_so(as_alice: Browser, people: Any) -> None:
    Cluster.objects.create(slug="north", hostname="127.0.0.1", port=1, username="u", description="North")
    assert "Nothing is known of it just now" in text(as_alice)
