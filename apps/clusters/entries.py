"""What this room puts into the side navigation and the search field."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry, Search
from apps.clusters import fleet


def sees_only_own(user: object) -> bool:
    return not fleet.sees_everything(user)


PAGES = ("instance-detail", "instance-tags", "lock", "isolate", "instance-access", "instance-let-in")

NAVIGATION = [
    Entry(_("My VMs"), "user-instances", "pc-display", test=sees_only_own, pages=PAGES, order=10),
    Entry(_("All VMs"), "user-instances", "pc-display", test=fleet.sees_everything, pages=PAGES, order=10),
    Entry(_("History"), "auditlog", "clock-history", order=30),
]
SEARCH = Search("user-instances", _("Name, address, MAC, owner, tag"), test=fleet.sees_everything)
