"""Signing in and out, changing the password, choosing theme and language."""

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from registration.models import RegistrationProfile

from apps.audit.models import AuditEntry

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


class CountingHasher(MD5PasswordHasher):
    """Work is counted and not timed."""

    algorithm = "counting"
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.hashed += 1
        return super().encode(password, salt)


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

    @pytest.mark.parametrize("odd", ["foo", "user-instances", "?next=x", "."])
    def test_a_word_that_is_no_address_is_no_error_page(self, client: Client, alice: User, odd: str) -> None:
        assert client.post("/theme/", {"theme": "dark", "next": odd})["Location"] == "/"

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

    @pytest.mark.parametrize("name", ["alice@example.org", "ALICE@Example.ORG"])
    def test_the_address_does_as_well_as_the_name(self, client: Client, alice: User, name: str) -> None:
        User.objects.filter(pk=alice.pk).update(email="Alice@example.org")
        client.post("/user/login/", {"username": name, "password": PASSWORD})
        assert client.session["_auth_user_id"] == str(alice.pk)

    def test_a_user_name_comes_before_an_address(self, client: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(email="bob@example.org")
        bob = User.objects.create_user("bob@example.org", password=PASSWORD)
        client.post("/user/login/", {"username": "bob@example.org", "password": PASSWORD})
        assert client.session["_auth_user_id"] == str(bob.pk)

    def test_an_address_of_two_accounts_signs_in_nobody(self, client: Client) -> None:
        for name in ("alice", "alice2"):
            User.objects.create_user(name, "alice@example.org", PASSWORD)
        answer = client.post("/user/login/", {"username": "alice@example.org", "password": PASSWORD})
        assert "do not belong together" in answer.content.decode()

    def test_a_registration_without_proof_keeps_nobody_from_using_their_address(self, client: Client) -> None:
        User.objects.create_user("mallory", "alice@example.org", PASSWORD, is_active=False)
        alice = User.objects.create_user("alice", "alice@example.org", PASSWORD)
        client.post("/user/login/", {"username": "alice@example.org", "password": PASSWORD})
        assert client.session["_auth_user_id"] == str(alice.pk)

    @pytest.mark.parametrize("name", ["alice", "nobody", "nobody@example.org", "x" * 255 + "@example.org"])
    def test_an_unknown_account_costs_as_much_work_as_a_known_one(
        self, client: Client, alice: User, settings: Any, name: str
    ) -> None:
        settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
        alice.set_password(PASSWORD)
        alice.save()
        CountingHasher.hashed = 0
        client.post("/user/login/", {"username": name[:254], "password": "wrong"})
        assert CountingHasher.hashed == 1

    @pytest.mark.parametrize("name", ["", " ", "\0", "a" * 10_000, "ali\nce", "'; drop table", "ａｌｉｃｅ"])
    def test_odd_names_get_a_sentence(self, client: Client, name: str) -> None:
        answer = client.post("/user/login/", {"username": name, "password": "x" * 100_000})
        assert answer.status_code == 200
        assert 'class="error"' in answer.content.decode() or "do not belong together" in answer.content.decode()

    def test_each_sign_in_is_in_the_log(self, client: Client, alice: User) -> None:
        sign_in(client)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.requester, entry.outcome) == ("Sign-in", alice, "succeeded")

    def test_so_is_a_wrong_password_without_what_was_typed(self, client: Client, alice: User) -> None:
        sign_in(client, "wrong")
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.person, entry.outcome) == ("Sign-in failed", "alice", "refused")
        assert entry.requester is None
        assert entry.detail == ""

    def test_so_is_the_right_password_of_an_account_that_is_switched_off(self, client: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        sign_in(client)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.person, entry.outcome) == ("Sign-in failed", "alice", "refused")
        assert entry.detail == "The password was right, but the account is not active."

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


class TestWhatStandsInTheWay:
    """The right password is told what is missing; to everybody else all accounts are alike."""

    @pytest.fixture
    def waiting(self, alice: User) -> RegistrationProfile:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        return RegistrationProfile.objects.create(user=alice, activation_key="k" * 40)

    def test_who_has_not_proved_the_address_gets_the_link_again(
        self, client: Client, waiting: RegistrationProfile
    ) -> None:
        page = sign_in(client).content.decode()
        assert "have yet to prove your e-mail address" in page
        assert 'href="/accounts/activate/resend/"' in page

    def test_who_waits_for_approval_is_told_so(self, client: Client, waiting: RegistrationProfile) -> None:
        RegistrationProfile.objects.update(activated=True)
        assert "waits for an administrator" in sign_in(client).content.decode()

    def test_who_was_switched_off_is_told_so(self, client: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert "is switched off" in sign_in(client).content.decode()

    def test_a_wrong_password_is_told_nothing_of_it(self, client: Client, waiting: RegistrationProfile) -> None:
        page = sign_in(client, "wrong").content.decode()
        assert "do not belong together" in page
        assert "e-mail address" not in page

    def test_the_right_password_is_no_failed_try(self, client: Client, waiting: RegistrationProfile) -> None:
        for _ in range(9):
            assert sign_in(client).status_code == 200
        assert not AccessAttempt.objects.exists()

    def test_a_session_ends_when_the_account_is_switched_off(self, as_alice: Client, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert as_alice.get("/user/pass_change/").status_code == 302


class TestThePage:
    def test_it_asks_for_the_name_first(self, client: Client) -> None:
        page = client.get("/user/login/").content.decode()
        assert page.count("autofocus") == 1
        assert page.index("autofocus") < page.index('name="password"')

    def test_it_leads_to_a_new_password_and_to_registering(self, client: Client) -> None:
        page = client.get("/user/login/").content.decode()
        assert 'href="/accounts/password/reset/"' in page
        assert 'href="/accounts/register/"' in page

    def test_where_registration_is_closed_it_does_not(self, client: Client, settings: Any) -> None:
        settings.REGISTRATION_OPEN = False
        assert "/accounts/register/" not in client.get("/user/login/").content.decode()

    def test_it_has_the_sites_own_words_and_pages(self, client: Client, settings: Any) -> None:
        settings.BRANDING = {
            **settings.BRANDING,
            "MOTTO": "Fast & near",
            "ABOUT_LINK": "https://www.example.org/about",
            "VIDEO": "https://video.example.org/watch",
            "LOGO": "/static/logo.svg",
        }
        page = client.get("/user/login/").content.decode()
        assert "Fast &amp; near" in page
        assert 'href="https://www.example.org/about"' in page
        assert '<img src="/static/logo.svg"' in page
        assert 'href="https://video.example.org/watch" target="_blank" rel="noopener noreferrer"' in page

    def test_the_provider_and_its_networks_are_in_the_footer(self, client: Client, settings: Any) -> None:
        networks = [{"URL": "https://www.social.example/@vps", "FONT_AWESOME_NAME": "fa-y"}, {"URL": "/y", "NAME": "Y"}]
        provider = {"NAME": "Example", "URL": "https://www.example.org", "SOCIAL_NETWORKS": networks}
        settings.BRANDING = {**settings.BRANDING, "SERVICE_PROVIDED_BY": provider}
        page = client.get("/user/login/").content.decode()
        assert '<a href="https://www.example.org">Example</a>' in page
        assert '<a href="https://www.social.example/@vps" rel="noopener">social.example</a>' in page
        assert '<a href="/y" rel="noopener">Y</a>' in page

    def test_nothing_of_a_film_is_loaded_before_somebody_wants_it(self, client: Client, settings: Any) -> None:
        settings.BRANDING = {**settings.BRANDING, "VIDEO": "https://video.example.org/watch"}
        answer = client.get("/user/login/")
        page = answer.content.decode()
        assert not re.search(r"<(iframe|video|img|script|link)[^>]+video\.example\.org", page)
        assert "frame-src" not in answer["Content-Security-Policy"]

    @pytest.mark.parametrize("path", ["login", "logout", "password/change"])
    def test_old_addresses_lead_on(self, client: Client, path: str) -> None:
        assert client.get(f"/accounts/{path}/").status_code == 302

    def test_the_old_sign_in_address_knows_where_one_wanted_to_go(self, client: Client) -> None:
        assert client.get("/accounts/login/?next=/history/")["Location"] == "/user/login/?next=/history/"


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
