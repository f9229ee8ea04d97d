"""Graphs in Chromium: drawn, usable by everybody, and one sentence where there are none."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from playwright.sync_api import expect

from apps.demo.grapher import Grapher
from ganeti.objects import Nic
from tests import estate
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = "/instances/north/web.example.org/graphs/"
BATCH = "/graph/north/instances/"
# Loads the pictures that are out of sight too.
LOADED = """() => {
  const pictures = [...document.querySelectorAll(".graph")];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  return pictures;
}"""
# Waits for them, and answers with their widths.
DRAWN = f"""async () => {{
  const pictures = ({LOADED})();
  await Promise.all(pictures.map((picture) => picture.decode()));
  return pictures.map((picture) => picture.naturalWidth);
}}"""


@pytest.fixture
def grapher(settings: Any, db: None) -> Iterator[Grapher]:
    caches["graphs"].clear()
    estate.put("north", estate.instance("web.example.org", nics=(Nic(), Nic())), estate.instance("db.example.org"))
    with Grapher() as there:
        settings.COLLECTD_URL = there.url
        yield there


@pytest.fixture
def cookies(grapher: Grapher) -> dict[str, str]:
    client = Client()
    client.force_login(User.objects.create_superuser("dora"))
    return {"sessionid": client.cookies["sessionid"].value}


@pytest.mark.parametrize("path", [f"{PAGE}?since=2020-01-01", f"{BATCH}?nodes=node1.example.org,nowhere"])
def test_everybody_can_use_the_pages(open_page: Any, cookies: dict[str, str], path: str) -> None:
    page = open_page(path, cookies=cookies)
    assert set(page.evaluate(DRAWN)) == {800}
    in_order_for_everybody(page)


def test_nothing_moves_when_the_pictures_come(open_page: Any, cookies: dict[str, str], grapher: Grapher) -> None:
    sizes = []
    for fault in ("nothing", ""):
        grapher.fault = fault
        caches["graphs"].clear()
        page = open_page(f"{BATCH}?range=7d", cookies=cookies)
        page.evaluate(DRAWN)
        sizes.append(page.locator(".graph").first.bounding_box())
    assert sizes[0] == sizes[1]


def test_that_there_are_none_is_said_once_when_the_pictures_have_come(
    open_page: Any, cookies: dict[str, str], grapher: Grapher
) -> None:
    grapher.fault = "nothing"
    page = open_page(f"{PAGE}?range=7d", cookies=cookies)
    page.evaluate(LOADED)
    expect(page.get_by_text("No data: the last 7 days")).to_be_visible()
    expect(page.locator(".graph:visible")).to_have_count(0)


def test_all_nodes_fold_at_once_and_by_keyboard(open_page: Any, cookies: dict[str, str]) -> None:
    page = open_page(BATCH, cookies=cookies)
    expect(page.locator(".graph:visible")).to_have_count(5)
    page.get_by_role("button", name="Collapse all").click()
    expect(page.locator(".graph:visible")).to_have_count(0)
    page.locator(".fold > summary").first.press("Enter")
    expect(page.locator(".graph:visible")).to_have_count(5)


def test_the_overview_does_not_load_its_pictures_again_when_it_renews_itself(
    open_page: Any, cookies: dict[str, str], grapher: Grapher
) -> None:
    page = open_page("/instances/north/web.example.org/", cookies=cookies)
    page.evaluate(DRAWN)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url) if "/graph/" in request.url else None)
    estate.put("north", estate.instance("web.example.org", status="ADMIN_down", nics=(Nic(), Nic())))
    expect(page.locator("h1")).to_contain_text("Stopped", timeout=15_000)
    assert loaded == []
    assert page.evaluate(DRAWN) == [800, 800]
