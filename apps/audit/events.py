"""The events of the audit log, by the names that are stored, with the words that people read.

The stored names are those of ganetimgr 2.x, so that an adopted log reads on without a break.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

START = "Start"
SHUTDOWN = "Shutdown"
REBOOT = "Reboot"
ADD_TAGS = "Add tags"
REMOVE_TAGS = "Remove tags"
SIGN_IN = "Sign-in"
SIGN_IN_LOCKED = "Sign-in locked"
PASSWORD_RESET_ASKED = "Password reset requested"  # noqa: S105
PASSWORD_RESET = "Password reset"  # noqa: S105
REGISTERED = "Registration"
ADDRESS_PROVEN = "Registration address proven"
REGISTRATION_APPROVED = "Registration approved"
REGISTRATION_REFUSED = "Registration refused"
DIRECTORY_MADE = "Account from the directory"
DIRECTORY_TOOK = "Account taken over by the directory"
DIRECTORY_RIGHTS = "Rights from the directory"
SECOND_FACTOR_ON = "Second factor on"
SECOND_FACTOR_OFF = "Second factor off"
SECOND_FACTOR_RESET = "Second factor reset"
SECOND_FACTOR_LOCKED = "Second factor locked"
RECOVERY_CODES_NEW = "Recovery codes renewed"
RECOVERY_CODE_USED = "Recovery code used"
IDLE_NOTICE = "Idle account notice"
DESTROY = "Destroy"
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
ACCOUNT_MADE = "Account created"
ACCOUNT_CHANGED = "Account changed"
ACCOUNT_RIGHTS = "Account rights changed"
ACCOUNT_ENABLED = "Account enabled"
ACCOUNT_DISABLED = "Account disabled"
ACCOUNT_DELETED = "Account deleted"
ACCOUNT_SIGNED_OUT = "Signed out everywhere"
ACCOUNT_PASSWORD = "Password set by an administrator"  # noqa: S105
USER_RENAMED = "User renamed"
GROUP_RENAMED = "Group renamed"
GROUP_MADE = "Group created"
GROUP_CHANGED = "Group changed"
GROUP_DELETED = "Group deleted"
GROUP_JOINED = "Group joined"
GROUP_LEFT = "Group left"
ORGANIZATION_MADE = "Organisation created"
ORGANIZATION_CHANGED = "Organisation changed"
ORGANIZATION_DELETED = "Organisation deleted"
ORGANIZATION_JOINED = "Organisation joined"
ORGANIZATION_LEFT = "Organisation left"
RENAMING_RETRIED = "Renaming tried again"
RENAMING_GIVEN_UP = "Renaming given up"
NAME_CHANGED = "Name change"
CONTACT_CHANGED = "Organisation or telephone change"
PASSWORD_CHANGED = "Password change"  # noqa: S105
SESSIONS_ENDED = "Signed out elsewhere"
EMAIL_CHANGE_ASKED = "E-mail change requested"
EMAIL_CHANGE_CANCELLED = "E-mail change cancelled"
EMAIL_CHANGED = "E-mail change"
SSH_KEY_ADDED = "SSH key added"
SSH_KEY_REMOVED = "SSH key removed"

WORDS: dict[str, str | Promise] = {
    START: _("Start"),
    SHUTDOWN: _("Shut down"),
    REBOOT: _("Reboot"),
    ADD_TAGS: _("Add tags"),
    REMOVE_TAGS: _("Remove tags"),
    SIGN_IN: _("Signed in"),
    SIGN_IN_LOCKED: _("Sign-in locked after too many tries"),
    PASSWORD_RESET_ASKED: _("Password reset asked for"),
    PASSWORD_RESET: _("Password reset by mail"),
    REGISTERED: _("Registered"),
    ADDRESS_PROVEN: _("Proved the e-mail address"),
    REGISTRATION_APPROVED: _("Registration approved"),
    REGISTRATION_REFUSED: _("Registration refused"),
    DIRECTORY_MADE: _("Account from the directory"),
    DIRECTORY_TOOK: _("Account taken over by the directory"),
    DIRECTORY_RIGHTS: _("Rights from the directory"),
    SECOND_FACTOR_ON: _("Second factor switched on"),
    SECOND_FACTOR_OFF: _("Second factor switched off"),
    SECOND_FACTOR_RESET: _("Second factor reset by an administrator"),
    SECOND_FACTOR_LOCKED: _("Sign-in ended after too many wrong codes"),
    RECOVERY_CODES_NEW: _("New recovery codes"),
    RECOVERY_CODE_USED: _("Recovery code used"),
    IDLE_NOTICE: _("Asked whether the account is still needed"),
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
    ACCOUNT_MADE: _("Account made by an administrator"),
    ACCOUNT_CHANGED: _("Account changed"),
    ACCOUNT_RIGHTS: _("Rights of an account changed"),
    ACCOUNT_ENABLED: _("Account enabled"),
    ACCOUNT_DISABLED: _("Account disabled"),
    ACCOUNT_DELETED: _("Account deleted"),
    ACCOUNT_SIGNED_OUT: _("Signed out everywhere"),
    ACCOUNT_PASSWORD: _("Password set by an administrator"),
    USER_RENAMED: _("User renamed"),
    GROUP_RENAMED: _("Group renamed"),
    GROUP_MADE: _("Group made"),
    GROUP_CHANGED: _("Rights of a group changed"),
    GROUP_DELETED: _("Group deleted"),
    GROUP_JOINED: _("Added to a group"),
    GROUP_LEFT: _("Removed from a group"),
    ORGANIZATION_MADE: _("Organisation made"),
    ORGANIZATION_CHANGED: _("Organisation changed"),
    ORGANIZATION_DELETED: _("Organisation deleted"),
    ORGANIZATION_JOINED: _("Added to an organisation"),
    ORGANIZATION_LEFT: _("Removed from an organisation"),
    RENAMING_RETRIED: _("Renaming tried again"),
    RENAMING_GIVEN_UP: _("Renaming given up"),
    NAME_CHANGED: _("Changed the name"),
    CONTACT_CHANGED: _("Changed organisation or telephone"),
    PASSWORD_CHANGED: _("Changed the password"),
    SESSIONS_ENDED: _("Signed out everywhere else"),
    EMAIL_CHANGE_ASKED: _("Asked for another e-mail address"),
    EMAIL_CHANGE_CANCELLED: _("Kept the old e-mail address"),
    EMAIL_CHANGED: _("Changed the e-mail address"),
    SSH_KEY_ADDED: _("SSH key added"),
    SSH_KEY_REMOVED: _("SSH key removed"),
}


def words(action: str) -> str | Promise:
    """What people read for a stored action; texts of other origin stand for themselves."""
    return WORDS.get(action, action)
