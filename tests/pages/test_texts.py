"""The site's texts about itself: written in the admin, one for each language, harmless whatever stands in them."""

from typing import Any

import pytest
from django.contrib.flatpages.models import FlatPage
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client as Browser

pytestmark = pytest.mark.django_db


def written(url: str, content: str, **fields: Any) -> FlatPage:
    page = FlatPage.objects.create(url=url, title="A page", content=content, **fields)
    page.sites.add(1)
    return page


@pytest.fixture
def sample_texts(settings: Any) -> None:
    settings.FLATPAGES = {"INFO": True, "TOS": True, "FAQ": True}
    call_command("loaddata", "flatpages.json", verbosity=0)


class TestTheTextsThatComeAlong:
    @pytest.mark.parametrize("language", ["en", "el"])
    @pytest.mark.parametrize("slug", ["info", "terms-of-service"])
    def test_everybody_reads_what_the_site_is(self, sample_texts: None, slug: str, language: str) -> None:
        response = Browser().get(f"/about/{slug}/{language}/")
        title = FlatPage.objects.get(url=f"/about/{slug}/{language}/").title
        assert response.status_code == 200
        assert f"<h1>{title}</h1>" in response.content.decode()

    def test_questions_are_answered_to_those_who_are_signed_in(self, sample_texts: None, as_alice: Browser) -> None:
        assert Browser().get("/about/faq/en/").status_code == 302
        assert as_alice.get("/about/faq/en/").status_code == 200

    def test_a_link_without_a_language_leads_to_the_readers(self, sample_texts: None) -> None:
        assert Browser().get("/about/info/")["Location"] == "/about/info/en/"
        assert Browser(headers={"accept-language": "el"}).get("/about/info/")["Location"] == "/about/info/el/"

    def test_a_text_that_is_not_in_the_readers_language_is_shown_in_another(self, sample_texts: None) -> None:
        FlatPage.objects.get(url="/about/info/el/").delete()
        assert Browser(headers={"accept-language": "el"}).get("/about/info/")["Location"] == "/about/info/en/"

    def test_another_language_means_the_same_text_in_it(self, sample_texts: None) -> None:
        response = Browser().post("/setlang/", {"language": "el", "next": "/about/info/en/"})
        assert response["Location"] == "/about/info/el/"

    def test_links_are_in_the_footer_and_beside_the_pages(self, sample_texts: None, as_alice: Browser) -> None:
        page = as_alice.get("/user/profile/").content.decode()
        assert 'href="/about/info/"' in page
        assert 'href="/about/terms-of-service/"' in page
        assert 'href="/about/faq/"' in page

    def test_whoever_is_not_signed_in_has_no_link_to_the_questions(self, sample_texts: None) -> None:
        page = Browser().get("/user/login/").content.decode()
        assert 'href="/about/info/"' in page
        assert 'href="/about/faq/"' not in page


def test_there_are_no_links_to_texts_that_the_site_does_not_name(as_alice: Browser) -> None:
    assert "/about/" not in as_alice.get("/user/profile/").content.decode()


def test_a_text_that_nobody_has_written_is_a_404() -> None:
    assert Browser().get("/about/info/").status_code == 404
    assert Browser().get("/about/info/en/").status_code == 404


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        '<a href="javascript:alert(1)">here</a>',
        '<p style="position:fixed">over everything</p>',
        '<iframe src="https://example.org/"></iframe>',
        '<form action="https://example.org/"><input name="password"></form>',
    ],
)
def test_nothing_in_a_text_can_run_or_ask(hostile: str) -> None:
    written("/about/info/en/", f"<h2>Good</h2>{hostile}")
    page = Browser().get("/about/info/en/").content.decode()
    article = page[page.index('<article class="text">') : page.index("</article>")]
    assert "<h2>Good</h2>" in article
    for danger in ("<script", "onerror", "javascript:", "style=", "<iframe", "<form", "<input"):
        assert danger not in article


def test_other_texts_of_the_admin_are_shown_where_they_say() -> None:
    written("/about/privacy/en/", "<p>What we keep</p>")
    assert "What we keep" in Browser().get("/about/privacy/en/").content.decode()


def test_a_check_names_links_to_texts_that_nobody_has_written(settings: Any) -> None:
    settings.FLATPAGES = {"INFO": True}
    written("/about/terms-of-service/en/", "<p>Terms</p>")
    found = [message.msg for message in run_checks(databases=["default"]) if message.id == "ganetimgr.W070"]
    assert found == ["FLATPAGES has links to /about/info/, but nobody has written that page."]
