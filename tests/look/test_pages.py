"""The site's texts and news in Chromium, and the form of its help desk, whose script comes when somebody asks."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import NewsFeed
from ganetimgr import sitefile
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FEED = "https://www.example.org/news.rss"
COLLECTOR = b"""
const props = window.ATL_JQ_PAGE_PROPS;
props.triggerFunction(() => { document.body.dataset.opened = JSON.stringify(props.fieldValues); });
"""


@pytest.fixture
def cookies(settings: Any) -> dict[str, str]:
    settings.FLATPAGES = {"INFO": True, "TOS": True, "FAQ": True}
    settings.BRANDING = {**settings.BRANDING, "FEED_URL": FEED}
    call_command("loaddata", "flatpages.json", verbosity=0)
    item = {"title": "A new cluster", "link": "https://www.example.org/1", "text": "It is large.", "date": ""}
    NewsFeed.objects.create(url=FEED, items=[item], fetched=timezone.now())
    client = Client()
    client.force_login(User.objects.create_user("alice", "alice@example.org", "alice"))
    return {"sessionid": client.cookies["sessionid"].value}


def test_everybody_can_read_them(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page("/about/faq/en/", cookies=cookies)
    page.get_by_text("Why is a button off?").click()
    expect(page.get_by_text("an administrator has locked it")).to_be_visible()
    in_order_for_everybody(page)
    site = page.url.removesuffix("/about/faq/en/")
    for address in ("/about/info/el/", "/about/terms-of-service/en/", "/news/"):
        page.goto(site + address)
        in_order_for_everybody(page)


@pytest.fixture
def collector() -> Iterator[str]:
    """The address of a script like that of Jira's issue collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write(COLLECTOR)

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/collector.js"
        httpd.shutdown()


def test_the_help_desks_form_opens_filled_in(
    open_page: Any, cookies: dict[str, str], collector: str, settings: Any
) -> None:
    settings.HELPDESK_INTEGRATION_JAVASCRIPT_URL = collector
    desk = sitefile.origins([collector])
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": sitefile.csp({}, settings.BRANDING, desk, desk)}
    page = open_page("/user/profile/", cookies=cookies)
    assert page.evaluate("document.body.dataset.opened ?? ''") == ""
    page.get_by_role("button", name="Write to the help desk").click()
    expect(page.locator("body[data-opened]")).to_be_attached()
    assert "alice@example.org" in page.evaluate("document.body.dataset.opened")
    in_order_for_everybody(page)
