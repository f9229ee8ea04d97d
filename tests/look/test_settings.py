"""The settings of a VM as people see them in Chromium."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from apps.clusters import inventories
from apps.clusters.models import Job
from tests import estate
from tests.clusters.test_settings import KVM, NAME, SETTINGS
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(db: None) -> dict[str, str]:
    """Signed in; her instance runs on KVM, and something that other tools have set waits for a reboot."""
    estate.put(
        "north",
        estate.instance(NAME, hypervisor="kvm", hvparams=KVM, tags=("ganetimgr:needsreboot",), image="debian-12"),
    )
    client = Client()
    client.force_login(User.objects.create_user("alice"))
    return {"sessionid": client.cookies["sessionid"].value}


def test_everybody_can_fill_in_the_form_and_mend_a_mistake(open_page: Any, alice: dict[str, str]) -> None:
    page = open_page(SETTINGS, cookies=alice)
    in_order_for_everybody(page)
    page.get_by_label("Network card").select_option("e1000")
    page.get_by_role("group", name="Boot from").get_by_label("CD").check()
    page.get_by_label("An image from the web").check()
    page.get_by_label("Address of the CD image").fill("ftp//mirror.example.org/rescue.iso")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Begin with https:// or http://.")).to_be_visible()
    expect(page.get_by_label("Network card")).to_have_value("e1000")
    expect(page.get_by_role("group", name="Boot from").get_by_label("CD")).to_be_checked()
    in_order_for_everybody(page)


def test_the_form_comes_back_by_itself_when_the_change_before_has_ended(open_page: Any, alice: dict[str, str]) -> None:
    north = estate.put("north", estate.instance(NAME, hypervisor="kvm", hvparams=KVM))
    job = Job.objects.create(
        cluster=north, instance=NAME, kind="reboot", state="submitted", holds=Job.hold_on(north, NAME)
    )
    page = open_page(SETTINGS, cookies=alice)
    expect(page.get_by_label("Network card")).to_be_disabled()
    in_order_for_everybody(page)
    job.finish(Job.State.SUCCEEDED)
    inventories.tell_news("north")
    expect(page.get_by_label("Network card")).to_be_enabled(timeout=20_000)
    expect(page.get_by_role("button", name="Save")).to_be_enabled()
