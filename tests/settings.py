"""The settings of the tests: the defaults and nothing of the machine's own site file."""

import os
import tempfile
from pathlib import Path

os.environ["GANETIMGR_SETTINGS"] = str(Path(__file__).with_name("site_settings.py"))
os.environ.setdefault("GANETIMGR_TEST_VAR", tempfile.mkdtemp(prefix="ganetimgr-tests-"))

from ganetimgr.settings import *  # noqa: F403

# A file, not memory: to a database in memory all threads of a live server have one connection, and two that use it at
# the same moment can take the whole process down. Nobody minds when it is lost.
_sqlite = DATABASES["default"]  # noqa: F405
_sqlite["TEST"] = {"NAME": str(Path(os.environ["GANETIMGR_TEST_VAR"]) / "tests.sqlite3")}
_sqlite["OPTIONS"] = {**_sqlite["OPTIONS"], "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"}
