"""The history's filters: the query string is their whole state, and a page costs the same however long the log is."""

import datetime
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import deeds, preferences
from apps.audit import events, forms, kinds, pages
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from tests import estate

pytestmark = pytest.mark.django_db

REQUEST = "0123456789abcdef"


@pytest.fixture
def log(people: Any) -> dict[str, AuditEntry]:
    """Three entries; the first is of Alice's instance and done by Dora."""
    estate.put("north", estate.instance("web.example.org"))
    estate.put("south", estate.instance("db.example.org", "south"))

    def record(who: str, action: str, address: str, **fields: Any) -> AuditEntry:
        return audit.record(Actor(people[who], address, REQUEST), action, **fields)

    done = AuditEntry.Outcome.SUCCEEDED
    return {
        "reboot": record("dora", events.REBOOT, "192.0.2.2", cluster="north", instance="web.example.org"),
        "console": record(
            "alice", events.CONSOLE_OPENED, "192.0.2.1", cluster="south", instance="db.example.org", outcome=done
        ),
        "rights": record("dora", deeds.ACCOUNT_RIGHTS, "192.0.2.2", person="erik", outcome=done),
    }


def found(browser: Browser, query: str) -> set[str]:
    """The stored names of the events on the page."""
    response = browser.get(f"/history/?{query}")
    assert response.status_code == 200
    return {entry._entry.action for entry in response.context["page"].object_list}


def moved(entry: AuditEntry, moment: datetime.datetime) -> None:
    AuditEntry.objects.filter(pk=entry.pk).update(recorded=moment)


class TestWords:
    @pytest.mark.parametrize(
        ("words", "events_found"),
        [
            ("web.example", {events.REBOOT}),
            ("alice", {events.CONSOLE_OPENED}),
            ("erik", {deeds.ACCOUNT_RIGHTS}),
            ("192.0.2.1", {events.CONSOLE_OPENED}),
            ("rights+of", {deeds.ACCOUNT_RIGHTS}),  # words that are shown, and not stored so
            (REQUEST, {events.REBOOT, events.CONSOLE_OPENED, deeds.ACCOUNT_RIGHTS}),
            ("dora+reboot", {events.REBOOT}),
            ("%00", {events.REBOOT, events.CONSOLE_OPENED, deeds.ACCOUNT_RIGHTS}),
        ],
    )
    def test_are_looked_for_in_all_that_is_shown(
        self, as_bob: Browser, log: Any, words: str, events_found: set[str]
    ) -> None:
        assert found(as_bob, f"q={words}") == events_found

    def test_do_not_tell_owners_from_where_others_came(self, as_alice: Browser, log: Any) -> None:
        assert found(as_alice, "q=192.0.2.2") == set()
        assert found(as_alice, f"q={REQUEST}") == {events.CONSOLE_OPENED}
        assert found(as_alice, "q=192.0.2.1") == {events.CONSOLE_OPENED}

    def test_owners_do_not_sort_by_addresses(self, as_alice: Browser, log: Any) -> None:
        assert as_alice.get("/history/?sort=from").context["form"].order == "-when"


class TestFilters:
    def test_by_kind(self, as_bob: Browser, log: Any) -> None:
        assert found(as_bob, "kind=vms") == {events.REBOOT}
        assert found(as_bob, "kind=consoles") == {events.CONSOLE_OPENED}
        assert found(as_bob, "kind=accounts") == {deeds.ACCOUNT_RIGHTS}

    def test_kinds_know_what_ganetimgr_2_wrote(self, as_bob: Browser, people: Any) -> None:
        for action in ("Setting boot_order:disk", "Add whitelist 192.0.2.0/28"):
            audit.record(Actor(people["alice"]), action, cluster="north", instance="web.example.org")
        assert found(as_bob, "kind=vms") == {"Setting boot_order:disk"}
        assert found(as_bob, "kind=access") == {"Add whitelist 192.0.2.0/28"}

    def test_every_event_is_of_one_kind(self) -> None:
        sorted_in = [event for _, names in kinds.KINDS.values() for event in names]
        assert sorted(sorted_in) == sorted(events.WORDS)

    def test_by_cluster_and_outcome(self, as_bob: Browser, log: Any) -> None:
        assert found(as_bob, "cluster=south") == {events.CONSOLE_OPENED}
        assert found(as_bob, "outcome=pending") == {events.REBOOT}

    def test_by_person_is_what_they_did_and_what_was_done_to_them(self, as_bob: Browser, log: Any, people: Any) -> None:
        assert found(as_bob, "person=erik") == {deeds.ACCOUNT_RIGHTS}
        assert found(as_bob, "person=dora") == {events.REBOOT, deeds.ACCOUNT_RIGHTS}
        people["dora"].username = "dorothea"
        people["dora"].save()
        assert found(as_bob, "person=dorothea") == {events.REBOOT, deeds.ACCOUNT_RIGHTS}

    def test_only_what_was_refused(self, as_bob: Browser, log: Any) -> None:
        AuditEntry.objects.filter(pk=log["reboot"].pk).update(is_authorized=False)
        AuditEntry.objects.filter(pk=log["rights"].pk).update(outcome=AuditEntry.Outcome.REFUSED)
        assert found(as_bob, "refused=1") == {events.REBOOT, deeds.ACCOUNT_RIGHTS}

    @pytest.mark.parametrize("query", ["kind=nonsense", "outcome=nonsense", "sort=nonsense", "days=nonsense", "page=x"])
    def test_nonsense_counts_as_nothing(self, as_bob: Browser, log: Any, query: str) -> None:
        assert len(found(as_bob, query)) == 3

    def test_an_owner_filters_only_what_they_may_see(self, as_alice: Browser, log: Any) -> None:
        assert found(as_alice, "person=dora") == {events.REBOOT}
        assert found(as_alice, "kind=accounts") == set()


class TestDays:
    def test_staff_go_back_as_far_as_the_site_says_unless_they_ask(
        self, as_bob: Browser, log: Any, settings: Any
    ) -> None:
        settings.AUDIT_ENTRIES_LAST_X_DAYS = 3
        moved(log["rights"], timezone.now() - datetime.timedelta(days=5))
        assert deeds.ACCOUNT_RIGHTS not in found(as_bob, "")
        assert deeds.ACCOUNT_RIGHTS in found(as_bob, "days=7")
        assert deeds.ACCOUNT_RIGHTS in found(as_bob, "days=all")
        assert deeds.ACCOUNT_RIGHTS in found(as_bob, "since=2020-01-01")

    @pytest.mark.parametrize("days", [0, None])
    def test_0_or_nothing_is_any_time(self, as_bob: Browser, log: Any, settings: Any, days: int | None) -> None:
        settings.AUDIT_ENTRIES_LAST_X_DAYS = days
        moved(log["rights"], timezone.now() - datetime.timedelta(days=5000))
        assert deeds.ACCOUNT_RIGHTS in found(as_bob, "")

    def test_owners_see_all_of_theirs(self, as_alice: Browser, log: Any) -> None:
        moved(log["reboot"], timezone.now() - datetime.timedelta(days=5000))
        assert events.REBOOT in found(as_alice, "")

    def test_begin_and_end_where_the_reader_is(self, as_bob: Browser, log: Any, people: Any) -> None:
        moved(log["reboot"], datetime.datetime(2026, 3, 1, 23, 30, tzinfo=datetime.UTC))
        preferences.keep(people["bob"], time_zone="Asia/Tokyo")
        assert found(as_bob, "since=2026-03-02&until=2026-03-02") == {events.REBOOT}
        preferences.keep(people["bob"], time_zone="America/New_York")
        assert found(as_bob, "since=2026-03-02&until=2026-03-02") == set()
        assert found(as_bob, "since=2026-03-01&until=2026-03-01") == {events.REBOOT}

    @pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "0001-01-01", "9999-12-31", "20.11.2026"])
    @pytest.mark.parametrize("field", ["since", "until"])
    def test_that_cannot_be_get_a_sentence_at_the_field(self, as_bob: Browser, log: Any, field: str, day: str) -> None:
        response = as_bob.get(f"/history/?{field}={day}&q=web")
        assert response.status_code == 200
        assert list(response.context["form"].errors) == [field]
        shown = response.content.decode()
        assert "Write the day as year-month-day" in shown
        assert 'value="web"' in shown
        assert not response.context["page"].object_list

    def test_that_are_turned_round_get_a_sentence(self, as_bob: Browser, log: Any) -> None:
        response = as_bob.get("/history/?since=2026-11-20&until=2026-11-01")
        assert "This day is before the one from which you want to see." in response.content.decode()
        assert not response.context["page"].object_list


class TestOrder:
    @pytest.mark.parametrize("key", forms.SORT_KEYS)
    def test_by_any_column_both_ways(self, as_bob: Browser, log: Any, key: str) -> None:
        def order(sort: str) -> list[Any]:
            rows = as_bob.get(f"/history/?sort={sort}").context["page"].object_list
            values = [getattr(row._entry, forms.SORT_KEYS[key]) for row in rows]
            return [value for value in values if value is not None]

        assert order(key) == sorted(order(key))
        assert order(f"-{key}") == sorted(order(key), reverse=True)
        assert len(as_bob.get(f"/history/?sort={key}").context["page"].object_list) == 3


class TestManyEntries:
    @pytest.fixture
    def many(self, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "MOST_COUNTED", 100)
        estate.put("north", estate.instance("web.example.org"))
        by = Actor(people["dora"])
        audit.record_many(by, events.START, [("north", f"vm{number}.example.org") for number in range(130)])

    @pytest.mark.parametrize("query", ["", "q=vm7&kind=vms&outcome=pending", "sort=who", "person=dora", "refused=1"])
    def test_a_page_costs_a_fixed_number_of_queries(
        self, as_bob: Browser, many: None, query: str, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(9):
            as_bob.get(f"/history/?{query}")

    def test_no_query_counts_or_skips_more_than_the_bound(
        self, as_bob: Browser, many: None, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(9) as queries:
            as_bob.get("/history/?page=999999")
        counting = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "auditentry" in query["sql"]]
        assert counting
        assert all("LIMIT 101" in sql for sql in counting)
        assert any("OFFSET 50" in query["sql"] for query in queries)

    def test_the_page_says_that_there_are_more_and_leads_to_them(self, as_bob: Browser, many: None) -> None:
        first, last = (as_bob.get(f"/history/?page={number}").content.decode() for number in (1, 2))
        assert "of more than 100" in first
        assert "See what is older" in last
        assert f"until={timezone.localdate():%Y-%m-%d}" in last

    def test_what_no_index_finds_is_looked_for_among_the_newest(
        self, as_bob: Browser, many: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        oldest = AuditEntry.objects.earliest("pk")
        moved(oldest, timezone.now() - datetime.timedelta(days=2))
        assert found(as_bob, "q=vm0.example")
        monkeypatch.setattr(forms, "MOST_LOOKED_THROUGH", 20)
        response = as_bob.get("/history/?q=vm0.example")
        assert not response.context["page"].object_list
        assert "was looked through" in response.content.decode()
        until = timezone.localdate() - datetime.timedelta(days=1)
        assert found(as_bob, f"q=vm0.example&until={until}")


class TestThePage:
    def test_htmx_gets_the_list_alone(self, as_bob: Browser, log: Any) -> None:
        shown = as_bob.get("/history/?kind=vms", headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in shown
        assert 'id="timeline"' in shown
        assert 'hx-get="/history/?kind=vms"' in shown

    def test_files_have_the_filters_of_the_page(self, as_bob: Browser, log: Any) -> None:
        shown = as_bob.get("/history/?kind=vms&page=1&sort=who").content.decode()
        assert 'href="/history/export.csv?kind=vms"' in shown
        assert 'href="/history/export.json?kind=vms"' in shown

    def test_staff_are_led_to_vms_people_and_groups(self, as_bob: Browser, log: Any, people: Any) -> None:
        audit.record(Actor(people["dora"]), deeds.GROUP_MADE, person="noc")
        shown = as_bob.get("/history/").content.decode()
        for address in ("/instances/north/web.example.org/", "/user/info/user/erik/", "/user/info/group/noc/"):
            assert f'href="{address}"' in shown

    def test_applications_are_linked_for_those_who_may_open_them(
        self, as_bob: Browser, as_dora: Browser, as_alice: Browser, log: Any, people: Any
    ) -> None:
        audit.record(Actor(people["alice"]), events.APPLICATION_FILED, instance="new.example.org", application=317)
        link = 'href="/application/317/"'
        assert link in as_dora.get("/history/").content.decode()
        assert link in as_alice.get("/history/").content.decode()
        assert link not in as_bob.get("/history/").content.decode()
        assert "no. 317" in as_bob.get("/history/").content.decode()

    def test_nothing_lately_leads_further_back(self, as_bob: Browser, people: Any) -> None:
        assert 'href="?days=all"' in as_bob.get("/history/").content.decode()
