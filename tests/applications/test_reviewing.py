"""The administrators' side: what waits, where a VM could go, and deciding it without losing a word."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import OutgoingMail
from apps.applications import decisions
from apps.applications.models import ApplicationEvent, InstanceApplication
from apps.applications.placement import Placement
from apps.audit.models import Actor
from apps.clusters.models import Cluster, Job, Network
from ganeti.objects import Node, NodeGroup
from tests import estate
from tests.applications.forms import HOSTILE, LIST, PLACE, REVIEWED, ROOM, SAVE, a_cluster, a_network
from tests.applications.test_applying import errors, filed, text
from tests.applications.test_creation import creations, followed
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

Status = InstanceApplication.Status


@pytest.fixture
def application(people: dict[str, User]) -> InstanceApplication:
    return filed(people["alice"])


def address(application: InstanceApplication) -> str:
    return f"/application/{application.pk}/review/"


def decide(browser: Browser, application: InstanceApplication, verb: str, **changes: Any) -> Any:
    """What the page that shows the application as it is now sends, with these changes."""
    typed = {**REVIEWED, "hostname": application.hostname, "version": application.version, "do": verb, **changes}
    return browser.post(address(application), {name: value for name, value in typed.items() if value is not None})


def now(application: InstanceApplication) -> InstanceApplication:
    return InstanceApplication.objects.get(pk=application.pk)


def place(answer: Any, slug: str) -> Any:
    return next(place for place in answer.context["places"] if place.offer.slug == slug)


class TestTheList:
    def test_those_who_wait_stand_first_and_the_oldest_on_top(self, as_dora: Browser, people: dict[str, User]) -> None:
        for days, name in ((1, "young"), (9, "old"), (5, "decided")):
            application = filed(people["alice"], f"{name}.example.org")
            if name == "decided":
                decisions.refuse(application, Actor(people["dora"]), "No.")
            filed_at = timezone.now() - datetime.timedelta(days=days)
            InstanceApplication.objects.filter(pk=application.pk).update(filed=filed_at)
        page = text(as_dora.get(LIST))
        assert page.index("old.example.org") < page.index("young.example.org") < page.index("decided.example.org")
        assert "9 d ago" in page

    def test_what_is_stuck_is_marked(self, as_dora: Browser, people: dict[str, User]) -> None:
        stuck, failed = filed(people["alice"], "stuck.example.org"), filed(people["alice"], "failed.example.org")
        InstanceApplication.objects.filter(pk=stuck.pk).update(status=Status.APPROVED)
        InstanceApplication.objects.filter(pk=failed.pk).update(status=Status.FAILED, backend_message="no <room>")
        page = text(as_dora.get(LIST))
        assert "Accepted, not with Ganeti yet" in page
        assert "Creation failed" in page
        assert "no &lt;room&gt;" in page

    def test_whose_turn_it_is_is_told(self, as_dora: Browser, people: dict[str, User]) -> None:
        application = filed(people["alice"])
        decisions.ask(application, Actor(people["dora"]), "Why?")
        assert "question not answered yet" in text(as_dora.get(LIST))
        decisions.answer(application, Actor(people["alice"]), "So.")
        assert "question answered" in text(as_dora.get(LIST))

    def test_it_is_searched_and_filtered(self, as_dora: Browser, people: dict[str, User]) -> None:
        for name, who, status in (
            ("web", "alice", Status.SUCCESS),
            ("mail", "charlie", Status.REFUSED),
            ("dns", "charlie", Status.SUBMITTED),
        ):
            application = filed(people[who], f"{name}.example.org")
            InstanceApplication.objects.filter(pk=application.pk).update(status=status, holds=None)

        def names(query: str) -> list[str]:
            return [row.hostname.split(".")[0] for row in as_dora.get(f"{LIST}?{query}").context["page"].object_list]

        assert names("") == ["dns", "mail", "web"]  # what is being created first
        assert names("q=charlie") == ["dns", "mail"]
        assert names("q=charlie+mail") == ["mail"]
        assert names(f"q={application.pk}") == ["dns"]
        assert names("state=created") == ["web"]
        assert names("state=nonsense&q=") == ["dns", "mail", "web"]
        assert "No application matches" in text(as_dora.get(f"{LIST}?q=nothing"))
        assert [chip["count"] for chip in as_dora.get(f"{LIST}?q=charlie").context["chips"]] == [2, 1, 0, 1, 0, 0]

    def test_htmx_gets_the_part_alone(self, as_dora: Browser) -> None:
        assert "<html" not in text(as_dora.get(LIST, headers={"HX-Request": "true"}))

    def test_a_thousand_cost_no_more_queries_than_one(
        self, as_dora: Browser, people: dict[str, User], django_assert_max_num_queries: Any
    ) -> None:
        about = {"memory": 1, "vcpus": 1, "disk_size": 1, "operating_system": "debian", "applicant": people["alice"]}
        InstanceApplication.objects.bulk_create(
            InstanceApplication(
                hostname=f"{status}-{number}.example.org",
                holds=f"{status}-{number}" if status in InstanceApplication.ON_THEIR_WAY else None,
                status=status,
                **about,
            )
            for number in range(125)
            for status in Status
        )
        with django_assert_max_num_queries(14):
            answer = as_dora.get(LIST)
        assert len(answer.context["waiting"].object_list) == len(answer.context["page"].object_list) == 50
        assert len(as_dora.get(f"{LIST}?waiting=8&page=3").context["waiting"].object_list) == 25

    def test_nothing_is_said_so(self, as_dora: Browser) -> None:
        page = text(as_dora.get(LIST))
        assert "Nobody waits" in page
        assert "Nothing is decided yet" in page


class TestPlaces:
    def test_each_cluster_says_how_full_it_would_be(self, as_dora: Browser, application: InstanceApplication) -> None:
        a_cluster()
        found = place(as_dora.get(address(application)), "north")
        assert (found.memory.used, found.memory.after) == (50, 56)  # 8 of 16 GiB, and 1 GiB more
        assert (found.disk.used, found.disk.after) == (50, 53)  # 100 of 200 GB, and 5 GiB more
        assert found.addresses == 10
        assert str(found.verdict.word) == "Fits"

    def test_a_mirrored_disk_counts_twice(self, as_dora: Browser, application: InstanceApplication) -> None:
        a_cluster()
        answer = decide(as_dora, application, "show", disk_template="drbd", disk_size="10")
        assert place(answer, "north").disk.after == 60

    def test_silent_and_closed_ones_cannot_be_chosen_and_say_why(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        a_cluster("north")
        a_cluster("east", state="unreachable")
        a_cluster("attic")
        Cluster.objects.filter(slug="attic").update(disable_instance_creation=True)
        answer = as_dora.get(address(application))
        words = {place.offer.slug: str(place.verdict.explanation) for place in answer.context["places"]}
        assert "does not answer" in words["east"]
        assert "No new VMs" in words["attic"]
        assert text(answer).count('name="cluster"') == 3
        assert text(answer).count(" disabled ") == 2
        assert answer.context["chosen"].cluster == "north"

    def test_one_without_room_is_offered_last(self, as_dora: Browser, people: dict[str, User]) -> None:
        a_cluster("aaa", nodes=(Node("one", role="R", group="default", memory_free=100, memory_total=8192),))
        a_cluster("north")
        answer = as_dora.get(address(filed(people["alice"])))
        assert answer.context["chosen"].cluster == "north"
        assert str(place(answer, "aaa").verdict.word) == "No room"

    def test_the_group_that_is_chosen_first_is_no_last_resort(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        names = ("closed", "last", "default", "locked")
        a_cluster(
            groups=(
                NodeGroup(name="closed", alloc_policy="unallocable"),
                NodeGroup(name="last", alloc_policy="last_resort"),
                NodeGroup(name="locked", tags=("locked",)),
                NodeGroup(name="default"),
            ),
            nodes=tuple(Node(name, role="R", group=name, **ROOM) for name in names),
        )
        answer = as_dora.get(address(application))
        page = text(answer)
        assert answer.context["chosen"].node_group == "default"
        assert '<option value="closed" disabled>' in page
        assert "unallocable" in page
        assert "last · last resort" in page
        assert "locked · under maintenance" in page

    def test_all_machines_drained_is_told(self, as_dora: Browser, application: InstanceApplication) -> None:
        a_cluster(nodes=(Node("one", role="D", group="default", drained=True, **ROOM),))
        assert "drained" in str(place(as_dora.get(address(application)), "north").verdict.explanation)
        assert "drained" in errors(decide(as_dora, application, "accept"))["node_group"][0]
        assert now(application).status == Status.PENDING

    def test_a_full_network_cannot_be_chosen(self, as_dora: Browser, application: InstanceApplication) -> None:
        a_cluster(networks=(a_network("public", free=0), a_network("spare")))
        answer = as_dora.get(address(application))
        assert '<option value="ganeti:public" disabled>' in text(answer)
        assert answer.context["chosen"].network == "ganeti:spare"
        answer = decide(as_dora, application, "accept", words="Welcome!")
        assert "no free address" in errors(answer)["network"][0]
        assert "Welcome!" in text(answer)

    def test_the_applicants_wish_is_chosen_and_marked(self, as_dora: Browser, people: dict[str, User]) -> None:
        a_cluster("aaa")
        row = a_cluster("north")
        wish = Network.objects.create(description="noc only", cluster=row, link="br0", mode="bridged")
        answer = as_dora.get(address(filed(people["alice"], wanted_network=wish)))
        assert (answer.context["chosen"].cluster, answer.context["chosen"].network) == ("north", f"hand:{wish.pk}")
        assert "wished for" in text(answer)
        assert "The applicant asks for noc only on North." in text(answer)

    def test_another_cluster_brings_its_own_choices_and_keeps_the_rest(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        a_cluster("north")
        a_cluster("west", networks=(a_network("dmz"),))
        answer = decide(as_dora, application, "show", cluster="west", words="half a sent", memory="nonsense")
        assert "dmz" in text(answer)
        assert answer.context["chosen"].network == "ganeti:dmz"
        assert "half a sent" in text(answer)
        assert 'value="nonsense"' in text(answer)
        assert not errors(answer)

    def test_choices_for_another_cluster_do_not_count(self, as_dora: Browser, application: InstanceApplication) -> None:
        a_cluster("north")
        a_cluster("west")
        answer = decide(as_dora, application, "accept", cluster="west", of="north", disk_template="drbd")
        assert {"node_group"} <= errors(answer).keys()  # without JavaScript: chosen, and not looked at
        assert (answer.context["chosen"].cluster, answer.context["chosen"].disk_template) == ("west", "plain")
        assert not Job.objects.exists()

    def test_two_different_machines_can_be_named_for_a_mirror(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        a_cluster()
        for nodes in ({"pnode": "one"}, {"pnode": "one", "snode": "one"}, {"pnode": "one", "snode": "elsewhere"}):
            answer = decide(as_dora, application, "accept", disk_template="drbd", **nodes)
            assert "pnode" in errors(answer), nodes

    def test_without_any_cluster_the_page_says_so(self, as_dora: Browser, application: InstanceApplication) -> None:
        assert "There is no cluster." in text(as_dora.get(address(application)))
        assert "cluster" in errors(decide(as_dora, application, "accept", **dict.fromkeys(PLACE)))

    def test_it_costs_the_same_for_many_clusters(
        self, as_dora: Browser, application: InstanceApplication, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(30):
            a_cluster(f"c{number}")
        with django_assert_max_num_queries(32):
            as_dora.get(address(application))


class TestDeciding:
    @pytest.fixture(autouse=True)
    def north(self) -> Cluster:
        return a_cluster()

    def test_words_are_needed_to_reject_and_to_ask(self, as_dora: Browser, application: InstanceApplication) -> None:
        for verb in ("reject", "ask"):
            assert list(errors(decide(as_dora, application, verb))) == ["words"]
        assert not OutgoingMail.objects.filter(occasion="application_rejected").exists()

    def test_rejecting_tells_the_applicant_why(self, as_dora: Browser, application: InstanceApplication) -> None:
        assert decide(as_dora, application, "reject", words="No.").headers["Location"] == LIST
        assert (now(application).status, now(application).admin_comments) == (Status.REFUSED, "No.")

    @pytest.mark.parametrize("verb", ["reject", "ask", "discard"])
    def test_what_is_wrong_with_the_form_does_not_stop_what_needs_nothing_of_it(
        self, as_dora: Browser, application: InstanceApplication, verb: str
    ) -> None:
        a_cluster(state="unreachable")
        InstanceApplication.objects.update(operating_system="gone")
        broken = {"words": "Hm.", "memory": "x", "operating_system": "gone", "hostname": "", "cluster": None}
        decide(as_dora, application, verb, **broken)
        expected = {"reject": Status.REFUSED, "ask": Status.PENDING, "discard": Status.DISCARDED}[verb]
        assert now(application).status == expected
        assert application.events.count() == 2

    @pytest.mark.parametrize("verb", ["reject", "discard"])
    def test_whoever_ends_one_that_failed_hears_what_ganeti_keeps_of_it(
        self, as_dora: Browser, application: InstanceApplication, verb: str
    ) -> None:
        InstanceApplication.objects.update(status=Status.FAILED)
        tag = f"ganetimgr:application:{application.pk}"
        estate.put("south", estate.instance(application.hostname, "south", tags=(tag,)))
        decide(as_dora, application, verb, words="No.")
        said = as_dora.get(LIST).content.decode()
        assert f"Ganeti keeps what the failed try left, tagged with its owner: {application.hostname} (south)." in said

    @pytest.mark.parametrize("verb", ["reject", "ask", "discard", "accept"])
    def test_a_version_that_is_no_number_is_no_error_page(
        self, as_dora: Browser, application: InstanceApplication, verb: str
    ) -> None:
        assert decide(as_dora, application, verb, words="x", version="abc").status_code == 200
        assert now(application).status == Status.PENDING

    def test_discarding_is_silent(self, as_dora: Browser, application: InstanceApplication) -> None:
        before = OutgoingMail.objects.count()
        decide(as_dora, application, "discard")
        assert OutgoingMail.objects.count() == before

    def test_a_question_leaves_corrections_in_the_form(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        answer = decide(as_dora, application, "ask", words="Why?", memory="3072")
        assert 'value="3072"' in text(answer)
        assert "Your question is sent." in text(answer)
        assert answer.context["form"].value("words") == ""
        assert now(application).memory == 1024
        again = decide(as_dora, application, "ask", words="Why?")  # the page was reloaded: it knows the old version
        assert "question by dora" in text(again)
        assert application.events.filter(kind="question").count() == 1

    def test_changes_are_saved_with_the_place_that_was_chosen(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        answer = decide(as_dora, application, "save", memory="3072", words="half a sent", disk_template="drbd")
        assert "half a sent" in text(answer)
        assert now(application).memory == 3072
        assert as_dora.get(address(application)).context["chosen"].disk_template == "drbd"
        answer = decide(as_dora, now(application), "reject", words="No.")
        assert answer.status_code == 302

    def test_limits_are_wider_than_the_applicants(self, as_dora: Browser, application: InstanceApplication) -> None:
        decide(as_dora, application, "save", memory="65536", vcpus="64", disk_size="4000")
        assert (now(application).memory, now(application).vcpus, now(application).disk_size) == (65536, 64, 4000)
        wrong = {"memory": "511", "vcpus": "0", "disk_size": "1"}
        assert errors(decide(as_dora, now(application), "save", **wrong)).keys() == wrong.keys()

    @pytest.mark.parametrize("value", ["9" * 40, "-1", "", HOSTILE, "a\0b", "1e3"])
    @pytest.mark.parametrize("verb", ["show", "save", "try", "accept"])
    def test_nonsense_in_every_field_is_answered_with_the_page(
        self, as_dora: Browser, application: InstanceApplication, value: str, verb: str
    ) -> None:
        answer = as_dora.post(address(application), {**dict.fromkeys(REVIEWED, value), "version": value, "do": verb})
        assert answer.status_code == 200
        assert "<script>alert" not in text(answer)
        assert now(application).status == Status.PENDING

    def test_an_unknown_verb_does_nothing(self, as_dora: Browser, application: InstanceApplication) -> None:
        assert decide(as_dora, application, "__class__").status_code == 200
        assert application.events.count() == 1

    def test_an_image_that_is_gone_is_shown_and_cannot_be_accepted(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        InstanceApplication.objects.update(operating_system="debian-9")
        assert "debian-9 (no longer in the catalogue)" in text(as_dora.get(address(application)))
        answer = decide(as_dora, application, "accept", operating_system="debian-9")
        assert "not in the catalogue any more" in errors(answer)["operating_system"][0]

    def test_a_name_that_somebody_took_meanwhile_is_a_sentence(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        a_cluster(instances=(estate.instance(application.hostname),))
        assert "already" in errors(decide(as_dora, application, "accept"))["hostname"][0]

    def test_who_was_slower_is_told_who_did_what_and_keeps_every_word(
        self, as_dora: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        olga = User.objects.create_superuser("olga")
        decisions.change(now(application), Actor(olga), {"memory": 2048})
        answer = decide(as_dora, application, "reject", words="My long reason.")
        page = text(answer)
        assert "changed by olga" in page
        assert "My long reason." in page
        assert "is now saved as: 2048" in page
        assert now(application).status == Status.PENDING
        decisions.refuse(now(application), Actor(olga), "No.")
        page = text(decide(as_dora, application, "accept", words="My long reason."))
        assert "rejected by olga" in page
        assert "My long reason." in page
        assert 'value="accept"' not in page

    def test_what_the_applicant_withdrew_cannot_be_accepted(
        self, as_dora: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        decisions.withdraw(now(application), Actor(people["alice"]))
        assert "withdrawn by alice" in text(decide(as_dora, application, "accept"))
        assert not Job.objects.exists()

    def test_hostile_applications_are_escaped(self, as_dora: Browser, people: dict[str, User]) -> None:
        User.objects.filter(username="alice").update(first_name=HOSTILE, last_name=HOSTILE)
        fields = ("comments", "admin_contact_name", "admin_contact_phone", "admin_contact_email", "operating_system")
        application = filed(people["alice"], **dict.fromkeys(fields, HOSTILE))
        InstanceApplication.objects.update(hostname=HOSTILE, backend_message=HOSTILE, admin_comments=HOSTILE)
        for path in (address(application), LIST, f"/application/{application.pk}/"):
            assert "<script>alert" not in text(as_dora.get(path))

    def test_the_page_knows_the_applicant_and_who_waits_besides(
        self, as_dora: Browser, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        a_cluster(instances=(estate.instance("a.example.org"), estate.instance("b.example.org", owners=())))
        decisions.refuse(filed(people["alice"], "before.example.org"), Actor(people["dora"]), "No.")
        filed(people["charlie"], "other.example.org")
        page = text(as_dora.get(address(application)))
        assert "1 VM" in page
        assert "1 rejected" in page
        assert "before.example.org" in page
        assert "Also waiting" in page
        assert "other.example.org" in page


class WithGaneti:
    @pytest.fixture
    def north(self, simulators: dict[str, SimulatedSide], people: dict[str, User]) -> SimulatedSide:
        side = simulators["north"]
        add_cluster(side.endpoint())
        call_command("refresh_cluster_instances", verbosity=0)
        return side

    def where(self, browser: Browser, application: InstanceApplication | None = None) -> dict[str, str]:
        chosen = browser.get(address(application) if application else SAVE).context["chosen"]
        return {name: value for name, value in chosen.stored.items() if name != "nodes"}


class TestAccepting(WithGaneti):
    def test_accepted_twice_it_is_made_once(
        self, as_dora: Browser, application: InstanceApplication, north: SimulatedSide
    ) -> None:
        where = self.where(as_dora, application)
        first = decide(as_dora, application, "accept", **where, words="Welcome!")
        second = decide(as_dora, application, "accept", **where)
        assert first.headers["Location"] == LIST
        assert second.headers["Location"] == f"/application/{application.pk}/"
        followed()
        assert len(creations(north)) == 1
        assert now(application).status == Status.SUCCESS
        assert "Your VM is made." in text(as_dora.get(f"/application/{application.pk}/"))

    def test_tried_out_ganeti_says_what_it_thinks_and_nothing_is_saved(
        self, as_dora: Browser, application: InstanceApplication, north: SimulatedSide
    ) -> None:
        where = self.where(as_dora, application)
        answer = decide(as_dora, application, "try", **where, memory="3072", words="half a sent")
        assert "is being asked" in text(answer)
        assert "data-live" in text(answer)
        assert "half a sent" in text(answer)
        followed()
        assert "would make it" in text(as_dora.get(address(application)))
        assert (now(application).memory, now(application).status) == (1024, Status.PENDING)
        north.faults.failing_jobs = "not enough memory"
        decide(as_dora, application, "try", **where)
        followed()
        assert "would not make it" in text(as_dora.get(address(application)))

    def test_a_refusal_is_told_in_ganetis_words_and_it_is_sent_again(
        self, as_dora: Browser, application: InstanceApplication, north: SimulatedSide
    ) -> None:
        where = self.where(as_dora, application)
        north.faults.failing_jobs = "the <disks> are full"
        decide(as_dora, application, "accept", **where)
        followed()
        assert now(application).status == Status.FAILED
        page = text(as_dora.get(address(application)))
        assert "the &lt;disks&gt; are full" in page
        assert "Send again" in page
        north.faults.failing_jobs = ""
        assert decide(as_dora, now(application), "accept", **where).status_code == 302
        followed()
        assert now(application).status == Status.SUCCESS

    def test_a_cluster_that_dies_between_form_and_click_loses_nothing(
        self, as_dora: Browser, application: InstanceApplication, north: SimulatedSide
    ) -> None:
        where = self.where(as_dora, application)
        with north.refusing():
            answer = decide(as_dora, application, "accept", **where, words="Welcome!")
        assert answer.status_code == 200
        assert "Welcome!" in text(answer)
        assert now(application).status in (Status.FAILED, Status.APPROVED)
        again = decide(as_dora, now(application), "accept", **where)
        assert again.status_code == 302
        followed()
        assert (len(creations(north)), now(application).status) == (1, Status.SUCCESS)


class TestDirectCreation(WithGaneti):
    def create(self, browser: Browser, **changes: Any) -> Any:
        return browser.post(SAVE, {**REVIEWED, **self.where(browser), "do": "accept", **changes})

    def test_where_the_cluster_is_fast_it_is_made_at_once(self, as_dora: Browser, north: SimulatedSide) -> None:
        Cluster.objects.update(fast_create=True)
        answer = self.create(as_dora)
        application = InstanceApplication.objects.get()
        assert answer.headers["Location"] == f"/application/{application.pk}/"
        followed()
        assert (now(application).status, application.reviewer.username) == (Status.SUCCESS, "dora")

    def test_elsewhere_it_waits_for_a_review_with_its_place(self, as_dora: Browser, north: SimulatedSide) -> None:
        answer = self.create(as_dora, disk_template="plain")
        application = InstanceApplication.objects.get()
        assert answer.headers["Location"] == address(application)
        assert (application.status, creations(north)) == (Status.PENDING, [])
        assert Placement.of(application.instance_params).disk_template == "plain"

    def test_without_new_vms_it_is_refused(self, as_dora: Browser, north: SimulatedSide) -> None:
        where = self.where(as_dora)
        Cluster.objects.update(fast_create=True, disable_instance_creation=True)
        answer = as_dora.post(SAVE, {**REVIEWED, **where, "do": "accept"})
        assert "No new VMs" in errors(answer)["cluster"][0]
        assert not InstanceApplication.objects.exists()

    def test_the_enter_key_makes_nothing(self, as_dora: Browser, north: SimulatedSide) -> None:
        page = text(as_dora.get(SAVE))
        assert page.index('value="show"') < page.index('value="accept"')
        assert self.create(as_dora, do="show").status_code == 200
        assert not InstanceApplication.objects.exists()

    def test_a_name_that_is_taken_is_a_sentence(self, as_dora: Browser, north: SimulatedSide) -> None:
        assert "already" in errors(self.create(as_dora, hostname="www.example.org"))["hostname"][0]


def test_every_kind_of_event_has_words_and_an_icon() -> None:
    from apps.applications.shown import OF_EVENT, OF_STATUS

    assert set(OF_EVENT) == set(ApplicationEvent.Kind)
    assert set(OF_STATUS) == set(Status)
