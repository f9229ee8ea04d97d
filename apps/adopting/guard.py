"""`migrate` on the database of a ganetimgr 2.x would end half way, in tables that are there and look otherwise: it
refuses before it begins, and says what to do instead."""

from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django.db.models.signals import pre_migrate

# A table of 2.x that has a namesake here, and a column that only ours has
_SIGN = ("ganeti_cluster", "verification")

SENTENCE = (
    "The database %(name)s belongs to a ganetimgr 2.x, and nothing was changed in it. Name a new, empty database in"
    " DATABASES, run “manage.py migrate” there, and then “manage.py adopt --database URL” with the address of this"
    " one: docs/upgrade.md says it step by step."
)


def connect() -> None:
    pre_migrate.connect(_refuse_old_database, dispatch_uid="apps.adopting.guard")


def _refuse_old_database(sender: Any, using: str, app_config: Any = None, **kwargs: Any) -> None:
    if app_config is None or app_config.label != "ganeti":  # once is enough
        return
    if is_of_2x(using):
        raise CommandError(SENTENCE % {"name": connections[using].settings_dict["NAME"]})


def is_of_2x(using: str) -> bool:
    """Whether the tables there are those of the predecessor."""
    table, column = _SIGN
    connection = connections[using]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return False
        described = connection.introspection.get_table_description(cursor, table)
    return column not in {one.name for one in described}
