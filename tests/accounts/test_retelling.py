"""Sentences that were stored in English reach each reader in the reader's language."""

import pytest
from django.utils import translation

from accounts import retelling


@pytest.fixture(autouse=True)
def sentences(monkeypatch):
    """A register of our own, with texts that Django's Greek has."""
    monkeypatch.setattr(retelling, "_sentences", {})
    retelling.register("Change password", "Change password: %(what)s")


def test_a_registered_sentence_is_told_in_the_readers_language():
    with translation.override("el"):
        assert retelling.retold("Change password") == "Αλλαγή συνθηματικού"
    with translation.override("en"):
        assert retelling.retold("Change password") == "Change password"


def test_what_varies_is_kept_also_over_several_lines():
    assert retelling.retold("Change password: 100%\n(or less)") == "Change password: 100%\n(or less)"


def test_what_varies_is_retold_too():
    with translation.override("el"):
        assert retelling.retold("Change password: Change password") == "Change password: Αλλαγή συνθηματικού"


def test_a_text_that_nobody_registered_stands_for_itself(monkeypatch):
    monkeypatch.setattr(retelling, "_sentences", {})
    with translation.override("el"):
        assert retelling.retold("Change password") == "Change password"
