"""The console's process: takes WebSockets, asks who may come in, and connects them with the screens of VMs.

Green threads: one that reads and one that writes for each console, and one that looks whether all of them may still be
there. The database is asked by few at a time, whatever number of browsers comes.
"""

import ipaddress
import logging
import secrets
import socket
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

import gevent
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from gevent.pool import Pool
from gevent.server import StreamServer
from wsproto.events import Request

from accounts.middleware import client_behind, is_trusted
from apps.clusters.console import rfb, tickets, visits
from apps.clusters.console.endings import (
    BROWSER_SILENT,
    NODE_SILENT,
    OUT_OF_ORDER,
    STOPPING,
    TOO_MANY,
    Ended,
    Ending,
    Refused,
)
from apps.clusters.console.relay import Relay
from apps.clusters.console.visits import Visit
from apps.clusters.console.websocket import Browser, headers_of, path_of
from ganeti.inventory import StoreDown

log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0  # that a browser may take to say what it wants
CONNECT_SECONDS = 8.0  # that a node may take until its screen can be shown
CHECK_SECONDS = 5.0  # between two looks at who may still be there
SAY_SECONDS = 15.0  # between two words to the chore that looks after abandoned ones
BLIND_SECONDS = 60.0  # after so long without an answer of the database nobody may stay
STOP_SECONDS = 5.0
DATABASE_AT_ONCE = 10  # connections of this process
WAITING_AT_ONCE = 200  # browsers that have not been let in yet, beside those that have

AWAY = (DatabaseError, StoreDown)


class ConsoleServer:
    """Serves until `stop` is called. `listener` is an address to listen on."""

    def __init__(self, listener: tuple[str, int]) -> None:
        self.pool = Pool(settings.CONSOLES_PER_PROCESS + WAITING_AT_ONCE)
        self.server = StreamServer(listener, self._serve, spawn=self.pool, backlog=1024)
        self.relays: dict[Visit, Relay] = {}
        self.stopping = Event()
        self._database = BoundedSemaphore(DATABASE_AT_ONCE)
        self._checked_at = time.monotonic()
        self._said_at = 0.0

    @property
    def port(self) -> int:
        return int(self.server.server_port or 0)

    def start(self) -> None:
        self.server.start()
        log.info("Consoles are served on %s, port %s.", self.server.server_host, self.port)

    def run(self) -> None:
        """Looks after the open consoles until `stop` is called, then ends them."""
        try:
            while not self.stopping.wait(CHECK_SECONDS):
                self.look_around()
        finally:
            self.server.stop_accepting()
            for relay in list(self.relays.values()):
                relay.end(STOPPING)
            self.pool.join(timeout=STOP_SECONDS)
            self.server.close()
            self.pool.kill()
            log.info("Consoles are served no more.")

    def stop(self) -> None:
        self.stopping.set()

    def look_around(self) -> None:
        """Ends the consoles of those who may not be there any more, and says of the others that they are."""
        open_now = list(self.relays)
        try:
            leaving = self._ask(visits.who_must_leave, open_now) if open_now else {}
            if open_now and time.monotonic() - self._said_at >= SAY_SECONDS:
                self._ask(visits.still_open, open_now)
                self._said_at = time.monotonic()
            self._checked_at = time.monotonic()
        except AWAY as error:
            log.warning("Who may stay cannot be asked: %s", error)
            blind = time.monotonic() - self._checked_at > BLIND_SECONDS
            leaving = dict.fromkeys(open_now, OUT_OF_ORDER) if blind else {}
        except Exception:
            log.exception("Looking after %s consoles failed; trying again.", len(open_now))
            return
        for visit, ending in leaving.items():
            if visit in self.relays:
                self.relays[visit].end(ending)

    # ---- one browser ---------------------------------------------------------------------------

    def _serve(self, connection: socket.socket, peer: Any) -> None:
        browser = Browser(connection)
        try:
            with gevent.Timeout(REQUEST_SECONDS, Refused(408, "The request took too long.")):
                request = browser.request()
            token, session_key, origin, address = _credentials(request, peer)
            visit = self._enter(browser, request, token, session_key, origin, address)
            if visit is not None:
                self._show(browser, visit)
        except Refused as refused:
            log.info("Refused: %s %s", refused.status, refused.sentence)
            browser.refuse(refused)
        except OSError:
            pass  # the browser went while it was talked to
        except Exception:
            log.exception("A console failed.")
        finally:
            connection.close()

    def _enter(
        self, browser: Browser, request: Request, token: str, session_key: str, origin: str, address: str | None
    ) -> Visit | None:
        """Who is let in; None for who has heard already why not."""
        ending: Ending
        try:
            visit = self._ask(visits.enter, token, session_key, origin, address, secrets.token_hex(8))
            if len(self.relays) < settings.CONSOLES_PER_PROCESS:
                browser.accept(request)
                return visit
            self._ask(visit.failed)
            ending = TOO_MANY
        except Ended as ended:
            ending = ended.ending
        except AWAY as error:
            log.warning("A ticket cannot be looked up: %s", error)
            ending = OUT_OF_ORDER
        browser.accept(request)
        browser.close(ending)
        return None

    def _show(self, browser: Browser, visit: Visit) -> None:
        """Connects both ends and stays until one leaves."""
        facts = {"cluster": visit.what[0], "instance": visit.what[1], "request_id": visit.by.request_id}
        try:
            screen = self._connect(browser, visit)
        except (Ended, OSError) as error:
            ending = error.ending if isinstance(error, Ended) else NODE_SILENT
            log.info("The screen of %s cannot be shown: %s", visit.what[1], ending.reason, extra=facts)
            self._note(visit.failed)
            browser.close(ending)
            return
        relay = self.relays[visit] = Relay(browser, screen)
        try:
            self._note(visit.is_open)
            log.info("The screen of %s is shown.", visit.what[1], extra=facts)
            ending = relay.run() if not self.stopping.is_set() else STOPPING
            log.info("The screen of %s is shown no more: %s", visit.what[1], ending.reason, extra=facts)
        finally:
            del self.relays[visit]
            screen.close()
            self._note(visit.is_over)
        browser.close(ending)

    def _connect(self, browser: Browser, visit: Visit) -> socket.socket:
        """The connection to the screen, once both ends are past VNC's beginning."""
        screen = None
        try:
            with gevent.Timeout(CONNECT_SECONDS, Ended(NODE_SILENT)):
                screen = socket.create_connection(visit.target, timeout=CONNECT_SECONDS)
                rfb.meet_the_screen(screen, settings.CONSOLE_VNC_PASSWORD)
            with gevent.Timeout(REQUEST_SECONDS, Ended(BROWSER_SILENT)):
                rfb.meet_the_browser(browser.read, browser.send)
        except BaseException:
            if screen is not None:
                screen.close()
            raise
        screen.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        screen.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        screen.settimeout(None)
        return screen

    # ---- the database ----------------------------------------------------------------------------

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        with self._database:
            try:
                return question(*arguments)
            finally:
                connections.close_all()

    def _note(self, task: Callable[[], None]) -> None:
        """Writes down what happened; where that cannot be done now the chore does it later."""
        try:
            self._ask(task)
        except DatabaseError as error:
            log.warning("It could not be written down: %s", error)


def _credentials(request: Request, peer: Any) -> tuple[str, str, str, str | None]:
    """Token, session, origin, and the client's address, as far as trusted proxies tell it."""
    headers = headers_of(request)
    token = tickets.token_in(path_of(request))
    if not token:
        raise Refused(404, "There is nothing here.")
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        cookie = None
    if cookie is None or not cookie.value:
        raise Refused(403, "This ticket is for another session.")
    nearest = str(peer[0]) if peer else ""
    address = client_behind(nearest, headers.get("x-forwarded-for", "")) if is_trusted(nearest) else nearest
    return token, cookie.value, headers.get("origin", ""), _address(address)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
