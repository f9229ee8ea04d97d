"""`manage.py restore FILE`: the database as it was when `manage.py back_up` wrote that file."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ganetimgr import backups


class Command(BaseCommand):
    help = "Makes the database what it was when manage.py back_up wrote the file. All that came after is lost."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what manage.py back_up wrote")
        parser.add_argument("--no-input", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["no_input"] and not _is_meant(options["file"]):
            raise CommandError("Nothing was done.")
        try:
            backups.restore(settings.DATABASES["default"], options["file"])
        except (backups.BackupError, OSError) as error:
            raise CommandError(f"The database was not restored. {error}") from error
        self.stdout.write(f"The database is what it was in {options['file']}.")


def _is_meant(file: Path) -> bool:
    if not sys.stdin.isatty():
        raise CommandError("Nobody is there to be asked: say --no-input.")
    question = f"All that was written after {file} is lost. Are web, watchers and consoles stopped? [yes/N] "
    return input(question).strip().lower() == "yes"
