"""A site speaks a further language by its settings and a catalogue alone: what docs/development.md promises."""

from pathlib import Path
from typing import Any

import polib
import pytest
from django.contrib.auth.models import User
from django.core import checks
from django.test import Client as Browser

from accounts import outbox

pytestmark = pytest.mark.django_db
GERMAN = {
    "Sign in": "Anmelden",
    "Statistics": "Zahlen",
    "The password of %(name)s was changed": "Das Passwort von %(name)s ist ein anderes",
}


@pytest.fixture
def german(tmp_path: Path, settings: Any) -> Any:
    """A site's settings with the three lines, and a catalogue that knows a few words."""
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=2; plural=(n != 1);"}
    catalogue.extend(polib.POEntry(msgid=english, msgstr=words) for english, words in GERMAN.items())
    place = tmp_path / "de" / "LC_MESSAGES"
    place.mkdir(parents=True)
    catalogue.save_as_mofile(str(place / "django.mo"))
    settings.LANGUAGES = [*settings.LANGUAGES, ("de", "Deutsch")]
    settings.LOCALE_PATHS = [str(tmp_path), *settings.LOCALE_PATHS]
    return settings


def page(address: str, browser: Browser | None = None) -> str:
    return (browser or Browser()).get(address, headers={"accept-language": "de"}).content.decode()


def test_it_is_offered_and_spoken_to_browsers_that_prefer_it(german: Any) -> None:
    text = page("/user/login/")
    assert '<html lang="de"' in text
    assert "<h1>Anmelden</h1>" in text
    assert 'value="de" lang="de" aria-pressed="true">Deutsch</button>' in text


def test_what_its_catalogue_lacks_is_english_or_djangos(german: Any) -> None:
    text = page("/user/login/")
    assert "Passwort" in text  # of Django's own catalogue
    assert "Forgotten your password?" in text


def test_somebody_can_choose_it_and_mails_to_them_are_in_it(german: Any, as_alice: Browser) -> None:
    answer = as_alice.post("/setlang/", {"language": "de", "next": "/stats/"}, follow=True)
    assert '<html lang="de"' in answer.content.decode()
    assert "Zahlen" in answer.content.decode()
    alice = User.objects.get(username="alice")
    mail = outbox.post("password_changed", alice, {"name": "alice", "reset": ""})
    assert mail is not None
    assert mail.language == "de"
    assert mail.subject.endswith("Das Passwort von alice ist ein anderes")


def test_a_language_without_a_compiled_catalogue_is_said_by_the_check(german: Any) -> None:
    assert "ganetimgr.W003" not in [message.id for message in checks.run_checks()]
    german.LANGUAGES = [*german.LANGUAGES, ("xx", "Nobody's")]
    assert "ganetimgr.W003" in [message.id for message in checks.run_checks()]
