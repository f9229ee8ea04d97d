"""The backend. Sites name django.db.backends.mysql; ganetimgr/databases.py puts this one in its place."""

from typing import Any

from django.conf import settings

from ganetimgr import databases

DRIVER = databases.install_mysql_driver(settings.MYSQL_DRIVER)  # before Django's own backend imports it

from django.db.backends.mysql import base, schema  # noqa: E402

CONNECT_SECONDS = 5
# A server that is there and says nothing (paused, behind a broken network) must not hold pages and watchers for good.
SILENCE_SECONDS = 15
LOCK_SECONDS = 10  # less than the silence above, so that the server can say that it was a lock
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
# What people search for is found in either case; all else is compared exactly, see SchemaEditor.
SEARCHED = "COLLATE utf8mb4_unicode_ci"


class SchemaEditor(schema.DatabaseSchemaEditor):
    """Creates tables whose texts are compared byte by byte, whatever the database's default collation is.

    Names of people, groups, clusters and instances say who owns what. MySQL's and MariaDB's defaults take "Alice",
    "alice", "alicé" and "alice " for the same; SQLite, Ganeti and Python do not.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        collation = "utf8mb4_nopad_bin" if self.connection.mysql_is_mariadb else "utf8mb4_0900_bin"
        self.sql_create_table += f" CHARACTER SET utf8mb4 COLLATE {collation}"


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor
    operators = {
        **base.DatabaseWrapper.operators,
        "iexact": f"LIKE %s {SEARCHED}",
        "icontains": f"LIKE %s {SEARCHED}",
        "istartswith": f"LIKE %s {SEARCHED}",
        "iendswith": f"LIKE %s {SEARCHED}",
    }
    pattern_ops = {
        **base.DatabaseWrapper.pattern_ops,
        "icontains": f"LIKE CONCAT('%%', {{}}, '%%') {SEARCHED}",
        "istartswith": f"LIKE CONCAT({{}}, '%%') {SEARCHED}",
        "iendswith": f"LIKE CONCAT('%%', {{}}) {SEARCHED}",
    }

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if DRIVER == "pymysql" and _is_local(params) and not any(name.startswith("ssl") for name in params):
            # PyMySQL would read the system's certificates for each connection, 30 ms, to encrypt for nobody.
            params["ssl_disabled"] = True
        if databases.is_green():
            waiting = {"connect_timeout": CONNECT_SECONDS, "read_timeout": SILENCE_SECONDS}
            params = {**waiting, "write_timeout": SILENCE_SECONDS, **params}
        return params

    def init_connection_state(self) -> None:
        super().init_connection_state()
        with self.cursor() as cursor:
            # Too long a text is an error, never cut silently
            cursor.execute(
                "SET sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), innodb_lock_wait_timeout = %s",
                [LOCK_SECONDS],
            )


def _is_local(params: dict[str, Any]) -> bool:
    return "unix_socket" in params or params.get("host", "") in LOCAL_HOSTS
