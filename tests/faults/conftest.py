"""Three simulated clusters as a site knows them, and the pages on which everybody looks at them."""

import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client as Browser

from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

# An owner, the helpdesk, a superuser
READERS = ("alice", "bob", "dora")
ELSEWHERE = ("south", "east")
WELL_KNOWN = "www.example.org"  # Alice's, running, on north


class Estate:
    """North, which gets into trouble, with South and East beside it; `collect` is a look at all of them."""

    def __init__(self, sides: dict[str, SimulatedSide]) -> None:
        self.sides = sides
        self.rows = {slug: add_cluster(side.endpoint()) for slug, side in sides.items()}

    @property
    def north(self) -> SimulatedSide:
        return self.sides["north"]

    def collect(self, *slugs: str) -> None:
        for slug in self.rows:  # else a page would start a look of its own at those left out, in the background
            inventories.store().claim(f"collect-{slug}", 300)
        endpoints = [Cluster.objects.get(slug=slug).endpoint() for slug in slugs or self.rows]
        inventories.collect_now(endpoints, everything=True)

    def names_on(self, slug: str) -> list[str]:
        return sorted(self.sides[slug].server.world.instances)


@pytest.fixture
def estate(people: Any, simulators: dict[str, SimulatedSide]) -> Estate:
    return Estate(simulators)


def page(browser: Browser, path: str, **headers: str) -> str:
    """The page's HTML, with quotes as people see them; anything but 200 fails the test."""
    response = browser.get(path, headers=headers)
    assert response.status_code == 200, f"{path} gave {response.status_code}"
    return response.content.decode().replace("&#x27;", "'").replace("&quot;", '"')


def everything_of(browser: Browser) -> str:
    """All pages of the list, one after another: 50 instances fit on one."""
    return "".join(page(browser, f"/?page={number}") for number in (1, 2))


def detail_of(name: str, slug: str = "north") -> str:
    return f"/instances/{slug}/{name}/"


def let_time_pass(seconds: float) -> None:
    """As if our rows had been written so long ago."""
    for row in Job.objects.all():
        Job.objects.filter(pk=row.pk).update(created=row.created - datetime.timedelta(seconds=seconds))


class Markup(HTMLParser):
    """What a browser would make of a page: the scripts and the handlers that it would run."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.runs: list[str] = []
        self._in_script = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        self.runs += [f"{name}={value}" for name, value in attrs if name.startswith("on")]
        self.runs += [f"{name}={value}" for name, value in attrs if (value or "").strip().startswith("javascript:")]
        if tag == "img":
            self.runs.append(self.get_starttag_text() or tag)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.runs.append(data)
