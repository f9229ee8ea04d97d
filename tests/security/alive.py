"""Markup that somebody brought along: what marks it, and whether a page has let it live."""

from html.parser import HTMLParser

WORD = "xss7"  # in all that a payload would run, and nowhere else
made: set[str] = set()  # the sources of all payloads so far


def payload(source: str, slash: str = "/") -> str:
    """Markup that breaks out of texts, attributes, scripts, comments and templates, and says where it came from."""
    made.add(source)
    broken_out = f"{WORD}-{source}'\"` {WORD}=1 onfocus={WORD}() --></td></textarea></title></script></style>"
    elements = f"<{WORD}><script>{WORD}()</script><img src=x onerror={WORD}()>"
    return (broken_out + elements + "{{ 7|add:7 }}{% now 'Y' %}").replace("/", slash)


def link() -> str:
    """An address that is a script."""
    return f"JaVaScRiPt:{WORD}()"


_LEADING = ("href", "src", "action", "formaction", "data", "srcdoc", "poster", "xlink:href", "hx-get", "hx-post")
_SCHEMES = ("javascript:", "vbscript:", "data:text")


class Page(HTMLParser):
    """What a browser would make of a page, as far as somebody else's markup lives in it (`alive`), and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.alive: list[str] = []
        self.texts: list[str] = []
        self._in_script = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag in ("script", "style")
        if WORD in tag:
            self.alive.append(f"<{tag}>")
        for name, value in attrs:
            is_link = name in _LEADING and (value or "").strip().lower().startswith(_SCHEMES)
            if WORD in name or name.startswith(("on", "hx-on")) or name == "style" or is_link:
                self.alive.append(f"<{tag} {name}={value}>"[:200])
            elif value:
                self.texts.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_comment(self, data: str) -> None:
        self._note_if_marked("a comment", data)

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self._note_if_marked("a script", data)
        self.texts.append(data)

    def _note_if_marked(self, what: str, data: str) -> None:
        if WORD in data:
            self.alive.append(f"{what}: {data[:200]}")

    @property
    def text(self) -> str:
        return " ".join(self.texts)
