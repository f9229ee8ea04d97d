"""The site file of `make demo`: like any site's, with its state in var/demo and nothing that a real site would keep.

The key is generated at the first start (var/demo/secret-key). Mails do not leave this machine: each batch becomes a
file in var/demo/mail. Without DEMO the command `demo` refuses to run, so that its people never get into a real site's
database.
"""

import os

DEMO = True
VAR_DIR = BASE_DIR / "var" / "demo"  # noqa: F821  (the defaults are there when this file is read)
SHOW_PATTERNS = True
INVENTORY_INTERVAL = 5  # the simulated clusters cost nothing
INVENTORY_INTERVAL_WATCHED = 2
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
SITE_URL = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
ADMINS = MANAGERS = [("Dora", "dora@example.org")]
