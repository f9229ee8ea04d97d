"""The search over everything: what is found by what, in which order, by whom, and what it costs."""

import html
import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client as Browser

from accounts.models import Organization
from apps.applications.models import InstanceApplication
from apps.clusters.models import Cluster, Job
from apps.desk import search_sources
from ganeti.objects import ClusterInfo, Network, Nic, Node
from tests import estate

pytestmark = pytest.mark.django_db

WEB = "/instances/north/web.example.org/"


def links(response: Any) -> list[str]:
    """The addresses of what was found, in their order, without those of whole lists."""
    assert response.status_code == 200
    return [html.unescape(url) for url in re.findall(r'class="hit"[^>]* href="([^"]*)"', response.content.decode())]


def ask(browser: Browser, query: str, **more: str) -> Any:
    return browser.get("/search/", {"q": query, **more})


def ask_while_typing(browser: Browser, query: str) -> Any:
    return browser.get("/search/", {"q": query}, headers={"HX-Request": "true"})


def found_vms(browser: Browser, query: str) -> list[str]:
    return [url.split("/")[3] for url in links(ask(browser, query)) if url.startswith("/instances/")]


@pytest.fixture
def everything(people: dict[str, User]) -> None:
    """A VM with something of every kind, others beside it, and what else can be searched."""
    web = estate.instance(
        "web.example.org",
        pnode="alpha.example.org",
        snodes=("beta.example.org",),
        os="debootstrap+bookworm",
        nics=(
            Nic(mac="aa:00:00:00:00:01", ip="10.1.2.3", network="public"),
            Nic(mac="aa:00:00:00:00:02", ip="2001:DB8:0:0::7", network="public"),
        ),
        tags=("ganetimgr:service:monitoring", "htools:iextags:rack9"),
    )
    others = [
        estate.instance(name, owners=owners, nics=(Nic(mac=f"aa:00:00:00:01:0{number}", ip=f"10.2.0.{number}"),))
        for number, (name, owners) in enumerate(
            (("mail.example.org", ("users:erik",)), ("noc.example.org", ("groups:noc",)), ("webmail.example.org", ()))
        )
    ]
    nodes = (
        Node(name="alpha.example.org", role="M", group="default", primary_ip="192.0.2.11"),
        Node(name="beta.example.org", role="C", group="default", primary_ip="192.0.2.12"),
    )
    estate.put(
        "north", web, *others, nodes=nodes, description="Northern machines", info=ClusterInfo(name="gnt.example.net")
    )
    Cluster.objects.filter(slug="north").update(hostname="rapi.example.net")
    people["alice"].first_name, people["alice"].last_name = "Alice", "Liddell"
    people["alice"].save()
    rivers = Organization.objects.create(title="Institute of Rivers")
    for number, applicant in ((71, "alice"), (72, "charlie")):
        InstanceApplication.objects.create(
            pk=number, applicant=people[applicant], hostname=f"new{number}.example.org", organization=rivers,
            memory=1024, vcpus=1, disk_size=5, operating_system="none",
        )  # fmt: skip


def job(instance: str, number: int) -> Job:
    north = Cluster.objects.get(slug="north")
    return Job.objects.create(cluster=north, instance=instance, kind="reboot", state="succeeded", job_id=number)


class TestVms:
    @pytest.mark.parametrize(
        "query",
        [
            "web.example.org", "WEB.example", "10.1.2.3", "10.1.", "2001:db8::7", "2001:0DB8:0000::0007",
            "[2001:db8::7]", "2001:0db8:", "aa:00:00:00:00:01", "AA-00-00-00-00-01",
            "aa00.0000.0001", "AA0000000001", "aa-00-00-00-00-",
            "monitoring", "bookworm", "alpha.example", "beta.example", "alice", "rack9", "web 10.1. alice",
        ],
    )  # fmt: skip
    def test_it_is_found_by_whatever_it_has(self, as_dora: Browser, everything: None, query: str) -> None:
        assert found_vms(as_dora, query)[0] == "web.example.org"

    @pytest.mark.parametrize("query", ["liddell", "Alice Liddell", "alice@example.org"])
    def test_the_help_desk_finds_it_by_its_owners_name_and_address(
        self, as_bob: Browser, everything: None, query: str
    ) -> None:
        User.objects.filter(username="alice").update(username="al1ce")
        estate.put("south", estate.instance("tagged.example.org", "south", owners=("users:al1ce",)))
        response = ask(as_bob, query)
        assert "/instances/south/tagged.example.org/" in links(response)
        assert "<mark>" in response.content.decode()

    def test_the_best_come_first(self, as_dora: Browser, people: Any) -> None:
        estate.put(
            "north",
            *(
                estate.instance(name, owners=(), tags=tags)
                for name, tags in (
                    ("a-web.example.org", ()),
                    ("aweb.example.org", ()),
                    ("c.example.org", ("ganetimgr:service:web",)),
                    ("web.example.org", ()),
                    ("web2.example.org", ()),
                )
            ),
        )
        wanted = ["web", "c", "web2", "a-web", "aweb"]
        assert found_vms(as_dora, "web") == [f"{name}.example.org" for name in wanted]

    def test_more_than_fit_are_a_link_to_the_list_with_the_same_search(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", *(estate.instance(f"vm{number}.example.org") for number in range(60)))
        for response, shown in ((ask(as_dora, "vm"), 20), (ask_while_typing(as_dora, "vm"), 6)):
            assert len(links(response)) == shown
            assert '<a class="hit all"' in (text := response.content.decode())
            assert 'href="/?q=vm"' in text
            assert "All 60 VMs that match" in text
        assert "60" in as_dora.get("/?q=vm").content.decode()

    def test_the_list_finds_a_mac_in_any_spelling_too(self, as_alice: Browser, everything: None) -> None:
        assert WEB in as_alice.get("/?q=AA-00-00-00-00-01").content.decode()

    def test_what_is_being_done_to_it_is_its_state(self, as_alice: Browser, everything: None) -> None:
        north = Cluster.objects.get(slug="north")
        Job.objects.create(cluster=north, instance="web.example.org", kind="reboot", state="submitted", holds="x")
        assert "Rebooting" in ask(as_alice, "web").content.decode()


class TestOthers:
    @pytest.mark.parametrize(
        ("query", "url"),
        [
            ("liddell", "/user/info/user/alice/"),
            ("alice@example.org", "/user/info/user/alice/"),
            ("noc", "/user/info/group/noc/"),
            ("new71", "/application/71/review/"),
            ("71", "/application/71/review/"),
            ("rivers", "/application/71/review/"),
            ("liddell", "/application/71/review/"),
            ("alpha", "/cluster/nodes/north/alpha.example.org/"),
            ("192.0.2.12", "/cluster/nodes/north/beta.example.org/"),
            ("north", "/cluster/detail/?cluster=north"),
            ("rapi.example.net", "/cluster/detail/?cluster=north"),
            ("gnt.example", "/cluster/detail/?cluster=north"),
            ("northern machines", "/cluster/detail/?cluster=north"),
            ("192.0.2.0/24", "/cluster/detail/?cluster=north#networks"),
            ("4711", "/instances/north/web.example.org/history/"),
            ("#4711", "/instances/north/web.example.org/history/"),
        ],
    )
    def test_each_kind_is_found(self, as_dora: Browser, everything: None, query: str, url: str) -> None:
        job("web.example.org", 4711)
        assert url in links(ask(as_dora, query))

    def test_what_has_just_this_name_comes_before_what_only_has_to_do_with_it(
        self, as_dora: Browser, everything: None
    ) -> None:
        assert links(ask(as_dora, "alice"))[0] == "/user/info/user/alice/"

    def test_a_job_leads_to_its_page_where_there_is_one(self, settings: Any, people: Any) -> None:
        settings.ROOT_URLCONF = "tests.desk.job_urls"
        estate.put("north", estate.instance("web.example.org"))
        assert search_sources.job_page("north", job("web.example.org", 5)) == "/jobs/north/5/"


class TestWhoMaySeeWhat:
    @pytest.mark.parametrize(
        "query",
        [
            "mail", "10.2.0.", "erik", "noc", "charlie", "new72", "72", "alpha", "192.0.2.11", "rack9", "htools",
            "rapi.example.net", "gnt.example.net", "4712", "liddell", "public", "dora@example.org",
        ],
    )  # fmt: skip
    def test_an_owner_finds_nothing_of_others_nor_of_the_machines(
        self, as_alice: Browser, everything: None, query: str
    ) -> None:
        estate.put("south", estate.instance("hers.example.org", "south", pnode="alpha.example.org", nics=(), tags=()))
        job("mail.example.org", 4712)
        theirs = {"public": ["/instances/north/web.example.org/"]}
        for response in (ask(as_alice, query), ask_while_typing(as_alice, query)):
            text = response.content.decode()
            assert links(response) == theirs.get(query, [])
            assert ("Nothing found" in text) is (query not in theirs)

    def test_an_owner_finds_what_is_theirs(self, as_alice: Browser, everything: None) -> None:
        job("web.example.org", 4711)
        assert links(ask(as_alice, "web")) == [WEB]
        assert links(ask(as_alice, "4711")) == [f"{WEB}history/"]
        assert links(ask(as_alice, "new7")) == ["/application/71/"]
        assert links(ask(as_alice, "71")) == ["/application/71/"]

    def test_an_owner_does_not_read_what_staff_call_the_cluster(self, as_alice: Browser, everything: None) -> None:
        text = ask(as_alice, "web").content.decode()
        assert "Northern machines" in text
        assert "alpha" not in text

    def test_a_member_of_a_group_finds_the_groups_vms(self, as_erik: Browser, everything: None) -> None:
        assert sorted(found_vms(as_erik, "example.org")) == ["mail.example.org", "noc.example.org"]

    def test_the_list_does_not_tell_owners_either_what_its_rows_keep_from_them(
        self, as_alice: Browser, as_bob: Browser, everything: None
    ) -> None:
        for query in ("alpha", "rack9"):
            assert WEB not in as_alice.get(f"/?q={query}").content.decode()
            assert WEB in as_bob.get(f"/?q={query}").content.decode()

    def test_the_help_desk_sees_other_peoples_applications_only_with_the_permission(
        self, as_bob: Browser, people: Any, everything: None
    ) -> None:
        assert "/application/71/" not in links(ask(as_bob, "new71"))
        may_look = Permission.objects.get(content_type__app_label="apply", codename="view_applications")
        people["bob"].user_permissions.add(may_look)
        assert "/application/71/" in links(ask(as_bob, "new71"))

    def test_what_is_on_a_disabled_cluster_is_not_there(self, as_dora: Browser, everything: None) -> None:
        job("web.example.org", 4711)
        Cluster.objects.update(disabled=True)
        assert links(ask(as_dora, "web")) == links(ask(as_dora, "4711")) == links(ask(as_dora, "north")) == []


class TestStraightThere:
    @pytest.mark.parametrize("query", ["web.example.org", "10.1.2.3", "AA-00-00-00-00-01"])
    def test_enter_leads_to_the_one_thing_of_just_this_name_or_address(
        self, as_dora: Browser, everything: None, query: str
    ) -> None:
        response = ask(as_dora, query, go="1")
        assert (response.status_code, response["Location"]) == (302, WEB)

    def test_a_part_of_a_name_a_number_or_one_name_on_two_clusters_leads_to_the_page(
        self, as_dora: Browser, everything: None
    ) -> None:
        job("web.example.org", 4711)
        estate.put("south", estate.instance("mail.example.org", "south"))
        for query in ("web", "4711", "mail.example.org", "no such thing"):
            assert ask(as_dora, query, go="1").status_code == 200

    def test_the_pages_own_address_always_shows_the_page(self, as_dora: Browser, everything: None) -> None:
        assert ask(as_dora, "web.example.org").status_code == 200


HOSTILE = [
    "%", "%%", "__", "_%", "' OR 1=1 --", '"', "\\", "(?i)[a-z]*", "^*+?{}$", "\x00\x00", "web\x00",
    "\u202eweb\u200f", "x" * 5000, "<script>alert(1)</script>", "&lt;", "w" * 199 + " " * 300,
    "🙈🙈", "ﬁ", "İstanbul", "0x1f", "9" * 40, "#",
    "##", "-", "::", ":::", "1:2:", "a:b:c:d:e:f:g:h:i:", "\r\n\r\n", "Ω mega", "{{ 7 }}", "{% now %}",
]  # fmt: skip


class TestWhateverIsTyped:
    @pytest.mark.parametrize("query", HOSTILE)
    @pytest.mark.parametrize("who", ["alice", "dora"])
    def test_it_is_answered_and_escaped(self, sign_in: Any, everything: None, who: str, query: str) -> None:
        browser = sign_in(who)
        for response in (ask(browser, query), ask(browser, query, go="1"), ask_while_typing(browser, query)):
            assert response.status_code == 200
            assert "<script>alert" not in response.content.decode()

    def test_signs_that_mean_something_to_databases_and_patterns_mean_themselves(
        self, as_dora: Browser, everything: None
    ) -> None:
        for query in ("%%", "__", ".*", "web%", "w_b", "[a-z]"):
            assert links(ask(as_dora, query)) == []

    def test_marks_that_nobody_sees_are_passed_over(self, as_dora: Browser, everything: None) -> None:
        assert links(ask(as_dora, "\u200e10.1.2.3\u200f\x00")) == [WEB]

    def test_nothing_and_next_to_nothing_get_a_sentence(self, as_dora: Browser, everything: None) -> None:
        for query, sentence in (
            ("", "Type what you look for."),
            (" ", "Type what you"),
            ("w", "at least two characters"),
        ):
            for response in (ask(as_dora, query), ask_while_typing(as_dora, query)):
                assert sentence in response.content.decode()
                assert links(response) == []

    def test_what_ganeti_and_people_call_things_is_escaped_and_the_match_marked(
        self, as_dora: Browser, people: Any
    ) -> None:
        User.objects.filter(username="erik").update(last_name="<b>web</b>", email='"web"@example.org')
        estate.put("north", estate.instance("web.example.org", os="<i>os</i>"))
        text = ask(as_dora, "web").content.decode()
        assert "&lt;b&gt;<mark>web</mark>&lt;/b&gt;" in text
        assert "<b>" not in text
        assert "<mark>web</mark>.example.org" in text

    def test_a_name_that_no_address_could_carry_is_no_error(self, as_dora: Browser, people: Any) -> None:
        Group.objects.create(name="a/b web?#")
        estate.put("north", nodes=(Node(name="web/1"), Node(name="web 2")), networks=(Network(name="web <x>"),))
        assert "/user/info/group/a/b%20web%3F%23/" in links(ask(as_dora, "web"))


class TestClustersThatDoNotAnswer:
    def test_their_last_known_vms_are_searched_and_it_is_said(self, as_alice: Browser, everything: None) -> None:
        silent = {"state": "unreachable", "collected_at": time.time() - 200, "failing_since": time.time() - 180}
        estate.put("east", estate.instance("old.example.org", "east"), description="Eastern", head=silent)
        for response in (ask(as_alice, "old"), ask_while_typing(as_alice, "old")):
            text = response.content.decode()
            assert links(response) == ["/instances/east/old.example.org/"]
            assert "Eastern does not answer: what was known last was searched." in text
            assert "last known" in text

    def test_one_that_was_never_seen_may_hold_more(self, as_alice: Browser, everything: None) -> None:
        Cluster.objects.create(slug="west", hostname="127.0.0.1", port=1)
        assert "there may be more" in ask(as_alice, "web").content.decode()


class TestTheBox:
    @pytest.mark.parametrize("who", ["alice", "bob", "dora"])
    def test_it_is_on_every_page_for_everybody(self, sign_in: Any, everything: None, who: str) -> None:
        for page in ("/", WEB, "/user/profile/", "/history/", "/no/such/page/"):
            text = sign_in(who).get(page).content.decode()
            assert '<form class="searchbox" id="search" role="search" action="/search/"' in text

    def test_a_lists_own_search_does_not_stand_in_it(self, as_dora: Browser, everything: None) -> None:
        box = re.compile(r'<form class="searchbox" id="search".*?</form>', re.DOTALL)
        assert 'value="web"' not in box.search(as_dora.get("/?q=web").content.decode())[0]  # type: ignore[index]
        assert 'value="web"' in box.search(ask(as_dora, "web").content.decode())[0]  # type: ignore[index]

    def test_while_one_types_the_answer_is_a_part_with_options(self, as_dora: Browser, everything: None) -> None:
        text = ask_while_typing(as_dora, "web").content.decode()
        assert "<html" not in text
        assert 'role="listbox"' in text
        assert len(re.findall(r'id="(hit-\d+-\d+)"', text)) == len(links(ask_while_typing(as_dora, "web"))) >= 2


def test_it_costs_a_handful_of_queries_however_much_there_is(
    as_dora: Browser, as_alice: Browser, people: Any, django_assert_max_num_queries: Any
) -> None:
    for slug in ("north", "south", "west"):
        estate.put(slug, *(estate.instance(f"vm{n}.example.org", slug) for n in range(40)))
    User.objects.bulk_create(User(username=f"vm-user{n}", email=f"vm{n}@example.org") for n in range(40))
    Group.objects.bulk_create(Group(name=f"vm-group{n}") for n in range(40))
    for n in range(20):
        InstanceApplication.objects.create(
            applicant=people["alice"], hostname=f"vm-new{n}.example.org", memory=512, vcpus=1, disk_size=2
        )
    # Session, user and permissions; the navigation's numbers; clusters; pending jobs; and one for each kind.
    with django_assert_max_num_queries(12):
        assert len(links(ask(as_dora, "vm"))) == 20 + 3 * 12
    with django_assert_max_num_queries(12):
        assert len(links(ask_while_typing(as_dora, "vm"))) == 6 + 3 * 4
    with django_assert_max_num_queries(9):
        assert len(links(ask(as_alice, "vm"))) == 20 + 12
