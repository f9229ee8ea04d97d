"""`manage.py idle_accounts`: writes to the people whose accounts nobody has used for long."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.desk import idle


class Command(BaseCommand):
    help = (
        "Writes to each active account that nobody has signed in to for IDLE_ACCOUNT_NOTIFICATION_DAYS days. "
        "Who was written to is left in peace for as many days."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="another number of days")
        parser.add_argument("--dry-run", action="store_true", help="only say who would be written to")

    def handle(self, *args: Any, **options: Any) -> None:
        days = idle.notification_days() if options["days"] is None else options["days"]
        if not 0 < days < 36500:
            raise CommandError("The number of days has to be above 0 and below 36500.")
        self._tell_who_is_left_out(days)
        if options["dry_run"]:
            chosen = list(User.objects.filter(idle.is_due(days)).order_by("pk"))
        else:
            chosen = idle.write_to(User.objects.all(), days)
        for user in chosen:
            self.stdout.write(f"{user.get_username()} <{user.email}>: {_since(user)}")
        done = "would be written to" if options["dry_run"] else "are written to"
        self.stdout.write(f"{len(chosen)} accounts {done}, idle for {days} days or more.")

    def _tell_who_is_left_out(self, days: int) -> None:
        for user in User.objects.filter(idle.is_idle(days), email="").order_by("pk"):
            self.stdout.write(f"{user.get_username()} is left out, for it has no e-mail address: {_since(user)}")
        told = User.objects.filter(idle.is_idle(days) & idle.was_told(days)).exclude(email="").count()
        disabled = User.objects.filter(idle.is_disabled_and_unused(days)).count()
        if told:
            self.stdout.write(f"{told} idle accounts are left out, for they were written to in the last {days} days.")
        if disabled:
            self.stdout.write(f"{disabled} accounts are left out, for they are not active.")


def _since(user: User) -> str:
    if user.last_login is None:
        return f"never signed in, joined {user.date_joined:%Y-%m-%d}"
    return f"last signed in {user.last_login:%Y-%m-%d}"
