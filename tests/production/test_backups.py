"""manage.py back_up and restore on a real MariaDB; what nobody may see of it."""

import gzip
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganetimgr import backups
from tests.plugins.servers import MariaDb

pytestmark = pytest.mark.services
NASTY = "a \"pass\\word' with # and = and τόνους; \\n"


@pytest.fixture
def database(mariadb: MariaDb) -> dict[str, Any]:
    """A database with two tables and a row that is hard to carry, whose owner has a password that is, too."""
    mariadb.make_database("kept")
    mariadb.execute(
        "CREATE TABLE person (id INT PRIMARY KEY, name TEXT CHARACTER SET utf8mb4, secret BLOB)",
        "CREATE TABLE vm (id INT PRIMARY KEY, owner INT, FOREIGN KEY (owner) REFERENCES person (id))",
        "INSERT INTO person VALUES (1, 'Αλίκη 🙂 -- Dump completed', X'00FF27220A')",
        "INSERT INTO vm VALUES (1, 1)",
        "CREATE OR REPLACE USER nasty@'%'",
        database="kept",
    )
    mariadb.execute("SET PASSWORD FOR nasty@'%%' = PASSWORD(%s)", values=(NASTY,))
    mariadb.execute("GRANT ALL ON kept.* TO nasty@'%'")
    return {**mariadb.settings("kept"), "USER": "nasty", "PASSWORD": NASTY}


def test_what_was_there_comes_back_and_what_came_after_goes(
    mariadb: MariaDb, database: dict[str, Any], tmp_path: Path
) -> None:
    target = tmp_path / "backups" / "one.sql.gz"
    assert backups.back_up(database, target) == target.stat().st_size > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    mariadb.execute(
        "DELETE FROM vm", "UPDATE person SET name = 'gone'", "ALTER TABLE person ADD COLUMN newer INT",
        "CREATE TABLE newer (id INT PRIMARY KEY, owner INT, FOREIGN KEY (owner) REFERENCES person (id))",
        database="kept",
    )  # fmt: skip
    backups.restore(database, target)
    assert mariadb.execute("SELECT * FROM person", database="kept") == [
        (1, "Αλίκη 🙂 -- Dump completed", b"\x00\xff'\"\n")
    ]
    assert mariadb.execute("SELECT * FROM vm", database="kept") == [(1, 1)]
    assert {name for (name,) in mariadb.execute("SHOW TABLES", database="kept")} == {"person", "vm"}


def test_by_its_socket_too(mariadb: MariaDb, database: dict[str, Any], tmp_path: Path) -> None:
    by_socket = {**database, "HOST": mariadb.socket, "PORT": ""}
    assert backups.back_up(by_socket, tmp_path / "two.sql.gz") > 0


def test_the_password_is_on_no_command_line_and_in_no_file_afterwards(
    database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump program that tells what it was called with, and what its option file looks like."""
    log = tmp_path / "log"
    program = tmp_path / "mariadb-dump"
    program.write_text(f'#!/bin/sh\nf=${{1#*=}}; {{ echo "$@"; stat -c %a "$f"; cat "$f"; }} >{log}; exit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(backups.BackupError, match="ended with 3"):
        backups.back_up({**database, "PASSWORD": "Tr0ub4dor"}, tmp_path / "backups" / "three.sql.gz")
    command, mode, *options = log.read_text().splitlines()
    assert "Tr0ub4dor" not in command
    assert mode == "600"
    assert any(line.startswith("password=") and "Tr0ub4dor" in line for line in options)
    assert list(tmp_path.glob("*.cnf")) == []
    assert list((tmp_path / "backups").iterdir()) == [], "nor is half a backup left"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not complete"),
        ("CREATE TABLE `x` (\n", "is not complete"),
        ("-- Dump completed on 2026-01-01\n", "holds no table"),
    ],
)
def test_what_is_no_whole_backup_is_not_restored(
    content: str, sentence: str, mariadb: MariaDb, database: dict[str, Any], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.sql.gz"
    bad.write_bytes(gzip.compress(content.encode()))
    with pytest.raises(backups.BackupError, match=sentence):
        backups.restore(database, bad)
    assert mariadb.execute("SELECT COUNT(*) FROM vm", database="kept") == [(1,)], "and nothing was touched"


def test_the_commands_say_where_it_is_and_how_it_comes_back(tmp_path: Path) -> None:
    """On SQLite, as an operator calls them."""
    (tmp_path / "settings.py").write_text(f"from pathlib import Path\nVAR_DIR = Path({str(tmp_path / 'var')!r})\n")
    environment = {**os.environ, "GANETIMGR_SETTINGS": str(tmp_path / "settings.py")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(*words: str) -> "subprocess.CompletedProcess[str]":
        root = Path(__file__).resolve().parent.parent.parent
        command = [sys.executable, str(root / "manage.py"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    refused = manage("back_up", str(tmp_path / "early"))
    assert (refused.returncode, "There is no backup" in refused.stderr) == (1, True)
    assert manage("migrate", "-v0", "sites").returncode == 0
    done = manage("back_up", str(tmp_path / "kept"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/kept.sqlite3\n")
    assert f"manage.py restore {tmp_path}/kept.sqlite3" in done.stderr
    assert manage("migrate", "-v0", "flatpages").returncode == 0
    asked = manage("restore", f"{tmp_path}/kept.sqlite3")
    assert (asked.returncode, "--no-input" in asked.stderr) == (1, True)
    assert manage("restore", "--no-input", f"{tmp_path}/kept.sqlite3").returncode == 0
    assert "[X] 0001_initial" not in manage("showmigrations", "flatpages").stdout
