"""What this room puts into the side navigation."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry

NAVIGATION = [Entry(_("Statistics"), "stats", "bar-chart", order=35)]
