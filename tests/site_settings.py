"""A site file as an operator would write one, for tests."""

import os
from pathlib import Path

VAR_DIR = Path(os.environ["GANETIMGR_TEST_VAR"])
SECRET_KEY = "for tests only, never for a site that people use"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SHOW_PATTERNS = True
TIME_ZONE = "UTC"
WHITENOISE_AUTOREFRESH = True  # each client of a test would look through all static files when it begins
BRANDING = {"TITLE": "Example VPS"}
