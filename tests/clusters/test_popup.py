"""The pop-up: an instance in short, for the helpdesk's lists."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser

from accounts.models import Organization
from apps.clusters.contacts import MOST_MEMBERS
from apps.clusters.models import Cluster
from ganeti import objects
from tests import estate

pytestmark = pytest.mark.django_db

PAGE = "/cluster/popup/"
WHICH = {"cluster": "north", "instance": "web.example.org"}


@pytest.fixture
def north(people: Any) -> Cluster:
    people["alice"].first_name, people["alice"].last_name = "Alice", "Liddell"
    people["alice"].save()
    Organization.objects.create(title="Department of Physics", tag="physics", phone="+30 210 1234567")
    return estate.put(
        "north",
        estate.instance(
            "web.example.org", owners=("users:alice", "users:nobody", "groups:noc"), tags=("ganetimgr:org:physics",)
        ),
        networks=(objects.Network("public", network6="2001:db8:100::/64"),),
    )


def text(browser: Browser, **which: str) -> str:
    response = browser.get(PAGE, {**WHICH, **which})
    assert response.status_code == 200
    return response.content.decode()


class TestWhoGetsIt:
    @pytest.mark.parametrize("name", ["bob", "carla", "dora"])
    def test_the_helpdesk_and_superusers(self, sign_in: Any, north: Cluster, name: str) -> None:
        assert "web.example.org" in text(sign_in(name))

    @pytest.mark.parametrize("name", ["alice", "charlie", "erik"])
    @pytest.mark.parametrize("instance", ["web.example.org", "none.example.org"])
    def test_not_even_an_owner_and_whether_it_is_there_or_not(
        self, sign_in: Any, north: Cluster, name: str, instance: str
    ) -> None:
        assert sign_in(name).get(PAGE, {**WHICH, "instance": instance}).status_code == 403

    def test_nobody_is_sent_to_the_sign_in(self, client: Browser, north: Cluster) -> None:
        assert client.get(PAGE, WHICH).status_code == 302

    @pytest.mark.parametrize(
        "which", [{"instance": "none.example.org"}, {"cluster": "nowhere"}, {"instance": ""}, {"cluster": "\x00"}]
    )
    def test_what_is_not_there_is_a_404(self, as_bob: Browser, north: Cluster, which: dict[str, str]) -> None:
        assert as_bob.get(PAGE, {**WHICH, **which}).status_code == 404
        assert as_bob.get(PAGE).status_code == 404

    def test_what_is_there_no_more_is_gone(self, as_bob: Browser, north: Cluster) -> None:
        estate.put("north")
        assert as_bob.get(PAGE, WHICH, headers={"HX-Request": "true"}).status_code == 410

    def test_a_cluster_of_which_nothing_is_known_has_none(self, as_bob: Browser, people: Any) -> None:
        Cluster.objects.create(slug="north", hostname="127.0.0.1", port=1, username="u")
        assert as_bob.get(PAGE, WHICH).status_code == 404


class TestWhatItTells:
    def test_the_same_facts_as_the_page(self, as_bob: Browser, north: Cluster) -> None:
        popup, page = text(as_bob), as_bob.get("/instances/north/web.example.org/").content.decode()
        facts = (
            "node1.example.org", "192.0.2.7", "2001:db8:100:0:a800:ff:fe00:1", "aa:00:00:00:00:01", "Running",
            "2\N{NO-BREAK SPACE}GiB memory", "image+default", "Department of Physics", "+30 210 1234567",
        )  # fmt: skip
        for fact in facts:
            assert fact in popup, fact
            assert fact in page, fact
        assert "<html" not in popup

    def test_owners_with_names_and_addresses_of_mail(self, as_bob: Browser, people: Any, north: Cluster) -> None:
        popup = text(as_bob)
        assert "Alice Liddell" in popup and 'href="mailto:alice@example.org"' in popup
        assert "no such account here" in popup, "a tag names somebody of whom we do not know"
        assert "group noc" in popup and 'href="mailto:erik@example.org"' in popup

    def test_a_large_group_is_told_in_part(self, as_bob: Browser, people: Any, north: Cluster) -> None:
        noc = Group.objects.get(name="noc")
        noc.user_set.add(*(User.objects.create_user(f"z{number:02}") for number in range(MOST_MEMBERS + 4)))
        popup = text(as_bob)
        assert "and 5 more" in popup and f"z{MOST_MEMBERS:02}" not in popup

    def test_it_leads_to_the_page_and_the_history(self, as_bob: Browser, north: Cluster) -> None:
        popup = text(as_bob)
        assert 'href="/instances/north/web.example.org/"' in popup
        assert 'href="/instances/north/web.example.org/history/"' in popup

    def test_the_verbs_are_for_those_who_may(self, as_bob: Browser, as_dora: Browser, north: Cluster) -> None:
        verb = 'form="verbs" formaction="/instances/north/web.example.org/shutdown/"'
        assert verb in text(as_dora)
        assert "shutdown/" not in text(as_bob)

    def test_a_verb_that_is_off_says_why(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", status="ERROR_nodedown"))
        popup = text(as_dora)
        assert "The machine that this instance runs on is down." in popup and "formaction" not in popup

    def test_hostile_texts_are_escaped(self, as_bob: Browser, people: Any) -> None:
        people["alice"].last_name = "<script>alert(1)</script>"
        people["alice"].save()
        estate.put("north", estate.instance("web.example.org", os="<img src=x>", tags=("ganetimgr:service:<b>x</b>",)))
        popup = text(as_bob)
        assert "<script>" not in popup and "<img" not in popup and "<b>x" not in popup

    def test_it_costs_few_queries_for_many_owners(
        self, as_bob: Browser, people: Any, django_assert_max_num_queries: Any
    ) -> None:
        owners = tuple(f"users:user{number}" for number in range(60)) + tuple(f"groups:g{n}" for n in range(60))
        estate.put("north", estate.instance("web.example.org", owners=owners))
        with django_assert_max_num_queries(10):
            text(as_bob)


class TestRowsThatOpenIt:
    def test_the_helpdesks_rows_name_it_and_lead_to_the_page_without_javascript(
        self, as_bob: Browser, as_alice: Browser, north: Cluster
    ) -> None:
        opener = (
            'href="/instances/north/web.example.org/"'
            ' data-popup="/cluster/popup/?cluster=north&amp;instance=web.example.org"'
        )
        page = as_bob.get("/").content.decode()
        assert opener in page and 'id="popup"' in page
        assert "data-popup" not in as_alice.get("/").content.decode()

    def test_a_superusers_row_sends_no_menu(self, as_dora: Browser, north: Cluster) -> None:
        assert 'popovertarget="more-' not in as_dora.get("/").content.decode()
