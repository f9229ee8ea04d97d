"""Who owns an instance: found without telling who is here, given and taken step by step; nobody locks himself out."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, fleet, inventories, owners
from apps.clusters.models import Cluster, Job, Renaming
from apps.clusters.owners import Change, Owner
from tests import estate
from tests.contract.powers import add_cluster, watch_until
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

NAME = "web.example.org"
PAGE = f"/instances/tags/{NAME}/?cluster=north"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    """A simulated cluster that has Alice's instance, as the inventory knows."""
    row = add_cluster(ganeti.endpoint())
    put(ganeti, "users:alice")
    return row


def put(ganeti: SimulatedSide, *tags: str, name: str = NAME) -> None:
    """Alice's instance with these tags, on the cluster and in the inventory."""
    world = ganeti.server.world
    with world.lock:
        world.instances.pop(name, None)
        world.add_instance(
            name,
            "node1.north.example.org",
            running=False,
            admin_state="down",
            tags=[f"ganetimgr:{tag}" for tag in tags],
        )
    estate.put("north", estate.instance(name, owners=tags))


def tags_of(ganeti: SimulatedSide, name: str = NAME) -> set[str]:
    return {tag.removeprefix("ganetimgr:") for tag in ganeti.server.world.instances[name].tags}


def finish() -> None:
    """Lets a watcher bring everything to its end, and has the inventory look."""
    watch_until(lambda: not Job.objects.unfinished().exists())
    inventories.collect_now([Cluster.objects.get(slug="north").endpoint()], everything=True)


def save(browser: Browser, owner: list[str], shown: list[str], **more: Any) -> str:
    """What is read after ticking these boxes among those that were shown."""
    return browser.post(PAGE, {"owner": owner, "shown": shown, **more}, follow=True).content.decode()


class TestGivingAndTaking:
    def test_who_comes_is_added_before_who_goes_is_removed(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        save(as_dora, ["user:erik", "group:noc"], ["user:alice"])
        ganeti.job(Job.objects.get().job_id or 0)
        assert tags_of(ganeti) == {"users:alice", "users:erik", "groups:noc"}, "nobody is without an owner on the way"
        finish()
        assert tags_of(ganeti) == {"users:erik", "groups:noc"}

    def test_one_entry_names_all_and_the_taking_has_its_own_end(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        save(as_dora, ["user:erik", "group:noc"], ["user:alice"])
        finish()
        told = list(AuditEntry.objects.order_by("pk").values_list("action", "detail", "outcome", "requester_name"))
        assert told == [
            ("Owners added", "+erik +group:noc −alice", "succeeded", "dora"),
            ("Owners removed", "−alice", "succeeded", "dora"),
        ]

    def test_a_removal_that_fails_is_no_success_in_the_history(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        save(as_dora, ["user:erik"], ["user:alice"])
        ganeti.job(Job.objects.get().job_id or 0)
        ganeti.server.world.instances[NAME].tags.remove("ganetimgr:users:alice")  # somebody else was faster
        watch_until(lambda: not Job.objects.unfinished().exists())
        outcomes = dict(AuditEntry.objects.values_list("action", "outcome"))
        assert outcomes == {"Owners added": "succeeded", "Owners removed": "failed"}

    def test_both_spellings_are_removed(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        put(ganeti, "users:alice", "user:alice", "group:noc")
        save(as_dora, ["group:noc"], ["user:alice", "group:noc"])
        finish()
        assert tags_of(ganeti) == {"group:noc"}

    @pytest.mark.parametrize(("spelling", "tag"), [("plural", "users:erik"), ("singular", "user:erik")])
    def test_the_site_says_which_spelling_is_written(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, settings: Any, spelling: str, tag: str
    ) -> None:
        settings.GANETI_TAG_SPELLING = spelling
        save(as_alice, ["user:alice", "user:erik"], ["user:alice"])
        finish()
        assert tags_of(ganeti) == {"users:alice", tag}

    def test_names_with_dots_and_capitals_are_carried(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        User.objects.create_user("Eva.M")
        put(ganeti, "users:alice", name="Web-1.Example.org")
        as_alice.post(
            "/instances/tags/Web-1.Example.org?cluster=north",
            {"owner": ["user:alice", "user:Eva.M"], "shown": "user:alice"},
        )
        finish()
        assert tags_of(ganeti, "Web-1.Example.org") == {"users:alice", "users:Eva.M"}

    def test_an_owner_whom_the_page_did_not_show_is_left_alone(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        """Somebody else gave it to the group meanwhile."""
        put(ganeti, "users:alice", "groups:noc")
        save(as_alice, ["user:alice", "user:erik"], ["user:alice"])
        finish()
        assert tags_of(ganeti) == {"users:alice", "users:erik", "groups:noc"}

    def test_a_name_without_an_account_can_be_taken_away(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(ganeti, "users:alice", "users:long-gone")
        assert "long-gone" in as_alice.get(PAGE).content.decode()
        save(as_alice, ["user:alice"], ["user:alice", "user:long-gone"])
        finish()
        assert tags_of(ganeti) == {"users:alice"}

    def test_two_changes_in_the_same_moment_are_one(self, people: Any, ganeti: SimulatedSide, north: Cluster) -> None:
        first, second = fleet.find("north", NAME), fleet.find("north", NAME)
        assert first
        assert second
        change = Change((Owner("user", "erik", people["erik"].pk),))
        owners.make(change, first, Actor(people["alice"]))
        with pytest.raises(actions.Refused, match="faster"):
            owners.make(change, second, Actor(people["dora"]))
        assert Job.objects.count() == 1

    def test_a_pending_change_is_a_sentence_and_nothing_that_was_ticked_is_lost(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        save(as_alice, ["user:alice", "user:erik"], ["user:alice"])
        answer = as_alice.post(PAGE, {"owner": ["user:alice", "user:bob"], "shown": ["user:alice"]})
        assert answer.status_code == 200
        assert "other changes wait until this ends" in answer.content.decode()
        assert 'value="user:bob" checked' in answer.content.decode()

    def test_the_lock_stops_the_owner_and_not_the_superuser(
        self, as_alice: Browser, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(ganeti, "users:alice", "adminlock")
        assert "An administrator has locked this instance" in save(
            as_alice, ["user:alice", "user:erik"], ["user:alice"]
        )
        save(as_dora, ["user:alice", "user:erik"], ["user:alice"])
        assert Job.objects.get().requester_name == "dora"

    def test_the_job_says_what_it_is_about(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        assert "Adding owners" in save(as_alice, ["user:alice", "user:erik"], ["user:alice"])


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("key", "sentence"),
        [
            ("user:nobody-here", "There is no user “nobody-here”."),
            ("group:none", "There is no group “none”."),
            ("group:Night shift", "cannot carry these characters"),
            ("user:disabled", "The account of disabled is disabled"),
        ],
    )
    def test_is_a_sentence_at_the_field(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster, key: str, sentence: str
    ) -> None:
        User.objects.create_user("disabled", is_active=False)
        Group.objects.create(name="Night shift")
        answer = as_dora.post(PAGE, {"owner": ["user:alice", key], "shown": ["user:alice"]}).content.decode()
        assert sentence in answer
        assert f'value="{key}" checked' in answer, "what was ticked is not lost"
        assert not Job.objects.exists()

    def test_to_owners_a_disabled_account_is_none(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        User.objects.create_user("disabled", is_active=False)
        assert "There is no user “disabled”." in save(as_alice, ["user:alice", "user:disabled"], ["user:alice"])

    def test_owners_give_it_to_their_own_groups_only(
        self, as_alice: Browser, as_erik: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        assert "groups that you belong to" in save(as_alice, ["user:alice", "group:noc"], ["user:alice"])
        assert not Job.objects.exists()
        put(ganeti, "users:erik")
        save(as_erik, ["user:erik", "group:noc"], ["user:erik"])
        assert Job.objects.get().details["tags"] == ["ganetimgr:groups:noc"]

    def test_a_name_that_is_just_being_rewritten_stays_as_it_is(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        User.objects.create_user("annis")
        Renaming.objects.create(kind="user", old="agnes", new="annis", holds="user:agnes")
        put(ganeti, "users:alice", "users:agnes")
        assert "agnes is just getting the name annis" in save(as_dora, ["user:alice"], ["user:alice", "user:agnes"])
        assert not Job.objects.exists()

    @pytest.mark.parametrize("who", ["bob", "carla"])
    def test_the_help_desk_looks(self, sign_in: Any, north: Cluster, who: str) -> None:
        assert sign_in(who).post(PAGE, {"owner": "user:bob"}).status_code == 403

    @pytest.mark.parametrize("junk", ["user:", ":", "node:x", "user:a\0b", "x" * 5000, "user:" + "x" * 5000])
    def test_what_is_no_owner_is_ignored(self, as_alice: Browser, north: Cluster, junk: str) -> None:
        assert as_alice.post(PAGE, {"owner": ["user:alice", junk], "shown": ["user:alice"]}).status_code == 302
        assert not Job.objects.exists()

    def test_text_of_others_is_escaped(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        answer = save(as_alice, ["user:alice", "user:<script>x</script>"], ["user:alice"])
        assert "<script>x" not in answer
        assert "&lt;script&gt;x" in answer


class TestNobodyLocksThemselvesOut:
    def test_leaving_takes_a_second_step(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        put(ganeti, "users:alice", "users:erik")
        both = ["user:alice", "user:erik"]
        answer = save(as_alice, ["user:erik"], both)
        assert "I know that I will not see this VM any more." in answer
        assert not Job.objects.exists()
        response = as_alice.post(PAGE, {"owner": ["user:erik"], "shown": both, "confirmed": "true"})
        assert response.headers["Location"] == "/", "not to a page that is soon none"
        finish()
        assert tags_of(ganeti) == {"users:erik"}

    def test_who_owns_it_through_a_group_too_is_not_asked(
        self, as_erik: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(ganeti, "users:erik", "groups:noc")
        save(as_erik, ["group:noc"], ["user:erik", "group:noc"])
        assert Job.objects.get().details["tags"] == ["ganetimgr:users:erik"]

    def test_the_help_desk_is_told_that_it_will_only_look(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(ganeti, "users:bob", "users:alice")
        assert "I know that I cannot change this VM any more." in save(
            sign_in("bob"), ["user:alice"], ["user:bob", "user:alice"]
        )

    def test_an_owner_cannot_leave_it_to_nobody(self, as_alice: Browser, north: Cluster) -> None:
        assert "A VM needs an owner" in save(as_alice, [], ["user:alice"], confirmed="true")
        assert not Job.objects.exists()

    def test_a_superuser_can_and_is_asked(self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        assert "I know that nobody owns this VM then." in save(as_dora, [], ["user:alice"])
        assert not Job.objects.exists()
        save(as_dora, [], ["user:alice"], confirmed="true")
        finish()
        assert tags_of(ganeti) == set()


class TestScripts:
    """They post u_<pk> and g_<pk> of all who shall own it, as they did to ganetimgr 2.x."""

    def post(self, browser: Browser, tags: str, **more: str) -> tuple[int, dict[str, str]]:
        response = browser.post(PAGE, {"tags": tags, **more}, headers=SCRIPT)
        return response.status_code, response.json()

    def test_the_owners_are_those_that_were_named(
        self, as_dora: Browser, people: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(ganeti, "users:alice", "user:erik")
        wanted = f"u_{people['alice'].pk},g_{Group.objects.get().pk}"
        assert self.post(as_dora, wanted) == (200, {"result": "success"})
        finish()
        assert tags_of(ganeti) == {"users:alice", "groups:noc"}

    def test_the_same_again_is_a_success_without_a_job(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        assert self.post(as_alice, f"u_{people['alice'].pk}") == (200, {"result": "success"})
        assert not Job.objects.exists()

    @pytest.mark.parametrize("tags", ["u_999999", "g_0", "x", "u_", "u_99999999999999999999", "u_1\0"])
    def test_a_failure_has_its_reason(self, as_alice: Browser, people: Any, north: Cluster, tags: str) -> None:
        status, answer = self.post(as_alice, f"u_{people['alice'].pk},{tags}")
        assert (status, answer["result"]) == (409, "failure")
        assert "There is no user or group" in answer["reason"] or "Null characters" in answer["reason"]

    def test_leaving_has_to_be_confirmed_here_too(
        self, as_alice: Browser, people: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        status, answer = self.post(as_alice, f"u_{people['erik'].pk}")
        assert (status, answer["result"]) == (409, "failure")
        assert "confirmed=true" in answer["reason"]
        assert self.post(as_alice, f"u_{people['erik'].pk}", confirmed="true")[0] == 200
        finish()
        assert tags_of(ganeti) == {"users:erik"}


class TestTheBareName:
    def test_the_only_one_of_its_name_is_found(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance(NAME))
        assert as_alice.get(f"/instances/tags/{NAME}").status_code == 200

    def test_of_several_the_reader_is_asked_which(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance(NAME))
        estate.put("south", estate.instance(NAME, "south"))
        page = as_alice.get(f"/instances/tags/{NAME}/").content.decode()
        assert f'href="/instances/tags/{NAME}/?cluster=north"' in page
        assert f'href="/instances/tags/{NAME}/?cluster=south"' in page

    def test_those_of_others_are_not_told(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance(NAME))
        estate.put("south", estate.instance(NAME, "south", owners=("users:erik",)))
        assert 'id="vm"' in as_alice.get(f"/instances/tags/{NAME}/").content.decode()

    def test_a_script_reads_that_it_has_to_say_which(self, as_alice: Browser, people: Any) -> None:
        estate.put("north", estate.instance(NAME))
        estate.put("south", estate.instance(NAME, "south"))
        response = as_alice.post(f"/instances/tags/{NAME}/", {"tags": ""}, headers=SCRIPT)
        assert (response.status_code, response.json()["result"]) == (409, "failure")
        assert "north, south" in response.json()["reason"]

    @pytest.mark.parametrize("path", ["tags/", "tags", "lock/", "isolate/"])
    def test_without_a_name_there_is_a_page_that_says_so(self, as_dora: Browser, people: Any, path: str) -> None:
        for response in (as_dora.get(f"/instances/{path}"), as_dora.post(f"/instances/{path}")):
            assert response.status_code == 404
            assert "There is nothing here" in response.content.decode()

    def test_ganeti_is_not_asked(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        before = len(ganeti.requests)
        as_alice.get(f"/instances/tags/{NAME}/")
        assert len(ganeti.requests) == before

    def test_while_a_cluster_was_never_seen_nobody_can_say(self, as_alice: Browser, people: Any) -> None:
        Cluster.objects.create(slug="new", hostname="127.0.0.1", port=1, username="u")
        answer = as_alice.get(f"/instances/tags/{NAME}/")
        assert answer.status_code == 200
        assert "Nothing is known of it just now" in answer.content.decode()
        script = as_alice.post(f"/instances/tags/{NAME}/", {"tags": ""}, headers=SCRIPT)
        assert (script.status_code, script.json()["result"]) == (409, "failure")


class TestFinding:
    def found(self, browser: Browser, text: str) -> list[dict[str, str]]:
        answer = browser.get("/tagusergrps/", {"q": text})
        assert answer.status_code == 200
        return answer.json()  # type: ignore[no-any-return]

    def test_the_help_desk_finds_by_a_part_and_sees_addresses(self, as_bob: Browser, people: Any) -> None:
        pk = people["alice"].pk
        alice = {"text": "alice", "id": f"u_{pk}", "type": "user", "email": "alice@example.org"}
        assert self.found(as_bob, "lic") == [alice]
        assert self.found(as_bob, "alice@exam") == [alice]

    def test_and_groups(self, as_bob: Browser, people: Any) -> None:
        assert self.found(as_bob, "no") == [{"text": "noc", "id": f"g_{Group.objects.get().pk}", "type": "group"}]

    @pytest.mark.parametrize("text", ["ali", "alic", "alice@example", "example.org", "%", "al%ce", "_____", "noc"])
    def test_an_owner_does_not_learn_who_is_here(self, as_alice: Browser, people: Any, text: str) -> None:
        assert self.found(as_alice, text) == []

    @pytest.mark.parametrize("text", ["erik", "erik@example.org", "ERIK@example.org"])
    def test_an_owner_finds_whom_they_know(self, as_alice: Browser, people: Any, text: str) -> None:
        assert self.found(as_alice, text) == [{"text": "erik", "id": f"u_{people['erik'].pk}", "type": "user"}]

    def test_a_member_finds_their_groups(self, as_erik: Browser, people: Any) -> None:
        assert [one["text"] for one in self.found(as_erik, "no")] == ["noc"]

    @pytest.mark.parametrize("who", ["alice", "bob"])
    def test_disabled_accounts_are_not_found(self, sign_in: Any, people: Any, who: str) -> None:
        User.objects.create_user("disabled", "disabled@example.org", is_active=False)
        assert self.found(sign_in(who), "disabled") == []

    @pytest.mark.parametrize("text", ["", "a", " a ", "\0\0"])
    def test_less_than_two_characters_find_nobody(self, as_bob: Browser, people: Any, text: str) -> None:
        assert self.found(as_bob, text) == []

    def test_among_fifty_thousand_it_is_a_few_questions_with_a_limit(self, people: Any) -> None:
        crowd = (User(username=f"someone{number}", email=f"s{number}@example.net") for number in range(50_000))
        User.objects.bulk_create(crowd, batch_size=5_000)
        with CaptureQueriesContext(connection) as asked:
            found = [owners.search("someone49999", people[who]) for who in ("alice", "bob")]
            many = owners.search("someone", people["bob"])
        assert [[one.name for one in each] for each in found] == [["someone49999"], ["someone49999"]]
        assert len(many) == 20
        on_people = [
            query["sql"] for query in asked if '"auth_user"' in query["sql"] and "auth_permission" not in query["sql"]
        ]
        assert all("LIMIT" in sql for sql in on_people), on_people
        assert len(on_people) <= 6

    def test_trying_out_names_ends_soon(self, as_alice: Browser, people: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(owners, "SEARCHES", 3)
        answers = [as_alice.get("/tagusergrps/?q=erik").status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]

    def test_also_on_the_page_and_by_saving(self, as_alice: Browser, north: Cluster, monkeypatch: Any) -> None:
        monkeypatch.setattr(owners, "SEARCHES", 3)
        tried = [f"user:guess{number}" for number in range(4)]
        assert "searched very often" in save(as_alice, ["user:alice", *tried], ["user:alice"])
        page = as_alice.post(PAGE, {"find": "1", "q": "erik", "owner": ["user:alice"], "shown": ["user:alice"]})
        assert "searched very often" in page.content.decode()


class TestThePicker:
    def find(self, browser: Browser, text: str, *ticked: str, **headers: str) -> str:
        asked = {"find": "1", "q": text, "owner": ["user:alice", *ticked], "shown": ["user:alice"]}
        answer = browser.post(PAGE, asked, headers=headers)
        assert answer.status_code == 200
        return answer.content.decode()

    def test_without_javascript_the_page_comes_back_with_what_was_found(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        page = self.find(as_alice, "erik")
        assert "<html" in page
        assert '<input class="form-check-input" type="checkbox" name="owner" value="user:erik">' in page
        assert not Job.objects.exists()

    def test_htmx_gets_the_boxes_alone(self, as_alice: Browser, north: Cluster) -> None:
        part = self.find(as_alice, "erik", **{"HX-Request": "true", "HX-Target": "owner-choice"})
        assert 'value="user:erik"' in part
        assert "<html" not in part

    def test_who_was_ticked_before_stays_ticked(self, as_alice: Browser, north: Cluster) -> None:
        page = self.find(as_alice, "bob", "user:erik")
        assert 'value="user:erik" checked' in page
        assert 'name="owner" value="user:bob">' in page

    def test_a_ticked_name_is_not_looked_up_before_it_is_saved(self, as_alice: Browser, north: Cluster) -> None:
        """Else the boxes would tell who is here."""
        page = self.find(as_alice, "xx", "user:erik", "user:nobody-here")
        assert page.count("nobody-here") == page.count("erik") > 0

    def test_addresses_are_for_the_help_desk(self, as_alice: Browser, as_dora: Browser, north: Cluster) -> None:
        assert "erik@example.org" not in self.find(as_alice, "erik")
        assert "erik@example.org" in self.find(as_dora, "eri")

    @pytest.mark.parametrize(("text", "sentence"), [("e", "at least two characters"), ("zz", "Nobody found for “zz”")])
    def test_what_finds_nobody_says_so(self, as_alice: Browser, north: Cluster, text: str, sentence: str) -> None:
        assert sentence in self.find(as_alice, text)
