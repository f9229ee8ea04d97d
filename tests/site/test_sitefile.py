"""How the site's settings file and the defaults become Django's settings."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from ganetimgr import defaults, sitefile

DEFAULTS = {name: value for name, value in vars(defaults).items() if name.isupper()}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads a site file with the given text; everything it keeps goes to a directory of the test."""

    def read(text: str = "") -> dict[str, Any]:
        path = tmp_path / "site.py"
        path.write_text(f"from pathlib import Path\nVAR_DIR = Path({str(tmp_path / 'var')!r})\n{text}")
        monkeypatch.setenv("GANETIMGR_SETTINGS", str(path))
        return sitefile.read(DEFAULTS)

    return read


class TestSiteFile:
    def test_a_named_file_that_is_missing_is_an_error_that_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GANETIMGR_SETTINGS", "/no/such/settings.py")
        with pytest.raises(ImproperlyConfigured, match=r"/no/such/settings\.py"):
            sitefile.read(DEFAULTS)

    def test_branding_is_merged_key_by_key(self, read: Any) -> None:
        branding = read('BRANDING = {"MOTTO": "Fast and calm"}')["BRANDING"]
        assert branding["MOTTO"] == "Fast and calm"
        assert branding["TITLE"] == DEFAULTS["BRANDING"]["TITLE"]

    def test_the_file_may_build_on_the_defaults(self, read: Any) -> None:
        assert read('INSTALLED_APPS = INSTALLED_APPS + ["site_app"]')["INSTALLED_APPS"][-1] == "site_app"
        assert "site_app" not in DEFAULTS["INSTALLED_APPS"]

    def test_without_a_key_one_is_made_once_for_its_owner_only(self, read: Any, tmp_path: Path) -> None:
        first, second = read()["SECRET_KEY"], read()["SECRET_KEY"]
        assert first == second
        assert len(first) >= 50
        assert (tmp_path / "var" / "secret-key").stat().st_mode & 0o777 == 0o600

    def test_the_embedded_default_is_sqlite_in_wal_with_immediate_transactions(self, read: Any) -> None:
        options = read()["DATABASES"]["default"]["OPTIONS"]
        assert options["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in options["init_command"]

    def test_redis_serves_cache_store_and_sessions_and_never_pickles(self, read: Any) -> None:
        settings = read('REDIS_URL = "redis://127.0.0.1:6379/3"')
        assert settings["SNAPSHOT_STORE"] == "redis://127.0.0.1:6379/3"
        assert settings["SESSION_ENGINE"].endswith("cached_db")
        assert "json" in settings["CACHES"]["default"]["OPTIONS"]["SERIALIZER"]

    def test_without_redis_sessions_are_in_the_database_alone(self, read: Any) -> None:
        assert read()["SESSION_ENGINE"].endswith(".db")

    def test_a_site_may_let_further_sources_into_the_content_security_policy(self, read: Any) -> None:
        settings = read(
            'CSP_EXTRA = {"script-src": ["https://help.example.org"], "frame-src": ["https://help.example.org"]}'
        )
        directives = settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
        assert directives["script-src"] == ["'self'", "https://help.example.org"]
        assert directives["frame-src"] == ["https://help.example.org"]
        assert directives["default-src"] == ["'none'"]

    def test_the_sites_pictures_may_come_from_elsewhere(self, read: Any) -> None:
        settings = read('BRANDING = {"LOGO": "https://www.example.org/logo.svg", "FAVICON": "/static/site.svg"}')
        directives = settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
        assert directives["img-src"] == ["'self'", "data:", "https://www.example.org"]


@pytest.mark.parametrize(
    ("hosts", "address"),
    [
        (["localhost", "127.0.0.1", "[::1]"], ""),
        ([".example.org", "*", "*.example.org"], ""),
        (["127.0.0.1", "vps.example.org", "other.example.org"], "https://vps.example.org"),
    ],
)
def test_a_site_that_does_not_say_its_address_is_found_under_its_first_name(hosts: list[str], address: str) -> None:
    assert sitefile.address_of(hosts) == address
