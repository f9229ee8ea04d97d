"""News of the site's feed on the sign-in page, from a web server that may be slow, huge, gone or hostile."""

import datetime
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.test import Client

from accounts import feed
from accounts.models import NewsFeed
from ganetimgr.worker import CHORES

pytestmark = pytest.mark.django_db

Behaviour = Callable[[BaseHTTPRequestHandler], None]

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>News</title><link>https://www.example.org/</link><description>d</description>
%s</channel></rss>"""
ITEM = """<item><title>%s</title><link>%s</link><description><![CDATA[%s]]></description>
<pubDate>Wed, 18 Nov 2026 08:00:00 GMT</pubDate></item>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><id>urn:x</id>
<updated>2026-11-18T08:00:00Z</updated><entry><title type="html">A &lt;b&gt;bold&lt;/b&gt; title</title>
<id>urn:y</id><updated>2026-11-18T08:00:00Z</updated><link href="/news/1"/><summary>Words</summary></entry></feed>"""


def rss(*items: tuple[str, str, str]) -> bytes:
    return (RSS % "".join(ITEM % item for item in items)).encode()


def says(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(400):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def leads_in_circles(handler: BaseHTTPRequestHandler) -> None:
    says(b"", 302, Location="/again")(handler)


class Server:
    """The feed's server; `behave` says how it answers from now on, `asked` counts requests."""

    def __init__(self) -> None:
        self.behave: Behaviour = says(b"")
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                try:
                    server.behave(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/feed"


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    server = Server()
    settings.BRANDING = {**settings.BRANDING, "FEED_URL": server.url}
    yield server
    server.http.shutdown()
    server.http.server_close()


def told(server: Server, *items: tuple[str, str, str]) -> list[feed.Item]:
    server.behave = says(rss(*items))
    feed.refresh()
    return feed.latest()


class TestNews:
    def test_date_title_and_link_are_on_the_sign_in_page(self, server: Server, client: Client) -> None:
        told(server, ("Maintenance & more", "https://www.example.org/news/1", "<p>On <b>Saturday</b>.</p>"))
        page = client.get("/user/login/").content.decode()
        link = (
            '<a href="https://www.example.org/news/1" target="_blank" rel="noopener noreferrer">Maintenance &amp; more'
        )
        assert link in page
        assert "18 Nov 2026" in page
        assert "On Saturday." in page
        assert "All your virtual machines in one place" not in page

    def test_atom_is_read_as_well(self, server: Server) -> None:
        server.behave = says(ATOM.encode())
        feed.refresh()
        [item] = feed.latest()
        assert (item.title, item.text) == ("A bold title", "Words")
        assert item.link == server.url.replace("/feed", "/news/1")
        assert item.date == datetime.datetime(2026, 11, 18, 8, tzinfo=datetime.UTC)

    def test_the_newest_come_first_and_only_a_few(self, server: Server) -> None:
        items = [
            (ITEM % (f"Day {day}", "https://www.example.org/", "")).replace("18 Nov", f"{day:02} Nov")
            for day in (3, 9, 1, 7, 5, 2, 8)
        ]
        server.behave = says((RSS % "".join(items)).encode())
        feed.refresh()
        assert [item.title for item in feed.latest()] == ["Day 9", "Day 8", "Day 7", "Day 5", "Day 3"]

    def test_the_page_costs_one_query_and_asks_no_server(
        self, server: Server, client: Client, django_assert_num_queries: Any
    ) -> None:
        told(server, ("One", "https://www.example.org/", ""))
        server.asked = 0
        Site.objects.get_current()  # each process asks for it once
        with django_assert_num_queries(1):
            client.get("/user/login/")
        assert server.asked == 0

    def test_without_a_feed_the_page_says_what_it_always_said(
        self, client: Client, django_assert_num_queries: Any
    ) -> None:
        feed.refresh()
        Site.objects.get_current()  # each process asks for it once
        with django_assert_num_queries(0):
            page = client.get("/user/login/").content.decode()
        assert "All your virtual machines in one place" in page

    def test_another_feed_takes_the_place_of_the_old_one(self, server: Server, settings: Any) -> None:
        told(server, ("Old", "https://www.example.org/", ""))
        settings.BRANDING = {**settings.BRANDING, "FEED_URL": f"{server.url}?new"}
        assert feed.latest() == []
        feed.refresh()
        assert NewsFeed.objects.count() == 1

    def test_the_watcher_fetches_it(self, server: Server) -> None:
        server.behave = says(rss(("One", "https://www.example.org/", "")))
        next(chore for chore in CHORES if chore.name == "fetch news").work()
        assert [item.title for item in feed.latest()] == ["One"]


class TestFeedsThatFail:
    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (says(b"gone", 404), "answers 404"),
            (says(b"", 500), "answers 500"),
            (leads_in_circles, "without end"),
            (says(b"", 302, Location="file:///etc/passwd"), "broken"),
            (says(b"", 302, Location="gopher://127.0.0.1:25/"), "broken"),
            (says(b"x" * (feed.MAX_BYTES + 1)), "more than 512 KiB"),
            (drips, "within 0.5 seconds"),
            (says(b""), "no feed"),
            (says(b"/etc/hostname"), "no feed"),
            (says(b"<html><body>Nothing to see</body></html>"), "no feed"),
            (says(b"\x00\xff\xfe" * 1000), "no feed"),
        ],
    )
    def test_what_was_known_stays(
        self, server: Server, caplog: pytest.LogCaptureFixture, behaviour: Behaviour, reason: str
    ) -> None:
        told(server, ("Known", "https://www.example.org/", ""))
        server.behave = behaviour
        feed.refresh(within=0.5)
        assert [item.title for item in feed.latest()] == ["Known"]
        assert reason in caplog.text

    def test_a_server_that_is_away_is_a_line_in_the_log(
        self, server: Server, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.BRANDING = {**settings.BRANDING, "FEED_URL": "http://127.0.0.1:1/feed"}
        feed.refresh()
        assert "No news: the server does not answer." in caplog.text

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", "http://", "http://["])
    def test_only_the_web_is_asked(self, settings: Any, caplog: pytest.LogCaptureFixture, url: str) -> None:
        settings.BRANDING = {**settings.BRANDING, "FEED_URL": url}
        feed.refresh()
        assert "No news" in caplog.text
        assert feed.latest() == []

    def test_a_feed_that_ends_in_the_middle_gives_what_it_has(self, server: Server) -> None:
        whole = rss(("One", "https://www.example.org/1", ""), ("Two", "https://www.example.org/2", ""))
        server.behave = says(whole[: whole.index(b"Two")])
        feed.refresh()
        assert feed.latest()[0].title == "One"


class TestHostileFeeds:
    @pytest.mark.parametrize(
        "payload",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            '<a href="javascript:alert(1)">x</a>',
            "<iframe src=//evil.example></iframe>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<style>*{display:none}</style>",
            '"><script>alert(1)</script>',
            "<math><mtext></table></math><img src onerror=alert(1)>",
        ],
    )
    def test_markup_is_text_or_nothing(self, server: Server, client: Client, payload: str) -> None:
        title = "News " + payload.replace("<", "&lt;").replace(">", "&gt;")
        [item] = told(server, (title, "https://www.example.org/", payload))
        assert item.title.startswith("News")
        page = client.get("/user/login/").content.decode()
        for part in ("<script>alert", "<img src", "<svg/", "javascript:", "<iframe", "<style>*"):
            assert part not in page

    @pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", ""])
    def test_a_link_leads_to_the_web_or_is_none(self, server: Server, client: Client, link: str) -> None:
        [item] = told(server, ("News", link, ""))
        assert item.link == ""
        assert "<strong>News</strong>" in client.get("/user/login/").content.decode()

    def test_long_titles_and_texts_are_cut(self, server: Server) -> None:
        [item] = told(server, ("long " * 200, "https://www.example.org/", "word " * 50_000))
        assert len(item.title) <= feed.MAX_TITLE
        assert len(item.text) <= feed.MAX_TEXT

    def test_what_turns_the_direction_of_writing_is_taken_out(self, server: Server) -> None:
        [item] = told(server, ("good\u202etxt.exe\u0007 news", "https://www.example.org/", ""))
        assert item.title == "good txt.exe news"

    def test_files_and_entities_are_not_opened(self, server: Server, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("the secret")
        entity = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}">]>'
        server.behave = says(
            rss(("News &x;", "https://www.example.org/", "")).replace(b"<rss", f"{entity}<rss".encode())
        )
        feed.refresh()
        assert "the secret" not in str(feed.latest())

    def test_a_bomb_of_entities_does_not_go_off(self, server: Server) -> None:
        levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
        bomb = f'<!DOCTYPE rss [<!ENTITY l0 "lol">{levels}]>'
        server.behave = says(rss(("&l11;", "https://www.example.org/", "")).replace(b"<rss", f"{bomb}<rss".encode()))
        feed.refresh()
        assert len(str(feed.latest())) < 10_000

    @pytest.mark.parametrize("date", ["yesterday", "Wed, 99 Nov 99999 08:00:00 GMT", "", "0000-00-00"])
    def test_odd_dates_are_none(self, server: Server, client: Client, date: str) -> None:
        server.behave = says(
            rss(("News", "https://www.example.org/", "")).replace(b"Wed, 18 Nov 2026 08:00:00 GMT", date.encode())
        )
        feed.refresh()
        assert [item.title for item in feed.latest()] == ["News"]
        assert client.get("/user/login/").status_code == 200
