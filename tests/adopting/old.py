"""Databases of a ganetimgr 2.x, made here: the tables and columns of two generations, on SQLite and MySQL.

"2.2" is that of Django 1.4 to 1.11 (short names, no "never signed in", no `activated`), "fork" that of Django 4.
"""

import sqlite3
from pathlib import Path
from typing import Any, Protocol

GENERATIONS = ("2.2", "fork")

# Table -> "column:type ..."; pk, int, bool, text, time, sN for a text of at most N characters; "?" may be NULL
TABLES: dict[str, str] = {
    "auth_user": "id:pk username:s30 first_name:s30 last_name:s30 email:s75 password:s128 is_staff:bool is_active:bool"
    " is_superuser:bool last_login:time date_joined:time",
    "auth_group": "id:pk name:s80",
    "auth_user_groups": "id:pk user_id:int group_id:int",
    "django_content_type": "id:pk name:s100 app_label:s100 model:s100",
    "auth_permission": "id:pk name:s50 content_type_id:int codename:s100",
    "auth_user_user_permissions": "id:pk user_id:int permission_id:int",
    "auth_group_permissions": "id:pk group_id:int permission_id:int",
    "accounts_userprofile": "id:pk user_id:int first_login:bool force_logout_date:time? organization_id:int?"
    " telephone:s13?",
    "registration_registrationprofile": "id:pk user_id:int activation_key:s40",
    "registration_supervisedregistrationprofile": "registrationprofile_ptr_id:int",
    "apply_organization": "id:pk title:s255 website:s255? email:s75? tag:s255? phone:s255?",
    "apply_organization_users": "id:pk organization_id:int user_id:int",
    "apply_sshpublickey": "id:pk key_type:s12 key:text comment:s255? owner_id:int fingerprint:s255?",
    "apply_instanceapplication": "id:pk hostname:s255 memory:int disk_size:int vcpus:int operating_system:s255"
    " hosts_mail_server:bool comments:text? admin_comments:text? admin_contact_name:s255? admin_contact_phone:s64?"
    " admin_contact_email:s75? organization_id:int? instance_params:text? applicant_id:int job_id:int? status:int"
    " backend_message:text? cookie:s255 filed:time last_updated:time reviewer_id:int?",
    "ganeti_cluster": "id:pk hostname:s128 slug:s50 port:int description:s128? username:s64? password:s64?"
    " fast_create:bool use_gnt_network:bool disable_instance_creation:bool disabled:bool",
    "ganeti_network": "id:pk description:s255 cluster_id:int link:s255 mode:s64 cluster_default:bool ipv6_prefix:s255?",
    "ganeti_network_groups": "id:pk network_id:int group_id:int",
    "ganeti_instanceaction": "id:pk applicant_id:int instance:s255 cluster_id:int? action:int action_value:s255?"
    " activation_key:s40 filed:time last_updated:time operating_system:s255?",
    "auditlog_auditentry": "id:pk requester_id:int ipaddress:s255? action:s255 instance:s255 cluster:s50 job_id:int?"
    " recorded:time last_updated:time is_authorized:bool",
    "notifications_notificationarchive": "id:pk subject:s255 message:text date:time sender_id:int?",
    "notifications_notificationarchive_recipients": "id:pk notificationarchive_id:int user_id:int",
    "django_site": "id:pk domain:s100 name:s50",
    "django_flatpage": "id:pk url:s100 title:s200 content:text enable_comments:bool template_name:s70"
    " registration_required:bool",
    "django_flatpage_sites": "id:pk flatpage_id:int site_id:int",
    "django_session": "session_key:s40 session_data:text expire_date:time",
}
OF_THE_FORK: dict[str, str] = {
    "auth_user": "id:pk password:s128 last_login:time? is_superuser:bool username:s150 first_name:s150 last_name:s150"
    " email:s254 is_staff:bool is_active:bool date_joined:time",
    "auth_group": "id:pk name:s150",
    "django_content_type": "id:pk app_label:s100 model:s100",
    "auth_permission": "id:pk name:s255 content_type_id:int codename:s100",
    "registration_registrationprofile": "id:pk user_id:int activation_key:s64 activated:bool",
    "oauth2_provider_application": "id:pk client_id:s100 redirect_uris:text client_type:s32"
    " authorization_grant_type:s32 client_secret:s255 name:s255 user_id:int? skip_authorization:bool created:time"
    " updated:time algorithm:s5",
    "oauth2_provider_accesstoken": "id:pk token:s255 expires:time scope:text application_id:int? user_id:int?",
}


class Database(Protocol):
    url: str

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> None: ...

    def close(self) -> None: ...


class OnSqlite:
    TYPES = {"pk": "integer PRIMARY KEY AUTOINCREMENT", "int": "integer", "bool": "bool", "text": "text",
             "time": "datetime"}  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA synchronous = OFF")

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        self._connection.execute(sql.replace("%s", "?"), values)
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


class OnMysql:
    """In tables of Latin-1, as servers made them by themselves then, on a server that lets anything in."""

    TYPES = {"pk": "int AUTO_INCREMENT PRIMARY KEY", "int": "int", "bool": "tinyint(1)", "text": "longtext",
             "time": "datetime"}  # fmt: skip

    def __init__(self, name: str, **how: Any) -> None:
        import pymysql

        self.url = f"mysql://{how['user']}@{how['host']}:{how['port']}/{name}"
        self._connection = pymysql.connect(**how, charset="utf8mb4", autocommit=True)
        self.execute(f"DROP DATABASE IF EXISTS {name}")
        self.execute(f"CREATE DATABASE {name} CHARACTER SET latin1")
        self._connection.select_db(name)
        self.execute("SET sql_mode = ''")

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """What Latin-1 cannot hold goes in as the bytes of UTF-8, as it did through connections that said nothing."""
        with self._connection.cursor() as cursor:
            kept = tuple(mangled(value) if isinstance(value, str) else value for value in values)
            cursor.execute(sql, kept or None)

    def close(self) -> None:
        self._connection.close()


def mangled(text: str) -> str:
    """Typed in UTF-8, kept as if it were the Latin-1 of MySQL."""
    if all(ord(char) < 256 or char.encode("cp1252", "ignore") for char in text):
        return text
    return "".join(bytes([code]).decode("cp1252", "ignore") or chr(code) for code in text.encode())


class Old:
    """An old database with its tables, empty at first."""

    def __init__(self, database: Any, generation: str) -> None:
        self.database = database
        self.generation = generation
        self.tables = {**TABLES, **(OF_THE_FORK if generation == "fork" else {})}
        for table, columns in self.tables.items():
            self.database.execute(f"CREATE TABLE `{table}` ({', '.join(map(self._column, columns.split()))})")

    @property
    def url(self) -> str:
        return str(self.database.url)

    def _column(self, written: str) -> str:
        name, _, kind = written.partition(":")
        types = self.database.TYPES
        sql = types.get(kind.rstrip("?")) or f"varchar({kind.rstrip('?')[1:]})"
        return f"`{name}` {sql}{'' if kind.endswith('?') or kind == 'pk' else ' NOT NULL'}"

    def add(self, table: str, **values: Any) -> None:
        """A row; columns that are not given have what is dullest, those that this generation lacks are left away."""
        row = {}
        for written in self.tables[table].split():
            name, _, kind = written.partition(":")
            if name in values:
                row[name] = values[name]
            elif kind != "pk" and not kind.endswith("?"):
                row[name] = {"int": 0, "bool": 0, "time": "2014-05-06 10:11:12"}.get(kind, "")
        places = ", ".join(["%s"] * len(row))
        names = ", ".join(f"`{name}`" for name in row)
        sql = f"INSERT INTO `{table}` ({names}) VALUES ({places})"  # noqa: S608  (a test's own names)
        self.database.execute(sql, tuple(row.values()))

    def close(self) -> None:
        self.database.close()
