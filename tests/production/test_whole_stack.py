"""All of production on one machine, from the very files of contrib: nginx with TLS, the units' gunicorn with gevent and
two web processes, two watchers and the console, on MariaDB, Redis and beanstalkd; and somebody who works with it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.console.client import Rejected, WebSocket
from tests.console.screen import ScriptedScreen, exactly, greet
from tests.plugins.servers import Nginx, free_port, running
from tests.plugins.units import Units
from tests.production.site import Production, SecureVisitor
from tests.simulated import SimulatedSide
from tests.site.running import ROOT

pytestmark = pytest.mark.services
VM = "www.example.org"
UNITS = ["ganetimgr-web", "ganetimgr-watcher@1", "ganetimgr-watcher@2", "ganetimgr-console"]


def echo(connection: socket.socket) -> None:
    greet(connection)
    while True:
        connection.sendall(exactly(connection, 1))


@pytest.fixture(scope="module")
def screen(sides: dict[str, SimulatedSide]) -> Iterator[None]:
    """The VM's screen gives back what it hears; it is there before a watcher looks at the nodes."""
    with ScriptedScreen(echo) as screen:
        world = sides["north"].server.world
        for node in world.nodes.values():
            node.address = "127.0.0.1"
        world.instances[VM].network_port = screen.port
        yield


@pytest.fixture(scope="module")
def units(site: Production, screen: None) -> Iterator[Units]:
    """Every process as its unit starts it; only where they listen is the test's business."""
    units = Units(site.directory / "units", ROOT)
    listens = {"ganetimgr-web": ["-b", f"127.0.0.1:{site.port}"], UNITS[-1]: ["--bind", f"127.0.0.1:{free_port()}"]}
    try:
        for name in UNITS:
            units.start(name, *listens.get(name, []), environment=site.environment)
        yield units
    finally:
        for name in UNITS:
            units.stop(name)


@pytest.fixture(scope="module")
def nginx(site: Production, units: Units, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """In front of web and console."""
    (console,) = [word for word in units.words("ganetimgr-console") if word.startswith("127.0.0.1:")]
    site.manage("collectstatic", "--no-input", "-v0")
    places = {
        "127.0.0.1:8088": f"127.0.0.1:{site.port}",
        "127.0.0.1:8089": console,
        "/opt/ganetimgr/var/static/": f"{site.directory}/var/static/",
        "/opt/ganetimgr/contrib/nginx": str(ROOT / "contrib/nginx"),
        "/opt/ganetimgr/var/maintenance": f"{site.directory}/var/maintenance",
    }
    yield from running(Nginx(tmp_path_factory.mktemp("nginx"), ROOT / "contrib/nginx/ganetimgr.conf", places))


@pytest.fixture(scope="module")
def alice(nginx: Nginx) -> SecureVisitor:
    return SecureVisitor(f"https://127.0.0.1:{nginx.port}", "alice", nginx.certificate)


def test_all_parts_are_there_and_well(site: Production, units: Units, nginx: Nginx) -> None:
    site.until(lambda: requests.get(f"{site.url}/readyz", timeout=30).status_code == 200, "all parts to be well")
    workers = site.children_of(units.pid("ganetimgr-web"))
    assert len(workers) == 2
    assert "Using worker: gevent" in units.log("ganetimgr-web").read_text()
    held = "SELECT COUNT(DISTINCT holder), COUNT(*) FROM ganeti_lease WHERE holder != '' AND expires > UTC_TIMESTAMP(6)"
    site.until(lambda: site.rows(held) == [(2, 3)], "two watchers who share three clusters")


def test_somebody_signs_in_starts_a_vm_sees_its_screen_and_reads_all_of_it_in_the_history(
    site: Production, nginx: Nginx, alice: SecureVisitor
) -> None:
    page = f"/instances/north/{VM}/"
    site.until(lambda: VM in alice.text("/"), "the VM to be known")
    assert alice.get("/static/css/app.css").status_code == 200
    site.until(lambda: "Running" in alice.text(page), "the VM to be seen running")
    for verb, state in (("shutdown", "Stopped"), ("startup", "Running")):
        assert alice.post(f"{page}{verb}/").status_code == 200
        site.until(lambda state=state: state in alice.text(page), f"the VM to be {state}")
        site.until_all_jobs_ended()

    site.until(lambda: "Ctrl+Alt+Del" in alice.text(f"{page}novnc/"), "the screen to be known")
    path = alice.post(f"{page}novnc-proxy/").json()["url"]
    assert path.startswith("/console/ws/"), "a path on the site itself"
    for origin in ("https://evil.example", f"http://127.0.0.1:{nginx.port}"):
        with pytest.raises(Rejected, match="403"):
            connect(nginx, alice, path, origin)
    client = connect(nginx, alice, path, alice.url)
    client.greet()
    client.send(b"a key")
    assert client.read(5) == b"a key"
    client.close()

    entries = "SELECT action, outcome FROM auditlog_auditentry WHERE instance = %s ORDER BY id"
    deeds = [(deed, "succeeded") for deed in ("Shutdown", "Start", "Console opened", "Console closed")]
    site.until(lambda: list(site.rows(entries, VM)) == deeds, "all of it in the history")
    history = alice.text("/history/")
    assert all(word in history for word in (VM, "Console opened"))


def connect(nginx: Nginx, visitor: SecureVisitor, path: str, origin: str) -> WebSocket:
    return WebSocket(
        ("127.0.0.1", nginx.port),
        path,
        origin=origin,
        cookie=f"sessionid={visitor.session.cookies['sessionid']}",
        tls=ssl.create_default_context(cafile=str(nginx.certificate)),
    )


class TestNginx:
    """What the example promises beside handing on; the main flow's module tries the rest."""

    def ask(self, nginx: Nginx, path: str, **headers: str) -> requests.Response:
        url = f"https://127.0.0.1:{nginx.port}{path}"
        return requests.get(url, headers=headers, verify=nginx.certificate, timeout=30, allow_redirects=False)

    def test_compresses_its_files_and_no_page(self, nginx: Nginx) -> None:
        """Of a compressed page that shows what somebody typed beside a secret the length tells about the secret."""
        assert self.ask(nginx, "/static/css/app.css").headers["Content-Encoding"] == "gzip"
        page = self.ask(nginx, "/user/login/", **{"Accept-Encoding": "gzip"})
        assert (page.status_code, "Content-Encoding" in page.headers) == (200, False)
        assert page.headers["Strict-Transport-Security"]

    def test_tells_monitors_how_it_is_during_maintenance_too(self, site: Production, nginx: Nginx) -> None:
        sign: Path = site.directory / "var" / "maintenance"
        sign.touch()
        try:
            assert self.ask(nginx, "/user/login/").status_code == 503
            assert self.ask(nginx, "/healthz").text == "ok\n"
            assert self.ask(nginx, "/readyz").json()["database"]["ok"] is True
        finally:
            sign.unlink()

    def test_leads_to_https_under_the_site_s_own_name(self, nginx: Nginx) -> None:
        answer = requests.get(
            f"http://127.0.0.1:{nginx.plain_port}/history/?x=1",
            headers={"Host": "evil.example"}, allow_redirects=False, timeout=30,
        )  # fmt: skip
        assert (answer.status_code, answer.headers["Location"]) == (301, "https://vps.example.org/history/?x=1")

    def test_speaks_no_old_tls_and_http_2(self, nginx: Nginx) -> None:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", nginx.port)) as plain, pytest.raises(ssl.SSLError):
            old.wrap_socket(plain)
        new = ssl.create_default_context(cafile=str(nginx.certificate))
        new.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", nginx.port)) as plain,
            new.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", "h2")
