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
RENAMING_RETRIED = "Renaming tried again"
RENAMING_GIVEN_UP = "Renaming given up"

WORDS: dict[str, str | Promise] = {
    START: _("Start"),
    SHUTDOWN: _("Shut down"),
    REBOOT: _("Reboot"),
    ADD_TAGS: _("Add tags"),
    REMOVE_TAGS: _("Remove tags"),
    deeds.SIGN_IN: _("Signed in"),
    deeds.SIGN_IN_LOCKED: _("Sign-in locked after too many tries"),
    deeds.PASSWORD_RESET_ASKED: _("Password reset asked for"),
    deeds.PASSWORD_RESET: _("Password reset by mail"),
    deeds.REGISTERED: _("Registered"),
    deeds.ADDRESS_PROVEN: _("Proved the e-mail address"),
    deeds.REGISTRATION_APPROVED: _("Registration approved"),
    deeds.REGISTRATION_REFUSED: _("Registration refused"),
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
}


def words(action: str) -> str | Promise:
    """What people read for a stored action; texts of other origin stand for themselves."""
    return WORDS.get(action, action)
