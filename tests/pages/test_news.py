"""The site's news have a page of their own."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import NewsFeed

pytestmark = pytest.mark.django_db
FEED = "https://www.example.org/news.rss"


@pytest.fixture
def feed(settings: Any) -> None:
    settings.BRANDING = {**settings.BRANDING, "FEED_URL": FEED}


@pytest.mark.parametrize("address", ["/news", "/news/"])
def test_everybody_reads_the_news(feed: None, address: str) -> None:
    item = {"title": "<b>New</b> cluster", "link": "https://www.example.org/1", "text": "It is large.", "date": ""}
    NewsFeed.objects.create(url=FEED, items=[item], fetched=timezone.now())
    page = Browser().get(address).content.decode()
    assert "&lt;b&gt;New&lt;/b&gt; cluster" in page
    assert 'href="https://www.example.org/1"' in page


def test_without_news_the_page_says_so(feed: None) -> None:
    assert "No news" in Browser().get("/news/").content.decode()


def test_the_navigation_has_them_where_there_is_a_feed(as_alice: Browser, feed: None) -> None:
    assert 'href="/news/"' in as_alice.get("/user/profile/").content.decode()


def test_the_navigation_has_none_without_a_feed(as_alice: Browser) -> None:
    assert 'href="/news/"' not in as_alice.get("/user/profile/").content.decode()
