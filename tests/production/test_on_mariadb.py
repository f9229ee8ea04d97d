"""The database of production: what MariaDB does otherwise than SQLite unless it is told, and our tests on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.servers import MariaDb

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parent.parent.parent
# All that has to do with rows: jobs, leases, the audit log, sign-in, who may do what; and what is special to this
# database. Pages' words and the way to Ganeti are the same on any.
ON_MARIADB = [
    "tests/clusters/test_following.py",
    "tests/clusters/test_leases.py",
    "tests/clusters/test_power.py",
    "tests/clusters/test_secrets.py",
    "tests/clusters/test_watcher.py",
    "tests/audit",
    "tests/accounts",
    "tests/production/on_mariadb.py",
]


@pytest.mark.parametrize("driver", ["pymysql", "mysqlclient"])
def test_what_has_to_do_with_rows_passes_on_mariadb(driver: str, mariadb: MariaDb, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GANETIMGR_TEST_DATABASE": json.dumps(mariadb.settings()),
        "GANETIMGR_TEST_DRIVER": driver,
        "GANETIMGR_TEST_VAR": str(tmp_path),
        "PYTEST_ADDOPTS": "-p tests.plugins.no_skips",
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--create-db"]
    done = subprocess.run(
        [*command, "--ds", "tests.production.settings", *ON_MARIADB],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
