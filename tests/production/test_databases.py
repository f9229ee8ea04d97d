"""How a site's DATABASES become ours, and which driver speaks to MariaDB in which process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from ganetimgr import databases
from tests.plugins.servers import MariaDb
from tests.site.running import ROOT

MYSQL = {"ENGINE": "django.db.backends.mysql", "NAME": "ganetimgr", "CONN_MAX_AGE": 60}

WAYS: dict[str, dict[str, Any]] = {
    "nowhere said": {},
    "a name": {"HOST": "localhost"},
    "an address": {"HOST": "127.0.0.1"},
    "another address": {"HOST": "::1"},
    "a socket": {"HOST": "/run/mysqld/mysqld.sock"},
    "elsewhere": {"HOST": "db.example.org"},
    "here, with certificates": {"HOST": "127.0.0.1", "OPTIONS": {"ssl": {"ca": "/etc/ssl/ours.pem"}}},
    "with patience of its own": {"OPTIONS": {"read_timeout": 3}},
}

# In a process of its own: patching and drivers are for good. Prints what it would connect with, for each way.
LOOK = """
import json
{green}
from django.conf import settings
settings.configure(MYSQL_DRIVER={driver!r}, DATABASES={{}}, USE_TZ=True)
from django.db.utils import ConnectionHandler
from ganetimgr import databases
described = databases.complete({described!r})
connections = ConnectionHandler({{"default": {{}}, **described}})
params = {{way: connections[way].get_connection_params() for way in described}}
import MySQLdb
names = ("charset", "ssl_disabled", "read_timeout", "connect_timeout")
shown = {{way: {{name: found.get(name) for name in names}} for way, found in params.items()}}
ages = {{way: described[way].get("CONN_MAX_AGE") for way in described}}
print(json.dumps({{"driver": MySQLdb.__name__, "ages": ages, **shown}}))
"""


def process(*, green: bool, driver: str = "auto") -> Any:
    described = {way: {**MYSQL, **more} for way, more in WAYS.items()}
    script = LOOK.format(green="import ganetimgr.green" if green else "", driver=driver, described=described)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def web() -> Any:
    return process(green=True)


@pytest.fixture(scope="module")
def command() -> Any:
    return process(green=False, driver="pymysql")


class TestTheDriver:
    def test_of_web_and_watcher_is_pymysql_which_yields_to_others(self, web: Any) -> None:
        assert web["driver"] == "pymysql"

    @pytest.mark.services
    def test_of_commands_is_mysqlclient_where_it_is_installed(self) -> None:
        assert process(green=False)["driver"] == "MySQLdb"

    def test_can_be_chosen(self, command: Any) -> None:
        assert command["driver"] == "pymysql"

    def test_of_commands_is_pymysql_where_there_is_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "MySQLdb", None)
        installed = []
        monkeypatch.setattr("pymysql.install_as_MySQLdb", lambda: installed.append(True))
        assert databases.install_mysql_driver("auto") == "pymysql"
        assert installed

    def test_that_is_wanted_and_missing_is_an_error_that_says_where_to_look(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "MySQLdb", None)
        with pytest.raises(ImproperlyConfigured, match=r"requirements/mysql\.txt"):
            databases.install_mysql_driver("mysqlclient")

    def test_that_nobody_knows_is_an_error_that_names_the_others(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="auto, pymysql, mysqlclient"):
            databases.install_mysql_driver("oracle")


class TestConnections:
    def test_are_not_kept_under_green_threads_whatever_the_site_says(self, web: Any, command: Any) -> None:
        assert web["ages"]["elsewhere"] == 0
        assert command["ages"]["elsewhere"] == 60

    def test_on_this_machine_are_not_encrypted(self, web: Any) -> None:
        for way in ("nowhere said", "a name", "an address", "another address", "a socket"):
            assert web[way]["ssl_disabled"] is True, way

    def test_elsewhere_or_where_the_site_gives_certificates_are_not_meddled_with(self, web: Any) -> None:
        assert web["elsewhere"]["ssl_disabled"] is None
        assert web["here, with certificates"]["ssl_disabled"] is None

    def test_wait_for_a_silent_server_no_longer_than_people_would(self, web: Any, command: Any) -> None:
        found = web["elsewhere"]
        assert (found["connect_timeout"], found["read_timeout"], found["charset"]) == (5, 15, "utf8mb4")
        assert web["with patience of its own"]["read_timeout"] == 3
        assert command["elsewhere"]["read_timeout"] is None, "a migration may take its time"


TWO_AT_ONCE = """
import ganetimgr.green, gevent, django, json
django.setup()
from django.db import connection, transaction
def change(pause):
    with connection.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 2")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_site_of_tests SET number = number + 1")
        gevent.sleep(pause)
    connection.close()
both = [gevent.spawn(change, 0.5), gevent.spawn_later(0.1, change, 0)]
gevent.joinall(both)
print(json.dumps([type(one.exception).__name__ for one in both]))
"""


@pytest.mark.services
@pytest.mark.parametrize(
    ("driver", "errors"), [("pymysql", ["NoneType", "NoneType"]), ("mysqlclient", ["NoneType", "OperationalError"])]
)
def test_two_green_threads_change_one_row_one_after_the_other(
    driver: str, errors: list[str], mariadb: MariaDb, tmp_path: Path
) -> None:
    """With mysqlclient the second would stop the first, for which it waits: why web and watcher do not use it."""
    mariadb.execute(
        "CREATE OR REPLACE TABLE django_site_of_tests (number INT) ENGINE=InnoDB",
        "INSERT INTO django_site_of_tests VALUES (0)",
        database="ganetimgr",
    )
    settings = tmp_path / "settings.py"
    settings.write_text(
        f"from pathlib import Path\nVAR_DIR = Path({str(tmp_path)!r})\n"
        f"MYSQL_DRIVER = {driver!r}\nDATABASES = {{'default': {mariadb.settings()!r}}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", TWO_AT_ONCE],
        cwd=ROOT,
        env={**os.environ, "GANETIMGR_SETTINGS": str(settings), "DJANGO_SETTINGS_MODULE": "ganetimgr.settings"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == errors, done.stderr
