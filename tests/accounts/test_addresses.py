"""Whose word counts about a client's address."""

import logging
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from accounts.middleware import (
    RequestIdFilter,
    RequestIdMiddleware,
    TrustedProxyMiddleware,
    client_address,
    client_behind,
    is_trusted,
    request_id,
)


@pytest.fixture(autouse=True)
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]


def passed_on(**meta: str) -> HttpRequest:
    """The request as a view sees it."""
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    TrustedProxyMiddleware(view)(RequestFactory().get("/", **meta))
    return seen[0]


class TestTrustedProxies:
    def test_a_trusted_proxy_tells_the_clients_address_and_scheme(self) -> None:
        request = passed_on(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.7", HTTP_X_FORWARDED_PROTO="https")
        assert client_address(request) == "192.0.2.7"
        assert request.is_secure()

    def test_a_strangers_headers_are_removed(self) -> None:
        request = passed_on(
            REMOTE_ADDR="198.51.100.9",
            HTTP_X_FORWARDED_FOR="192.0.2.7",
            HTTP_X_FORWARDED_PROTO="https",
            HTTP_X_FORWARDED_HOST="evil.example",
        )
        assert client_address(request) == "198.51.100.9"
        assert not request.is_secure()
        assert "HTTP_X_FORWARDED_HOST" not in request.META

    def test_what_a_client_invented_left_of_the_proxies_does_not_count(self) -> None:
        assert client_behind("127.0.0.1", "6.6.6.6, 192.0.2.7, 10.1.1.1") == "192.0.2.7"

    def test_rubbish_in_the_chain_ends_it(self) -> None:
        assert client_behind("127.0.0.1", "192.0.2.7, <script>, 10.1.1.1") == "10.1.1.1"

    def test_ipv6_and_networks_are_understood(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES = ["2001:db8::/32"]
        assert is_trusted("2001:db8::5")
        assert not is_trusted("2001:db9::5")
        assert not is_trusted("rubbish")

    def test_without_trusted_proxies_nobody_is_believed(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES = []
        assert not is_trusted("127.0.0.1")

    def test_a_unix_socket_counts_only_when_named(self, settings: Any) -> None:
        assert not is_trusted("")
        settings.TRUSTED_PROXIES = ["unix"]
        assert is_trusted("")


class TestRequestId:
    def ask(self, **meta: str) -> tuple[str, HttpResponse]:
        seen = []

        def view(request: HttpRequest) -> HttpResponse:
            seen.append(request_id())
            return HttpResponse()

        response = RequestIdMiddleware(view)(RequestFactory().get("/", **meta))
        return seen[0], response

    def test_every_request_has_its_own_id_and_the_answer_names_it(self) -> None:
        first, response = self.ask()
        second, _ = self.ask()
        assert first != second
        assert response["X-Request-ID"] == first

    def test_a_trusted_proxys_id_is_kept(self) -> None:
        assert self.ask(REMOTE_ADDR="127.0.0.1", HTTP_X_REQUEST_ID="abcdef-123456")[0] == "abcdef-123456"

    def test_a_strangers_id_and_rubbish_are_not(self) -> None:
        assert self.ask(REMOTE_ADDR="192.0.2.1", HTTP_X_REQUEST_ID="abcdef-123456")[0] != "abcdef-123456"
        assert self.ask(REMOTE_ADDR="127.0.0.1", HTTP_X_REQUEST_ID="a b\nc d e f g")[0] != "a b\nc d e f g"

    def test_log_records_outside_of_requests_carry_a_dash(self) -> None:
        record = logging.LogRecord("x", logging.INFO, "", 0, "", None, None)
        assert RequestIdFilter().filter(record)
        assert record.request_id == "-"  # type: ignore[attr-defined]
