"""System checks about a site's directory: what would only fail when somebody signs in, and what gives too much away."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, Warning

from ganetimgr.checks import ONLY_HERE, Findings

THEIR_BACKEND = "django_auth_ldap.backend.LDAPBackend"
FIELDS = ("username", "first_name", "last_name", "email")
# What django-auth-ldap knows and we hold fast, see accounts/ldap.py
WITHOUT_EFFECT = (
    "PERMIT_EMPTY_PASSWORD",
    "FIND_GROUP_PERMS",
    "AUTHORIZE_ALL_USERS",
    "CACHE_TIMEOUT",
    "USER_QUERY_FIELD",
)
OF_GROUPS = ("REQUIRE_GROUP", "DENY_GROUP", "MIRROR_GROUPS", "MIRROR_GROUPS_EXCEPT", "USER_FLAGS_BY_GROUP")


def of_ldap(name: str) -> Any:
    """A setting of django-auth-ldap's, without its prefix; None where the site is silent."""
    return getattr(settings, f"AUTH_LDAP_{name}", None)


# ---- nonsense: said by every command --------------------------------------------------------------------


@checks.register()
def ldap_makes_sense(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    found = list(_backend())
    if of_ldap("SERVER_URI"):
        return [*found, *_search(), *_attributes(), *_groups(), *_without_effect(), *_twice_encrypted()]
    if of_ldap("USER_SEARCH") or of_ldap("USER_DN_TEMPLATE"):
        found.append(
            Warning(
                "There are settings for LDAP, but AUTH_LDAP_SERVER_URI names no directory: nobody is asked.",
                hint='Name it, as in AUTH_LDAP_SERVER_URI = "ldap://ldap.your-domain".',
                id="ganetimgr.W030",
            )
        )
    return found


def _backend() -> Findings:
    if THEIR_BACKEND in settings.AUTHENTICATION_BACKENDS:
        yield Error(
            f"AUTHENTICATION_BACKENDS names {THEIR_BACKEND}: it gives local accounts to people of the same name, and"
            " stops the whole process while the directory is silent.",
            hint="Leave AUTHENTICATION_BACKENDS out of your settings: AUTH_LDAP_SERVER_URI is enough.",
            id="ganetimgr.E030",
        )


def _search() -> Findings:
    search = of_ldap("USER_SEARCH")
    if search is None and not of_ldap("USER_DN_TEMPLATE"):
        yield Error(
            "The directory is named, but not how people are found in it.",
            hint="Set AUTH_LDAP_USER_SEARCH or AUTH_LDAP_USER_DN_TEMPLATE, see settings.py.dist.",
            id="ganetimgr.E031",
        )
    if of_ldap("BIND_DN") and not of_ldap("BIND_PASSWORD"):
        yield Error(
            "AUTH_LDAP_BIND_DN is set, but AUTH_LDAP_BIND_PASSWORD is not: the directory refuses such a search.",
            hint="Set the password, or leave both out where anybody may search.",
            id="ganetimgr.E036",
        )
    if getattr(search, "filterstr", "").count("%(user)s") > 1 and "username" not in _attribute_map():
        yield Warning(
            "AUTH_LDAP_USER_SEARCH finds people by more than their name: what they type would become their name.",
            hint='Say which attribute names them, as in AUTH_LDAP_USER_ATTR_MAP = {"username": "uid", ...}.',
            id="ganetimgr.W031",
        )


def _attribute_map() -> dict[str, str]:
    return of_ldap("USER_ATTR_MAP") or {}


def _attributes() -> Findings:
    strangers = sorted(set(_attribute_map()) - set(FIELDS))
    if strangers:
        yield Error(
            f"AUTH_LDAP_USER_ATTR_MAP names {', '.join(strangers)}, which the directory does not fill.",
            hint=f"It can fill {', '.join(FIELDS)}.",
            id="ganetimgr.E032",
        )


def _groups() -> Findings:
    wanted = [name for name in OF_GROUPS if of_ldap(name)]
    if wanted and (of_ldap("GROUP_SEARCH") is None or of_ldap("GROUP_TYPE") is None):
        yield Error(
            f"AUTH_LDAP_{wanted[0]} needs AUTH_LDAP_GROUP_SEARCH and AUTH_LDAP_GROUP_TYPE: nobody could sign in.",
            hint="Set both, see settings.py.dist.",
            id="ganetimgr.E033",
        )
    for name in ("MIRROR_GROUPS", "MIRROR_GROUPS_EXCEPT"):
        value = of_ldap(name)
        if value and not (value is True and name == "MIRROR_GROUPS") and not _are_names(value):
            yield Error(
                f"AUTH_LDAP_{name} is {value!r}: nobody could sign in.",
                hint='Name groups, as in ["noc", "web"].',
                id="ganetimgr.E034",
            )


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, Collection)
        and not isinstance(value, str | bytes | dict)
        and all(isinstance(name, str) for name in value)
    )


def _without_effect() -> Findings:
    names = [f"AUTH_LDAP_{name}" for name in WITHOUT_EFFECT if of_ldap(name)]
    if names:
        yield Warning(
            f"Without effect here: {', '.join(names)}. The directory is asked when somebody signs in, never by a page.",
            hint="Leave it out. Permissions come with groups, see AUTH_LDAP_MIRROR_GROUPS.",
            id="ganetimgr.W032",
        )


def _twice_encrypted() -> Findings:
    if of_ldap("START_TLS") and any(scheme == "ldaps" for scheme, _ in _addresses()):
        yield Error(
            "AUTH_LDAP_START_TLS asks for TLS on an ldaps:// connection, which has it already: nobody could sign in.",
            hint="Leave AUTH_LDAP_START_TLS out.",
            id="ganetimgr.E035",
        )


def _addresses() -> list[tuple[str, str]]:
    """Scheme and host of each server; none where the site computes them."""
    uri = of_ldap("SERVER_URI")
    parts = [] if callable(uri) else [urlsplit(each) for each in uri.split()]
    return [(part.scheme, part.hostname or "") for part in parts]


# ---- not fit for production: said by `check --deploy` -----------------------------------------------------


@checks.register(Tags.security, deploy=True)
def ldap_is_fit_for_production(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [*_plain_text(), *_certificate(), *_ownership(), *_help()] if of_ldap("SERVER_URI") else []


def _plain_text() -> Findings:
    open_ones = [host for scheme, host in _addresses() if scheme == "ldap" and host not in ONLY_HERE]
    if open_ones and not of_ldap("START_TLS"):
        yield Warning(
            f"Passwords go to {', '.join(open_ones)} in plain text.",
            hint="Set AUTH_LDAP_START_TLS = True, or use ldaps://.",
            id="ganetimgr.W040",
        )


def _certificate() -> Findings:
    import ldap

    strict = (ldap.OPT_X_TLS_DEMAND, ldap.OPT_X_TLS_HARD)
    chosen = (of_ldap("CONNECTION_OPTIONS") or {}).get(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    if chosen not in strict:
        yield Warning(
            "The directory's certificate is not checked: whoever stands between reads the passwords.",
            hint="Leave ldap.OPT_X_TLS_REQUIRE_CERT out of AUTH_LDAP_CONNECTION_OPTIONS, and name the authority that"
            " signed the certificate in ldap.OPT_X_TLS_CACERTFILE.",
            id="ganetimgr.W041",
        )


def _ownership() -> Findings:
    if of_ldap("MIRROR_GROUPS") is True and not of_ldap("MIRROR_GROUPS_EXCEPT"):
        yield Warning(
            "AUTH_LDAP_MIRROR_GROUPS is True: who signs in leaves every group that the directory does not have, and"
            " loses its VMs; whoever names groups there gives away VMs and permissions of groups here.",
            hint='Name the groups that come from the directory, as in AUTH_LDAP_MIRROR_GROUPS = ["noc"], or those that'
            " do not in AUTH_LDAP_MIRROR_GROUPS_EXCEPT.",
            id="ganetimgr.W042",
        )
    if settings.LDAP_TAKES_OVER_LOCAL_ACCOUNTS:
        yield Warning(
            "LDAP_TAKES_OVER_LOCAL_ACCOUNTS is on: whoever names people in the directory gets accounts of this site.",
            hint="Switch it off again once people have moved to the directory.",
            id="ganetimgr.W043",
        )


def _help() -> Findings:
    if not settings.LDAP_PASSWORD_URL and not settings.LDAP_ACCOUNT_HELP:
        yield Warning(
            "People of the directory are not told where they change their password and e-mail address.",
            hint="Set LDAP_PASSWORD_URL to a page, or LDAP_ACCOUNT_HELP to a sentence.",
            id="ganetimgr.W044",
        )
