"""Where the web workers of this machine count together, so that whichever is asked knows what all of them did.

prometheus_client reads the place from the environment when it is imported first; so this comes before, and imports
nothing of it. Each web server (gunicorn's arbiter) has a directory of its own, named by its process id: what workers
counted that have gone still counts, and a server that begins anew begins at zero, as Prometheus expects. No hook of
gunicorn's is needed, so it holds with any configuration.
"""

import contextlib
import logging
import os
import shutil
import sys
from pathlib import Path

from django.conf import settings

PLACE = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name

log = logging.getLogger(__name__)


def share() -> None:
    """Called once by each worker. Where nothing can be written each of them counts for itself, and the log says so."""
    if os.environ.get(PLACE) or "prometheus_client" in sys.modules:
        return  # somebody else has decided: too late under "manage.py runserver", which is one process anyway
    servers = Path(settings.VAR_DIR) / "metrics"
    ours = servers / str(os.getppid())
    try:
        ours.mkdir(parents=True, exist_ok=True)
        remove_those_that_ended(servers)
    except OSError as error:
        log.warning("Each web worker counts its requests for itself: %s", error)
        return
    os.environ[PLACE] = str(ours)


def remove_those_that_ended(servers: Path) -> None:
    for directory in servers.iterdir():
        if directory.name.isdigit() and not _is_alive(int(directory.name)):
            shutil.rmtree(directory, ignore_errors=True)  # another worker may be at it


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(PermissionError):  # there is one, of somebody else
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
