"""System checks about the settings, each with what to do about it: nonsense is an error at once, what is not fit for
production is said by `manage.py check --deploy`. Django's own checks say the rest (DEBUG, weak keys, HTTPS, cookies).
"""

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.db import DatabaseError
from django.utils.translation import to_locale

from apps.demo.people import PEOPLE
from ganeti import tags
from ganetimgr.metrics import SHORTEST_TOKEN

LONGEST_TAG = ":whitelist_ip:" + "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"
POSITIVE = (
    "RAPI_CONNECT_TIMEOUT",
    "RAPI_RESPONSE_TIMEOUT",
    "RAPI_DEADLINE",
    "INVENTORY_INTERVAL",
    "INVENTORY_INTERVAL_WATCHED",
    "WATCHER_LEASE",
    "EMAIL_TIMEOUT",
)
ONLY_HERE = ("localhost", "127.0.0.1", "[::1]", "::1")
LETTERS_STAY_HERE = tuple(
    f"django.core.mail.backends.{kind}.EmailBackend" for kind in ("console", "filebased", "locmem", "dummy")
)
EXAMPLES = ("example.com", "example.org", "example.net", "localhost")

Findings = Iterator[CheckMessage]


# ---- nonsense: said by every command --------------------------------------------------------------------


@checks.register()
def settings_make_sense(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    found = (_choices, _tags, _times, _proxies, _key_file, _languages, _mail_server, _graphs, _console, _metrics)
    return [message for check in found for message in check()]


def _choices() -> Findings:
    allowed = {
        "LOG_FORMAT": ("line", "json"),
        "GANETI_TAG_SPELLING": ("plural", "singular"),
        "SECOND_FACTOR_REQUIRED_FOR": ("", "staff", "everybody"),
    }
    for name, number in zip(allowed, (1, 2, 8), strict=True):
        values = allowed[name]
        value = getattr(settings, name)
        if value not in values:
            hint = f"Set it to {' or '.join(repr(value) for value in values)}."
            yield Error(f"{name} is {value!r}, which means nothing.", hint=hint, id=f"ganetimgr.E00{number}")


def _tags() -> Findings:
    prefix = settings.GANETI_TAG_PREFIX
    try:
        tags.checked(prefix + LONGEST_TAG)
        sentence = "It must not contain a colon, which ends it." if ":" in prefix else ""
    except ValueError as error:
        sentence = str(error)
    if not prefix or sentence:
        yield Error(
            f"GANETI_TAG_PREFIX {prefix!r} cannot begin a tag. {sentence}".rstrip(),
            hint="Use the short word that your instances' tags begin with: letters, digits, dots, dashes.",
            id="ganetimgr.E003",
        )


def _times() -> Findings:
    bad = [name for name in POSITIVE if not _is_positive(getattr(settings, name))]
    for name in bad:
        yield Error(
            f"{name} is {getattr(settings, name)!r}, but it is a time.",
            hint="Set it to a number of seconds above 0.",
            id="ganetimgr.E004",
        )
    if bad:
        return
    for name in ("RAPI_CONNECT_TIMEOUT", "RAPI_RESPONSE_TIMEOUT"):
        if getattr(settings, name) > settings.RAPI_DEADLINE:
            yield Warning(
                f"{name} is longer than RAPI_DEADLINE, which ends every request.",
                hint="Make RAPI_DEADLINE the longest of the three.",
                id="ganetimgr.W001",
            )
    if settings.INVENTORY_INTERVAL_WATCHED > settings.INVENTORY_INTERVAL:
        yield Warning(
            "Clusters that somebody looks at are asked less often than others.",
            hint="Set INVENTORY_INTERVAL_WATCHED below INVENTORY_INTERVAL.",
            id="ganetimgr.W002",
        )


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _proxies() -> Findings:
    for entry in settings.TRUSTED_PROXIES:
        try:
            entry == "unix" or ipaddress.ip_network(entry, strict=False)
        except ValueError:
            yield Error(
                f"TRUSTED_PROXIES names {entry!r}, which is no address, no network and not “unix”.",
                hint='Name addresses and networks, as in ["127.0.0.1", "10.1.0.0/16"].',
                id="ganetimgr.E005",
            )


def _key_file() -> Findings:
    name = settings.FIELD_KEY_FILE
    try:
        too_short = name and len(Path(name).read_text().strip()) < 20
        sentence = "holds fewer than 20 characters" if too_short else ""
    except (OSError, ValueError) as error:
        sentence = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if sentence:
        yield Error(
            f"FIELD_KEY_FILE {name} {sentence}: stored passwords of clusters cannot be opened.",
            hint="Restore the file, readable by whom this runs as. Without the setting SECRET_KEY serves.",
            id="ganetimgr.E006",
        )


def _languages() -> Findings:
    for code, _ in settings.LANGUAGES:
        catalogues = (Path(place) / to_locale(code) / "LC_MESSAGES" / "django.mo" for place in settings.LOCALE_PATHS)
        if not code.startswith("en") and not any(path.is_file() for path in catalogues):
            yield Warning(
                f"LANGUAGES offers {code!r}, for which there is no translation: people would get English.",
                hint="Take it away, or put a catalogue below one of LOCALE_PATHS.",
                id="ganetimgr.W003",
            )


def _mail_server() -> Findings:
    if settings.EMAIL_USE_TLS and settings.EMAIL_USE_SSL:
        yield Error(
            "EMAIL_USE_TLS and EMAIL_USE_SSL are both on: no mail can be sent.",
            hint="Leave one: EMAIL_USE_SSL where the mail server begins with TLS (port 465), else EMAIL_USE_TLS.",
            id="ganetimgr.E007",
        )


def _graphs() -> Findings:
    try:
        address = urlsplit(settings.COLLECTD_URL)
        is_address = address.scheme in ("http", "https") and bool(address.hostname)
    except (ValueError, AttributeError):
        is_address = False
    if settings.COLLECTD_URL and not is_address:
        yield Error(
            f"COLLECTD_URL is {settings.COLLECTD_URL!r}, which is no address of a web server: there are no graphs.",
            hint='Set it to an address that begins with http:// or https://, or to "" for no graphs.',
            id="ganetimgr.E012",
        )
    if settings.NODATA_IMAGE and not Path(settings.NODATA_IMAGE).is_file():
        yield Warning(
            f"NODATA_IMAGE {settings.NODATA_IMAGE} is no file: our own picture is sent where there is no graph.",
            hint="Restore the file, or leave the setting out.",
            id="ganetimgr.W025",
        )


def _console() -> Findings:
    proxy = settings.NOVNC_PROXY
    if proxy and not (proxy.rpartition(":")[0] and proxy.rpartition(":")[2].isdigit()):
        yield Error(
            f"NOVNC_PROXY is {proxy!r}, which names no host and port.",
            hint='Set it as in "vnc.example.org:8888", or leave it out: our own console process serves then.',
            id="ganetimgr.E030",
        )
    if settings.CONSOLE_URL and not settings.CONSOLE_URL.startswith(("ws://", "wss://")):
        yield Error(
            f"CONSOLE_URL is {settings.CONSOLE_URL!r}, but browsers come by ws:// or wss://.",
            hint='Set it as in "wss://{host}:8089", or leave it out where the web server passes /console/ on.',
            id="ganetimgr.E031",
        )


def _metrics() -> Findings:
    for entry in settings.METRICS_ADDRESSES:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            yield Error(
                f"METRICS_ADDRESSES names {entry!r}, which is no address and no network.",
                hint='Name addresses and networks, as in ["127.0.0.1", "10.1.0.0/16"].',
                id="ganetimgr.E050",
            )
    token, name = settings.METRICS_TOKEN, settings.METRICS_TOKEN_FILE
    try:
        token = Path(name).read_text() if name else token
        sentence = f"holds fewer than {SHORTEST_TOKEN} characters" if (token or name) and _is_short(token) else ""
    except (OSError, ValueError) as error:
        sentence = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if sentence:
        yield Error(
            f"{'METRICS_TOKEN_FILE' if name else 'METRICS_TOKEN'} {sentence}: nobody can read /metrics by it.",
            hint="Make a token with: openssl rand -hex 32. Without one METRICS_ADDRESSES alone say who may.",
            id="ganetimgr.E051",
        )


def _is_short(token: str) -> bool:
    return len(token.strip()) < SHORTEST_TOKEN


# ---- not fit for production: said by `check --deploy` -----------------------------------------------------


@checks.register(Tags.security, deploy=True)
def settings_are_fit_for_production(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    parts = (_hosts, _key, _storage, _proxy, _mail, _links_and_letters, _patterns, _open_consoles)
    return [finding for part in parts for finding in part()]


def _hosts() -> Findings:
    hosts = settings.ALLOWED_HOSTS
    if "*" in hosts:
        yield Warning(
            "ALLOWED_HOSTS allows every name: links in mails can be made to lead elsewhere.",
            hint="Name the hosts under which people reach this site.",
            id="ganetimgr.W010",
        )
    elif hosts and all(host in ONLY_HERE for host in hosts):
        yield Warning(
            "ALLOWED_HOSTS names this machine only: everybody who comes by the site's name is turned away.",
            hint='Name the hosts under which people reach this site, as in ALLOWED_HOSTS = ["vps.your-domain"].',
            id="ganetimgr.W011",
        )


def _key() -> Findings:
    """A generated key is as good as any, until a second machine generates another."""
    if not _is_generated(settings.SECRET_KEY) or _is_sqlite():
        return
    yield Warning(
        "SECRET_KEY was generated on this machine, but the database may serve others, which would have other keys:"
        " sessions end and stored passwords cannot be opened when requests come to them.",
        hint=f"Set SECRET_KEY on every machine to what {Path(settings.VAR_DIR) / 'secret-key'} holds here.",
        id="ganetimgr.W012",
    )


def _is_generated(key: str) -> bool:
    try:
        return (Path(settings.VAR_DIR) / "secret-key").read_text().strip() == key
    except OSError:
        return False


def _storage() -> Findings:
    if _is_sqlite():
        yield Warning(
            "The database is SQLite: one writer at a time, on one machine.",
            hint="Set DATABASES to a MariaDB before many people come.",
            id="ganetimgr.W013",
        )
    for name, database in settings.DATABASES.items():
        if database.get("CONN_MAX_AGE", 0) != 0:
            yield Warning(
                f"DATABASES[{name!r}] keeps connections (CONN_MAX_AGE): web and watcher would keep one for each request"
                " that they ever served.",
                hint="Set CONN_MAX_AGE to 0.",
                id="ganetimgr.W014",
            )
    if not settings.SNAPSHOT_STORE.startswith(("redis://", "rediss://", "unix://")):
        yield Warning(
            "The inventory lies in a directory: only processes of this machine share it.",
            hint="Set REDIS_URL to a Redis that all machines of the site reach.",
            id="ganetimgr.W015",
        )
    if settings.CACHES["default"]["BACKEND"].endswith((".LocMemCache", ".DummyCache")):
        yield Warning("Every process has a cache of its own.", hint="Set REDIS_URL, or CACHES.", id="ganetimgr.W016")
    if not settings.BEANSTALKD_HOST:
        yield Warning(
            "There is no broker: watchers hear of a new job when they look for one, up to a second later.",
            hint="Set BEANSTALKD_HOST.",
            id="ganetimgr.W017",
        )


def _is_sqlite() -> bool:
    return settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


def _proxy() -> Findings:
    if settings.USE_X_FORWARDED_HOST and not settings.TRUSTED_PROXIES:
        yield Warning(
            "USE_X_FORWARDED_HOST is on, but no proxy is trusted: its headers are thrown away, and every client"
            " seems to come from the proxy, without HTTPS.",
            hint='Name the proxy in TRUSTED_PROXIES, as in ["127.0.0.1"], or ["unix"] where it comes by a socket.',
            id="ganetimgr.W018",
        )


def _mail() -> Findings:
    if not settings.ADMINS:
        yield Warning(
            "ADMINS is empty: nobody gets a mail about errors.",
            hint='Name somebody, as in ADMINS = [("Operators", "operators@your-domain")].',
            id="ganetimgr.W019",
        )
    addresses = {
        "SERVER_EMAIL": [settings.SERVER_EMAIL],
        "DEFAULT_FROM_EMAIL": [settings.DEFAULT_FROM_EMAIL],
        "ADMINS": [address for _, address in settings.ADMINS],
        "MANAGERS": [address for _, address in settings.MANAGERS],
        "EMAIL_REPLY_TO": [settings.EMAIL_REPLY_TO],
    }
    for name, given in addresses.items():
        if any(_is_an_example(address) for address in given):
            yield Warning(
                f"{name} is still an example's address: mail from it is refused, mail to it is lost.",
                hint="Use an address of your own.",
                id="ganetimgr.W020",
            )


def _links_and_letters() -> Findings:
    if not settings.SITE_URL:
        yield Warning(
            "SITE_URL is empty: links in mails lead where the request came to, and those of the watcher lead nowhere.",
            hint='Set it to the address of this site, as in SITE_URL = "https://vps.your-domain".',
            id="ganetimgr.W022",
        )
    if settings.EMAIL_BACKEND in LETTERS_STAY_HERE:
        yield Warning(
            f"EMAIL_BACKEND is {settings.EMAIL_BACKEND}: no mail leaves this machine.",
            hint="Leave it out of your settings.",
            id="ganetimgr.W023",
        )
    elif not settings.EMAIL_HOST:
        yield Warning("EMAIL_HOST is empty: no mail can be sent.", hint="Name a mail server.", id="ganetimgr.W024")


def _is_an_example(address: str) -> bool:
    domain = address.rstrip("> ").rpartition("@")[2].lower()
    return any(domain == example or domain.endswith(f".{example}") for example in EXAMPLES)


def _patterns() -> Findings:
    if settings.SHOW_PATTERNS:
        yield Warning(
            "SHOW_PATTERNS is on: everybody sees the page of components, which is for development.",
            hint="Leave it out of your settings.",
            id="ganetimgr.W021",
        )


def _open_consoles() -> Findings:
    """What is typed into consoles are passwords, often of root."""
    if not settings.WEBSOCK_VNC_ENABLED:
        return
    if settings.NOVNC_PROXY and not settings.NOVNC_USE_TLS:
        yield Warning(
            "NOVNC_USE_TLS is off: what people type into consoles travels in clear text.",
            hint="Give the proxy a certificate, or leave NOVNC_PROXY out: our own console process needs no second one.",
            id="ganetimgr.W030",
        )
    if settings.CONSOLE_URL.startswith("ws://"):
        yield Warning(
            "CONSOLE_URL begins with ws://: what people type into consoles travels in clear text.",
            hint="Leave it out and let the web server pass /console/ on, as contrib/nginx does.",
            id="ganetimgr.W031",
        )
    elif settings.CONSOLE_HOST not in ONLY_HERE:
        yield Warning(
            f"CONSOLE_HOST is {settings.CONSOLE_HOST}: consoles can be reached past the web server, without TLS.",
            hint="Set it to 127.0.0.1, unless the web server is on another machine and a firewall keeps others away.",
            id="ganetimgr.W032",
        )


@checks.register(Tags.security, deploy=True)
def nobody_of_the_demo_is_left(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The demo's people come from `make demo`, and everybody knows their passwords."""
    try:
        known = list(User.objects.filter(username__in=PEOPLE, is_active=True).values_list("username", "password"))
    except DatabaseError as error:
        return [
            Error(
                f"The database cannot be asked: {str(error).splitlines()[0]}.",
                hint="Look at DATABASES, and run `manage.py migrate`.",
                id="ganetimgr.E010",
            )
        ]
    return [_open_door(names) for names in [_with_their_name_as_password(known)] if names]


def _with_their_name_as_password(known: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(name for name, password in known if check_password(name, password))


def _open_door(names: list[str]) -> CheckMessage:
    return Error(
        f"People of the demo can sign in with their name as password: {', '.join(names)}.",
        hint="Delete them, or run `manage.py changepassword NAME` for each.",
        id="ganetimgr.E011",
    )
