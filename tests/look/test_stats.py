"""The figures in Chromium, for owners and for staff."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.stats.models import DailyCount
from tests import estate
from tests.look.order import in_order_for_everybody

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("who", ["alice", "dora"])
def test_everybody_can_read_the_figures(open_page: Any, who: str) -> None:
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
    page = open_page("/stats/", cookies={"sessionid": client.cookies["sessionid"].value})
    assert page.locator("svg.chart").count() >= 1
    page.locator("details summary", has_text="The numbers").first.click()
    in_order_for_everybody(page)
