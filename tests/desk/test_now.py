"""What needs me now: what is wrong, who waits for a decision, what failed."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.utils import timezone

from apps.applications.models import InstanceApplication
from apps.clusters.models import Job
from apps.desk.matters import DECISION, SOON, URGENT, Desk
from ganeti.objects import Node
from tests import estate
from tests.clusters import queues

pytestmark = pytest.mark.django_db


NODE = Node(
    name="node1.example.org", role="M", group="default", memory_total=65536, memory_free=60000, disk_total=1000000,
    disk_free=900000, cpus=16, primary_instances=("web.example.org",),
)  # fmt: skip


def put(slug: str, *instances: Any, **parts: Any) -> Any:
    """A cluster that is well."""
    return estate.put(slug, *instances, **{"nodes": (NODE,), **parts})


def apply_for(user: User, name: str = "new.example.org") -> InstanceApplication:
    return InstanceApplication.objects.create(
        applicant=user, hostname=name, holds=name, memory=1024, vcpus=1, disk_size=5, operating_system="none"
    )


def ended(cluster: Any, state: str, kind: str = Job.Kind.STARTUP, **fields: Any) -> Job:
    fields = {"instance": "web.example.org", "error": "no such disk", "ended": timezone.now(), **fields}
    return Job.objects.create(cluster=cluster, kind=kind, state=state, **{"job_id": 7, **fields})


def titles(user: User, *urgencies: str) -> list[str]:
    wanted = urgencies or (URGENT, DECISION, SOON)
    return [str(matter.title) for matter in Desk(user).matters if matter.urgency in wanted]


class TestMatters:
    def test_a_cluster_that_does_not_answer_is_urgent(self, people: dict[str, User]) -> None:
        put("north", head={"state": "unreachable", "failing_since": 1.0, "error": "north: no answer"})
        assert titles(people["dora"], URGENT) == ["north does not answer."]

    def test_a_drained_node_is_for_soon(self, people: dict[str, User]) -> None:
        put("north", nodes=(NODE, Node(name="node2.example.org", role="D", group="default", drained=True)))
        assert "north: node2.example.org is drained." in titles(people["dora"], SOON)

    def test_applications_and_accounts_wait_for_a_decision(self, people: dict[str, User], as_dora: Browser) -> None:
        application = apply_for(people["alice"])
        assert titles(people["dora"], DECISION) == ["new.example.org for alice"]
        assert f'href="/application/{application.pk}/review/"' in as_dora.get("/desk/").content.decode()

    def test_the_help_desk_reads_no_applications_that_it_may_not_see(self, people: dict[str, User]) -> None:
        apply_for(people["alice"])
        assert titles(people["bob"], DECISION) == []
        permission = Permission.objects.get(content_type__app_label="apply", codename="view_applications")
        people["bob"].user_permissions.add(permission)
        assert titles(User.objects.get(username="bob"), DECISION) == ["new.example.org for alice"]

    def test_a_change_that_failed_is_urgent_until_it_succeeds(self, people: dict[str, User]) -> None:
        north = put("north", estate.instance("web.example.org"))
        ended(north, Job.State.FAILED)
        (matter,) = [one for one in Desk(people["dora"]).matters if one.urgency == URGENT]
        assert (str(matter.title), matter.text) == ("Start of web.example.org failed", "north: no such disk")
        ended(north, Job.State.SUCCEEDED)
        assert titles(people["dora"], URGENT) == []

    def test_a_change_of_which_nobody_knows_is_urgent_too(self, people: dict[str, User]) -> None:
        ended(put("north"), Job.State.UNKNOWN)
        assert titles(people["dora"], URGENT) == ["How Start of web.example.org ended is not known"]

    def test_what_failed_days_ago_is_history(self, people: dict[str, User]) -> None:
        ended(put("north"), Job.State.FAILED, ended=timezone.now() - timezone.timedelta(days=2))
        assert titles(people["dora"], URGENT) == []

    def test_very_many_are_counted(self, people: dict[str, User], django_assert_max_num_queries: Any) -> None:
        north = put("north")
        for number in range(30):
            apply_for(people["alice"], f"vm{number}.example.org")
            ended(north, Job.State.FAILED, instance=f"vm{number}.example.org")
        with django_assert_max_num_queries(20):
            desk = Desk(people["dora"])
            assert (desk.total, desk.urgent) == (60, 30)
            assert len(desk.matters) == 18


class TestPage:
    def test_nothing_to_do_is_said(self, people: Any, as_dora: Browser) -> None:
        assert "Nothing needs you" in as_dora.get("/desk/").content.decode()

    def test_hostile_words_are_text(self, people: Any, as_dora: Browser) -> None:
        ended(put("north"), Job.State.FAILED, error="<script>alert(1)</script>")
        page = as_dora.get("/desk/").content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert(1)" not in page

    def test_an_unchanged_page_is_not_sent_again(self, people: Any, as_dora: Browser) -> None:
        north = put("north")
        etag = as_dora.get("/desk/")["ETag"]
        assert as_dora.get("/desk/", headers={"If-None-Match": etag}).status_code == 304
        ended(north, Job.State.FAILED)
        assert as_dora.get("/desk/", headers={"If-None-Match": etag}).status_code == 200

    def test_changes_under_way_are_beside_it(self, people: Any, as_dora: Browser) -> None:
        north = put("north", estate.instance("web.example.org"))
        Job.objects.create(
            cluster=north, instance="web.example.org", kind=Job.Kind.REBOOT, state="submitted", holds="x",
            requester_name="alice",
        )  # fmt: skip
        page = as_dora.get("/desk/").content.decode()
        assert "Reboot web.example.org" in page


class TestStrip:
    def test_one_line_stands_above_the_list_of_those_who_see_everything(self, people: Any, as_dora: Browser) -> None:
        put("north", head={"state": "unreachable", "failing_since": 1.0, "error": "north: no answer"})
        page = as_dora.get("/").content.decode()
        assert 'hx-get="/desk/strip/" hx-trigger="load, live"' in page
        line = as_dora.get("/desk/strip/").content.decode()
        assert "1 of them urgent" in line
        assert "north does not answer." in line

    def test_it_renews_itself(self, people: dict[str, User], as_dora: Browser) -> None:
        assert "Nothing needs you" in as_dora.get("/desk/strip/").content.decode()
        apply_for(people["alice"])
        assert "1 matter needs you" in as_dora.get("/desk/strip/").content.decode()

    def test_owners_have_none(self, people: Any, as_alice: Browser) -> None:
        put("north", head={"state": "unreachable", "failing_since": 1.0, "error": "north: no answer"})
        assert "desk-strip" not in as_alice.get("/").content.decode()


class TestAllOfGanetisJobs:
    """Whoever asked for them, from here or not."""

    def test_a_job_that_failed_in_the_last_day_is_urgent_until_one_like_it_succeeds(
        self, people: dict[str, User]
    ) -> None:
        put("north")
        queues.put("north", queues.raw(7, "error"), queues.raw(6, "error", start_ts=[1, 0], end_ts=[2, 0]))
        [matter] = [one for one in Desk(people["dora"]).matters if one.urgency == URGENT]
        assert str(matter.title) == "Failed: Reboot web.example.org"
        assert (matter.text, matter.url) == ("north: No room", "/jobs/north/7/")
        now = int(timezone.now().timestamp())
        queues.put("north", queues.raw(7, "error"), queues.raw(8, start_ts=[now - 60, 0], end_ts=[now - 50, 0]))
        assert titles(people["dora"], URGENT) == []

    def test_a_job_of_ours_is_told_once(self, people: dict[str, User]) -> None:
        north = put("north", estate.instance("web.example.org"))
        queues.put("north", queues.raw(7, "error"))
        ended(north, Job.State.FAILED, Job.Kind.REBOOT)
        assert titles(people["dora"], URGENT) == ["Reboot of web.example.org failed"]

    def test_what_runs_is_shown_whoever_asked_for_it(self, people: dict[str, User], as_bob: Browser) -> None:
        north = put("north", estate.instance("web.example.org"))
        queues.put("north", queues.raw(8, "running"), queues.raw(9, "waiting"), queues.raw(7))
        ended(north, Job.State.SUBMITTED, ended=None, holds="north", error="", requester_name="alice", job_id=8)
        found = [(one.job_id, one.who) for one in Desk(people["bob"]).at_work]
        assert sorted(found) == [(8, "alice"), (9, "")]
        assert 'href="/jobs/north/9/"' in as_bob.get("/desk/").content.decode()
