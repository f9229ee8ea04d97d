"""What reaches the logs, and in which shape: a line, or a JSON object; who, in which request; and never a secret."""

import datetime
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from django.utils.functional import SimpleLazyObject
from pythonjsonlogger.json import JsonFormatter as LibraryFormatter

from accounts.middleware import RequestIdFilter
from accounts.outage import is_database_away

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s %(user)s] %(message)s"
# What an object may carry beside its message (`extra=`). Only these: Django's own lines carry whole requests.
FACTS = ("cluster", "job", "instance", "method", "path", "status", "ms")
UNTOLD = "…"

_requests = logging.getLogger("ganetimgr.requests")
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


# ---- one line for each request ------------------------------------------------------------------------


class RequestLogMiddleware:
    """One line for each request: method, path without what stands behind the question mark, status, milliseconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        began = time.monotonic()
        try:
            response = self.get_response(request)
            _tell(request, response.status_code, round((time.monotonic() - began) * 1000))
            return response
        finally:
            _request.reset(token)


def _tell(request: HttpRequest, status: int, ms: int) -> None:
    if request.path_info == "/healthz" or request.path.startswith(settings.STATIC_URL):
        return
    facts = {"method": request.method, "path": escape_uri_path(request.path), "status": status, "ms": ms}
    level = logging.DEBUG if status == 304 else logging.INFO  # an open page asks every few seconds
    _requests.log(level, "%(method)s %(path)s %(status)s %(ms)s ms", facts, extra=facts)


class RequestFilter(RequestIdFilter):
    """Gives every record `request_id` and `user`, also in threads that were started with a copy of the context."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = _request.get()
        record.user = (name_of_user(request) if request else "") or "-"
        return super().filter(record)


class OutageFilter(logging.Filter):
    """Makes of an outage that people were told in a sentence a warning in a line: ERROR, with a traceback and with
    Django's mail to ADMINS, is for what somebody has to mend in the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if is_database_away(error):
            record.msg, record.args = f"{record.getMessage()} (the database is away: {error})", ()
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
            record.exc_info = record.exc_text = None
        return True


def tell_outages_in_a_line() -> None:
    """Here and not in LOGGING, so that it holds in a site with a LOGGING of its own, too."""
    logging.getLogger("django.request").addFilter(OutageFilter())


def name_of_user(request: HttpRequest) -> str:
    """Who asks, as far as the request knows by now: nobody is looked up in the database for a log line."""
    user = vars(request).get("user")
    for known in (None if isinstance(user, SimpleLazyObject) else user, getattr(request, "_cached_user", None)):
        if known is not None and known.is_authenticated:
            return str(known.get_username())
    return ""


# ---- shapes ------------------------------------------------------------------------------------------


def formatter() -> logging.Formatter:
    """The shape that LOG_FORMAT asks for."""
    return JsonFormatter() if settings.LOG_FORMAT == "json" else LineFormatter(LINE)


class LineFormatter(logging.Formatter):
    """A line for each record, whatever is in it; only a traceback takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(lambda found: repr(found[0])[1:-1], super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonFormatter(LibraryFormatter):
    """An object for each record: always the same few names, those of FACTS where they are known, and a traceback."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        log_data["time"] = moment.isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.getMessage()
        log_data["request_id"] = getattr(record, "request_id", "-")
        log_data["user"] = getattr(record, "user", "-")
        log_data.update({name: vars(record)[name] for name in FACTS if name in vars(record)})
        log_data.update({name: message_dict[name] for name in ("exc_info", "stack_info") if message_dict.get(name)})

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: without_secrets(value) if isinstance(value, str) else value for name, value in log_data.items()}


# ---- secrets -------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_QUERY = re.compile(r"(?<=[\w/.%-])\?[^\s\"'<>?]+")
_NAMED = re.compile(
    r"""(?ix) \b ( [\w-]*
        (?: passw(?:or)?d | passphrase | secret | token | cookie | sessionid | authorization | api_?key )
        [\w-]* ["']? \s* [=:] \s* ) (?: (?:basic|bearer) \s+ )? ( "[^"]*" | '[^']*' | [^\s,;&)}\]]+ )"""
)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*@")
_PIECES = re.compile(r"[\w.~+-]{12,}")
_OPENING = re.compile(r"(?i)token|key|secret|code|passw|cookie")  # in the names of what opens something
_TOO_SHORT = 8  # what is shorter may be a word, and would be struck out everywhere


def without_secrets(text: str) -> str:
    """`text` without query strings, passwords, and whatever the request at hand carries that is nobody's business.

    The last defence, not the first: nobody logs secrets on purpose, but errors quote what they choked on.
    """
    request = _request.get()
    for secret in _secrets_of(request) if request else ():
        text = text.replace(secret, UNTOLD)
    return _IN_ADDRESS.sub(f"{UNTOLD}@", _NAMED.sub(rf"\1{UNTOLD}", _QUERY.sub(f"?{UNTOLD}", text)))


def _secrets_of(request: HttpRequest) -> list[str]:
    """The request's cookies and credentials, and what opens something in its path and in its form, if that was read."""
    match = request.resolver_match
    named = [*(match.kwargs if match else {}).items(), *vars(request).get("_post", {}).items()]
    opening = [str(value) for name, value in named if _OPENING.search(name)]
    headers = f"{request.META.get('HTTP_COOKIE', '')} {request.META.get('HTTP_AUTHORIZATION', '')}"
    return [secret for secret in (*opening, *_PIECES.findall(headers)) if len(secret) >= _TOO_SHORT]
