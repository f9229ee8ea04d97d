"""What `manage.py check` calls nonsense, and what `check --deploy` finds unfit for production: each with what to do."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import checks
from django.core.checks import CheckMessage

from apps.clusters.models import Cluster

# A site that is fit for production, as far as our own checks go.
FIT: dict[str, Any] = {
    "ALLOWED_HOSTS": ["vps.rivers.example"],
    "ADMINS": [("Operators", "operators@rivers.example")],
    "SERVER_EMAIL": "vps@rivers.example",
    "DEFAULT_FROM_EMAIL": "VPS <vps@rivers.example>",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SNAPSHOT_STORE": "redis://127.0.0.1:6379/0",
    "CACHES": {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:6379/0"}},
    "BEANSTALKD_HOST": "127.0.0.1",
    "SITE_URL": "https://vps.rivers.example",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "mail.rivers.example",
    "SHOW_PATTERNS": False,
    "USE_X_FORWARDED_HOST": True,
    "TRUSTED_PROXIES": ["127.0.0.1", "10.1.0.0/16", "unix"],
}
MARIADB = {"ENGINE": "ganetimgr.mysql", "NAME": "ganetimgr", "CONN_MAX_AGE": 0}


def ours(deploy: bool = False) -> list[CheckMessage]:
    found = checks.run_checks(include_deployment_checks=deploy)
    return [message for message in found if str(message.id).startswith(("ganetimgr.", "ganeti."))]


@pytest.fixture
def site(settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> Any:
    """The settings of a site that is fit; a test spoils one of them."""
    for name, value in FIT.items():
        setattr(settings, name, value)
    # What the checks read of it; the connection itself stays.
    monkeypatch.setitem(settings.DATABASES, "default", settings.DATABASES["default"] | MARIADB)
    return settings


def the_only(messages: list[CheckMessage]) -> CheckMessage:
    assert len(messages) == 1, [message.msg for message in messages]
    assert messages[0].hint, "it says what to do"
    return messages[0]


def test_a_site_that_is_fit_hears_nothing(site: Any) -> None:
    assert ours(deploy=True) == []


def test_the_defaults_make_sense() -> None:
    assert ours() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LOG_FORMAT", "xml", "LOG_FORMAT is 'xml'"),
        ("GANETI_TAG_SPELLING", "dual", "GANETI_TAG_SPELLING is 'dual'"),
        ("GANETI_TAG_PREFIX", "", "cannot begin a tag"),
        ("GANETI_TAG_PREFIX", "our vms", "cannot carry these characters: ' '"),
        ("GANETI_TAG_PREFIX", "Ελλάδα", "cannot carry these characters"),
        ("GANETI_TAG_PREFIX", "a:b", "colon"),
        ("GANETI_TAG_PREFIX", "g" * 120, "at most 128 characters"),
        ("RAPI_CONNECT_TIMEOUT", 0, "RAPI_CONNECT_TIMEOUT is 0"),
        ("RAPI_RESPONSE_TIMEOUT", -1, "RAPI_RESPONSE_TIMEOUT is -1"),
        ("RAPI_DEADLINE", "60", "RAPI_DEADLINE is '60'"),
        ("RAPI_DEADLINE", None, "RAPI_DEADLINE is None"),
        ("RAPI_DEADLINE", float("inf"), "RAPI_DEADLINE is inf"),
        ("INVENTORY_INTERVAL", 0, "INVENTORY_INTERVAL is 0"),
        ("INVENTORY_INTERVAL_WATCHED", 60, "asked less often"),
        ("RAPI_RESPONSE_TIMEOUT", 61, "longer than RAPI_DEADLINE"),
        ("METRICS_ADDRESSES", ["prometheus.example.org"], "'prometheus.example.org', which is no address"),
        ("METRICS_TOKEN", "short", "METRICS_TOKEN holds fewer than 16"),
        ("METRICS_TOKEN_FILE", "/nowhere/token", "METRICS_TOKEN_FILE cannot be read (No such file"),
        ("TRUSTED_PROXIES", ["proxy.example.org"], "'proxy.example.org', which is no address"),
        ("FIELD_KEY_FILE", "/nowhere/key", "/nowhere/key cannot be read"),
        ("LANGUAGES", [("en", "English"), ("de", "Deutsch")], "'de', for which there is no translation"),
        ("EMAIL_TIMEOUT", None, "EMAIL_TIMEOUT is None"),
    ],
)
def test_nonsense_is_named_at_once(name: str, value: Any, words: str, settings: Any) -> None:
    setattr(settings, name, value)
    assert words in the_only(ours()).msg


def test_two_ways_of_tls_to_the_mail_server_are_one_too_many(settings: Any) -> None:
    settings.EMAIL_USE_TLS = True
    assert ours() == []
    settings.EMAIL_USE_SSL = True
    assert "both on" in the_only(ours()).msg


def test_a_key_file_that_is_too_short_is_named(settings: Any, tmp_path: Path) -> None:
    settings.FIELD_KEY_FILE = str(tmp_path / "key")
    Path(settings.FIELD_KEY_FILE).write_text("short\n")
    assert "fewer than 20 characters" in the_only(ours()).msg
    Path(settings.FIELD_KEY_FILE).write_text("long enough to be a key\n")
    assert ours() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"], "this machine only"),
        ("ALLOWED_HOSTS", ["*"], "every name"),
        ("SNAPSHOT_STORE", "/var/lib/ganetimgr/snapshots", "in a directory"),
        ("CACHES", {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}, "a cache of its own"),
        ("BEANSTALKD_HOST", "", "no broker"),
        ("TRUSTED_PROXIES", [], "no proxy is trusted"),
        ("ADMINS", [], "nobody gets a mail about errors"),
        ("ADMINS", [("Operators", "operators@example.org")], "ADMINS is still an example's address"),
        ("SERVER_EMAIL", "no-reply@example.com", "SERVER_EMAIL is still an example's address"),
        ("DEFAULT_FROM_EMAIL", "VPS <vps@mail.example.net>", "DEFAULT_FROM_EMAIL is still an example's address"),
        ("EMAIL_REPLY_TO", "help@example.org", "EMAIL_REPLY_TO is still an example's address"),
        ("SITE_URL", "", "SITE_URL is empty"),
        ("EMAIL_HOST", "", "EMAIL_HOST is empty"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "no mail leaves this machine"),
        ("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend", "no mail leaves this machine"),
        ("SHOW_PATTERNS", True, "SHOW_PATTERNS is on"),
        ("CONSOLE_URL", "ws://{host}:8089", "CONSOLE_URL begins with ws://"),
        ("CONSOLE_HOST", "192.0.2.7", "consoles can be reached past the web server"),
    ],
)
def test_what_is_not_fit_for_production_is_said_before_deployment(name: str, value: Any, words: str, site: Any) -> None:
    setattr(site, name, value)
    assert words in the_only(ours(deploy=True)).msg
    assert ours() == [], "and not by every command"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"ENGINE": "django.db.backends.sqlite3"}, "The database is SQLite"),
        ({"CONN_MAX_AGE": 60}, "keeps connections"),
        ({"CONN_MAX_AGE": None}, "keeps connections"),
    ],
)
def test_a_database_that_is_not_fit(
    facts: dict[str, Any], words: str, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.DATABASES, "default", site.DATABASES["default"] | facts)
    assert words in the_only(ours(deploy=True)).msg


def test_a_key_that_this_machine_made_is_not_for_several(site: Any, tmp_path: Path) -> None:
    site.VAR_DIR = tmp_path
    (tmp_path / "secret-key").write_text(site.SECRET_KEY)
    found = the_only(ours(deploy=True))
    assert "generated on this machine" in found.msg
    assert site.SECRET_KEY not in f"{found.msg} {found.hint}"


def test_a_key_that_a_site_chose_is_fine_beside_an_old_generated_one(site: Any, tmp_path: Path) -> None:
    site.VAR_DIR = tmp_path
    (tmp_path / "secret-key").write_text("another one")
    assert ours(deploy=True) == []


def test_a_cluster_whose_certificate_is_not_verified_is_named(site: Any) -> None:
    Cluster.objects.create(slug="north", hostname="h", verification=Cluster.Verification.NONE)
    Cluster.objects.create(slug="old", hostname="h", verification=Cluster.Verification.NONE, disabled=True)
    assert "cluster north is not verified" in the_only(ours(deploy=True)).msg


def test_people_of_the_demo_whose_password_is_their_name_are_named(site: Any) -> None:
    for name, password in (("alice", "alice"), ("dora", "dora"), ("bob", "changed since"), ("someone", "someone")):
        User.objects.create_user(name, password=password)
    User.objects.create_user("erik", password="erik", is_active=False)
    found = the_only(ours(deploy=True))
    assert "alice, dora." in found.msg
    assert found.is_serious()


def test_looking_for_them_changes_no_password(site: Any) -> None:
    before = User.objects.create_user("alice", password="alice").password
    site.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *site.PASSWORD_HASHERS]
    ours(deploy=True)
    assert User.objects.get().password == before


def test_djangos_own_findings_are_said_too(site: Any) -> None:
    site.DEBUG = True
    said = " ".join(message.msg for message in checks.run_checks(include_deployment_checks=True))
    for word in ("DEBUG", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        assert word in said
