"""Every user has a profile: made with the user, and on demand for users older than profiles."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models.signals import post_save

from accounts.models import UserProfile


def of(user: User) -> UserProfile:
    """The profile of `user`."""
    try:
        return user.profile
    except UserProfile.DoesNotExist:
        return UserProfile.objects.get_or_create(user=user)[0]


def is_managed_elsewhere(user: Any) -> bool:
    """Whether a directory keeps this account's password and e-mail address, so that nobody changes them here."""
    return not user.has_usable_password()


def where_managed() -> dict[str, str]:
    """Where such people change them, as far as the site says so: an address, a sentence."""
    return {"url": settings.LDAP_PASSWORD_URL, "help": settings.LDAP_ACCOUNT_HELP}


def connect() -> None:
    post_save.connect(_make, sender=User, dispatch_uid="accounts.profiles")


def _make(sender: Any, instance: User, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw:
        UserProfile.objects.get_or_create(user=instance)
