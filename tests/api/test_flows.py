"""The flows, by a real OAuth2 client (requests-oauthlib) against a live server, and whatever they must not let pass."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken
from oauthlib.oauth2 import InvalidClientError, InvalidGrantError, MobileApplicationClient
from requests_oauthlib import OAuth2Session

from apps.api import tokens
from apps.audit import events
from apps.audit.models import AuditEntry
from tests import estate
from tests.api.callback import Callback, a_program_listens
from tests.api.conftest import CALLBACK, SECRET, Give, bearer

AUTHORIZE, TOKEN = "/o/authorize/", "/o/token/"
CHALLENGE = {"code_challenge": "a" * 43, "code_challenge_method": "S256"}

Register = Callable[..., Application]


def asked(program: Application, **more: str) -> dict[str, str]:
    """What a program sends people's browsers with."""
    usual = {
        "client_id": program.client_id,
        "response_type": "code",
        "redirect_uri": program.redirect_uris.split()[0],
        "state": "xyz",
        **CHALLENGE,
    }
    return {name: value for name, value in {**usual, **more}.items() if value}


def told(response: Any) -> dict[str, str]:
    """What the program is told in the address that people are sent back to."""
    parts = urlsplit(response["Location"])
    return dict(parse_qsl(parts.query or parts.fragment))


class Person:
    """Somebody with a browser at the live server, who answers what a program asks."""

    def __init__(self, site: str, name: str) -> None:
        self.site = site
        self.session = requests.Session()
        self.post(f"{site}/user/login/", username=name, password=name)

    def post(self, address: str, **fields: str) -> requests.Response:
        page = self.session.get(address, timeout=20).text
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[-1]
        data = {"csrfmiddlewaretoken": token, **fields}
        return self.session.post(address, data=data, headers={"Referer": address}, timeout=20)

    def lets_in(self, address: str) -> requests.Response:
        return self.post(address, allow="yes")


@pytest.mark.django_db(transaction=True)
class TestARealClient:
    @pytest.fixture(autouse=True)
    def without_tls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

    @pytest.fixture
    def callback(self) -> Iterator[Callback]:
        with a_program_listens() as callback:
            yield callback

    @pytest.fixture
    def vms(self, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"))

    @pytest.mark.parametrize("kind", ["server", "open"])
    def test_a_code_with_pkce_and_all_that_comes_of_it(
        self, live_server: Any, callback: Callback, registered: Register, vms: None, kind: str
    ) -> None:
        site: str = live_server.url
        program = registered(kind, callback.address)
        proof = {"client_secret": SECRET} if kind == "server" else {"include_client_id": True}
        client = OAuth2Session(program.client_id, redirect_uri=callback.address, scope=["read"], pkce="S256")
        address, state = client.authorization_url(site + AUTHORIZE)

        back = Person(site, "alice").lets_in(address)
        assert "Back at the program" in back.text
        assert (callback.told["state"], callback.told["iss"]) == (state, site)

        first = client.fetch_token(site + TOKEN, authorization_response=back.url, **proof)
        assert (first["token_type"], first["expires_in"], first["scope"]) == ("Bearer", 3600, ["read"])
        assert client.get(f"{site}/user/details/").json()["username"] == "alice"
        assert client.get(f"{site}/instances/list/").json()["response"]["instances"] == ["web.example.org"]

        with pytest.raises(InvalidGrantError):
            client.fetch_token(site + TOKEN, authorization_response=back.url, **proof)
        auth = {"client_id": program.client_id, **({"client_secret": SECRET} if kind == "server" else {})}
        second = client.refresh_token(site + TOKEN, refresh_token=first["refresh_token"], **auth)
        assert second["access_token"] != first["access_token"]
        assert second["refresh_token"] != first["refresh_token"]
        assert (
            requests.get(f"{site}/user/details/", headers=bearer(first["access_token"]), timeout=20).status_code == 401
        )
        assert client.get(f"{site}/user/details/").status_code == 200

        ended = requests.post(f"{site}/o/revoke_token/", {"token": second["refresh_token"], **auth}, timeout=20)
        assert ended.status_code == 200
        assert client.get(f"{site}/user/details/").status_code == 401
        log = AuditEntry.objects.order_by("pk").exclude(action__startswith="Sign").values_list("action", "person")
        assert list(log) == [(events.ACCESS_GIVEN, "alice"), (events.ACCESS_TAKEN, "alice")]

    def test_the_implicit_grant_as_in_ganetimgr_2(
        self, live_server: Any, callback: Callback, registered: Register, vms: None
    ) -> None:
        program = registered("implicit", callback.address)
        client = OAuth2Session(client=MobileApplicationClient(program.client_id), redirect_uri=callback.address)
        address, _state = client.authorization_url(live_server.url + AUTHORIZE)
        back = Person(live_server.url, "alice").lets_in(address)
        token = client.token_from_fragment(back.url)
        assert token["expires_in"] == 6048000
        assert "refresh_token" not in token
        assert not urlsplit(callback.visits[-1]).query, "what is behind the # never reaches a server"
        query = {"access_token": token["access_token"]}
        found = requests.get(f"{live_server.url}/instances/list/", query, timeout=20).json()
        assert found["response"]["instances"] == ["web.example.org"]

    def test_a_wrong_secret_and_a_wrong_verifier(
        self, live_server: Any, callback: Callback, registered: Register, people: Any
    ) -> None:
        program = registered("server", callback.address)
        client = OAuth2Session(program.client_id, redirect_uri=callback.address, pkce="S256")
        address, _state = client.authorization_url(live_server.url + AUTHORIZE)
        back = Person(live_server.url, "alice").lets_in(address)
        with pytest.raises(InvalidClientError):
            client.fetch_token(live_server.url + TOKEN, authorization_response=back.url, client_secret="wrong")
        client._code_verifier = "b" * 64
        with pytest.raises(InvalidGrantError):
            client.fetch_token(live_server.url + TOKEN, authorization_response=back.url, client_secret=SECRET)


@pytest.mark.django_db
class TestAsking:
    def test_says_who_asks_for_what_and_where_one_is_sent(self, as_alice: Browser, registered: Register) -> None:
        page = as_alice.get(AUTHORIZE, asked(registered(name="<b>Dash</b>"))).content.decode()
        for words in (
            "&lt;b&gt;Dash&lt;/b&gt;",
            "run by erik",
            "app.example.org",
            "alice@example.org",
            "names of your VMs",
        ):
            assert words in page
        assert "<b>Dash" not in page

    def test_the_form_may_lead_to_the_program_and_nowhere_else(self, as_alice: Browser, program: Application) -> None:
        response = as_alice.get(AUTHORIZE, asked(program))
        policy = response.headers["Content-Security-Policy"]
        assert f"form-action 'self' {CALLBACK};" in f"{policy};"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert "no-store" in response.headers["Cache-Control"]

    def test_an_address_cannot_end_the_policy(self, as_alice: Browser, registered: Register) -> None:
        program = registered(addresses="https://app.example.org/a;script-src'x',y")
        policy = as_alice.get(AUTHORIZE, asked(program)).headers["Content-Security-Policy"]
        assert "https://app.example.org/a%3Bscript-src%27x%27%2Cy" in policy
        assert policy.count("script-src") == 2

    def test_who_is_not_signed_in_is_asked_to_first_and_comes_back(self, client: Browser, program: Application) -> None:
        response = client.get(AUTHORIZE, asked(program))
        assert response.status_code == 302
        where = urlsplit(response["Location"])
        assert where.path == "/user/login/"
        assert parse_qs(where.query)["next"] == [f"{AUTHORIZE}?{urlencode(asked(program))}"]

    @pytest.mark.parametrize("prompt", ["approval_prompt=auto", "prompt=none"])
    def test_everybody_is_asked_each_time(
        self, as_alice: Browser, give: Give, program: Application, prompt: str
    ) -> None:
        give("alice")
        Application.objects.update(skip_authorization=True)
        address = f"{AUTHORIZE}?{urlencode(asked(program))}&{prompt}"
        assert as_alice.get(address).status_code == 200
        assert Grant.objects.count() == 0

    def test_refusing_tells_the_program(self, as_alice: Browser, program: Application) -> None:
        answer = as_alice.post(f"{AUTHORIZE}?{urlencode(asked(program))}", {"allow": "no"})
        assert answer["Location"].startswith(f"{CALLBACK}?")
        assert (told(answer)["error"], told(answer)["state"]) == ("access_denied", "xyz")
        assert not Grant.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_refusing_an_implicit_one_tells_it_behind_the_fence(self, as_alice: Browser, registered: Register) -> None:
        program = registered("implicit")
        answer = as_alice.post(f"{AUTHORIZE}?{urlencode(asked(program, response_type='token'))}")
        assert answer["Location"].startswith(f"{CALLBACK}#error=access_denied")

    def test_another_site_cannot_press_the_button(self, people: Any, program: Application) -> None:
        browser = Browser(enforce_csrf_checks=True)
        browser.force_login(people["alice"])
        answer = browser.post(f"{AUTHORIZE}?{urlencode(asked(program))}", {"allow": "yes"})
        assert answer.status_code == 403
        assert not Grant.objects.exists()

    def test_what_is_posted_cannot_change_what_was_asked(self, as_alice: Browser, registered: Register) -> None:
        program = registered(addresses=f"{CALLBACK} https://app.example.org/other")
        stranger = registered(client_id="stranger", addresses="https://evil.example.org/")
        typed = {"allow": "yes", "redirect_uri": "https://evil.example.org/", "client_id": stranger.client_id}
        answer = as_alice.post(f"{AUTHORIZE}?{urlencode(asked(program))}", typed)
        assert "evil" not in answer.headers.get("Location", "")
        assert not Grant.objects.filter(application=stranger).exists()


@pytest.mark.django_db
class TestWhereOneIsSent:
    def _is_a_page(self, browser: Browser, query: dict[str, str]) -> None:
        for answer in (
            browser.get(AUTHORIZE, query),
            browser.post(f"{AUTHORIZE}?{urlencode(query)}", {"allow": "yes"}),
        ):
            assert answer.status_code == 400
            assert "Location" not in answer.headers
            assert "cannot be let in" in answer.content.decode()

    @pytest.mark.parametrize(
        "wrong",
        [
            "https://evil.example.org/callback",
            "https://app.example.org/callback/",
            "https://app.example.org/callback?more=1",
            "https://app.example.org/callback#x",
            "https://app.example.org:444/callback",
            "https://app.example.org:443/callback",
            "http://app.example.org/callback",
            "https://app.example.org/callback/../evil",
            "https://APP.example.org/callback",
            "https://app.example.org@evil.example.org/callback",
            "//app.example.org/callback",
            "javascript:alert(1)",
            "https://[bad/callback",
        ],
    )
    def test_nowhere_but_to_an_address_that_was_registered(
        self, as_alice: Browser, program: Application, wrong: str
    ) -> None:
        self._is_a_page(as_alice, asked(program, redirect_uri=wrong))

    def test_nobody_is_sent_anywhere_for_an_unknown_program(self, as_alice: Browser, program: Application) -> None:
        self._is_a_page(as_alice, asked(program, client_id="unknown"))
        self._is_a_page(as_alice, asked(program, client_id="unknown\0"))

    def test_without_an_address_to_the_only_one(self, as_alice: Browser, registered: Register) -> None:
        assert as_alice.get(AUTHORIZE, asked(registered(), redirect_uri="")).status_code == 200
        two = registered(addresses=f"{CALLBACK} {CALLBACK}/2")
        self._is_a_page(as_alice, asked(two, redirect_uri=""))

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
    def test_on_ones_own_machine_to_any_port(self, as_alice: Browser, registered: Register, host: str) -> None:
        program = registered("open", f"http://{host}/callback")
        assert as_alice.get(AUTHORIZE, asked(program, redirect_uri=f"http://{host}:40123/callback")).status_code == 200
        for wrong in (f"http://{host}:40123/other", f"https://{host}:40123/callback", f"http://{host}:0/callback"):
            self._is_a_page(as_alice, asked(program, redirect_uri=wrong))

    def test_any_port_is_for_ones_own_machine_only(self, as_alice: Browser, registered: Register) -> None:
        program = registered(addresses="http://localhost/callback http://app.example.org/callback")
        for host in ("localhost", "app.example.org"):
            self._is_a_page(as_alice, asked(program, redirect_uri=f"http://{host}:8080/callback"))

    def test_an_adopted_address_without_tls_still_works(self, as_alice: Browser, registered: Register) -> None:
        program = registered(addresses="http://old.example.org/callback")
        assert as_alice.get(AUTHORIZE, asked(program)).status_code == 200


@pytest.mark.django_db
class TestMistakesOfPrograms:
    @pytest.mark.parametrize(
        ("more", "error"),
        [
            ({"scope": "write"}, "invalid_scope"),
            ({"scope": "read write"}, "invalid_scope"),
            ({"response_type": "token"}, "unauthorized_client"),
            ({"response_type": "id_token"}, "unsupported_response_type"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": ""}, "invalid_request"),
            ({"resource": "no address"}, "invalid_target"),
        ],
    )
    def test_are_told_to_them_before_anybody_signs_in(
        self, client: Browser, program: Application, more: dict[str, str], error: str
    ) -> None:
        answer = client.get(AUTHORIZE, asked(program, **more))
        assert answer["Location"].startswith(CALLBACK)
        assert (told(answer)["error"], told(answer)["state"]) == (error, "xyz")
        assert told(answer)["iss"] == "http://testserver"

    def test_without_pkce_only_who_keeps_a_secret(self, as_alice: Browser, registered: Register) -> None:
        """Programs of ganetimgr 2.x knew nothing of it."""
        nothing = {"code_challenge": "", "code_challenge_method": ""}
        assert as_alice.get(AUTHORIZE, asked(registered("server"), **nothing)).status_code == 200
        answer = as_alice.get(AUTHORIZE, asked(registered("open"), **nothing))
        assert told(answer)["error"] == "invalid_request"

    def test_a_site_can_do_without_the_implicit_grant(
        self, as_alice: Browser, registered: Register, settings: Any
    ) -> None:
        query = asked(registered("implicit"), response_type="token")
        assert as_alice.get(AUTHORIZE, query).status_code == 200
        settings.OAUTH_IMPLICIT_GRANT = False
        assert told(as_alice.get(AUTHORIZE, query))["error"] == "unauthorized_client"

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_in_a_way_that_there_is_not(self, as_alice: Browser, program: Application, method: str) -> None:
        assert getattr(as_alice, method)(f"{AUTHORIZE}?{urlencode(asked(program))}").status_code == 405


@pytest.mark.django_db
class TestTheTokenAddress:
    @pytest.fixture
    def code(self, as_alice: Browser, program: Application) -> str:
        query = asked(program, code_challenge="", code_challenge_method="")
        return told(as_alice.post(f"{AUTHORIZE}?{urlencode(query)}", {"allow": "yes"}))["code"]

    def fields(self, program: Application, code: str = "", **more: str) -> dict[str, str]:
        usual = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return {**usual, "client_id": program.client_id, "client_secret": SECRET, **more}

    @pytest.mark.parametrize("address", [TOKEN, "/o/token"])
    def test_gives_tokens_that_nobody_keeps(
        self, client: Browser, program: Application, code: str, address: str
    ) -> None:
        answer = client.post(address, self.fields(program, code))
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"

    def test_the_database_has_only_their_hashes(self, client: Browser, program: Application, code: str) -> None:
        answer = client.post(TOKEN, self.fields(program, code)).json()
        access, refresh = AccessToken.objects.get(), RefreshToken.objects.get()
        assert (access.token, refresh.token) == ("", "")
        assert access.token_checksum == tokens.checksum(answer["access_token"])
        assert SECRET not in Application.objects.get().client_secret

    @pytest.mark.parametrize("grant", ["password", "client_credentials", "foo", ""])
    def test_knows_no_flow_that_goes_past_the_sign_in(self, client: Browser, registered: Register, grant: str) -> None:
        types = {"password": Application.GRANT_PASSWORD, "client_credentials": Application.GRANT_CLIENT_CREDENTIALS}
        program = registered(authorization_grant_type=types.get(grant, Application.GRANT_AUTHORIZATION_CODE))
        data = self.fields(program, grant_type=grant, username="alice", password="alice")
        answer = client.post(TOKEN, data)
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
        assert not AccessToken.objects.exists()

    def test_a_code_of_somebody_who_was_switched_off_meanwhile(
        self, client: Browser, program: Application, code: str
    ) -> None:
        User.objects.filter(username="alice").update(is_active=False)
        assert client.post(TOKEN, self.fields(program, code)).json()["error"] == "invalid_grant"

    def test_nor_can_their_access_be_renewed(self, client: Browser, program: Application, code: str) -> None:
        refresh = client.post(TOKEN, self.fields(program, code)).json()["refresh_token"]
        User.objects.filter(username="alice").update(is_active=False)
        data = self.fields(program, grant_type="refresh_token", refresh_token=refresh)
        assert client.post(TOKEN, data).json()["error"] == "invalid_grant"

    def test_an_old_code(self, client: Browser, program: Application, code: str) -> None:
        Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
        assert client.post(TOKEN, self.fields(program, code)).json()["error"] == "invalid_grant"

    def test_a_code_of_another_program_or_for_another_address(
        self, client: Browser, program: Application, registered: Register, code: str
    ) -> None:
        other = registered()
        assert client.post(TOKEN, self.fields(other, code)).json()["error"] == "invalid_grant"
        wrong = self.fields(program, code, redirect_uri="https://evil.example.org/")
        assert client.post(TOKEN, wrong).status_code == 400
        assert not AccessToken.objects.exists()

    def test_a_renewal_that_is_used_twice_ends_it_all(self, client: Browser, program: Application, code: str) -> None:
        first = client.post(TOKEN, self.fields(program, code)).json()
        data = self.fields(program, grant_type="refresh_token", refresh_token=first["refresh_token"])
        second = client.post(TOKEN, data).json()
        assert client.post(TOKEN, data).json()["error"] == "invalid_grant"
        assert client.get("/user/details/", headers=bearer(second["access_token"])).status_code == 401

    def test_is_for_posts(self, client: Browser, people: Any) -> None:
        assert client.get(TOKEN).status_code == client.get("/o/revoke_token/").status_code == 405

    def test_who_guesses_secrets_is_held_up(self, client: Browser, program: Application, settings: Any) -> None:
        settings.OAUTH_FAILURES_PER_HOUR = 3
        wrong = self.fields(program, "x", client_secret="wrong")
        answers = [client.post(TOKEN, wrong, REMOTE_ADDR="192.0.2.1").status_code for _ in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        held = client.post(TOKEN, self.fields(program, "x"), REMOTE_ADDR="192.0.2.1")
        assert (held.status_code, held.headers["Retry-After"]) == (429, "3600")
        assert client.post(TOKEN, self.fields(program, "x"), REMOTE_ADDR="192.0.2.2").status_code == 400
        assert client.post("/o/revoke_token/", wrong, REMOTE_ADDR="192.0.2.1").status_code == 429

    def test_tokens_of_others_cannot_be_revoked(self, client: Browser, registered: Register, give: Give) -> None:
        token, other = give("alice"), registered()
        proof = {"client_id": other.client_id, "client_secret": SECRET}
        assert client.post("/o/revoke_token/", {"token": token, **proof}).status_code == 200
        assert client.get("/user/details/", headers=bearer(token)).status_code == 200
        assert not AuditEntry.objects.exists()

    def test_what_is_good_for_nothing_is_swept_away(self, give: Give, program: Application, people: Any) -> None:
        give("alice", minutes=-5)
        kept = give("alice")
        Grant.objects.create(
            user=people["alice"], application=program, code="x", redirect_uri=CALLBACK, scope="read",
            expires=timezone.now() - timedelta(minutes=5),
        )  # fmt: skip
        tokens.forget_ended()
        assert list(AccessToken.objects.values_list("token_checksum", flat=True)) == [tokens.checksum(kept)]
        assert not Grant.objects.exists()

    def test_the_watcher_sweeps(self) -> None:
        from ganetimgr.worker import CHORES

        assert tokens.forget_ended in [chore.work for chore in CHORES if chore.every <= 86400]


@pytest.mark.django_db
def test_programs_find_out_by_themselves_where_things_are(client: Browser, settings: Any) -> None:
    found = client.get("/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == "http://testserver"
    assert found["authorization_endpoint"] == "http://testserver/o/authorize/"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert "implicit" in found["grant_types_supported"]
    settings.OAUTH_IMPLICIT_GRANT = False
    assert "implicit" not in client.get("/.well-known/oauth-authorization-server").json()["grant_types_supported"]
