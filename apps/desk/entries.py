"""What this room puts into the side navigation and the search field."""

from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry, Search
from apps.desk.permissions import may_look

PEOPLE = _("People")
NAVIGATION = [
    Entry(_("Needs me"), "desk", "inbox", test=may_look, order=5),
    Entry(_("Users"), "user-list", "person", test=may_look, section=PEOPLE, pages=("user-info",), order=50),
    Entry(_("Groups"), "group-list", "people", test=may_look, section=PEOPLE, pages=("group-info",), order=51),
    Entry(_("Idle accounts"), "idle_accounts", "hourglass", test=may_look, section=PEOPLE, order=52),
]
# What somebody may use who comes later wins.
SEARCHES = [
    Search("search", _("Your VMs by name, address, MAC")),
    Search("search", _("VM, address, person, node, job number"), test=may_look),
]
