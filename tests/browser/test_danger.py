"""What cannot be taken back, from the danger zone through the mailed link to the end, by hand and by axe."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import People
from tests.look.order import in_order
from tests.simulated import SimulatedSide
from tests.site.running import Site

pytestmark = pytest.mark.browser

NEW = "vault.example.org"
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


@pytest.fixture
def vm(site: Site, clusters: dict[str, SimulatedSide]) -> Iterator[str]:
    """A stopped VM of Alice's that is gone afterwards, whatever it is called by then."""
    dora, south = site.sign_in("dora"), clusters["south"].server.world
    site.manage("shell", "-v0", "-c", ADDRESS)
    with clusters["south"].an_instance(tags=["ganetimgr:users:alice"]) as name:
        site.until(lambda: "61 VMs" in dora.text("/"), "the VM to be seen")
        yield name
        with south.lock:
            south.instances.pop(NEW, None)
    site.until(lambda: "60 VMs" in dora.text("/"), "the list to be as it was")


def test_a_vm_is_renamed_by_its_owner(visit: People, site: Site, vm: str) -> None:
    page = visit("alice", f"/instances/south/{vm}/danger/")
    in_order(page)
    page.get_by_role("link", name="Rename…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rename")
    in_order(page)
    page.get_by_label("New host name").fill(NEW)
    page.get_by_label(f"Type {vm}").fill(vm[:4])
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_text("This is not its name.")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("New host name")).to_have_value(NEW)
    in_order(page)
    page.get_by_label(f"Type {vm}").fill(vm)
    page.keyboard.press("Enter")
    expect(page.get_by_text("You asked for this at")).to_be_visible(timeout=PATIENCE)
    link = re.search(r"(/cluster/instance/destreinst/\S+)", site.manage("shell", "-v0", "-c", LATEST))
    assert link
    page.goto(link[1])
    in_order(page)
    page.get_by_role("button", name="Rename it now").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(NEW, timeout=PATIENCE)
    expect(page.locator(".feed").first).to_contain_text("Rename")
