"""People of an LDAP directory, who sign in with its passwords: in use where AUTH_LDAP_SERVER_URI names one.

AUTH_LDAP_* mean what django-auth-ldap's documentation says, but for what `chosen_settings` holds fast. An account
without a password of its own here is the directory's; others it does not get, see `is_kept_here`.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

import ldap
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_auth_ldap.backend import LDAPBackend, _LDAPUser, ldap_error
from django_auth_ldap.config import LDAPSettings
from gevent import monkey
from gevent.threadpool import ThreadPool
from ldap.ldapobject import SimpleLDAPObject

from accounts import deeds, ownership, refusals
from accounts.backends import MAX_NAME, PeopleBackend, person_called
from accounts.usernames import problem_with, why_kept
from ganeti import tags

SECONDS = 5  # for a connection to stand, and for each answer, unless AUTH_LDAP_CONNECTION_OPTIONS says otherwise
MAX_PASSWORD = 4096
# One for each request that a worker serves at once: a silent directory holds nobody but who asks it
THREADS = 50
PERSONAL = ("first_name", "last_name", "email")
# What the directory says of itself or of our own account there, and not of the person
AWAY = (
    ldap.SERVER_DOWN,
    ldap.TIMEOUT,
    ldap.TIMELIMIT_EXCEEDED,
    ldap.CONNECT_ERROR,
    ldap.UNAVAILABLE,
    ldap.BUSY,
    ldap.CONFIDENTIALITY_REQUIRED,
    ldap.STRONG_AUTH_REQUIRED,
    ldap.INVALID_CREDENTIALS,  # of AUTH_LDAP_BIND_DN: the person's are no error to django-auth-ldap
)

logger = logging.getLogger(__name__)


class Refused(Exception):
    """Who knows the right password all the same cannot come in; the text is for them."""


class SwitchedOff(Exception):
    """The password is right, but an administrator has switched the account off."""

    def __init__(self, account: User) -> None:
        super().__init__("The account is switched off")  # django-auth-ldap logs it
        self.account = account


class DirectoryBackend(LDAPBackend):
    """Asks the directory, at sign-in only: no page waits for it. It stands after PeopleBackend (ganetimgr/sitefile.py),
    so that who has a password here signs in while the directory is away.
    """

    _settings: Any = None

    @property
    def settings(self) -> Any:
        if self._settings is None:
            self._settings = chosen_settings()
        return self._settings

    @property
    def ldap(self) -> type["Library"]:
        super().ldap  # noqa: B018  (sets AUTH_LDAP_GLOBAL_OPTIONS)
        return Library

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if not username or len(username) > MAX_NAME or "\0" in username:
            return None
        if not password or len(password) > MAX_PASSWORD:  # with an empty one LDAP lets everybody in, as nobody
            return None
        account = person_called(username)
        asked = _LDAPUser(self, username=account.username if account else username.strip(), request=request)
        if account and is_kept_here(account):
            look_for_nobody(asked)
            return None
        return self.authenticate_ldap_user(asked, password)

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> User | None:
        """The account of who knows the directory's password, switched off or not; a refusal is given a sentence."""
        try:
            account = ldap_user.authenticate(password)
        except SwitchedOff as found:
            return found.account
        except Refused as reason:
            refusals.give(ldap_user._request, str(reason))
            return None
        if account is not None:
            tell_what_changed(account, ldap_user)
            vars(account).pop("ldap_user")  # it points back: its connection would stay until the garbage is collected
        return account

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """The person's account, and whether it is new; Refused or SwitchedOff where there is none for them."""
        if self.settings.MIRROR_GROUPS or self.settings.MIRROR_GROUPS_EXCEPT or self.settings.USER_FLAGS_BY_GROUP:
            ldap_user.group_dns  # noqa: B018  (asks for all groups now: nothing is asked between reading and writing)
        name = self._name_of(username, ldap_user)
        tidy(ldap_user.attrs, self.settings.USER_ATTR_MAP)
        account, is_new = the_account_of(name), False
        if account is None:
            refuse_unfit(name)
            if self.settings.NO_NEW_USERS:
                return User(username=name), True  # never saved: django-auth-ldap refuses it
            account, is_new = User.objects.get_or_create(username=name, defaults={"password": make_password(None)})
        ldap_user.rights_before = None if is_new else rights(account)
        if is_kept_here(account):
            raise Refused(
                _("This site has had an account called “%(name)s” before the directory had. Ask the administrators.")
                % {"name": account.username}
            )
        if not account.is_active:
            raise SwitchedOff(account)
        if account.has_usable_password():
            take_over(account, ldap_user._request)
        return account, is_new

    def _name_of(self, typed: str, ldap_user: Any) -> str:
        """The name by which the directory knows the person, in one form: to LDAP Alice and alice are the same."""
        attribute = attribute_map().get("username")
        if not attribute:
            return typed.lower()
        names = (ldap_user.attrs or {}).get(attribute, [])
        if len(names) != 1 or not isinstance(names[0], str):
            raise Refused(_("The directory does not say by which one name you go. Ask the administrators."))
        return names[0].strip().lower()

    def get_user(self, user_id: int) -> User | None:
        return PeopleBackend().get_user(user_id)

    def get_group_permissions(self, user: Any, obj: Any = None) -> set[str]:
        """None by itself: permissions come with the groups that are mirrored, else every page would ask."""
        return set()


# ---- whose account it is ---------------------------------------------------------------------------------


def is_kept_here(account: User) -> bool:
    """Whether this account is not the directory's: it has a password here.

    LDAP_TAKES_OVER_LOCAL_ACCOUNTS gives such accounts to people of the same name, but for those of staff.
    """
    if not account.has_usable_password():
        return False
    return not settings.LDAP_TAKES_OVER_LOCAL_ACCOUNTS or account.is_staff or account.is_superuser


def the_account_of(name: str) -> User | None:
    """The account with this name, in whatever capitals (that of older sites is kept: owners' tags carry it)."""
    alike = [
        account
        for account in User.objects.filter(username__iexact=name).select_related("profile")
        if account.username.lower() == name  # databases find more alike than we do
    ]
    if len(alike) > 1:
        names = ", ".join(sorted(account.username for account in alike))
        raise Refused(_("Several accounts have your name: %(names)s. Ask the administrators.") % {"names": names})
    return alike[0] if alike else None


def refuse_unfit(name: str) -> None:
    problem = problem_with(name) or why_kept(name)
    if problem:
        raise Refused(
            _("The directory calls you “%(name)s”, which cannot be a name here. %(problem)s")
            % {"name": one_line(name, 60), "problem": problem}
        )


def take_over(account: User, request: HttpRequest | None) -> None:
    """From now on the directory's password counts, and the one that was kept here is gone."""
    account.set_unusable_password()
    with transaction.atomic():
        account.save(update_fields=["password"])
        deeds.tell(deeds.DIRECTORY_TOOK, request, by=account, about=account)


def tell_what_changed(account: User, ldap_user: Any) -> None:
    """Writes down what the directory gave and took: groups own VMs."""
    before, now = ldap_user.rights_before, rights(account)
    if before is None:
        deeds.tell(deeds.DIRECTORY_MADE, ldap_user._request, by=account, about=account)
    changes = [f"gained {right}" for right in sorted(now - (before or set()))]
    changes += [f"lost {right}" for right in sorted((before or set()) - now)]
    if changes:
        deeds.tell(deeds.DIRECTORY_RIGHTS, ldap_user._request, by=account, about=account, detail=", ".join(changes))


def rights(account: User) -> set[str]:
    groups = {f"group {name}" for name in account.groups.values_list("name", flat=True)}
    return groups | {flag for flag in ("is_staff", "is_superuser") if getattr(account, flag)}


def look_for_nobody(ldap_user: Any) -> None:
    """Asks the directory for a name whose account is kept here: neither time nor sentence may tell which those are."""
    try:
        ldap_user.attrs  # noqa: B018
    except ldap.LDAPError as error:
        ldap_error.send(
            DirectoryBackend, context="authenticate", user=None, request=ldap_user._request, exception=error
        )


@receiver(ldap_error, sender=DirectoryBackend)
def say_that_it_is_away(request: HttpRequest | None, exception: Exception, **kwargs: Any) -> None:
    if isinstance(exception, AWAY):
        refusals.give(
            request,
            _(
                "The directory that knows most passwords does not answer at the moment. Please try again later,"
                " unless this site keeps your password itself: then it was not the right one."
            ),
        )


# ---- what it says about people ---------------------------------------------------------------------------


def tidy(attributes: Any, wanted: dict[str, str]) -> None:
    """Makes of the directory's values what fits into an account; what says nothing is taken out."""
    for field, attribute in wanted.items():
        values = (attributes or {}).get(attribute)
        if values:
            value = one_line(values[0], getattr(User._meta.get_field(field), "max_length", None))
            attributes[attribute] = [value] if field != "email" or is_address(value) else []


def one_line(value: str | bytes, longest: int | None) -> str:
    """`value` without line breaks and other characters that do not print, cut to what its column holds."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    printing = "".join(character if character.isprintable() else " " for character in text[:10_000])
    return " ".join(printing.split())[:longest].strip()


def is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


class CarryableGroups:
    """A group type of django-auth-ldap's that leaves out groups whose names no owner's tag can carry, and those that a
    running renaming keeps.
    """

    def __init__(self, group_type: Any) -> None:
        self._group_type = group_type

    def __getattr__(self, name: str) -> Any:
        return getattr(self._group_type, name)

    def group_name_from_info(self, info: Any) -> str | None:
        """The name; None for a group that is not mirrored."""
        name = self._group_type.group_name_from_info(info)
        try:
            tags.owner_tag("group", name, settings.GANETI_TAG_PREFIX)
        except ValueError:
            logger.info("The directory's group %s is left out: no tag can carry %s.", info[0], one_line(str(name), 60))
            return None
        if ownership.is_kept(ownership.GROUP, name):
            logger.info("The directory's group %s is left out: tags with its name are being rewritten.", info[0])
            return None
        return name


# ---- settings and connections ----------------------------------------------------------------------------


def attribute_map() -> dict[str, str]:
    return getattr(settings, "AUTH_LDAP_USER_ATTR_MAP", {})


def chosen_settings() -> Any:
    """The site's AUTH_LDAP_*, made safe where it is silent, and without what would keep pages waiting."""
    chosen = LDAPSettings("AUTH_LDAP_")
    chosen.PERMIT_EMPTY_PASSWORD = chosen.FIND_GROUP_PERMS = chosen.AUTHORIZE_ALL_USERS = False
    chosen.CACHE_TIMEOUT = 0
    chosen.USER_ATTR_MAP = {field: name for field, name in attribute_map().items() if field in PERSONAL}
    chosen.CONNECTION_OPTIONS = connection_options(chosen)
    if chosen.GROUP_TYPE is not None:
        chosen.GROUP_TYPE = CarryableGroups(chosen.GROUP_TYPE)
    return chosen


def connection_options(chosen: Any) -> dict[int, Any]:
    """Bounded waiting and certificates that are checked, then the site's own; in the order that libldap needs."""
    options = {
        ldap.OPT_NETWORK_TIMEOUT: SECONDS,
        ldap.OPT_TIMEOUT: SECONDS,
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_CONNECT_ASYNC: int(waits_for_tls_in_bounds(chosen.SERVER_URI)),
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
        **chosen.CONNECTION_OPTIONS,
    }
    options.pop(ldap.OPT_X_TLS_NEWCTX, None)
    if is_encrypted(chosen):
        options[ldap.OPT_X_TLS_NEWCTX] = 0  # last: it puts the others to use
    return options


def is_encrypted(chosen: Any) -> bool:
    uri = chosen.SERVER_URI
    return bool(chosen.START_TLS or callable(uri) or "ldaps://" in uri)


def waits_for_tls_in_bounds(uri: Any) -> bool:
    """Whether libldap is told to connect asynchronously: else a server that is silent in a TLS handshake holds it for
    ever, whatever the time-outs say. Of several ldap:// addresses it would only try the first then.
    """
    return not callable(uri) and (len(uri.split()) == 1 or "ldaps://" in uri)


class Connection(SimpleLDAPObject):
    """libldap is C and would stop all green threads while it waits: each call waits in a thread of its own."""

    def _ldap_call(self, call: Callable[..., Any], *words: Any, **named: Any) -> Any:
        return super()._ldap_call(in_a_thread(call) if monkey.is_module_patched("socket") else call, *words, **named)


class Library:
    """What django-auth-ldap needs of the module ldap."""

    initialize = Connection


def in_a_thread(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, during which other green threads go on. Its errors come back as values: gevent would print them."""

    def caught(*words: Any, **named: Any) -> tuple[Any, Exception | None]:
        try:
            return call(*words, **named), None
        except Exception as error:
            return None, error

    def waited(*words: Any, **named: Any) -> Any:
        result, error = threads().apply(caught, words, named)
        if error:
            raise error
        return result

    return waited


@functools.cache
def threads() -> ThreadPool:
    """Made when first asked, by the process that asks, and apart from the pool in which gevent looks up names."""
    return ThreadPool(THREADS)
