"""The settings of the tests: the defaults and nothing of the machine's own site file."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ["GANETIMGR_SETTINGS"] = str(Path(__file__).with_name("site_settings.py"))
if "GANETIMGR_TEST_VAR" not in os.environ:  # else a process that this one came from has made it, and removes it
    os.environ["GANETIMGR_TEST_VAR"] = tempfile.mkdtemp(prefix="ganetimgr-tests-")
    atexit.register(shutil.rmtree, os.environ["GANETIMGR_TEST_VAR"], ignore_errors=True)

from ganetimgr.settings import *  # noqa: F403
