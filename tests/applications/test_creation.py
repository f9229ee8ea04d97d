"""From an accepted application to a VM: handed to Ganeti once, followed to its end, told to everybody concerned."""

import datetime
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import OutgoingMail, SshPublicKey
from apps.applications import creation, decisions, placement
from apps.applications.decisions import Refused
from apps.applications.models import InstanceApplication
from apps.applications.placement import Placement
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, following, leases
from apps.clusters.models import Cluster, Job
from apps.clusters.watcher import Watcher
from ganeti.client import Client
from ganetimgr.worker import AT_THE_END
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

Status = InstanceApplication.Status


@pytest.fixture
def north(simulators: dict[str, SimulatedSide], people: dict[str, User], settings: Any) -> SimulatedSide:
    """The simulated cluster, known and collected."""
    side = simulators["north"]
    settings.RAPI_CONNECT_TIMEOUT = settings.RAPI_RESPONSE_TIMEOUT = 1.0
    add_cluster(side.endpoint())
    call_command("refresh_cluster_instances", verbosity=0)
    return side


def filed(people: dict[str, User], name: str = "new.example.org", **fields: Any) -> InstanceApplication:
    wanted = {
        "hostname": name,
        "memory": 1024,
        "vcpus": 1,
        "disk_size": 5,
        "operating_system": "debian",
        "comments": "x",
    }
    return decisions.file(Actor(people["alice"]), {**wanted, **fields})


def a_place() -> Placement:
    """The first that the cluster offers."""
    [offer] = placement.offers()
    group = next(group for group in offer.groups if not group.why_not)
    network = next(network for network in group.networks if network.mode == "routed" and not network.why_not)
    return Placement(offer.slug, group.name, network.value, offer.disk_templates[0])


def accepted(people: dict[str, User], **fields: Any) -> InstanceApplication:
    application = filed(people, **fields)
    decisions.approve(application, Actor(people["dora"]), a_place())
    return application


def followed(rounds: int = 100) -> None:
    """A watcher that works until nothing is unfinished."""
    watcher = Watcher(AT_THE_END)
    for _ in range(rounds):
        watcher.step()
        watcher.pool.join()
        if not Job.objects.unfinished().exists():
            leases.release_all(watcher.name)
            return
        time.sleep(0.1)
    raise AssertionError("a job does not end")


def mails(occasion: str) -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(occasion=occasion))


def creations(side: SimulatedSide) -> list[int]:
    """The jobs of the cluster that make, or try to make, an instance."""
    return [job.id for job in Client(side.endpoint()).jobs() if "OP_INSTANCE_CREATE" in job.opcodes]


class TestSuccess:
    def test_the_vm_is_there_with_its_owner_and_application(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people, hosts_mail_server=True)
        creation.submit(application, Actor(people["dora"]))
        followed()
        assert [job.error for job in Job.objects.all()] == [""]
        made = Client(north.endpoint()).instance("new.example.org")
        assert {"ganetimgr:users:alice", f"ganetimgr:application:{application.pk}", "ganetimgr:service:mail"} <= set(
            made.tags
        )
        assert (made.memory, made.vcpus, made.disks[0].size, made.image) == (1024, 1, 5120, "debian-12")
        application.refresh_from_db()
        assert (application.status, application.holds) == (Status.SUCCESS, None)

    def test_applicant_and_managers_are_told_once(self, north: SimulatedSide, people: dict[str, User]) -> None:
        application = accepted(people)
        creation.submit(application, Actor(people["dora"]))
        followed()
        [mail] = mails("instance_created")
        assert mail.recipient == "alice@example.org"
        assert "https://vps.example.org/instances/north/new.example.org/" in mail.text
        assert [mail.recipient for mail in mails("instance_created_managers")] == ["managers@example.org"]

    def test_it_is_started_once_when_the_site_says_so(self, north: SimulatedSide, people: dict[str, User]) -> None:
        creation.submit(accepted(people), Actor(people["dora"]))
        followed()
        creation.start_new()
        creation.start_new()
        followed()
        assert Client(north.endpoint()).instance("new.example.org").status == "running"
        assert Job.objects.filter(kind=Job.Kind.STARTUP).count() == 1

    def test_it_stays_stopped_when_the_site_says_so(
        self, north: SimulatedSide, people: dict[str, User], settings: Any
    ) -> None:
        settings.START_NEW_INSTANCES = False
        creation.submit(accepted(people), Actor(people["dora"]))
        followed()
        creation.start_new()
        assert not Job.objects.filter(kind=Job.Kind.STARTUP).exists()

    def test_every_step_is_in_the_history(self, north: SimulatedSide, people: dict[str, User]) -> None:
        creation.submit(accepted(people), Actor(people["dora"]))
        followed()
        entries = AuditEntry.objects.filter(instance="new.example.org").order_by("pk").values_list("action", "outcome")
        assert list(entries) == [
            ("Application filed", "succeeded"),
            ("Application accepted", "succeeded"),
            ("Create", "succeeded"),
        ]


class TestFailure:
    def test_ganetis_own_words_stay_and_it_can_be_sent_again(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        north.faults.failing_jobs = "the disk is full"
        application = accepted(people)
        creation.submit(application, Actor(people["dora"]))
        followed()
        application.refresh_from_db()
        assert application.status == Status.FAILED
        assert "the disk is full" in application.backend_message
        [mail] = mails("instance_failed")
        assert mail.recipient == "admins@example.org"
        assert "the disk is full" in mail.text
        north.faults.failing_jobs = ""
        creation.submit(application, Actor(people["dora"]))
        followed()
        application.refresh_from_db()
        assert (application.status, application.backend_message) == (Status.SUCCESS, "")

    def test_a_cluster_that_refuses_leaves_it_waiting_with_the_reason(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        north.faults.drained = True
        with pytest.raises(Refused):
            creation.submit(application, Actor(people["dora"]))
        application.refresh_from_db()
        assert application.status == Status.FAILED
        assert application.backend_message

    def test_an_image_that_was_removed_is_a_sentence(
        self, north: SimulatedSide, people: dict[str, User], settings: Any
    ) -> None:
        application = accepted(people)
        settings.OPERATING_SYSTEMS = {}
        with pytest.raises(Refused, match="no longer in the catalogue"):
            creation.submit(application, Actor(people["dora"]))
        application.refresh_from_db()
        assert application.status == Status.APPROVED


class TestOnce:
    def test_two_who_submit_at_once_make_one_vm(self, north: SimulatedSide, people: dict[str, User]) -> None:
        application = accepted(people)
        other = InstanceApplication.objects.get(pk=application.pk)
        creation.submit(application, Actor(people["dora"]))
        with pytest.raises(Refused):
            creation.submit(other, Actor(people["dora"]))
        assert len(creations(north)) == 1

    def test_an_answer_that_got_lost_is_found_again_and_never_asked_twice(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        north.faults.lost_answers = True
        creation.submit(application, Actor(people["dora"]))
        north.faults.lost_answers = False
        row = Job.objects.get(kind=Job.Kind.CREATE)
        assert row.state == Job.State.INTENDED
        Job.objects.filter(pk=row.pk).update(created=row.created - datetime.timedelta(seconds=10))
        followed()
        application.refresh_from_db()
        assert application.status == Status.SUCCESS
        assert len(creations(north)) == 1


def made(side: SimulatedSide, application: InstanceApplication, *, running: bool = False) -> None:
    """As if Ganeti had made, or half made, an instance for the application; the inventory knows it."""
    world = side.server.world
    tags = ["ganetimgr:users:alice", f"ganetimgr:application:{application.pk}"]
    with world.lock:
        node = next(node.name for node in world.nodes.values() if node.role == "M")
        state = "up" if running else "down"
        world.add_instance(application.hostname, node, running=running, admin_state=state, tags=tags)
    call_command("refresh_cluster_instances", verbosity=0)


def ended_unhappily(application: InstanceApplication, state: str) -> None:
    """The application as a creation left it that ended so."""
    row = actions.intend_on(Cluster.objects.get(), application.hostname, Job.Kind.CREATE, Actor(application.reviewer))
    row.finish(state)
    application.job, application.status = row, Status.FAILED
    application.save()


class TestWhatIsThereAlready:
    def test_remains_are_removed_and_then_the_vm_is_made_each_once(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        ended_unhappily(application, Job.State.FAILED)
        made(north, application)
        creation.submit(application, Actor(people["dora"]))
        followed()
        creation.create_again()
        creation.create_again()
        followed()
        application.refresh_from_db()
        assert (application.status, application.backend_message) == (Status.SUCCESS, "")
        assert len(creations(north)) == 1
        kinds = Job.objects.filter(instance="new.example.org").order_by("pk").values_list("kind", "state")
        assert list(kinds)[1:] == [("remove", "succeeded"), ("create", "succeeded")]

    def test_what_is_gone_is_not_removed_again_where_the_inventory_is_older(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        ended_unhappily(application, Job.State.FAILED)
        made(north, application)
        row = creation.submit(application, Actor(people["dora"]))
        Job.objects.filter(pk=row.pk).update(state=Job.State.SUCCEEDED)
        application.refresh_from_db()
        assert creation.remains(application) == []

    def test_remains_under_the_name_that_a_reviewer_has_changed_are_found(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        ended_unhappily(application, Job.State.FAILED)
        made(north, application)
        decisions.change(application, Actor(people["dora"]), {"hostname": "other.example.org"})
        row = creation.submit(application, Actor(people["dora"]))
        assert (row.kind, row.instance) == (Job.Kind.REMOVE, "new.example.org")
        followed()
        creation.create_again()
        followed()
        names = {one.name for one in Client(north.endpoint()).instances()}
        assert "other.example.org" in names
        assert "new.example.org" not in names

    def test_what_runs_is_not_removed(self, north: SimulatedSide, people: dict[str, User]) -> None:
        application = accepted(people)
        ended_unhappily(application, Job.State.FAILED)
        made(north, application, running=True)
        with pytest.raises(Refused, match="Shut it down first"):
            creation.submit(application, Actor(people["dora"]))
        application.refresh_from_db()
        assert application.status == Status.FAILED
        assert Client(north.endpoint()).instance("new.example.org").status == "running"

    def test_a_vm_that_was_made_while_nobody_looked_is_found_and_not_made_again(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        ended_unhappily(application, Job.State.UNKNOWN)
        made(north, application)
        with pytest.raises(Refused, match="was made after all"):
            creation.submit(application, Actor(people["dora"]))
        application.refresh_from_db()
        assert (application.status, application.holds) == (Status.SUCCESS, None)
        assert [mail.recipient for mail in mails("instance_created")] == ["alice@example.org"]
        assert "new.example.org" in {one.name for one in Client(north.endpoint()).instances()}
        assert creations(north) == []

    def test_a_creation_that_cannot_be_tried_again_waits_with_the_reason(
        self, north: SimulatedSide, people: dict[str, User], settings: Any
    ) -> None:
        application = accepted(people)
        InstanceApplication.objects.update(creation_is_due=True)
        settings.OPERATING_SYSTEMS = {}
        creation.create_again()
        application.refresh_from_db()
        assert (application.status, application.creation_is_due) == (Status.FAILED, False)
        assert "no longer in the catalogue" in application.backend_message
        assert "no longer in the catalogue" in mails("instance_failed")[0].text


class TestAClusterThatDiesAfterTheForm:
    """What the inventory offered is true no more when the form arrives."""

    @pytest.mark.parametrize(
        ("fault", "status", "sentence"),
        [
            ("closed", Status.FAILED, "does not answer"),
            ("deaf", Status.FAILED, "does not answer"),
            ("drained", Status.FAILED, "drained"),
            ("silence", Status.SUBMITTED, ""),
            ("lost_answers", Status.SUBMITTED, ""),
        ],
    )
    def test_the_application_waits_with_a_sentence_or_is_looked_up(
        self, north: SimulatedSide, people: dict[str, User], as_dora: Browser, fault: str, status: int, sentence: str
    ) -> None:
        application = filed(people)
        setattr(north.faults, fault, True)
        answer = as_dora.post(f"/application/{application.pk}/review/", form(application), follow=True)
        assert answer.status_code == 200
        application.refresh_from_db()
        assert application.status == status
        assert sentence in answer.content.decode()
        assert sentence in application.backend_message
        assert application.holds == "new.example.org", "nobody else takes its name meanwhile"
        setattr(north.faults, fault, False)
        nobody_waits_for_an_answer_any_more()
        followed()
        application.refresh_from_db()
        if application.status != Status.SUCCESS:
            assert application.backend_message
            as_dora.post(f"/application/{application.pk}/review/", form(application))
            followed()
            application.refresh_from_db()
        assert (application.status, application.backend_message) == (Status.SUCCESS, "")
        assert len(creations(north)) == 1
        assert len(mails("instance_created")) == 1


def form(application: InstanceApplication) -> dict[str, Any]:
    """What a reviewer sends who accepts it."""
    names = ("hostname", "memory", "vcpus", "disk_size", "operating_system", "comments", "version")
    asked = {name: getattr(application, name) for name in names}
    return {**asked, **a_place().stored, "nodes": "", "do": "accept"}


def nobody_waits_for_an_answer_any_more() -> None:
    Job.objects.intended().update(created=timezone.now() - datetime.timedelta(hours=1))


class TestDestroys:
    """A kind of job that others use as well: only the remains of a failed creation mean something to an application."""

    @pytest.mark.parametrize("status", [Status.SUBMITTED, Status.FAILED, Status.SUCCESS])
    @pytest.mark.parametrize("words", ["", "it is locked"], ids=["destroyed", "not destroyed"])
    def test_a_vm_that_somebody_destroys_changes_no_application(
        self, north: SimulatedSide, people: dict[str, User], status: int, words: str
    ) -> None:
        application = accepted(people)
        row = actions.intend_on(Cluster.objects.get(), "www.example.net", Job.Kind.CREATE, Actor(people["dora"]))
        InstanceApplication.objects.update(job=row, status=status)
        before = InstanceApplication.objects.values().get()
        told = OutgoingMail.objects.count()
        with north.an_instance() as name:
            north.faults.failing_jobs = words
            destroy = actions.intend_on(Cluster.objects.get(), name, Job.Kind.REMOVE, Actor(people["dora"]))
            actions.submit(destroy, Actor(people["dora"]))
            Job.objects.filter(pk=row.pk).update(holds=None)
            followed()
        destroy.refresh_from_db()
        assert destroy.state == ("failed" if words else "succeeded")
        assert InstanceApplication.objects.values().get() == before
        assert (application.events.count(), OutgoingMail.objects.count()) == (2, told)

    def test_a_destroy_of_which_nobody_knows_the_end_neither(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        accepted(people)
        row = actions.intend_on(Cluster.objects.get(), "www.example.net", Job.Kind.REMOVE, Actor(people["dora"]))
        before = InstanceApplication.objects.values().get()
        assert following.give_up(row, "nobody knows", AT_THE_END)
        assert InstanceApplication.objects.values().get() == before
        assert not mails("instance_failed")


class TestWhatMayBeGood:
    def test_a_vm_that_an_earlier_doubtful_try_may_have_made_is_never_removed(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        by = Actor(people["dora"])
        row = creation.submit(application, by)
        north.job(row.job_id or 0)
        following.give_up(row, "nobody knows", AT_THE_END)
        application.refresh_from_db()
        creation.submit(application, by)  # the inventory does not know the VM yet: Ganeti refuses a second one
        followed()
        application.refresh_from_db()
        assert application.status == Status.FAILED
        call_command("refresh_cluster_instances", verbosity=0)
        with pytest.raises(Refused, match="may be a good VM"):
            creation.submit(application, by)
        assert not Job.objects.filter(kind=Job.Kind.REMOVE).exists()

    def test_an_application_whose_cluster_was_deleted_comes_back_to_administrators(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = accepted(people)
        creation.submit(application, Actor(people["dora"]))
        Job.objects.all().delete()
        creation.mend_orphans()
        creation.mend_orphans()
        application.refresh_from_db()
        assert application.status == Status.FAILED
        assert "no longer known" in application.backend_message
        assert len(mails("instance_failed")) == 1

    def test_the_applicant_reads_that_it_failed_and_not_what_ganeti_said(
        self, north: SimulatedSide, people: dict[str, User], as_alice: Any, as_dora: Any
    ) -> None:
        north.faults.failing_jobs = "node7 printed a password"
        application = accepted(people)
        creation.submit(application, Actor(people["dora"]))
        followed()
        page = f"/application/{application.pk}/"
        assert "node7" not in as_alice.get(page).content.decode()
        assert "node7" in as_dora.get(page).content.decode()


class TestTrial:
    def test_a_trial_says_what_ganeti_would_do_and_makes_nothing(
        self, north: SimulatedSide, people: dict[str, User]
    ) -> None:
        application = filed(people)
        row = creation.try_out(application, Actor(people["dora"]), a_place())
        followed()
        row.refresh_from_db()
        assert row.state == Job.State.SUCCEEDED
        assert "new.example.org" not in {one.name for one in Client(north.endpoint()).instances()}

    def test_a_trial_that_fails_keeps_ganetis_words(self, north: SimulatedSide, people: dict[str, User]) -> None:
        application = filed(people)
        north.faults.failing_jobs = "not enough memory"
        row = creation.try_out(application, Actor(people["dora"]), a_place())
        followed()
        row.refresh_from_db()
        assert "not enough memory" in row.error
        application.refresh_from_db()
        assert application.status == Status.PENDING


class TestKeys:
    def test_the_vm_is_told_where_the_keys_are_and_the_address_answers(
        self, north: SimulatedSide, people: dict[str, User], client: Any
    ) -> None:
        SshPublicKey.objects.create(
            owner=people["alice"], key_type="ssh-ed25519", key="AAAA", comment="laptop", fingerprint="a"
        )
        application = accepted(people)
        address = f"/application/{application.pk}/{application.cookie}/ssh_keys"
        assert client.get(address).content.decode() == "ssh-ed25519 AAAA laptop\n"
        assert client.get(f"/application/{application.pk}/wrong/ssh_keys").status_code == 403

    def test_it_stops_answering_after_the_days_that_the_site_allows(
        self, north: SimulatedSide, people: dict[str, User], client: Any, settings: Any
    ) -> None:
        application = accepted(people)
        address = f"/application/{application.pk}/{application.cookie}/ssh_keys"
        old = timezone.now() - datetime.timedelta(days=31)
        InstanceApplication.objects.filter(pk=application.pk).update(last_updated=old)
        assert client.get(address).status_code == 403
        settings.APPLICATION_KEYS_DAYS = 0
        assert client.get(address).status_code == 200
