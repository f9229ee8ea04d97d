"""Tokens reach no log, no error report and no mail; pages of other sites read what the site allows, with no cookie."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client as Browser
from django.test import RequestFactory
from django.views import debug

from apps.api.tokens import Presented, TakeTokenMiddleware
from apps.api.views import data
from ganetimgr import sentry
from tests.api.conftest import Give, bearer
from tests.operation.conftest import Listen, listen  # noqa: F401

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
DETAILS = "/user/details/"
APP = "https://app.example.org"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API fails where it has the person already."""

    def fails(person: Any) -> Any:
        raise ValueError("it went wrong")

    monkeypatch.setattr(data, "_of", fails)


@pytest.fixture(params=["address", "header"])
def ask(request: pytest.FixtureRequest, client: Browser, give: Give) -> Iterator[tuple[str, Any]]:
    """A token, and what sends it in either way."""
    token = give("alice")
    client.raise_request_exception = False
    if request.param == "header":
        yield token, lambda: client.get(DETAILS, headers=bearer(token))
    else:
        yield token, lambda: client.get(DETAILS, {"access_token": token, "tag": "a"})


class TestTokensAreTold:
    @pytest.mark.parametrize("shape", ["line", "json"])
    def test_to_no_log(self, ask: tuple[str, Any], listen: Listen, shape: str) -> None:  # noqa: F811
        token, send = ask
        log = listen(shape)
        assert send().status_code == 200
        logging.getLogger("elsewhere").info("asked")
        assert "GET /user/details/ 200" in log.text
        assert token not in log.text

    @pytest.mark.parametrize("shape", ["line", "json"])
    def test_to_no_log_of_an_error(
        self,
        ask: tuple[str, Any],
        broken: None,
        listen: Listen,  # noqa: F811
        shape: str,
    ) -> None:
        token, send = ask
        log = listen(shape)
        assert send().status_code == 500
        assert "it went wrong" in log.text
        assert token not in log.text

    def test_to_no_administrator_by_mail(self, ask: tuple[str, Any], broken: None, settings: Any) -> None:
        settings.ADMINS = [("Operators", "operators@example.org")]
        token, send = ask
        assert send().status_code == 500
        assert "it went wrong" in mail.outbox[0].body
        assert token not in str(mail.outbox[0].message())

    def test_to_no_error_report(self, rf: RequestFactory) -> None:
        reports: list[str] = []

        def view(request: Any) -> Any:
            reporter = debug.ExceptionReporter(request, ValueError, ValueError("x"), None)
            reports.append(reporter.get_traceback_text() + reporter.get_traceback_html() + repr(request.META))

        for request in (
            rf.get(DETAILS, {"access_token": "very-secret", "tag": "a"}, RAW_URI="/x?access_token=very-secret"),
            rf.get(DETAILS, HTTP_AUTHORIZATION="Bearer very-secret"),
        ):
            TakeTokenMiddleware(view)(request)
        assert "very-secret" not in "".join(reports)
        assert request.presented != Presented()

    def test_to_no_sentry(self) -> None:
        event = {
            "request": {
                "url": "https://vps.example.org/user/details/",
                "query_string": "access_token=very-secret",
                "headers": {"Authorization": "Bearer very-secret", "Referer": "https://x/?access_token=very-secret"},
            }
        }
        assert "very-secret" not in json.dumps(sentry.without_secrets(event))

    def test_the_rest_of_the_address_stays(self, rf: RequestFactory) -> None:
        request = rf.get(DETAILS, {"access_token": "very-secret", "tag": "a b&c=ü"})
        TakeTokenMiddleware(lambda request: None)(request)  # type: ignore[arg-type, return-value]
        assert request.GET.dict() == {"tag": "a b&c=ü"}

    def test_addresses_of_pages_stay_as_they_are(self, rf: RequestFactory) -> None:
        request = rf.get("/", {"access_token": "mine"}, HTTP_AUTHORIZATION="Basic x")
        TakeTokenMiddleware(lambda request: None)(request)  # type: ignore[arg-type, return-value]
        assert request.GET.dict() == {"access_token": "mine"}
        assert request.META["HTTP_AUTHORIZATION"] == "Basic x"

    def test_to_no_access_log_of_gunicorn_even_where_one_is_switched_on(self, tmp_path: Path) -> None:
        """What our format makes of a request, by gunicorn's own means."""
        script = """
import datetime, sys
from types import SimpleNamespace as Some
from gunicorn.config import Config
from gunicorn.glogging import Logger
names = {}
exec(open("contrib/gunicorn/ganetimgr.conf.py").read(), names)
config = Config()
config.set("access_log_format", names["access_log_format"])
environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/user/details/?access_token=very-secret", "PATH_INFO": "/user/details/",
    "QUERY_STRING": "access_token=very-secret", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1",
    "HTTP_REFERER": "https://x/?access_token=very-secret", "HTTP_AUTHORIZATION": "Bearer very-secret"}
log = Logger(config)
answer = Some(status="200 OK", sent=1, headers=[])
asked = Some(headers=[("Authorization", "Bearer very-secret")])
atoms = log.atoms_wrapper_class(log.atoms(answer, asked, environ, datetime.timedelta(0)))
print(config.access_log_format % atoms)
"""
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "192.0.2.1 GET /user/details/ 200" in done.stdout
        assert "very-secret" not in done.stdout


class TestOtherSites:
    def test_none_by_default(self, client: Browser, give: Give) -> None:
        response = client.get(DETAILS, headers={**bearer(give("alice")), "Origin": APP})
        assert response.status_code == 200
        assert "Access-Control-Allow-Origin" not in response.headers

    def test_those_that_the_site_names(self, client: Browser, give: Give, settings: Any) -> None:
        settings.CORS_ALLOWED_ORIGINS = [APP]
        response = client.get(DETAILS, headers={**bearer(give("alice")), "Origin": APP})
        assert response.headers["Access-Control-Allow-Origin"] == APP
        assert "Access-Control-Allow-Credentials" not in response.headers
        for other in ("https://evil.example.org", f"{APP}.evil.example.org", "null"):
            assert "Access-Control-Allow-Origin" not in client.get(DETAILS, headers={"Origin": other}).headers

    def test_they_can_ask_first(self, client: Browser, people: Any, settings: Any) -> None:
        settings.CORS_ALLOWED_ORIGINS = [APP]
        asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        response = client.options("/instances/list/", headers={"Origin": APP, **asks})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
        assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
        assert "Access-Control-Allow-Origin" in client.options("/o/token/", headers={"Origin": APP, **asks}).headers

    def test_refusals_can_be_read_there_too(self, client: Browser, people: Any, settings: Any) -> None:
        settings.CORS_ALLOWED_ORIGINS = [APP]
        response = client.get(DETAILS, headers={"Origin": APP})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (401, APP)

    @pytest.mark.parametrize(
        "address",
        ["/", "/user/profile/", "/admin/", "/o/applications/", "/o/authorize/", "/instances/list/x/", "/stats/"],
    )
    def test_pages_are_for_nobody(self, as_dora: Browser, settings: Any, address: str) -> None:
        settings.CORS_ALLOWED_ORIGINS = [APP]
        assert "Access-Control-Allow-Origin" not in as_dora.get(address, headers={"Origin": APP}).headers

    def test_the_token_address_names_no_origin_of_a_program(self, client: Browser, program: Any) -> None:
        """The toolkit has a list for each program, which nobody here looks after."""
        type(program).objects.update(allowed_origins=APP)
        data = {"grant_type": "authorization_code", "client_id": program.client_id, "code": "x"}
        assert "Access-Control-Allow-Origin" not in client.post("/o/token/", data, headers={"Origin": APP}).headers
