"""Which errors mean that the database is out of reach: people get a sentence and a 503 then, not an error page."""

from django.db import InterfaceError, OperationalError

RETRY_AFTER = 30  # seconds
# SQLite calls a table that is missing operational, too; that is a defect of the installation and no outage.
_DEFECT = "no such "


def is_database_away(error: BaseException | None) -> bool:
    """Whether the database did not answer, or not in time, or was too busy to."""
    if isinstance(error, OperationalError):
        return not str(error).startswith(_DEFECT)
    return isinstance(error, InterfaceError)
