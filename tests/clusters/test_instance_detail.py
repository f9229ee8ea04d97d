"""The page of one instance: who may open it, and what it says."""

import datetime
import time
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apps.audit import models as audit
from apps.audit.models import Actor
from apps.clusters.models import Cluster, Job
from tests import estate

pytestmark = pytest.mark.django_db

PAGE = "/instances/north/web.example.org/"


@pytest.fixture
def north(people: Any) -> Cluster:
    return estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:service:mail",)))


def text(browser: Browser, **headers: str) -> str:
    response = browser.get(PAGE, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


class TestWhoMayOpenIt:
    @pytest.mark.parametrize("name", ["alice", "bob", "carla", "dora"])
    def test_owner_helpdesk_and_superuser_do(self, sign_in: Any, north: Cluster, name: str) -> None:
        assert "web.example.org" in text(sign_in(name))

    @pytest.mark.parametrize("name", ["charlie", "erik"])
    def test_to_a_stranger_there_is_no_such_page(self, sign_in: Any, north: Cluster, name: str) -> None:
        assert sign_in(name).get(PAGE).status_code == 404

    def test_nobody_is_sent_to_the_sign_in(self, client: Browser, north: Cluster) -> None:
        assert client.get(PAGE).status_code == 302

    @pytest.mark.parametrize("path", ["/instances/north/none.example.org/", "/instances/nowhere/web.example.org/"])
    def test_what_does_not_exist_is_a_404_for_everybody(self, as_dora: Browser, north: Cluster, path: str) -> None:
        assert as_dora.get(path).status_code == 404

    def test_a_group_member_opens_the_groups_instance(self, as_erik: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("groups:noc",)))
        assert "group noc" in text(as_erik)

    def test_an_inactive_owner_does_not(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        people["alice"].is_active = False
        people["alice"].save()
        assert as_alice.get(PAGE).status_code == 302


class TestWhatItSays:
    def test_the_facts(self, as_alice: Browser, north: Cluster) -> None:
        page = text(as_alice)
        for fact in (
            "192.0.2.7",
            "aa:00:00:00:00:01",
            "2\N{NO-BREAK SPACE}GiB",
            "10\N{NO-BREAK SPACE}GiB",
            "mail",
            "North",
        ):
            assert fact in page, fact

    def test_nodes_are_for_staff(self, as_alice: Browser, as_bob: Browser, north: Cluster) -> None:
        assert "node1.example.org" not in text(as_alice)
        assert "node1.example.org" in text(as_bob)

    def test_the_owner_gets_the_verbs_that_fit_the_state(self, as_alice: Browser, north: Cluster) -> None:
        page = text(as_alice)
        assert f"{PAGE}shutdown/" in page
        assert f"{PAGE}reboot/" in page
        assert f"{PAGE}startup/" not in page
        estate.put("north", estate.instance("web.example.org", status="ADMIN_down"))
        assert f"{PAGE}startup/" in text(as_alice)

    def test_the_helpdesk_gets_none(self, as_bob: Browser, north: Cluster) -> None:
        assert "shutdown/" not in text(as_bob)

    def test_an_admin_lock_keeps_the_owner_and_says_so(self, as_alice: Browser, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:adminlock",)))
        assert "An administrator has locked this instance" in text(as_alice)
        assert f"{PAGE}shutdown/" not in text(as_alice)
        assert f"{PAGE}shutdown/" in text(as_dora)

    def test_a_group_under_maintenance_keeps_the_owner(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), locked=True)
        assert "under maintenance" in text(as_alice)

    def test_a_read_only_cluster_says_why_the_verbs_are_off(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"may_change": False})
        page = text(as_dora)
        assert "can only be looked at" in page
        assert f"{PAGE}shutdown/" not in page

    def test_a_pending_job_shows_its_story_and_takes_the_verbs_away(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        Job.objects.create(
            cluster=north,
            instance="web.example.org",
            kind=Job.Kind.REBOOT,
            state=Job.State.SUBMITTED,
            job_id=4711,
            ganeti_status="running",
            log=[[time.time(), "Waiting for the <locks>"]],
            holds=Job.hold_on(north, "web.example.org"),
            requested_by=people["alice"],
        )
        page = text(as_alice)
        assert "Rebooting" in page
        assert "4711" in page
        assert "Waiting for the &lt;locks&gt;" in page
        assert f"{PAGE}shutdown/" not in page
        assert 'data-live="0.8"' in page

    def test_a_failure_stays_with_ganetis_words_until_the_next_change(
        self, as_alice: Browser, people: Any, north: Cluster
    ) -> None:
        facts = {"cluster": north, "instance": "web.example.org", "requested_by": people["alice"]}
        failed = Job.objects.create(
            kind="startup", state="failed", error="node4 has no memory left", ended=timezone.now(), **facts
        )
        assert "node4 has no memory left" in text(as_alice)
        later = timezone.now() + datetime.timedelta(seconds=1)
        Job.objects.create(kind="startup", state="succeeded", created=later, **facts)
        assert "node4 has no memory left" not in text(as_alice)
        assert failed.error

    def test_lately_says_who_did_what(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        audit.record(Actor(people["dora"]), "Reboot", cluster="north", instance="web.example.org")
        assert "dora" in text(as_alice)

    def test_offline_nodes_and_their_nulls_are_shown(self, as_dora: Browser, people: Any) -> None:
        estate.put(
            "north",
            estate.instance(
                "web.example.org",
                status="ERROR_nodeoffline",
                oper_state=None,
                memory=0,
                nics=(),
                ctime=None,
                mtime=None,
            ),
        )
        assert "Node is offline" in text(as_dora)

    def test_an_unchanged_page_is_a_304(self, as_alice: Browser, north: Cluster) -> None:
        etag = as_alice.get(PAGE, headers={"HX-Request": "true"}).headers["ETag"]
        assert as_alice.get(PAGE, headers={"HX-Request": "true", "If-None-Match": etag}).status_code == 304

    def test_a_304_is_never_for_a_stranger(self, as_alice: Browser, as_charlie: Browser, north: Cluster) -> None:
        etag = as_alice.get(PAGE).headers["ETag"]
        assert as_charlie.get(PAGE, headers={"If-None-Match": etag}).status_code == 404
