"""What programs read with a token: exactly the JSON of ganetimgr 2.x, of what the person owns, and to nobody else."""

from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client as Browser
from oauth2_provider.models import AccessToken

from apps.clusters import inventories
from ganeti.inventory import StoreDown
from tests import estate
from tests.api.conftest import Give, bearer

pytestmark = pytest.mark.django_db

LIST, DETAILS = "/instances/list/", "/user/details/"


def names(response: Any) -> list[str]:
    found: list[str] = response.json()["response"]["instances"]
    return found


@pytest.fixture
def vms(people: dict[str, User]) -> None:
    estate.put(
        "north",
        estate.instance("web.example.org", tags=("customer:42",)),
        estate.instance("db.example.org", owners=("user:alice",), tags=("customer:7",)),
        estate.instance("noc.example.org", owners=("groups:noc",)),
    )
    estate.put("south", estate.instance("app.example.org", cluster="south"))


class TestTheJson:
    def test_of_the_list(self, client: Browser, vms: None, give: Give, people: dict[str, User]) -> None:
        response = client.get(LIST, headers=bearer(give("alice")))
        assert response.headers["Content-Type"] == "application/json"
        assert response.json() == {
            "user": {"username": "alice", "email": "alice@example.org", "id": people["alice"].pk},
            "response": {"instances": ["app.example.org", "db.example.org", "web.example.org"], "errors": False},
        }

    def test_of_the_person(self, client: Browser, give: Give, people: dict[str, User]) -> None:
        response = client.get(DETAILS, headers=bearer(give("erik")))
        assert response.json() == {"username": "erik", "email": "erik@example.org", "id": people["erik"].pk}

    def test_nobody_keeps_it(self, client: Browser, give: Give) -> None:
        assert client.get(DETAILS, headers=bearer(give("erik"))).headers["Cache-Control"] == "no-store"


class TestWhoseVms:
    def test_through_a_group(self, client: Browser, vms: None, give: Give) -> None:
        assert names(client.get(LIST, headers=bearer(give("erik")))) == ["noc.example.org"]

    @pytest.mark.parametrize("who", ["dora", "bob", "charlie"])
    def test_of_nobody_else_not_even_for_who_sees_everything(
        self, client: Browser, vms: None, give: Give, who: str
    ) -> None:
        assert names(client.get(LIST, headers=bearer(give(who)))) == []

    def test_the_session_of_the_browser_counts_for_nothing(self, as_alice: Browser, vms: None, give: Give) -> None:
        assert names(as_alice.get(LIST, headers=bearer(give("erik")))) == ["noc.example.org"]
        assert as_alice.get(LIST).status_code == 401

    def test_a_name_on_two_clusters_is_told_once(self, client: Browser, give: Give) -> None:
        estate.put("north", estate.instance("web.example.org"))
        estate.put("south", estate.instance("web.example.org", cluster="south"))
        assert names(client.get(LIST, headers=bearer(give("alice")))) == ["web.example.org"]


class TestTheTagFilter:
    def test_a_whole_tag(self, client: Browser, vms: None, give: Give) -> None:
        token = bearer(give("alice"))
        assert names(client.get(LIST, {"tag": "customer:42"}, headers=token)) == ["web.example.org"]
        assert names(client.get(LIST, {"tag": "customer"}, headers=token)) == []
        assert names(client.get(LIST, {"tag": "CUSTOMER:42"}, headers=token)) == []

    @pytest.mark.parametrize("spelling", ["user", "users"])
    def test_an_owners_tag_in_both_spellings(self, client: Browser, vms: None, give: Give, spelling: str) -> None:
        tag = f"{site.GANETI_TAG_PREFIX}:{spelling}:alice"
        found = names(client.get(LIST, {"tag": tag}, headers=bearer(give("alice"))))
        assert found == ["app.example.org", "db.example.org", "web.example.org"]

    def test_never_shows_what_is_not_owned(self, client: Browser, vms: None, give: Give) -> None:
        tag = f"{site.GANETI_TAG_PREFIX}:groups:noc"
        assert names(client.get(LIST, {"tag": tag}, headers=bearer(give("alice")))) == []

    @pytest.mark.parametrize("tag", ["", "a|b", "ετικέτα", "x" * 5000, "'\"<>&"])
    def test_whatever_is_asked_for_there_is_an_answer(self, client: Browser, vms: None, give: Give, tag: str) -> None:
        response = client.get(LIST, {"tag": tag}, headers=bearer(give("alice")))
        assert response.status_code == 200
        assert len(names(response)) == (0 if tag else 3)


class TestErrors:
    def test_a_silent_cluster_is_told_as_it_was_known(self, client: Browser, give: Give) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"state": "unreachable", "failing_since": 1.0})
        response = client.get(LIST, headers=bearer(give("alice"))).json()["response"]
        assert response == {"instances": ["web.example.org"], "errors": False}

    def test_a_cluster_of_which_nothing_is_known_is_an_error(
        self, client: Browser, vms: None, give: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """ganetimgr 2.x always said false there."""
        estate.Cluster.objects.create(slug="dark", hostname="127.0.0.1", port=1, username="u", password="p")
        response = client.get(LIST, headers=bearer(give("alice"))).json()["response"]
        assert response["errors"] is True
        assert len(response["instances"]) == 3

    def test_a_cluster_that_is_switched_off_is_none(self, client: Browser, vms: None, give: Give) -> None:
        estate.Cluster.objects.create(
            slug="dark", hostname="127.0.0.1", port=1, username="u", password="p", disabled=True
        )
        assert client.get(LIST, headers=bearer(give("alice"))).json()["response"]["errors"] is False

    def test_an_inventory_that_is_away_is_an_error(
        self, client: Browser, vms: None, give: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*arguments: Any) -> Any:
            raise StoreDown("away")

        monkeypatch.setattr(type(inventories.store()), "owned", away)
        response = client.get(LIST, headers=bearer(give("alice"))).json()["response"]
        assert response == {"instances": [], "errors": True}


class TestTokens:
    def test_in_the_address_as_ganetimgr_2_had_it(self, client: Browser, vms: None, give: Give) -> None:
        query = {"access_token": give("alice"), "tag": "customer:7"}
        assert names(client.get(LIST, query)) == ["db.example.org"]

    def test_in_the_address_not_where_the_site_does_not_want_it(
        self, client: Browser, give: Give, settings: Any
    ) -> None:
        settings.OAUTH_TOKEN_IN_QUERY = False
        token = give("alice")
        assert client.get(DETAILS, {"access_token": token}).status_code == 401
        assert client.get(DETAILS, headers=bearer(token)).status_code == 200

    @pytest.mark.parametrize("address", ["/instances/list", "/user/details"])
    def test_without_the_slash_at_the_end_there_is_no_redirect_that_carries_it_on(
        self, client: Browser, give: Give, address: str
    ) -> None:
        assert client.get(address, {"access_token": give("alice")}).status_code == 200

    def test_two_are_one_too_many(self, client: Browser, give: Give) -> None:
        token = give("alice")
        response = client.get(DETAILS, {"access_token": token}, headers=bearer(token))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
        assert client.get(f"{DETAILS}?access_token={token}&access_token={token}").status_code == 400

    @pytest.mark.parametrize("address", [LIST, DETAILS])
    def test_none_is_a_challenge(self, client: Browser, address: str, people: Any) -> None:
        response = client.get(address)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="ganetimgr"'

    @pytest.mark.parametrize("sent", ["Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "bearer \xff", "x" * 9000])
    def test_what_is_no_token_is_none(self, client: Browser, people: Any, sent: str) -> None:
        assert client.get(DETAILS, headers={"Authorization": sent}).status_code == 401

    def _is_refused(self, client: Browser, token: str, status: int, error: str) -> None:
        response = client.get(DETAILS, headers=bearer(token))
        assert (response.status_code, response.json()["error"]) == (status, error)
        assert f'error="{error}"' in response.headers["WWW-Authenticate"]

    def test_an_unknown_one(self, client: Browser, people: Any) -> None:
        self._is_refused(client, "unknown", 401, "invalid_token")

    def test_an_expired_one(self, client: Browser, give: Give) -> None:
        self._is_refused(client, give("alice", minutes=-1), 401, "invalid_token")

    def test_a_revoked_one(self, client: Browser, give: Give) -> None:
        token = give("alice")
        AccessToken.objects.get().revoke()
        self._is_refused(client, token, 401, "invalid_token")

    @pytest.mark.parametrize("scope", ["", "write"])
    def test_one_for_something_else(self, client: Browser, give: Give, scope: str) -> None:
        self._is_refused(client, give("alice", scope=scope), 403, "insufficient_scope")

    def test_one_for_another_site(self, client: Browser, give: Give) -> None:
        self._is_refused(client, give("alice", resource=["https://other.example.org/"]), 401, "invalid_token")

    def test_one_of_somebody_who_is_switched_off(self, client: Browser, give: Give, people: dict[str, User]) -> None:
        token = give("alice")
        people["alice"].is_active = False
        people["alice"].save()
        self._is_refused(client, token, 401, "invalid_token")

    def test_one_of_nobody(self, client: Browser, give: Give) -> None:
        token = give("alice")
        AccessToken.objects.update(user=None)
        self._is_refused(client, token, 401, "invalid_token")

    @pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
    def test_nothing_but_reading(self, client: Browser, give: Give, method: str) -> None:
        response = getattr(client, method)(LIST, headers=bearer(give("alice")))
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


class TestASiteWithout:
    @pytest.mark.parametrize(
        "address",
        [LIST, DETAILS, "/o/applications/", "/o/authorize/", "/o/authorized_tokens/", "/o/applications/register/",
         "/.well-known/oauth-authorization-server"],
    )  # fmt: skip
    def test_has_no_such_page(self, as_dora: Browser, give: Give, settings: Any, address: str) -> None:
        settings.OAUTH_ENABLED = False
        assert as_dora.get(address, headers=bearer(give("dora"))).status_code == 404

    def test_gives_no_tokens_and_says_nothing_of_it(self, as_alice: Browser, settings: Any) -> None:
        settings.OAUTH_ENABLED = False
        assert as_alice.post("/o/token/").status_code == as_alice.post("/o/revoke_token/").status_code == 404
        assert "/o/" not in as_alice.get("/user/profile/").content.decode()
