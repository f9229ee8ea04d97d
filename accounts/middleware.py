"""What every request carries: an id that logs, audit entries and jobs share, and the client's true address."""

import contextvars
import ipaddress
import logging
import re
import secrets
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
FOR_MONITORS = frozenset({"healthz", "readyz"})
_ACCEPTABLE_ID = re.compile(r"[0-9A-Za-z-]{8,64}")


def request_id() -> str:
    """The id of the request at hand; empty outside of one."""
    return _request_id.get()


class RequestIdMiddleware:
    """Gives each request an id (a trusted proxy's own one, if it sent one) and names it in the answer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        trusted = is_trusted(request.META.get("REMOTE_ADDR", "")) and _ACCEPTABLE_ID.fullmatch(sent)
        token = _request_id.set(sent if trusted else secrets.token_hex(8))
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id()
            return response
        finally:
            _request_id.reset(token)


class RequestIdFilter(logging.Filter):
    """Lets log formats use %(request_id)s."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


class TrustedProxyMiddleware:
    """Makes REMOTE_ADDR and the scheme those of the client, as far as proxies named in TRUSTED_PROXIES tell.

    Anybody else's X-Forwarded-* headers are removed, so that nothing after this can believe them by accident.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if is_trusted(meta.get("REMOTE_ADDR", "")):
            meta["REMOTE_ADDR"] = client_behind(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""))
            if meta.get("HTTP_X_FORWARDED_PROTO", "").lower() == "https":
                meta["wsgi.url_scheme"] = "https"
                request._get_scheme = lambda: "https"  # type: ignore[attr-defined]
        else:
            for header in ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP"):
                meta.pop(header, None)
        return kept_to_https(request, self.get_response(request))


def kept_to_https(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Cookies that were given over HTTPS travel over nothing else, whether or not the site's settings think of it."""
    if request.is_secure():
        for cookie in response.cookies.values():
            cookie["secure"] = True
    return response


def is_for_monitors(request: HttpRequest) -> bool:
    """Whether this asks how the process is: answered whatever else is away, so nobody is looked up before."""
    return request.path_info.strip("/") in FOR_MONITORS


def client_address(request: HttpRequest) -> str | None:
    """The client's address for the audit log; None where there is none (a unix socket without a proxy's word)."""
    return _address(request.META.get("REMOTE_ADDR", ""))


def client_behind(peer: str, forwarded_for: str) -> str:
    """The nearest address, read from the right, that is no trusted proxy: what stands left of it may be invented."""
    for entry in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        address = _address(entry)
        if address is None:
            break
        peer = address
        if not is_trusted(address):
            break
    return peer


def is_trusted(address: str) -> bool:
    """Whether `address` is one of TRUSTED_PROXIES; an empty one is the server's own unix socket."""
    if not settings.TRUSTED_PROXIES:
        return False
    if not address:
        return "unix" in settings.TRUSTED_PROXIES
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(proxy, strict=False) for proxy in proxies if proxy != "unix"]


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
