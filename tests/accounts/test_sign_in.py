"""Signing in and out, changing the password, choosing theme and language."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def sign_in(client: Client, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/user/login/", {"username": "alice", "password": password, **more})


class TestSignIn:
    def test_the_form_is_there_for_everybody(self, client: Client) -> None:
        page = client.get("/user/login/").content.decode()
        assert 'autocomplete="username"' in page
        assert 'autocomplete="current-password"' in page

    def test_the_right_password_leads_to_the_first_page(self, client: Client, alice: User) -> None:
        assert sign_in(client)["Location"] == "/"
        assert client.session["_auth_user_id"] == str(alice.pk)

    def test_it_leads_on_to_where_one_wanted_to_go(self, client: Client, alice: User) -> None:
        page = client.get("/user/login/?next=/history/").content.decode()
        assert 'name="next" value="/history/"' in page
        assert sign_in(client, next="/history/")["Location"] == "/history/"

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
    def test_it_never_leads_elsewhere(self, client: Client, alice: User, elsewhere: str) -> None:
        assert sign_in(client, next=elsewhere)["Location"] == "/"

    def test_a_wrong_password_gets_a_sentence(self, client: Client, alice: User) -> None:
        answer = sign_in(client, "wrong")
        assert answer.status_code == 200
        assert "do not belong together" in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_an_unknown_name_gets_the_same_sentence(self, client: Client, alice: User) -> None:
        answer = client.post("/user/login/", {"username": "nobody", "password": PASSWORD})
        assert "do not belong together" in answer.content.decode()

    def test_an_empty_field_gets_its_sentence(self, client: Client) -> None:
        answer = client.post("/user/login/", {"username": "", "password": ""})
        assert answer.content.decode().count("This field is required.") == 2

    def test_an_account_that_is_switched_off_stays_outside(self, client: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        sign_in(client)
        assert "_auth_user_id" not in client.session

    def test_who_is_signed_in_already_is_led_on(self, as_alice: Client) -> None:
        assert as_alice.get("/user/login/?next=/history/")["Location"] == "/history/"

    def test_a_form_from_elsewhere_gets_our_sentence(self, alice: User) -> None:
        answer = sign_in(Client(enforce_csrf_checks=True))
        assert answer.status_code == 403
        assert "This form was too old" in answer.content.decode()


class TestSignOut:
    def test_it_takes_a_form(self, as_alice: Client) -> None:
        assert as_alice.post("/user/logout/")["Location"] == "/user/login/"
        assert "_auth_user_id" not in as_alice.session

    def test_a_link_does_not_sign_anybody_out(self, as_alice: Client) -> None:
        assert as_alice.get("/user/logout/").status_code == 405
        assert "_auth_user_id" in as_alice.session


class TestPasswordChange:
    new = "quite another phrase"

    def change(self, client: Client, old: str, new: str, again: str) -> Any:
        return client.post("/user/pass_change/", {"old_password": old, "new_password1": new, "new_password2": again})

    def test_it_is_for_those_signed_in(self, client: Client) -> None:
        assert client.get("/user/pass_change/")["Location"] == "/user/login/?next=/user/pass_change/"

    def test_the_form_explains_the_rules(self, as_alice: Client) -> None:
        assert "at least 10 characters" in as_alice.get("/user/pass_change/").content.decode()

    def test_the_new_password_works_and_the_old_one_does_not(self, as_alice: Client, alice: User) -> None:
        answer = self.change(as_alice, PASSWORD, self.new, self.new)
        assert answer["Location"] == "/user/pass_change/done/"
        assert "Your password is changed" in as_alice.get("/user/pass_change/done/").content.decode()
        alice.refresh_from_db()
        assert alice.check_password(self.new)
        assert not alice.check_password(PASSWORD)

    def test_other_browsers_are_signed_out(self, as_alice: Client, alice: User) -> None:
        other = Client()
        other.force_login(alice)
        self.change(as_alice, PASSWORD, self.new, self.new)
        assert other.get("/user/pass_change/").status_code == 302
        assert as_alice.get("/user/pass_change/").status_code == 200

    def test_a_wrong_old_password_changes_nothing(self, as_alice: Client, alice: User) -> None:
        answer = self.change(as_alice, "wrong", self.new, self.new)
        assert 'id="id_old_password_error"' in answer.content.decode()
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD)

    def test_two_different_ones_are_told_at_the_field(self, as_alice: Client) -> None:
        answer = self.change(as_alice, PASSWORD, self.new, self.new + "x")
        assert 'id="id_new_password2_error"' in answer.content.decode()


class TestThemeAndLanguage:
    def test_the_chosen_theme_is_in_the_page_at_once(self, client: Client) -> None:
        assert client.post("/theme/", {"theme": "dark", "next": "/user/login/"})["Location"] == "/user/login/"
        assert 'data-bs-theme="dark"' in client.get("/user/login/").content.decode()

    def test_a_theme_that_does_not_exist_is_not_remembered(self, client: Client) -> None:
        client.post("/theme/", {"theme": '"><script>'})
        assert "theme" not in client.cookies
        client.cookies["theme"] = "neon"
        assert 'data-theme="auto"' in client.get("/user/login/").content.decode()

    def test_it_leads_back_to_our_pages_only(self, client: Client) -> None:
        assert client.post("/theme/", {"theme": "dark", "next": "https://evil.example/"})["Location"] == "/"

    def test_a_link_does_not_change_it(self, client: Client) -> None:
        assert client.get("/theme/?theme=dark").status_code == 405

    def test_the_page_speaks_the_chosen_language(self, client: Client) -> None:
        client.post("/setlang/", {"language": "el", "next": "/user/login/"})
        assert '<html lang="el"' in client.get("/user/login/").content.decode()


class TestShell:
    def test_the_account_menu_signs_out_by_a_form(self, as_alice: Client) -> None:
        page = as_alice.get("/user/pass_change/").content.decode()
        assert '<form method="post" action="/user/logout/">' in page
        assert "Signed in as alice" in page

    def test_the_site_has_its_own_name(self, client: Client, settings: Any) -> None:
        settings.BRANDING = {**settings.BRANDING, "TITLE": "Nimbus & Co"}
        assert "Nimbus &amp; Co" in client.get("/user/login/").content.decode()

    def test_only_staff_find_the_admin(self, as_alice: Client, alice: User) -> None:
        assert "/admin/" not in as_alice.get("/user/pass_change/").content.decode()
        User.objects.filter(pk=alice.pk).update(is_staff=True)
        assert "/admin/" in as_alice.get("/user/pass_change/").content.decode()


class TestPatterns:
    def test_developers_see_every_component(self, client: Client) -> None:
        page = client.get("/patterns/").content.decode()
        for part in ("jobstrip", "notice-bad", "tag-hold", "meter", "toast-note", "pagination", "is-invalid", "empty"):
            assert part in page

    def test_others_find_nothing(self, client: Client, settings: Any) -> None:
        settings.SHOW_PATTERNS = False
        assert client.get("/patterns/").status_code == 404


class TestErrorPages:
    def test_nothing_here_is_said_in_words_and_leads_on(self, client: Client) -> None:
        answer = client.get("/no/such/page/")
        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()

    def test_a_defect_names_the_entry_in_the_log_and_asks_nothing_of_the_shell(self, rf: Any) -> None:
        from accounts.middleware import RequestIdMiddleware
        from accounts.views.shell import server_error

        answer = RequestIdMiddleware(server_error)(rf.get("/"))
        assert answer.status_code == 500
        assert f"recorded under {answer['X-Request-ID']}" in answer.content.decode()
