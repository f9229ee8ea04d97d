"""The settings of the tests: the defaults and nothing of the machine's own site file."""

import os
import tempfile
from pathlib import Path

os.environ["GANETIMGR_SETTINGS"] = str(Path(__file__).with_name("site_settings.py"))
os.environ.setdefault("GANETIMGR_TEST_VAR", tempfile.mkdtemp(prefix="ganetimgr-tests-"))

from ganetimgr.settings import *  # noqa: F403
