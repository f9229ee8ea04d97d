"""Keeps robots out of forms that anybody may send: Google's reCAPTCHA where its keys are set, else a proof of work.

The proof of work asks no third party: static/js/captcha.js looks for a number for about a second, and the person does
nothing. Without JavaScript there is a question in words instead. Either is good once, and for two hours.
"""

import base64
import datetime as dt
import hashlib
import json
import secrets
from typing import Any

import altcha
from django import forms
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_recaptcha.constants import DEFAULT_RECAPTCHA_DOMAIN
from django_recaptcha.fields import ReCaptchaField
from django_recaptcha.widgets import ReCaptchaBase

LIFETIME = 2 * 3600  # seconds: a long form, read by a screen reader, takes its time
MAX_NUMBER = 100_000  # how far a browser counts at most: a second, on a telephone three
MAX_PROOF = 2_000  # characters
_SALT = "accounts.captcha"
_NUMBERS = (
    pgettext_lazy("number", "one"),
    pgettext_lazy("number", "two"),
    pgettext_lazy("number", "three"),
    pgettext_lazy("number", "four"),
    pgettext_lazy("number", "five"),
    pgettext_lazy("number", "six"),
    pgettext_lazy("number", "seven"),
    pgettext_lazy("number", "eight"),
    pgettext_lazy("number", "nine"),
)


def field() -> forms.Field:
    """The field that this site's forms end with. Make one for each form: it holds a fresh challenge."""
    if uses_recaptcha():
        return GoogleField(public_key=settings.RECAPTCHA_PUBLIC_KEY, private_key=settings.RECAPTCHA_PRIVATE_KEY)
    return ProofField()


def uses_recaptcha() -> bool:
    return bool(settings.RECAPTCHA_PUBLIC_KEY and settings.RECAPTCHA_PRIVATE_KEY)


def allow_scripts(response: HttpResponse) -> HttpResponse:
    """Lets this one answer load Google's script, where the site uses it."""
    if uses_recaptcha():
        own, pictures = f"https://{_domain()}/recaptcha/", "https://www.gstatic.com/recaptcha/"
        frames = [own, "https://recaptcha.google.com/recaptcha/"]
        allowed = {"script-src": [own, pictures], "frame-src": frames, "connect-src": [own]}
        response._csp_update = allowed  # type: ignore[attr-defined]  # what django-csp's decorator would do
    return response


# ---- proof of work, or a question ----------------------------------------------------------------------


class ProofWidget(forms.Widget):
    """A hidden proof and, shown where nothing brings one, a question."""

    def use_required_attribute(self, initial: Any) -> bool:
        """Not in HTML: where a proof is brought the question is hidden, and browsers would insist on its answer."""
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        nonce = secrets.token_urlsafe(12)
        context = {
            "name": name,
            "challenge": json.dumps(_new_challenge()),
            "ticket": signing.dumps(nonce, salt=_SALT),
            "question": _question(nonce),
            "attrs": {**self.attrs, **(attrs or {})},
        }
        return render_to_string("components/_captcha.html", context)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:
        return {part: str(data.get(f"{name}_{part}", "")) for part in ("proof", "ticket", "answer")}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class ProofField(forms.Field):
    """Takes a proof or an answer, each once."""

    widget = ProofWidget
    default_error_messages = {
        "required": _("Please answer this question, so that we know that you are no robot."),
        "wrong": _("That is not the answer. Please try this new question."),
        "bad_proof": _("The check that you are no robot went wrong. It is made anew: please send the form again."),
        "stale": _("The check that you are no robot was too long ago. It is made anew: please send the form again."),
    }

    def clean(self, value: dict[str, str]) -> None:
        if value["proof"]:
            self._check_proof(value["proof"])
        elif value["answer"].strip():
            self._check_answer(value["ticket"], value["answer"])
        else:
            self._refuse("required")

    def _check_proof(self, proof: str) -> None:
        try:
            claimed = json.loads(base64.b64decode(proof[:MAX_PROOF], validate=True))
            is_good, reason = altcha.verify_solution(claimed, _hmac_key())
            challenge = str(claimed["challenge"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # whatever strangers send as JSON
            is_good, reason, challenge = False, "", ""
        if not is_good:
            self._refuse("stale" if reason and "expired" in reason else "bad_proof")
        if not _is_first_use(challenge):
            self._refuse("stale")

    def _check_answer(self, ticket: str, answer: str) -> None:
        try:
            nonce = signing.loads(ticket, salt=_SALT, max_age=LIFETIME)
        except signing.BadSignature:
            self._refuse("stale")
        if not _is_first_use(nonce):  # a wrong answer uses it up, too: nobody counts through all answers
            self._refuse("stale")
        digits = answer.strip()
        if not digits.isdecimal() or len(digits) > 2 or int(digits) != sum(_summands(nonce)):
            self._refuse("wrong")

    def _refuse(self, code: str) -> None:
        raise ValidationError(self.error_messages[code], code=code)


def _new_challenge() -> dict[str, Any]:
    expires = timezone.now() + dt.timedelta(seconds=LIFETIME)
    options = altcha.ChallengeOptions(max_number=MAX_NUMBER, hmac_key=_hmac_key(), expires=expires)
    made = altcha.create_challenge(options)
    return {
        "algorithm": made.algorithm,
        "challenge": made.challenge,
        "maxnumber": MAX_NUMBER,
        "salt": made.salt,
        "signature": made.signature,
    }


def _hmac_key() -> str:
    return salted_hmac(_SALT, "proof").hexdigest()


def _question(nonce: str) -> str:
    first, second = (_NUMBERS[number - 1] for number in _summands(nonce))
    return gettext("How much is %(first)s plus %(second)s? Write the number.") % {"first": first, "second": second}


def _summands(nonce: str) -> tuple[int, int]:
    """Two numbers from one to nine that follow from `nonce`, for those who know our key."""
    digest = salted_hmac(_SALT, nonce, algorithm="sha256").digest()
    return digest[0] % 9 + 1, digest[1] % 9 + 1


def _is_first_use(name: str) -> bool:
    """Remembers `name` as used. While the cache is away everything counts as new: people come before robots then."""
    key = f"captcha:{hashlib.sha256(name.encode()).hexdigest()}"
    return bool(cache.add(key, 1, LIFETIME)) or cache.get(key) is None


# ---- Google's -----------------------------------------------------------------------------------------


class GoogleWidget(ReCaptchaBase):
    """The checkbox, without the inline script of the package's own template, which our policy refuses."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        context = {"key": self.attrs["data-sitekey"], "domain": _domain(), "language": get_language()}
        return render_to_string("components/_recaptcha.html", context)


class GoogleField(ReCaptchaField):
    widget = GoogleWidget
    default_error_messages = {
        "required": _("Please tick the box, so that we know that you are no robot."),
        "captcha_invalid": _("Google does not believe that you are no robot. Please try again."),
        "captcha_error": _("Google's check does not answer just now. Please try again in a moment."),
    }

    def get_remote_ip(self) -> str:
        """Nothing: Google need not learn it from us."""
        return ""

    def validate(self, value: Any) -> None:
        try:
            super().validate(value)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # no answer, or one that is none
            raise ValidationError(self.error_messages["captcha_error"], code="captcha_error") from error


def _domain() -> str:
    return getattr(settings, "RECAPTCHA_DOMAIN", DEFAULT_RECAPTCHA_DOMAIN)
