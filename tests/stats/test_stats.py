"""Figures: one's own, or for staff everybody's; now from the inventory, over time from daily counts."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from apps.applications.models import InstanceApplication
from apps.stats import charts, counting, curves, sums
from apps.stats.charts import Chart, Series
from apps.stats.models import DailyCount
from ganeti.objects import Disk
from ganetimgr.worker import CHORES
from tests import estate

pytestmark = pytest.mark.django_db

DAY = 86400.0
NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()


@pytest.fixture
def vms(people: dict[str, User]) -> None:
    estate.put(
        "north",
        estate.instance("web.example.org", vcpus=2, memory=2048, disks=(Disk(10240),), ctime=NEW_YEAR),
        estate.instance("db.example.org", vcpus=4, memory=4096, status="ADMIN_down", ctime=NEW_YEAR + 40 * DAY),
        estate.instance("noc.example.org", owners=("groups:noc",), vcpus=8, ctime=NEW_YEAR + DAY),
    )
    estate.put("south", estate.instance("far.example.org", "south", owners=("user:charlie",), status="ERROR_down"))


def apply_for(user: User, name: str, days_ago: int = 0) -> None:
    filed = timezone.now() - datetime.timedelta(days=days_ago)
    InstanceApplication.objects.create(
        applicant=user, hostname=name, memory=1024, vcpus=1, disk_size=5, operating_system="none", filed=filed
    )


def page(browser: Browser, address: str = "/stats/") -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return response.content.decode()


class TestOnesOwn:
    def test_sums_and_means_are_of_ones_own_vms(self, vms: None, as_alice: Browser) -> None:
        context = as_alice.get("/stats/").context
        own = context["sums"]
        assert (own.vms, own.running, own.stopped, own.vcpus, own.memory) == (2, 1, 1, 6, 6144)
        assert own.mean("memory") == 3072

    def test_members_of_a_group_count_its_vms(self, vms: None, as_erik: Browser) -> None:
        assert as_erik.get("/stats/").context["sums"].vcpus == 8

    def test_whoever_owns_nothing_reads_zeros(self, people: Any, as_charlie: Browser) -> None:
        text = page(as_charlie)
        assert "0 running, 0 stopped" in text
        assert "There is nothing to draw yet." in text

    def test_names_and_numbers_of_others_are_not_there(self, vms: None, as_alice: Browser) -> None:
        text = page(as_alice)
        assert "charlie" not in text
        assert "Users and their VMs" not in text

    def test_vms_and_applications_over_time(self, vms: None, as_alice: Browser, people: dict[str, User]) -> None:
        apply_for(people["alice"], "a.example.org", days_ago=3)
        apply_for(people["alice"], "b.example.org")
        apply_for(people["charlie"], "c.example.org")
        created, filed = as_alice.get("/stats/").context["charts"]
        first = datetime.date(2026, 1, 1)
        assert list(created.series[0].points) == [(first, 1), (first + datetime.timedelta(days=40), 2)]
        assert [count for _, count in filed.series[0].points] == [1, 2]


class TestStaff:
    def test_clusters_with_what_runs_there(self, vms: None, as_bob: Browser) -> None:
        rows = {row["view"].slug: row["sums"] for row in as_bob.get("/stats/").context["clusters"]}
        assert (rows["north"].running, rows["north"].stopped) == (2, 1)
        assert rows["south"].attention == 1

    def test_users_with_sums_sorted_and_searched(self, vms: None, as_bob: Browser) -> None:
        def names(query: str) -> list[str]:
            return [name for name, _ in as_bob.get(f"/stats/?{query}").context["page"].object_list]

        assert names("") == ["alice", "charlie"]
        assert names("sort=vms") == ["charlie", "alice"]
        assert names("sort=name") == ["alice", "charlie"]
        assert names("sort=rubbish") == ["alice", "charlie"]
        assert names("q=CHAR") == ["charlie"]

    def test_totals_and_idle_accounts(self, vms: None, as_bob: Browser, people: dict[str, User]) -> None:
        long_ago = timezone.now() - datetime.timedelta(days=400)
        User.objects.filter(username="charlie").update(last_login=long_ago)
        context = as_bob.get("/stats/").context
        assert (context["user_count"], context["idle_count"], context["cluster_count"]) == (6, 1, 2)

    def test_a_cluster_that_is_silent_is_counted_as_it_was_and_said(self, people: Any, as_bob: Browser) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"state": "unreachable", "failing_since": 1.0})
        text = page(as_bob)
        assert "North does not answer: its VMs are counted as they were known" in text
        assert "1 running" in text

    def test_questions_do_not_grow_with_users(
        self, people: Any, as_bob: Browser, django_assert_max_num_queries: Any
    ) -> None:
        many = [estate.instance(f"vm{n}.example.org", owners=(f"users:user{n}",)) for n in range(300)]
        estate.put("north", *many)
        with django_assert_max_num_queries(20):
            assert "300 users own some by name" in page(as_bob)

    def test_hostile_names_are_text(self, people: Any, as_bob: Browser) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("users:<script>alert(1)</script>",)))
        assert "<script>alert(1)" not in page(as_bob)


class TestDailyCounts:
    def test_a_day_has_one_row_for_each_cluster_that_changes_until_it_is_over(self, vms: None) -> None:
        counting.count_today()
        estate.put("south", estate.instance("far.example.org", "south"), estate.instance("new.example.org", "south"))
        counting.count_today()
        rows = {row.cluster: (row.running, row.stopped, row.attention) for row in DailyCount.objects.all()}
        assert rows == {"north": (2, 1, 0), "south": (2, 0, 0)}

    def test_a_silent_cluster_keeps_what_was_counted(self, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"))
        counting.count_today()
        estate.put("north", head={"state": "unreachable", "failing_since": 1.0})
        counting.count_today()
        assert DailyCount.objects.get().running == 1

    def test_the_curve_adds_up_clusters_day_by_day(self, vms: None, as_bob: Browser) -> None:
        today = timezone.now().date()
        yesterday = today - datetime.timedelta(days=1)
        for day, cluster, running in ((yesterday, "north", 5), (yesterday, "gone", 2), (today, "north", 6)):
            DailyCount.objects.create(day=day, cluster=cluster, running=running)
        chart = as_bob.get("/stats/").context["charts"][0]
        assert list(chart.series[0].points) == [(yesterday, 7), (today, 6)]

    def test_the_watcher_counts(self) -> None:
        assert counting.count_today in [chore.work for chore in CHORES]


class TestScripts:
    def test_creations_have_the_keys_that_they_know(self, vms: None, as_alice: Browser) -> None:
        (north,) = as_alice.get("/stats/instances/").json()
        assert north["name"] == "North"
        assert north["instances"][0] == {"time": int(NEW_YEAR * 1000), "name": "web.example.org", "count": 1}

    def test_counts_of_a_cluster(self, vms: None, as_bob: Browser, as_alice: Browser) -> None:
        assert as_bob.get("/stats/vms_cluster/north/").json() == {"name": "north", "instances": {"up": 3, "down": 0}}
        assert as_alice.get("/stats/vms_cluster/south/").json() == []
        assert as_bob.get("/stats/vms_cluster/nowhere/").json() == []

    def test_applications_are_ones_own(self, people: dict[str, User], as_alice: Browser, as_dora: Browser) -> None:
        apply_for(people["alice"], "a.example.org")
        apply_for(people["charlie"], "c.example.org")
        mine = as_alice.get("/stats/applications/").json()
        assert [(row["instance"], row["count"], row["user"]) for row in mine] == [("a.example.org", 1, "alice")]
        assert len(as_dora.get("/stats/applications/").json()) == 2


class TestCharts:
    def chart(self, *values: int) -> Chart:
        first = datetime.date(2026, 1, 1)
        points = [(first + datetime.timedelta(days=number), value) for number, value in enumerate(values)]
        return Chart("Title", [Series("VMs", points)])

    @pytest.mark.parametrize(
        ("value", "top"), [(0, 0), (1, 1), (2, 2), (3, 5), (7, 10), (11, 20), (49, 50), (51, 100), (1234, 2000)]
    )
    def test_the_axis_ends_at_a_round_number(self, value: int, top: int) -> None:
        assert charts.round_up(value) == top

    def test_the_line_begins_left_and_ends_right(self) -> None:
        (line,) = self.chart(0, 5, 10).lines
        assert line["line"] == "M44.0,122.0 L298.0,66.0 L552.0,10.0"
        assert line["area"].endswith("L552.0,122.0 L44.0,122.0 Z")

    def test_its_numbers_stand_in_a_table_the_newest_first(self) -> None:
        assert [values for _, values in self.chart(1, 2).rows] == [[2], [1]]

    def test_one_point_is_no_curve(self) -> None:
        assert self.chart(1).is_empty
        assert Chart("Title", []).is_empty

    def test_very_many_points_are_thinned_out_and_keep_their_ends(self) -> None:
        points = [(datetime.date(2026, 1, 1) + datetime.timedelta(days=n), n) for n in range(1000)]
        thin = curves.thinned(points)
        assert len(thin) == curves.MOST_POINTS
        assert (thin[0], thin[-1]) == (points[0], points[-1])


def test_sums_are_counted_once_for_a_snapshot(vms: None) -> None:
    first = {view.slug: found for view, found in sums.by_cluster()}
    again = {view.slug: found for view, found in sums.by_cluster()}
    assert first["north"] is again["north"]
