"""Passes bytes between a browser and a screen, each direction at the pace of whoever is slower."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import gevent
from gevent.event import AsyncResult

from apps.clusters.console.endings import BROWSER_LEFT, BROWSER_SILENT, SCREEN_CLOSED, Ended, Ending
from apps.clusters.console.websocket import CHUNK, Browser

PING_SECONDS = 20.0
SILENCE_SECONDS = 65.0  # a browser that answered no ping for so long is gone


class Relay:
    """One running console. `end` may be called from anywhere."""

    def __init__(self, browser: Browser, screen: socket.socket) -> None:
        self.browser = browser
        self.screen = screen
        self._ending: AsyncResult = AsyncResult()

    def run(self) -> Ending:
        """Works until one side leaves or `end` is called; says why it ended."""
        tasks = [gevent.spawn(self._until_it_ends, task) for task in (self._down, self._up, self._pulse)]
        try:
            return cast(Ending, self._ending.get())
        finally:
            gevent.killall(tasks)

    def end(self, ending: Ending) -> None:
        if not self._ending.ready():
            self._ending.set(ending)

    def _until_it_ends(self, task: Callable[[], Ending]) -> None:
        try:
            self.end(task())
        except Ended as ended:
            self.end(ended.ending)
        except OSError:
            self.end(SCREEN_CLOSED if task == self._down else BROWSER_LEFT)

    def _down(self) -> Ending:
        """From the screen to the browser: read only once the last part is gone."""
        while True:
            try:
                part = self.screen.recv(CHUNK)
            except OSError:
                return SCREEN_CLOSED
            if not part:
                return SCREEN_CLOSED
            try:
                self.browser.send(part)
            except OSError:
                return BROWSER_LEFT

    def _up(self) -> Ending:
        """From the browser to the screen."""
        for part in self.browser.chunks():
            try:
                self.screen.sendall(part)
            except OSError:
                return SCREEN_CLOSED
        return BROWSER_LEFT

    def _pulse(self) -> Ending:
        """Keeps proxies from thinking that nothing happens here, and finds browsers that are gone without a word."""
        while True:
            gevent.sleep(PING_SECONDS)
            if time.monotonic() - self.browser.heard_at > SILENCE_SECONDS:
                return BROWSER_SILENT
            # It waits its turn behind what the browser does not take
            with suppress(gevent.Timeout), gevent.Timeout(PING_SECONDS):
                self.browser.ping()
