"""Programs: who registers them, what they may be, whose they are; and the access that people take away again."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse
from oauth2_provider.models import AccessToken, Application

from apps.audit import events
from apps.audit.models import AuditEntry
from tests.api.conftest import CALLBACK, SECRET, Give, bearer

pytestmark = pytest.mark.django_db

PROGRAMS, REGISTER, ACCESS = "/o/applications/", "/o/applications/register/", "/o/authorized_tokens/"


def typed(**more: str) -> dict[str, str]:
    return {"name": "Dashboard", "kind": "server", "redirect_uris": CALLBACK, **more}


def page(response: Any) -> str:
    return html.unescape(response.content.decode())


def told() -> list[tuple[str, str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("requester_name", "action", "person", "detail"))


class TestWhoRegisters:
    def test_superusers_alone_unless_the_site_says_otherwise(self, sign_in: Any, settings: Any) -> None:
        for name in ("alice", "bob", "carla", "charlie", "erik"):
            assert sign_in(name).post(REGISTER, typed()).status_code == 403
        assert sign_in("dora").post(REGISTER, typed()).status_code == 200
        settings.OAUTH_EVERYBODY_REGISTERS = True
        assert sign_in("alice").post(REGISTER, typed()).status_code == 200
        owners = Application.objects.order_by("pk").values_list("user__username", flat=True)
        assert list(owners) == ["dora", "alice"]

    def test_whoever_holds_the_permission(self, sign_in: Any, people: dict[str, User]) -> None:
        people["alice"].user_permissions.add(Permission.objects.get(codename="add_application"))
        assert sign_in("alice").post(REGISTER, typed()).status_code == 200

    def test_the_list_says_whom_to_ask(self, as_alice: Browser, settings: Any) -> None:
        assert "ask them" in page(as_alice.get(PROGRAMS))
        settings.OAUTH_EVERYBODY_REGISTERS = True
        assert REGISTER in page(as_alice.get(PROGRAMS))


class TestASecret:
    def test_is_shown_once_and_kept_as_a_hash(self, as_dora: Browser) -> None:
        response = as_dora.post(REGISTER, typed())
        program = Application.objects.get()
        (secret,) = set(re.findall(r'data-copy="(\w{100,})"', page(response)))
        assert check_password(secret, program.client_secret)
        assert "no-store" in response.headers["Cache-Control"]
        assert secret not in page(as_dora.get(f"{PROGRAMS}{program.pk}/"))
        assert secret not in str(told()) + str(dict(as_dora.session))

    def test_a_new_one_makes_the_old_one_void(self, sign_in: Any, program: Application) -> None:
        response = sign_in("erik").post(f"{PROGRAMS}{program.pk}/secret/")
        (secret,) = set(re.findall(r'data-copy="(\w{100,})"', page(response)))
        program.refresh_from_db()
        assert check_password(secret, program.client_secret)
        assert not check_password(SECRET, program.client_secret)
        assert told()[0][:3] == ("erik", events.PROGRAM_SECRET, "erik")

    def test_who_can_keep_none_gets_none(self, as_dora: Browser) -> None:
        response = as_dora.post(REGISTER, typed(kind="open"))
        assert response.status_code == 302
        assert "secret" not in page(as_dora.get(response["Location"])).lower()
        before = Application.objects.get().client_secret
        as_dora.post(f"{response['Location']}secret/")
        assert Application.objects.get().client_secret == before


class TestWhatIsRegistered:
    @pytest.mark.parametrize(
        "address",
        [
            "https://app.example.org/callback",
            "https://app.example.org:8443/a/b?c=d",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8000/callback",
            "http://[::1]/callback",
            "http://localhost:3000/",
        ],
    )
    def test_addresses_that_are_good(self, as_dora: Browser, address: str) -> None:
        as_dora.post(REGISTER, typed(redirect_uris=address))
        assert Application.objects.get().redirect_uris == address

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("http://app.example.org/callback", "has to begin with https://"),
            ("http://127.0.0.1.example.org/", "has to begin with https://"),
            ("ftp://app.example.org/", "has to begin with https://"),
            ("javascript://app.example.org/%0aalert(1)", "has to begin with https://"),
            ("https://app.example.org/#part", "is no whole address"),
            ("https://*.example.org/", "is no whole address"),
            ("https://user@app.example.org/", "is no whole address"),
            ("https://", "is no whole address"),
            ("app.example.org/callback", "is no whole address"),
            ("https://app.example.org:port/", "is no whole address"),
            ("https://[bad/", "is no whole address"),
            ("https://ετικέτα.example.org/", "is no whole address"),
            ('https://app.example.org/"><script>', "is no whole address"),
            ("https://app.example.org/" + "a" * 500, "is no whole address"),
            ("", "This field is required"),
            (" ".join(f"https://app{number}.example.org/" for number in range(11)), "At most 10 addresses"),
        ],
    )
    def test_addresses_that_are_not(self, as_dora: Browser, address: str, words: str) -> None:
        response = as_dora.post(REGISTER, typed(redirect_uris=address))
        assert response.status_code == 200
        assert words in page(response)
        assert "Dashboard" in page(response), "what was typed is not lost"
        assert not Application.objects.exists()

    @pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "x" * 101}, {"kind": "other"}, {"kind": ""}])
    def test_what_is_missing_is_said_at_its_field(self, as_dora: Browser, wrong: dict[str, str]) -> None:
        assert f"id_{next(iter(wrong))}_error" in page(as_dora.post(REGISTER, typed(**wrong)))
        assert not Application.objects.exists()


class TestTheImplicitGrant:
    def test_is_for_superusers_to_allow(self, sign_in: Any, settings: Any) -> None:
        settings.OAUTH_EVERYBODY_REGISTERS = True
        assert "implicit" not in page(sign_in("alice").get(REGISTER))
        sign_in("alice").post(REGISTER, typed(kind="implicit"))
        assert not Application.objects.exists()
        sign_in("dora").post(REGISTER, typed(kind="implicit"))
        assert Application.objects.get().authorization_grant_type == Application.GRANT_IMPLICIT

    def test_is_not_offered_where_the_site_has_none(self, as_dora: Browser, settings: Any) -> None:
        settings.OAUTH_IMPLICIT_GRANT = False
        assert "implicit" not in page(as_dora.get(REGISTER))

    def test_stays_with_a_program_that_has_it_and_not_once_given_up(
        self, sign_in: Any, registered: Callable[..., Application]
    ) -> None:
        program = registered("implicit", client_type=Application.CLIENT_CONFIDENTIAL)
        where, erik = f"{PROGRAMS}{program.pk}/update/", sign_in("erik")
        erik.post(where, typed(name="Another", kind="implicit"))
        program.refresh_from_db()
        assert (program.name, program.client_type) == ("Another", Application.CLIENT_CONFIDENTIAL)
        erik.post(where, typed(kind="open"))
        erik.post(where, typed(kind="implicit"))
        assert Application.objects.get().authorization_grant_type == Application.GRANT_AUTHORIZATION_CODE


class TestWhoseTheyAre:
    def test_everybody_sees_their_own_and_superusers_all(self, sign_in: Any, program: Application) -> None:
        assert "Dashboard" in page(sign_in("erik").get(PROGRAMS))
        assert "Dashboard" not in page(sign_in("alice").get(PROGRAMS))
        assert "Dashboard" in page(sign_in("dora").get(PROGRAMS))

    def test_a_change_by_an_administrator_leaves_it_whose_it_is(self, as_dora: Browser, program: Application) -> None:
        as_dora.post(f"{PROGRAMS}{program.pk}/update/", typed(name="Renamed"))
        program.refresh_from_db()
        assert (program.name, program.user.get_username()) == ("Renamed", "erik")
        assert check_password(SECRET, program.client_secret)
        assert told() == [("dora", events.PROGRAM_CHANGED, "erik", f"Renamed ({program.client_id}): name")]

    def test_a_change_that_is_none_is_not_in_the_log(self, sign_in: Any, program: Application) -> None:
        sign_in("erik").post(f"{PROGRAMS}{program.pk}/update/", typed())
        assert told() == []

    def test_an_address_of_old_stays_and_is_warned_of(
        self, sign_in: Any, registered: Callable[..., Application]
    ) -> None:
        program = registered(addresses="http://old.example.org/cb")
        erik = sign_in("erik")
        assert "without encryption" in page(erik.get(f"{PROGRAMS}{program.pk}/"))
        erik.post(f"{PROGRAMS}{program.pk}/update/", typed(name="New", redirect_uris="http://old.example.org/cb"))
        assert Application.objects.get().name == "New"

    def test_removing_says_what_goes_with_it_and_takes_it(self, sign_in: Any, program: Application, give: Give) -> None:
        token, erik = give("alice"), sign_in("erik")
        give("bob")
        where = f"{PROGRAMS}{program.pk}/delete/"
        assert "2 people let it read" in page(erik.get(where))
        assert Application.objects.exists(), "looking removes nothing"
        assert erik.post(where).status_code == 302
        assert not Application.objects.exists()
        assert erik.get("/user/details/", headers=bearer(token)).status_code == 401
        assert told() == [("erik", events.PROGRAM_REMOVED, "erik", f"Dashboard ({program.client_id})")]

    def test_registering_is_in_the_log(self, as_dora: Browser) -> None:
        as_dora.post(REGISTER, typed())
        assert told()[0][:3] == ("dora", events.PROGRAM_ADDED, "dora")

    def test_the_admin_has_none_of_it(self, as_dora: Browser) -> None:
        assert "oauth2_provider" not in page(as_dora.get("/admin/"))
        assert as_dora.get("/admin/oauth2_provider/accesstoken/").status_code == 404


class TestAccess:
    def test_is_listed_once_for_each_program(
        self, as_alice: Browser, give: Give, registered: Callable[..., Application]
    ) -> None:
        give("alice")
        give("alice")
        give("alice", minutes=-1)
        give("bob")
        registered(name="Nobody's")
        shown = page(as_alice.get(ACCESS))
        assert shown.count('<strong class="wrap">Dashboard</strong>') == 1
        assert "Nobody's" not in shown
        assert "1 program may read" in page(as_alice.get("/user/profile/"))

    def test_ends_at_once_and_for_nobody_else(self, as_alice: Browser, program: Application, give: Give) -> None:
        mine, hers = give("alice"), give("bob")
        response = as_alice.post(f"{ACCESS}{program.pk}/delete/", follow=True)
        assert "can read nothing of yours any more" in page(response)
        assert "No program has access" in page(response)
        assert as_alice.get("/user/details/", headers=bearer(mine)).status_code == 401
        assert as_alice.get("/user/details/", headers=bearer(hers)).status_code == 200
        assert told() == [("alice", events.ACCESS_TAKEN, "alice", f"Dashboard ({program.client_id})")]

    def test_of_others_is_nobodys_business(self, as_charlie: Browser, program: Application, give: Give) -> None:
        give("alice")
        assert as_charlie.post(f"{ACCESS}{program.pk}/delete/").status_code == 404
        assert AccessToken.objects.count() == 1

    def test_the_profile_leads_there(self, as_alice: Browser, settings: Any) -> None:
        assert "No program may read anything" in page(as_alice.get("/user/profile/"))
        assert reverse("oauth2_provider:authorized-token-list") in page(as_alice.get("/user/profile/"))
