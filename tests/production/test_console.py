"""The console on the servers of production: TLS and nginx as contrib has it, tickets in MariaDB, sessions in Redis."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.console.client import Rejected, WebSocket
from tests.console.screen import ScriptedScreen, exactly, greet
from tests.plugins.servers import Nginx, running
from tests.production.site import Production, SecureVisitor
from tests.simulated import SimulatedSide
from tests.site.running import ROOT, free_port

pytestmark = pytest.mark.services
VM = "www.example.org"


def echo(connection: socket.socket) -> None:
    greet(connection)
    while True:
        connection.sendall(exactly(connection, 1))


@pytest.fixture(scope="module")
def nginx(
    site: Production, sides: dict[str, SimulatedSide], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nginx]:
    """nginx in front of web and console; the VM's screen gives back what it hears."""
    port = free_port()
    with ScriptedScreen(echo) as screen:
        world = sides["north"].server.world
        for node in world.nodes.values():
            node.address = "127.0.0.1"
        world.instances[VM].network_port = screen.port
        site.start_web()
        site.start_watcher()
        site.start_console("--bind", f"127.0.0.1:{port}")
        places = {
            "127.0.0.1:8088": f"127.0.0.1:{site.port}",
            "127.0.0.1:8089": f"127.0.0.1:{port}",
            "/opt/ganetimgr/contrib/nginx": str(ROOT / "contrib/nginx"),
        }
        yield from running(Nginx(tmp_path_factory.mktemp("nginx"), ROOT / "contrib/nginx/ganetimgr.conf", places))


def test_it_comes_by_the_site_s_own_address_over_tls(site: Production, nginx: Nginx) -> None:
    url = f"https://127.0.0.1:{nginx.port}"
    alice = SecureVisitor(url, "alice", nginx.certificate)
    page = f"/instances/north/{VM}/novnc"
    site.until(lambda: "Ctrl+Alt+Del" in alice.text(f"{page}/"), "the screen to be known")
    path = alice.post(f"{page}-proxy/").json()["url"]
    assert path.startswith("/console/ws/"), "a path on the site itself"

    def connect(origin: str) -> WebSocket:
        return WebSocket(
            ("127.0.0.1", nginx.port),
            path,
            origin=origin,
            cookie=f"sessionid={alice.session.cookies['sessionid']}",
            tls=ssl.create_default_context(cafile=str(nginx.certificate)),
        )

    for origin in ("https://evil.example", f"http://127.0.0.1:{nginx.port}"):
        with pytest.raises(Rejected, match="403"):
            connect(origin)
    client = connect(url)
    client.greet()
    client.send(b"a key")
    assert client.read(5) == b"a key"
    client.close()

    entries = "SELECT action, outcome FROM auditlog_auditentry WHERE action LIKE 'Console%%' ORDER BY id"
    both = [("Console opened", "succeeded"), ("Console closed", "succeeded")]
    site.until(lambda: list(site.rows(entries)) == both, "opening and closing in the history")
