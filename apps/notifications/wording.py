"""The small language of a notification's text: what stands in double braces is filled in for each person.

    {{ instances }}        that person's VMs of those that it is about, one in a line
    {{ recipient }}        how that person is called
    {{ site }}             how this service is called
    {% for instance in instances %}...{{ instance.name }} on {{ instance.cluster }}...{% endfor %}

Nothing else is known, and nothing of it is a template of Django's: a text can neither read nor run anything.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

MAX_LENGTH = 50_000  # of a text that is filled in
_TOKEN = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_LOOP = ("for", "instance", "in", "instances")
_EVERYWHERE = ("instances", "recipient", "site")
_IN_A_LOOP = ("instance", "instance.name", "instance.cluster")


class Wrong(ValueError):
    """The text cannot be filled in; `str()` is the sentence that says where and why."""


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM as a text names it."""

    cluster: str
    name: str


@dataclass(frozen=True, slots=True)
class _Loop:
    parts: Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


def check(text: str) -> None:
    """Raises Wrong where `text` says something that this language does not know."""
    _parse(text)


def fill(text: str, vms: Iterable[Vm], *, recipient: str, site: str) -> str:
    """`text` for one person; raises Wrong as `check` does."""
    vms = list(vms)
    common = {"instances": "\n".join(f"- {vm.name}" for vm in vms), "recipient": recipient, "site": site}
    filled = "".join(_pieces(_parse(text), common, vms))
    if len(filled) > MAX_LENGTH:
        more = _("and so on")
        filled = f"{filled[:MAX_LENGTH]}\n… {more}"
    return filled


def _pieces(parts: Sequence[Any], known: dict[str, str], vms: list[Vm]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, _Loop):
            for vm in vms:
                own = {"instance": vm.name, "instance.name": vm.name, "instance.cluster": vm.cluster}
                yield from _pieces(part.parts, {**known, **own}, [])
        else:
            yield known[part.name] if isinstance(part, _Name) else part


def _parse(text: str) -> list[Any]:
    found: list[Any] = []
    inside: list[Any] | None = None
    opened_at = place = 0
    for match in _TOKEN.finditer(text):
        current = found if inside is None else inside
        current.append(_plain(text, place, match.start()))
        place = match.end()
        if match[1] is not None:
            current.append(_name(match, in_a_loop=inside is not None))
        elif tuple(match[2].split()) == _LOOP and inside is None:
            inside, opened_at = [], match.start()
        elif match[2].split() == ["endfor"] and inside is not None:
            found.append(_Loop(tuple(inside)))
            inside = None
        else:
            raise Wrong(_unknown(match))
    if inside is not None:
        raise Wrong(_("Line %(line)d: this list has no end; write {%% endfor %%} after it.") % _at(text, opened_at))
    found.append(_plain(text, place, len(text)))
    return found


def _plain(text: str, start: int, end: int) -> str:
    """What stands between; a brace that opens something and does not close it is a slip of the pen."""
    for opening in ("{{", "{%"):
        lost = text.find(opening, start, end)
        if lost >= 0:
            raise Wrong(
                _("Line %(line)d: “%(words)s” is not closed.") % {**_at(text, lost), "words": text[lost : lost + 20]}
            )
    return text[start:end]


def _name(match: re.Match[str], *, in_a_loop: bool) -> _Name:
    name = match[1].strip()
    if name in _EVERYWHERE or (in_a_loop and name in _IN_A_LOOP):
        return _Name(name)
    raise Wrong(_unknown(match))


def _unknown(match: re.Match[str]) -> str:
    words = " ".join(match[0].split())[:60]
    return _("Line %(line)d: “%(words)s” means nothing here.") % {**_at(match.string, match.start()), "words": words}


def _at(text: str, place: int) -> dict[str, int]:
    return {"line": text.count("\n", 0, place) + 1}
