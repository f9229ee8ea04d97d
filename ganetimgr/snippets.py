"""The site's own HTML for statistics: read once, and let run by what the Content-Security-Policy says about just it.

Its inline scripts are allowed by their hashes (https://www.w3.org/TR/CSP3/, 6.7.3.1), not by a nonce: a page that a
browser kept and that has not changed (304) would come with another nonce than its scripts have.
"""

import base64
import hashlib
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Snippet:
    html: str = ""
    script_sources: tuple[str, ...] = ()  # as script-src takes them: hashes and origins


def read(path: str) -> Snippet:
    """The file's HTML; an empty one where none is named. ImproperlyConfigured when it cannot be read."""
    if not path:
        return Snippet()
    try:
        html = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f'BRANDING["ANALYTICS_FILE_PATH"] cannot be read: {error}.') from error
    parser = _Scripts()
    parser.feed(html)
    parser.close()
    return Snippet(html, tuple(dict.fromkeys(parser.sources)))


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.sources: list[str] = []
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "script":
            return
        address = urlsplit(dict(attrs).get("src") or "")
        if address.netloc:
            self.sources.append(f"{address.scheme or 'https'}://{address.netloc}")
        self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._text is not None:
            text = "".join(self._text)
            if text.strip():
                digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
                self.sources.append(f"'sha256-{digest}'")
            self._text = None
