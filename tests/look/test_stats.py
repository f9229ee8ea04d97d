"""The figures in Chromium, for owners and for staff."""

import datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from apps.stats.models import DailyCount
from tests import estate

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def in_order(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("who", ["alice", "dora"])
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_everybody_can_read_the_figures(open_page: Any, who: str, width: int, theme: str) -> None:
    now = timezone.now()
    instances = [estate.instance(f"vm{n}.example.org", ctime=now.timestamp() - n * 8640000) for n in range(5)]
    estate.put("north", *instances)
    for days in range(20):
        DailyCount.objects.create(
            day=now.date() - datetime.timedelta(days=days), cluster="north", running=days, stopped=3
        )
    make = User.objects.create_superuser if who == "dora" else User.objects.create_user
    client = Client()
    client.force_login(make(who, f"{who}@example.org", who))
    page = open_page("/stats/", width=width, theme=theme, cookies={"sessionid": client.cookies["sessionid"].value})
    assert page.locator("svg.chart").count() >= 1
    page.locator("details summary", has_text="The numbers").first.click()
    in_order(page)
