"""The page of one instance: who may open it, and what it says."""

import datetime
import re
import time
from typing import Any

import msgspec
import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Organization
from apps.applications.models import InstanceApplication
from apps.audit import models as audit
from apps.audit.models import Actor
from apps.clusters.models import Cluster, Job, Network
from ganeti import objects
from ganeti.objects import Nic, PendingJob
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


class TestFactsByRole:
    """What the page tells beyond the bare facts, and whom it leads where."""

    def application(self, people: Any, applicant: str) -> InstanceApplication:
        return InstanceApplication.objects.create(
            pk=17, applicant=people[applicant], hostname="web.example.org", memory=1024, vcpus=1, disk_size=5,
            operating_system="none", admin_contact_name="Ada Admin", admin_contact_email="ada@example.net",
        )  # fmt: skip

    def test_the_application_leads_its_applicant_and_those_who_decide_to_their_pages(
        self, sign_in: Any, people: Any
    ) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:application:17",)))
        self.application(people, "alice")
        assert 'href="/application/17/"' in text(sign_in("alice"))
        assert 'href="/application/17/review/"' in text(sign_in("dora"))
        of_the_helpdesk = text(sign_in("bob"))
        assert "/application/17/" not in of_the_helpdesk and "Ada Admin, ada@example.net" in of_the_helpdesk

    def test_somebody_elses_application_is_nothing_that_an_owner_hears_of(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:application:17",)))
        self.application(people, "charlie")
        page = text(as_alice)
        assert "Ada Admin" not in page and "/application/17/" not in page

    @pytest.mark.parametrize("tag", ["ganetimgr:application:99", "ganetimgr:application:none"])
    def test_an_application_that_is_not_there_is_left_out(self, as_dora: Browser, people: Any, tag: str) -> None:
        estate.put("north", estate.instance("web.example.org", tags=(tag,)))
        assert "<dt>Application</dt>" not in text(as_dora)

    def test_the_organisation_is_named_by_its_title_or_else_by_the_tag(
        self, as_alice: Browser, as_bob: Browser, people: Any
    ) -> None:
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:org:physics",)))
        assert "<dd>physics</dd>" in text(as_alice)
        Organization.objects.create(title="Department of Physics", tag="physics", email="desk@physics.example.org")
        estate.put("north", estate.instance("web.example.org", tags=("ganetimgr:org:physics",), memory=1))
        assert "Department of Physics" in text(as_alice) and "desk@physics.example.org" not in text(as_alice)
        assert "desk@physics.example.org" in text(as_bob)

    def test_what_lies_in_the_drive_is_told_without_the_way_to_it(self, as_alice: Browser, people: Any) -> None:
        hvparams: dict[str, Any] = {"cdrom_image_path": "https://u:pw@isos.example.org/d/rescue.iso?key=4711"}
        estate.put("north", estate.instance("web.example.org", hvparams={**hvparams, "boot_order": "cdrom"}))
        page = text(as_alice)
        assert "CD in the drive" in page and "rescue.iso" in page and "<dd>cdrom</dd>" in page
        assert "u:pw" not in page and "4711" not in page

    def test_an_instance_out_of_service_is_neither_running_nor_meant_to_be(
        self, as_alice: Browser, people: Any
    ) -> None:
        estate.put(
            "north",
            estate.instance("web.example.org", status="ADMIN_offline", admin_state="offline", oper_state=False),
        )
        page = text(as_alice)
        assert "Out of service" in page and "should be running" not in page
        assert "An administrator took this instance out of service." in page

    def test_nodes_and_networks_lead_staff_to_their_pages(
        self, as_dora: Browser, as_alice: Browser, north: Cluster
    ) -> None:
        page = text(as_dora)
        assert 'href="/cluster/nodes/north/node1.example.org/"' in page and "group default" in page
        assert 'href="/cluster/detail/?cluster=north' in page
        assert 'href="/cluster/' not in text(as_alice)

    def test_owners_lead_staff_to_their_pages(self, as_bob: Browser, as_alice: Browser, north: Cluster) -> None:
        assert 'href="/user/info/user/alice/"' in text(as_bob)
        assert "/user/info/" not in text(as_alice)

    def test_the_page_costs_few_queries_however_much_it_tells(
        self, as_dora: Browser, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        tags = ("ganetimgr:application:17", "ganetimgr:org:physics")
        pending = (PendingJob(7, "running", ("web.example.org",), ("INSTANCE_MIGRATE",)),)
        estate.put("north", estate.instance("web.example.org", tags=tags), head={"pending": pending})
        self.application(people, "alice")
        with django_assert_max_num_queries(11):
            text(as_dora)


class TestAddressesOfIpv6:
    """Out of the prefix of the card's network and its MAC."""

    ADDRESS = "2001:db8:100:0:a800:ff:fe00:1"
    PUBLIC = (objects.Network("public", network="192.0.2.0/24", network6="2001:db8:100::/64"),)

    def test_page_list_and_search_know_it(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), estate.instance("b.org", nics=()), networks=self.PUBLIC)
        assert f"Copy {self.ADDRESS}" in text(as_alice)
        assert f'<span class="sub">{self.ADDRESS}</span>' in as_alice.get("/").content.decode()
        for typed in (self.ADDRESS, "2001:DB8:0100:0:A800:00FF:FE00:0001", "a800:ff:fe00:1"):
            found = as_alice.get("/", {"q": typed}).content.decode()
            assert 'href="/instances/north/web.example.org/"' in found and "b.org" not in found, typed

    def test_the_helpdesks_search_finds_it(self, as_bob: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), estate.instance("b.org", nics=()), networks=self.PUBLIC)
        found = as_bob.get("/", {"q": self.ADDRESS}).content.decode()
        assert 'href="/instances/north/web.example.org/"' in found and "b.org" not in found

    def test_each_card_has_its_own_by_its_own_network(self, as_alice: Browser, people: Any) -> None:
        """A card in the middle without a prefix takes nobody else's."""
        nics = (
            Nic("aa:00:00:00:00:01", network="public"),
            Nic("aa:00:00:00:00:02", "10.0.0.1", link="unknown"),
            Nic("aa:00:00:00:00:03", link="br7"),
        )
        row = estate.put("north", estate.instance("web.example.org", nics=nics), networks=self.PUBLIC)
        Network.objects.create(cluster=row, description="by hand", link="br7", ipv6_prefix="2001:db8:7::/64")
        page = text(as_alice)
        assert f"Copy {self.ADDRESS}" in page and "Copy 2001:db8:7:0:a800:ff:fe00:3" in page
        assert "fe00:2" not in page

    def test_another_clusters_network_of_the_same_link_does_not_count(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", nics=(Nic("aa:00:00:00:00:01", link="br7"),)))
        south = estate.put("south")
        Network.objects.create(cluster=south, description="by hand", link="br7", ipv6_prefix="2001:db8:7::/64")
        assert "2001:db8" not in text(as_alice)

    def test_a_prefix_that_somebody_changes_here_is_a_change_of_the_page(self, as_alice: Browser, people: Any) -> None:
        row = estate.put("north", estate.instance("web.example.org"))
        etag = as_alice.get(PAGE).headers["ETag"]
        Network.objects.create(cluster=row, description="by hand", link="pub", ipv6_prefix="2001:db8:7::/64")
        assert as_alice.get(PAGE, headers={"If-None-Match": etag}).status_code == 200
        assert "2001:db8:7:" in text(as_alice)

    def test_a_search_after_that_finds_the_new_address(self, as_bob: Browser, people: Any) -> None:
        row = estate.put("north", estate.instance("web.example.org"))
        assert "No VM matches" in as_bob.get("/?q=2001:db8:7:").content.decode()
        Network.objects.create(cluster=row, description="by hand", link="pub", ipv6_prefix="2001:db8:7::/64")
        assert "web.example.org" in as_bob.get("/?q=2001:db8:7:").content.decode()


class TestJobsOfOthers:
    """What Ganeti does with an instance that nobody asked for here."""

    SENTENCE = "Job 1234 of somebody else is at work on it: INSTANCE_MIGRATE."

    def put(self, *jobs: PendingJob, **head: Any) -> Cluster:
        always_the_same = estate.instance("web.example.org", ctime=1e9, mtime=1e9)
        return estate.put("north", always_the_same, head={"pending": jobs, **head})

    def migration(self, number: int = 1234, status: str = "running", name: str = "web.example.org") -> PendingJob:
        return PendingJob(number, status, (name,), ("INSTANCE_MIGRATE",), time.time() - 20)

    def test_page_and_list_say_it_and_changes_stay_possible(self, as_alice: Browser, people: Any) -> None:
        self.put(self.migration())
        page = text(as_alice)
        assert (self.SENTENCE in page and "waits in Ganeti&#x27;s queue" in page) or "waits in Ganeti's queue" in page
        assert f'formaction="{PAGE}shutdown/"' in page
        assert self.SENTENCE in as_alice.get("/").content.decode()

    def test_one_that_waits_says_so(self, as_bob: Browser, people: Any) -> None:
        self.put(self.migration(status="queued"))
        assert "Job 1234 of somebody else waits for its turn with it: INSTANCE_MIGRATE." in text(as_bob)

    def test_the_helpdesk_is_not_told_what_its_changes_would_do(self, as_bob: Browser, people: Any) -> None:
        self.put(self.migration())
        page = text(as_bob)
        assert self.SENTENCE in page and "What you ask for meanwhile" not in page

    @pytest.mark.parametrize("ending", [{}, {"state": "succeeded", "holds": None, "ended": timezone.now()}])
    def test_a_job_of_ours_is_not_somebody_elses(self, as_alice: Browser, people: Any, ending: dict[str, Any]) -> None:
        row = self.put(self.migration())
        facts = {"state": "submitted", "holds": Job.hold_on(row, "web.example.org"), **ending}
        Job.objects.create(cluster=row, instance="web.example.org", kind="migrate", job_id=1234, **facts)
        assert "of somebody else" not in text(as_alice)

    def test_a_job_whose_number_has_not_arrived_here_may_be_any_of_them(self, as_alice: Browser, people: Any) -> None:
        row = self.put(self.migration())
        Job.objects.create(
            cluster=row, instance="web.example.org", kind="migrate", holds=Job.hold_on(row, "web.example.org")
        )
        assert "of somebody else" not in text(as_alice)

    def test_the_same_number_on_another_cluster_is_another_job(self, as_alice: Browser, people: Any) -> None:
        self.put(self.migration())
        south = estate.put("south")
        Job.objects.create(cluster=south, instance="web.example.org", kind="migrate", job_id=1234, state="succeeded")
        assert self.SENTENCE in text(as_alice)

    def test_a_job_about_another_instance_is_not_told(self, as_alice: Browser, people: Any) -> None:
        self.put(self.migration(name="web.example.org.uk"))
        assert "of somebody else" not in text(as_alice)

    def test_what_a_silent_cluster_did_lately_is_not_what_it_does(self, as_alice: Browser, people: Any) -> None:
        self.put(self.migration(), state="unreachable", failing_since=time.time())
        assert "of somebody else" not in text(as_alice)

    def test_its_beginning_and_end_are_news_to_an_open_page(self, as_alice: Browser, people: Any) -> None:
        self.put()
        etags = [as_alice.get(PAGE).headers["ETag"]]
        waiting = self.migration(status="waiting")
        for jobs in ([waiting], [msgspec.structs.replace(waiting, status="running")], []):
            self.put(*jobs)
            etags.append(as_alice.get(PAGE).headers["ETag"])
        assert len(set(etags)) == 3 and etags[0] == etags[-1], "nothing else has changed meanwhile"

    def test_a_name_of_ganetis_that_we_do_not_know_is_shown_escaped(self, as_alice: Browser, people: Any) -> None:
        self.put(PendingJob(5, "running", ("web.example.org",), ("<script>alert(1)</script>",)))
        assert "<script>alert" not in text(as_alice)


class TestGone:
    """It was there a moment ago: those who could see it hear what became of it, to strangers it never existed."""

    @pytest.fixture
    def gone(self, north: Cluster) -> Cluster:
        return estate.put("north", estate.instance("other.example.org", owners=("users:user01",)))

    @pytest.mark.parametrize("name", ["alice", "bob", "dora"])
    def test_owner_helpdesk_and_superuser_read_that_it_is_gone(self, sign_in: Any, gone: Cluster, name: str) -> None:
        response = sign_in(name).get(PAGE)
        page = response.content.decode()
        assert response.status_code == 410
        cluster = "North" if name == "alice" else "north"
        assert f"web.example.org is no longer on {cluster}." in page
        assert "was seen there for the last time" in page
        assert "/history/?q=web.example.org&amp;cluster=north" in page

    @pytest.mark.parametrize("name", ["charlie", "erik"])
    def test_a_stranger_gets_the_answer_for_a_name_that_never_was(self, sign_in: Any, gone: Cluster, name: str) -> None:
        browser = sign_in(name)
        answers = [browser.get(path) for path in (PAGE, "/instances/north/never.example.org/")]
        assert [answer.status_code for answer in answers] == [404, 404]
        first, second = (
            re.sub(r'nonce="[^"]*"|value="\w{64}"|never\.|web\.', "", answer.content.decode()) for answer in answers
        )
        assert first == second

    def test_a_group_member_hears_of_what_the_group_had(self, as_erik: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("group:noc",)))
        estate.put("north")
        assert as_erik.get(PAGE).status_code == 410

    def test_one_who_no_longer_owned_it_then_hears_nothing(self, as_alice: Browser, north: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("users:user01",)))
        estate.put("north")
        assert as_alice.get(PAGE).status_code == 404

    @pytest.mark.parametrize("part", ["", "history/"])
    def test_an_open_page_is_told_to_ask_anew(self, as_alice: Browser, gone: Cluster, part: str) -> None:
        response = as_alice.get(f"{PAGE}{part}", headers={"HX-Request": "true", "HX-Target": "vm"})
        assert (response.status_code, response.content) == (410, b"")

    def test_a_change_of_it_is_answered_alike(self, as_alice: Browser, gone: Cluster) -> None:
        response = as_alice.post(f"{PAGE}shutdown/")
        assert response.status_code == 410 and "is no longer on North" in response.content.decode()
        assert not Job.objects.exists()

    def test_what_happened_to_it_last_is_told(self, as_alice: Browser, people: Any, gone: Cluster) -> None:
        audit.record(Actor(people["dora"]), "Reboot", cluster="north", instance="web.example.org")
        page = as_alice.get(PAGE).content.decode()
        assert "Nobody asked for that here" in page and "dora" in page

    def test_one_that_was_destroyed_from_here_says_at_whose_request(
        self, as_alice: Browser, people: Any, gone: Cluster
    ) -> None:
        Job.objects.create(
            cluster=gone, instance="web.example.org", kind="remove", state="succeeded", ended=timezone.now(),
            requested_by=people["dora"], requester_name="dora",
        )  # fmt: skip
        page = as_alice.get(PAGE).content.decode()
        assert "It was destroyed at the request of dora." in page and "Nobody asked" not in page

    def renamed(self, *, owners: tuple[str, ...] = ("users:alice",)) -> None:
        estate.put("north", estate.instance("web.example.org", uuid="4711"))
        estate.put("north", estate.instance("new.example.org", uuid="4711", owners=owners))

    def test_one_that_was_renamed_leads_to_its_new_name(self, as_alice: Browser, people: Any) -> None:
        self.renamed()
        response = as_alice.get(PAGE)
        page = response.content.decode()
        assert response.status_code == 410
        assert "It is now called new.example.org." in page
        assert 'href="/instances/north/new.example.org/"' in page
        assert "is no longer on" not in page

    def test_the_new_name_is_for_those_only_who_may_see_that_one(
        self, as_alice: Browser, as_bob: Browser, people: Any
    ) -> None:
        self.renamed(owners=("users:user01",))
        assert "new.example.org" not in as_alice.get(PAGE).content.decode()
        assert as_alice.get(PAGE).status_code == 410
        assert "It is now called new.example.org." in as_bob.get(PAGE).content.decode()

    def test_the_same_name_on_another_cluster_is_pointed_out_to_who_may_see_it(
        self, as_alice: Browser, as_bob: Browser, gone: Cluster
    ) -> None:
        estate.put("south", estate.instance("web.example.org", "south", owners=("users:user01",)))
        estate.put("east", estate.instance("web.example.org", "east"))
        page = as_alice.get(PAGE).content.decode()
        assert 'href="/instances/east/web.example.org/"' in page and "/instances/south/" not in page
        assert 'href="/instances/south/web.example.org/"' in as_bob.get(PAGE).content.decode()

    def test_one_that_came_back_has_its_page_again(self, as_alice: Browser, gone: Cluster) -> None:
        estate.put("north", estate.instance("web.example.org"))
        assert "192.0.2.7" in text(as_alice)


class TestNames:
    """The same name on two clusters, names with dots and capitals."""

    def test_the_same_name_on_two_clusters_is_two_instances(self, as_alice: Browser, people: Any) -> None:
        north = estate.put("north", estate.instance("web.example.org", memory=1024))
        estate.put("south", estate.instance("web.example.org", "south", memory=8192))
        audit.record(Actor(people["dora"]), "Reboot", cluster="north", instance="web.example.org")
        Job.objects.create(
            cluster=north, instance="web.example.org", kind="reboot", holds=Job.hold_on(north, "web.example.org")
        )
        of_the_other = as_alice.get("/instances/south/web.example.org/").content.decode()
        assert "8\N{NO-BREAK SPACE}GiB" in of_the_other and "on South" in of_the_other
        assert "Rebooting" not in of_the_other and "dora" not in of_the_other
        here = text(as_alice)
        assert "1\N{NO-BREAK SPACE}GiB" in here and "on North" in here and "Rebooting" in here and "dora" in here

    @pytest.mark.parametrize("name", ["a.b.c.example.org", "WEB.Example.org", "web", "10.example", "x--y.example.org"])
    def test_any_name_has_its_pages(self, as_alice: Browser, as_bob: Browser, people: Any, name: str) -> None:
        estate.put("north", estate.instance(name))
        for path in (f"/instances/north/{name}/", f"/instances/north/{name}/history/"):
            assert name in as_alice.get(path).content.decode()
        assert name in as_bob.get("/cluster/popup/", {"cluster": "north", "instance": name}).content.decode()
        assert f'id="vm-north-{name}"' in as_alice.get("/").content.decode()

    def test_capitals_are_another_name(self, as_alice: Browser, north: Cluster) -> None:
        assert as_alice.get("/instances/north/WEB.example.org/").status_code == 404
