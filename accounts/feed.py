"""News from the feed at BRANDING["FEED_URL"]: the watcher fetches them, the sign-in page reads what it left.

The feed belongs to somebody else: it may be slow, huge, broken or hostile. Only text of it is kept.
"""

import calendar
import datetime as dt
import html
import io
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import feedparser
import nh3
from django.conf import settings
from django.utils import timezone
from django.utils.text import Truncator

from accounts.models import NewsFeed
from ganeti.download import CannotFetch, fetch

log = logging.getLogger(__name__)

MAX_ITEMS = 5
MAX_BYTES = 512 * 1024
SECONDS = 15.0
MAX_TITLE, MAX_TEXT, MAX_LINK = 200, 280, 2000
# Whatever is longer is cut before it is cleaned: cleaning takes longer the more nonsense there is.
_MAX_HTML = 20_000
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of news; `link` is http or https, or empty."""

    title: str
    link: str
    text: str
    date: dt.datetime | None


def latest() -> list[Item]:
    """The news as they were found last; none where there is no feed. One query at most."""
    url = _address()
    row = NewsFeed.objects.filter(url=url).first() if url else None
    return [_read(item) for item in row.items] if row else []


def refresh(within: float = SECONDS) -> None:
    """Fetches the feed. One that does not come, or is none, leaves what was known, and a line in the log."""
    url = _address()
    if not url:
        return
    try:
        document = fetch(url, within=within, max_bytes=MAX_BYTES)
        items = parsed(document.body, document.url)
    except (CannotFetch, NotAFeed) as error:
        log.warning("No news: %s.", error)
        return
    NewsFeed.objects.exclude(url=url).delete()
    NewsFeed.objects.update_or_create(url=url, defaults={"items": items, "fetched": timezone.now()})


class NotAFeed(Exception):
    """What came is neither RSS nor Atom."""


def _address() -> str:
    return str(settings.BRANDING["FEED_URL"])


def parsed(document: bytes, url: str) -> list[dict[str, str]]:
    """The newest items of an RSS or Atom document that was found there, as NewsFeed keeps them."""
    # Bytes as such could be the name of a file to feedparser. The address is what relative links start from.
    found = feedparser.parse(io.BytesIO(document), response_headers={"content-location": url})
    if not found.get("version"):
        raise NotAFeed("it is no feed")
    items = [item for item in map(_item, found.entries) if item["title"]]
    return sorted(items, key=lambda item: item["date"], reverse=True)[:MAX_ITEMS]


def _item(entry: Any) -> dict[str, str]:
    link = str(entry.get("link") or "")[:MAX_LINK]
    return {
        "title": _plain(entry.get("title"), MAX_TITLE),
        "link": link if _leads_to_the_web(link) else "",
        "text": _plain(entry.get("summary"), MAX_TEXT),
        "date": _date(next((entry[key] for key in ("published_parsed", "updated_parsed") if key in entry), None)),
    }


def _plain(markup: Any, length: int) -> str:
    """The text of some HTML: without tags, scripts, and characters that nobody sees."""
    text = html.unescape(nh3.clean(str(markup or "")[:_MAX_HTML], tags=set()))
    return Truncator(" ".join(_INVISIBLE.sub(" ", text).split())).chars(length)


def _leads_to_the_web(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _date(moment: Any) -> str:
    """In ISO form and UTC; empty for none, and for what is no date."""
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(moment), dt.UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _read(item: dict[str, str]) -> Item:
    date = dt.datetime.fromisoformat(item["date"]) if item["date"] else None
    return Item(item["title"], item["link"], item["text"], date)
