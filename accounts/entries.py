"""What this room puts into the side navigation."""

from django.utils.translation import gettext_lazy as _

from accounts import permissions, registering
from accounts.navigation import Entry

NAVIGATION = [
    Entry(
        _("Waiting accounts"),
        "registration-waiting",
        "shield-check",
        test=permissions.may_decide_registrations,
        badge=registering.waiting,
        section=_("People"),
        pages=("registration_admin_approve", "registration_approve_complete"),
        order=60,
    )
]
