"""`manage.py compare_settings`: what settings.py.dist shows that this site's file does not know, and the reverse."""

from pathlib import Path
from typing import Any

from django.conf import global_settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ganetimgr import comparing, defaults, sitefile


class Command(BaseCommand):
    help = (
        "Says which settings of settings.py.dist this site's file does not mention, and which ones in the site's file "
        "nothing reads. Nothing is changed, and no default needs to be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", type=Path, metavar="FILE", help="settings.py.dist of the release that runs: only what came since"
        )

        parser.add_argument("--check", action="store_true", help="say what manage.py check --deploy says, too")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            call_command("check", deploy=True, fail_level="CRITICAL")
        since = options["since"]
        if since and not since.is_file():
            raise CommandError(f"There is no {since}.")
        site = sitefile.site_file(defaults.BASE_DIR)
        shown = comparing.text_of(defaults.BASE_DIR / "settings.py.dist")
        known = {name for module in (defaults, global_settings) for name in dir(module) if name.isupper()}
        known |= set(comparing.settings_in(shown))
        before = since.read_text() if since else None
        found = comparing.compare(comparing.text_of(site) if site else "", shown, known, before)
        self._say("New in settings.py.dist, and not in your file:", found.new.values())
        self._say("Shown otherwise than before:", found.changed.values())
        self._say("In your file, and nothing reads it:", [_sentence(*pair) for pair in found.unknown.items()])
        if not any(found):
            self.stdout.write(f"{site or 'No settings file'}: nothing new, nothing unknown.")

    def _say(self, heading: str, lines: Any) -> None:
        if lines:
            self.stdout.write(heading)
            for line in dict.fromkeys(lines):
                self.stdout.write(f"  {line}")


def _sentence(name: str, meant: str) -> str:
    return f"{name} (is {meant} meant?)" if meant else name
