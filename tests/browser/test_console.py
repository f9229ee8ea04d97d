"""The console in Chromium: the simulated screen, the keys, and what happens when a connection is lost."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import People
from tests.look.order import in_order
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

PAGE = "/instances/north/www.example.org/novnc/"
VM = "www.example.org"


def connected(page: Page) -> None:
    expect(page.locator("#console-state")).to_contain_text("Connected", timeout=20_000)


def typed(site: Site, screens: Any, text: str) -> None:
    site.until(lambda: screens["north"].terminal(VM).typed == text, f"{text!r} to arrive")


def test_every_key_arrives_by_whatever_way(visit: People, site: Site, screens: Any) -> None:
    terminal = screens["north"].terminal(VM)
    page = visit("alice", f"/instances/north/{VM}/")
    page.get_by_role("link", name="Console").first.click()
    connected(page)
    expect(page.locator("#console-facts")).to_contain_text("640 × 400")
    page.keyboard.type("Key 1!")
    typed(site, screens, "Key 1!")
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Paste").click()
    page.get_by_label("Text that is typed into the VM").fill("~Paste {2}\n")
    page.get_by_role("button", name="Type it").click()
    site.until(lambda: terminal.said[-1:] == ["> ~Paste {2}"], "the pasted text")

    page.get_by_role("button", name="Ctrl+Alt+Del").click()
    site.until(lambda: terminal.said[-1:] == ["Ctrl-Alt-Del"], "Ctrl-Alt-Del")

    page.get_by_role("button", name="Ctrl", exact=True).click()
    expect(page.locator("#console-keys")).to_have_text("Held down: Ctrl")
    site.until(lambda: 0xFFE3 in terminal._held, "Ctrl to be held")
    page.get_by_role("button", name="Ctrl", exact=True).click()
    site.until(lambda: 0xFFE3 not in terminal._held, "Ctrl to be released")

    page.get_by_role("button", name="Keyboard of this device").click()
    page.locator("#typing").press_sequentially("abc")
    page.keyboard.press("Backspace")
    typed(site, screens, "ab")


def test_it_can_be_left_and_come_back(visit: People, screens: Any) -> None:
    page = visit("alice", PAGE)
    connected(page)
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("#console-state")).to_contain_text("Not connected")
    page.get_by_role("button", name="Connect", exact=True).click()
    connected(page)
    page.get_by_role("button", name="Fit the screen").click()
    canvas = page.locator("#screen canvas")
    assert canvas.bounding_box()["width"] == 640, "as large as it is"  # type: ignore[index]


def test_a_lost_connection_is_tried_again_with_a_new_ticket(
    visit: People, site: Site, screens: Any, clusters: dict[str, SimulatedSide]
) -> None:
    page = visit("alice", PAGE)
    connected(page)
    world = clusters["north"].server.world
    with world.lock:
        node, world.instances[VM].running_on = world.instances[VM].running_on, ""
    expect(page.locator("#console-note")).to_contain_text("The VM closed its screen", timeout=20_000)
    with world.lock:
        world.instances[VM].running_on = node
    connected(page)


def test_it_fits_a_phone_and_has_no_fault_that_axe_finds(visit: People, screens: Any) -> None:
    page = visit("alice", PAGE, viewport={"width": 360, "height": 740}, has_touch=True)
    connected(page)
    in_order(page)


def test_a_session_that_ends_ends_the_console_with_a_sentence(visit: People, site: Site, screens: Any) -> None:
    dora = site.sign_in("dora")
    page = visit.somebody()
    cookie = {"name": "sessionid", "value": dora.session.cookies["sessionid"], "url": site.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(PAGE)
    connected(page)
    dora.post("/user/logout/")
    expect(page.locator("#console-note")).to_contain_text("Your session has ended", timeout=20_000)
