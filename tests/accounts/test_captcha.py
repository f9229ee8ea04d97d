"""The check that somebody is no robot: by work, by a question, or by Google."""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import altcha
import pytest
from django import forms
from django.test import Client as Browser

from accounts import captcha
from tests.ganeti.https_server import HttpsServer, answer, hang_up, make_certificate

PAGE = "/accounts/register/"
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


class Guarded(forms.Form):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["captcha"] = captcha.field()


def shown() -> str:
    return str(Guarded()["captcha"])


def challenge_in(html: str) -> dict[str, Any]:
    found = re.search(r'data-captcha="([^"]+)"', html)
    assert found
    return json.loads(unescape(found[1]))


def solved(challenge: dict[str, Any], **changes: Any) -> str:
    """The proof as the browser sends it."""
    found = altcha.solve_challenge(challenge["challenge"], challenge["salt"], "SHA-256", challenge["maxnumber"], 0)
    assert found
    kept = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**kept, "number": found.number, **changes}).encode()).decode()


def question_in(html: str) -> tuple[str, int]:
    """The ticket and the right answer, as a person reads the question."""
    ticket = re.search(r'name="captcha_ticket" value="([^"]+)"', html)
    words = re.search(r"How much is (\w+) plus (\w+)\?", html)
    assert ticket and words
    return ticket[1], NUMBERS[words[1]] + NUMBERS[words[2]]


def errors(**sent: str) -> list[str]:
    """What the form says about the captcha that was sent; nothing when it is content."""
    return Guarded({f"captcha_{name}": value for name, value in sent.items()}).errors.get("captcha", [])


class TestProofOfWork:
    def test_a_proof_is_taken(self) -> None:
        assert errors(proof=solved(challenge_in(shown()))) == []

    def test_a_proof_is_good_once(self) -> None:
        proof = solved(challenge_in(shown()))
        assert errors(proof=proof) == []
        assert "too long ago" in errors(proof=proof)[0]

    def test_a_proof_comes_too_late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(captcha, "LIFETIME", -10)
        assert "too long ago" in errors(proof=solved(challenge_in(shown())))[0]

    def test_a_challenge_of_ones_own_is_no_challenge(self) -> None:
        own = altcha.create_challenge(altcha.ChallengeOptions(hmac_key="mine", max_number=5))
        made = {name: getattr(own, name) for name in ("algorithm", "challenge", "salt", "signature")}
        assert "went wrong" in errors(proof=solved({**made, "maxnumber": 5}))[0]

    def test_a_later_end_cannot_be_written_into_the_challenge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(captcha, "LIFETIME", -10)
        challenge = challenge_in(shown())
        later = re.sub(r"expires=\d+", "expires=9999999999", challenge["salt"])
        assert errors(proof=solved(challenge, salt=later))

    @pytest.mark.parametrize("number", [-1, 0.5, "1", None, [1], {"a": 1}, True, 10**400])
    def test_a_wrong_number_is_refused_in_a_sentence(self, number: Any) -> None:
        assert "went wrong" in errors(proof=solved(challenge_in(shown()), number=number))[0]

    @pytest.mark.parametrize(
        "proof",
        [
            "x", "e30=", "bnVsbA==", "W10=", "\x00", "ä" * 10, "A" * 5_000_000,
            base64.b64encode(b'{"algorithm":"MD5","challenge":1,"number":1,"salt":1,"signature":1}').decode(),
            base64.b64encode(b'{"algorithm":["x"],"challenge":{},"number":1,"salt":null,"signature":1}').decode(),
            base64.b64encode(b'{"algorithm":"SHA-256","challenge":"","number":1,"salt":"a?b?c?d","signature":""}').decode(),
            base64.b64encode(b"[" * 1400).decode(),
        ],
    )  # fmt: skip
    def test_junk_is_refused_in_a_sentence(self, proof: str) -> None:
        assert "went wrong" in errors(proof=proof)[0]

    def test_each_page_has_a_challenge_of_its_own(self) -> None:
        assert challenge_in(shown())["challenge"] != challenge_in(shown())["challenge"]

    def test_while_the_cache_is_away_people_come_in(self, settings: Any) -> None:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        assert errors(proof=solved(challenge_in(shown()))) == []


class TestQuestion:
    def test_the_right_number_is_taken(self) -> None:
        ticket, number = question_in(shown())
        assert errors(ticket=ticket, answer=f" {number} ") == []

    def test_nothing_at_all_asks_for_the_answer(self) -> None:
        assert "answer this question" in errors()[0]

    @pytest.mark.parametrize("answer", ["0", "many", "-3", "3.0", "²", "9" * 5000])
    def test_a_wrong_answer_is_a_sentence(self, answer: str) -> None:
        assert "not the answer" in errors(ticket=question_in(shown())[0], answer=answer)[0]

    def test_an_answer_is_good_once(self) -> None:
        ticket, number = question_in(shown())
        assert errors(ticket=ticket, answer=str(number)) == []
        assert errors(ticket=ticket, answer=str(number))

    def test_nobody_tries_one_answer_after_another(self) -> None:
        ticket, number = question_in(shown())
        assert errors(ticket=ticket, answer=str(number + 1))
        assert errors(ticket=ticket, answer=str(number))

    def test_an_answer_comes_too_late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ticket, number = question_in(shown())
        monkeypatch.setattr(captcha, "LIFETIME", -10)
        assert "too long ago" in errors(ticket=ticket, answer=str(number))[0]

    @pytest.mark.parametrize("ticket", ["", "x", "\x00", "a:b:c"])
    def test_a_made_up_question_is_refused(self, ticket: str) -> None:
        assert errors(ticket=ticket, answer="7")

    def test_the_ticket_does_not_tell_the_answer(self) -> None:
        ticket, _ = question_in(shown())
        payload = ticket.split(":")[0]
        told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert re.fullmatch(r"[\w-]{16}", told)

    def test_the_browser_does_not_insist_on_an_answer_that_a_proof_makes_needless(self) -> None:
        assert "required" not in shown()


# ---- Google's -------------------------------------------------------------------------------------------


@pytest.fixture
def google(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsServer]:
    """A server in Google's place; the library is told where it is."""
    certificate = make_certificate(tmp_path, "google", alternative=True)
    server = HttpsServer(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    settings.RECAPTCHA_DOMAIN = f"localhost:{server.port}"
    settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = "public-key", "private-key"
    yield server
    server.close()


def google_errors(response: str | None = "what the browser got") -> list[str]:
    sent = {} if response is None else {"g-recaptcha-response": response}
    return Guarded(sent).errors.get("captcha", [])


class TestRecaptcha:
    def test_it_is_used_where_both_keys_are_set(self, settings: Any) -> None:
        settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = "a", ""
        assert not captcha.uses_recaptcha()
        settings.RECAPTCHA_PRIVATE_KEY = "b"
        assert 'class="g-recaptcha" data-sitekey="a"' in shown()
        assert "data-captcha" not in shown()

    def test_googles_yes_is_a_yes(self, google: HttpsServer) -> None:
        google.plays(answer({"success": True}))
        assert google_errors() == []
        asked = urllib.parse.parse_qs(google.requests[0].body.decode(), keep_blank_values=True)
        assert google.requests[0].path == "/recaptcha/api/siteverify"
        assert asked["secret"] == ["private-key"]
        assert asked["response"] == ["what the browser got"]
        assert asked["remoteip"] == [""]

    def test_googles_no_is_a_sentence(self, google: HttpsServer) -> None:
        google.plays(answer({"success": False, "error-codes": ["timeout-or-duplicate"]}))
        assert "does not believe" in google_errors()[0]

    def test_an_empty_box_asks_nobody(self, google: HttpsServer) -> None:
        assert "tick the box" in google_errors(None)[0]
        assert google.requests == []

    @pytest.mark.parametrize(
        "act", [hang_up, answer(raw=b"<html>"), answer({}), answer({}, 500), answer(raw=b"\xff\xfe"), answer([1])]
    )
    def test_an_answer_that_is_none_is_a_sentence(self, google: HttpsServer, act: Any) -> None:
        google.plays(act)
        assert "does not answer" in google_errors()[0]

    def test_no_google_at_all_is_a_sentence(self, google: HttpsServer) -> None:
        google.close()
        assert "does not answer" in google_errors()[0]


@pytest.mark.django_db
class TestPolicy:
    def policy(self, path: str = PAGE) -> dict[str, list[str]]:
        header = Browser().get(path).headers["Content-Security-Policy"]
        return {words[0]: words[1:] for words in map(str.split, header.split(";"))}

    def test_without_keys_nothing_foreign_is_allowed(self) -> None:
        assert self.policy()["script-src"] == ["'self'"]
        assert "frame-src" not in self.policy()

    def test_with_keys_google_is_allowed_on_this_page_only(self, settings: Any) -> None:
        settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = "a", "b"
        assert "https://www.google.com/recaptcha/" in self.policy()["script-src"]
        assert "https://www.google.com/recaptcha/" in self.policy()["frame-src"]
        assert "'unsafe-inline'" not in self.policy()["script-src"]
        assert self.policy("/user/login/")["script-src"] == ["'self'"]
        assert b"onSubmit" not in Browser().get(PAGE).content
