"""What a site adds to every page: statistics of its own, the form of its help desk. The policy allows just these."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client as Browser

from ganetimgr import sitefile, snippets

pytestmark = pytest.mark.django_db

INLINE = "\n  window.counted = true;\n"
STATISTICS = f'<script src="https://count.example.org/count.js" async></script><script>{INLINE}</script>\n'
HASH = f"'sha256-{base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()}'"
COLLECTOR = "https://desk.example.org/collector.js?id=1"


def policy(tmp_path: Path, **settings: Any) -> dict[str, list[str]]:
    """The policy of a site with these settings."""
    from ganetimgr import defaults

    site = {name: value for name, value in vars(defaults).items() if name.isupper()}
    site |= {"VAR_DIR": tmp_path, **settings}
    sitefile.complete(site)
    return site["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]


@pytest.fixture
def statistics(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "statistics.html"
    path.write_text(STATISTICS)
    from ganetimgr import defaults

    return {**defaults.BRANDING, "ANALYTICS_FILE_PATH": str(path)}


class TestStatistics:
    def test_the_policy_allows_the_files_scripts_by_origin_and_hash(
        self, tmp_path: Path, statistics: dict[str, str]
    ) -> None:
        found = policy(tmp_path, BRANDING=statistics)
        assert found["script-src"] == ["'self'", "https://count.example.org", HASH]
        assert "https://count.example.org" in found["connect-src"]
        assert "https://count.example.org" in found["img-src"]

    def test_the_file_is_at_the_end_of_every_page(self, settings: Any, as_alice: Browser) -> None:
        settings.ANALYTICS_HTML = STATISTICS
        assert STATISTICS in as_alice.get("/user/profile/").content.decode()
        assert STATISTICS in Browser().get("/user/login/").content.decode()

    def test_parts_of_pages_do_not_have_it(self, settings: Any, as_alice: Browser) -> None:
        settings.ANALYTICS_HTML = STATISTICS
        assert STATISTICS not in as_alice.get("/", headers={"HX-Request": "true"}).content.decode()

    def test_a_file_that_is_not_there_is_named_at_the_start(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"ANALYTICS_FILE_PATH.*nowhere\.html"):
            snippets.read("/nowhere.html")

    def test_without_one_only_our_own_scripts_run(self, tmp_path: Path) -> None:
        assert policy(tmp_path)["script-src"] == ["'self'"]


class TestHelpDesk:
    @pytest.fixture
    def desk(self, settings: Any) -> None:
        settings.HELPDESK_INTEGRATION_JAVASCRIPT_URL = COLLECTOR
        settings.HELPDESK_INTEGRATION_JAVASCRIPT_PARAMS = {"customfield_1": "VPS"}

    def facts(self, page: str) -> dict[str, Any]:
        found = re.search(r'<script id="helpdesk-facts" type="application/json">(.*?)</script>', page)
        assert found is not None
        return json.loads(found[1])

    def test_the_form_is_filled_in_with_who_asks_and_where(self, desk: None, people: Any, as_alice: Browser) -> None:
        people["alice"].first_name = "</script><script>alert(1)"
        people["alice"].save()
        facts = self.facts(as_alice.get("/user/profile/").content.decode())
        assert facts["src"] == COLLECTOR
        assert facts["fields"]["customfield_1"] == "VPS"
        assert facts["fields"]["email"] == "alice@example.org"
        assert facts["fields"]["fullname"].startswith("</script>")
        assert "/user/profile/" in facts["fields"]["description"]

    def test_nothing_of_it_is_loaded_before_somebody_asks(self, desk: None, as_alice: Browser) -> None:
        page = as_alice.get("/user/profile/").content.decode()
        assert "data-helpdesk" in page
        assert not re.search(r'<script[^>]* src="https://desk\.example\.org', page)

    def test_whoever_is_not_signed_in_has_no_such_button(self, desk: None) -> None:
        assert "data-helpdesk" not in Browser().get("/user/login/").content.decode()

    def test_a_site_without_one_has_no_such_button(self, as_alice: Browser) -> None:
        assert "data-helpdesk" not in as_alice.get("/user/profile/").content.decode()

    def test_the_policy_allows_its_script_and_frame(self, tmp_path: Path) -> None:
        found = policy(tmp_path, HELPDESK_INTEGRATION_JAVASCRIPT_URL=COLLECTOR)
        assert found["script-src"] == ["'self'", "https://desk.example.org"]
        assert found["frame-src"] == ["https://desk.example.org"]


class TestBranding:
    def test_social_networks_have_their_icons_and_names(self, settings: Any, as_alice: Browser) -> None:
        networks = [
            {"URL": "https://social.example.org/vps", "NAME": "Mastodon", "FONT_AWESOME_NAME": "fa-mastodon"},
            {"URL": "https://other.example.org/vps"},
        ]
        provider = {"NAME": "Example", "URL": "https://www.example.org/", "SOCIAL_NETWORKS": networks}
        settings.BRANDING = {**settings.BRANDING, "SERVICE_PROVIDED_BY": provider, "MOTTO": "Wherever they run"}
        page = as_alice.get("/user/profile/").content.decode()
        foot = page[page.index('<footer class="foot">') : page.index("</footer>")]
        assert "#i-mastodon" in foot
        assert "Mastodon" in foot
        assert "other.example.org" in foot
        assert "Wherever they run" in foot

    def test_terms_of_use_are_the_sites_own_text_where_no_other_address_is_named(self, tmp_path: Path) -> None:
        from ganetimgr import defaults

        site = {name: value for name, value in vars(defaults).items() if name.isupper()}
        site |= {"VAR_DIR": tmp_path, "FLATPAGES": {"TOS": True}}
        sitefile.complete(site)
        assert site["BRANDING"]["TERMS_URL"] == "/about/terms-of-service/"
        assert defaults.BRANDING["TERMS_URL"] == ""
