"""The events of the audit log, by the names that are stored, with the words that people read.

The stored names are those of ganetimgr 2.x, so that an adopted log reads on without a break. What is done to accounts
has its names in accounts/deeds.py.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import deeds

START = "Start"
SHUTDOWN = "Shutdown"
REBOOT = "Reboot"
ADD_TAGS = "Add tags"
REMOVE_TAGS = "Remove tags"
DESTROY = "Destroy"
REINSTALL = "Reinstall"
RENAME = "Rename"
SETTING = "Setting"
MIGRATE = "Migrate"
LOCK = "Lock Instance"
UNLOCK = "Unlock Instance"
ISOLATE = "Isolate"
DE_ISOLATE = "De-Isolate"
WHITELIST_ADD = "Add whitelist"
WHITELIST_REMOVE = "Remove whitelist"
OWNERS_ADDED = "Owners added"
OWNERS_REMOVED = "Owners removed"
REINSTALL_ASKED = "Reinstall requested"
DESTROY_ASKED = "Destroy requested"
RENAME_ASKED = "Rename requested"
REINSTALL_UNAUTHORIZED = "Unauthorized reinstall attempt"
DESTROY_UNAUTHORIZED = "Unauthorized destroy attempt"
RENAME_UNAUTHORIZED = "Unauthorized rename attempt"
NOTIFIED = "Notification sent"
CONSOLE_OPENED = "Console opened"
CONSOLE_CLOSED = "Console closed"
CREATE = "Create"
DRY_RUN = "Dry run"
APPLICATION_FILED = "Application filed"
APPLICATION_CHANGED = "Application changed"
APPLICATION_ASKED = "Application: question"
APPLICATION_ANSWERED = "Application: answer"
APPLICATION_APPROVED = "Application accepted"
APPLICATION_REFUSED = "Application rejected"
APPLICATION_DISCARDED = "Application discarded"
APPLICATION_WITHDRAWN = "Application withdrawn"
APPLICATION_DELETED = "Application deleted"
IDLE_WARNED = "Idle owners: stop announced"
IDLE_CONDEMNED = "Idle owners: removal announced"
JOB_CANCELED = "Cancel job"
RENAMING_RETRIED = "Renaming tried again"
RENAMING_GIVEN_UP = "Renaming given up"
CLUSTER_ADDED = "Cluster added"
CLUSTER_CHANGED = "Cluster changed"
CLUSTER_ENABLED = "Cluster enabled"
CLUSTER_DISABLED = "Cluster disabled"
CLUSTER_REMOVED = "Cluster removed"
NETWORK_ADDED = "Network added"
NETWORK_CHANGED = "Network changed"
NETWORK_REMOVED = "Network removed"
HISTORY_TAKEN = "History exported"
PROGRAM_ADDED = "Program registered"
PROGRAM_CHANGED = "Program changed"
PROGRAM_REMOVED = "Program removed"
PROGRAM_SECRET = "Program secret renewed"  # noqa: S105
ACCESS_GIVEN = "Program given access"
ACCESS_TAKEN = "Program access revoked"
ADOPTED = "Taken over from ganetimgr 2.x"

WORDS: dict[str, str | Promise] = {
    START: _("Start"),
    SHUTDOWN: _("Shut down"),
    REBOOT: _("Reboot"),
    ADD_TAGS: _("Add tags"),
    REMOVE_TAGS: _("Remove tags"),
    deeds.SIGN_IN: _("Signed in"),
    deeds.SIGN_IN_FAILED: _("Sign-in failed"),
    deeds.SIGN_IN_UNLOCKED: _("Locks of the sign-in opened"),
    deeds.SIGN_IN_LOCKED: _("Sign-in locked after too many tries"),
    deeds.PASSWORD_RESET_ASKED: _("Password reset asked for"),
    deeds.PASSWORD_RESET: _("Password reset by mail"),
    deeds.REGISTERED: _("Registered"),
    deeds.ADDRESS_PROVEN: _("Proved the e-mail address"),
    deeds.REGISTRATION_APPROVED: _("Registration approved"),
    deeds.REGISTRATION_REFUSED: _("Registration refused"),
    deeds.REGISTRATION_EXPIRED: _("Registration expired"),
    deeds.DIRECTORY_MADE: _("Account from the directory"),
    deeds.DIRECTORY_TOOK: _("Account taken over by the directory"),
    deeds.DIRECTORY_RIGHTS: _("Rights from the directory"),
    deeds.SECOND_FACTOR_ON: _("Second factor switched on"),
    deeds.SECOND_FACTOR_OFF: _("Second factor switched off"),
    deeds.SECOND_FACTOR_RESET: _("Second factor reset by an administrator"),
    deeds.SECOND_FACTOR_LOCKED: _("Sign-in ended after too many wrong codes"),
    deeds.RECOVERY_CODES_NEW: _("New recovery codes"),
    deeds.RECOVERY_CODE_USED: _("Recovery code used"),
    deeds.IDLE_NOTICE: _("Asked whether the account is still needed"),
    REINSTALL: _("Reinstall"),
    RENAME: _("Rename"),
    SETTING: _("Change settings"),
    MIGRATE: _("Migrate"),
    LOCK: _("Lock"),
    UNLOCK: _("Unlock"),
    ISOLATE: _("Isolate"),
    DE_ISOLATE: _("End the isolation"),
    WHITELIST_ADD: _("Let a network in"),
    WHITELIST_REMOVE: _("Let a network in no more"),
    OWNERS_ADDED: _("Give owners"),
    OWNERS_REMOVED: _("Take owners away"),
    REINSTALL_ASKED: _("Asked to reinstall"),
    DESTROY_ASKED: _("Asked to destroy"),
    RENAME_ASKED: _("Asked to rename"),
    REINSTALL_UNAUTHORIZED: _("Tried to reinstall without being allowed to"),
    DESTROY_UNAUTHORIZED: _("Tried to destroy without being allowed to"),
    RENAME_UNAUTHORIZED: _("Tried to rename without being allowed to"),
    NOTIFIED: _("Wrote to owners"),
    CONSOLE_OPENED: _("Console opened"),
    CONSOLE_CLOSED: _("Console closed"),
    DESTROY: _("Destroy"),
    CREATE: _("Create"),
    DRY_RUN: _("Trial of a creation"),
    APPLICATION_FILED: _("Applied for a VM"),
    APPLICATION_CHANGED: _("Changed an application"),
    APPLICATION_ASKED: _("Asked the applicant"),
    APPLICATION_ANSWERED: _("Answered a question about an application"),
    APPLICATION_APPROVED: _("Accepted an application"),
    APPLICATION_REFUSED: _("Rejected an application"),
    APPLICATION_DISCARDED: _("Discarded an application"),
    APPLICATION_WITHDRAWN: _("Withdrew an application"),
    APPLICATION_DELETED: _("Deleted an application"),
    deeds.ACCOUNT_MADE: _("Account made by an administrator"),
    deeds.ACCOUNT_CHANGED: _("Account changed"),
    deeds.ACCOUNT_RIGHTS: _("Rights of an account changed"),
    deeds.ACCOUNT_ENABLED: _("Account enabled"),
    deeds.ACCOUNT_DISABLED: _("Account disabled"),
    deeds.ACCOUNT_DELETED: _("Account deleted"),
    deeds.ACCOUNT_SIGNED_OUT: _("Signed out everywhere"),
    deeds.ACCOUNT_PASSWORD: _("Password set by an administrator"),
    deeds.USER_RENAMED: _("User renamed"),
    deeds.GROUP_RENAMED: _("Group renamed"),
    deeds.GROUP_MADE: _("Group made"),
    deeds.GROUP_CHANGED: _("Rights of a group changed"),
    deeds.GROUP_DELETED: _("Group deleted"),
    deeds.GROUP_JOINED: _("Added to a group"),
    deeds.GROUP_LEFT: _("Removed from a group"),
    deeds.ORGANIZATION_MADE: _("Organisation made"),
    deeds.ORGANIZATION_CHANGED: _("Organisation changed"),
    deeds.ORGANIZATION_DELETED: _("Organisation deleted"),
    deeds.ORGANIZATION_JOINED: _("Added to an organisation"),
    deeds.ORGANIZATION_LEFT: _("Removed from an organisation"),
    IDLE_WARNED: _("Wrote to idle owners that it is going to be shut down"),
    IDLE_CONDEMNED: _("Wrote to idle owners that it is going to be destroyed"),
    JOB_CANCELED: _("Cancel a job"),
    RENAMING_RETRIED: _("Renaming tried again"),
    RENAMING_GIVEN_UP: _("Renaming given up"),
    deeds.NAME_CHANGED: _("Changed the name"),
    deeds.CONTACT_CHANGED: _("Changed organisation or telephone"),
    deeds.PASSWORD_CHANGED: _("Changed the password"),
    deeds.SESSIONS_ENDED: _("Signed out everywhere else"),
    deeds.EMAIL_CHANGE_ASKED: _("Asked for another e-mail address"),
    deeds.EMAIL_CHANGE_CANCELLED: _("Kept the old e-mail address"),
    deeds.EMAIL_CHANGED: _("Changed the e-mail address"),
    deeds.SSH_KEY_ADDED: _("SSH key added"),
    deeds.SSH_KEY_REMOVED: _("SSH key removed"),
    deeds.MAIL_RETRIED: _("Mail tried again"),
    deeds.TEXT_ADDED: _("Text of the site added"),
    deeds.TEXT_CHANGED: _("Text of the site changed"),
    deeds.TEXT_DELETED: _("Text of the site deleted"),
    deeds.SITE_CHANGED: _("Address or name of the site changed"),
    CLUSTER_ADDED: _("Cluster added"),
    CLUSTER_CHANGED: _("Cluster changed"),
    CLUSTER_ENABLED: _("Cluster enabled"),
    CLUSTER_DISABLED: _("Cluster disabled"),
    CLUSTER_REMOVED: _("Cluster removed"),
    NETWORK_ADDED: _("Network added"),
    NETWORK_CHANGED: _("Network changed"),
    NETWORK_REMOVED: _("Network removed"),
    HISTORY_TAKEN: _("Took the history as a file"),
    PROGRAM_ADDED: _("Registered a program"),
    PROGRAM_CHANGED: _("Changed a program"),
    PROGRAM_REMOVED: _("Removed a program"),
    PROGRAM_SECRET: _("Made a new secret for a program"),
    ACCESS_GIVEN: _("Gave a program access to the account"),
    ACCESS_TAKEN: _("Took a program's access to the account away"),
    ADOPTED: _("Took over an older ganetimgr"),
}


def words(action: str) -> str | Promise:
    """What people read for a stored action; texts of other origin stand for themselves."""
    return WORDS.get(action, action)


def called(word: str) -> list[str]:
    """The stored names of the events in whose words, as the reader reads them, `word` is."""
    sought = word.casefold()
    return [event for event, text in WORDS.items() if sought in str(text).casefold()]
