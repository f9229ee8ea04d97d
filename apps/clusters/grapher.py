"""The server that draws the load of VMs (COLLECTD_URL): what it is asked, what it answered lately, and how it is.

It belongs to somebody else: it may be slow, huge, gone or hostile, and a page asks it for dozens of pictures at once.
"""

import base64
import hashlib
import logging
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings
from django.core.cache import BaseCache, caches

from apps.clusters.spans import Span
from ganeti.download import CannotFetch, OtherAnswer, fetch
from ganeti.objects import Instance

log = logging.getLogger(__name__)

MAX_BYTES = 512 * 1024
MAX_KEPT = 128 * 1024  # larger pictures are shown, but not remembered
MAX_NICS = 16  # of one instance that are shown
SECONDS = 6.0  # that a picture may take,
PATIENCE = 10.0  # after it waited so long for others to be drawn
AT_ONCE = 4  # pictures that one process asks for
TURN = 300  # seconds for which a picture that ends now is good
TURN_OF_HOURS = 60  # the same for one that shows few hours
TURN_OF_THE_PAST = 6 * 3600  # the same for one whose end is over
NOTHING_FOR = 60  # seconds until it is asked again for a picture that it did not have
AWAY_FOR = 10  # seconds until it is asked again after it did not answer

_KIND = re.compile(r"[a-z][a-z0-9]{0,19}(-[a-z0-9]{1,20}){0,3}")
_NIC = re.compile(r"eth(0|[1-9][0-9]?)")
_PNG = b"\x89PNG\r\n\x1a\n"
_AWAY = "grapher-is-away"

_places = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Question:
    """One picture: of which instance, of which kind, over which span, for the kinds of networks of which card."""

    instance: str
    kind: str
    span: Span
    nic: str = ""

    @property
    def address(self) -> str:
        parts = [quote(self.instance, safe=""), f"{self.kind}.png", f"{self.span.start},{self.span.end}", self.nic]
        return "/".join([str(settings.COLLECTD_URL).rstrip("/"), *filter(None, parts)])

    @property
    def key(self) -> str:
        return f"graph-{hashlib.blake2b(self.address.encode(), digest_size=16).hexdigest()}"

    @property
    def good_for(self) -> int:
        """Seconds for which the picture may be shown again."""
        if self.span.until < time.time() - TURN:
            return TURN_OF_THE_PAST
        return TURN_OF_HOURS if self.span.seconds < 6 * 3600 else TURN


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to show, and for how many seconds; without `png` there is no graph, or it is late."""

    png: bytes
    good_for: int
    is_late: bool = False  # nobody drew it: it may be there some seconds later


LATE = Picture(b"", AWAY_FOR, is_late=True)


class NoSuchGraph(LookupError):
    """No grapher has such a graph of this instance."""


def is_configured() -> bool:
    return bool(settings.COLLECTD_URL)


def question(instance: Instance, kind: str, span: Span, nic: str = "") -> Question:
    """Raises NoSuchGraph for kinds that no grapher has, and for cards that the instance does not have."""
    if not _KIND.fullmatch(kind) or not instance.name.strip("."):
        raise NoSuchGraph(kind)
    if nic and not ((card := _NIC.fullmatch(nic)) and int(card[1]) < len(instance.nics)):
        raise NoSuchGraph(nic)
    return Question(instance.name, kind, span, nic)


def of_instance(instance: Instance, span: Span, cards: int = MAX_NICS) -> list[Question]:
    """The CPU, and each of the first network cards."""
    nics = [f"eth{number}" for number in range(min(len(instance.nics), cards))]
    return [Question(instance.name, "cpu-ts", span), *(Question(instance.name, "net-ts", span, nic) for nic in nics)]


def picture(asked: Question) -> Picture:
    """The picture that was drawn lately, else a new one. Never raises, and never takes long."""
    kept = _cache().get(asked.key)
    if kept is not None:
        return _kept(kept, asked)
    if is_away() or not _places.acquire(timeout=PATIENCE):
        return LATE
    try:
        kept = _cache().get(asked.key)  # others had the same wish meanwhile, or found nobody there
        if kept is not None:
            return _kept(kept, asked)
        return LATE if is_away() else _drawn(asked)
    finally:
        _places.release()


def is_away() -> bool:
    """Whether it did not answer lately; it is left in peace for some seconds then, and nobody waits for it."""
    return bool(_cache().get(_AWAY))


def has_nothing(asked: Iterable[Question]) -> bool:
    """Whether it is known that there is none of these pictures; one look into the cache."""
    keys = [each.key for each in asked]
    known = _cache().get_many(keys)
    return len(known) == len(set(keys)) and not any(known.values())


def turn() -> int:
    """Another number whenever pictures that end now are to be drawn anew: part of their addresses in pages."""
    return int(time.time() // TURN) if is_configured() else 0


def _cache() -> BaseCache:
    return caches["graphs" if "graphs" in settings.CACHES else "default"]


def _kept(text: str, asked: Question) -> Picture:
    return Picture(base64.b64decode(text), asked.good_for) if text else Picture(b"", NOTHING_FOR)


def _drawn(asked: Question) -> Picture:
    try:
        document = fetch(
            asked.address, within=SECONDS, max_bytes=MAX_BYTES, accept="image/png", redirects=0, by_proxy=False
        )
    except OtherAnswer as error:
        return _nothing(asked, str(error))
    except CannotFetch as error:
        log.warning("The grapher is left in peace for %s s: %s.", AWAY_FOR, error)
        _cache().set(_AWAY, 1, AWAY_FOR)
        return LATE
    if document.content_type != "image/png" or not document.body.startswith(_PNG):
        return _nothing(asked, "it is no PNG")
    if len(document.body) <= MAX_KEPT:
        _cache().set(asked.key, base64.b64encode(document.body).decode(), asked.good_for)
    return Picture(document.body, asked.good_for)


def _nothing(asked: Question, why: str) -> Picture:
    log.info("No graph %s of %s: %s.", asked.kind, asked.instance, why)
    _cache().set(asked.key, "", NOTHING_FOR)
    return Picture(b"", NOTHING_FOR)
