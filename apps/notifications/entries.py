"""What this room puts into the side navigation."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry
from apps.notifications.permissions import may_notify

PEOPLE = _("People")
PAGES = ("notification-details",)
NAVIGATION = [Entry(_("Notify owners"), "notify", "envelope", test=may_notify, section=PEOPLE, pages=PAGES, order=53)]
