"""What tests of several rooms of accounts/ share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.ldap import directory, directory_that_demands_tls  # noqa: F401


@pytest.fixture
def letter(settings: Any, tmp_path: Path) -> Callable[[str, str], None]:
    """Makes the template of a mail for this test only: occasion, text."""
    (tmp_path / "letters" / "mail").mkdir(parents=True)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path / "letters", *engine["DIRS"]]}]

    def make(occasion: str, text: str) -> None:
        (tmp_path / "letters" / "mail" / f"{occasion}.txt").write_text(text)

    return make
