"""A whole site over simulated clusters, and people who look at it through Chromium."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from apps.demo.jobs import Pace
from apps.demo.screens import Screens
from apps.demo.seed import DESCRIPTIONS, demo_worlds
from apps.demo.server import SimulatedGaneti
from tests.plugins.real_ganeti import kvm_ganeti  # noqa: F401
from tests.plugins.servers import free_port
from tests.simulated import SimulatedSide
from tests.site.running import Site

# A person sees a job at work, and a test does not wait for long.
PACE = dataclasses.replace(Pace.quick(), queued=0.1, locking=0.1, power=(1.3, 1.3))
SETTINGS = """
INVENTORY_INTERVAL = 3
INVENTORY_INTERVAL_WATCHED = 1
CONSOLE_PORT = {console}
CONSOLE_URL = "ws://{{host}}:{console}"
"""
POWER = ("OP_INSTANCE_STARTUP", "OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_REBOOT")
# An answer that is missing or 404, or a request that gave way to another: no defect, pages say what there is to say.
OF_A_REQUEST = re.compile(
    r"Failed to load resource: (net::|the server responded)|htmx:(afterRequest|send|response)"
    r"|Response Status Error Code 410"
)
SIZE = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def ganeti() -> Iterator[SimulatedGaneti]:
    """The demo's clusters with jobs that take a second and a half, and screens."""
    with SimulatedGaneti(demo_worlds(pace=PACE), screens=True) as ganeti:
        yield ganeti


@pytest.fixture(scope="session")
def clusters(ganeti: SimulatedGaneti) -> dict[str, SimulatedSide]:
    """They, by slug."""
    return {server.world.slug: SimulatedSide(server) for server in ganeti}


@pytest.fixture(scope="session")
def screens(ganeti: SimulatedGaneti, site: Site) -> dict[str, Screens]:
    """The screens of the clusters' VMs, with a process of the site that shows them to browsers."""
    site.start_console()
    return ganeti.screens


@pytest.fixture(scope="session")
def site(clusters: dict[str, SimulatedSide], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """gunicorn and a watcher that has seen all clusters."""
    port = free_port()
    site = Site(tmp_path_factory.mktemp("site"), SETTINGS.format(console=port))
    try:
        for slug, side in clusters.items():
            site.add_cluster(side.endpoint(), DESCRIPTIONS[slug])
        site.start_web(workers=2)
        site.start_watcher()
        dora = site.sign_in("dora")
        site.until(lambda: "60 VMs" in dora.text("/") and "Collecting" not in dora.text("/"), "all VMs to be seen")
        yield site
    finally:
        site.stop()


def ask_again(site: Site, slug: str) -> None:
    """The watcher asks a cluster that was silent for long at once, instead of within the next minute."""
    site.manage("shell", "-v0", "-c", f"from apps.clusters.inventories import store; store().forget({slug!r})")


@contextmanager
def jobs_without_end(side: SimulatedSide) -> Iterator[None]:
    """Power jobs that begin on this cluster meanwhile are at work until the block ends."""
    world = side.server.world
    usual, world.jobs.pace = world.jobs.pace, dataclasses.replace(PACE, power=(3600.0, 3600.0))
    try:
        yield
    finally:
        with world.lock:
            world.jobs.pace = usual
            for job in world.jobs.all.values():
                if job.status == "running" and job.ops[0]["OP_ID"] in POWER:
                    job.due = world.clock()


class People:
    """Browsers in which somebody is signed in; whatever their pages complain about is kept."""

    def __init__(self, chromium: Browser, site: Site) -> None:
        self.chromium = chromium
        self.site = site
        self.cookies: dict[str, Any] = {}
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def somebody(self, **options: Any) -> Page:
        """An empty page of somebody who is not signed in."""
        context = self.chromium.new_context(base_url=self.site.url, **{"viewport": SIZE, **options})
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def __call__(self, name: str, path: str = "/", **options: Any) -> Page:
        """That page as `name` sees it; without a name, as nobody in particular does."""
        page = self.somebody(**options)
        if name:
            page.context.add_cookies([self._session_of(name)])
        page.goto(path)
        return page

    def _session_of(self, name: str) -> Any:
        """Signs in once; the flows that are about signing in do it by hand."""
        if name not in self.cookies:
            value = self.site.sign_in(name).session.cookies["sessionid"]
            self.cookies[name] = {"name": "sessionid", "value": value, "url": self.site.url}
        return self.cookies[name]

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and not OF_A_REQUEST.match(text):
            self.complaints.append(text)

    def leave(self) -> None:
        for context in self.contexts:
            context.close()
        self.contexts.clear()


@pytest.fixture(scope="session")
def everybody(chromium: Browser, site: Site) -> People:
    return People(chromium, site)


@pytest.fixture
def visit(everybody: People) -> Iterator[People]:
    """Opens pages as a person sees them. A script that breaks or is refused by the policy fails the test."""
    everybody.complaints.clear()
    yield everybody
    everybody.leave()
    assert everybody.complaints == []
