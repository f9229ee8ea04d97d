"""The events of the audit log in groups, as people filter by them."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import deeds
from apps.audit import events

# value of ?kind= -> (what people read, the events)
KINDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "vms": (
        _("VMs"),
        (
            *(events.START, events.SHUTDOWN, events.REBOOT, events.ADD_TAGS, events.REMOVE_TAGS, events.SETTING),
            *(events.MIGRATE, events.CREATE, events.DRY_RUN, events.DESTROY, events.REINSTALL, events.RENAME),
            *(events.DESTROY_ASKED, events.REINSTALL_ASKED, events.RENAME_ASKED),
            *(
                events.DESTROY_UNAUTHORIZED,
                events.REINSTALL_UNAUTHORIZED,
                events.RENAME_UNAUTHORIZED,
                events.JOB_CANCELED,
            ),
        ),
    ),
    "access": (
        _("Owners, locks and isolation"),
        (
            *(events.OWNERS_ADDED, events.OWNERS_REMOVED, events.LOCK, events.UNLOCK),
            *(events.ISOLATE, events.DE_ISOLATE, events.WHITELIST_ADD, events.WHITELIST_REMOVE),
            *(events.RENAMING_RETRIED, events.RENAMING_GIVEN_UP),
        ),
    ),
    "consoles": (_("Consoles"), (events.CONSOLE_OPENED, events.CONSOLE_CLOSED)),
    "applications": (
        _("Applications"),
        (
            *(events.APPLICATION_FILED, events.APPLICATION_CHANGED, events.APPLICATION_ASKED),
            *(events.APPLICATION_ANSWERED, events.APPLICATION_APPROVED, events.APPLICATION_REFUSED),
            *(events.APPLICATION_DISCARDED, events.APPLICATION_WITHDRAWN, events.APPLICATION_DELETED),
        ),
    ),
    "accounts": (
        _("Accounts and groups"),
        (
            *(deeds.REGISTERED, deeds.ADDRESS_PROVEN, deeds.REGISTRATION_APPROVED, deeds.REGISTRATION_REFUSED),
            *(deeds.REGISTRATION_EXPIRED, deeds.DIRECTORY_MADE, deeds.DIRECTORY_TOOK, deeds.DIRECTORY_RIGHTS),
            *(deeds.ACCOUNT_MADE, deeds.ACCOUNT_CHANGED, deeds.ACCOUNT_RIGHTS, deeds.ACCOUNT_ENABLED),
            *(deeds.ACCOUNT_DISABLED, deeds.ACCOUNT_DELETED, deeds.ACCOUNT_PASSWORD, deeds.USER_RENAMED),
            *(deeds.GROUP_RENAMED, deeds.GROUP_MADE, deeds.GROUP_CHANGED, deeds.GROUP_DELETED),
            *(deeds.GROUP_JOINED, deeds.GROUP_LEFT, deeds.ORGANIZATION_MADE, deeds.ORGANIZATION_CHANGED),
            *(deeds.ORGANIZATION_DELETED, deeds.ORGANIZATION_JOINED, deeds.ORGANIZATION_LEFT),
            *(deeds.NAME_CHANGED, deeds.CONTACT_CHANGED, deeds.PASSWORD_CHANGED, deeds.PASSWORD_RESET_ASKED),
            *(deeds.PASSWORD_RESET, deeds.EMAIL_CHANGE_ASKED, deeds.EMAIL_CHANGE_CANCELLED, deeds.EMAIL_CHANGED),
            *(deeds.SSH_KEY_ADDED, deeds.SSH_KEY_REMOVED, deeds.SECOND_FACTOR_ON, deeds.SECOND_FACTOR_OFF),
            *(deeds.SECOND_FACTOR_RESET, deeds.RECOVERY_CODES_NEW),
        ),
    ),
    "programs": (
        _("Programs of others"),
        (
            *(events.ACCESS_GIVEN, events.ACCESS_TAKEN, events.PROGRAM_ADDED, events.PROGRAM_CHANGED),
            *(events.PROGRAM_REMOVED, events.PROGRAM_SECRET),
        ),
    ),
    "signins": (
        _("Sign-ins"),
        (
            *(deeds.SIGN_IN, deeds.SIGN_IN_FAILED, deeds.SIGN_IN_LOCKED, deeds.SIGN_IN_UNLOCKED),
            *(deeds.SECOND_FACTOR_LOCKED, deeds.RECOVERY_CODE_USED, deeds.SESSIONS_ENDED, deeds.ACCOUNT_SIGNED_OUT),
        ),
    ),
    "notifications": (
        _("Notifications"),
        (events.NOTIFIED, events.IDLE_WARNED, events.IDLE_CONDEMNED, deeds.IDLE_NOTICE, deeds.MAIL_RETRIED),
    ),
    "site": (
        _("The site itself"),
        (
            *(events.CLUSTER_ADDED, events.CLUSTER_CHANGED, events.CLUSTER_ENABLED, events.CLUSTER_DISABLED),
            *(events.CLUSTER_REMOVED, events.NETWORK_ADDED, events.NETWORK_CHANGED, events.NETWORK_REMOVED),
            *(deeds.TEXT_ADDED, deeds.TEXT_CHANGED, deeds.TEXT_DELETED, deeds.SITE_CHANGED, events.HISTORY_TAKEN),
            events.ADOPTED,
        ),
    ),
}
# ganetimgr 2.x wrote what it was about behind these: "Setting boot_order:disk", "Rename to www.example.org"
BEGAN_WITH = {
    "vms": (f"{events.SETTING} ", f"{events.RENAME} "),
    "access": (f"{events.WHITELIST_ADD} ", f"{events.WHITELIST_REMOVE} "),
}


def of_kind(kind: str) -> Q:
    """Entries of that kind."""
    found = Q(action__in=KINDS[kind][1])
    for beginning in BEGAN_WITH.get(kind, ()):
        found |= Q(action__startswith=beginning)
    return found
