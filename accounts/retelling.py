"""
Tells in the reader's language what was said in English: by ganeti/, which knows no Django, and by processes without
a reader, whose sentences are stored.

Rooms register their sentences, as msgids with %(name)s for what varies. Texts of other origin, such as Ganeti's own
words, stand for themselves.
"""

import re

from django.utils.translation import gettext

_sentences: dict[re.Pattern[str], str] = {}


def register(*msgids: str) -> None:
    """From an app's `ready`. The more a sentence says by itself, the earlier it is tried."""
    _sentences.update((_pattern(msgid), msgid) for msgid in msgids)
    ordered = sorted(_sentences.items(), key=lambda item: len(_fixed_part(item[1])), reverse=True)
    _sentences.clear()
    _sentences.update(ordered)


def retold(text: str) -> str:
    """`text` in the language of whoever reads now; as it is where nobody registered such a sentence."""
    for pattern, msgid in _sentences.items():
        if match := pattern.fullmatch(text):
            return gettext(msgid) % {name: retold(value) for name, value in match.groupdict().items()}
    return text


def _pattern(msgid: str) -> re.Pattern[str]:
    escaped = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(msgid))
    return re.compile(escaped, re.DOTALL)


def _fixed_part(msgid: str) -> str:
    return re.sub(r"%\(\w+\)s", "", msgid)
