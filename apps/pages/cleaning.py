"""The HTML of the site's texts, made harmless: who may write them may not run scripts in other people's browsers."""

import nh3

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "dl", "dt", "em", "figcaption", "figure"),
    *("h2", "h3", "h4", "hr", "i", "img", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "small", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul"),
}
ATTRIBUTES = {
    "*": {"id", "lang", "title", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
    "ol": {"start"},
    "details": {"open"},
}


def harmless(markup: str) -> str:
    """`markup` with what structures a text, pictures and links; everything else of it is left out."""
    return nh3.clean(
        markup,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        id_prefix="text-",
        link_rel="noopener",
    )
