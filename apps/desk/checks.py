"""System checks: what is wrong with this room's settings, and what to do."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from apps.clusters import marks
from ganeti import tags


@register()
def idle_days_are_a_number(**kwargs: Any) -> list[Error]:
    if _is_days(settings.IDLE_ACCOUNT_NOTIFICATION_DAYS):
        return []
    return [
        Error(
            f"IDLE_ACCOUNT_NOTIFICATION_DAYS is {settings.IDLE_ACCOUNT_NOTIFICATION_DAYS!r}.",
            hint="Set it to a whole number of days above 0, such as 180.",
            id="desk.E001",
        )
    ]


POLICY_DAYS = ("IDLE_POLICY_DAYS", "IDLE_POLICY_STOP_AFTER", "IDLE_POLICY_CONDEMN_AFTER", "IDLE_POLICY_DESTROY_AFTER")


@register()
def idle_policy_makes_sense(**kwargs: Any) -> list[Error]:
    found = [
        Error(
            f"{name} is {getattr(settings, name)!r}.", hint="Set it to a whole number of days above 0.", id="desk.E002"
        )
        for name in POLICY_DAYS
        if not _is_days(getattr(settings, name))
    ]
    if not found and int(settings.IDLE_POLICY_CONDEMN_AFTER) <= int(settings.IDLE_POLICY_STOP_AFTER):
        hint = "Both count from the first mail; make IDLE_POLICY_CONDEMN_AFTER the larger one."
        found.append(Error("VMs would be marked for removal before they are shut down.", hint=hint, id="desk.E003"))
    try:
        tags.checked(marks.tag(marks.EXPIRED))
    except ValueError as error:
        hint = "Use letters, digits, dots, dashes and colons."
        found.append(Error(f"IDLE_POLICY_TAG cannot begin a tag. {error}", hint=hint, id="desk.E004"))
    return found


def _is_days(value: Any) -> bool:
    days = str(value)
    return days.isascii() and days.isdigit() and 0 < int(days) < 36500
