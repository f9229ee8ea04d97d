"""contrib/deploy with this very checkout as the release: real gunicorn and watcher as the units start them, SQLite."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy.fake import ROOT, Fake
from tests.plugins.units import Units

pytestmark = pytest.mark.services
# What a checkout has beside the release; a tree without git's own files is one, too
NOT_SHIPPED = (".*", "var", "tests", "docs", "build", "staticfiles", "__pycache__", "node_modules")
PROCESSES = ["ganetimgr-web", "ganetimgr-watcher@1"]
MIGRATION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("notifications", "NEWEST")]
    operations = [migrations.CreateModel("Newer", [("id", models.AutoField(primary_key=True))])]
"""


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    """The checkout as v1, and as v2 with a new table, a new setting, and a gunicorn that does not start."""
    fake = Fake(tmp_path)
    shutil.copytree(ROOT, fake.repository, ignore=shutil.ignore_patterns(*NOT_SHIPPED), dirs_exist_ok=True)
    commit(fake, "v1")
    migrations = fake.repository / "apps" / "notifications" / "migrations"
    newest = max(path.stem for path in migrations.glob("[0-9]*.py"))
    (migrations / "9999_newer.py").write_text(MIGRATION.replace("NEWEST", newest))
    with (fake.repository / "settings.py.dist").open("a") as shown:
        shown.write("\n# NEWER_THAN_EVER = 7  # how new\n")
    (fake.repository / "contrib/gunicorn/ganetimgr.conf.py").write_text("raise SystemExit('it is broken')\n")
    commit(fake, "v2")

    units = Units(tmp_path / "units", fake.home / "current")
    (units.directory / "options.json").write_text(json.dumps({"ganetimgr-web": ["-b", f"127.0.0.1:{fake.port}"]}))
    control = [sys.executable, str(ROOT / "tests/plugins/units.py"), str(units.directory), str(units.root)]
    fake.write_site(control=" ".join(control), web=PROCESSES[:1], others=PROCESSES[1:], host="vps.example.org")
    (fake.home / "settings.py").write_text(
        'SECRET_KEY = "for tests only, never for a site that people use"\n'
        'ALLOWED_HOSTS = ["vps.example.org"]\nALOWED_HOSTS = []\n'
    )
    yield fake
    for name in PROCESSES:
        units.stop(name)


def commit(fake: Fake, tag: str) -> None:
    fake.git("add", "-A")
    fake.git("commit", "-qm", tag)
    fake.git("tag", tag)


def answer(fake: Fake) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{fake.port}/readyz", headers={"Host": "vps.example.org"}, timeout=30)


def tables(fake: Fake) -> set[str]:
    with sqlite3.connect(fake.home / "var" / "ganetimgr.sqlite3") as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_release_comes_up_and_a_broken_one_after_it_leaves_it_as_it_was(fake: Fake) -> None:
    said = fake.deployed("v1")
    assert "ALOWED_HOSTS (is ALLOWED_HOSTS meant?)" in said
    assert "v1 runs." in said
    assert answer(fake).status_code == 200
    database = fake.home / "var" / "ganetimgr.sqlite3"
    assert database.stat().st_mode & 0o77 == 0, "nobody else reads it"
    static = fake.home / "var" / "static" / "css" / "app.css"
    assert static.stat().st_mode & 0o44 == 0o44, "but the web server reads its files"
    with sqlite3.connect(database) as rows:
        rows.execute("INSERT INTO django_site (domain, name) VALUES ('vps.example.org', 'of a person')")

    code, said = fake.fab("deploy", "--tag", "v2")
    assert code == 1
    assert "it is broken" in said
    assert "NEWER_THAN_EVER = 7" in said, "what is new in settings.py.dist"
    assert "DEBUG" not in said.partition("New in settings.py.dist")[2].partition("\n   In your")[0], "and nothing else"
    assert "v1 runs, as before." in said
    assert fake.current == "v1"
    assert answer(fake).status_code == 200
    assert "notifications_newer" not in tables(fake)
    with sqlite3.connect(database) as rows:
        assert rows.execute("SELECT name FROM django_site WHERE domain = 'vps.example.org'").fetchall() == [
            ("of a person",)
        ]
    (backup,) = (fake.home / "backups").iterdir()
    assert backup.stat().st_mode & 0o77 == 0
