"""What becomes of each setting of a ganetimgr 2.x: a row for each name that its file, its manual or its fork knows."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganetimgr import defaults

KEPT, RENAMED, DEFAULT, GONE = "kept", "renamed", "now the default", "no longer needed"


class Unusable(Exception):
    """The old value means nothing here; says why."""


@dataclass(frozen=True)
class Fate:
    """What became of a setting, and why. `new` is its name now, `value` turns the old value into ours."""

    became: str
    why: str = ""
    new: str = ""
    value: Callable[[Any], Any] = lambda value: value


# ---- values ---------------------------------------------------------------------------------------------------

EXAMPLES = re.compile(r"\bexample\.(com|org|net)\b|<[^>]+>|vnc\.proxy\.com")


def _no_example(value: Any) -> Any:
    if isinstance(value, str) and EXAMPLES.search(value):
        raise Unusable("It was the example's.")
    return value


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise Unusable("It was no number.") from error


def _list(value: Any) -> list[Any]:
    """One address is a list of one; the file of 2.2 had it either way."""
    found = [value] if isinstance(value, str) else list(value or [])
    return [item for item in found if item]


def _language(value: Any) -> str:
    code = str(value).lower().partition("-")[0]
    if code not in dict(defaults.LANGUAGES):
        raise Unusable("There are English and Greek so far.")
    return code


def _people(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, list | tuple) and len(one) == 2 for one in value):
        raise Unusable("It was no list of names and addresses.")
    found = [(str(name), str(address)) for name, address in value if not EXAMPLES.search(str(address))]
    if not found:
        raise Unusable("It held the example's addresses only.")
    return found


def _branding(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unusable("It was no dictionary.")
    left = {"ANALYTICS_FILE_PATH"}  # a template's name there, a file's path here
    found = {key: part for key, part in value.items() if key in defaults.BRANDING and key not in left}
    return {key: "" if part is None else part for key, part in found.items()}


def _only(*keys: str) -> Callable[[Any], dict[str, Any]]:
    def chosen(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unusable("It was no dictionary.")
        return {key: part for key, part in value.items() if key in keys}

    return chosen


def _picture(value: Any) -> str:
    if not str(value).startswith("/"):
        raise Unusable("It was no whole path of a file, and 2.x came without that file.")
    return str(value)


def _redis(value: Any) -> str:
    """The address of the Redis behind a cache."""
    cache = value.get("default") if isinstance(value, dict) else None
    location = (cache or {}).get("LOCATION", "") if isinstance(cache, dict) else ""
    location = location[0] if isinstance(location, list | tuple) and location else location
    if "redis" not in f"{(cache or {}).get('BACKEND', '')}".lower() or not isinstance(location, str):
        raise Unusable("It was no Redis.")
    if location.startswith(("redis://", "rediss://", "unix://")):
        return location
    host, _, rest = location.partition(":")
    port, _, number = rest.partition(":")
    return f"redis://{host or '127.0.0.1'}:{port or 6379}/{number or 0}"


# ---- the table -------------------------------------------------------------------------------------------------


def _kept(*names: str, why: str = "", value: Callable[[Any], Any] = lambda value: value) -> dict[str, Fate]:
    return {name: Fate(KEPT, why, value=value) for name in names}


def _gone(*names: str, why: str) -> dict[str, Fate]:
    return {name: Fate(GONE, why) for name in names}


def _default(*names: str, why: str) -> dict[str, Fate]:
    return {name: Fate(DEFAULT, why) for name in names}


OURS = "how it is put together is ours (ganetimgr/defaults.py)"
OTHER_PROXIES = "console.py speaks to the nodes itself, no proxy is needed (contrib/systemd, contrib/nginx)"

FATES: dict[str, Fate] = {
    # the site
    **_default("DEBUG", why="it is off; what it shows to strangers is for nobody's site"),
    **_gone("TEMPLATE_DEBUG", why="it went with Django 1.10"),
    **_kept("ALLOWED_HOSTS", value=_list),
    **_gone("SECRET_KEY", why="a new one is made in var/secret-key: the old one opened pickled sessions"),
    **_default("SESSION_SERIALIZER", why="sessions are JSON: pickles run code of whoever can write them"),
    **_kept("SESSION_EXPIRE_AT_BROWSER_CLOSE", "SITE_ID", "TIME_ZONE"),
    **_kept("SESSION_COOKIE_AGE", value=_number),
    **_default(
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "SESSION_ENGINE",
        why="“manage.py check --deploy” says what a site with TLS sets",
    ),
    **_default("LANGUAGES", "LOCALE_PATHS", why="there are English and Greek"),
    **_kept("LANGUAGE_CODE", value=_language),
    **_gone("DATE_FORMAT", "DATETIME_FORMAT", "USE_L10N", why="each reader's language has its own"),
    **_default("USE_I18N", "USE_TZ", why="always on; times of old are read in the old TIME_ZONE by “adopt”"),
    **_gone(
        "TEMPLATES",
        "TEMPLATE_DIRS",
        "TEMPLATE_LOADERS",
        "TEMPLATE_CONTEXT_PROCESSORS",
        "MIDDLEWARE",
        "MIDDLEWARE_CLASSES",
        "INSTALLED_APPS",
        "ROOT_URLCONF",
        "WSGI_APPLICATION",
        "STATICFILES_DIRS",
        "STATICFILES_FINDERS",
        "STATICFILES_STORAGE",
        "DEFAULT_AUTO_FIELD",
        "PROJECT_PATH",
        "PROJECT_DIR",
        "BASE_DIR",
        why=OURS,
    ),
    **_default(
        "STATIC_URL",
        "STATIC_ROOT",
        "MEDIA_URL",
        "MEDIA_ROOT",
        why="collectstatic writes to var/static; nothing is uploaded",
    ),
    "CACHES": Fate(RENAMED, "Redis holds cache and snapshots; without one nothing has to be set", "REDIS_URL", _redis),
    **_default("LOGIN_URL", "LOGIN_REDIRECT_URL", why="the address is the same"),
    **_gone("LOGGING", why="logs go to the process's own output, see LOG_FORMAT; errors to SENTRY"),
    "SENTRY": Fate(KEPT, "with requirements/sentry.txt", value=_only("activate", "sentry_dsn")),
    **_gone("TEST_RUNNER", "SW_VERSION", why="nothing reads it"),
    **_kept("ADMINS", "MANAGERS", value=_people),
    **_gone("DATABASES", why="the new database is another one, below; “adopt” reads the old one"),
    # mail
    **_kept(
        "EMAIL_HOST",
        "EMAIL_PORT",
        "EMAIL_HOST_USER",
        "EMAIL_HOST_PASSWORD",
        "EMAIL_USE_TLS",
        "EMAIL_USE_SSL",
        "EMAIL_SUBJECT_PREFIX",
        "EMAIL_BACKEND",
    ),
    **_kept("SERVER_EMAIL", "DEFAULT_FROM_EMAIL", value=_no_example),
    **_kept("USE_X_FORWARDED_HOST", why="name the proxies in TRUSTED_PROXIES, too"),
    # people
    **_gone("AUTHENTICATION_BACKENDS", why="ours count wrong passwords; LDAP comes with AUTH_LDAP_SERVER_URI"),
    **_kept("ACCOUNT_ACTIVATION_DAYS", "IDLE_ACCOUNT_NOTIFICATION_DAYS", "INSTANCE_ACTION_ACTIVE_DAYS", value=_number),
    **_kept("REGISTRATION_OPEN"),
    **_gone("AUTH_PROFILE_MODULE", "REGISTRATION_FORM", why="there is one profile and one form"),
    **_kept("RECAPTCHA_PUBLIC_KEY", "RECAPTCHA_PRIVATE_KEY", why="without keys a captcha asks that needs nobody else"),
    "NORECAPTCHA_SITE_KEY": Fate(RENAMED, new="RECAPTCHA_PUBLIC_KEY"),
    "NORECAPTCHA_SECRET_KEY": Fate(RENAMED, new="RECAPTCHA_PRIVATE_KEY"),
    **_gone("RECAPTCHA_USE_SSL", why="it always does"),
    # Ganeti
    **_kept("GANETI_TAG_PREFIX"),
    **_kept(
        "RAPI_CONNECT_TIMEOUT",
        "RAPI_RESPONSE_TIMEOUT",
        "WHITELIST_IP_MAX_SUBNET_V4",
        "WHITELIST_IP_MAX_SUBNET_V6",
        "AUDIT_ENTRIES_LAST_X_DAYS",
        value=_number,
    ),
    **_kept("COLLECTD_URL", "SERVER_MONITORING_URL", value=_no_example),
    "NODATA_IMAGE": Fate(KEPT, "empty: our own picture", value=_picture),
    # consoles
    **_kept("WEBSOCK_VNC_ENABLED", "NOVNC_USE_TLS"),
    "NOVNC_PROXY": Fate(KEPT, "without it console.py needs no proxy", value=_no_example),
    **_gone("LEGACY_VNC_ENABLED", why="no browser has Java any more"),
    **_gone(
        "NOVNC_PROXY_AUTH_USER",
        "NOVNC_PROXY_AUTH_PASSWORD",
        "NOVNC_JWE_SECRET",
        "NOVNC_JWE_TOKEN_EXPIRY",
        "NOVNC_PROXY_BASE",
        why=OTHER_PROXIES,
    ),
    "NOVNC_JWE_SERVER_PASSWORD": Fate(RENAMED, new="CONSOLE_VNC_PASSWORD"),
    # the look
    "BRANDING": Fate(
        KEPT,
        "bring the files that it names along; FOOTER_ICONS_IFRAME and SHOW_WELCOME_TEXT are gone, ANALYTICS_FILE_PATH"
        " is the path of a file now",
        value=_branding,
    ),
    "FLATPAGES": Fate(KEPT, value=_only("INFO", "TOS", "FAQ")),
    **_kept("HELPDESK_INTEGRATION_JAVASCRIPT_URL", "HELPDESK_INTEGRATION_JAVASCRIPT_PARAMS"),
    **_gone("FEED_URL", why="nothing read it; BRANDING's FEED_URL does it"),
    # operating systems
    **_kept(
        "OPERATING_SYSTEMS",
        "OPERATING_SYSTEMS_PROVIDER",
        "OPERATING_SYSTEMS_SSH_KEY_PARAM",
        "SNF_IMG_PROPERTIES",
        "SNF_IMG_PASSWD",
        "IMG_META_SFX",
    ),
    **_kept("OPERATING_SYSTEMS_URLS", "SNF_OPERATING_SYSTEMS_URLS", "IMAGES_URL", value=_list),
    # the watcher
    **_kept(
        "BEANSTALK_TUBE",
        "BEANSTALKD_HOST",
        "BEANSTALKD_PORT",
        why="without BEANSTALKD_HOST the watcher's sweep does it alone",
    ),
    # programs
    **_default("OAUTH2_PROVIDER", why="tokens and scopes are set as they are safe; OAUTH_ENABLED switches programs on"),
    **_gone(
        "CORS_ORIGIN_ALLOW_ALL", "CORS_ALLOW_ALL_ORIGINS", why="not every page of the web may ask in people's names"
    ),
}

LDAP = Fate(KEPT, "with requirements/ldap.txt, see settings.py.dist")


def fate_of(name: str) -> Fate | None:
    """What became of it; None for a name that 2.x did not have."""
    return FATES.get(name) or (LDAP if name.startswith("AUTH_LDAP_") else None)
