"""The database in one file, and back: what a deployment does before it changes anything.

Passwords go to the database's programs in an option file that only its owner can read, never on a command line, where
everybody on the machine could.
"""

import contextlib
import gzip
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Database = dict[str, Any]

LAST_WORDS = b"-- Dump completed"
DUMP = ("mariadb-dump", "mysqldump")
CLIENT = ("mariadb", "mysql")
# A consistent look at InnoDB's tables without keeping anybody waiting; binary values survive whatever reads the file.
DUMP_OPTIONS = ("--single-transaction", "--quick", "--hex-blob", "--no-tablespaces", "--default-character-set=utf8mb4")


class BackupError(Exception):
    """Says in a sentence why there is no backup, or why it was not restored."""


def ending(database: Database) -> str:
    """What names of backup files end with."""
    return ".sqlite3" if is_sqlite(database) else ".sql.gz"


def is_sqlite(database: Database) -> bool:
    engine = str(database.get("ENGINE", ""))
    if engine.endswith("sqlite3"):
        return True
    if engine.endswith("mysql"):
        return False
    raise BackupError(f"{engine} is no database that this knows to back up: SQLite, MariaDB and MySQL.")


def back_up(database: Database, target: Path) -> int:
    """Writes the whole database to `target`, which appears when it is complete; its size in bytes."""
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if is_sqlite(database):
            _copy_sqlite(Path(database["NAME"]), part)
            _assert_it_is_a_database(part)
        else:
            _dump(database, part)
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def restore(database: Database, source: Path) -> None:
    """Makes the database what it was when `source` was written; what came after is lost."""
    if not source.is_file():
        raise BackupError(f"There is no {source}.")
    if is_sqlite(database):
        _assert_it_is_a_database(source)
        _copy_sqlite(source, Path(database["NAME"]))
    else:
        _assert_it_is_complete(source)
        _empty(database)
        _play(database, source)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


# ---- SQLite ---------------------------------------------------------------------------------------------


def _copy_sqlite(source: Path, target: Path) -> None:
    """As SQLite itself copies: also what still is in the journal, and while others read."""
    if not source.is_file():
        raise BackupError(f"There is no {source}.")
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(target)) as other:
        try:
            one.backup(other)
        except sqlite3.Error as error:
            raise BackupError(f"{source} could not be copied to {target}: {error}.") from error


def _assert_it_is_a_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        try:
            sound = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = database.execute("SELECT COUNT(*) FROM django_migrations").fetchone()[0]
        except sqlite3.Error as error:
            raise BackupError(f"{path} is no database of ganetimgr's: {error}.") from error
    if not sound or not rows:
        raise BackupError(f"{path} is damaged or empty.")


# ---- MariaDB and MySQL -----------------------------------------------------------------------------------


def _dump(database: Database, target: Path) -> None:
    with _options(database) as options, gzip.open(target, "wb", compresslevel=6) as file:
        command = [_program(DUMP), f"--defaults-extra-file={options}", *DUMP_OPTIONS, str(database["NAME"])]
        # What it complains about waits in a file: a pipe that nobody empties meanwhile would hold it up.
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as dump,
        ):
            assert dump.stdout is not None
            shutil.copyfileobj(dump.stdout, file, 1 << 20)
            returncode = dump.wait()
            complaints.seek(0)
            complaint = complaints.read().decode(errors="replace").strip()
    if returncode:
        raise BackupError(f"{command[0]} ended with {returncode}: {complaint}")
    _assert_it_is_complete(target)


def _assert_it_is_complete(path: Path) -> None:
    end, tables = b"", 0
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                tables += line.startswith(b"CREATE TABLE")
                end = line if line.strip() else end
    except (OSError, EOFError) as error:
        raise BackupError(f"{path} cannot be read: {error}.") from error
    if not end.startswith(LAST_WORDS):
        raise BackupError(f"{path} is not complete: its last line is not “{LAST_WORDS.decode()}”.")
    if not tables:
        raise BackupError(f"{path} holds no table.")


def _empty(database: Database) -> None:
    """Drops every table: those that came after the backup are not in it, and would stay."""
    names = _ask(
        database, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    ).splitlines()
    drops = "".join(f"DROP TABLE IF EXISTS `{name}`;" for name in names)
    _ask(database, f"SET FOREIGN_KEY_CHECKS = 0; {drops}")


def _ask(database: Database, statements: str) -> str:
    return _run(database, statements.encode())


def _play(database: Database, source: Path) -> None:
    with tempfile.TemporaryFile() as plain:
        with gzip.open(source, "rb") as file:
            shutil.copyfileobj(file, plain, 1 << 20)
        plain.seek(0)
        _run(database, plain)


def _run(database: Database, fed: Any) -> str:
    """What the client prints for these statements, which are bytes or a file."""
    given: dict[str, Any] = {"input": fed} if isinstance(fed, bytes) else {"stdin": fed}
    with _options(database) as options:
        command = [_program(CLIENT), f"--defaults-extra-file={options}", "--batch", "--skip-column-names"]
        command += ["--default-character-set=utf8mb4", str(database["NAME"])]
        done = subprocess.run(command, capture_output=True, check=False, **given)
    if done.returncode:
        raise BackupError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def _program(names: tuple[str, ...]) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    raise BackupError(f"There is no {names[0]}. As root: apt-get install mariadb-client")


@contextlib.contextmanager
def _options(database: Database) -> Iterator[Path]:
    """An option file with all that the programs need to get in, for its owner only, gone at the end."""
    host = str(database.get("HOST") or "")
    tls = (database.get("OPTIONS") or {}).get("ssl") or {}
    values = {
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
        "socket" if host.startswith("/") else "host": host,
        "port": database.get("PORT"),
        "ssl-ca": tls.get("ca"),
        "ssl-cert": tls.get("cert"),
        "ssl-key": tls.get("key"),
    }
    lines = [f"{name}={_quoted(str(value))}" for name, value in values.items() if value]
    descriptor, name = tempfile.mkstemp(prefix="ganetimgr-", suffix=".cnf")  # mode 600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(["[client]", *lines, ""]))
        yield Path(name)
    finally:
        Path(name).unlink()


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
