"""
Wake-up calls over beanstalkd: "this cluster has news, look at once".

The database remembers what is pending and is looked through now and then anyway; a message that is
lost costs only delay. So nothing in here raises when the broker is away, and nobody waits long for it.
"""

import contextlib
import logging
import math
import socket
import time
from collections.abc import Iterator
from typing import Literal, Protocol

import greenstalk
import msgspec

_PATIENCE = 0.3  # seconds for each of the three exchanges of a put: connect, choose the tube, put
_PAUSE = 1.0  # seconds between two tries to reach a broker that is away
_AWAY = (OSError, greenstalk.Error)
STATES = ("ready", "reserved", "delayed", "buried")  # of a message, in the broker's words

logger = logging.getLogger(__name__)


class _News(msgspec.Struct):
    """The message."""

    type: Literal["NEWS"]
    cluster: str


class Queue(Protocol):
    """What web and watcher use, with or without a broker."""

    def put_news(self, slug: str, after: int = 0) -> bool: ...
    def reserve_news(self, timeout: float) -> str | None: ...
    def is_there(self) -> bool: ...
    def numbers(self) -> dict[str, int]: ...


class JobQueue:
    """Wake-up calls through a beanstalkd. Any number of threads may put; one at a time reserves."""

    def __init__(self, host: str = "127.0.0.1", port: int = 11300, tube: str = "ganetimgr") -> None:
        self._host, self._port, self._tube = host, port, tube
        self._listener: tuple[socket.socket, greenstalk.Client[bytes]] | None = None
        self._is_away = False

    def put_news(self, slug: str, after: int = 0) -> bool:
        """Whether the broker took the message that cluster `slug` has news, to be heard in `after` seconds."""
        message = msgspec.json.encode(_News("NEWS", slug))
        try:
            with self._speaker() as client:
                client.put(message, delay=after)
        except _AWAY as error:
            logger.warning("beanstalkd did not take the news of %s: %s", slug, error)
            return False
        return True

    def reserve_news(self, timeout: float) -> str | None:
        """The slug of a cluster with news, or None if none came within `timeout` seconds, rounded up to whole ones."""
        ends_at = time.monotonic() + timeout
        while True:
            left = max(0.0, ends_at - time.monotonic())
            try:
                slug = self._next_slug(left)
            except greenstalk.TimedOutError:
                return None
            except _AWAY as error:
                self._hang_up(error)
                time.sleep(min(left, _PAUSE))
                slug = None
            if slug is not None or time.monotonic() >= ends_at:
                return slug

    def is_there(self) -> bool:
        """Whether a beanstalkd answers."""
        try:
            with self._speaker() as client:
                return client.using() == self._tube
        except _AWAY:
            return False

    def numbers(self) -> dict[str, int]:
        """How many messages of our tube are in each of STATES, and how many listen to it ("watching"). Raises OSError
        or greenstalk.Error when the broker is away; nobody waits long for that."""
        with self._speaker() as client:
            told = client.stats_tube(self._tube)
        found = {state: int(str(told.get(f"current-jobs-{state}", 0))) for state in STATES}
        return {**found, "watching": int(str(told.get("current-watching", 0)))}

    def _next_slug(self, seconds: float) -> str | None:
        """The next message's cluster; None for a malformed message, which is buried for a person to look at."""
        sock, client = self._listener = self._listener or self._open_listener()
        sock.settimeout(math.ceil(seconds) + 1 + _PATIENCE)
        job = client.reserve(timeout=math.ceil(seconds))
        sock.settimeout(_PATIENCE)
        try:
            slug = msgspec.json.decode(job.body, type=_News).cluster
        except (msgspec.MsgspecError, ValueError, RecursionError):
            logger.warning("A malformed message in the tube %s is buried: %.200r", self._tube, job.body)
            client.bury(job)
            return None
        with contextlib.suppress(*_AWAY):  # heard is heard: at worst it is heard twice
            client.delete(job)
        return slug

    @contextlib.contextmanager
    def _speaker(self) -> Iterator[greenstalk.Client[bytes]]:
        """A client for one message: connecting takes under a millisecond, and greenlets share nothing."""
        with (
            socket.create_connection((self._host, self._port), timeout=_PATIENCE) as sock,
            greenstalk.Client(sock, encoding=None, use=self._tube) as client,
        ):
            yield client

    def _open_listener(self) -> tuple[socket.socket, "greenstalk.Client[bytes]"]:
        sock = socket.create_connection((self._host, self._port), timeout=_PATIENCE)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            client = greenstalk.Client(sock, encoding=None, watch=self._tube)
        except _AWAY:
            sock.close()
            raise
        if self._is_away:
            logger.info("beanstalkd is back")
            self._is_away = False
        return sock, client

    def _hang_up(self, why: Exception) -> None:
        if not self._is_away:  # one line when it goes, not one a second
            logger.warning("beanstalkd is away: %s", why)
            self._is_away = True
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener[1].close()
            self._listener = None


class NoQueue:
    """No broker at all, the embedded default: nothing is said, nothing is heard."""

    def put_news(self, slug: str, after: int = 0) -> bool:
        return False

    def reserve_news(self, timeout: float) -> str | None:
        """None, after the same wait as with a broker: callers' loops live from it."""
        time.sleep(timeout)
        return None

    def is_there(self) -> bool:
        return False

    def numbers(self) -> dict[str, int]:
        return {}
