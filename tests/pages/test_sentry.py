"""Errors go to the site's Sentry, without what is nobody's business; a site without one sends nothing."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from ganetimgr import sentry

ROOT = Path(__file__).resolve().parent.parent.parent
FAILS = """
import django
django.setup()
from django.test import RequestFactory
from django.core.handlers.wsgi import WSGIHandler
from django.conf import settings
import django.urls
from django.urls import path
def fails(request):
    password = "never to be told"
    raise ValueError("it went wrong")
class Urls:
    urlpatterns = [path("fails/", fails)]
settings.ROOT_URLCONF = Urls
secrets = {"HTTP_COOKIE": "sessionid=secret", "HTTP_AUTHORIZATION": "secret"}
environ = RequestFactory().get("/fails/?token=secret", SERVER_NAME="localhost", **secrets).environ
try:
    WSGIHandler()(environ, lambda *arguments: None)
except Exception:
    pass
import sentry_sdk
sentry_sdk.flush(10)
"""


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """The address (DSN) of a stand-in for Sentry, and what it was sent."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://key@127.0.0.1:{httpd.server_port}/1", received
        httpd.shutdown()


def events(received: list[bytes]) -> list[dict[str, Any]]:
    lines = [line for body in received for line in body.splitlines() if line.startswith(b"{")]
    return [found for found in map(json.loads, lines) if "exception" in found]


def test_an_error_is_sent_without_secrets(server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    dsn, received = server
    environment = {**os.environ, "SENTRY_DSN": dsn, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-c", FAILS], cwd=ROOT, env=environment, check=True, timeout=60)
    (event,) = events(received)
    assert event["exception"]["values"][0]["value"] == "it went wrong"
    text = json.dumps(event["request"]) + json.dumps(event["exception"])
    assert "secret" not in text
    assert "never to be told" not in text


def test_the_settings_name_the_address_and_the_environment_wins(settings: Any, monkeypatch: Any) -> None:
    settings.SENTRY = {"activate": True, "sentry_dsn": "https://a@example.org/1"}
    assert sentry.address() == "https://a@example.org/1"
    monkeypatch.setenv("SENTRY_DSN", "https://b@example.org/2")
    assert sentry.address() == "https://b@example.org/2"


def test_a_site_that_does_not_want_it_sends_nothing(settings: Any) -> None:
    settings.SENTRY = {"activate": False, "sentry_dsn": "https://a@example.org/1"}
    assert sentry.address() == ""


def test_without_the_package_a_sentence_says_how_it_comes(settings: Any, monkeypatch: Any) -> None:
    settings.SENTRY = {"activate": True, "sentry_dsn": "https://a@example.org/1"}
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements/sentry\.txt"):
        sentry.begin()
