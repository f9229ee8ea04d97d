"""One verb for many VMs: chosen, read, done a few at a time, and told one by one."""

import datetime
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts import retelling
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, bulk, fleet, following, locks, steps, words
from apps.clusters.models import Batch, Cluster, Job
from apps.demo.jobs import Pace
from ganeti.client import Client
from ganeti.errors import Unreachable
from tests import estate
from tests.clusters.test_steps import WITHOUT_END, let_jobs_end
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

BULK = "/instances/bulk/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
Answer = Any


@pytest.fixture
def two_clusters(people: Any) -> None:
    """Three of Alice's on north, of which one is stopped, one of the group's, and one more of hers on south."""
    estate.put(
        "north",
        estate.instance("a.example.org"),
        estate.instance("b.example.org"),
        estate.instance("c.example.org", status="ADMIN_down"),
        estate.instance("noc.example.org", owners=("groups:noc",)),
    )
    estate.put("south", estate.instance("a.example.org", "south"))


def choose(browser: Browser, *names: str, do: str = "shutdown", query: str = "", **fields: str) -> Answer:
    """What the list sends; names as in "north/a.example.org"."""
    return browser.post(f"{BULK}?{query}" if query else BULK, {"vm": names, "do": do, **fields}, follow=True)


def choose_all(browser: Browser, query: str = "", do: str = "shutdown") -> Answer:
    return choose(browser, do=do, query=query, all="1")


def begin(browser: Browser, **fields: Any) -> Answer:
    return browser.post(f"{BULK}{latest().pk}/begin/", fields, follow=True)


def text(answer: Answer) -> str:
    return str(answer.content.decode()).replace("&#x27;", "'")


def latest() -> Batch:
    return Batch.objects.order_by("-pk")[0]


def goes() -> list[str]:
    return ["/".join(name) for name in latest().goes]


def why() -> dict[str, str]:
    """Name -> why it is left out."""
    return {name: sentence for _slug, name, sentence in latest().left_out}


class TestWhoMayChoose:
    @pytest.mark.parametrize(("name", "ticks", "all_of_them"), [("alice", 4, 4), ("erik", 1, 0), ("dora", 5, 5)])
    def test_owners_and_superusers_can_tick_what_they_may_change(
        self, sign_in: Any, two_clusters: None, name: str, ticks: int, all_of_them: int
    ) -> None:
        page = text(sign_in(name).get("/"))
        assert page.count('name="vm"') == ticks
        assert (f"all {all_of_them} that match" in page) == bool(all_of_them)

    @pytest.mark.parametrize("name", ["bob", "carla", "charlie"])
    def test_the_helpdesk_and_strangers_have_nothing_to_tick(self, sign_in: Any, two_clusters: None, name: str) -> None:
        page = text(sign_in(name).get("/"))
        assert 'name="vm"' not in page
        assert "bulkbar" not in page

    def test_the_helpdesk_ticks_its_own_alone(self, as_bob: Browser, people: Any) -> None:
        estate.put("north", estate.instance("a.example.org"), estate.instance("b.example.org", owners=("users:bob",)))
        page = text(as_bob.get("/"))
        assert page.count('name="vm"') == 1
        assert "that match" not in page
        choose_all(as_bob)
        assert goes() == ["north/b.example.org"]
        assert why() == {"a.example.org": "You may look at this instance, but not change it."}

    def test_who_only_looks_is_refused_and_leaves_no_trace(self, as_bob: Browser, two_clusters: None) -> None:
        assert choose(as_bob, "north/a.example.org").status_code == 403
        assert not Batch.objects.exists()

    def test_what_is_not_ones_own_is_not_there(self, as_erik: Browser, two_clusters: None) -> None:
        choose(as_erik, "north/a.example.org", "north/noc.example.org", "north/none.example.org", "none/x", "rubbish")
        assert goes() == ["north/noc.example.org"]
        assert set(why().values()) == {bulk.NOT_THERE}

    def test_a_proposal_is_seen_by_its_author_alone_and_what_has_begun_by_superusers_too(
        self, sign_in: Any, two_clusters: None
    ) -> None:
        choose(sign_in("alice"), "north/a.example.org")
        page = f"{BULK}{latest().pk}/"

        def answers() -> dict[str, int]:
            return {name: sign_in(name).get(page).status_code for name in ("alice", "bob", "charlie", "dora", "erik")}

        assert answers() == {"alice": 200, "bob": 404, "charlie": 404, "dora": 404, "erik": 404}
        begin(sign_in("alice"))
        assert answers() == {"alice": 200, "bob": 404, "charlie": 404, "dora": 200, "erik": 404}

    def test_nobody_begins_what_somebody_else_has_chosen(
        self, as_alice: Browser, as_dora: Browser, as_erik: Browser, two_clusters: None
    ) -> None:
        choose(as_alice, "north/a.example.org")
        assert begin(as_dora).status_code == begin(as_erik).status_code == 404
        assert not Job.objects.exists()


class TestChoosing:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["north/a.example.org", "north/b.example.org", "south/a.example.org"]),
            ("q=a.example", ["north/a.example.org", "south/a.example.org"]),
            ("cluster=south", ["south/a.example.org"]),
            ("status=running&cluster=north", ["north/a.example.org", "north/b.example.org"]),
        ],
    )
    def test_all_that_match_are_those_that_the_filter_finds(
        self, as_alice: Browser, two_clusters: None, query: str, found: list[str]
    ) -> None:
        page = text(as_alice.get(f"/?{query}")).replace("&amp;", "&")
        assert f'action="{BULK}{"?" if query else ""}{query}"' in page
        choose_all(as_alice, query)
        assert sorted(goes()) == found

    def test_on_all_pages(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", *(estate.instance(f"vm{number:03}.example.org") for number in range(120)))
        assert "all 120 that match" in text(as_dora.get("/"))
        choose_all(as_dora)
        assert len(goes()) == 120

    def test_a_filter_that_means_nothing_does_not_mean_everything(self, as_dora: Browser, two_clusters: None) -> None:
        assert "This filter is not known" in text(choose_all(as_dora, "cluster=nroth"))
        assert not Batch.objects.exists()

    def test_there_is_a_most(self, as_dora: Browser, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "MOST", 3)
        estate.put("north", *(estate.instance(f"vm{number}.example.org") for number in range(4)))
        assert "These are 4 VMs. At most 3 go at once" in text(choose_all(as_dora))
        assert "These are 4 VMs" in text(choose(as_dora, *(f"north/vm{number}.example.org" for number in range(4))))
        assert not Batch.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "Choose at least one VM"),
            ({"do": "remove"}, "Choose what is to be done"),
            ({"do": "\0"}, "Choose what"),
        ],
    )
    def test_nothing_and_nonsense_are_sentences(
        self, as_alice: Browser, two_clusters: None, fields: dict[str, str], words: str
    ) -> None:
        assert words in text(choose(as_alice, **fields))

    def test_one_that_is_named_twice_is_one(self, as_alice: Browser, two_clusters: None) -> None:
        choose(as_alice, "north/a.example.org", "north/a.example.org")
        assert goes() == ["north/a.example.org"]

    def test_only_the_newest_proposals_of_somebody_are_kept(self, as_alice: Browser, two_clusters: None) -> None:
        for _ in range(bulk.PROPOSALS + 2):
            choose(as_alice, "north/a.example.org")
        assert Batch.objects.count() == bulk.PROPOSALS


class TestWhatWillHappen:
    def test_it_is_counted_by_cluster_and_named(self, as_alice: Browser, two_clusters: None) -> None:
        page = text(choose_all(as_alice))
        assert "<h1>Shut down: 3 VMs</h1>" in page
        assert "<strong>North</strong>: 2 VMs" in page
        assert "<strong>South</strong>: 1 VM" in page
        assert "Shut down 3 VMs</button>" in page
        assert not Job.objects.exists()
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "do", "sentence"),
        [
            ({"status": "ADMIN_down"}, "shutdown", "It is stopped."),
            ({}, "startup", "It is running already."),
            ({"tags": ("ganetimgr:adminlock",)}, "reboot", "An administrator has locked this instance."),
        ],
    )
    def test_what_makes_no_sense_or_is_locked_is_left_out_with_its_reason(
        self, as_alice: Browser, people: Any, fields: dict[str, Any], do: str, sentence: str
    ) -> None:
        estate.put("north", estate.instance("a.example.org", **fields))
        page = text(choose(as_alice, "north/a.example.org", do=do))
        assert sentence in page
        assert "None of the chosen VMs can be changed" in page
        assert f"{BULK}{latest().pk}/begin/" not in page

    def test_so_is_maintenance_and_a_pending_job(self, as_alice: Browser, people: dict[str, User]) -> None:
        north = estate.put("north", estate.instance("a.example.org"), estate.instance("b.example.org"))
        Job.objects.create(
            cluster=north, instance="a.example.org", kind="reboot", holds=Job.hold_on(north, "a.example.org")
        )
        choose_all(as_alice)
        assert why() == {"a.example.org": "Rebooting: other changes wait until this ends."}
        estate.put("north", estate.instance("b.example.org"), locked=True)
        choose_all(as_alice)
        assert "under maintenance" in why()["b.example.org"]

    def test_a_silent_cluster_is_left_out_and_the_others_go(self, as_alice: Browser, two_clusters: None) -> None:
        estate.put("south", estate.instance("a.example.org", "south"), head={"state": "unreachable"})
        page = text(choose_all(as_alice))
        assert goes() == ["north/a.example.org", "north/b.example.org"]
        assert "South does not answer. Changes are possible again as soon as it does." in page

    def test_one_of_which_nothing_is_known_is_not_said_to_be_foreign(
        self, as_alice: Browser, two_clusters: None
    ) -> None:
        Cluster.objects.create(slug="new", hostname="127.0.0.1", port=1, username="u", description="New")
        choose(as_alice, "new/x.example.org")
        assert why() == {"x.example.org": "Nothing is known of New just now. Try again in a moment."}

    def test_reasons_are_stored_in_english_and_read_in_the_readers_language(
        self, as_alice: Browser, two_clusters: None
    ) -> None:
        as_alice.post(BULK, {"vm": ["north/c.example.org"], "do": "shutdown"}, headers={"Accept-Language": "el"})
        assert why() == {"c.example.org": "It is stopped."}
        page = as_alice.get(f"{BULK}{latest().pk}/", headers={"Accept-Language": "el"}).content.decode()
        with translation.override("el"):
            greek = translation.gettext("It is stopped.")
        assert greek != "It is stopped."
        assert greek in page

    def test_every_reason_can_be_retold(self) -> None:
        """Whatever locks.py says is known to those who tell it again in another language."""
        with translation.override("en"):
            working = {str(word) for word in words.WORKING.values()}
        assert working <= set(retelling._sentences.values())
        parts = [locks.why_not, locks._pending, locks._held, locks._cluster, locks._state]
        texts = {each for part in parts for each in part.__code__.co_consts if isinstance(each, str)}
        said = {each for each in texts if each.endswith(".")} - {part.__doc__ for part in parts}
        assert len(said) >= 10
        assert said <= set(retelling._sentences.values())

    def test_hostile_names_are_shown_escaped(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("<script>alert(1)"), estate.instance("b<img>", status="ADMIN_down"))
        page = text(choose_all(as_dora, do="reboot"))
        assert "<script>alert" not in page
        assert "<img>" not in page
        assert "<script>alert" not in text(begin(as_dora))

    def test_more_than_twenty_have_to_be_counted(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", *(estate.instance(f"vm{number}.example.org") for number in range(21)))
        assert 'name="count"' in text(choose_all(as_dora))
        for wrong in ("", "20", "many", "9" * 500):
            page = text(begin(as_dora, count=wrong))
            assert 'aria-invalid="true"' in page
            assert f'value="{wrong}"' in page or not wrong
        assert not Job.objects.exists()
        begin(as_dora, count="21")
        assert Job.objects.due().count() == 21

    def test_twenty_need_not(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", *(estate.instance(f"vm{number}.example.org") for number in range(20)))
        assert 'name="count"' not in text(choose_all(as_dora))
        begin(as_dora)
        assert Job.objects.due().count() == 20


class TestBeginning:
    def test_each_vm_gets_its_row_and_its_entry_in_the_history(self, as_alice: Browser, two_clusters: None) -> None:
        choose_all(as_alice, do="shutdown")
        assert "Shut down: 3 VMs, a few at a time." in text(begin(as_alice))
        rows = Job.objects.order_by("pk")
        assert [(row.cluster.slug, row.instance, row.state) for row in rows] == [
            ("north", "a.example.org", "due"), ("north", "b.example.org", "due"), ("south", "a.example.org", "due"),
        ]  # fmt: skip
        entries = [row.audit_entry for row in rows]
        assert [(entry.cluster, entry.instance) for entry in entries if entry] == [
            ("north", "a.example.org"), ("north", "b.example.org"), ("south", "a.example.org"),
        ]  # fmt: skip
        assert {entry.action for entry in entries if entry} == {"Shutdown"}
        assert {entry.requester_name for entry in entries if entry} == {"alice"}
        assert all(entry.request_id for entry in entries if entry)

    def test_what_was_read_is_done_and_nothing_else(self, as_alice: Browser, two_clusters: None) -> None:
        """A VM that begins to match, or could be changed after all, was not read."""
        choose_all(as_alice, "cluster=north")
        estate.put(
            "north",
            *(estate.instance(f"{letter}.example.org") for letter in "abcd"),
        )  # c runs now, and d is new
        begin(as_alice)
        assert set(Job.objects.values_list("instance", flat=True)) == {"a.example.org", "b.example.org"}

    def test_what_has_become_impossible_meanwhile_is_left_out(self, as_alice: Browser, two_clusters: None) -> None:
        choose_all(as_alice, "cluster=north")
        estate.put(
            "north",
            estate.instance("a.example.org", tags=("ganetimgr:adminlock",)),
            estate.instance("b.example.org", owners=("users:charlie",)),
        )
        page = text(begin(as_alice))
        assert "None of these VMs can be changed any more" in page
        assert not Job.objects.exists()
        assert why()["b.example.org"] == bulk.NOT_THERE
        assert "locked" in why()["a.example.org"]
        assert why()["c.example.org"] == "It is stopped.", "what was left out before is still told"

    def test_who_lost_the_right_meanwhile_changes_nothing(
        self, as_erik: Browser, people: dict[str, User], two_clusters: None
    ) -> None:
        choose_all(as_erik)
        people["erik"].groups.clear()
        begin(as_erik)
        assert not Job.objects.exists()

    def test_two_clicks_begin_once(self, as_alice: Browser, two_clusters: None) -> None:
        choose_all(as_alice)
        begin(as_alice)
        assert "It has begun already" in text(begin(as_alice))
        assert Job.objects.count() == AuditEntry.objects.count() == 3

    def test_a_vm_that_somebody_takes_in_the_same_moment_is_left_out(
        self, people: dict[str, User], two_clusters: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both saw it free; the database lets one through, and the others of the batch go all the same."""
        batch = bulk.propose(people["alice"], "shutdown", [("north", "a.example.org"), ("north", "b.example.org")])
        sort_out = bulk._sort_out

        def while_dora_is_faster(*asked: Any) -> Any:
            answer = sort_out(*asked)
            vm = fleet.find("north", "a.example.org")
            assert vm
            actions.intend(vm, "reboot", Actor(people["dora"]))
            return answer

        monkeypatch.setattr(bulk, "_sort_out", while_dora_is_faster)
        bulk.begin(batch, Actor(people["alice"]))
        assert [(row.instance, row.kind) for row in Job.objects.unfinished().order_by("kind")] == [
            ("a.example.org", "reboot"), ("b.example.org", "shutdown"),
        ]  # fmt: skip
        assert "Somebody else was faster" in why()["a.example.org"]
        assert Counter(AuditEntry.objects.values_list("instance", flat=True)) == {
            "a.example.org": 1,
            "b.example.org": 1,
        }

    def test_settings_that_wait_for_a_new_beginning_wait_no_more(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance("a.example.org", tags=("ganetimgr:needsreboot",)))
        choose_all(as_alice, do="reboot")
        begin(as_alice)
        assert [step["kind"] for step in Job.objects.get().then] == ["remove-tags"]

    def test_nobody_else_changes_a_vm_that_waits_for_its_turn(
        self, as_alice: Browser, as_dora: Browser, two_clusters: None
    ) -> None:
        choose_all(as_alice)
        begin(as_alice)
        told = text(as_dora.post("/instances/north/a.example.org/reboot/", follow=True))
        assert "Shutting down: other changes wait until this ends." in told
        assert "It waits for its turn" in told

    def test_it_costs_the_same_for_few_and_many(self, people: dict[str, User]) -> None:
        """Up to what one statement of SQLite carries; none of it once for each VM."""

        def queries(number: int) -> list[int]:
            Job.objects.all().delete()
            estate.put("north", *(estate.instance(f"vm{each:03}.example.org") for each in range(number)))
            chosen = [("north", f"vm{each:03}.example.org") for each in range(number)]
            user = User.objects.get(username="alice")
            with CaptureQueriesContext(connection) as proposing:
                batch = bulk.propose(user, "shutdown", chosen)
            with CaptureQueriesContext(connection) as beginning:
                bulk.begin(batch, Actor(user))
            assert Job.objects.due().count() == number
            return [len(proposing), len(beginning)]

        few, many = queries(3), queries(300)
        assert few[0] == many[0] <= 10
        assert few[1] <= 20
        assert many[1] <= few[1] + 2 * 300 // 30

    def test_as_many_as_there_may_be_are_begun(self, people: dict[str, User]) -> None:
        names = [f"vm{number:04}.example.org" for number in range(bulk.MOST)]
        estate.put("north", *(estate.instance(name) for name in names))
        batch = bulk.propose(people["alice"], "reboot", [("north", name) for name in names])
        bulk.begin(batch, Actor(people["alice"]))
        assert Job.objects.due().count() == bulk.MOST


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    """North with nine more stopped VMs of Alice's, whose jobs do not end by themselves."""
    side = simulators["north"]
    world = side.server.world
    world.jobs.pace = WITHOUT_END
    with world.lock:
        for name in NINE:
            world.add_instance(
                name, next(iter(world.nodes)), running=False, admin_state="down", tags=["ganetimgr:users:alice"]
            )
    return side


ALICES = "ganetimgr:users:alice"
NINE = [f"many{number}.example.org" for number in range(9)]


@pytest.fixture
def begun(people: dict[str, User], ganeti: SimulatedSide) -> Batch:
    """A start of these nine, of which nothing has been handed over yet."""
    add_cluster(ganeti.endpoint())
    estate.put("north", *(estate.instance(name, status="ADMIN_down") for name in NINE))
    batch = bulk.propose(people["alice"], "startup", [("north", name) for name in NINE])
    return bulk.begin(batch, Actor(people["alice"]))


@pytest.fixture
def tick(ganeti: SimulatedSide) -> Callable[[], None]:
    """What a watcher does for the cluster at each of its ticks."""
    return lambda: following.follow(unfinished(), Client(ganeti.endpoint()), {})  # type: ignore[return-value, func-returns-value]


def unfinished() -> list[Job]:
    return list(Job.objects.unfinished().select_related("cluster").order_by("pk"))


def starts(ganeti: SimulatedSide) -> Counter[str]:
    return Counter(path.split("/")[3] for method, path in ganeti.requests if method == "PUT" and "/startup" in path)


class TestDoing:
    def test_at_most_four_are_under_way_at_any_tick_and_each_is_asked_for_once(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any
    ) -> None:
        ganeti.requests.clear()
        for _ in range(30):
            tick()
            assert Job.objects.unfinished().filter(claimed__isnull=False).count() <= steps.AT_ONCE
            let_jobs_end(ganeti)
            if not Job.objects.unfinished().exists():
                break
        assert bulk.progress(begun) == bulk.Progress(done=9)
        assert starts(ganeti) == dict.fromkeys(NINE, 1)
        assert set(AuditEntry.objects.values_list("outcome", flat=True)) == {"succeeded"}

    def test_whatever_dies_in_between_nothing_is_doubled_or_lost(
        self, begun: Batch, ganeti: SimulatedSide, settings: Any
    ) -> None:
        """The process dies at each place in turn: after the claim, after Ganeti's answer, before the end is written."""
        ganeti.requests.clear()
        ganeti.server.world.jobs.pace = Pace.quick()
        first = unfinished()[0]
        first.claim()  # killed here: nobody will know
        Job.objects.filter(pk=first.pk).update(claimed=timezone.now() - datetime.timedelta(minutes=5))
        second = Job.objects.due().select_related("cluster").order_by("pk")[0]
        second.claim()  # killed after Ganeti got it
        Client(ganeti.endpoint()).startup_instance(second.instance, reason=second.token)
        Job.objects.filter(pk=second.pk).update(claimed=timezone.now() - datetime.timedelta(seconds=5))
        for _ in range(40):
            following.follow(unfinished(), Client(ganeti.endpoint()), {})
            for row in Job.objects.submitted():
                ganeti.job(row.job_id or 0)
        assert bulk.progress(begun) == bulk.Progress(done=8, failed=1)
        assert starts(ganeti) == dict.fromkeys(NINE[1:], 1)
        first.refresh_from_db()
        assert first.state == Job.State.UNKNOWN

    def test_a_cluster_that_falls_silent_gets_the_rest_when_it_is_back(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any
    ) -> None:
        tick()
        let_jobs_end(ganeti)
        with ganeti.refusing(), pytest.raises(Unreachable):
            tick()
        assert bulk.progress(begun) == bulk.Progress(waiting=5, working=4)
        Job.objects.due().update(claimed=timezone.now() - datetime.timedelta(seconds=10))
        tick()
        tick()
        assert bulk.progress(begun) == bulk.Progress(waiting=1, working=4, done=4)

    def test_or_is_told_that_it_was_not_made(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any, as_alice: Browser
    ) -> None:
        with ganeti.refusing():
            for _ in range(2):
                with pytest.raises(Unreachable):
                    tick()
                long_ago = timezone.now() - steps.PATIENCE - steps.PAUSE
                Job.objects.due().update(held_up=long_ago, claimed=long_ago)
        assert bulk.progress(begun) == bulk.Progress(failed=9)
        page = text(as_alice.get(f"{BULK}{begun.pk}/"))
        assert "Cluster north took no changes for too long. This one was not made." in page


class TestCanceling:
    def test_what_has_not_begun_is_canceled_and_what_has_goes_on(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any, as_alice: Browser
    ) -> None:
        tick()
        page = text(as_alice.post(f"{BULK}{begun.pk}/cancel/", follow=True))
        assert "5 VMs were canceled before they began. 4 that Ganeti has already go on." in page
        let_jobs_end(ganeti)
        tick()
        tick()
        assert bulk.progress(begun) == bulk.Progress(done=4, canceled=5)
        assert Counter(AuditEntry.objects.values_list("outcome", flat=True)) == {"succeeded": 4, "canceled": 5}
        assert starts(ganeti).total() == 4

    def test_canceled_vms_are_free_again(self, begun: Batch, as_alice: Browser) -> None:
        as_alice.post(f"{BULK}{begun.pk}/cancel/")
        choose_all(as_alice, do="startup")
        assert len(goes()) == 9

    def test_a_row_that_is_claimed_in_the_same_moment_is_not_canceled(self, begun: Batch, as_alice: Browser) -> None:
        seen_by_the_watcher = unfinished()
        assert seen_by_the_watcher[0].claim()
        as_alice.post(f"{BULK}{begun.pk}/cancel/")
        assert not any(row.claim() for row in seen_by_the_watcher[1:])
        assert bulk.progress(begun) == bulk.Progress(working=1, canceled=8)

    def test_a_superuser_can_and_strangers_cannot(
        self, begun: Batch, as_dora: Browser, as_erik: Browser, as_bob: Browser
    ) -> None:
        assert as_erik.post(f"{BULK}{begun.pk}/cancel/").status_code == 404
        assert as_bob.post(f"{BULK}{begun.pk}/cancel/").status_code == 404
        as_dora.post(f"{BULK}{begun.pk}/cancel/")
        assert {row.error for row in begun.jobs.all()} == {"dora canceled it before it began."}

    def test_nothing_left_to_cancel_is_a_sentence(self, begun: Batch, as_alice: Browser) -> None:
        as_alice.post(f"{BULK}{begun.pk}/cancel/")
        again = text(as_alice.post(f"{BULK}{begun.pk}/cancel/", follow=True))
        assert "There is nothing left that has not begun." in again

    def test_a_proposal_has_nothing_to_cancel(self, as_alice: Browser, two_clusters: None) -> None:
        choose_all(as_alice)
        as_alice.post(f"{BULK}{latest().pk}/cancel/")
        begin(as_alice)
        assert Job.objects.due().count() == 3


class TestTheBatchsPage:
    def test_each_vm_has_its_state_and_ganetis_number(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any, as_alice: Browser
    ) -> None:
        tick()
        page = text(as_alice.get(f"{BULK}{begun.pk}/"))
        assert page.count("With Ganeti</span>") == 4
        assert page.count("Waiting</span>") == 5
        assert f'<td class="num col-opt">{Job.objects.submitted()[0].job_id}</td>' in page
        assert all(name in page for name in NINE)

    def test_failures_are_told_in_ganetis_words(
        self, begun: Batch, ganeti: SimulatedSide, tick: Any, as_alice: Browser
    ) -> None:
        ganeti.server.world.jobs.pace = Pace.quick()
        ganeti.faults.failing_jobs = "no room on <node1>"
        tick()
        for row in Job.objects.submitted():
            ganeti.job(row.job_id or 0)
        tick()
        page = text(as_alice.get(f"{BULK}{begun.pk}/"))
        assert page.count("no room on &lt;node1&gt;") == bulk.progress(begun).failed > 0

    def test_it_renews_itself_while_something_is_unfinished_and_an_unchanged_page_is_a_304(
        self, begun: Batch, as_alice: Browser
    ) -> None:
        url = f"{BULK}{begun.pk}/"
        first = as_alice.get(url, headers={"HX-Request": "true"})
        assert 'data-live="1.5"' in text(first)
        same = {"HX-Request": "true", "If-None-Match": first.headers["ETag"]}
        assert as_alice.get(url, headers=same).status_code == 304
        steps.drop(begun.jobs.all(), "Not made.")
        changed = as_alice.get(url, headers=same)
        assert changed.status_code == 200
        assert "data-live" not in text(changed)

    def test_it_costs_the_same_for_few_and_many(
        self, begun: Batch, as_alice: Browser, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(10):
            as_alice.get(f"{BULK}{begun.pk}/")

    def test_the_list_tells_of_it_while_it_runs(self, begun: Batch, as_alice: Browser, as_dora: Browser) -> None:
        following.give_up(begun.jobs.all()[0], "Nobody knows.", {})
        page = text(as_alice.get("/"))
        assert "1 of 9 VMs done." in page
        assert f'href="{BULK}{begun.pk}/"' in page
        assert f'href="{BULK}{begun.pk}/"' not in text(as_dora.get("/")), "it is not hers"
        as_alice.post(f"{BULK}{begun.pk}/cancel/")
        assert f'href="{BULK}{begun.pk}/"' not in text(as_alice.get("/"))

    def test_it_is_forgotten_after_a_month(self, begun: Batch, two_clusters: None, people: dict[str, User]) -> None:
        old = timezone.now() - datetime.timedelta(days=31)
        proposed = bulk.propose(people["alice"], "reboot", [("south", "a.example.org")])
        Batch.objects.update(created=old)
        Batch.objects.filter(pk=begun.pk).update(begun=old)
        bulk.forget_old()
        assert list(Batch.objects.all()) == [begun], "what still runs is kept, what nobody began is not"
        assert not Batch.objects.filter(pk=proposed.pk).exists()
        steps.drop(Job.objects.all(), "Not made.")
        bulk.forget_old()
        assert not Batch.objects.exists()
        assert Job.objects.count() == 9, "jobs are kept as all others are"


class TestScripts:
    def test_each_step_is_json(self, as_alice: Browser, two_clusters: None) -> None:
        chosen = as_alice.post(f"{BULK}?cluster=north", {"all": "1", "do": "shutdown"}, headers=SCRIPT)
        page = f"{BULK}{latest().pk}/"
        assert (chosen.status_code, chosen.json()) == (
            200,
            {"action": "Shut down: 2 VMs; left out: 1. Nothing has begun yet.", "url": page},
        )
        started = as_alice.post(f"{page}begin/", headers=SCRIPT)
        assert started.json() == {"action": "Shut down: 2 VMs, a few at a time.", "url": page}
        assert as_alice.post(f"{page}begin/", headers=SCRIPT).status_code == 409
        canceled = as_alice.post(f"{page}cancel/", headers=SCRIPT)
        assert canceled.json() == {"action": "2 VMs were canceled before they began.", "url": page}
        assert as_alice.post(f"{page}cancel/", headers=SCRIPT).status_code == 409

    def test_refusals_are_409_with_a_sentence(self, as_dora: Browser, people: Any) -> None:
        refused = as_dora.post(BULK, {"do": "shutdown"}, headers=SCRIPT)
        assert (refused.status_code, refused.json()["action"]) == (409, "Choose at least one VM.")
        estate.put("north", *(estate.instance(f"vm{number}.example.org") for number in range(21)))
        as_dora.post(BULK, {"all": "1", "do": "shutdown"}, headers=SCRIPT)
        uncounted = as_dora.post(f"{BULK}{latest().pk}/begin/", {"count": "3"}, headers=SCRIPT)
        assert (uncounted.status_code, "not the number" in uncounted.json()["action"]) == (409, True)


def test_a_cluster_cannot_be_called_bulk() -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError, match="word of our addresses"):
        Cluster(slug="bulk", hostname="h", username="u").full_clean()
