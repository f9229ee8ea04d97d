"""What passes bytes on, without a process around it: VNC's beginnings, WebSockets, and both ends at their own pace."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket as green

from apps.clusters.console import endings, rfb, websocket
from apps.clusters.console.endings import Ended, Refused
from apps.clusters.console.relay import Relay
from apps.clusters.console.websocket import Browser
from tests.console.client import Closed, Rejected, WebSocket


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    """Two ends of a connection."""
    ours, theirs = green.socketpair()
    for end in (ours, theirs):
        end.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


def meeting(pair: tuple[Any, Any], *said: bytes, password: str = "") -> bytes:
    """What we answer to a screen that says this, byte by byte, and then no more."""
    ours, theirs = pair

    def speak() -> None:
        for byte in b"".join(said):
            theirs.sendall(bytes([byte]))
            gevent.sleep(0)
        theirs.shutdown(green.SHUT_WR)

    gevent.spawn(speak)
    rfb.meet_the_screen(ours, password)
    ours.close()
    answer = b""
    while part := theirs.recv(100):
        answer += part
    return answer


V8, V7, V3 = b"RFB 003.008\n", b"RFB 003.007\n", b"RFB 003.003\n"
OK, BAD = bytes(4), b"\0\0\0\1"
CHALLENGE = bytes(range(16))
VNC_RESPONSE = "ff97502e9422f089ff97502e9422f089"


class TestTheScreenSBeginning:
    def test_no_authentication_in_pieces(self, pair: Any) -> None:
        assert meeting(pair, V8, b"\x01\x01", OK) == V8 + b"\x01"

    def test_older_versions(self, pair: Any) -> None:
        assert meeting(pair, V7, b"\x01\x01") == V7 + b"\x01"

    def test_the_oldest_version_decides_itself(self, pair: Any) -> None:
        assert meeting(pair, V3, b"\0\0\0\1") == V3

    def test_newer_ones_are_answered_with_what_we_speak(self, pair: Any) -> None:
        assert meeting(pair, b"RFB 003.889\n", b"\x01\x01", OK) == V8 + b"\x01"

    def test_a_password_that_the_site_knows(self, pair: Any) -> None:
        answer = meeting(pair, V8, b"\x01\x02", CHALLENGE, OK, password="secret")
        assert answer == V8 + b"\x02" + rfb.response(CHALLENGE, "secret")

    def test_the_response_is_vnc_s_own(self) -> None:
        """As `openssl enc -des-ecb` computes it from the password's bytes, each turned around."""
        assert rfb.response(bytes(16), "password").hex() == VNC_RESPONSE

    @pytest.mark.parametrize(
        ("said", "password", "ending"),
        [
            ([V8, b"\x01\x02"], "", endings.WANTS_PASSWORD),
            ([V8, b"\x01\x02", CHALLENGE, BAD], "wrong", endings.WANTS_PASSWORD),
            ([V8, b"\x01\x13"], "", endings.WANTS_TLS),
            ([V8, b"\x02\x12\x13"], "known", endings.WANTS_TLS),
            ([V8, b"\x01\x05"], "", endings.NOT_VNC),
            ([V8, b"\x00", b"\0\0\0\4", b"busy"], "", endings.NODE_SILENT),
            ([V3, b"\0\0\0\0"], "", endings.NOT_VNC),
            ([b"HTTP/1.1 400"], "", endings.NOT_VNC),
            ([b"SSH-2.0-Open"], "", endings.NOT_VNC),
            ([b"RFB 003.0"], "", endings.NODE_SILENT),
            ([], "", endings.NODE_SILENT),
        ],
    )
    def test_what_cannot_be_shown_has_a_reason(
        self, pair: Any, said: list[bytes], password: str, ending: endings.Ending
    ) -> None:
        with pytest.raises(Ended) as ended:
            meeting(pair, *said, password=password)
        assert ended.value.ending == ending


class Wire:
    """A browser's request and our answer to it, over a pair of sockets."""

    def __init__(self, pair: tuple[Any, Any]) -> None:
        self.ours, self.theirs = pair
        self.browser = Browser(self.ours)

    def connect(self) -> WebSocket:
        answering = gevent.spawn(self._accept)
        client = WebSocket(("localhost", 80), "/console/ws/x", connection=self.theirs)
        answering.get()
        return client

    def _accept(self) -> None:
        self.browser.accept(self.browser.request())


@pytest.fixture
def wire(pair: tuple[Any, Any]) -> Wire:
    return Wire(pair)


class TestWebSockets:
    def refused(self, wire: Wire, said: bytes) -> Refused:
        wire.theirs.sendall(said)
        wire.theirs.shutdown(green.SHUT_WR)
        with pytest.raises(Refused) as refused:
            wire.browser.request()
        wire.browser.refuse(refused.value)
        wire.ours.shutdown(green.SHUT_WR)
        answer = b""
        while part := wire.theirs.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 %d " % refused.value.status)
        return refused.value

    def test_an_ordinary_request_is_told_to_upgrade(self, wire: Wire) -> None:
        assert self.refused(wire, b"GET /console/ws/x HTTP/1.1\r\nHost: a\r\n\r\n").status == 426

    @pytest.mark.parametrize(
        "rubbish", [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"POST / HTTP/1.1\r\n\r\n", b"\0\r\n\r\n"]
    )
    def test_rubbish_is_refused(self, wire: Wire, rubbish: bytes) -> None:
        assert self.refused(wire, rubbish + b"\r\n\r\n").status in (400, 426)

    def test_a_request_cut_short_is_refused(self, wire: Wire) -> None:
        assert self.refused(wire, b"GET /console/ws/x HTTP/1.1\r\nHost").status == 400

    def test_an_endless_head_is_refused(self, wire: Wire) -> None:
        head = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 200) for number in range(100))
        assert self.refused(wire, head).status in (426, 431)

    def test_a_refusal_of_a_good_request_has_a_sentence(self, wire: Wire) -> None:
        def refuse() -> None:
            wire.browser.request()
            wire.browser.refuse(Refused(403, "This ticket is for another session."))
            wire.ours.close()

        gevent.spawn(refuse)
        with pytest.raises(Rejected, match="403 This ticket is for another session"):
            WebSocket(("localhost", 80), "/console/ws/x", connection=wire.theirs)

    def test_bytes_come_through_however_they_are_cut(self, wire: Wire) -> None:
        client = wire.connect()
        frame = client.protocol.send(websocket.BytesMessage(data=b"0123456789" * 30))
        gevent.spawn(lambda: [wire.theirs.sendall(bytes([byte])) for byte in frame])
        assert wire.browser.read(7) == b"0123456"
        chunks = wire.browser.chunks()
        rest = b""
        while len(rest) < 293:
            rest += next(chunks)
        assert rest == (b"0123456789" * 30)[7:]

    def test_text_is_refused(self, wire: Wire) -> None:
        client = wire.connect()
        client.send_text("hello")
        with pytest.raises(Ended) as ended:
            wire.browser.read(1)
        assert ended.value.ending == endings.NO_TEXT

    def test_a_message_that_never_ends_is_refused(self, wire: Wire) -> None:
        client = wire.connect()

        def flood() -> None:
            try:
                while True:
                    part = websocket.BytesMessage(data=b"x" * 65536, message_finished=False)
                    wire.theirs.sendall(client.protocol.send(part))
            except OSError:
                pass

        flooding = gevent.spawn(flood)
        with pytest.raises(Ended) as ended:
            for _ in wire.browser.chunks():
                pass
        wire.ours.close()
        flooding.get()
        assert ended.value.ending == endings.TOO_LARGE

    def test_a_broken_frame_is_refused(self, wire: Wire) -> None:
        wire.connect()
        wire.theirs.sendall(b"\xff\xff\xff\xff\xff")
        with pytest.raises(Ended) as ended:
            wire.browser.read(1)
        assert ended.value.ending == endings.NOT_UNDERSTOOD

    def test_the_reason_of_an_end_arrives(self, wire: Wire) -> None:
        client = wire.connect()
        closing = gevent.spawn(wire.browser.close, endings.NOT_ALLOWED)
        with pytest.raises(Closed, match="4001 not allowed") as closed:
            client.read(1)
        assert closed.value.code == endings.NOT_ALLOWED.code
        wire.theirs.close()
        closing.get()

    def test_closing_a_browser_that_is_gone_is_no_error(self, wire: Wire) -> None:
        wire.connect()
        wire.theirs.close()
        wire.browser.close(endings.SCREEN_CLOSED)


class TestRelay:
    @pytest.fixture
    def console(self, wire: Wire) -> Iterator[tuple[WebSocket, Any, Any]]:
        """A browser, a screen, and the greenlet that connects them."""
        client = wire.connect()
        ours, screen = green.socketpair()
        screen.settimeout(10)
        self.relay = Relay(wire.browser, ours)
        running = gevent.spawn(self.relay.run)
        yield client, screen, running
        running.kill()
        ours.close()
        screen.close()

    def test_both_directions(self, console: Any) -> None:
        client, screen, _ = console
        screen.sendall(b"picture")
        assert client.read(7) == b"picture"
        client.send(b"key")
        assert screen.recv(10) == b"key"

    def test_what_the_screen_says_last_still_arrives(self, console: Any) -> None:
        client, screen, running = console
        screen.sendall(b"x" * 300_000)
        screen.close()
        assert len(client.read(300_000)) == 300_000
        assert running.get() == endings.SCREEN_CLOSED

    def test_a_browser_that_leaves_ends_it(self, console: Any) -> None:
        client, _, running = console
        client.close()
        assert running.get() == endings.BROWSER_LEFT

    def test_so_does_one_that_says_so(self, console: Any) -> None:
        client, _, running = console
        client.socket.sendall(client.protocol.send(websocket.CloseConnection(code=1000)))
        assert running.get() == endings.BROWSER_LEFT

    def test_and_whoever_looks_after_it(self, console: Any) -> None:
        _, _, running = console
        self.relay.end(endings.SESSION_ENDED)
        self.relay.end(endings.STOPPING)
        assert running.get() == endings.SESSION_ENDED, "the first reason counts"

    def test_a_browser_that_takes_nothing_holds_the_screen_back(self, console: Any) -> None:
        """What is under way lies in the kernel's buffers; we hold one part."""
        _, screen, _ = console
        screen.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += screen.send(b"x" * 65536)
        assert sent < 5_000_000

    def test_a_screen_that_takes_nothing_holds_the_browser_back(self, console: Any) -> None:
        client, _, _ = console
        client.socket.settimeout(0.3)
        frame = client.protocol.send(websocket.BytesMessage(data=b"x" * 65536))
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                client.socket.sendall(frame)
                sent += len(frame)
        assert sent < 5_000_000

    def test_so_do_they_find_one_that_takes_nothing(self, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from apps.clusters.console import relay

        monkeypatch.setattr(relay, "PING_SECONDS", 0.02)
        monkeypatch.setattr(relay, "SILENCE_SECONDS", 0.2)
        _, screen, running = console
        screen.settimeout(0.3)
        with pytest.raises(TimeoutError):
            while True:
                screen.send(b"x" * 65536)
        with gevent.Timeout(10):
            assert running.get() == endings.BROWSER_SILENT

    @pytest.mark.parametrize("answers", [True, False])
    def test_pings_find_browsers_that_are_gone(
        self, wire: Wire, monkeypatch: pytest.MonkeyPatch, answers: bool
    ) -> None:
        from apps.clusters.console import relay

        monkeypatch.setattr(relay, "PING_SECONDS", 0.02)
        monkeypatch.setattr(relay, "SILENCE_SECONDS", 0.2)
        client = wire.connect()
        ours, screen = green.socketpair()
        running = gevent.spawn(Relay(wire.browser, ours).run)
        with gevent.Timeout(10):
            if answers:
                reading = gevent.spawn(client.until_closed)
                gevent.sleep(0.6)
                assert not running.ready()
                reading.kill()
            assert running.get() == endings.BROWSER_SILENT
        ours.close()
        screen.close()


def test_a_browser_is_asked_for_no_password(wire: Wire) -> None:
    client = wire.connect()
    greeting: Callable[[], None] = client.greet
    asked = gevent.spawn(greeting)
    rfb.meet_the_browser(wire.browser.read, wire.browser.send)
    asked.get()
