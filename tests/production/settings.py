"""The settings of the tests on the database that GANETIMGR_TEST_DATABASE describes in JSON."""

import json
import os

from ganetimgr import databases
from tests.settings import *  # noqa: F403

MYSQL_DRIVER = os.environ["GANETIMGR_TEST_DRIVER"]
DATABASES = databases.complete({"default": json.loads(os.environ["GANETIMGR_TEST_DATABASE"])})
