"""The second factor: a code of an app (TOTP) after the password, and recovery codes for when the app is gone.

Whoever has one is signed in after the code only: `ask_for_code` keeps what was proved so far in the session for five
minutes. The middleware holds everybody to that, however they were signed in, and sends those who need a second factor
and have none to the page that sets it up. The authenticator comes with the user: asking costs no query.
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, load_backend
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django_htmx.http import HttpResponseClientRedirect
from django_otp.oath import TOTP

from accounts import deeds, outbox, sessions
from accounts.middleware import is_for_monitors
from accounts.models import Authenticator, RecoveryCode

Handler = Callable[[HttpRequest], HttpResponse]

MINUTES_FOR_A_CODE = 5
WRONG_CODE = gettext_noop("A code of the second factor was wrong.")
SENTENCES = (WRONG_CODE,)  # for accounts.retelling
TRIES = 5  # wrong codes, then the password is asked again
RECOVERY_CODES = 10

_PENDING = "second_factor_pending"  # in the session: whose password was right
_PASSED = "second_factor"  # in the session: which authenticator was satisfied
_TRUST = "trusted_browser"  # the cookie, and its salt
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else

# Pages that stay open to somebody who owes a code,
_FOR_EVERYBODY = {"logout", "theme", "setlang", "session"}
# and beside these to somebody who has to switch it on first
_TO_SET_IT_UP = {"second-factor", "second-factor-on", "session-extend"}


def is_required_for(user: Any) -> bool:
    """Whether SECOND_FACTOR_REQUIRED_FOR means this person. Who counts as staff is said here and nowhere else."""
    if settings.SECOND_FACTOR_REQUIRED_FOR == "staff":
        return user.is_staff or user.is_superuser or user.has_perm("ganeti.view_instances")
    return settings.SECOND_FACTOR_REQUIRED_FOR == "everybody"


def authenticator_of(user: Any) -> Authenticator | None:
    """The app whose codes `user` owes; None for who has not switched it on."""
    return getattr(user, "authenticator", None)


# ---- between the password and the code -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody whose password was right and who owes a code."""

    user: User
    next_page: str


def is_owed(request: HttpRequest, user: Any) -> bool:
    """Whether the right password is not enough for `user` in this browser."""
    authenticator = authenticator_of(user)
    return authenticator is not None and not _is_trusted(request, authenticator)


def ask_for_code(request: HttpRequest, user: Any, next_page: str) -> HttpResponse:
    """Leads `user`, as `authenticate` returned them, to the code; nobody is signed in yet."""
    request.session.cycle_key()  # whoever knew the session before does not share the sign-in
    request.session[_PENDING] = {
        "user": str(user.pk),
        "backend": user.backend,
        "password": user.get_session_auth_hash(),
        "next": next_page,
        "since": time.time(),
        "wrong": 0,
    }
    return redirect("second-factor-code")


def pending_sign_in(request: HttpRequest) -> Pending | None:
    """Who owes a code in this browser; None where nobody does, or did too long ago, or is not who they were."""
    kept = request.session.get(_PENDING)
    if kept is None:
        return None
    is_fresh = 0 <= time.time() - kept["since"] <= MINUTES_FOR_A_CODE * 60
    if is_fresh and kept["backend"] in settings.AUTHENTICATION_BACKENDS:
        user = load_backend(kept["backend"]).get_user(kept["user"])
        if user and authenticator_of(user) and constant_time_compare(user.get_session_auth_hash(), kept["password"]):
            user.backend = kept["backend"]
            return Pending(user, kept["next"])
    forget_pending(request)
    return None


def forget_pending(request: HttpRequest) -> None:
    request.session.pop(_PENDING, None)


def is_one_too_many(request: HttpRequest, pending: Pending) -> bool:
    """Counts a wrong code; with the last one allowed the password is asked anew. The log says so."""
    kept = request.session[_PENDING]
    kept["wrong"] += 1
    request.session.modified = True
    if kept["wrong"] < TRIES:
        who = pending.user
        deeds.tell(deeds.SIGN_IN_FAILED, request, by=who, about=who, detail=WRONG_CODE, is_authorized=False)
        return False
    forget_pending(request)
    with transaction.atomic():
        deeds.tell(deeds.SECOND_FACTOR_LOCKED, request, by=pending.user, about=pending.user, is_authorized=False)
        outbox.post("second_factor_wrong", pending.user, {"tries": TRIES, "page": _page(request)})
    return True


def sign_in(request: HttpRequest, pending: Pending) -> None:
    """Signs in who gave the right code, in a new session."""
    forget_pending(request)
    sessions.begin(request, pending.user)
    request.session[_PASSED] = pending.user.authenticator.pk


# ---- codes ---------------------------------------------------------------------------------------------------


def use_code(request: HttpRequest, user: Any, typed: str) -> None:
    """Takes a code of the app or a recovery code, each once. Raises ValidationError with a sentence."""
    code = re.sub(r"[\s-]", "", typed).lower()
    problem = None if _was_recovery_code(request, user, code) else _problem_with_app_code(user, code)
    if problem:
        raise problem


@transaction.atomic
def _was_recovery_code(request: HttpRequest, user: Any, code: str) -> bool:
    if not RecoveryCode.objects.filter(user=user, digest=_digest(user, code)).delete()[0]:
        return False
    left = RecoveryCode.objects.filter(user=user).count()
    deeds.tell(deeds.RECOVERY_CODE_USED, request, by=user, about=user, detail=f"{left} left")
    outbox.post("recovery_used", user, {"left": left, "page": _page(request)})
    return True


@transaction.atomic
def _problem_with_app_code(user: Any, code: str) -> ValidationError | None:
    """None for a code that was right, which is used up with that. Two at the same time wait for each other."""
    authenticator = Authenticator.objects.select_for_update().filter(user=user).first()
    if authenticator is None:
        return ValidationError(_("The second factor is switched off."), code="off")
    now = timezone.now()
    if authenticator.paused_until and authenticator.paused_until > now:
        seconds = max(1, round((authenticator.paused_until - now).total_seconds()))
        sentence = ngettext(
            "Too many wrong codes. Wait for %(n)s second, then take a new one.",
            "Too many wrong codes. Wait for %(n)s seconds, then take a new one.",
            seconds,
        )
        return ValidationError(sentence, code="wait", params={"n": seconds})
    mine = Authenticator.objects.filter(pk=authenticator.pk)
    step = step_of(authenticator.secret, code, after=authenticator.last_step)
    if step is None:
        mine.update(wrong_codes=authenticator.wrong_codes + 1, last_wrong=now)
        return ValidationError(_("This code is not right, or was used already. Take the next one."), code="wrong")
    mine.update(last_step=step, last_used=now, wrong_codes=0)
    return None


def step_of(secret: str, code: str, after: int = -1) -> int | None:
    """The half minute that `code` belongs to, of the present one and its two neighbours; None for a wrong code.

    A secret that could not be decrypted is empty, and its codes could be computed by everybody.
    """
    if not secret or not re.fullmatch(r"[0-9]{6}", code):
        return None
    totp = TOTP(base64.b32decode(secret))
    totp.time = time.time()
    return totp.t() if totp.verify(int(code), tolerance=1, min_t=after + 1) else None


def new_secret() -> str:
    """160 bits, as RFC 4226 asks, in the alphabet that people can type."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address_for_apps(user: Any, secret: str) -> str:
    """What the QR code says: whose account where, and the secret."""
    issuer = str(settings.BRANDING["TITLE"]).replace(":", " ")
    label = quote(f"{issuer}:{user.get_username()}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer}, quote_via=quote)}"


def picture_of(text: str) -> SafeString:
    """A QR code as SVG, dark on light in every theme, without styles: the policy allows none."""
    code = segno.make(text, micro=False, error="m")
    drawn = code.svg_inline(omitsize=True, light="#fff", svgclass="qr", lineclass=None)
    return mark_safe(drawn)  # noqa: S308  nothing in it but numbers


# ---- on, off, again ------------------------------------------------------------------------------------------


@transaction.atomic
def turn_on(request: HttpRequest, secret: str, step: int) -> list[str]:
    """Switches it on for the request's user, whose app just proved that it has `secret`; the recovery codes.

    Every other session of theirs is asked for a code from now on. No codes where another tab was faster.
    """
    user: Any = request.user
    authenticator, is_new = Authenticator.objects.get_or_create(
        user=user, defaults={"secret": secret, "last_step": step}
    )
    if not is_new:
        return []
    request.session[_PASSED] = authenticator.pk
    deeds.tell(deeds.SECOND_FACTOR_ON, request, about=user)
    outbox.post("second_factor_on", user, {"page": _page(request)})
    return new_recovery_codes(user)


@transaction.atomic
def turn_off(request: HttpRequest, user: Any) -> bool:
    """Switches it off for `user`; False where it was off. Done by somebody else, it ends the user's sessions."""
    was_on = Authenticator.objects.filter(user=user).delete()[0] > 0
    RecoveryCode.objects.filter(user=user).delete()
    if was_on:
        by_others = user.pk != request.user.pk
        deeds.tell(deeds.SECOND_FACTOR_RESET if by_others else deeds.SECOND_FACTOR_OFF, request, about=user)
        outbox.post("second_factor_off", user, {"by_others": by_others, "page": _page(request)})
        if by_others:
            sessions.end_all_of(user)
    return was_on


@transaction.atomic
def new_recovery_codes(user: Any) -> list[str]:
    """Fresh codes instead of all that were; what is returned is shown once and kept nowhere."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return [in_groups(code) for code in codes]


def in_groups(text: str, by: str = "-") -> str:
    """ "abcd-efgh-jkmn", for reading and typing."""
    return by.join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(user: Any, code: str) -> str:
    """A fast digest is enough: nobody goes through 80 bits, however fast."""
    return hashlib.sha256(f"{user.pk}:{code}".encode()).hexdigest()


def _page(request: HttpRequest) -> str:
    return outbox.absolute(reverse("second-factor"), request)


# ---- browsers that are trusted -------------------------------------------------------------------------------


def trust(request: HttpRequest, response: HttpResponse, user: Any) -> None:
    """Lets `user` in from this browser with the password alone for a while."""
    authenticator = authenticator_of(user)
    if authenticator is not None and settings.SECOND_FACTOR_TRUST_DAYS:
        response.set_signed_cookie(
            _TRUST,
            _proof(authenticator),
            salt=_TRUST,
            max_age=settings.SECOND_FACTOR_TRUST_DAYS * 86400,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )


def _is_trusted(request: HttpRequest, authenticator: Authenticator) -> bool:
    max_age = settings.SECOND_FACTOR_TRUST_DAYS * 86400
    shown = request.get_signed_cookie(_TRUST, default="", salt=_TRUST, max_age=max_age) or ""
    return bool(max_age) and constant_time_compare(shown, _proof(authenticator))


def _proof(authenticator: Authenticator) -> str:
    """Ends with a new password, and with a new second factor."""
    return salted_hmac(_TRUST, f"{authenticator.pk}:{authenticator.user.get_session_auth_hash()}").hexdigest()


# ---- everybody is held to it ---------------------------------------------------------------------------------


class SecondFactorMiddleware:
    """Lets nobody use a session without the second factor they have, or have to have."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else None
        if name in _FOR_EVERYBODY or is_for_monitors(request) or not request.user.is_authenticated:
            return None
        authenticator = authenticator_of(request.user)
        if authenticator is not None:
            return None if _was_given(request, authenticator) else _instead(request, _asked_after_all(request))
        if is_required_for(request.user) and name not in _TO_SET_IT_UP:
            return _instead(request, redirect("second-factor-on"))
        return None


def _was_given(request: HttpRequest, authenticator: Authenticator) -> bool:
    if request.session.get(_PASSED) != authenticator.pk and _is_trusted(request, authenticator):
        request.session[_PASSED] = authenticator.pk
    return request.session.get(_PASSED) == authenticator.pk


def _asked_after_all(request: HttpRequest) -> HttpResponse:
    """Signs out who got in without a code (or before there was one), and asks for it."""
    user: Any = request.user
    user.backend = request.session[BACKEND_SESSION_KEY]
    here = request.get_full_path() if request.method == "GET" and not request.headers.get("HX-Request") else "/"
    request.session.flush()
    request.user = AnonymousUser()
    return ask_for_code(request, user, here)


def _instead(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """`answer`, a redirect, in the way that who asked understands: htmx turns the whole page, a script is told."""
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(answer["Location"])
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        sentence = _("A second factor is needed for this. Open the site in a browser and follow what it says.")
        return JsonResponse({"action": sentence}, status=403)
    return answer
