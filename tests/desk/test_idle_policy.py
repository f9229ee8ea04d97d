"""What becomes of the VMs whose owners do not sign in: each step, once, and nothing where there is doubt."""

import datetime
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts import profiles
from accounts.models import OutgoingMail
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories, leases
from apps.clusters.models import Cluster, Job, WatcherProcess
from apps.desk import checks, idle_policy
from tests import estate
from tests.contract.powers import add_cluster, watch_until
from tests.desk.conftest import account
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

EXPIRED, CONDEMNED, EXCLUDED = (f"ganetimgr:policy:{word}" for word in ("expired", "destroy", "exclude"))
LONG_AGO = 1_500_000_000.0  # when the VMs of these tests were made
WEB = "web.example.org"
PAGE = "/instances/north/web.example.org/"


@pytest.fixture
def owners(people: Any, settings: Any) -> dict[str, User]:
    """Two whom nobody has seen for long, one who was here lately; a watcher is running."""
    settings.SITE_URL = "https://vps.example.org"
    a_watcher_is_seen()
    return {
        "old": account("old", seen=200, first_name="Old", last_name="Hand"),
        "older": account("older", seen=300),
        "here": account("here", seen=10),
    }


def a_watcher_is_seen() -> None:
    WatcherProcess.objects.update_or_create(name="one", defaults={"seen": timezone.now()})


def vm(*names: str, name: str = WEB, **fields: Any) -> Any:
    """An old VM of these users."""
    tagged = tuple(f"users:{owner}" for owner in names)
    return estate.instance(name, owners=tagged, **{"ctime": LONG_AGO, **fields})


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("idle_policy", *words, stdout=out, no_color=True)
    return out.getvalue()


def plan(*words: str) -> str:
    return run("--dry-run", *words)


def told(name: str) -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(recipient=f"{name}@example.org").order_by("pk"))


def note_mail(event: str, days: int, *whom: str, name: str = WEB) -> None:
    """The history tells that these people were written to so many days ago."""
    entry = audit.record(
        Actor(idle_policy.IdlePolicy()),
        event,
        cluster="north",
        instance=name,
        detail=", ".join(whom),
        outcome="succeeded",
    )
    AuditEntry.objects.filter(pk=entry.pk).update(recorded=timezone.now() - datetime.timedelta(days=days))


def warned(days: int, *whom: str) -> None:
    note_mail(idle_policy.events.IDLE_WARNED, days, *whom)


def condemned(days: int, *whom: str) -> None:
    note_mail(idle_policy.events.IDLE_CONDEMNED, days, *whom)


class TestWhoseVmsAreIdle:
    def test_only_those_of_which_every_owner_is(self, owners: Any) -> None:
        estate.put("north", vm("old", "older"), vm("old", "here", name="shared.example.org"))
        said = plan()
        assert "-> north/web.example.org: is marked" in said
        assert "a mail to old, older" in said
        assert "shared" not in said
        assert "1 VMs are in use" in said

    def test_members_of_groups_are_owners(self, owners: Any) -> None:
        group = Group.objects.create(name="lab")
        group.user_set.add(owners["old"], owners["older"])
        estate.put("north", estate.instance(WEB, owners=("group:lab",), ctime=LONG_AGO))
        assert "a mail to old, older" in plan()
        group.user_set.add(owners["here"])
        assert WEB not in plan()

    def test_a_user_whose_new_name_has_not_reached_the_tags_is_still_the_owner(self, owners: Any) -> None:
        apps.get_model("ganeti", "Renaming").objects.create(kind="user", old="former", new="here", holds="user:former")
        estate.put("north", vm("former"))
        assert WEB not in plan()

    def test_a_young_vm_is_left_alone(self, owners: Any) -> None:
        estate.put("north", estate.instance(WEB, owners=("users:old",)))
        assert "it is younger than 180 days" in plan()

    def test_the_days_can_be_given(self, owners: Any, settings: Any) -> None:
        estate.put("north", vm("old"), vm("older", name="b.example.org"))
        assert "Would be done: 1 marked" in plan("--days", "250")
        settings.IDLE_POLICY_DAYS = "400"
        assert "Would be done: nothing to do" in plan()

    def test_many_vms_cost_the_same_queries(self, owners: Any, django_assert_max_num_queries: Any) -> None:
        estate.put("north", *(vm("old", "older", name=f"vm{number}.example.org") for number in range(100)))
        with django_assert_max_num_queries(10):
            assert "50 marked" in plan()

    @pytest.mark.parametrize("words", [("--days", "0"), ("--at-most", "0"), ("--cluster", "nroth")])
    def test_options_that_make_no_sense_are_refused(self, owners: Any, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            plan(*words)


class TestVmsWithoutAnybody:
    @pytest.fixture(autouse=True)
    def estate_of_nobody(self, owners: Any) -> None:
        account("mute", seen=300, email="")
        account("off", seen=300, is_active=False)
        estate.put(
            "north",
            vm("ghost"),
            vm("mute", name="b.example.org"),
            vm("off", name="c.example.org"),
            vm(name="d.example.org"),
        )

    def test_they_are_told_and_left_alone(self) -> None:
        said = run()
        assert "north/web.example.org: left alone, for nobody is behind the owners in its tags (ghost)" in said
        assert "north/b.example.org: left alone, for none of its owners can be written to (mute)" in said
        assert "north/c.example.org: left alone, for none of its owners can be written to (off)" in said
        assert "north/d.example.org: left alone, for nobody owns it" in said
        assert not Job.objects.exists()

    def test_they_are_taken_where_that_is_wanted(self) -> None:
        assert "Would be done: 4 marked; mails to 0 people" in plan("--with-unowned")


class TestSteps:
    """What a run would do next, by what is there and what the history tells."""

    def test_a_mark_of_other_origin_is_no_excuse_for_not_writing(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        assert "is marked: will be shut down" in run()
        assert len(told("old")) == 1
        assert not Job.objects.exists()  # it has the tag
        assert "Asked for: nothing to do" in run()

    def test_before_the_grace_is_over_nothing_happens(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        warned(29, "old")
        assert "     north/web.example.org: is marked, and will be shut down from" in plan()

    def test_then_it_is_shut_down(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        warned(30, "old")
        assert "-> north/web.example.org: is shut down" in plan()

    def test_one_that_was_started_again_since_is_left_running(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        warned(60, "old")
        note_mail("Shutdown", 25)
        assert "started again since" in plan()

    def test_a_stopped_one_is_marked_for_removal_later(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,), status="ADMIN_down"))
        warned(89, "old")
        assert "is stopped, and will be marked for removal from" in plan()
        AuditEntry.objects.update(recorded=timezone.now() - datetime.timedelta(days=90))
        assert "-> north/web.example.org: is marked for removal" in plan()

    def test_a_running_one_is_never_marked_for_removal(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        warned(150, "old")
        assert "is shut down" in plan("--destroy")

    def test_it_is_destroyed_only_where_that_is_said(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED, CONDEMNED), status="ADMIN_down"))
        warned(120, "old")
        condemned(29, "old")
        assert "may be destroyed from" in plan("--destroy")
        AuditEntry.objects.filter(action=idle_policy.events.IDLE_CONDEMNED).update(
            recorded=timezone.now() - datetime.timedelta(days=30)
        )
        assert "may be destroyed now; --destroy does" in plan()
        assert "-> north/web.example.org: is destroyed" in plan("--destroy")

    def test_an_owner_who_was_not_written_to_begins_it_anew(self, owners: Any) -> None:
        estate.put("north", vm("old", "older", tags=(EXPIRED, CONDEMNED), status="ADMIN_down"))
        warned(120, "old")
        condemned(60, "old")
        assert "is marked: will be shut down" in plan("--destroy")

    def test_so_does_an_owner_who_was_here_meanwhile(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED, CONDEMNED), status="ADMIN_down"))
        warned(320, "old")
        condemned(220, "old")  # and 200 days ago old signed in
        assert "is marked: will be shut down" in plan("--destroy")

    def test_another_vm_of_the_same_name_is_not_the_one_of_which_they_were_told(self, owners: Any) -> None:
        made = (timezone.now() - datetime.timedelta(days=100)).timestamp()
        estate.put("north", vm("older", tags=(EXPIRED, CONDEMNED), status="ADMIN_down", ctime=made))
        warned(150, "older")
        condemned(110, "older")
        assert "is marked: will be shut down" in plan("--destroy", "--days", "90")

    def test_an_excluded_one_is_left_in_peace(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXCLUDED,)))
        assert f"left alone, for it has the tag {EXCLUDED}" in run()
        assert not told("old")

    def test_the_tags_of_the_older_script_are_understood(self, owners: Any, settings: Any) -> None:
        settings.IDLE_POLICY_TAG = "vima:policy"
        estate.put("north", vm("old", tags=("vima:policy:exclude",)), vm("here", name="b.example.org", tags=(EXPIRED,)))
        assert "it has the tag vima:policy:exclude" in plan()

    def test_one_run_takes_so_many_steps_at_most(self, owners: Any) -> None:
        estate.put("north", *(vm("old", name=f"vm{number}.example.org", tags=(EXPIRED,)) for number in range(3)))
        said = run("--at-most", "2")
        assert "1 steps wait for another run" in said
        assert told("old")[0].text.count(".example.org\n") == 2
        run("--at-most", "2")
        assert "- vm2.example.org" in told("old")[1].text


class TestWhatStandsInTheWay:
    """Then nobody is written to either."""

    @pytest.mark.parametrize(
        ("fields", "group_is_locked", "sentence"),
        [
            ({"tags": ("ganetimgr:adminlock",)}, False, "An administrator has locked this instance"),
            ({}, True, "under maintenance"),
        ],
    )
    def test_a_lock_does(self, owners: Any, fields: Any, group_is_locked: bool, sentence: str) -> None:
        estate.put("north", vm("old", **fields), locked=group_is_locked)
        assert f"but not now: {sentence}" in run().replace("The machines that this instance runs on are ", "")
        assert not told("old")
        assert not Job.objects.exists()

    def test_a_job_does(self, owners: Any) -> None:
        north = estate.put("north", vm("old"))
        Job.objects.create(cluster=north, instance=WEB, kind="reboot", holds=Job.hold_on(north, WEB), state="submitted")
        assert "but not now: Rebooting: other changes wait until this ends" in run()
        assert not told("old")

    def test_a_silent_cluster_is_left_alone_and_named(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED,)))
        estate.put("south", vm("older", name="b.example.org"), head={"state": "unreachable"})
        with pytest.raises(CommandError, match="Left alone, for nobody knows how they are now: south"):
            run()
        assert len(told("old")) == 1
        assert not told("older")
        assert "Asked for" in run("--cluster", "north")

    def test_without_a_watcher_nothing_is_begun(self, owners: Any) -> None:
        leases.release_all("one")
        estate.put("north", vm("old"))
        with pytest.raises(CommandError, match="No watcher is running"):
            run()
        assert not told("old")
        assert "Would be done: 1 marked" in plan()


class TestADryRun:
    def test_it_changes_nothing_at_all(self, owners: Any, side: SimulatedSide, north: Cluster, idle_vm: str) -> None:
        def everything() -> dict[str, list[Any]]:
            return {
                model._meta.label: list(model._default_manager.order_by("pk").values())
                for model in apps.get_models()
                if model._meta.managed
            }

        before, asked = everything(), len(side.requests)
        assert "Would be done: 1 marked; mails to 1 people" in plan("--destroy")
        assert everything() == before
        assert len(side.requests) == asked


# ---- on the simulator -----------------------------------------------------------------------------------


@pytest.fixture
def side(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(owners: Any, side: SimulatedSide) -> Cluster:
    """Without the VMs of the demo."""
    with side.server.world.lock:
        side.server.world.instances.clear()
    return add_cluster(side.endpoint())


@pytest.fixture
def idle_vm(side: SimulatedSide, north: Cluster) -> str:
    """Runs, and belongs to somebody who is idle."""
    world = side.server.world
    with world.lock:
        world.add_instance(WEB, next(iter(world.nodes)), tags=["ganetimgr:users:old"], ctime=LONG_AGO)
    look_at(north)
    return WEB


def look_at(cluster: Cluster) -> None:
    inventories.collect_now([cluster.endpoint()], everything=True)


@pytest.fixture
def jobs_end(north: Cluster) -> Callable[[], None]:
    """The watcher follows all jobs to their ends, and the cluster is looked at."""

    def follow() -> None:
        watch_until(lambda: not Job.objects.unfinished().exists())
        a_watcher_is_seen()
        look_at(north)

    return follow


def days_pass(days: int) -> None:
    """As if everything had been so many days earlier."""
    earlier = datetime.timedelta(days=days)
    for entry in AuditEntry.objects.all():
        AuditEntry.objects.filter(pk=entry.pk).update(recorded=entry.recorded - earlier)
    for user in User.objects.exclude(last_login=None):
        User.objects.filter(pk=user.pk).update(last_login=user.last_login - earlier)  # type: ignore[operator]


def tags_of(side: SimulatedSide) -> set[str]:
    return set(side.server.world.instances[WEB].tags) - {"ganetimgr:users:old"}


class TestTheWholeWay:
    def test_from_the_first_mail_to_the_end(
        self, owners: Any, side: SimulatedSide, idle_vm: str, jobs_end: Callable[[], None]
    ) -> None:
        world = side.server.world
        assert "-> north/web.example.org: is marked" in run("--destroy")
        jobs_end()
        assert tags_of(side) == {EXPIRED}
        assert len(told("old")) == 1
        assert "Asked for: nothing to do" in run("--destroy")

        days_pass(30)
        assert "1 shut down" in run("--destroy")
        jobs_end()
        assert world.instances[WEB].admin_state == "down"
        assert "Asked for: nothing to do" in run("--destroy")

        days_pass(60)
        assert "1 marked for removal" in run("--destroy")
        jobs_end()
        assert tags_of(side) == {EXPIRED, CONDEMNED}
        assert [mail.occasion for mail in told("old")] == ["idle_vms_stop", "idle_vms_destroy"]
        assert "Asked for: nothing to do" in run("--destroy")

        days_pass(30)
        assert "Asked for: nothing to do" in run()
        assert "1 destroyed" in run("--destroy")
        jobs_end()
        assert WEB not in world.instances
        done = AuditEntry.objects.order_by("pk").values_list("requester_name", "action", "outcome")
        assert list(done) == [
            ("idle policy", action, "succeeded")
            for action in (
                "Idle owners: stop announced",
                "Add tags",
                "Shutdown",
                "Idle owners: removal announced",
                "Add tags",
                "Destroy",
            )
        ]
        assert len(told("old")) == 2

    def test_an_owner_who_signs_in_ends_it(
        self, owners: Any, side: SimulatedSide, north: Cluster, idle_vm: str, jobs_end: Callable[[], None]
    ) -> None:
        with side.server.world.lock:
            side.server.world.instances[WEB].tags += [EXPIRED, CONDEMNED]
        look_at(north)
        Browser().force_login(owners["old"])
        assert "-> north/web.example.org: loses its marks, for old signed in" in run("--destroy")
        jobs_end()
        assert tags_of(side) == set()
        assert not told("old")
        assert "Asked for: nothing to do" in run("--destroy")


class TestARunThatDies:
    def test_after_the_mails_the_next_one_sets_the_mark_and_writes_no_more(
        self, side: SimulatedSide, idle_vm: str, jobs_end: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*args: Any) -> str:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(idle_policy.Policy, "carry_out", die)
            with pytest.raises(KeyboardInterrupt):
                run()
        assert (len(told("old")), tags_of(side)) == (1, set())
        assert "gets the mark of which its owners know" in run()
        jobs_end()
        assert (len(told("old")), tags_of(side)) == (1, {EXPIRED})

    def test_while_it_writes_leaves_nothing_behind(
        self, owners: Any, side: SimulatedSide, idle_vm: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*args: Any, **more: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(idle_policy.outbox, "post", die)
            with pytest.raises(KeyboardInterrupt):
                run()
        assert not AuditEntry.objects.exists()
        assert "1 marked; mails to 1 people" in run()

    def test_a_change_that_ganeti_refuses_is_told_and_tried_again(
        self, side: SimulatedSide, idle_vm: str, jobs_end: Callable[[], None]
    ) -> None:
        side.faults.drained = True
        with pytest.raises(CommandError, match="1 changes were refused"):
            run()
        side.faults.drained = False
        jobs_end()
        run()
        jobs_end()
        assert (len(told("old")), tags_of(side)) == (1, {EXPIRED})

    def test_an_owner_who_comes_between_the_plan_and_the_deed_is_in_time(
        self, owners: Any, side: SimulatedSide, north: Cluster, idle_vm: str
    ) -> None:
        with side.server.world.lock:
            side.server.world.instances[WEB].tags += [EXPIRED]
        look_at(north)
        warned(40, "old")
        policy = idle_policy.Policy(idle_policy.Rules())
        (planned,) = policy.announce().deeds
        assert planned.deed == idle_policy.Deed.STOP
        Browser().force_login(owners["old"])
        assert "loses its marks" in policy.carry_out(planned)
        assert [job.kind for job in Job.objects.all()] == [Job.Kind.REMOVE_TAGS]


class TestMails:
    def test_one_mail_names_all_vms_and_the_day(self, owners: Any) -> None:
        estate.put("north", *(vm("old", name=f"{name}.example.org", tags=(EXPIRED,)) for name in "ab"))
        run()
        (mail,) = told("old")
        assert "Hello Old Hand," in mail.text
        assert "- a.example.org\n- b.example.org\n" in mail.text
        assert "for 200 days" in mail.text
        day = timezone.localdate() + datetime.timedelta(days=30)
        assert f"{day.day} {day:%B %Y}" in mail.text
        assert "https://vps.example.org/user/login/" in mail.text
        assert "\n\n\n" not in mail.text

    def test_the_second_one_says_that_all_is_lost_then(self, owners: Any) -> None:
        estate.put("north", vm("old", tags=(EXPIRED, CONDEMNED), status="ADMIN_down"))
        warned(90, "old")
        run()
        (mail,) = told("old")
        assert "will be destroyed" in mail.subject
        assert "with all that is on their disks" in mail.text
        assert "\n\n\n" not in mail.text

    def test_each_is_written_to_in_their_own_language(self, owners: Any) -> None:
        profile = profiles.of(owners["old"])
        profile.language = "el"
        profile.save()
        estate.put("north", vm("old", "older", tags=(EXPIRED,)))
        run()
        assert [(mail.recipient, mail.language) for mail in OutgoingMail.objects.order_by("recipient")] == [
            ("old@example.org", "el"),
            ("older@example.org", "en"),
        ]
        day = timezone.localdate() + datetime.timedelta(days=30)
        with translation.override("el"):
            assert f"{date_format(day, 'j E Y')}" in told("old")[0].text
        assert "Γεια σας Old Hand" in told("old")[0].text


class TestThePage:
    """The owner who reads it has just signed in."""

    @pytest.mark.parametrize(
        ("tags", "words"),
        [
            ((EXPIRED,), "Marked to be shut down"),
            ((EXPIRED, CONDEMNED), "Marked to be destroyed"),
        ],
    )
    def test_the_mark_is_told_in_a_sentence(self, as_alice: Browser, tags: Any, words: str) -> None:
        estate.put("north", estate.instance(WEB, tags=tags))
        page = as_alice.get(PAGE).content.decode()
        assert words in page
        assert "Now that you are here" in page

    def test_the_help_desk_reads_what_would_end_it(self, as_bob: Browser) -> None:
        estate.put("north", estate.instance(WEB, tags=(EXPIRED,)))
        assert "The mark goes when one of them signs in." in as_bob.get(PAGE).content.decode()

    @pytest.mark.parametrize("tags", [(), (EXPIRED, EXCLUDED)])
    def test_without_a_mark_that_counts_there_is_none(self, as_alice: Browser, tags: Any) -> None:
        estate.put("north", estate.instance(WEB, tags=tags))
        assert "idle-mark" not in as_alice.get(PAGE).content.decode()


class TestTheSettings:
    def test_the_usual_ones_make_sense(self) -> None:
        assert checks.idle_policy_makes_sense() == []

    @pytest.mark.parametrize(
        ("name", "value", "error"),
        [
            ("IDLE_POLICY_STOP_AFTER", "soon", "desk.E002"),
            ("IDLE_POLICY_CONDEMN_AFTER", 30, "desk.E003"),
            ("IDLE_POLICY_TAG", "not this", "desk.E004"),
        ],
    )
    def test_others_are_named(self, settings: Any, name: str, value: Any, error: str) -> None:
        setattr(settings, name, value)
        assert [found.id for found in checks.idle_policy_makes_sense()] == [error]
