"""What people do with an application, and what everybody concerned hears of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.models import OutgoingMail
from apps.applications import decisions
from apps.applications.decisions import Outrun, Refused
from apps.applications.models import ApplicationEvent, Draft, InstanceApplication
from apps.applications.placement import Placement
from apps.audit.models import Actor, AuditEntry
from tests import estate

pytestmark = pytest.mark.django_db

Status = InstanceApplication.Status
FIELDS = {
    "hostname": "a.example.org",
    "memory": 1024,
    "vcpus": 1,
    "disk_size": 5,
    "operating_system": "debian",
    "comments": "shop",
}
PLACE = Placement("north", "default", "ganeti:public", "plain")


@pytest.fixture
def alice(people: dict[str, User]) -> Actor:
    return Actor(people["alice"])


@pytest.fixture
def dora(people: dict[str, User]) -> Actor:
    return Actor(people["dora"])


@pytest.fixture
def application(alice: Actor) -> InstanceApplication:
    return decisions.file(alice, FIELDS)


def story(application: InstanceApplication) -> list[tuple[str, str]]:
    return list(application.events.values_list("kind", "by_name"))


def mails() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("pk").values_list("occasion", "recipient"))


class TestFiling:
    def test_it_waits_and_those_who_decide_are_told(self, application: InstanceApplication) -> None:
        assert (application.status, application.holds) == (Status.PENDING, "a.example.org")
        assert mails() == [("application_filed", "managers@example.org")]
        mail = OutgoingMail.objects.get()
        assert "New instance request by alice: a.example.org" in mail.subject
        assert f"https://vps.example.org/application/{application.pk}/review/" in mail.text

    def test_the_draft_is_done_with(self, alice: Actor) -> None:
        Draft.objects.create(user=alice.user, fields={"hostname": "a"})
        decisions.file(alice, FIELDS)
        assert not Draft.objects.exists()

    def test_the_second_of_two_for_one_name_is_refused_and_nothing_of_it_stays(
        self, application: InstanceApplication, people: dict[str, User]
    ) -> None:
        Draft.objects.create(user=people["charlie"], fields={"hostname": "a"})
        with pytest.raises(Refused, match="already"):
            decisions.file(Actor(people["charlie"]), FIELDS)
        assert InstanceApplication.objects.count() == 1
        assert len(mails()) == 1
        assert Draft.objects.exists()

    def test_line_breaks_in_what_is_typed_reach_no_header(self, alice: Actor) -> None:
        alice.user.first_name = "x\r\nBcc: everybody@example.org"
        decisions.file(alice, {**FIELDS, "comments": "a\r\nBcc: all@example.org"})
        assert "\n" not in OutgoingMail.objects.get().subject


class TestDeciding:
    def test_rejecting_tells_the_applicant_why(self, application: InstanceApplication, dora: Actor) -> None:
        decisions.refuse(application, dora, "no room")
        assert (application.status, application.holds, application.reviewer) == (Status.REFUSED, None, dora.user)
        assert mails()[-1] == ("application_rejected", "alice@example.org")
        assert "no room" in OutgoingMail.objects.get(occasion="application_rejected").text
        assert story(application) == [("filed", "alice"), ("refused", "dora")]

    def test_discarding_is_silent(self, application: InstanceApplication, dora: Actor) -> None:
        decisions.discard(application, dora)
        assert (application.status, application.holds) == (Status.DISCARDED, None)
        assert len(mails()) == 1

    def test_accepting_notes_where_it_goes(self, application: InstanceApplication, dora: Actor) -> None:
        row = estate.put("north")
        decisions.approve(application, dora, PLACE, "welcome")
        assert (application.status, application.cluster, application.holds) == (Status.APPROVED, row, "a.example.org")
        assert Placement.of(application.instance_params) == PLACE

    def test_corrections_are_named(self, application: InstanceApplication, dora: Actor) -> None:
        decisions.change(application, dora, {**FIELDS, "memory": 2048, "hostname": "b.example.org"})
        assert (application.memory, application.holds) == (2048, "b.example.org")
        told = application.events.get(kind="changed").text
        assert "1024 → 2048" in told
        assert "a.example.org → b.example.org" in told

    def test_no_corrections_are_no_event(self, application: InstanceApplication, dora: Actor) -> None:
        decisions.change(application, dora, FIELDS)
        assert story(application) == [("filed", "alice")]

    def test_a_correction_to_a_name_that_is_asked_for_is_refused(
        self, application: InstanceApplication, dora: Actor, people: dict[str, User]
    ) -> None:
        decisions.file(Actor(people["charlie"]), {**FIELDS, "hostname": "b.example.org"})
        with pytest.raises(Refused, match=r"b\.example\.org"):
            decisions.change(application, dora, {"hostname": "b.example.org"})
        application.refresh_from_db()
        assert application.hostname == "a.example.org"


class TestAsking:
    def test_the_question_goes_to_the_applicant_and_the_answer_to_who_asked(
        self, application: InstanceApplication, alice: Actor, dora: Actor
    ) -> None:
        decisions.ask(application, dora, "what for?")
        decisions.answer(application, alice, "the shop")
        assert mails()[1:] == [
            ("application_question", "alice@example.org"),
            ("application_answer", "dora@example.org"),
        ]
        assert application.status == Status.PENDING
        assert [event.text for event in application.events.all()] == ["", "what for?", "the shop"]

    def test_an_answer_to_somebody_who_left_goes_to_all_who_decide(
        self, application: InstanceApplication, alice: Actor, dora: Actor
    ) -> None:
        decisions.ask(application, dora, "what for?")
        User.objects.filter(pk=dora.user.pk).update(is_active=False)
        decisions.answer(application, alice, "the shop")
        assert mails()[-1] == ("application_answer", "managers@example.org")

    def test_an_answer_to_somebody_without_an_address_reaches_somebody(
        self, application: InstanceApplication, alice: Actor, dora: Actor
    ) -> None:
        decisions.ask(application, dora, "what for?")
        User.objects.filter(pk=dora.user.pk).update(email="")
        decisions.answer(application, alice, "the shop")
        assert mails()[-1] == ("application_answer", "managers@example.org")

    def test_a_site_without_managers_has_administrators(self, alice: Actor, settings: Any) -> None:
        settings.MANAGERS = []
        decisions.file(alice, FIELDS)
        assert mails() == [("application_filed", "admins@example.org")]


class TestTheApplicant:
    def test_withdraws_while_it_waits_and_the_name_is_free_again(
        self, application: InstanceApplication, alice: Actor
    ) -> None:
        decisions.withdraw(application, alice)
        assert (application.status, application.holds) == (Status.WITHDRAWN, None)
        assert decisions.file(alice, FIELDS).pk != application.pk

    def test_sends_a_rejected_one_again_with_its_history(
        self, application: InstanceApplication, alice: Actor, dora: Actor
    ) -> None:
        decisions.refuse(application, dora, "smaller, please")
        decisions.send_again(application, alice, {**FIELDS, "memory": 512})
        assert (application.status, application.memory, application.admin_comments) == (Status.PENDING, 512, "")
        assert [kind for kind, _ in story(application)] == ["filed", "refused", "filed"]

    def test_cannot_send_again_under_a_name_that_somebody_took_meanwhile(
        self, application: InstanceApplication, alice: Actor, dora: Actor, people: dict[str, User]
    ) -> None:
        decisions.refuse(application, dora, "no")
        decisions.file(Actor(people["charlie"]), FIELDS)
        with pytest.raises(Refused):
            decisions.send_again(application, alice, FIELDS)
        application.refresh_from_db()
        assert application.status == Status.REFUSED


Deed = Callable[[InstanceApplication, Actor], Any]
DEEDS: dict[str, Deed] = {
    "accept": lambda application, by: decisions.approve(application, by, PLACE),
    "reject": lambda application, by: decisions.refuse(application, by, "no"),
    "ask": lambda application, by: decisions.ask(application, by, "what?"),
    "discard": decisions.discard,
    "change": lambda application, by: decisions.change(application, by, {"memory": 2048}),
    "withdraw": decisions.withdraw,
}


@pytest.mark.parametrize("first", DEEDS)
@pytest.mark.parametrize("second", DEEDS)
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    application: InstanceApplication, dora: Actor, people: dict[str, User], first: str, second: str
) -> None:
    seen_by_both = InstanceApplication.objects.get(pk=application.pk)
    DEEDS[first](application, dora)
    events, sent, audited = ApplicationEvent.objects.count(), len(mails()), AuditEntry.objects.count()
    with pytest.raises(Outrun, match="dora"):
        DEEDS[second](seen_by_both, Actor(people["alice"]))
    assert (ApplicationEvent.objects.count(), len(mails()), AuditEntry.objects.count()) == (events, sent, audited)


def test_every_deed_is_audited(application: InstanceApplication, dora: Actor) -> None:
    decisions.ask(application, dora, "what for?")
    decisions.refuse(application, dora, "no")
    entries = AuditEntry.objects.order_by("pk").values_list("action", "requester_name", "person", "instance")
    assert list(entries) == [
        ("Application filed", "alice", "alice", "a.example.org"),
        ("Application: question", "dora", "alice", "a.example.org"),
        ("Application rejected", "dora", "alice", "a.example.org"),
    ]
