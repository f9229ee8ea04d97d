"""contrib/check-translations: what it says about a catalogue and one that was just brought up to date."""

import os
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import polib
import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "contrib/check-translations"


def entry(text, translation="", **more):
    return polib.POEntry(msgid=text, msgstr=translation, occurrences=[("apps/a.py", "")], **more)


def catalogue_of(entries):
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    catalogue.extend(entries)
    return catalogue


def write(path, *entries):
    catalogue = catalogue_of(entries)
    catalogue.save(str(path))
    return catalogue


@pytest.fixture(scope="module")
def script():
    """The script as a module; it has no name that Python could import."""
    loader = SourceFileLoader("check_translations", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def complaints_about(script):
    return script.complaints_about


@pytest.fixture
def complaints(tmp_path, complaints_about):
    """What is said, given our entries, those of the sources, and those in the .mo file (ours, if not given)."""

    def of(ours, fresh, compiled=None):
        write(tmp_path / "django.po", *ours)
        write(tmp_path / "fresh.po", *fresh)
        compiled = write(tmp_path / "compiled.po", *(ours if compiled is None else compiled))
        compiled.save_as_mofile(str(tmp_path / "django.mo"))
        return complaints_about(tmp_path / "django.po", tmp_path / "fresh.po")

    return of


START = entry("Start", "Εκκίνηση")


def test_nothing_to_say_where_every_text_is_translated_and_compiled(complaints):
    plural = entry("%d job", "", msgid_plural="%d jobs", msgstr_plural={0: "%d εργασία", 1: "%d εργασίες"})
    noun = entry("Start", "Αρχή", msgctxt="noun")
    assert complaints([START, plural, noun], [START, plural, noun]) == []


def test_a_text_without_translation_is_named_with_its_file(complaints):
    assert complaints([START], [START, entry("Stop")]) == ["apps/a.py: no translation of 'Stop'"]


def test_a_doubtful_translation_is_named(complaints):
    doubtful = entry("Stopp", "Διακοπή", flags=["fuzzy"])
    [sentence] = complaints([START, doubtful], [START, doubtful])
    assert sentence.startswith("apps/a.py: the translation of 'Stopp' is fuzzy")


def test_a_text_that_is_gone_from_the_sources_is_named(complaints):
    stop = entry("Stop", "Διακοπή")
    assert complaints([START, stop], [START]) == ["django.po: 'Stop' is no longer used: make messages"]


def test_a_text_kept_as_obsolete_is_no_trouble(complaints):
    assert complaints([START, entry("Stop", "Διακοπή", obsolete=True)], [START]) == []


def test_a_compiled_catalogue_that_says_something_else_is_named(complaints):
    assert complaints([START], [START], compiled=[entry("Start", "Αρχή")]) == [
        "django.mo is not what django.po says: make messages"
    ]


def test_one_that_was_never_compiled_is_named(complaints_about, tmp_path):
    write(tmp_path / "django.po", START)
    assert complaints_about(tmp_path / "django.po", tmp_path / "django.po") == [
        "django.mo is not what django.po says: make messages"
    ]


def test_a_catalogue_that_is_not_there_is_named(complaints_about, tmp_path):
    write(tmp_path / "fresh.po", START)
    assert complaints_about(tmp_path / "django.po", tmp_path / "fresh.po") == [
        "django.po is missing: make messages, then translate"
    ]


def test_a_text_that_django_translates_otherwise_is_named_because_ours_would_win_everywhere(script):
    django_says = [entry("All", "Όλα"), entry("Search", "Αναζήτηση"), entry("Time", "Ώρα")]
    ours = [entry("All", "Όλες"), entry("Search", "Αναζήτηση"), entry("Time", "Διάστημα", msgctxt="filter")]
    assert script.clashes(catalogue_of(ours), [catalogue_of(django_says)]) == [
        "apps/a.py: Django translates 'All' as 'Όλα': give ours a context"
    ]


def test_djangos_own_greek_is_found(script):
    texts = {entry.msgid for catalogue in script.djangos_catalogues() for entry in catalogue}
    assert {"Change password", "This field is required.", "Password"} <= texts


def test_the_copy_has_the_sources_and_passes_over_what_is_none(script, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("apps/a.py", "templates/mail/a.txt", "contrib/install-packages", "var/a.py", ".git/a.py", "a.sqlite3"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    os.mkfifo(source / "pipe.py")
    (source / "nowhere.py").symlink_to(source / "gone.py")
    script.copy_of_the_sources(source, target)
    copied = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert copied == {"apps/a.py", "templates/mail/a.txt", "contrib/install-packages"}
    assert (target / ".venv").readlink() == source / ".venv"
