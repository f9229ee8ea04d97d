"""Who sees and decides what: owners, those who may look at applications, and those who decide them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser

from apps.applications import decisions
from apps.applications.models import InstanceApplication
from apps.audit.models import Actor
from tests.applications.forms import LIST, SAVE, TYPED, a_cluster
from tests.applications.test_applying import filed, text

pytestmark = pytest.mark.django_db

Status = InstanceApplication.Status


@pytest.fixture
def application(people: dict[str, User]) -> InstanceApplication:
    return filed(people["alice"])


@pytest.fixture
def with_permission(people: dict[str, User], sign_in: Callable[[str], Browser]) -> Callable[[str], Browser]:
    """Charlie, who has one permission."""

    def granted(codename: str) -> Browser:
        permission = Permission.objects.get(content_type__app_label="apply", codename=codename)
        people["charlie"].user_permissions.add(permission)
        return sign_in("charlie")

    return granted


@pytest.fixture
def looker(with_permission: Any) -> Browser:
    return with_permission("view_applications")


@pytest.fixture
def reviewer(with_permission: Any) -> Browser:
    return with_permission("change_instanceapplication")


class TestWhoMayLook:
    def test_sees_the_list_and_every_application_but_no_way_to_decide(
        self, looker: Browser, application: InstanceApplication
    ) -> None:
        page = text(looker.get(LIST))
        assert f'href="/application/{application.pk}/"' in page
        assert "review" not in page
        assert SAVE not in page
        page = text(looker.get(f"/application/{application.pk}/"))
        assert "/review/" not in page
        assert "Withdraw" not in page

    @pytest.mark.parametrize("verb", ["accept", "try", "reject", "discard", "ask", "save", "show"])
    def test_decides_nothing(self, looker: Browser, application: InstanceApplication, verb: str) -> None:
        answer = looker.post(f"/application/{application.pk}/review/", {"do": verb, "words": "x", "version": 1})
        assert answer.status_code == 403
        assert application.events.count() == 1

    def test_makes_no_vm(self, looker: Browser) -> None:
        assert looker.get(SAVE).status_code == 403
        assert looker.post(SAVE, {**TYPED, "do": "accept"}).status_code == 403

    def test_neither_answers_nor_withdraws_for_another(self, looker: Browser, application: InstanceApplication) -> None:
        for verb in ("answer", "withdraw", "again"):
            assert looker.post(f"/application/{application.pk}/{verb}/", {"text": "x"}).status_code == 403


class TestWhoDecides:
    def test_needs_no_other_permission(self, reviewer: Browser, application: InstanceApplication) -> None:
        a_cluster()
        assert f"/application/{application.pk}/review/" in text(reviewer.get(LIST))
        assert reviewer.get(f"/application/{application.pk}/review/").status_code == 200
        assert reviewer.get(SAVE).status_code == 200
        reviewer.post(f"/application/{application.pk}/review/", {"do": "reject", "words": "No.", "version": 1})
        application.refresh_from_db()
        assert (application.status, application.reviewer.username) == (Status.REFUSED, "charlie")

    def test_gets_no_links_to_pages_that_are_closed_to_them(
        self, reviewer: Browser, application: InstanceApplication
    ) -> None:
        assert "/user/info/" not in text(reviewer.get(f"/application/{application.pk}/review/"))

    def test_not_while_the_account_is_switched_off(
        self, reviewer: Browser, people: dict[str, User], application: InstanceApplication
    ) -> None:
        User.objects.filter(username="charlie").update(is_active=False)
        assert reviewer.get(LIST).status_code == 302


class TestEverybodyElse:
    @pytest.mark.parametrize("who", ["bob", "carla", "charlie", "erik"])
    def test_does_not_learn_whether_there_is_such_an_application(
        self, sign_in: Any, application: InstanceApplication, who: str
    ) -> None:
        browser = sign_in(who)
        for path in ("", "review/"):
            there = browser.get(f"/application/{application.pk}/{path}")
            nowhere = browser.get(f"/application/999999/{path}")
            assert (there.status_code, nowhere.status_code) == (404, 404)
        for path in ("withdraw/", "answer/", "again/", "review/"):
            assert browser.post(f"/application/{application.pk}/{path}").status_code == 404

    def test_a_huge_number_is_no_application(self, as_alice: Browser) -> None:
        assert as_alice.get(f"/application/{'9' * 30}/").status_code == 404

    def test_the_navigation_leads_to_what_one_may_see(
        self, as_alice: Browser, as_dora: Browser, application: InstanceApplication
    ) -> None:
        assert LIST not in text(as_alice.get("/application/mine/"))
        assert LIST in text(as_dora.get("/application/mine/"))


class TestTheDesk:
    def test_the_page_of_a_user_shows_what_they_asked_for(
        self, as_dora: Browser, people: dict[str, User], application: InstanceApplication
    ) -> None:
        decisions.refuse(application, Actor(people["dora"]), "No.")
        page = text(as_dora.get("/user/info/user/alice/"))
        assert 'id="applications-of-user"' in page
        assert f'href="/application/{application.pk}/"' in page
        assert "1 rejected" in page
        assert "They have not applied" in text(as_dora.get("/user/info/user/charlie/"))

    def test_not_to_those_who_may_not_see_applications(self, as_bob: Browser, application: InstanceApplication) -> None:
        assert "applications-of-user" not in text(as_bob.get("/user/info/user/alice/"))

    def test_a_group_has_none(self, as_dora: Browser) -> None:
        assert "applications-of-user" not in text(as_dora.get("/user/info/group/noc/"))
