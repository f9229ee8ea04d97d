"""`manage.py back_up FILE`: the whole database in one file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ganetimgr import backups


class Command(BaseCommand):
    help = "Writes the whole database to a file, and says how it is restored. Without a name the ending is chosen."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to; without its ending, which follows from the database")

    def handle(self, *args: Any, **options: Any) -> None:
        database = settings.DATABASES["default"]
        try:
            target = _named(options["file"], backups.ending(database))
            size = backups.back_up(database, target)
        except (backups.BackupError, OSError) as error:
            raise CommandError(f"There is no backup. {error}") from error
        self.stdout.write(str(target))
        self.stderr.write(f"{size:,} bytes. To restore it, with web, watchers and consoles stopped:")
        self.stderr.write(f"manage.py restore {target}")


def _named(file: Path, ending: str) -> Path:
    return file if file.name.endswith(ending) else file.with_name(file.name + ending)
