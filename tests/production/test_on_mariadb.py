"""The database of production: what MariaDB does otherwise than SQLite unless it is told, and our tests on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.servers import MariaDb

# It runs the tests of others, and many: a second try would cost minutes and tell nothing new.
pytestmark = [pytest.mark.services, pytest.mark.flaky(reruns=0)]

ROOT = Path(__file__).resolve().parent.parent.parent
# What has to do with rows: jobs, leases, the audit log, secrets. Web and watcher run on PyMySQL, hence the pages, too.
ROWS = [f"tests/clusters/test_{name}.py" for name in ("following", "leases", "secrets", "steps")]
PAGES = ["tests/clusters/test_power.py", "tests/clusters/test_bulk.py", "tests/audit"]
# Of the accounts those that race for rows or search them
ACCOUNTS = [
    f"tests/accounts/test_{name}.py"
    for name in (
        "email_change",
        "locks_of_accounts",
        "outbox",
        "password_reset",
        "registering",
        "sessions",
        "usernames",
    )
]
SPECIAL = ["tests/production/on_mariadb.py", "tests/production/adopted_on_mariadb.py"]


@pytest.mark.parametrize(("driver", "tests"), [("pymysql", [*ROWS, *PAGES, *ACCOUNTS]), ("mysqlclient", ROWS[:2])])
def test_what_has_to_do_with_rows_passes_on_mariadb(
    driver: str, tests: list[str], mariadb: MariaDb, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "GANETIMGR_TEST_DATABASE": json.dumps(mariadb.settings()),
        "GANETIMGR_TEST_DRIVER": driver,
        "GANETIMGR_TEST_VAR": str(tmp_path),
        "PYTEST_ADDOPTS": "-p tests.plugins.no_skips",
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--create-db"]
    command += ["-m", "not services and not browser"]
    done = subprocess.run(
        [*command, "--ds", "tests.production.settings", *SPECIAL, *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
