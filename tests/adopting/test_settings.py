"""`manage.py adopt-settings`: what became of every name, and a file that a site runs on."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ganetimgr import defaults, oldsettings, sitefile
from ganetimgr.fates import FATES, fate_of

# Every name of the settings file of 2.2, of what its manual says beside, and of its fork
LISTED = """
DEBUG ALLOWED_HOSTS SECRET_KEY SESSION_SERIALIZER SESSION_EXPIRE_AT_BROWSER_CLOSE SESSION_COOKIE_AGE SITE_ID TIME_ZONE
LANGUAGES LANGUAGE_CODE LOCALE_PATHS DATE_FORMAT DATETIME_FORMAT USE_I18N USE_L10N TEMPLATES MIDDLEWARE_CLASSES
INSTALLED_APPS CACHES LOGIN_URL LOGIN_REDIRECT_URL EMAIL_HOST EMAIL_PORT EMAIL_SUBJECT_PREFIX SERVER_EMAIL
DEFAULT_FROM_EMAIL USE_X_FORWARDED_HOST AUTHENTICATION_BACKENDS AUTH_LDAP_BIND_DN AUTH_LDAP_BIND_PASSWORD
AUTH_LDAP_SERVER_URI AUTH_LDAP_START_TLS AUTH_LDAP_USER_SEARCH AUTH_LDAP_USER_ATTR_MAP ACCOUNT_ACTIVATION_DAYS
AUTH_PROFILE_MODULE REGISTRATION_FORM REGISTRATION_OPEN IDLE_ACCOUNT_NOTIFICATION_DAYS INSTANCE_ACTION_ACTIVE_DAYS
HELPDESK_INTEGRATION_JAVASCRIPT_URL HELPDESK_INTEGRATION_JAVASCRIPT_PARAMS COLLECTD_URL NODATA_IMAGE
SERVER_MONITORING_URL SW_VERSION WHITELIST_IP_MAX_SUBNET_V4 WHITELIST_IP_MAX_SUBNET_V6 WEBSOCK_VNC_ENABLED NOVNC_PROXY
NOVNC_USE_TLS LEGACY_VNC_ENABLED BRANDING FLATPAGES RECAPTCHA_PUBLIC_KEY RECAPTCHA_PRIVATE_KEY RECAPTCHA_USE_SSL
NORECAPTCHA_SITE_KEY NORECAPTCHA_SECRET_KEY GANETI_TAG_PREFIX RAPI_CONNECT_TIMEOUT RAPI_RESPONSE_TIMEOUT IMAGES_URL
IMG_META_SFX AUDIT_ENTRIES_LAST_X_DAYS ADMINS MANAGERS DATABASES OAUTH2_PROVIDER LOGGING SENTRY TEST_RUNNER
BEANSTALK_TUBE FEED_URL OPERATING_SYSTEMS OPERATING_SYSTEMS_URLS OPERATING_SYSTEMS_PROVIDER
OPERATING_SYSTEMS_SSH_KEY_PARAM SNF_OPERATING_SYSTEMS_URLS SNF_IMG_PROPERTIES SNF_IMG_PASSWD NOVNC_JWE_SECRET
NOVNC_JWE_TOKEN_EXPIRY NOVNC_PROXY_BASE NOVNC_JWE_SERVER_PASSWORD NOVNC_PROXY_AUTH_USER NOVNC_PROXY_AUTH_PASSWORD
BEANSTALKD_HOST BEANSTALKD_PORT
"""
NAMES = LISTED.split()

OLD = """
# -*- coding: utf-8 -*-
import os
import ldap
from django_auth_ldap.config import LDAPSearch
gettext = lambda s: s

DEBUG = True
ALLOWED_HOSTS = ['vps.example.edu', 'vps.example.edu.']
SECRET_KEY = 'the old secret'
ADMINS = (("Operators", "ops@example.edu"),)
MANAGERS = ADMINS
SESSION_COOKIE_AGE = 60 * 60 * 3
TIME_ZONE = 'Europe/Berlin'
LANGUAGE_CODE = 'en-us'
LANGUAGES = (('el', gettext('Greek')), ('en', u'English'))
IDLE_ACCOUNT_NOTIFICATION_DAYS = '90'
IMAGES_URL = 'https://images.example.edu/'
COLLECTD_URL = "http://stats.example.com"
NOVNC_PROXY = 'vnc.example.edu:8888'
NORECAPTCHA_SITE_KEY = 'site key'
NOVNC_JWE_SERVER_PASSWORD = 'screens'
USE_X_FORWARDED_HOST = True
BRANDING = {
    "TITLE": "Υπηρεσία", "FOOTER_ICONS_IFRAME": False, "VIDEO": None,
    "SERVICE_PROVIDED_BY": {"NAME": "Uni", "URL": "//www.example.edu", "SOCIAL_NETWORKS": []},
}
CACHES = {"default": {"BACKEND": "redis_cache.RedisCache", "LOCATION": "127.0.0.1:6379:2"}}
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "old", "USER": "me", "PASSWORD": "hidden pw",
                         "HOST": "db.example.edu"}}
AUTH_LDAP_SERVER_URI = "ldap://ldap.example.edu"
AUTH_LDAP_USER_SEARCH = LDAPSearch("ou=people", ldap.SCOPE_SUBTREE, "(uid=%(user)s)")
MY_OWN_THING = os.environ["HOME"]
INSTALLED_APPS = ('django.contrib.auth',)
INSTALLED_APPS += ('oauth2_provider',)
open("RAN", "w").write("it was run")
if DEBUG:
    EMAIL_HOST = os.environ.get("MAIL")
"""


def converted(text: str = OLD) -> oldsettings.Converted:
    return oldsettings.convert(text.encode())


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of a site that runs on the new file (without the directory, whose packages may not be there)."""
    path = tmp_path / "settings.py"
    path.write_text(converted().text.replace("AUTH_LDAP_SERVER_URI", "NO_LDAP"))
    monkeypatch.setenv("GANETIMGR_SETTINGS", str(path))
    names = {name: value for name, value in vars(defaults).items() if name.isupper()}
    return sitefile.read({**names, "VAR_DIR": tmp_path / "var"})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_old_has_a_row(name: str) -> None:
    assert fate_of(name) is not None


def test_every_row_that_names_a_setting_names_one_of_ours() -> None:
    from django.conf import global_settings

    for name, fate in FATES.items():
        if fate.became in ("kept", "renamed"):
            ours = fate.new or name
            assert hasattr(defaults, ours) or hasattr(global_settings, ours), ours
        else:
            assert fate.why, name


class TestTheNewFile:
    def test_is_one_that_a_site_runs_on(self, taken: dict[str, Any]) -> None:
        assert taken["GANETI_TAG_SPELLING"] == "singular"
        assert taken["ALLOWED_HOSTS"] == ["vps.example.edu", "vps.example.edu."]
        assert taken["TIME_ZONE"] == "Europe/Berlin"
        assert taken["MANAGERS"] == [("Operators", "ops@example.edu")]
        assert taken["NOVNC_PROXY"] == "vnc.example.edu:8888"
        assert taken["BRANDING"]["TITLE"] == "Υπηρεσία"
        assert taken["BRANDING"]["SERVICE_PROVIDED_BY"]["NAME"] == "Uni"
        assert taken["DEBUG"] is False

    def test_has_values_as_we_take_them(self, taken: dict[str, Any]) -> None:
        assert taken["IDLE_ACCOUNT_NOTIFICATION_DAYS"] == 90
        assert taken["IMAGES_URL"] == ["https://images.example.edu/"]
        assert taken["REDIS_URL"] == "redis://127.0.0.1:6379/2"
        assert taken["RECAPTCHA_PUBLIC_KEY"] == "site key"
        assert taken["CONSOLE_VNC_PASSWORD"] == "screens"
        assert taken["COLLECTD_URL"] == ""  # the example's

    def test_says_what_became_of_each_name(self) -> None:
        text = converted().text
        for line in (
            "# SECRET_KEY: no longer needed; a new one is made",
            "# DEBUG: now the default",
            "# NORECAPTCHA_SITE_KEY: renamed as RECAPTCHA_PUBLIC_KEY",
            "# ADMINS: kept\nADMINS = ",
            "# SESSION_COOKIE_AGE: kept. Its value is the default.",
            "# INSTALLED_APPS: no longer needed",
            "# MY_OWN_THING: not known here",
            "# COLLECTD_URL: kept. Not taken: It was the example's.",
        ):
            assert line in text, line

    def test_keeps_secrets_of_the_old_site_out(self) -> None:
        assert "the old secret" not in converted().text
        assert "hidden pw" not in converted().text

    def test_names_the_old_database_for_the_next_step(self) -> None:
        assert "adopt --database mysql://me@db.example.edu:3306/old --password-file FILE" in converted().text
        sqlite = converted('DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/x.db"}}')
        assert "adopt --database sqlite:////srv/x.db" in sqlite.text


class TestTheOldFile:
    def test_is_never_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "old.py").write_text(OLD)
        out, err = StringIO(), StringIO()
        call_command("adopt-settings", "old.py", stdout=out, stderr=err)
        assert [path.name for path in tmp_path.iterdir()] == ["old.py"]
        assert out.getvalue() == converted().text
        assert "AUTH_LDAP_USER_SEARCH was computed: write AUTH_LDAP_USER_SEARCH by hand." in err.getvalue()
        assert "EMAIL_HOST was computed" in err.getvalue()
        assert "MY_OWN_THING is not known here." in err.getvalue()

    def test_what_it_computes_stays_a_remark(self) -> None:
        text = converted('EMAIL_HOST = (os.environ["A"]\n  or """x\nimport os; os.abort()\n""")\n').text
        assert "\n#     import os; os.abort()" in text
        assert "\nimport os" not in text

    def test_a_huge_product_is_not_computed(self) -> None:
        assert converted("SESSION_COOKIE_AGE = 9**9 * 10**20 * 10**20").to_look_at
        assert converted("EMAIL_HOST = 'x' * 10000000000").to_look_at

    def test_that_is_no_python_3_is_told_with_its_line(self, tmp_path: Path) -> None:
        old = tmp_path / "old.py"
        old.write_text('DEBUG = True\nprint "hello"\n')
        with pytest.raises(CommandError, match="Line 2 is no Python 3"):
            call_command("adopt-settings", str(old))
        old.write_bytes(b"\0\xff")
        with pytest.raises(CommandError):
            call_command("adopt-settings", str(old))
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("adopt-settings", str(tmp_path / "none.py"))

    def test_in_latin_1_is_read_as_it_says(self) -> None:
        text = "# -*- coding: latin-1 -*-\nEMAIL_SUBJECT_PREFIX = '[Café] '\n".encode("latin-1")
        assert "EMAIL_SUBJECT_PREFIX = '[Café] '" in oldsettings.convert(text).text
