"""What `manage.py check` says about the settings for an LDAP directory."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage

from ganetimgr import defaults, ldapchecks, sitefile

ROOT = Path(__file__).resolve().parent.parent.parent
BY_NAME = SimpleNamespace(filterstr="(uid=%(user)s)")
BY_MORE = SimpleNamespace(filterstr="(|(uid=%(user)s)(mail=%(user)s))")

FIT: dict[str, Any] = {
    "AUTH_LDAP_SERVER_URI": "ldap://ldap.rivers.example ldap://ldap2.rivers.example",
    "AUTH_LDAP_START_TLS": True,
    "AUTH_LDAP_USER_SEARCH": BY_NAME,
    "AUTH_LDAP_USER_ATTR_MAP": {"username": "uid", "email": "mail"},
    "AUTH_LDAP_GROUP_SEARCH": object(),
    "AUTH_LDAP_GROUP_TYPE": object(),
    "AUTH_LDAP_MIRROR_GROUPS": ["noc"],
    "LDAP_PASSWORD_URL": "https://id.rivers.example/",
}


@pytest.fixture
def site(settings: Any) -> Any:
    """The settings of a site with a directory that is fit; a test spoils one of them."""
    for name, value in FIT.items():
        setattr(settings, name, value)
    return settings


def the_only(messages: list[CheckMessage]) -> CheckMessage:
    assert len(messages) == 1, [message.msg for message in messages]
    assert messages[0].hint, "it says what to do"
    return messages[0]


def test_a_directory_that_is_fit_is_not_spoken_of(site: Any) -> None:
    assert ldapchecks.ldap_makes_sense() == []


def test_nor_is_none(settings: Any) -> None:
    assert [*ldapchecks.ldap_makes_sense(), *ldapchecks.ldap_is_fit_for_production()] == []


@pytest.mark.parametrize(
    ("changes", "words", "is_serious"),
    [
        ({"AUTH_LDAP_SERVER_URI": ""}, "nobody is asked", False),
        ({"AUTHENTICATION_BACKENDS": ["django_auth_ldap.backend.LDAPBackend"]}, "gives local accounts to people", True),
        ({"AUTH_LDAP_USER_SEARCH": None}, "not how people are found", True),
        ({"AUTH_LDAP_BIND_DN": "cn=ganetimgr"}, "AUTH_LDAP_BIND_PASSWORD is not", True),
        ({"AUTH_LDAP_USER_SEARCH": BY_MORE, "AUTH_LDAP_USER_ATTR_MAP": {}}, "would become their name", False),
        ({"AUTH_LDAP_USER_ATTR_MAP": {"is_superuser": "title"}}, "names is_superuser", True),
        ({"AUTH_LDAP_GROUP_TYPE": None}, "AUTH_LDAP_MIRROR_GROUPS needs", True),
        ({"AUTH_LDAP_MIRROR_GROUPS": "noc"}, "AUTH_LDAP_MIRROR_GROUPS is 'noc'", True),
        ({"AUTH_LDAP_MIRROR_GROUPS": [1]}, "AUTH_LDAP_MIRROR_GROUPS is [1]", True),
        ({"AUTH_LDAP_MIRROR_GROUPS": None, "AUTH_LDAP_MIRROR_GROUPS_EXCEPT": True}, "EXCEPT is True", True),
        ({"AUTH_LDAP_CACHE_TIMEOUT": 3600}, "Without effect here: AUTH_LDAP_CACHE_TIMEOUT", False),
        ({"AUTH_LDAP_SERVER_URI": "ldaps://ldap.rivers.example"}, "has it already", True),
    ],
)
def test_nonsense_is_named_at_once(changes: dict[str, Any], words: str, is_serious: bool, site: Any) -> None:
    for name, value in changes.items():
        setattr(site, name, value)
    found = the_only(ldapchecks.ldap_makes_sense())
    assert words in found.msg
    assert found.is_serious() == is_serious


@pytest.mark.services
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AUTH_LDAP_START_TLS": False}, "Passwords go to ldap.rivers.example, ldap2.rivers.example in plain text"),
        ({"AUTH_LDAP_MIRROR_GROUPS": True}, "loses its VMs"),
        ({"LDAP_TAKES_OVER_LOCAL_ACCOUNTS": True}, "gets accounts of this site"),
        ({"LDAP_PASSWORD_URL": ""}, "not told where they change their password"),
    ],
)
def test_what_is_not_fit_for_production_is_said_before_deployment(
    changes: dict[str, Any], words: str, site: Any
) -> None:
    assert ldapchecks.ldap_is_fit_for_production() == []
    for name, value in changes.items():
        setattr(site, name, value)
    assert words in the_only(ldapchecks.ldap_is_fit_for_production()).msg


@pytest.mark.services
def test_a_certificate_that_is_not_checked_is_named(site: Any) -> None:
    import ldap

    site.AUTH_LDAP_CONNECTION_OPTIONS = {ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_NEVER}
    assert "certificate is not checked" in the_only(ldapchecks.ldap_is_fit_for_production()).msg


@pytest.mark.services
@pytest.mark.parametrize("uri", ["ldap://127.0.0.1:389", "ldapi:///", "ldaps://ldap.rivers.example"])
def test_what_nobody_can_read_needs_no_further_encryption(site: Any, uri: str) -> None:
    site.AUTH_LDAP_SERVER_URI, site.AUTH_LDAP_START_TLS = uri, False
    assert ldapchecks.ldap_is_fit_for_production() == []


@pytest.mark.services
def test_the_example_in_settings_py_dist_makes_sense(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.compile(r"# (?=import |from |AUTH_LDAP_|LDAP_|    ldap\.|    \"|\})(.*)")
    example = (ROOT / "settings.py.dist").read_text().partition("# import ldap\n")
    lines = [found[1] for line in "".join(example[1:]).splitlines() if (found := code.fullmatch(line))]
    (tmp_path / "site.py").write_text("\n".join([f"VAR_DIR = {str(tmp_path)!r}", *lines]))
    monkeypatch.setenv("GANETIMGR_SETTINGS", str(tmp_path / "site.py"))
    read = sitefile.read({name: value for name, value in vars(defaults).items() if name.isupper()})
    assert read["AUTHENTICATION_BACKENDS"][-1] == "accounts.ldap.DirectoryBackend"
    names = [name for name in read if name.startswith(("AUTH_LDAP_", "LDAP_"))]
    assert len(names) >= 15
    for name in names:
        setattr(settings, name, read[name])
    assert ldapchecks.ldap_makes_sense() == []
