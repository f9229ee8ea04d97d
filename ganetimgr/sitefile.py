"""Reads the site's settings file and computes what follows from it."""

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from ganetimgr import databases, snippets

MERGED_KEY_BY_KEY = ("BRANDING", "CSP_EXTRA", "FLATPAGES", "OAUTH2_PROVIDER", "SENTRY")

LDAP_BACKEND = "accounts.ldap.DirectoryBackend"
LDAP_MODULES = ("ldap", "_ldap", "django_auth_ldap")
LDAP_IS_MISSING = (
    "The settings ask for LDAP, whose packages are not installed. As root:"
    " apt-get install build-essential python3-dev libldap-dev libsasl2-dev; then, where manage.py is:"
    " .venv/bin/pip install -r requirements/ldap.txt"
)

Settings = dict[str, Any]


def read(defaults: Settings) -> Settings:
    """The defaults, overlaid with the site's file and completed with derived values.

    The file is the one named by GANETIMGR_SETTINGS, else `settings.py` beside manage.py, else none.
    Raises ImproperlyConfigured when the named file is missing.
    """
    settings = dict(defaults)
    path = site_file(defaults["BASE_DIR"])
    if path:
        settings["__file__"] = str(path)
        with ldap_or_a_sentence():
            exec(compile(path.read_text(), str(path), "exec"), settings)  # noqa: S102  (the operator's own Python file)
        settings.pop("__builtins__", None)
        for name in MERGED_KEY_BY_KEY:
            settings[name] = {**defaults[name], **settings[name]}
    complete(settings)
    return settings


def site_file(base: Path) -> Path | None:
    named = os.environ.get("GANETIMGR_SETTINGS")
    if named:
        path = Path(named)
        if not path.is_file():
            raise ImproperlyConfigured(f"GANETIMGR_SETTINGS names {path}, but there is no such file.")
        return path
    beside = base / "settings.py"
    return beside if beside.is_file() else None


def complete(settings: Settings) -> None:
    """Fills in what a site left to us: database, cache, store, key, Content-Security-Policy."""
    var = Path(settings["VAR_DIR"])
    settings["SECRET_KEY"] = settings["SECRET_KEY"] or kept_secret(var / "secret-key")
    settings["SITE_URL"] = settings["SITE_URL"] or address_of(settings["ALLOWED_HOSTS"])
    settings["STATIC_ROOT"] = made(Path(settings["STATIC_ROOT"] or var / "static"))
    settings["DATABASES"] = databases.complete(settings["DATABASES"] or {"default": sqlite(var / "ganetimgr.sqlite3")})
    settings["CACHES"] = settings["CACHES"] or {"default": cache(settings["REDIS_URL"])}
    settings["CACHES"].setdefault("graphs", cache_of_pictures(settings["CACHES"]["default"]))
    settings["EMAIL_FILE_PATH"] = settings["EMAIL_FILE_PATH"] or str(var / "mail")
    settings["SNAPSHOT_STORE"] = settings["SNAPSHOT_STORE"] or settings["REDIS_URL"] or str(var / "snapshots")
    if settings["AUTH_LDAP_SERVER_URI"]:
        settings["AUTHENTICATION_BACKENDS"] = with_ldap(settings["AUTHENTICATION_BACKENDS"])
    # Without a cache that all processes share, sessions live in the database alone: nobody is signed out by a restart.
    engine = "cached_db" if settings["REDIS_URL"] else "db"
    settings.setdefault("SESSION_ENGINE", f"django.contrib.sessions.backends.{engine}")
    snippet = snippets.read(settings["BRANDING"]["ANALYTICS_FILE_PATH"])
    settings["ANALYTICS_HTML"] = snippet.html
    if settings["FLATPAGES"]["TOS"] and not settings["BRANDING"]["TERMS_URL"]:
        settings["BRANDING"] = {**settings["BRANDING"], "TERMS_URL": "/about/terms-of-service/"}
    help_desk = origins([settings["HELPDESK_INTEGRATION_JAVASCRIPT_URL"]])
    directives = csp(settings["CSP_EXTRA"], settings["BRANDING"], [*snippet.script_sources, *help_desk], help_desk)
    settings.setdefault("CONTENT_SECURITY_POLICY", {"DIRECTIVES": directives})


def address_of(hosts: Sequence[str]) -> str:
    """Where people find a site that does not say it: under the first whole name that it answers to; else empty."""
    names = (host for host in hosts if "." in host.strip(".") and not host.startswith((".", "*")))
    name = next((name for name in names if not name.replace(".", "").isdigit()), "")
    return f"https://{name}" if name else ""


def with_ldap(backends: Sequence[str]) -> list[str]:
    """The directory is asked last: who has a password here signs in while it is away."""
    with ldap_or_a_sentence():
        import django_auth_ldap.config  # noqa: F401
    return [*(backend for backend in backends if backend != LDAP_BACKEND), LDAP_BACKEND]


@contextlib.contextmanager
def ldap_or_a_sentence() -> Iterator[None]:
    """Where packages for LDAP are missing, in the site's file or here, a sentence says how they come."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LDAP_MODULES:
            raise
        raise ImproperlyConfigured(f"{LDAP_IS_MISSING} ({error}.)") from error


def made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def kept_secret(path: Path) -> str:
    """The generated key of an installation without one; made at the first start, readable by its owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass  # another process was faster: its key counts
    return path.read_text().strip()


def sqlite(path: Path) -> Settings:
    """One writer at a time, readers never wait: WAL; IMMEDIATE, so that a transaction cannot fail half way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def cache(redis_url: str) -> Settings:
    """JSON, never pickles: who can write to Redis must not be able to run code here. Without Redis pages go on."""
    if redis_url:
        options = {
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 1,
        }
        return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url, "OPTIONS": options}
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


def cache_of_pictures(usual: Settings) -> Settings:
    """A cache like the usual one; where that is memory, another one: pictures drive out nothing but pictures."""
    if not usual["BACKEND"].endswith(".LocMemCache"):
        return usual
    return {**usual, "LOCATION": "graphs", "OPTIONS": {"MAX_ENTRIES": 200}}


def origins(addresses: Iterable[str]) -> list[str]:
    """The other sites among these addresses, as a Content-Security-Policy names them; paths of ours are none."""
    found = [urlsplit(address) for address in addresses]
    return sorted({f"{one.scheme}://{one.netloc}" for one in found if one.scheme in ("http", "https")})


def csp(
    extra: dict[str, list[str]], branding: Settings, scripts: Sequence[str] = (), frames: Sequence[str] = ()
) -> Settings:
    """Our own files only, the site's pictures, its own `scripts` and the `frames` of its help desk; no other inline
    script, no inline style, no foreign form targets."""
    elsewhere = origins(branding[name] for name in ("LOGO", "FAVICON"))
    visited = [source for source in scripts if not source.startswith("'")]  # where scripts come from they report to
    directives: dict[str, list[str]] = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *scripts],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *elsewhere, *visited],
        "font-src": ["'self'"],
        "connect-src": ["'self'", *visited],
        "manifest-src": ["'self'"],
        **({"frame-src": list(frames)} if frames else {}),
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
    for directive, sources in extra.items():
        known = [source for source in directives.get(directive, []) if source != "'none'"]
        directives[directive] = known + list(sources)
    return directives
