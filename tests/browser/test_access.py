"""Owners are found and given by keyboard, and a VM is locked under the eyes of its owner: Chromium, a whole site."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import People
from tests.look.order import in_order
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

NAME = "backup.example.org"
OTHER = "www.example.org"  # whose owners nobody has changed before: an inventory of a moment ago shows the same
OWNERS = f"/instances/tags/{NAME}/?cluster=south"
LOCK = f"/instances/lock/{NAME}/?cluster=south"
PAGE = f"/instances/south/{NAME}/"


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """How long something may take to appear: a bound for a test that hangs on a busy machine, no promise."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(autouse=True)
def as_it_was(site: Site, clusters: dict[str, SimulatedSide]) -> Iterator[None]:
    """The other files' flows find the estate as they know it."""
    world = clusters["south"].server.world
    before = {name: list(world.instances[name].tags) for name in (NAME, OTHER)}
    yield
    site.until(lambda: not site.rows("SELECT 1 FROM ganeti_job WHERE holds IS NOT NULL"), "the jobs to end")
    with world.lock:
        for name, tags in before.items():
            world.instances[name].tags = tags
    alice = site.sign_in("alice")
    site.until(lambda: "Locked" not in alice.text(PAGE), "the inventory to see it")


def test_an_owner_is_found_and_given_by_keyboard_alone(visit: People, clusters: dict[str, SimulatedSide]) -> None:
    page = visit("alice", OWNERS)
    page.get_by_role("searchbox", name="Give it to somebody else").focus()
    page.keyboard.type("erik")
    expect(page.get_by_role("status").filter(has_text="1 found")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    in_order(page)
    page.keyboard.press("ArrowDown")
    erik = page.get_by_role("checkbox", name="erik")
    expect(erik).to_be_focused()
    page.keyboard.press("Enter")
    expect(erik).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("nobody-of-this-name")
    expect(page.get_by_text("Nobody found for “nobody-of-this-name”.")).to_be_visible()
    expect(erik).to_be_checked()
    page.get_by_role("button", name="Save owners").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("erik becomes an owner")).to_be_visible()
    expect(page.locator("#jobstrip")).to_have_count(0)
    assert "ganetimgr:users:erik" in clusters["south"].server.world.instances[NAME].tags
    page.goto(OWNERS)
    expect(page.get_by_role("checkbox", name="erik")).to_be_checked()
    page.get_by_role("checkbox", name="alice").uncheck()
    page.get_by_role("button", name="Save owners").click()
    warning = page.get_by_role("checkbox", name="I know that I will not see this VM any more.")
    expect(warning).to_be_focused()
    in_order(page)
    assert "ganetimgr:users:alice" in clusters["south"].server.world.instances[NAME].tags


def test_the_search_works_without_javascript(visit: People) -> None:
    page = visit("alice", OWNERS.replace(NAME, OTHER), java_script_enabled=False)
    page.get_by_role("searchbox", name="Give it to somebody else").fill("erik")
    page.get_by_role("searchbox", name="Give it to somebody else").press("Enter")
    page.get_by_role("checkbox", name="erik").check()
    page.get_by_role("button", name="Save owners").click()
    expect(page.get_by_text("erik becomes an owner")).to_be_visible()


def test_a_lock_shows_at_once_where_its_owner_looks_and_its_panel_turns_by_itself(visit: People) -> None:
    owner = visit("alice", PAGE)
    page = visit("carla", LOCK)
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_role("button", name="Unlock")).to_be_enabled()
    expect(page.get_by_text("Locked by carla.")).to_be_visible()
    in_order(page)
    expect(owner.get_by_text("Locked by carla.")).to_be_visible()
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("button", name="Lock", exact=True)).to_be_enabled()
    expect(owner.get_by_text("Locked by carla.")).to_have_count(0)
