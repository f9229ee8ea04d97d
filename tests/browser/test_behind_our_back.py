"""What Ganeti's own commands do to a VM while its page is open, and the help desk's pop-up by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from apps.demo.seed import user
from ganeti.client import Client
from tests.browser.conftest import People, jobs_without_end
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

Clusters = dict[str, SimulatedSide]
SECONDS = 60_000  # a bound for a busy machine, no promise


@pytest.fixture
def name(site: Site, clusters: Clusters) -> Iterator[str]:
    """A stopped VM of Erik's, with dots and capitals in its name, that the site has seen."""
    with clusters["north"].an_instance(tags=user("erik")) as made:
        world = clusters["north"].server.world
        called = f"Page.of.{made}"
        with world.lock:
            world.instances[called] = world.instances.pop(made)
            world.instances[called].name = called
        erik = site.sign_in("erik")
        site.until(lambda: called in erik.text("/"), "the VM to be seen")
        yield called
        with world.lock:
            world.instances.pop(called, None)


def openly(visit: People, name: str, part: str = "") -> Page:
    page = visit("erik", f"/instances/north/{name}/{part}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    return page


def test_a_page_that_is_open_says_that_the_vm_is_gone(visit: People, clusters: Clusters, name: str) -> None:
    page = openly(visit, name)
    side = clusters["north"]
    side.job(Client(side.endpoint()).delete_instance(name))
    expect(page.get_by_text(f"{name} is no longer on North.")).to_be_visible(timeout=SECONDS)
    page.get_by_role("link", name="All history").click()
    expect(page.get_by_role("searchbox", name="Search the history")).to_have_value(name)


@pytest.mark.parametrize("part", ["", "history/"])
def test_a_page_that_is_open_says_what_the_vm_is_called_now(
    visit: People, clusters: Clusters, name: str, part: str
) -> None:
    page = openly(visit, name, part)
    side, new = clusters["north"], f"new.{name}"
    try:
        side.job(Client(side.endpoint()).rename_instance(name, new))
        expect(page.get_by_text(f"It is now called {new}.")).to_be_visible(timeout=SECONDS)
        page.get_by_role("link", name=f"To {new}").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(new)
    finally:
        side.server.world.instances.pop(new, None)


def test_a_job_that_nobody_asked_for_here_is_told_while_it_lasts(visit: People, clusters: Clusters, name: str) -> None:
    page = openly(visit, name)
    side = clusters["north"]
    with jobs_without_end(side):
        number = Client(side.endpoint()).startup_instance(name)
        sentence = page.get_by_text(f"Job {number} of somebody else is at work on it: INSTANCE_STARTUP.")
        expect(sentence).to_be_visible(timeout=SECONDS)
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
    expect(sentence).to_have_count(0, timeout=SECONDS)
    expect(page.locator("h1 .status").first).to_have_text("Running")


def test_the_pop_up_is_opened_read_used_and_closed_by_keyboard(visit: People, clusters: Clusters, name: str) -> None:
    page = visit("dora", f"/?q={name}")
    opener = page.get_by_role("link", name=f"More for {name}")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="This VM in short")
    expect(dialog.get_by_role("heading", name=name)).to_be_focused()
    expect(dialog).to_contain_text("node1.north.example.org")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    with jobs_without_end(clusters["north"]):
        dialog.get_by_role("button", name="Start").focus()
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(page.locator("tbody tr")).to_contain_text("Starting", timeout=SECONDS)


def test_without_javascript_the_row_leads_to_the_page(visit: People, name: str) -> None:
    page = visit("bob", f"/?q={name}", java_script_enabled=False)
    page.get_by_role("link", name=f"More for {name}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
