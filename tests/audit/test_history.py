"""The history at /history/: each person's own view of who did what, and how it ended."""

import datetime
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from tests import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(people: Any) -> dict[str, AuditEntry]:
    estate.put("north", estate.instance("web.example.org"), estate.instance("noc.example.org", owners=("groups:noc",)))

    def record(who: str, action: str, instance: str, address: str) -> AuditEntry:
        return audit.record(Actor(people[who], address), action, cluster="north", instance=instance)

    return {
        "mine": record("alice", "Start", "web.example.org", "192.0.2.1"),
        "by others": record("dora", "Reboot", "web.example.org", "192.0.2.2"),
        "group's": record("erik", "Shutdown", "noc.example.org", "192.0.2.3"),
    }


def page(browser: Browser, query: str = "") -> str:
    response = browser.get(f"/history/{query}")
    assert response.status_code == 200
    return response.content.decode()


class TestWhoReadsWhat:
    def test_an_owner_reads_their_own_deeds_and_what_others_did_to_their_instances(
        self, as_alice: Browser, entries: Any
    ) -> None:
        shown = page(as_alice)
        assert "dora" in shown
        assert "noc.example.org" not in shown

    def test_addresses_are_shown_of_oneself_only(self, as_alice: Browser, entries: Any) -> None:
        shown = page(as_alice)
        assert "192.0.2.1" in shown
        assert "192.0.2.2" not in shown

    def test_staff_read_everything_with_addresses(self, as_bob: Browser, entries: Any) -> None:
        shown = page(as_bob)
        assert all(address in shown for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"))

    def test_a_stranger_reads_nothing(self, as_charlie: Browser, entries: Any) -> None:
        assert "example.org" not in page(as_charlie)

    def test_a_group_member_reads_the_groups(self, as_erik: Browser, entries: Any) -> None:
        assert "noc.example.org" in page(as_erik)

    def test_nobody_is_sent_to_the_sign_in(self, client: Browser, entries: Any) -> None:
        assert client.get("/history/").status_code == 302


class TestWhatItSays:
    def test_how_it_ended_and_in_which_words(self, as_alice: Browser, entries: Any) -> None:
        audit.conclude(entries["mine"].pk, AuditEntry.Outcome.FAILED, "no <memory> on node4")
        shown = page(as_alice)
        assert "failed" in shown
        assert "no &lt;memory&gt; on node4" in shown

    def test_it_is_searched_and_filtered(self, as_bob: Browser, entries: Any) -> None:
        audit.conclude(entries["mine"].pk, AuditEntry.Outcome.SUCCEEDED)
        assert "noc.example.org" not in page(as_bob, "?q=web")
        assert "192.0.2.2" not in page(as_bob, "?outcome=succeeded")
        assert "Nothing matches" in page(as_bob, "?q=nothing-like-it")

    def test_it_asks_again_soon_while_something_is_pending(self, as_alice: Browser, entries: Any) -> None:
        assert 'data-live="1"' in page(as_alice)
        AuditEntry.objects.update(outcome=AuditEntry.Outcome.SUCCEEDED)
        assert 'data-live="1"' not in page(as_alice)

    def test_staff_see_the_last_days_first(self, as_bob: Browser, entries: Any, settings: Any) -> None:
        long_ago = timezone.now() - datetime.timedelta(days=settings.AUDIT_ENTRIES_LAST_X_DAYS + 1)
        AuditEntry.objects.filter(pk=entries["group's"].pk).update(recorded=long_ago)
        assert "noc.example.org" not in page(as_bob)

    def test_entries_of_deleted_people_and_odd_instances_are_still_read(
        self, as_bob: Browser, entries: Any, people: Any
    ) -> None:
        AuditEntry.objects.filter(pk=entries["mine"].pk).update(instance="", cluster="")
        AuditEntry.objects.filter(pk=entries["by others"].pk).update(instance="a/b", requester=None)
        assert "a/b" in page(as_bob)

    def test_a_page_costs_a_fixed_number_of_queries(
        self, as_bob: Browser, entries: Any, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(60):
            audit.record(Actor(people["alice"]), "Start", cluster="north", instance=f"vm{number}.example.org")
        with django_assert_max_num_queries(8):
            page(as_bob)

    def test_a_jobs_number_is_found(self, as_bob: Browser, entries: Any) -> None:
        audit.note_job(entries["mine"].pk, 48211)
        shown = page(as_bob, "?q=48211")
        assert "192.0.2.1" in shown
        assert "192.0.2.2" not in shown
