"""The history as a file, CSV or JSON, of any length in little memory.

The entries are read a few at a time, each time those before the last one, and go out as they come. `.iterator()`
would not do: what speaks to MariaDB keeps the whole result in memory, and on SQLite and PostgreSQL a slow reader would
hold a statement open. So between two reads nothing is held, and other green threads go on.

When the database dies half-way, or this process is asked to end, the answer breaks off: the connection is closed
without the end that HTTP has for such answers, so that browsers and scripts tell of a failed download; a JSON file
lacks its closing bracket besides. Nothing is tried anew and nothing is made up. The log then says that it failed, and
after how many entries; while the database is away it cannot say so, and goes on saying that the end is not known.
"""

import csv
import datetime
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import Q

from apps.audit import events, models
from apps.audit.models import Actor, AuditEntry, AuditEntryQuerySet
from apps.audit.shown import ShownEntry

AT_A_TIME = 1000
COLUMNS = (
    *("time", "user", "event", "cluster", "instance", "concerns", "application", "job", "outcome", "allowed"),
    *("detail", "address", "request", "ended"),
)
# Spreadsheet programs would calculate what begins so
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
# Without it spreadsheet programs take the file for one of their country's old encodings, and names are Greek here
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"

log = logging.getLogger(__name__)

Row = dict[str, Any]


class Rows:
    """The entries as objects of a file, newest first; `count` are those that were read."""

    def __init__(self, entries: AuditEntryQuerySet, reader: Any, sees_everything: bool, zone: datetime.tzinfo) -> None:
        self._entries, self._reader, self._sees_everything, self._zone = entries, reader, sees_everything, zone
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        some = list(self._entries[:AT_A_TIME])
        while some:
            for entry in some:
                yield self._row(entry)
                self.count += 1
            some = list(_before(self._entries, some[-1])[:AT_A_TIME]) if len(some) == AT_A_TIME else []

    def _row(self, entry: AuditEntry) -> Row:
        """With the stored names of event and outcome, which are the same in every language and version."""
        shown = ShownEntry(entry, self._reader, self._sees_everything)
        is_over = entry.outcome != AuditEntry.Outcome.PENDING
        return {
            "time": self._moment(entry.recorded),
            "user": entry.requester_name,
            "event": entry.action,
            "cluster": entry.cluster,
            "instance": entry.instance,
            "concerns": entry.person,
            "application": entry.application,
            "job": entry.job_id,
            "outcome": entry.outcome,
            "allowed": entry.is_authorized,
            "detail": entry.detail,
            "address": shown.address,
            "request": shown.request_id,
            "ended": self._moment(entry.last_updated) if is_over else "",
        }

    def _moment(self, moment: datetime.datetime) -> str:
        return moment.astimezone(self._zone).isoformat(timespec="seconds")


def _before(entries: AuditEntryQuerySet, last: AuditEntry) -> AuditEntryQuerySet:
    """Those that come after `last` in a list with the newest on top."""
    earlier = Q(recorded__lt=last.recorded) | Q(recorded=last.recorded, pk__lt=last.pk)
    return entries.filter(earlier, recorded__lte=last.recorded)  # the second for databases that see no range in an OR


# ---- formats ----------------------------------------------------------------------------------------------


class _Echo:
    """A file for csv.writer that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Rows) -> Iterator[str]:
    """A line with the names of the columns, and one for each entry."""
    writer: Any = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([cell(row[name]) for name in COLUMNS])


def cell(value: Any) -> str:
    """`value` as spreadsheet programs show it and never calculate it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if text.startswith(FORMULAS) else text


def json_lines(rows: Rows) -> Iterator[str]:
    """An array, one entry on a line."""
    yield "["
    separator = "\n"
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n"


@dataclass(frozen=True)
class Format:
    ending: str
    content_type: str
    lines: Callable[[Rows], Iterator[str]]


CSV = Format("csv", "text/csv; charset=utf-8", csv_lines)
JSON = Format("json", "application/json", json_lines)


# ---- who took what ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taking:
    """The entry that says who took the history; how much it was, once that is known."""

    entry: AuditEntry
    told: str

    @classmethod
    def begun(cls, by: Actor, file: Format, filters: str) -> "Taking":
        """Its end is not known at first, and never will be if this process is killed."""
        told = f"{file.ending.upper()}, {filters or 'everything'}"
        unknown = AuditEntry.Outcome.UNKNOWN
        return cls(models.record(by, events.HISTORY_TAKEN, detail=told, outcome=unknown), told)

    def watched(self, rows: Rows, lines: Iterator[str]) -> Iterator[str]:
        """The lines in packets; when they end, however they do, the log says how many entries have gone."""
        outcome = AuditEntry.Outcome.FAILED
        try:
            yield from in_packets(lines)
            outcome = AuditEntry.Outcome.SUCCEEDED
        except GeneratorExit:  # whoever took it went away
            outcome = AuditEntry.Outcome.CANCELED
            raise
        except Exception:
            log.warning("A file with the history broke off after %s entries.", rows.count)
            raise
        finally:
            with suppress(DatabaseError):
                models.conclude(self.entry.pk, outcome, f"{self.told}; entries: {rows.count}")


def in_packets(lines: Iterator[str], size: int = 32_768) -> Iterator[str]:
    """The same text in pieces of a size that networks like."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield "".join(held)
            held, length = [], 0
    if held:
        yield "".join(held)
