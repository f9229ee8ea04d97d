"""The figures in Chromium, for owners and for staff."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.stats.models import DailyCount
from tests import estate
from tests.look.order import in_order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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
