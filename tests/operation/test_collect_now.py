"""Looking at clusters when somebody wants it: the command that looks itself, and the button that asks the watchers."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client as Browser

from apps.clusters import inventories, leases
from apps.clusters.models import Cluster
from apps.clusters.watcher import Watcher
from tests import estate
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

SCRIPT = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}


@pytest.fixture
def clusters(simulators: dict[str, SimulatedSide]) -> dict[str, Cluster]:
    return {slug: add_cluster(side.endpoint()) for slug, side in simulators.items()}


def asked(side: SimulatedSide, what: str) -> int:
    """How often the cluster was asked for its instances, its nodes..."""
    return sum(path.startswith(f"/2/query/{what}") for _, path in side.requests)


class TestTheCommand:
    def run(self, *words: str) -> str:
        out = io.StringIO()
        call_command("refresh_cluster_instances", *words, stdout=out, stderr=out, no_color=True)
        return out.getvalue()

    def run_in_vain(self, *words: str) -> str:
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("refresh_cluster_instances", *words, stdout=out, stderr=out, no_color=True)
        assert ended.value.code == 1
        return out.getvalue()

    def test_it_looks_at_all_clusters_and_prints_a_line_for_each(self, clusters: dict[str, Cluster]) -> None:
        said = self.run()
        heads = inventories.known().heads
        for slug in clusters:
            assert f"ok {slug}: {heads[slug].instance_count} instances" in said
        assert {head.state for head in heads.values()} == {"ok"}

    def test_it_looks_only_at_those_that_are_named(self, clusters: dict[str, Cluster], simulators: Any) -> None:
        self.run("north", "south")
        assert set(inventories.known().heads) == {"north", "south"}
        assert simulators["east"].requests == []

    def test_it_looks_although_nothing_is_due(self, clusters: Any, simulators: Any) -> None:
        self.run("north")
        self.run("north")
        assert asked(simulators["north"], "instance") == 2

    def test_everything_means_nodes_too(self, clusters: Any, simulators: Any) -> None:
        self.run("north")
        self.run("north")
        assert asked(simulators["north"], "node") == 1
        self.run("north", "--everything")
        assert asked(simulators["north"], "node") == 2

    def test_one_that_does_not_answer_is_named_and_the_others_are_looked_at(
        self, clusters: Any, simulators: Any
    ) -> None:
        simulators["east"].faults.closed = True
        said = self.run_in_vain()
        assert "!! east: east does not answer" in said
        assert "ok north: " in said
        assert "ok south: " in said

    def test_a_store_that_is_away_is_named(self, clusters: Any, settings: Any) -> None:
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        assert "!! north: Nothing can be kept: Redis does not answer." in self.run_in_vain("north")

    def test_what_crontabs_of_old_say_is_understood(self, clusters: dict[str, Cluster], simulators: Any) -> None:
        """ganetimgr 2.x took host names, and seconds to pause."""
        Cluster.objects.exclude(slug="north").update(hostname="other.example.org")
        said = self.run(clusters["north"].hostname, "30")
        assert "30: no pause is needed" in said
        assert set(inventories.known().heads) == {"north"}

    def test_seconds_alone_mean_all_clusters(self, clusters: dict[str, Cluster]) -> None:
        self.run("30")
        assert set(inventories.known().heads) == set(clusters)

    def test_an_unknown_cluster_is_an_error(self, clusters: Any) -> None:
        with pytest.raises(CommandError, match="nroth"):
            self.run("nroth")
        assert inventories.known().heads == {}

    def test_a_disabled_cluster_is_left_out(self, clusters: Any, simulators: Any) -> None:
        Cluster.objects.filter(slug="east").update(disabled=True)
        self.run()
        assert "east is disabled" in self.run("north", "east")
        assert simulators["east"].requests == []


class TestTheButton:
    @pytest.fixture
    def watched(self) -> None:
        """A watcher was seen just now."""
        leases.renew("one")

    @pytest.mark.parametrize("who", ["dora", "bob", "carla"])
    def test_the_helpdesk_and_the_superuser_find_it_above_the_list(
        self, who: str, sign_in: Callable[[str], Browser]
    ) -> None:
        page = sign_in(who).get("/").content.decode()
        assert 'formaction="/clearcache/"' in page

    def test_owners_do_not(self, as_alice: Browser) -> None:
        estate.put("north", estate.instance("web.example.org"))
        assert "clearcache" not in as_alice.get("/").content.decode()

    @pytest.mark.parametrize("address", ["/clearcache/", "/clearcache"])
    @pytest.mark.parametrize("who", ["dora", "bob"])
    def test_scripts_of_old_are_answered_as_of_old(self, who: str, address: str, sign_in: Any, watched: None) -> None:
        response = sign_in(who).post(address, **SCRIPT)
        assert (response.status_code, response.json()) == (200, {"result": "Success"})
        assert inventories.store().hurried_at() > 0

    @pytest.mark.parametrize("who", ["alice", "charlie", "erik"])
    def test_others_may_not(self, who: str, sign_in: Any, watched: None) -> None:
        response = sign_in(who).post("/clearcache/", **SCRIPT)
        assert (response.status_code, response.json()) == (403, {"error": "Violation"})
        assert sign_in(who).post("/clearcache/").status_code == 403
        assert inventories.store().hurried_at() == 0

    def test_a_browser_is_led_back_to_the_list_it_came_from(self, as_dora: Browser, watched: None) -> None:
        response = as_dora.post("/clearcache/", {"next": "/?status=running"})
        assert response.headers["Location"] == "/?status=running"
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "All clusters are being looked at now."
        ]

    def test_and_never_to_another_site(self, as_dora: Browser, watched: None) -> None:
        assert as_dora.post("/clearcache/", {"next": "https://evil.example.org/"}).headers["Location"] == "/"

    def test_it_asks_no_cluster_itself(
        self, as_dora: Browser, clusters: Any, simulators: dict[str, SimulatedSide], watched: None
    ) -> None:
        as_dora.post("/clearcache/")
        assert [side.requests for side in simulators.values()] == [[], [], []]

    def test_it_says_when_there_is_no_watcher_that_could_look(self, as_dora: Browser) -> None:
        response = as_dora.post("/clearcache/", **SCRIPT)
        assert response.status_code == 503
        assert "No watcher is running" in response.json()["error"]
        assert "No watcher is running" in as_dora.post("/clearcache/", follow=True).content.decode()

    def test_it_says_when_watchers_cannot_be_told(self, as_dora: Browser, settings: Any, watched: None) -> None:
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        response = as_dora.post("/clearcache/", **SCRIPT)
        assert response.status_code == 503
        assert "does not answer" in response.json()["error"]

    def test_pressing_it_again_and_again_is_one_wish(self, as_dora: Browser, watched: None) -> None:
        as_dora.post("/clearcache/")
        first = inventories.store().hurried_at()
        as_dora.post("/clearcache/")
        assert inventories.store().hurried_at() == first


class TestTheWatcher:
    """It looks once at each of its clusters when somebody asked for it, whatever is due."""

    @pytest.fixture
    def watcher(self, clusters: Any, settings: Any) -> Watcher:
        settings.INVENTORY_INTERVAL = settings.INVENTORY_INTERVAL_WATCHED = 3600
        watcher = Watcher({})
        self.work(watcher)
        return watcher

    def work(self, watcher: Watcher) -> None:
        watcher.step()
        watcher.pool.join()

    def test_it_looks_at_every_cluster_with_all_that_it_has(self, watcher: Watcher, simulators: Any) -> None:
        inventories.hurry()
        self.work(watcher)
        assert [asked(side, "instance") for side in simulators.values()] == [2, 2, 2]
        assert [asked(side, "node") for side in simulators.values()] == [2, 2, 2]

    def test_it_looks_once(self, watcher: Watcher, simulators: Any) -> None:
        inventories.hurry()
        for _ in range(3):
            self.work(watcher)
        assert asked(simulators["north"], "instance") == 2

    def test_a_cluster_that_was_left_in_peace_is_asked_too(self, watcher: Watcher, simulators: Any) -> None:
        side = simulators["east"]
        side.faults.closed = True
        watcher.hurry.add(Cluster.objects.get(slug="east").pk)
        self.work(watcher)
        assert inventories.known().heads["east"].state == "unreachable"
        side.faults.closed = False
        inventories.hurry()
        self.work(watcher)
        assert inventories.known().heads["east"].state == "ok"

    def test_a_watcher_that_starts_later_does_not_look_for_an_old_wish(self, watcher: Watcher, simulators: Any) -> None:
        inventories.hurry()
        self.work(watcher)
        later = Watcher({})
        watcher._leave()
        self.work(later)
        assert asked(simulators["north"], "instance") == 2


class TestTheListOfClusters:
    def said(self) -> str:
        out = io.StringIO()
        call_command("cluster", "list", stdout=out)
        return out.getvalue()

    @pytest.mark.parametrize(("seconds", "age"), [(7, "7 s ago"), (300, "5 min ago"), (7200, "2 h ago")])
    def test_it_shows_how_old_what_we_know_is(
        self, seconds: float, age: str, people: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
        estate.put("north", head={"collected_at": 1_800_000_000.0 - seconds})
        assert age in self.said()

    def test_it_shows_the_watchers_and_when_they_were_seen(self) -> None:
        assert "No watcher was seen lately" in self.said()
        leases.renew("one.example.org-1")
        said = self.said()
        assert "Watcher one.example.org-1: seen " in said
        assert "No watcher" not in said
