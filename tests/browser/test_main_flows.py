"""What people do here, from end to end: Chromium, gunicorn, a watcher and clusters that answer over HTTPS."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import People

pytestmark = pytest.mark.browser


def row_of(page: Page, cluster: str, name: str) -> "Locator":
    return page.locator(f'[id="vm-{cluster}-{name}"]')


def test_alice_signs_in_and_sees_her_vms_of_all_clusters(visit: People) -> None:
    page = visit.somebody()
    page.goto("/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My VMs")
    expect(page.locator("tbody tr")).to_have_count(8)
    page.screenshot(path="/tmp/one.png")
