"""The console's process: real sockets, a site's database, screens that do as they are told."""

import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from apps.demo.jobs import Pace
from apps.demo.screens import Screens
from apps.demo.seed import demo_worlds
from apps.demo.server import SimulatedGaneti
from tests.console.client import Rejected, WebSocket
from tests.console.screen import Script, ScriptedScreen, exactly, greet
from tests.plugins.servers import free_port
from tests.simulated import SimulatedSide
from tests.site.running import Site, Visitor

pytestmark = pytest.mark.services

VM = "www.example.org"  # Alice's and the group's, on north: its screen does as a test says
OTHER = "mail.example.org"  # Alice's: its screen is the simulator's own
SETTINGS = """
INVENTORY_INTERVAL = INVENTORY_INTERVAL_WATCHED = 1
CONSOLES_PER_PERSON = 300
CONSOLE_PORT = {port}
"""
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def ganeti() -> Iterator[SimulatedGaneti]:
    with SimulatedGaneti(demo_worlds(pace=Pace.quick())[:1], screens=True) as ganeti:
        yield ganeti


@pytest.fixture
def screens(ganeti: SimulatedGaneti) -> Screens:
    return ganeti.screens["north"]


def usual(connection: socket.socket) -> None:
    greet(connection)
    exactly(connection, 1)


class Consoles(Site):
    """A site whose consoles a test opens."""

    def __init__(self, directory: Path, north: SimulatedSide, scripted: ScriptedScreen) -> None:
        self.console_port = free_port()
        self.scripted = scripted
        north.server.world.instances[VM].network_port = scripted.port
        super().__init__(directory, SETTINGS.format(port=self.console_port))
        self.add_cluster(north.endpoint())
        self.start_web(workers=1)
        self.start_watcher()
        self.console = self.start_console()
        alice = self.sign_in("alice")
        self.until(lambda: alice.get(f"/instances/north/{VM}/novnc/").status_code == 200, "the inventory")
        self.until(lambda: "Ctrl+Alt+Del" in alice.text(f"/instances/north/{VM}/novnc/"), "the screen")

    def path(self, person: Visitor, name: str = VM) -> str:
        """A ticket's."""
        answer = person.post(f"/instances/north/{name}/novnc-proxy/")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    def cookie(self, person: Visitor) -> str:
        return f"sessionid={person.session.cookies['sessionid']}"

    def connect(self, person: Visitor, path: str = "", **options: Any) -> WebSocket:
        options = {"origin": self.url, "cookie": self.cookie(person), **options}
        return WebSocket(("127.0.0.1", self.console_port), path or self.path(person), **options)

    def entries(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT action, outcome, detail FROM auditlog_auditentry WHERE action LIKE 'Console%' ORDER BY id"
        )

    @contextmanager
    def screen(self, script: Script) -> Iterator[None]:
        """The VM's screen does what `script` says meanwhile."""
        self.scripted.script = script
        try:
            yield
        finally:
            self.scripted.script = usual


@pytest.fixture(scope="module")
def site(ganeti: SimulatedGaneti, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    directory = tmp_path_factory.mktemp("consoles")
    with ScriptedScreen(usual) as scripted:
        site = None
        try:
            site = Consoles(directory, SimulatedSide(ganeti["north"]), scripted)
            yield site
        finally:
            if site is not None:
                site.stop()


@pytest.fixture
def alice(site: Consoles) -> Visitor:
    return site.sign_in("alice")


def test_the_screen_comes_and_keys_go(site: Consoles, alice: Visitor, screens: Screens) -> None:
    """The simulated screen: its size and name, and a key that it then holds."""
    client = site.connect(alice, site.path(alice, OTHER))
    client.greet()
    client.send(b"\x01")
    head = client.read(24)
    assert (int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big")) == (640, 400)
    assert client.read(int.from_bytes(head[20:24], "big")).decode() == OTHER
    client.send(bytes.fromhex("0401000000000061") + bytes.fromhex("0400000000000061"))
    site.until(lambda: screens.terminal(OTHER).typed == "a", "the key to arrive")
    client.close()


class TestTickets:
    def test_once(self, site: Consoles, alice: Visitor) -> None:
        path = site.path(alice)
        site.connect(alice, path).close()
        with pytest.raises(Rejected, match="403"):
            site.connect(alice, path)

    def test_not_without_the_session_or_with_another(self, site: Consoles, alice: Visitor) -> None:
        path = site.path(alice)
        for cookie in ("", "sessionid=", "sessionid=abcdefghijklmnopqrstuvwxyz", site.cookie(site.sign_in("alice"))):
            with pytest.raises(Rejected, match="403"):
                site.connect(alice, path, cookie=cookie)
        site.connect(alice, path).close()

    def test_not_for_another_site_s_page(self, site: Consoles, alice: Visitor) -> None:
        for origin in ("", "https://evil.example"):
            with pytest.raises(Rejected, match="403"):
                site.connect(alice, origin=origin)

    def test_not_after_30_seconds(self, site: Consoles, alice: Visitor) -> None:
        path = site.path(alice)
        site.rows("UPDATE ganeti_consoleticket SET created = datetime(created, '-31 seconds') WHERE opened IS NULL")
        with pytest.raises(Rejected, match="403"):
            site.connect(alice, path)

    @pytest.mark.parametrize("path", ["/console/ws/", "/console/ws/made-up", "/", "/console/ws/a/b"])
    def test_nothing_else_is_there(self, site: Consoles, alice: Visitor, path: str) -> None:
        with pytest.raises(Rejected, match=r"40[34]"):
            site.connect(alice, path)


class TestScreens:
    def test_a_screen_that_speaks_in_single_bytes(self, site: Consoles, alice: Visitor) -> None:
        def drip(connection: socket.socket) -> None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"RFB 003.008\n":
                connection.sendall(bytes([byte]))
            exactly(connection, 12)
            connection.sendall(b"\x01")
            connection.sendall(b"\x01")
            exactly(connection, 1)
            for byte in bytes(4) + b"picture":
                connection.sendall(bytes([byte]))
            exactly(connection, 1)

        with site.screen(drip):
            client = site.connect(alice)
            client.greet()
            assert client.read(7) == b"picture"
            client.close()

    def test_a_huge_picture_arrives_whole(self, site: Consoles, alice: Visitor) -> None:
        block = bytes(range(256)) * 4096

        def huge(connection: socket.socket) -> None:
            greet(connection)
            for _ in range(16):
                connection.sendall(block)
            exactly(connection, 1)

        with site.screen(huge):
            client = site.connect(alice)
            client.greet()
            for _ in range(16):
                assert client.read(len(block)) == block
            client.close()

    @pytest.mark.parametrize(
        ("script", "code"),
        [
            (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 4009),
            (lambda connection: connection.sendall(b"RFB 003.008\n\x01\x13") or exactly(connection, 13), 4007),
            (lambda connection: connection.sendall(b"RFB 003.008\n\x01\x02") or exactly(connection, 13), 4008),
            (lambda connection: None, 4006),
        ],
        ids=["no VNC", "TLS", "a password", "nothing"],
    )
    def test_what_cannot_be_shown_ends_with_a_code(
        self, site: Consoles, alice: Visitor, script: Callable[[Any], None], code: int
    ) -> None:
        with site.screen(script):
            assert site.connect(alice).until_closed() == code
        site.until(lambda: site.entries()[-1][:2] == ("Console opened", "failed"), "the failure in the history")

    def test_a_screen_that_closes_ends_it(self, site: Consoles, alice: Visitor) -> None:
        with site.screen(lambda connection: greet(connection)):
            client = site.connect(alice)
            client.greet()
            assert client.until_closed() == 4000
        site.until(lambda: site.entries()[-1][:2] == ("Console closed", "succeeded"), "the end in the history")


class TestEnds:
    def open(self, site: Consoles, person: Visitor) -> WebSocket:
        client = site.connect(person)
        client.greet()
        return client

    def test_signing_out_ends_it_within_seconds(self, site: Consoles, alice: Visitor) -> None:
        client = self.open(site, alice)
        alice.post("/user/logout/")
        assert client.until_closed() == 4002

    def test_so_does_losing_the_right(self, site: Consoles) -> None:
        erik = site.sign_in("erik")
        client = self.open(site, erik)
        site.rows("DELETE FROM auth_user_groups")
        assert client.until_closed() == 4001

    def test_stopping_the_process_says_goodbye(self, site: Consoles, alice: Visitor) -> None:
        client = self.open(site, alice)
        assert self.ended(site, client) == (4010, 0)
        assert site.entries()[-1][0] == "Console closed"
        site.console = site.start_console()

    def ended(self, site: Consoles, client: WebSocket) -> tuple[int, int]:
        """The code that the browser hears, and the process's own."""
        os.kill(site.console.pid, signal.SIGTERM)
        heard = client.until_closed()
        code = site.console.wait(timeout=30)
        site.processes.remove(site.console)
        return heard, code


def test_two_hundred_consoles_at_once_on_one_process(site: Consoles, alice: Visitor) -> None:
    """Each gets its own bytes and no other's, all are open at the same time, and memory stays where it was."""
    count, size = 200, 100_000
    all_open = threading.Event()
    numbers = iter(range(count))
    lock = threading.Lock()

    def one_of_many(connection: socket.socket) -> None:
        greet(connection)
        with lock:
            number = next(numbers)
        connection.sendall(number.to_bytes(4, "big"))
        assert all_open.wait(600)
        connection.sendall(number.to_bytes(4, "big") * (size // 4))
        exactly(connection, 1)

    with site.screen(one_of_many):
        before = memory_of(site.console.pid)
        clients, own = [], []
        for _ in range(count):
            client = site.connect(alice)
            client.greet()
            own.append(client.read(4))
            clients.append(client)
            heed(clients)
        assert sorted(int.from_bytes(number, "big") for number in own) == list(range(count))
        all_open.set()
        for client, number in zip(clients, own, strict=True):
            assert client.read(size) == number * (size // 4)
        assert memory_of(site.console.pid) - before < 60 * MEGABYTE
        for client in clients:
            client.close()
    still_open = "SELECT COUNT(*) FROM ganeti_consoleticket WHERE opened IS NOT NULL AND ended IS NULL"
    site.until(lambda: site.rows(still_open) == [(0,)], "all ends to be written down")


def heed(clients: list[WebSocket]) -> None:
    """As browsers do: pings are answered, however long the others take to open."""
    readable, _, _ = select.select([client.socket for client in clients], [], [], 0)
    for client in clients:
        if client.socket in readable:
            client._receive()


def memory_of(pid: int) -> int:
    """Bytes that a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])
