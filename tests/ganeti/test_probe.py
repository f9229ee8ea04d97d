"""Whether something is at a stranger's address, found out without speaking to what is not for everybody."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ganeti import probe
from ganeti.probe import Finding, look_for, place_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Serve = Callable[..., Any]


class Server:
    """A web server on the loopback interface that answers HEAD as it is told, and counts who came."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.asked: list[str] = []
        this = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                this.asked.append(f"{self.headers['Host']}{self.path}")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/a.iso"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(status: int = 200, **headers: str) -> Server:
        servers.append(Server(status, **headers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://mirror.example.org/a.iso",
            "HTTPS://Mirror.Example.org:8443/x/a.iso?version=12&arch=amd64",
            "http://192.0.2.1/a.iso",
            "http://[2001:db8::1]:8080/a.iso",
            "https://xn--mgba3a4f16a.example",
        ],
    )
    def test_usual_ones_are_taken_apart(self, url: str) -> None:
        assert place_of(url)

    def test_scheme_host_port_and_path_are_known(self) -> None:
        place = place_of("HTTPS://Mirror.Example.org/x/a.iso?v=1")
        assert place
        assert (place.scheme, place.host, place.port, place.path) == (
            "https",
            "mirror.example.org",
            443,
            "/x/a.iso?v=1",
        )
        assert place.authority == "mirror.example.org"

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "",
                "a.iso",
                "/etc/passwd",
                "file:///etc/passwd",
                "ftp://mirror.example.org/a.iso",
                "gopher://h/",
                "http:a",
            ),
            *(
                "http://",
                "http:///a.iso",
                "http:/mirror.example.org/",
                "//mirror.example.org/a.iso",
                " http://h.example/",
            ),
            *(
                "http://user@h.example/",
                "http://user:word@h.example/",
                "http://h.example@127.0.0.1/",
                "http://a\\@h.example/",
            ),
            *("http://h.example:0/", "http://h.example:65536/", "http://h.example:/", "http://h.example:http/"),
            *("http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://127.1/"),
            *("http://127.0.0.1./", "http://[::1%25lo]/", "http://[::1/", "http://::1/", "http://[1.2.3.4]/"),
            *("http://h.example/a b.iso", "http://h.example/a\r\nHost: x", "http://h_.example/", "http://-h.example/"),
            *("http://h..example/", f"http://{'a' * 64}.example/", f"http://{'a.' * 130}example/", "http://ή.example/"),
            *("http://①②⑦.0.0.1/", "http://h.example/\N{GREEK SMALL LETTER ALPHA}"),
        ],
    )
    def test_what_could_be_read_in_two_ways_is_none(self, url: str) -> None:
        assert place_of(url) is None


class TestNetworks:
    @pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "64:ff9b::808:808", "2002:808:808::1"])
    def test_hosts_of_the_internet_may_be_asked(self, address: str) -> None:
        assert probe.may_be_asked(ipaddress.ip_address(address))

    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
            *("169.254.169.254", "100.64.0.1", "192.0.0.9", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
            *("192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
            *("::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1", "2001:db8::1"),
            *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::10.0.0.1"),
            *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
            *("2001::1", "2001:0:7f00:1::", "3fff::1", "100::1"),
        ],
    )
    def test_others_may_not(self, address: str) -> None:
        assert not probe.may_be_asked(ipaddress.ip_address(address))

    def test_but_for_those_that_the_site_allows(self) -> None:
        allowed = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32")]
        for address, is_allowed in (("10.1.2.3", True), ("10.2.0.1", False), ("fd00:1::7", True), ("fd00:2::7", False)):
            assert probe.may_be_asked(ipaddress.ip_address(address), allowed) is is_allowed


class TestFindings:
    def test_what_is_there_is_found(self, serve: Serve) -> None:
        server = serve()
        assert look_for(server.url, allowed=LOOPBACK) is Finding.FOUND
        assert server.asked == [f"127.0.0.1:{server.port}/a.iso"]

    @pytest.mark.parametrize(
        ("status", "finding"),
        [
            (206, Finding.FOUND),
            (404, Finding.MISSING),
            (410, Finding.MISSING),
            (401, Finding.MISSING),
            (403, Finding.MISSING),
            (405, Finding.MISSING),  # Ganeti asks by HEAD as well
            (429, Finding.SILENT),
            (500, Finding.SILENT),
            (503, Finding.SILENT),
            (302, Finding.SILENT),  # without a Location
        ],
    )
    def test_of_an_answer_only_this_comes_out(self, serve: Serve, status: int, finding: Finding) -> None:
        assert look_for(serve(status).url, allowed=LOOPBACK) is finding

    def test_nobody_there_is_silence(self, serve: Serve) -> None:
        server = serve()
        server.close()
        assert look_for(server.url, allowed=LOOPBACK, within=2) is Finding.SILENT

    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254"])
    def test_what_is_not_for_everybody_is_never_spoken_to(self, serve: Serve, name: str) -> None:
        server = serve()
        assert look_for(f"http://{name}:{server.port}/a.iso", within=2) is Finding.CLOSED
        assert server.asked == []

    @pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["8.8.8.8", "::1"]])
    def test_a_name_with_one_such_address_is_not_either_and_looks_like_one_that_nobody_has(
        self, serve: Serve, addresses: list[str]
    ) -> None:
        server, asked = serve(), []

        def resolve(host: str, port: int) -> list[probe.Address]:
            asked.append((host, port))
            return [ipaddress.ip_address(address) for address in addresses]

        found = look_for(f"http://sly.example.org:{server.port}/a.iso", resolve=resolve)
        assert found is Finding.CLOSED
        assert asked == [("sly.example.org", server.port)]
        assert server.asked == []

    def test_the_address_that_was_checked_is_the_one_that_is_connected_to(self, serve: Serve) -> None:
        """A name that answers otherwise the second time gains nothing: it is looked up once."""
        server = serve()
        answers = iter([[ipaddress.ip_address("127.0.0.1")], [ipaddress.ip_address("10.0.0.1")]])
        found = look_for(
            f"http://sly.example.org:{server.port}/a.iso", allowed=LOOPBACK, resolve=lambda host, port: next(answers)
        )
        assert found is Finding.FOUND
        assert server.asked == [f"sly.example.org:{server.port}/a.iso"]
        assert len(list(answers)) == 1

    def test_our_own_public_address_is_left_alone(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may let us in where it lets nobody else."""
        server = serve()
        monkeypatch.setattr(probe, "may_be_asked", lambda address, allowed: True)
        assert look_for(server.url) is Finding.SILENT
        assert server.asked == []


class TestRedirections:
    def test_they_are_followed(self, serve: Serve) -> None:
        new = serve()
        assert look_for(serve(302, Location=new.url).url, allowed=LOOPBACK) is Finding.FOUND
        assert look_for(serve(301, Location="/other").url, allowed=LOOPBACK) is Finding.MISSING, "in a circle"

    @pytest.mark.parametrize(
        "location",
        [
            *(
                "http://10.0.0.1/a.iso",
                "http://127.0.0.2/",
                "http://[::1]/",
                "http://169.254.169.254/latest/",
            ),
            *(
                "file:///etc/passwd",
                "ftp://mirror.example.org/",
                "http://u@127.0.0.1/",
                "http://2130706433/",
                "gopher://h/",
            ),
        ],
    )
    def test_but_not_to_what_is_not_for_everybody(self, serve: Serve, location: str) -> None:
        only_this = (ipaddress.ip_network("127.0.0.1/32"),)
        assert look_for(serve(302, Location=location).url, allowed=only_this, within=2) is Finding.CLOSED

    def test_a_circle_ends_after_three(self, serve: Serve) -> None:
        server = serve(302, Location="/again")
        assert look_for(server.url, allowed=LOOPBACK) is Finding.MISSING
        assert len(server.asked) == 1 + probe.MAX_REDIRECTS


class TestHostileServers:
    @pytest.fixture
    def speaks(self) -> Iterator[Callable[[Callable[[Any], None]], str]]:
        """The address of a server that does with a connection what it is told."""
        sockets = []

        def start(behaviour: Callable[[Any], None]) -> str:
            listening = socket.create_server(("127.0.0.1", 0))
            sockets.append(listening)

            def serve() -> None:
                try:
                    connection, _ = listening.accept()
                    with connection:
                        behaviour(connection)
                except OSError:
                    pass

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listening.getsockname()[1]}/"

        yield start
        for each in sockets:
            each.close()

    @pytest.mark.parametrize(
        "words",
        [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00\xff" * 100, b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 100_000],
    )
    def test_what_is_no_web_server_looks_like_one_that_is_not_there(self, speaks: Any, words: bytes) -> None:
        assert look_for(speaks(lambda connection: connection.sendall(words)), allowed=LOOPBACK) is Finding.SILENT

    def test_one_that_drips_does_not_hold_us_up(self, speaks: Any) -> None:
        ended = threading.Event()

        def drip(connection: Any) -> None:
            for _ in range(200):
                connection.sendall(b"H")
                time.sleep(0.05)
            ended.set()

        assert look_for(speaks(drip), allowed=LOOPBACK, within=0.3) is Finding.SILENT
        assert not ended.is_set()
