"""What cannot be taken back, from the danger zone through the mailed link to the end, by hand and by axe."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import People
from tests.site.running import Site

pytestmark = pytest.mark.browser

VM = "/instances/south/backup.example.org/"
PATIENCE = 30_000  # a bound for a test that hangs, no promise
ADDRESS = """
from django.contrib.auth.models import User
User.objects.filter(username="alice").update(email="alice@example.org")
"""
LATEST = """
from accounts.models import OutgoingMail
mail = OutgoingMail.objects.filter(occasion="instance_action").last()
print(mail.text if mail else "")
"""


def complaints(page: Page) -> list[str]:
    return [found["id"] for found in Axe().run(page).response["violations"]]


def test_a_vm_is_renamed_by_its_owner(visit: People, site: Site) -> None:
    site.manage("shell", "-v0", "-c", ADDRESS)
    page = visit("alice", f"{VM}danger/")
    assert complaints(page) == []
    page.get_by_role("link", name="Rename…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rename")
    assert complaints(page) == []
    page.get_by_label("New host name").fill("vault.example.org")
    page.get_by_label("Type backup.example.org").fill("backup")
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_text("This is not its name.")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("New host name")).to_have_value("vault.example.org")
    assert complaints(page) == []
    page.get_by_label("Type backup.example.org").fill("backup.example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You asked for this at")).to_be_visible(timeout=PATIENCE)
    link = re.search(r"(/cluster/instance/destreinst/\S+)", site.manage("shell", "-v0", "-c", LATEST))
    assert link
    page.goto(link[1])
    assert complaints(page) == []
    page.get_by_role("button", name="Rename it now").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("vault.example.org", timeout=PATIENCE)
    expect(page.locator(".feed").first).to_contain_text("Rename")
