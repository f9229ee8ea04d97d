"""manage.py compare_settings: what settings.py.dist shows that a site does not know, and what a site says in vain."""

import io
from pathlib import Path

import pytest
from django.conf import global_settings
from django.core.management import CommandError, call_command

from ganetimgr import comparing, defaults

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = """# The settings of this site
# ALLOWED_HOSTS = ["vps.example.org"]
# CONSOLE_HOST, CONSOLE_PORT = "127.0.0.1", 8089
# OPERATING_SYSTEMS = {
#     "none": {"OPAQUE": 1},
# }
# LOG_FORMAT = "json"      # an object for each record
"""
KNOWN = {"ALLOWED_HOSTS", "SITE_URL", "LOG_FORMAT"}


def test_what_the_site_does_not_mention_is_new() -> None:
    found = comparing.compare('# ALLOWED_HOSTS = []\nLOG_FORMAT = "line"\n', SHOWN, KNOWN)
    assert list(found.new) == ["CONSOLE_HOST", "CONSOLE_PORT", "OPERATING_SYSTEMS"]
    assert found.unknown == {}


def test_since_the_release_that_runs_only_what_came_or_changed_is_said() -> None:
    before = SHOWN.replace('"json"', '"line"').replace('# ALLOWED_HOSTS = ["vps.example.org"]\n', "")
    found = comparing.compare("", SHOWN, KNOWN, before)
    assert list(found.new) == ["ALLOWED_HOSTS"]
    assert found.changed == {"LOG_FORMAT": 'LOG_FORMAT = "json"      # an object for each record'}


@pytest.mark.parametrize(
    ("site", "unknown"),
    [
        ("ALOWED_HOSTS = []", {"ALOWED_HOSTS": "ALLOWED_HOSTS"}),
        ("if True:\n    NOWHERE_READ = 1", {"NOWHERE_READ": ""}),
        ('HERE = "/srv"\nSITE_URL = HERE + "/x"', {}),
        ("AUTH_LDAP_BIND_DN = AXES_ENABLED = 1", {}),
        ("import os\nfrom ldap import SCOPE_SUBTREE\nlower = 1", {}),
    ],
)
def test_what_nothing_reads_is_named_with_what_may_be_meant(site: str, unknown: dict[str, str]) -> None:
    assert comparing.compare(site, SHOWN, KNOWN).unknown == unknown


def test_our_own_example_shows_nothing_that_nothing_reads() -> None:
    """Every setting that settings.py.dist shows is one of ours, of Django's or of a library's."""
    shown = comparing.settings_in((ROOT / "settings.py.dist").read_text())
    ours = {name for module in (defaults, global_settings) for name in dir(module)}
    assert {name for name in shown if name not in ours and not name.startswith(comparing.OF_LIBRARIES)} == set()


def test_the_command_speaks_of_the_site_s_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.py").write_text("SIET_URL = 1\n")
    monkeypatch.setenv("GANETIMGR_SETTINGS", str(tmp_path / "settings.py"))
    told = io.StringIO()
    call_command("compare_settings", since=ROOT / "settings.py.dist", stdout=told)
    assert told.getvalue() == "In your file, and nothing reads it:\n  SIET_URL (is SITE_URL meant?)\n"
    with pytest.raises(CommandError, match="There is no"):
        call_command("compare_settings", since=tmp_path / "nothing", stdout=told)
