"""The database of a ganetimgr 2.x, read only, by plain SQL: no model of ours knows its tables.

It may be old or new, lack tables and columns, and hold what no table should: texts in two encodings, times that are
none. A `Row` answers with something usable or says that there is nothing; what had to be mended is counted.
"""

import datetime
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

BATCH = 2000
_HOLES = {code: chr(code) for code in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}  # MySQL's latin1 is cp1252 without its holes
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?")
LONGEST_TEXT = 2**20  # characters of one value

MENDED = "double-encoded text was mended"
LATIN = "text that is no UTF-8 was read as Latin-1"
NO_TIME = "what is no date was left empty"
NAIVE = "times without a zone were read"
TWICE = "times of the hour that a clock change repeats were taken for the first of the two"
NEVER = "times that a clock change skipped were moved by an hour"
CUT = "texts beyond a million characters were cut"


class Unreadable(Exception):
    """The database cannot be read; says why in a sentence."""


class Reader(Protocol):
    """What SQLite and MySQL have in common here."""

    name: str

    def tables(self) -> dict[str, list[str]]: ...

    def fetch(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]: ...

    def close(self) -> None: ...


# ---- the two kinds -----------------------------------------------------------------------------------------


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        if not path.is_file():
            raise Unreadable(f"There is no file {path}.")
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self._connection.text_factory = bytes  # some of it may be no UTF-8
        self._connection.execute("BEGIN")  # all of it as it is at one moment

    def tables(self) -> dict[str, list[str]]:
        named = self.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name.decode() for (name,) in named if not name.startswith(b"sqlite_")]
        return {name: [row[1].decode() for row in self.fetch(f"PRAGMA table_info(`{name}`)")] for name in names}

    def fetch(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql.replace("%s", "?"), values).fetchall()
        except sqlite3.Error as error:
            raise Unreadable(f"{self.name} cannot be read: {error}.") from error

    def close(self) -> None:
        self._connection.close()


class _Mysql:
    def __init__(self, **how: Any) -> None:
        import pymysql
        from pymysql.constants import FIELD_TYPE
        from pymysql.converters import conversions

        # Dates as they are written there: 0000-00-00 is no datetime
        dates = (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE)
        decoders = {key: value for key, value in conversions.items() if key not in dates}
        self._error = pymysql.Error
        self.name = f"{how['database']} at {how.get('unix_socket') or how['host']}"
        try:
            self._connection = pymysql.connect(**how, conv=decoders, connect_timeout=20)
        except (pymysql.Error, OSError, LookupError) as error:
            raise Unreadable(f"{self.name} does not let us in: {_words(error)}.") from error
        self.fetch("START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def tables(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        asked = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        for table, column in self.fetch(f"{asked} ORDER BY table_name, ordinal_position"):
            found.setdefault(str(table), []).append(str(column))
        return found

    def fetch(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall())
        except self._error as error:
            raise Unreadable(
                f"{self.name} cannot be read: {_words(error)}. What came so far stays; run it again."
            ) from error

    def close(self) -> None:
        self._connection.close()


def _words(error: Exception) -> str:
    return str(error.args[-1] if error.args else error)


def opened(url: str, password: str = "") -> Reader:
    """The reader for mysql://user:password@host:port/name?charset=utf8mb4, or sqlite:///path. Raises Unreadable."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _Sqlite(_path(unquote(parts.path)))
    if parts.scheme.partition("+")[0] not in ("mysql", "mariadb"):
        raise Unreadable(
            "The address has to begin with mysql:// or sqlite:///. A ganetimgr on PostgreSQL is brought by way of"
            " MySQL or SQLite, such as with pgloader's or db-to-sqlite's help."
        )
    more = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = set(more) - {"charset", "socket", "ssl_ca"}
    name = unquote(parts.path.strip("/"))
    if unknown or not name:
        raise Unreadable("The form is mysql://USER@HOST:PORT/NAME?charset=utf8mb4&socket=/PATH&ssl_ca=/PATH.")
    try:
        port = parts.port or 3306
    except ValueError as error:
        raise Unreadable("The port in the address is no number.") from error
    how: dict[str, Any] = {
        "host": unquote(parts.hostname or "localhost"),
        "port": port,
        "user": unquote(parts.username or ""),
        "password": password or unquote(parts.password or ""),
        "database": name,
        "charset": more.get("charset", "utf8mb4"),
    }
    if "socket" in more:
        how["unix_socket"] = more["socket"]
    if "ssl_ca" in more:
        how["ssl"] = {"ca": more["ssl_ca"]}
    return _Mysql(**how)


def _path(written: str) -> Path:
    """sqlite:///srv/old.db is /srv/old.db, or srv/old.db where only that is there; sqlite:////srv/old.db is plain."""
    absolute = Path("/" + written.lstrip("/"))
    relative = Path(written.lstrip("/"))
    return relative if relative.is_file() and not absolute.is_file() else absolute


# ---- what is in it -----------------------------------------------------------------------------------------


class Source:
    """The old database. `zone` is that of its times, which say none."""

    def __init__(self, reader: Reader, zone: ZoneInfo) -> None:
        self.reader = reader
        self.zone = zone
        self.tables = reader.tables()
        self.oddities: Counter[tuple[str, str]] = Counter()  # (what, table.column)

    def has(self, table: str) -> bool:
        return table in self.tables

    def count(self, table: str) -> int:
        return int(self.reader.fetch(f"SELECT COUNT(*) FROM `{table}`")[0][0]) if self.has(table) else 0  # noqa: S608

    def rows(self, table: str) -> Iterator["Row"]:
        """All rows in the order of their numbers; none where there is no such table."""
        for batch in self.batches(table):
            yield from batch

    def batches(self, table: str, size: int = BATCH) -> Iterator[list["Row"]]:
        """The same in lists, each a query of its own: nothing is kept open while we write."""
        if not self.has(table):
            return
        columns = self.tables[table]
        key = "id" if "id" in columns else columns[0]
        place = columns.index(key)
        named = ", ".join(f"`{column}`" for column in columns)
        sql = f"SELECT {named} FROM `{table}`"  # noqa: S608  (names from the database's own catalogue)
        order = f"ORDER BY `{key}` LIMIT {size}"
        found = self.reader.fetch(f"{sql} {order}")
        while found:
            yield [Row(self, table, dict(zip(columns, values, strict=True))) for values in found]
            if len(found) < size:
                return
            found = self.reader.fetch(f"{sql} WHERE `{key}` > %s {order}", (found[-1][place],))


class Row:
    """A row of the old database: each question has an answer, whatever is in the column, or if there is none."""

    def __init__(self, source: Source, table: str, values: dict[str, Any]) -> None:
        self._source = source
        self._table = table
        self._values = values

    @property
    def id(self) -> int:
        return self.number("id") or 0

    def has(self, column: str) -> bool:
        return column in self._values

    def text(self, column: str) -> str:
        """Empty for NULL and for columns that are not there."""
        value = self._values.get(column)
        if value is None:
            return ""
        text = self._decoded(value, column) if isinstance(value, bytes | bytearray) else str(value)
        mended = without_double_encoding(text)
        if mended != text:
            self._odd(MENDED, column)
        if len(mended) > LONGEST_TEXT:
            self._odd(CUT, column)
        return mended[:LONGEST_TEXT].replace("\0", "")

    def number(self, column: str) -> int | None:
        value = self._values.get(column)
        if isinstance(value, int):
            return int(value)
        digits = self.text(column).strip()
        return int(digits) if re.fullmatch(r"-?[0-9]{1,18}", digits) else None

    def flag(self, column: str, default: bool = False) -> bool:
        value = self._values.get(column)
        if value is None:
            return default
        if isinstance(value, int):
            return bool(value)
        return self.text(column).strip().lower() in ("1", "t", "true", "y", "yes", "on", "\x01")

    def moment(self, column: str) -> datetime.datetime | None:
        """A time with its zone; None for NULL and for what is no time, such as 0000-00-00."""
        written = self.text(column).strip()
        if not written:
            return None
        found = _MOMENT.fullmatch(written)
        try:
            if found is None:
                raise ValueError
            return self._moment(found, column)
        except (ValueError, OverflowError):
            self._odd(NO_TIME, column)
            return None

    def _moment(self, found: re.Match[str], column: str) -> datetime.datetime:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        naive = datetime.datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")))
        if found[8]:
            zone = datetime.datetime.strptime(found[8].replace("Z", "+0000"), "%z").tzinfo
            return naive.replace(tzinfo=zone).astimezone(datetime.UTC)
        self._odd(NAIVE, column)
        first, other = (naive.replace(tzinfo=self._source.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != other.utcoffset():
            is_repeated = (first.utcoffset() or datetime.timedelta()) > (other.utcoffset() or datetime.timedelta())
            self._odd(TWICE if is_repeated else NEVER, column)
        return first.astimezone(datetime.UTC)

    def _decoded(self, value: bytes | bytearray, column: str) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            self._odd(LATIN, column)
            return _latin_text(bytes(value))

    def _odd(self, what: str, column: str) -> None:
        self._source.oddities[what, f"{self._table}.{column}"] += 1


def without_double_encoding(text: str) -> str:
    """UTF-8 that went through a Latin-1 connection reads "Î‘" for "Α"; what reads so comes back as it was typed."""
    if text.isascii():
        return text
    try:
        return _latin_bytes(text).decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _latin_bytes(text: str) -> bytes:
    """The bytes that MySQL's latin1 keeps for these characters."""
    return b"".join(bytes([ord(char)]) if ord(char) in _HOLES else char.encode("cp1252") for char in text)


def _latin_text(value: bytes) -> str:
    return "".join(_HOLES.get(code) or bytes([code]).decode("cp1252") for code in value)
