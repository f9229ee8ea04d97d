"""The site file of `make demo`: like any site's, with its state in var/demo and nothing that a real site would keep.

The key is generated at the first start (var/demo/secret-key). Mails do not leave this machine: each batch becomes a
file in var/demo/mail. Without DEMO the command `demo` refuses to run, so that its people never get into a real site's
database.
"""

import os

DEMO = True
VAR_DIR = BASE_DIR / "var" / "demo"  # noqa: F821  (the defaults are there when this file is read)
SHOW_PATTERNS = True
FLATPAGES = {"INFO": True, "TOS": True, "FAQ": True}
INVENTORY_INTERVAL = 5  # the simulated clusters cost nothing
INVENTORY_INTERVAL_WATCHED = 2
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
SITE_URL = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
if os.environ.get("GRAPHER_PORT"):  # of the grapher that `demo` starts beside the simulated clusters
    COLLECTD_URL = f"http://127.0.0.1:{os.environ['GRAPHER_PORT']}"
CONSOLE_PORT = int(os.environ.get("CONSOLE_PORT") or 8089)
CONSOLE_URL = f"ws://{{host}}:{CONSOLE_PORT}"  # there is no web server in front that could pass it on
OAUTH_ENABLED = OAUTH_EVERYBODY_REGISTERS = True
ADMINS = MANAGERS = [("Dora", "dora@example.org")]

# Systems that the simulated clusters have: those of snf-image are on north and south, the other one is on east.
_INTO_ROOT = {"ssh_key_users": "root"}
OPERATING_SYSTEMS = {
    "none": {"description": "No operating system", "provider": "noop"},
    **{
        name: {
            "description": description,
            "provider": "snf-image+default",
            "osparams": {"img_id": name, "img_format": "diskdump"},
            **_INTO_ROOT,
        }
        for name, description in {
            "debian-12": "Debian 12",
            "debian-13": "Debian 13",
            "ubuntu-24.04": "Ubuntu 24.04 LTS",
            "rocky-9": "Rocky Linux 9",
        }.items()
    },
    "debian-12-xen": {
        "description": "Debian 12 for Xen (East)",
        "provider": "image+default",
        "osparams": {"img_id": "debian-12-xen", "img_format": "tarball"},
        "ssh_key_param": "img_ssh_key_url",
    },
    "windows-server-2022": {
        "description": "Windows Server 2022 (North)",
        "provider": "snf-image+windows",
        "osparams": {"img_id": "windows-server-2022", "img_format": "diskdump", "img_passwd": "shown to nobody"},
    },
    "broken": {
        "description": "A broken image, whose installation fails",
        "provider": "snf-image+default",
        "osparams": {"img_id": "broken", "testbed_fail": "the archive is damaged"},
    },
}
