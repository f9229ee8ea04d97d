"""`manage.py adopt --database URL`: takes over a ganetimgr 2.x."""

import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from apps.adopting.adoption import NotOurs, adopt
from apps.adopting.guard import is_of_2x
from apps.adopting.source import Source, Unreadable, opened


class Command(BaseCommand):
    help = (
        "Brings the people, clusters, applications, history and texts of a ganetimgr 2.x into this site's database."
        " The old database is only read. It can be run again: what is here stays as it is, what is new there is added."
        " The exit code is 1 when something was left out, 0 when all came. See docs/upgrade.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--database",
            required=True,
            metavar="URL",
            help="mysql://USER@HOST:PORT/NAME (also ?charset=, socket=, ssl_ca=) or sqlite:///PATH. A password in it"
            " can be seen in the list of processes and the shell's history: rather use --password-file",
        )
        parser.add_argument(
            "--password-file", metavar="FILE", help="a file whose first line is the password; - asks for it"
        )
        parser.add_argument("--dry-run", action="store_true", help="tell the same, and change nothing")
        parser.add_argument(
            "--time-zone",
            default=settings.TIME_ZONE,
            metavar="ZONE",
            help="the zone of the old times, its TIME_ZONE; UTC where it had USE_TZ = True (default: %(default)s)",
        )
        parser.add_argument(
            "--pin",
            action="store_true",
            help="ask each new cluster for its certificate and trust that one from now on; compare what is printed",
        )
        parser.add_argument("--report", metavar="FILE", help="write all of the report there, too, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if is_of_2x("default"):
            raise CommandError("DATABASES names the old database itself. Name a new, empty one, and migrate there.")
        if _is_unfinished():
            raise CommandError("The new database is not ready: run “manage.py migrate” first.")
        try:
            zone = ZoneInfo(options["time_zone"])
        except (KeyError, ValueError, OSError) as error:
            raise CommandError(f"There is no time zone {options['time_zone']}.") from error
        try:
            reader = opened(options["database"], _password(options))
            try:
                source = Source(reader, zone)
                report = adopt(source, dry_run=options["dry_run"], pin=options["pin"], say=self._say)
            finally:
                reader.close()
        except (Unreadable, NotOurs) as error:
            raise CommandError(str(error)) from error
        for line in report.lines():
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write("\nThis was a dry run: nothing was changed.")
        if options["report"]:
            self._write(options["report"], report.as_json())
        if not report.is_complete:
            sys.exit(1)

    def _say(self, sentence: str) -> None:
        """How far it is; to the terminal, not into the report."""
        self.stderr.write(sentence, style_func=lambda text: text)

    def _write(self, path: str, found: dict[str, Any]) -> None:
        """Readable by its owner only: it names people."""
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(found, file, indent=2, ensure_ascii=False)
        except OSError as error:
            raise CommandError(f"The report cannot be written to {path}: {error.strerror}.") from error


def _is_unfinished() -> bool:
    """Whether tables of ours are missing."""
    wanted = {model._meta.db_table for model in apps.get_models() if model._meta.managed}
    return not wanted <= set(connection.introspection.table_names())


def _password(options: dict[str, Any]) -> str:
    path = options["password_file"]
    if not path:
        return ""
    if path == "-":
        return getpass.getpass(f"Password for {urlsplit(options['database']).hostname or 'the database'}: ")
    try:
        return Path(path).read_text().partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
