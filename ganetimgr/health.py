"""How this process is, and how the parts are that it lives from: /healthz for whoever restarts processes, /readyz for
whoever sends people to them or watches over the site."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import outbox
from accounts.middleware import is_trusted
from apps.clusters import inventories, leases
from ganetimgr import asking

HEALTHZ = "/healthz"
PATIENCE = 1.5  # seconds for all parts, which are asked side by side
MAIL_IS_LATE = 60.0  # seconds

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")
_DIRECT = "ganetimgr.direct"


class HealthMiddleware:
    """Answers /healthz before anything else has a say: hosts, HTTPS, sessions, the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == HEALTHZ:
            return healthz(request)
        # Noted before the headers go that nobody vouches for: behind a proxy on this machine everybody comes from it.
        request.META[_DIRECT] = not any(header in request.META for header in _FORWARDED)
        return self.get_response(request)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Each part with what is to be said of it: 200 when all are well, else 503. Strangers do not get the details."""
    parts = look(parts_of_this_site())
    tell_all = _is_one_of_us(request, parts)
    told = {name: {"ok": part.ok, "words": part.told(tell_all)} for name, part in parts.items()}
    return JsonResponse(told, status=200 if all(part.ok for part in parts.values()) else 503)


# ---- the parts ------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """How a part is: in words that anybody may read, and in detail."""

    ok: bool
    words: str
    detail: str = ""

    def told(self, tell_all: bool) -> str:
        return f"{self.words} {self.detail}" if tell_all and self.detail else self.words


Question = Callable[[], Part]


def parts_of_this_site() -> dict[str, Question]:
    parts: dict[str, Question] = {"database": _database, "store": _store, "watcher": _watcher, "mail": _mail}
    if settings.BEANSTALKD_HOST:
        parts["queue"] = _queue
    return parts


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
    return Part(True, _("It answers."))


def _store() -> Part:
    return _there_or_not(inventories.store().is_there())


def _queue() -> Part:
    return _there_or_not(inventories.queue().is_there())


def _there_or_not(is_there: bool) -> Part:
    return Part(True, _("It answers.")) if is_there else Part(False, _("It does not answer."))


def _watcher() -> Part:
    """Whether one was seen lately: a watcher that works renews its row every few seconds."""
    try:
        last = leases.last_seen()
    finally:
        connection.close()
    if last is None:
        return Part(False, _("None has been seen."), _("Start one: watcher.py."))
    age = (timezone.now() - last.seen).total_seconds()
    detail = _("%(name)s, %(seconds)d s ago.") % {"name": last.name, "seconds": age}
    if age < leases.silent_after():
        return Part(True, _("One was seen lately."), detail)
    return Part(False, _("None was seen lately."), detail)


def _mail() -> Part:
    """How many mails wait. Nobody is sent elsewhere because of them: what waits is late, and pages are as always."""
    try:
        count, since = outbox.waiting()
    finally:
        connection.close()
    if since is None:
        return Part(True, _("None waits."))
    detail = _("%(count)d, the oldest since %(moment)s.") % {
        "count": count,
        "moment": since.isoformat(timespec="seconds"),
    }
    if (timezone.now() - since).total_seconds() < MAIL_IS_LATE:
        return Part(True, _("Some is about to leave."), detail)
    return Part(True, _("Some is late."), detail)


# ---- asking them, with a bound ------------------------------------------------------------------------------


def look(parts: Mapping[str, Question], *, within: float = PATIENCE) -> dict[str, Part]:
    """What each part says; one that says nothing `within` these seconds, all of them together, is not well."""
    language = translation.get_language()
    answers = asking.ask_all({name: _in(language, question) for name, question in parts.items()}, within=within)
    return {name: _heard(answer) for name, answer in answers.items()}


def _in(language: str | None, question: Question) -> Question:
    """The question with its answer in the reader's language, in whatever thread it is asked."""

    def asked() -> Part:
        with translation.override(language):
            return question()

    return asked


def _heard(answer: Part | Exception) -> Part:
    if isinstance(answer, Part):
        return answer
    if isinstance(answer, asking.Late):
        return Part(False, _("It did not answer in time."))
    return Part(False, _("It does not answer."), f"{type(answer).__name__}: {answer}")


# ---- who asks --------------------------------------------------------------------------------------------


def _is_one_of_us(request: HttpRequest, parts: Mapping[str, Part]) -> bool:
    """This machine, a trusted proxy for itself, or staff; nobody waits for a database that is away to know who asks."""
    address = request.META.get("REMOTE_ADDR", "")
    if is_trusted(address) or (came_directly(request) and _is_loopback(address)):
        return True
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    return has_session and parts["database"].ok and request.user.is_active and request.user.is_staff


def came_directly(request: HttpRequest) -> bool:
    """Whether no proxy left a trace in the request, trusted or not."""
    return bool(request.META.get(_DIRECT))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
