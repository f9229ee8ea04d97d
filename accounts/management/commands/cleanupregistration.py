"""`manage.py cleanupregistration`: as django-registration-redux has it, but with our look at who must stay."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import registering


class Command(BaseCommand):
    help = "Removes accounts whose address was not proven in time. Watchers do the same each day."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{registering.remove_expired()} expired registrations removed.")
