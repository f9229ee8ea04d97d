"""What this room puts into the side navigation."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry
from apps.applications.models import InstanceApplication
from apps.applications.permissions import may_see_all

MINE = ("apply", "application-detail", "application-again")
NAVIGATION = [
    Entry(_("My applications"), "application-mine", "clipboard-plus", pages=MINE, order=20),
    Entry(
        _("Applications"),
        "application-list",
        "list-task",
        test=may_see_all,
        badge=InstanceApplication.objects.waiting,
        pages=("application-review", "application-save"),
        order=25,
    ),
]
