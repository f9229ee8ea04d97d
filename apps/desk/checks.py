"""System checks: what is wrong with this room's settings, and what to do."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register


@register()
def idle_days_are_a_number(**kwargs: Any) -> list[Error]:
    days = str(settings.IDLE_ACCOUNT_NOTIFICATION_DAYS)
    if days.isascii() and days.isdigit() and 0 < int(days) < 36500:
        return []
    return [
        Error(
            f"IDLE_ACCOUNT_NOTIFICATION_DAYS is {settings.IDLE_ACCOUNT_NOTIFICATION_DAYS!r}.",
            hint="Set it to a whole number of days above 0, such as 180.",
            id="desk.E001",
        )
    ]
