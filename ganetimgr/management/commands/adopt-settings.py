"""`manage.py adopt-settings OLD_settings.py`: prints the settings of a ganetimgr 2.x as ours."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ganetimgr.oldsettings import NoPython, convert

LARGEST = 2**20  # bytes


class Command(BaseCommand):
    help = (
        "Prints a settings.py from that of a ganetimgr 2.x, with a remark on what became of each name. The old file is"
        " read and never run; what it computes is copied as a remark. It may hold passwords: so does what is printed."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="OLD_settings.py")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        if len(content) > LARGEST:
            raise CommandError(f"{path} is too large for a settings file.")
        try:
            converted = convert(content)
        except NoPython as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(converted.text, ending="")
        for sentence in converted.to_look_at:
            self.stderr.write(sentence, style_func=lambda text: text)
