"""Graphs: who sees them, what the grapher is asked, and what people see when it is slow, huge, wrong or gone."""

import datetime
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from django.contrib.auth.models import Permission
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from apps.clusters import grapher as asking
from apps.clusters import inventories, spans
from apps.clusters.models import Cluster
from apps.demo.grapher import Grapher
from ganeti.objects import Nic, Node
from ganetimgr.checks import settings_make_sense
from tests import estate

pytestmark = pytest.mark.django_db

NAME = "web.example.org"
PICTURE = f"/graph/north/{NAME}/cpu-ts"
PAGE = f"/instances/north/{NAME}/graphs/"
OVERVIEW = f"/instances/north/{NAME}/"
BATCH = "/graph/north/instances/"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def north(people: Any) -> Cluster:
    return estate.put("north", estate.instance(NAME, nics=(Nic(mac="aa:00:00:00:00:01"), Nic(mac="aa:00:00:00:00:02"))))


@pytest.fixture
def grapher(settings: Any, north: Cluster) -> Iterator[Grapher]:
    caches["graphs"].clear()
    with Grapher() as there:
        settings.COLLECTD_URL = f"{there.url}/"
        yield there


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second for a picture, so that tests need not wait."""
    monkeypatch.setattr(asking, "SECONDS", 0.1)


def may_see_all(people: Any, name: str) -> None:
    people[name].user_permissions.add(Permission.objects.get(codename="view_all_graphs"))


def text(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


def pictures(page: str) -> list[str]:
    """The addresses of the pictures on a page, without what makes them new again."""
    return [address.partition("?")[0] for address in re.findall(r'<img class="graph" src="([^"]+)"', page)]


def shows_no_data(response: HttpResponse) -> bool:
    assert response.status_code == 200
    return response["Content-Type"] == "image/svg+xml" and b"No data" in response.content


def forget(slug: str) -> None:
    """Nothing is known of the cluster, and nobody asks it meanwhile."""
    inventories.store().forget(slug)
    inventories.store().claim(f"collect-{slug}", 60)


class TestWhoSeesThem:
    @pytest.mark.parametrize("name", ["alice", "dora"])
    def test_owner_and_superuser_do(self, sign_in: Any, grapher: Grapher, name: str) -> None:
        assert sign_in(name).get(PICTURE).content.startswith(PNG)
        assert "Graphs" in text(sign_in(name).get(PAGE))

    @pytest.mark.parametrize("name", ["bob", "carla"])
    def test_the_helpdesk_does_with_the_permission_only(
        self, sign_in: Any, people: Any, grapher: Grapher, name: str
    ) -> None:
        for address in (PICTURE, PAGE, BATCH):
            assert sign_in(name).get(address).status_code == 403
        may_see_all(people, name)
        for address in (PICTURE, PAGE, BATCH):
            assert sign_in(name).get(address).status_code == 200

    def test_to_a_stranger_there_is_no_such_graph(self, as_charlie: Browser, grapher: Grapher) -> None:
        assert as_charlie.get(PICTURE).status_code == 404
        assert as_charlie.get(PAGE).status_code == 404
        assert not grapher.requests

    def test_who_sees_graphs_alone_sees_pictures_and_nothing_else_of_an_instance(
        self, as_charlie: Browser, people: Any, grapher: Grapher
    ) -> None:
        may_see_all(people, "charlie")
        assert as_charlie.get(PICTURE).content.startswith(PNG)
        assert as_charlie.get(PAGE).status_code == 404
        page = text(as_charlie.get(BATCH))
        assert NAME in page
        assert PAGE not in page

    def test_a_member_of_the_owning_group_does(self, as_erik: Browser, grapher: Grapher) -> None:
        estate.put("north", estate.instance(NAME, owners=("groups:noc",)))
        assert as_erik.get(PICTURE).content.startswith(PNG)

    def test_without_a_grapher_there_is_nothing_about_graphs(self, as_dora: Browser, north: Cluster) -> None:
        for address in (PICTURE, PAGE, BATCH, "/graph/all/"):
            assert as_dora.get(address).status_code == 404
        assert "raph" not in text(as_dora.get(OVERVIEW)).partition("<main")[2]
        assert "/graph/all/" not in text(as_dora.get("/"))

    def test_the_navigation_leads_to_all_graphs_for_who_may_see_them(
        self, as_dora: Browser, as_bob: Browser, as_alice: Browser, people: Any, grapher: Grapher
    ) -> None:
        assert "/graph/all/" in text(as_dora.get("/"))
        assert "/graph/all/" not in text(as_alice.get("/"))
        assert "/graph/all/" not in text(as_bob.get("/"))
        may_see_all(people, "bob")
        assert "/graph/all/" in text(as_bob.get("/"))


class TestTheAddresses:
    def test_names_and_paths_are_those_of_older_links(self) -> None:
        facts = {"cluster_slug": "north", "instance": NAME, "graph_type": "net-ts"}
        assert reverse("graph", kwargs=facts) == f"/graph/north/{NAME}/net-ts"
        span = {"start": "-1d", "end": "-20s"}
        assert reverse("graph", kwargs=facts | span) == f"/graph/north/{NAME}/net-ts/-1d,-20s"
        assert reverse("graph", kwargs=facts | {"nic": "eth0"}) == f"/graph/north/{NAME}/net-ts/eth0"
        whole = reverse("graph", kwargs=facts | span | {"nic": "eth0"})
        assert whole == f"/graph/north/{NAME}/net-ts/-1d,-20s/eth0"
        assert reverse("cluster-get-nodes-graphs") == "/graph/all/"
        assert reverse("cluster-get-nodes-graphs", args=["north"]) == BATCH

    @pytest.mark.parametrize(
        ("address", "asked"),
        [
            (PICTURE, f"/{NAME}/cpu-ts.png/-1d,-20s"),
            (f"{PICTURE}/-7d,-20s", f"/{NAME}/cpu-ts.png/-7d,-20s"),
            (f"/graph/north/{NAME}/net-ts/eth1", f"/{NAME}/net-ts.png/-1d,-20s/eth1"),
            (f"/graph/north/{NAME}/net-ts/-2h,now/eth0", f"/{NAME}/net-ts.png/-2h,now/eth0"),
            (f"/graph/north/{NAME}/disk-ops-ts", f"/{NAME}/disk-ops-ts.png/-1d,-20s"),
        ],
    )
    def test_the_grapher_is_asked_in_its_own_scheme(
        self, as_alice: Browser, grapher: Grapher, address: str, asked: str
    ) -> None:
        as_alice.get(address)
        assert grapher.requests == [asked]

    def test_seconds_since_1970_are_understood(self, as_alice: Browser, grapher: Grapher) -> None:
        until = int(time.time()) - 86400
        assert as_alice.get(f"{PICTURE}/{until - 3600},{until}").content.startswith(PNG)
        assert grapher.requests == [f"/{NAME}/cpu-ts.png/{until - 3600},{until}"]

    @pytest.mark.parametrize(
        "rest",
        [
            "cpu-ts/-20s,-1d", "cpu-ts/-901d,-20s", "cpu-ts/-1d,-1d", "cpu-ts/now,9999999999", "cpu-ts/0,1",
            "cpu-ts/a,b", "cpu-ts/-1d,", "cpu-ts/-1y,-20s", "cpu-ts/-1d,-20s,-3s", "cpu-ts/-٣d,-20s",
            "cpu-ts/-99999999w,-20s", "cpu-ts/-1d,-20s/x", "cpu-ts/",
            "net-ts/eth2", "net-ts/eth00", "net-ts/eth100", "net-ts/eth-1", "net-ts/lo", "net-ts/eth٠",
            "..", "%2e%2e", "..%2fother", "cpu%3fx=1", "cpu.png", "CPU", "cpu--ts", "cpu%0ats", "a" * 300,
        ],
    )  # fmt: skip
    def test_what_is_no_graph_is_a_404_and_is_asked_of_nobody(
        self, as_alice: Browser, grapher: Grapher, rest: str
    ) -> None:
        assert as_alice.get(f"/graph/north/{NAME}/{rest}").status_code == 404
        assert not grapher.requests

    def test_a_hostile_name_stays_one_part_of_the_address(self, as_alice: Browser, grapher: Grapher) -> None:
        estate.put("north", estate.instance("a?b#c%2F.."), estate.instance(".."))
        as_alice.get("/graph/north/a%3Fb%23c%252F../cpu-ts")
        assert grapher.requests == ["/a%3Fb%23c%252F../cpu-ts.png/-1d,-20s"]
        assert as_alice.get("/graph/north/%2e%2e/cpu-ts").status_code == 404


class TestTheAnswer:
    def test_it_is_for_the_reader_alone_and_for_minutes(self, as_alice: Browser, grapher: Grapher) -> None:
        response = as_alice.get(PICTURE)
        assert response["Content-Type"] == "image/png"
        assert response["Cache-Control"] == f"private, max-age={asking.TURN}"
        assert "X-No-Graph" not in response

    def test_the_grapher_draws_a_picture_once_however_many_people_look(
        self, as_alice: Browser, as_dora: Browser, grapher: Grapher
    ) -> None:
        answers = {browser.get(PICTURE).content for browser in (as_alice, as_dora, as_alice)}
        assert len(answers) == 1
        assert len(grapher.requests) == 1

    def test_another_span_and_another_card_are_other_pictures(self, as_alice: Browser, grapher: Grapher) -> None:
        for rest in ("", "/-7d,-20s", "/eth0", "/eth1"):
            as_alice.get(f"/graph/north/{NAME}/net-ts{rest}")
        assert len(grapher.requests) == 4

    def test_what_is_past_is_remembered_for_longer_than_what_is_now(self, north: Cluster) -> None:
        of_hours, of_days = spans.read("-1h", "-20s"), spans.read("-7d", "-20s")
        past = spans.read("-7d", "-6d")
        good = [asking.Question(NAME, "cpu-ts", span).good_for for span in (of_hours, of_days, past)]
        assert good == sorted(good)
        assert good[0] <= 60
        assert good[2] >= 3600

    def test_the_address_of_the_grapher_is_told_to_nobody(self, as_alice: Browser, grapher: Grapher) -> None:
        grapher.fault = "error"
        response = as_alice.get(PICTURE)
        assert grapher.url not in f"{response.headers}{response.content!r}{text(as_alice.get(PAGE))}"


class TestWhenTheGrapherFails:
    @pytest.mark.parametrize("fault", ["error", "nothing", "broken", "not an image", "huge", "elsewhere"])
    def test_a_wrong_answer_is_no_data_and_is_asked_for_once(
        self, as_alice: Browser, grapher: Grapher, fault: str
    ) -> None:
        grapher.fault = fault
        for _ in range(2):
            response = as_alice.get(PICTURE)
            assert shows_no_data(response)
            assert response["X-No-Graph"] == "none"
            assert response["Cache-Control"] == f"private, max-age={asking.NOTHING_FOR}"
        assert len(grapher.requests) == 1

    def test_one_wrong_answer_does_not_keep_the_others_away(self, as_alice: Browser, grapher: Grapher) -> None:
        grapher.fault = "nothing"
        as_alice.get(PICTURE)
        grapher.fault = ""
        assert as_alice.get(f"/graph/north/{NAME}/net-ts/eth0").content.startswith(PNG)

    @pytest.mark.parametrize("fault", ["slow", "drips", "hangs up"])
    def test_one_that_does_not_answer_is_left_in_peace_so_that_thirty_pictures_do_not_wait(
        self, as_alice: Browser, grapher: Grapher, patience: None, fault: str
    ) -> None:
        grapher.fault = fault
        for hours in range(1, 31):
            response = as_alice.get(f"{PICTURE}/-{hours}h,-20s")
            assert shows_no_data(response)
            assert response["X-No-Graph"] == "away"
            assert response["Cache-Control"] == f"private, max-age={asking.AWAY_FOR}"
        assert len(grapher.requests) == 1

    def test_nobody_there_is_no_data_either(self, as_alice: Browser, settings: Any, grapher: Grapher) -> None:
        settings.COLLECTD_URL = "http://127.0.0.1:1"
        assert shows_no_data(as_alice.get(PICTURE))

    def test_after_some_seconds_it_is_asked_again(
        self, as_alice: Browser, grapher: Grapher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "AWAY_FOR", 0)
        grapher.fault = "hangs up"
        as_alice.get(PICTURE)
        grapher.fault = ""
        assert as_alice.get(PICTURE).content.startswith(PNG)

    def test_a_process_asks_for_few_pictures_at_once(
        self, grapher: Grapher, north: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at_work, most, lock = 0, 0, threading.Lock()
        everybody_is_here = threading.Barrier(asking.AT_ONCE, timeout=10)

        def drawn(asked: asking.Question) -> asking.Picture:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            everybody_is_here.wait()
            with lock:
                at_work -= 1
            return asking.Picture(PNG, 1)

        monkeypatch.setattr(asking, "_drawn", drawn)
        wanted = [asking.Question(NAME, "cpu-ts", spans.read(f"-{hours}h", "-20s")) for hours in range(1, 13)]
        with ThreadPoolExecutor(12) as people:
            answers = list(people.map(asking.picture, wanted))
        assert [answer.png for answer in answers] == [PNG] * 12
        assert most == asking.AT_ONCE

    def test_who_finds_no_place_in_time_gets_no_data(
        self, as_alice: Browser, grapher: Grapher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "_places", threading.BoundedSemaphore(1))
        monkeypatch.setattr(asking, "PATIENCE", 0)
        with asking._places:
            assert as_alice.get(PICTURE)["X-No-Graph"] == "away"
        assert as_alice.get(PICTURE).content.startswith(PNG)

    def test_the_sites_own_picture_is_sent_as_what_it_is(
        self, as_alice: Browser, grapher: Grapher, settings: Any, tmp_path: Path
    ) -> None:
        own = tmp_path / "nothing.png"
        own.write_bytes(PNG + b"ours")
        settings.NODATA_IMAGE = str(own)
        grapher.fault = "nothing"
        response = as_alice.get(PICTURE)
        assert response.content == PNG + b"ours"
        assert response["Content-Type"] == "image/png"

    @pytest.mark.parametrize("name", ["gone.png", "page.html", "empty.png"])
    def test_without_a_readable_one_ours_is_sent(
        self, as_alice: Browser, grapher: Grapher, settings: Any, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "page.html").write_text("<script>")
        (tmp_path / "empty.png").write_bytes(b"")
        settings.NODATA_IMAGE = str(tmp_path / name)
        grapher.fault = "nothing"
        assert shows_no_data(as_alice.get(PICTURE))

    def test_where_nothing_is_known_of_the_cluster_there_is_no_data_for_everybody(
        self, as_charlie: Browser, grapher: Grapher, people: Any
    ) -> None:
        estate.put("south")
        forget("south")
        assert shows_no_data(as_charlie.get("/graph/south/x/cpu-ts"))
        assert not grapher.requests


class TestThePageOfOneVm:
    def test_it_shows_the_cpu_and_every_card_of_the_last_day_lazily(self, as_alice: Browser, grapher: Grapher) -> None:
        page = text(as_alice.get(PAGE))
        net = f"/graph/north/{NAME}/net-ts/-1d,-20s"
        assert pictures(page) == [f"{PICTURE}/-1d,-20s", f"{net}/eth0", f"{net}/eth1"]
        assert page.count('loading="lazy"') == 3
        assert page.count('width="800" height="280"') == 3
        assert f'alt="Network, eth1 of {NAME}, the last 24 hours"' in page
        assert not grapher.requests

    @pytest.mark.parametrize(
        ("chosen", "start", "words"),
        [("1h", "-1h", "the last hour"), ("7d", "-7d", "the last 7 days"), ("30d", "-30d", "the last 30 days")],
    )
    def test_a_range_can_be_chosen(
        self, as_alice: Browser, grapher: Grapher, chosen: str, start: str, words: str
    ) -> None:
        page = text(as_alice.get(f"{PAGE}?range={chosen}"))
        assert pictures(page)[0] == f"{PICTURE}/{start},-20s"
        assert f'alt="CPU of {NAME}, {words}"' in page
        assert f'?range={chosen}" aria-current="true"' in page

    def test_days_can_be_chosen_and_their_pictures_are_drawn(self, as_alice: Browser, grapher: Grapher) -> None:
        last = timezone.localdate() - datetime.timedelta(days=3)
        first = last - datetime.timedelta(days=2)
        page = text(as_alice.get(f"{PAGE}?since={first}&until={last}"))
        since = int(datetime.datetime.combine(first, datetime.time(), datetime.UTC).timestamp())
        assert pictures(page)[0] == f"{PICTURE}/{since},{since + 3 * 86400}"
        assert f'value="{first}"' in page
        assert as_alice.get(pictures(page)[0]).content.startswith(PNG)

    def test_until_today_ends_now_and_is_the_same_picture_a_moment_later(
        self, as_alice: Browser, grapher: Grapher
    ) -> None:
        first = timezone.localdate() - datetime.timedelta(days=2)
        shown = [pictures(text(as_alice.get(f"{PAGE}?since={first}{rest}"))) for rest in ("", "&until=")]
        assert shown[0] == shown[1]
        assert shown[0][0].endswith(",-20s")

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("since=2020-01-01", "Graphs go back 900 days."),
            ("since=2999-01-01", "There are no graphs of the future."),
            ("since={today}&until={yesterday}", "The end must be after the beginning."),
            ("until={today}", "From which day?"),
            ("since=yesterday", "Enter a valid date."),
            ("since=0001-01-01&until=9999-12-31", "Graphs go back 900 days."),
            ("range=99y", "There is no such range"),
            ("range=" + "x" * 500, "at most 20 characters"),
        ],
    )
    def test_what_cannot_be_is_a_sentence_and_the_last_day_is_shown(
        self, as_alice: Browser, grapher: Grapher, query: str, sentence: str
    ) -> None:
        today = timezone.localdate()
        query = query.format(today=today, yesterday=today - datetime.timedelta(days=1))
        page = text(as_alice.get(f"{PAGE}?{query}"))
        assert sentence in page
        assert pictures(page)[0] == f"{PICTURE}/-1d,-20s"

    def test_what_was_typed_stays(self, as_alice: Browser, grapher: Grapher) -> None:
        assert 'value="2020-01-01"' in text(as_alice.get(f"{PAGE}?since=2020-01-01"))

    def test_that_there_are_none_is_said_once_when_it_is_known(self, as_alice: Browser, grapher: Grapher) -> None:
        grapher.fault = "nothing"
        for address in pictures(text(as_alice.get(PAGE))):
            as_alice.get(address)
        page = text(as_alice.get(PAGE))
        assert pictures(page) == []
        assert page.count("No data: the last 24 hours") == 1
        assert pictures(text(as_alice.get(f"{PAGE}?range=7d")))

    def test_that_nobody_draws_is_said_once(self, as_alice: Browser, grapher: Grapher) -> None:
        grapher.fault = "hangs up"
        as_alice.get(PICTURE)
        page = text(as_alice.get(PAGE))
        assert pictures(page) == []
        assert page.count("No graphs can be drawn just now.") == 1

    def test_a_vm_with_very_many_cards_shows_some_and_says_so(self, as_alice: Browser, grapher: Grapher) -> None:
        estate.put("north", estate.instance(NAME, nics=(Nic(),) * 20))
        page = text(as_alice.get(PAGE))
        assert len(pictures(page)) == 1 + asking.MAX_NICS
        assert "4 further network cards are not shown." in page

    def test_its_head_alone_renews_itself(self, as_alice: Browser, grapher: Grapher) -> None:
        part = text(as_alice.get(PAGE, headers={"HX-Request": "true", "HX-Target": "vm"}))
        assert NAME in part
        assert pictures(part) == []

    def test_while_nothing_is_known_of_the_cluster_the_page_says_so(self, as_alice: Browser, grapher: Grapher) -> None:
        forget("north")
        assert "Nothing is known of it just now" in text(as_alice.get(PAGE))


class TestTheOverview:
    def test_it_shows_the_load_of_the_last_day(self, as_alice: Browser, grapher: Grapher) -> None:
        page = text(as_alice.get(OVERVIEW))
        assert pictures(page) == [f"{PICTURE}/-1d,-20s", f"/graph/north/{NAME}/net-ts/-1d,-20s/eth0"]
        assert f"{PAGE}?range=7d" in page

    def test_the_helpdesk_does_not_see_it(self, as_bob: Browser, grapher: Grapher) -> None:
        assert pictures(text(as_bob.get(OVERVIEW))) == []

    def test_a_page_that_renews_itself_keeps_its_pictures_for_minutes(
        self, as_alice: Browser, grapher: Grapher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look(seconds: float, **headers: str) -> HttpResponse:
            monkeypatch.setattr(asking, "time", type("clock", (), {"time": staticmethod(lambda: seconds)}))
            return as_alice.get(OVERVIEW, headers={"HX-Request": "true", **headers})

        now = (time.time() // asking.TURN) * asking.TURN
        first = look(now + 1)
        later = look(now + asking.TURN - 1)
        assert re.findall("<img.*?>", text(first)) == re.findall("<img.*?>", text(later))
        assert look(now + 2, **{"If-None-Match": first["ETag"]}).status_code == 304
        renewed = look(now + asking.TURN + 1, **{"If-None-Match": first["ETag"]})
        assert re.findall("<img.*?>", text(renewed)) != re.findall("<img.*?>", text(first))

    def test_a_vm_without_a_card_shows_its_cpu(self, as_alice: Browser, grapher: Grapher) -> None:
        estate.put("north", estate.instance(NAME, nics=()))
        assert pictures(text(as_alice.get(OVERVIEW))) == [f"{PICTURE}/-1d,-20s"]


@pytest.fixture
def estate_of_many(grapher: Grapher) -> None:
    """Thirty VMs: twenty on node1, ten on node2; node3 has none."""
    vms = [estate.instance(f"vm{n:02}.example.org", pnode=f"node{1 + (n >= 20)}.example.org") for n in range(30)]
    nodes = tuple(Node(name=f"node{n}.example.org", role="C", group="default") for n in (1, 2, 3))
    estate.put("north", *vms)
    store = inventories.store()
    snapshot, head = store.snapshot("north"), store.head("north")
    store.put_snapshot(msgspec.structs.replace(snapshot, nodes=nodes), head)


def vms_on(page: str) -> list[str]:
    return re.findall(r'<h3 class="mono">(?:<a [^>]*>)?([^<]+)', page)


@pytest.mark.usefixtures("estate_of_many")
class TestThePageOfMany:
    def test_without_a_cluster_it_says_which_there_are(self, as_dora: Browser) -> None:
        page = text(as_dora.get("/graph/all/"))
        assert f'href="{BATCH}"' in page
        assert pictures(page) == []

    def test_an_older_link_with_the_cluster_in_its_query_leads_on(self, as_dora: Browser) -> None:
        assert as_dora.get("/graph/all/?cluster=north&range=7d")["Location"] == f"{BATCH}?range=7d"

    def test_it_shows_all_nodes_a_page_of_vms_each(self, as_dora: Browser, grapher: Grapher) -> None:
        seen: list[str] = []
        for number in (1, 2, 3):
            page = text(as_dora.get(f"{BATCH}?page={number}"))
            assert len(vms_on(page)) <= 12
            assert len(pictures(page)) == 2 * len(vms_on(page))
            seen += vms_on(page)
        assert seen == [f"vm{n:02}.example.org" for n in range(30)]
        assert not grapher.requests

    @pytest.mark.parametrize("query", ["nodes=node2.example.org", "nodes=,node2.example.org,&nodes=node3.example.org"])
    def test_it_shows_the_nodes_that_were_asked_for(self, as_dora: Browser, query: str) -> None:
        page = text(as_dora.get(f"{BATCH}?{query}"))
        assert vms_on(page) == [f"vm{n:02}.example.org" for n in range(20, 30)]

    def test_a_list_and_repeated_names_mean_the_same(self, as_dora: Browser) -> None:
        both = ["nodes=node1.example.org,node2.example.org", "nodes=node1.example.org&nodes=node2.example.org"]
        shown = [vms_on(text(as_dora.get(f"{BATCH}?{query}&page=3"))) for query in both]
        assert shown[0] == shown[1] == [f"vm{n:02}.example.org" for n in range(24, 30)]

    def test_each_node_can_be_folded_and_its_heading_leads_to_it_alone(self, as_dora: Browser) -> None:
        page = text(as_dora.get(f"{BATCH}?range=7d&page=2"))
        heads = re.findall(r'<h2 class="mono"><a class="quiet" href="([^"]+)">([^<]+)', page)
        assert [name for _, name in heads] == ["node1.example.org", "node2.example.org"]
        address = urlsplit(heads[1][0].replace("&amp;", "&"))
        assert address.path == BATCH
        assert parse_qs(address.query) == {"nodes": ["node2.example.org"], "range": ["7d"]}
        assert page.count('<details class="fold" open>') == 2
        assert "8 of 20 VMs on this page" in page

    def test_one_span_holds_for_all(self, as_dora: Browser) -> None:
        page = text(as_dora.get(f"{BATCH}?range=30d"))
        assert all("/-30d,-20s" in address for address in pictures(page))

    def test_bad_days_are_a_sentence(self, as_dora: Browser) -> None:
        page = text(as_dora.get(f"{BATCH}?since=2020-01-01"))
        assert "Graphs go back 900 days." in page
        assert vms_on(page)

    def test_nodes_that_there_are_not_are_named(self, as_dora: Browser) -> None:
        page = text(as_dora.get(f"{BATCH}?nodes=node9<b>,node2.example.org"))
        assert "This cluster has no node node9&lt;b&gt;." in page
        assert vms_on(page)
        assert "None of these nodes is here" in text(as_dora.get(f"{BATCH}?nodes=node9"))

    def test_a_node_without_vms_says_so(self, as_dora: Browser) -> None:
        assert "No VM runs here" in text(as_dora.get(f"{BATCH}?nodes=node3.example.org"))

    def test_a_cluster_that_there_is_not_is_a_404(self, as_dora: Browser) -> None:
        assert as_dora.get("/graph/nowhere/instances/").status_code == 404

    def test_a_silent_cluster_is_named_and_shown_as_it_was(self, as_dora: Browser) -> None:
        estate.put(
            "south",
            estate.instance("old.example.org", "south"),
            head={"state": "unreachable", "failures": 3, "failing_since": time.time() - 60, "error": "no answer"},
        )
        page = text(as_dora.get("/graph/south/instances/"))
        assert "has not answered for" in page
        assert vms_on(page) == ["old.example.org"]

    def test_a_cluster_of_which_nothing_is_known_says_so(self, as_dora: Browser) -> None:
        forget("north")
        page = text(as_dora.get(BATCH))
        assert "Collecting from" in page
        assert pictures(page) == []

    def test_that_nobody_draws_is_said_above(self, as_dora: Browser, grapher: Grapher) -> None:
        grapher.fault = "hangs up"
        as_dora.get("/graph/north/vm00.example.org/cpu-ts")
        assert "No graphs can be drawn just now." in text(as_dora.get(BATCH))

    def test_strangers_learn_nothing(self, as_alice: Browser, as_charlie: Browser) -> None:
        for browser in (as_alice, as_charlie):
            for address in (BATCH, "/graph/all/", "/graph/nowhere/instances/"):
                assert browser.get(address).status_code == 403


class TestTheSettings:
    @pytest.mark.parametrize("address", ["graphs.example.org", "ftp://graphs.example.org", "https://", "http://[", 7])
    def test_what_is_no_web_address_is_said(self, settings: Any, address: Any) -> None:
        settings.COLLECTD_URL = address
        assert [each.id for each in settings_make_sense()] == ["ganetimgr.E012"]

    @pytest.mark.parametrize("address", ["", "http://127.0.0.1:8080/graphs", "https://graphs.example.org"])
    def test_an_address_and_none_are_well(self, settings: Any, address: str) -> None:
        settings.COLLECTD_URL = address
        assert settings_make_sense() == []

    def test_a_picture_that_is_missing_is_said(self, settings: Any) -> None:
        settings.NODATA_IMAGE = "/no/such/picture.png"
        assert [each.id for each in settings_make_sense()] == ["ganetimgr.W025"]

    def test_pictures_lie_apart_from_what_must_not_be_lost(self, settings: Any) -> None:
        usual, graphs = settings.CACHES["default"], settings.CACHES["graphs"]
        assert usual["BACKEND"] == graphs["BACKEND"]
        assert usual.get("LOCATION") != graphs["LOCATION"]
