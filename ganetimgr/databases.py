"""What a site's DATABASES need besides what the site says: our backend, the driver, and manners for green threads."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gevent import monkey

BACKENDS = {"django.db.backends.mysql": "ganetimgr.mysql"}
DRIVERS = ("auto", "pymysql", "mysqlclient")


def complete(databases: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same databases with our backend for MySQL and MariaDB; under green threads no connection is kept."""
    return {name: _completed(database) for name, database in databases.items()}


def _completed(database: dict[str, Any]) -> dict[str, Any]:
    engine = database.get("ENGINE", "")
    completed = {**database, "ENGINE": BACKENDS.get(engine, engine)}
    if is_green():
        # Django keeps a connection for its thread; every green thread is a new one, so that kept ones only pile up.
        completed["CONN_MAX_AGE"] = 0
    return completed


def is_green() -> bool:
    """Whether this process is patched for green threads: web and watcher are, commands are not."""
    return monkey.is_module_patched("socket")


def install_mysql_driver(wanted: str) -> str:
    """Makes the driver importable as MySQLdb, where Django looks for it; answers "pymysql" or "mysqlclient".

    "auto" is PyMySQL under green threads: mysqlclient, in C, stops all of them during every query, and two
    requests for one row lock each other. Commands take mysqlclient where it is installed: it is faster.
    """
    if wanted not in DRIVERS:
        raise ImproperlyConfigured(f"MYSQL_DRIVER is {wanted!r}; it can be {', '.join(DRIVERS)}.")
    if wanted == "mysqlclient" or (wanted == "auto" and not is_green()):
        try:
            import MySQLdb  # noqa: F401

            return "mysqlclient"
        except ImportError as error:
            if wanted == "mysqlclient":
                raise ImproperlyConfigured(
                    "MYSQL_DRIVER is mysqlclient, which is not installed: see requirements/mysql.txt."
                ) from error
    import pymysql

    pymysql.install_as_MySQLdb()
    return "pymysql"
