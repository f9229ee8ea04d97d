"""Users and groups that get another name keep their VMs at every moment; the tags follow by jobs."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser
from django.test import RequestFactory

from accounts import ownership
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, fleet, inventories, renaming
from apps.clusters.models import Cluster, Job, Renaming
from tests import estate
from tests.contract.powers import add_cluster, watch_until
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(people: dict[str, User]) -> User:
    return people["dora"]


@pytest.fixture
def begin(people: dict[str, User]) -> Any:
    """Gives a user or group another name, as the admin does."""

    def rename(kind: str, old: str, new: str) -> Renaming:
        request = RequestFactory().post("/")
        request.user = people["dora"]
        ownership.rename(kind, old, new, request)
        if kind == "user":
            User.objects.filter(username=old).update(username=new)
        else:
            Group.objects.filter(name=old).update(name=new)
        return Renaming.objects.get(old=old)

    return rename


@pytest.fixture
def side(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, side: SimulatedSide) -> Cluster:
    return add_cluster(side.endpoint())


@pytest.fixture
def vm(side: SimulatedSide, north: Cluster) -> Iterator[str]:
    """An instance that Alice owns in both spellings, with a stranger's tag; the inventory knows it."""
    with side.an_instance(tags=["ganetimgr:users:alice", "ganetimgr:user:alice", "other"]) as name:
        only(side, name)
        inventories.collect_now([north.endpoint()], everything=True)
        yield name


def only(side: SimulatedSide, *names: str) -> None:
    """Nothing else on the cluster belongs to Alice or to noc."""
    world = side.server.world
    with world.lock:
        for name, instance in world.instances.items():
            if name not in names:
                instance.tags[:] = []


def tags_of(side: SimulatedSide, name: str) -> set[str]:
    return set(side.server.world.instances[name].tags)


def collect(cluster: Cluster) -> None:
    inventories.collect_now([cluster.endpoint()])


def step(cluster: Cluster) -> list[Job]:
    """One round of the chore, the ends of its jobs, and a look at the cluster: the jobs that it made."""
    before = set(Job.objects.values_list("pk", flat=True))
    renaming.go_on()
    watch_until(lambda: not Job.objects.unfinished().exists())
    collect(cluster)
    return list(Job.objects.exclude(pk__in=before))


def seen_by(user: User) -> set[str]:
    """The names of the VMs that somebody owns, asked anew."""
    names = fleet.names_owned_by(User.objects.get(pk=user.pk))
    return {name for found in (names or {}).values() for name in found}


class TestTheWayToTheEnd:
    def test_first_the_new_name_is_added_then_both_spellings_of_the_old_one_go(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        row = begin("user", "alice", "alicia")
        (added,) = step(north)
        assert (added.kind, added.state, added.details) == (
            Job.Kind.ADD_TAGS,
            Job.State.SUCCEEDED,
            {"tags": ["ganetimgr:users:alicia"]},
        )
        (removed,) = step(north)
        assert (removed.kind, removed.state) == (Job.Kind.REMOVE_TAGS, Job.State.SUCCEEDED)
        assert tags_of(side, vm) == {"ganetimgr:users:alicia", "other"}
        step(north)
        row.refresh_from_db()
        assert row.ended
        assert not row.is_unfinished

    def test_at_every_moment_the_owner_has_the_vm(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        begin("user", "alice", "alicia")
        assert seen_by(people["alice"]) == {vm}
        for _ in range(3):
            step(north)
            assert seen_by(people["alice"]) == {vm}
        assert not Renaming.objects.unfinished().exists()

    def test_so_have_the_members_of_a_group(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        with side.server.world.lock:
            side.server.world.instances[vm].tags[:] = ["ganetimgr:group:noc"]
        collect(north)
        begin("group", "noc", "ops")
        for _ in range(4):
            assert seen_by(people["erik"]) == {vm}
            step(north)
        assert tags_of(side, vm) == {"ganetimgr:groups:ops"}

    def test_the_site_that_writes_the_other_spelling_gets_it(
        self, settings: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        settings.GANETI_TAG_SPELLING = "singular"
        begin("user", "alice", "alicia")
        step(north)
        assert "ganetimgr:user:alicia" in tags_of(side, vm)

    def test_each_step_is_in_the_history_with_its_tags(
        self, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        begin("user", "alice", "alicia")
        step(north)
        entry = AuditEntry.objects.get(action="Add tags")
        assert (entry.requester_name, entry.instance, entry.outcome) == ("dora", vm, "succeeded")
        assert entry.detail == "ganetimgr:users:alicia"

    def test_a_step_waits_for_what_the_owner_just_does(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        pending = Job.objects.create(cluster=north, instance=vm, kind="startup", holds=Job.hold_on(north, vm))
        begin("user", "alice", "alicia")
        renaming.go_on()
        assert Job.objects.count() == 1
        pending.delete()
        assert len(step(north)) == 1

    def test_the_next_step_waits_until_the_inventory_has_seen_the_last_one(
        self, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        begin("user", "alice", "alicia")
        renaming.go_on()
        job = Job.objects.get()
        side.job(job.job_id)
        Job.objects.filter(pk=job.pk).update(state="succeeded", holds=None, ended="2999-01-01T00:00:00Z")
        renaming.go_on()
        assert Job.objects.count() == 1, "what the inventory says is older than what was done"

    def test_few_jobs_at_once_on_a_cluster(self, begin: Any, side: SimulatedSide, north: Cluster, vm: str) -> None:
        with side.server.world.lock:
            names = list(side.server.world.instances)[:12]
            for name in names:
                side.server.world.instances[name].tags[:] = ["ganetimgr:users:alice"]
        collect(north)
        begin("user", "alice", "alicia")
        renaming.go_on()
        renaming.go_on()
        assert Job.objects.count() == renaming.AT_ONCE

    def test_the_watcher_does_it(self) -> None:
        from ganetimgr.worker import CHORES

        assert renaming.go_on in [chore.work for chore in CHORES]

    def test_it_costs_nothing_where_nobody_is_renamed(self, db: None, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            renaming.go_on()


class TestWhatHoldsItUp:
    def test_a_cluster_that_is_silent_keeps_it_open_and_the_owner_the_owner(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        row = begin("user", "alice", "alicia")
        with side.refusing():
            collect(north)
            renaming.go_on()
            assert not Job.objects.exists()
            assert seen_by(people["alice"]) == {vm}
        row.refresh_from_db()
        assert row.is_unfinished

    def test_without_vms_it_ends_as_soon_as_every_cluster_has_answered(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        row = begin("user", "charlie", "charles")
        renaming.go_on()
        row.refresh_from_db()
        assert row.is_unfinished, "a VM may have come that we have not seen"
        collect(north)
        renaming.go_on()
        row.refresh_from_db()
        assert not row.is_unfinished

    def test_so_does_what_was_just_being_made(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        new = "new.example.org"
        job = Job.objects.create(cluster=north, instance=new, kind="create", holds=Job.hold_on(north, new))
        row = begin("user", "charlie", "charles")
        collect(north)
        renaming.go_on()
        assert Renaming.objects.unfinished().exists()
        Job.objects.filter(pk=job.pk).update(holds=None, state="succeeded", ended=row.created)
        renaming.go_on()
        assert not Renaming.objects.unfinished().exists()

    def test_a_cluster_that_was_never_seen_keeps_it_open(self, begin: Any, people: Any) -> None:
        Cluster.objects.create(slug="east", hostname="127.0.0.1", port=1)
        begin("user", "charlie", "charles")
        renaming.go_on()
        assert Renaming.objects.unfinished().exists()

    def test_vms_on_a_disabled_cluster_keep_it_open(self, begin: Any, people: Any) -> None:
        row = estate.put("north", estate.instance("web.example.org"))
        Cluster.objects.filter(pk=row.pk).update(disabled=True)
        begin("user", "alice", "alicia")
        renaming.go_on()
        assert Renaming.objects.unfinished().exists()
        assert not Job.objects.exists()

    def test_a_step_that_fails_is_tried_a_few_times_and_then_left_to_people(
        self, monkeypatch: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        monkeypatch.setattr(renaming, "PAUSE_SECONDS", 0.0)
        side.faults.failing_jobs = "the tags are frozen"
        row = begin("user", "alice", "alicia")
        for _ in range(renaming.TRIES + 2):
            step(north)
        assert [job.error for job in Job.objects.all()] == ["the tags are frozen"] * renaming.TRIES
        assert [instance.name for _, instance in renaming.Standing(row).stuck()] == [vm]
        side.faults.failing_jobs = ""
        renaming.try_anew(row)
        for _ in range(3):
            step(north)
        assert tags_of(side, vm) == {"ganetimgr:users:alicia", "other"}

    def test_between_two_tries_is_a_pause(self, begin: Any, side: SimulatedSide, north: Cluster, vm: str) -> None:
        side.faults.drained = True
        begin("user", "alice", "alicia")
        renaming.go_on()
        collect(north)
        renaming.go_on()
        assert Job.objects.count() == 1

    def test_what_is_given_up_is_noted_and_the_old_name_counts_no_more(
        self, people: Any, begin: Any, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        row = begin("user", "alice", "alicia")
        renaming.give_up(row)
        row.refresh_from_db()
        assert row.left_over == [f"north: {vm}"]
        assert seen_by(people["alice"]) == set()
        assert ownership.is_owner_somewhere("user", "alice"), "and nobody else can register it"


class TestWhatIsRefused:
    def test_a_name_that_vms_carry_already(self, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), estate.instance("db.example.org", owners=("user:x",)))
        assert "VMs carry the name “x” already" in ownership.why_not("user", "alice", "x")

    def test_a_cluster_that_lets_us_only_look(self, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"may_change": False})
        assert "north: this site may only look there" in ownership.why_not("user", "alice", "alicia")
        assert ownership.why_not("user", "charlie", "charles") == "", "who owns nothing there may be renamed"

    def test_a_second_name_while_the_first_is_on_its_way(self, people: Any, begin: Any) -> None:
        estate.put("north", estate.instance("web.example.org"))
        begin("user", "alice", "alicia")
        assert "still being rewritten" in ownership.why_not("user", "alicia", "alexandra")

    @pytest.mark.parametrize("name", ["alice", "Alice"])
    def test_the_old_name_for_somebody_else(self, people: Any, begin: Any, name: str) -> None:
        estate.put("north", estate.instance("web.example.org"))
        begin("user", "alice", "alicia")
        assert "kept" in ownership.why_not("user", "charlie", name)

    def test_anything_while_the_inventory_cannot_be_read(self, people: Any, settings: Any) -> None:
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        assert "cannot be read now" in ownership.why_not("user", "alice", "alicia")
        with pytest.raises(ownership.NotKnown):
            ownership.is_owner_somewhere("user", "alice")


class TestWhatIsKnown:
    def test_vms_tags_and_clusters_are_counted(self, people: Any) -> None:
        both = ("users:alice", "user:alice")
        estate.put("north", estate.instance("web.example.org", owners=both), estate.instance("db.example.org"))
        estate.put("south", estate.instance("mx.example.org", "south"), head={"state": "unreachable"})
        Cluster.objects.create(slug="east", hostname="127.0.0.1", port=1)
        known = ownership.holdings("user", "alice")
        assert (known.vm_count, known.tag_count, known.unknown) == (3, 4, ("east",))
        assert [(one.cluster, one.is_silent) for one in known.held] == [("north", False), ("south", True)]
        assert known.held[0].as_of

    def test_many_owners_are_counted_with_one_read(self, people: Any) -> None:
        estate.put("north", estate.instance("a", owners=("group:noc",)), estate.instance("b", owners=("groups:noc",)))
        inventories.known()
        before = inventories.store().reads
        assert ownership.counts("group", ["noc", "none"]) == {"noc": 2}
        assert inventories.store().reads <= before + 2

    def test_owning_costs_no_further_query_while_somebody_is_renamed(
        self, people: Any, begin: Any, django_assert_num_queries: Any
    ) -> None:
        begin("group", "noc", "ops")
        erik = User.objects.get(username="erik")
        with django_assert_num_queries(1):
            assert fleet.owner_keys(erik) == {"user:erik", "group:ops", "group:noc"}

    def test_nobody_else_gets_the_former_name(self, people: Any, begin: Any) -> None:
        begin("user", "alice", "alicia")
        assert fleet.owner_keys(people["charlie"]) == {"user:charlie"}


class TestTags:
    """The verbs for anybody who gives and takes tags."""

    def found(self, name: str) -> fleet.Vm:
        vm = fleet.find("north", name)
        assert vm
        return vm

    def test_tags_are_added_and_removed_as_jobs_that_end_in_the_list(
        self, dora: User, as_dora: Browser, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        row = actions.add_tags(self.found(vm), ["ganetimgr:org:physics", "other"], Actor(dora))
        assert row.details == {"tags": ["ganetimgr:org:physics"]}, "what is there already is not asked for"
        assert "Adding tags" in as_dora.get(f"/instances/north/{vm}/").content.decode()
        watch_until(lambda: not Job.objects.unfinished().exists())
        collect(north)
        assert "ganetimgr:org:physics" in self.found(vm).instance.tags
        actions.remove_tags(self.found(vm), ["other", "never-there"], Actor(dora))
        watch_until(lambda: not Job.objects.unfinished().exists())
        collect(north)
        assert "other" not in self.found(vm).instance.tags
        assert set(Job.objects.values_list("state", flat=True)) == {"succeeded"}

    def test_what_ganeti_could_not_carry_is_refused_in_a_sentence(
        self, dora: User, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        for tags, words in ((["ganetimgr:users:jane doe"], "cannot carry"), (["other"], "has these tags already")):
            with pytest.raises(actions.Refused, match=words):
                actions.add_tags(self.found(vm), tags, Actor(dora))
        with pytest.raises(actions.Refused, match="does not have these tags"):
            actions.remove_tags(self.found(vm), ["none"], Actor(dora))
        assert not Job.objects.exists()

    def test_a_row_without_a_number_is_found_again_by_token_and_without_reasons_by_its_instance(
        self, dora: User, side: SimulatedSide, north: Cluster, vm: str
    ) -> None:
        from apps.clusters import following
        from ganeti.client import Client

        client = Client(north.endpoint())
        row = actions.intend(self.found(vm), Job.Kind.ADD_TAGS, Actor(dora), {"tags": ["new"]})
        number = client.add_instance_tags(vm, ["new"], reason=f"{row.token} dora")
        side.job(number)
        assert following.recognise(row, client.jobs()).id == number
        row.delete()
        again = actions.intend(self.found(vm), Job.Kind.ADD_TAGS, Actor(dora), {"tags": ["newer"]})
        job = client.job(client.add_instance_tags(vm, ["newer"]))
        assert job.instances == (vm,)
        assert time.time() - (job.received or 0) < following.CLOCKS_MAY_DIFFER
        old = msgspec.structs.replace(job, reasons=())  # Ganeti 2.10 and before keep none
        assert following.recognise(again, [old]) == old
