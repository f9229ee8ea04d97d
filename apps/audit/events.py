"""The events of the audit log, by the names that are stored, with the words that people read.

The stored names are those of ganetimgr 2.x, so that an adopted log reads on without a break.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

START = "Start"
SHUTDOWN = "Shutdown"
REBOOT = "Reboot"

WORDS: dict[str, str | Promise] = {
    START: _("Start"),
    SHUTDOWN: _("Shut down"),
    REBOOT: _("Reboot"),
}


def words(action: str) -> str | Promise:
    """What people read for a stored action; texts of other origin stand for themselves."""
    return WORDS.get(action, action)
