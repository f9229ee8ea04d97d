"""What holds for every address of the matrix alike: forged forms, headers, cookies, hosts, where forms lead to."""

import re
from typing import Any

import pytest
from django.conf import settings as current
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.signals import post_delete, post_save
from django.http import HttpResponse
from django.test import Client as Browser

from accounts.models import OutgoingMail
from tests import estate
from tests.test_authorisation import AWAY, DENIED, MATRIX, NO_FLOW, NOBODY, NOT_SO, NOTHING, PAGE

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    " //evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
]
# Answered by the process itself to whoever restarts it or counts, before anything about people; no browser keeps them
FOR_MACHINES = ("healthz", "metrics")
FOR_EVERYBODY_ALIKE = ("oauth-server-metadata",)  # what programs find out of the site: the same whoever asks


@pytest.fixture
def north(people: Any, settings: Any) -> None:
    settings.OAUTH_ENABLED = True
    estate.put("north", estate.instance("web.example.org"))


def leads_to(response: HttpResponse) -> str:
    return response.headers.get("Location", "") or response.headers.get("HX-Redirect", "")


class TestForgedForms:
    def test_no_post_of_the_site_counts_without_a_token_of_ours(self, people: Any, north: None) -> None:
        """Of the superuser, who may all there is; the matrix has the same of Alice. Programs have secrets instead."""
        browser = Browser(enforce_csrf_checks=True)
        browser.force_login(people["dora"])
        for name, (address, _, answers) in MATRIX.items():
            status = browser.post(address).status_code
            assert status == DENIED or answers["dora"] == status in (NOT_SO, NOTHING, NO_FLOW), f"{name}: {status}"

    def test_nor_with_the_token_of_another_browser_or_from_another_origin(self, people: Any) -> None:
        browser, other = Browser(enforce_csrf_checks=True), Browser(enforce_csrf_checks=True)
        browser.force_login(people["alice"])
        token = other.get("/user/login/").cookies["csrftoken"].value
        assert browser.post("/theme/", {"theme": "dark", "csrfmiddlewaretoken": token}).status_code == DENIED
        own = browser.get("/user/profile/").cookies["csrftoken"].value
        form = {"theme": "dark", "csrfmiddlewaretoken": own}
        assert browser.post("/theme/", form, headers={"Origin": "https://evil.example"}).status_code == DENIED
        assert browser.post("/theme/", form, headers={"Origin": "null"}).status_code == DENIED
        assert browser.post("/theme/", form, headers={"Origin": "http://testserver"}).status_code == AWAY

    def test_no_get_changes_anything_that_is_kept(self, sign_in: Any, north: None) -> None:
        """But for what a reader leaves behind: the session, the moment of the last visit, that a history was taken."""
        changed: list[str] = []
        browser = sign_in("dora")
        address = ""

        def note(sender: Any, **kwargs: Any) -> None:
            if not sender.__module__.startswith(("django.contrib.sessions", "django.contrib.admin")):
                changed.append(f"{sender.__name__} by {address}")

        post_save.connect(note)
        post_delete.connect(note)
        try:
            for address, _, _ in MATRIX.values():
                browser.get(address)
        finally:
            post_save.disconnect(note)
            post_delete.disconnect(note)
        assert {one for one in changed if not one.startswith("AuditEntry by /history/export")} == set()


class TestWhereFormsLeadTo:
    @pytest.mark.parametrize("who", ["alice", "dora"])
    def test_no_address_of_the_site_leads_elsewhere(self, who: str, sign_in: Any, north: None) -> None:
        """Whatever `next` says, in the address and in the form."""
        browser = sign_in(who)
        wanted = "//evil.example/"
        for name, (address, gets, posts) in MATRIX.items():
            if AWAY not in (gets[who], posts[who]) or "logout" in name:
                continue
            there = f"{address}{'&' if '?' in address else '?'}next={wanted}"
            for answer in (browser.get(there), browser.post(there, {"next": wanted, "url": wanted})):
                assert "evil.example" not in re.sub(r"[?#].*", "", leads_to(answer)), f"{address} leads away"

    @pytest.mark.parametrize("wanted", ELSEWHERE)
    @pytest.mark.parametrize("address", ["/theme/", "/setlang/", "/user/session/extend/", "/clearcache/"])
    def test_nor_by_any_spelling(self, address: str, wanted: str, sign_in: Any) -> None:
        form = {"next": wanted, "theme": "dark", "language": "en"}
        there = leads_to(sign_in("dora").post(address, form))
        assert there.startswith("/")
        assert not there.startswith(("//", "/\\"))
        assert "\n" not in there
        assert "\t" not in there

    @pytest.mark.parametrize("wanted", ELSEWHERE)
    def test_nor_after_signing_in(self, wanted: str, people: Any) -> None:
        people["alice"].set_password("alice")
        people["alice"].save()
        there = leads_to(Browser().post("/user/login/", {"username": "alice", "password": "alice", "next": wanted}))
        assert there == "/"


class TestHeaders:
    def test_every_page_of_the_matrix_has_the_headers_that_protect_it(self, sign_in: Any, north: None) -> None:
        browsers = {"dora": sign_in("dora"), "alice": sign_in("alice"), NOBODY: Browser()}
        for who, browser in browsers.items():
            for name, (address, answers, _) in MATRIX.items():
                if name in FOR_MACHINES or (who != "dora" and answers[who] != PAGE):
                    continue
                told = browser.get(address).headers
                policy = told["Content-Security-Policy"]
                assert "default-src 'none'" in policy, address
                assert "'unsafe-inline'" not in policy, address
                assert "'unsafe-eval'" not in policy, address
                for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
                    assert directive in policy, f"{directive} at {address}"
                assert told["X-Frame-Options"] == "DENY", address
                assert told["X-Content-Type-Options"] == "nosniff", address
                assert told["Referrer-Policy"] in ("same-origin", "no-referrer"), address
                assert told["Cross-Origin-Opener-Policy"] == "same-origin", address
                assert "Access-Control-Allow-Origin" not in told, address
                is_of_somebody = who != NOBODY and answers[who] == PAGE and name not in FOR_EVERYBODY_ALIKE
                assert not is_of_somebody or is_private(told), f"{address} may be kept by others"

    def test_pages_for_machines_are_no_pages(self) -> None:
        for address in ("/healthz", "/metrics"):
            told = Browser().get(address).headers
            assert told["Content-Type"].startswith("text/plain")
            assert "no-store" in told["Cache-Control"]

    def test_what_the_site_serves_over_tls_says_that_it_stays_there(self, settings: Any) -> None:
        conf = (current.BASE_DIR / "contrib" / "nginx" / "ganetimgr.conf").read_text()
        assert 'add_header Strict-Transport-Security "max-age=31536000" always;' in conf
        assert "ssl_protocols TLSv1.2 TLSv1.3;" in conf


def is_private(headers: Any) -> bool:
    """Whether no proxy may keep it: said so, or answered differently for each cookie."""
    cache = headers.get("Cache-Control", "")
    return "private" in cache or "no-store" in cache or "Cookie" in headers.get("Vary", "")


class TestCookies:
    def test_the_session_s_is_for_us_alone_and_out_of_reach_of_scripts(self, people: Any) -> None:
        people["alice"].set_password("alice")
        people["alice"].save()
        browser = Browser()
        browser.post("/user/login/", {"username": "alice", "password": "alice"})
        cookie = browser.cookies["sessionid"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert not cookie["domain"]

    @pytest.mark.parametrize("behind_a_proxy", [True, False])
    def test_over_https_no_cookie_travels_in_clear_text(self, behind_a_proxy: bool, people: Any, settings: Any) -> None:
        """Whether or not the site's settings think of it."""
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        people["alice"].set_password("alice")
        people["alice"].save()
        over_tls: dict[str, Any] = {"headers": {"X-Forwarded-Proto": "https"}} if behind_a_proxy else {"secure": True}
        browser = Browser()
        browser.get("/user/login/", **over_tls)
        browser.post("/user/login/", {"username": "alice", "password": "alice"}, **over_tls)
        browser.post("/theme/", {"theme": "dark"}, **over_tls)
        browser.post("/setlang/", {"language": "el"}, **over_tls)
        assert {"sessionid", "csrftoken", "theme"} <= set(browser.cookies)
        assert [name for name, cookie in browser.cookies.items() if not cookie["secure"]] == []

    def test_without_https_people_can_sign_in_all_the_same(self, people: Any) -> None:
        """On a machine that has no certificate yet, and in the demo."""
        browser = Browser()
        browser.get("/user/login/")
        assert not browser.cookies["csrftoken"]["secure"]

    def test_signing_in_leaves_the_session_of_whoever_was_there_before(self, people: Any) -> None:
        people["alice"].set_password("alice")
        people["alice"].save()
        browser = Browser()
        browser.get("/user/login/")
        session = browser.session
        session["planted"] = "yes"
        session.save()
        planted = session.session_key
        browser.cookies["sessionid"] = planted
        browser.post("/user/login/", {"username": "alice", "password": "alice"})
        assert browser.cookies["sessionid"].value != planted


class TestHosts:
    def test_another_host_than_ours_gets_nothing(self, people: Any) -> None:
        for host in ("evil.example", "testserver.evil.example", "localhost:80@evil.example", "testserver/"):
            assert Browser().get("/user/login/", headers={"Host": host}).status_code == 400

    def test_no_header_of_a_stranger_gets_into_a_mailed_link(self, people: Any, settings: Any) -> None:
        """Else who asks for somebody's new password could have the link lead to himself."""
        settings.USE_X_FORWARDED_HOST = True
        people["alice"].set_password("alice")
        people["alice"].save()
        strange = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"}
        Browser().post("/accounts/password/reset/", {"email": "alice@example.org"}, headers=strange)
        (mail,) = OutgoingMail.objects.all()
        assert "/accounts/reset/" in mail.text
        assert "evil.example" not in mail.text


class TestSizes:
    def test_a_form_without_end_is_refused(self, as_alice: Browser) -> None:
        assert as_alice.post("/theme/", {"theme": "x" * 3_000_000}).status_code in (400, 413)
        assert as_alice.post("/theme/", {f"field{number}": "" for number in range(5001)}).status_code in (400, 413)

    @pytest.mark.parametrize("address", ["/user/login/", "/accounts/register/", "/user/keys/"])
    def test_no_file_of_anybody_is_written_to_the_disk(self, address: str, as_alice: Browser, settings: Any) -> None:
        """Where it would lie there is nothing: whoever tried to write it would fail."""
        settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
        for browser in (Browser(), as_alice):
            file = SimpleUploadedFile("key.pub", b"x" * (settings.FILE_UPLOAD_MAX_MEMORY_SIZE + 1))
            assert browser.post(address, {"file": file, "key_file": file}).status_code in (200, 302)

    def test_nginx_takes_a_megabyte_at_most(self) -> None:
        assert "client_max_body_size 1m;" in (current.BASE_DIR / "contrib" / "nginx" / "ganetimgr.conf").read_text()
