"""The history as a file: the same as on the page, of any length, harmless for spreadsheets, and told to the log."""

import csv
import datetime
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import StreamingHttpResponse
from django.test import Client as Browser

from apps.audit import events, export
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from tests import estate

pytestmark = pytest.mark.django_db

EVIL = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(1)", "\tx", "\rx"]


@pytest.fixture
def entries(people: Any) -> None:
    estate.put("north", estate.instance("web.example.org"))
    for who, address in (("alice", "192.0.2.1"), ("dora", "192.0.2.2")):
        audit.record(
            Actor(people[who], address, f"request-of-{who}"), events.REBOOT, cluster="north", instance="web.example.org"
        )
    audit.record(Actor(people["dora"], "192.0.2.2"), events.START, cluster="north", instance="other.example.org")


def csv_of(browser: Browser, query: str = "") -> list[dict[str, str]]:
    response = browser.get(f"/history/export.csv{query}")
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def json_of(browser: Browser, query: str = "") -> list[dict[str, Any]]:
    return json.loads(browser.get(f"/history/export.json{query}").getvalue())


def taken() -> AuditEntry:
    return AuditEntry.objects.get(action=events.HISTORY_TAKEN)


class TestWhatIsInIt:
    def test_both_have_what_the_page_has_the_newest_first(self, as_bob: Browser, entries: None) -> None:
        assert [row["event"] for row in csv_of(as_bob)] == ["Start", "Reboot", "Reboot"]
        AuditEntry.objects.filter(action=events.HISTORY_TAKEN).delete()
        assert [row["event"] for row in json_of(as_bob)] == ["Start", "Reboot", "Reboot"]

    def test_filters_are_the_pages(self, as_bob: Browser, entries: None) -> None:
        (row,) = csv_of(as_bob, "?q=other")
        assert (row["cluster"], row["instance"], row["outcome"]) == ("north", "other.example.org", "pending")

    def test_owners_take_what_they_see_and_no_more(self, as_alice: Browser, entries: None) -> None:
        rows = {row["user"]: row for row in json_of(as_alice)}
        assert set(rows) == {"alice", "dora"}
        assert {row["instance"] for row in rows.values()} == {"web.example.org"}
        assert (rows["alice"]["address"], rows["alice"]["request"]) == ("192.0.2.1", "request-of-alice")
        assert (rows["dora"]["address"], rows["dora"]["request"]) == ("", "")

    def test_a_stranger_takes_nothing(self, as_charlie: Browser, entries: None) -> None:
        assert json_of(as_charlie) == []
        assert csv_of(as_charlie, "?kind=vms") == []

    def test_days_that_cannot_be_are_a_sentence_and_no_file(self, as_bob: Browser, entries: None) -> None:
        response = as_bob.get("/history/export.csv?since=2026-11-20&until=2026-11-01")
        assert response.status_code == 400
        assert "before the one from which" in response.content.decode()
        assert not AuditEntry.objects.filter(action=events.HISTORY_TAKEN).exists()


class TestFormats:
    @pytest.mark.parametrize("text", EVIL)
    def test_no_cell_is_a_formula(self, as_bob: Browser, people: Any, text: str) -> None:
        audit.record(Actor(people["alice"]), text, detail=text, instance=text)
        (row,) = csv_of(as_bob)
        assert row["event"] == row["detail"] == row["instance"] == f"'{text}"

    def test_texts_with_quotes_commas_and_lines_stay_whole(self, as_bob: Browser, people: Any) -> None:
        text = 'no "room",\non node4 Ελλάδα </script>'
        audit.record(Actor(people["alice"]), events.START, detail=text)
        assert csv_of(as_bob, "?kind=vms")[0]["detail"] == text
        (row,) = json_of(as_bob, "?kind=vms")
        assert row["detail"] == text

    def test_spreadsheets_know_the_csv_for_utf_8(self, as_bob: Browser, entries: None) -> None:
        response = as_bob.get("/history/export.csv")
        assert response.getvalue().startswith(b"\xef\xbb\xbftime,")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith('attachment; filename="history-')

    def test_json_has_an_entry_on_a_line(self, as_bob: Browser, entries: None) -> None:
        lines = as_bob.get("/history/export.json").getvalue().decode().splitlines()
        assert (lines[0], lines[-1]) == ("[", "]")
        assert all(json.loads(line.rstrip(",")) for line in lines[1:-1])


class TestStreaming:
    @pytest.mark.parametrize("count", [0, 9, 10, 11, 25])
    def test_entries_come_a_few_at_a_time_none_twice_and_none_left_out(
        self, people: Any, count: int, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(export, "AT_A_TIME", 10)
        names = [("north", f"vm{number}.example.org") for number in range(count)]
        audit.record_many(Actor(people["dora"]), events.START, names)
        AuditEntry.objects.update(recorded="2026-11-20T10:00:00Z")  # all at once: their numbers tell them apart
        found = AuditEntry.objects.order_by("-recorded", "-pk")
        with django_assert_num_queries(count // 10 + 1):
            rows = list(export.Rows(found, people["dora"], True, datetime.UTC))
        assert [row["instance"] for row in rows] == [name for _, name in reversed(names)]

    def test_nothing_is_read_before_somebody_takes_it(self, as_bob: Browser, entries: None) -> None:
        response = as_bob.get("/history/export.json")
        assert isinstance(response, StreamingHttpResponse)
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in response.headers
        assert taken().outcome == AuditEntry.Outcome.UNKNOWN

    def test_packets_are_no_larger_than_they_need_be(self) -> None:
        packets = list(export.in_packets(iter(["x" * 10] * 10), size=25))
        assert [len(packet) for packet in packets] == [30, 30, 30, 10]


class TestTheLog:
    def test_says_who_took_how_much_with_which_filters(self, as_bob: Browser, entries: None, people: Any) -> None:
        csv_of(as_bob, "?kind=vms&q=web")
        entry = taken()
        assert (entry.requester, entry.outcome) == (people["bob"], AuditEntry.Outcome.SUCCEEDED)
        assert entry.detail == "CSV, q: web, kind: vms, days: 10; entries: 2"

    def test_says_when_whoever_took_it_went_away(
        self, as_bob: Browser, entries: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export, "in_packets", lambda lines: lines)  # the file is longer than what was taken
        response = as_bob.get("/history/export.json")
        next(iter(response.streaming_content))
        monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)  # it holds this test's rows
        response.close()
        assert taken().outcome == AuditEntry.Outcome.CANCELED

    def test_says_that_it_failed_when_the_database_dies_half_way_and_the_file_is_not_whole(
        self, as_bob: Browser, entries: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = export.Rows.__iter__

        def dying(rows: export.Rows) -> Iterator[Any]:
            yield from list(whole(rows))[:2]
            raise OperationalError("gone")

        monkeypatch.setattr(export.Rows, "__iter__", dying)
        response = as_bob.get("/history/export.json")
        pieces: list[bytes] = []
        with pytest.raises(OperationalError):
            pieces.extend(response.streaming_content)
        assert b"]" not in b"".join(pieces)
        assert taken().outcome == AuditEntry.Outcome.FAILED
