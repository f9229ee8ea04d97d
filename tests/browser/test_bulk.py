"""Many VMs at once, from the ticks in the list to the end of each: wide and narrow, with and without scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import People, jobs_without_end
from tests.browser.test_looks import look_at
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.browser

Clusters = dict[str, SimulatedSide]
SLOW = 20_000  # a bound for a test that hangs


def tick(page: Page, *rows: str) -> None:
    for row in rows:
        page.locator(f'tr[id="vm-{row}"] .check input').check()


def test_two_vms_are_ticked_read_and_rebooted_on_a_phone(visit: People, clusters: Clusters) -> None:
    page = visit("alice", viewport={"width": 360, "height": 800})
    bar = page.get_by_role("group", name="With the chosen VMs")
    expect(bar).to_be_hidden()
    tick(page, "north-www.example.org", "north-test.example.org")
    expect(bar).to_contain_text("2 chosen")
    with page.expect_response(lambda response: response.url.endswith("/") and response.status in (200, 304)):
        page.evaluate("document.querySelector('#vms').removeAttribute('data-live'); htmx.trigger('#vms', 'live')")
    expect(page.locator("tbody .check :checked")).to_have_count(2)
    look_at(page, "list-ticked")
    with jobs_without_end(clusters["north"]):
        bar.get_by_role("button", name="Reboot").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Reboot: 1 VM")
        expect(page.locator("#left-out")).to_contain_text("It is stopped. test.example.org")
        look_at(page, "bulk-review")
        page.get_by_role("button", name="Reboot 1 VM").click()
        expect(page.locator("#batch .table")).to_contain_text("With Ganeti", timeout=SLOW)
        look_at(page, "bulk-running")
        page.goto("/")
        expect(page.locator("#vms")).to_contain_text("0 of 1 VM done.")
        page.get_by_role("link", name="Follow", exact=True).first.click()
        expect(page).to_have_url(re.compile(r"/instances/bulk/\d+/$"))
    expect(page.locator("h1 .status")).to_have_text("Ended", timeout=SLOW)
    expect(page.locator("#batch .table .status")).to_have_text("Done")


def test_a_whole_page_and_all_that_match_are_counted_and_cleared(visit: People) -> None:
    page = visit("dora")
    chosen = page.locator("[data-chosen]")
    page.get_by_role("checkbox", name="All on this page").check()
    expect(chosen).to_have_text("50 chosen")
    page.get_by_role("checkbox", name="all 60 that match").check()
    expect(chosen).to_have_text("60 chosen")
    page.get_by_role("button", name="Shut down").last.click()
    expect(page.get_by_label(re.compile("Type how many VMs these are"))).to_be_visible()
    page.go_back()
    page.get_by_role("checkbox", name="All on this page").check()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".bulkbar")).to_be_hidden()


def test_it_works_without_scripts(visit: People) -> None:
    page = visit("alice", java_script_enabled=False)
    tick(page, "south-www.example.org")
    page.get_by_role("button", name="Reboot").last.click()
    page.get_by_role("button", name="Reboot 1 VM").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reboot: 1 VM")
    page.reload()
    expect(page.locator("#batch .table")).to_contain_text("www.example.org")
    for _ in range(100):
        if page.locator("#batch .status-ok").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator("h1 .status")).to_have_text("Ended")
