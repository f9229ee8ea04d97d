from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganetimgr import defaults
from tests.adopting.filled import fill
from tests.adopting.old import GENERATIONS, Old, OnSqlite


@pytest.fixture(autouse=True)
def real_hashers(settings: Any) -> None:
    """Those of a site: which passwords it understands is the question here."""
    settings.PASSWORD_HASHERS = defaults.PASSWORD_HASHERS


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    """A database of 2.2, empty."""
    database = Old(OnSqlite(tmp_path / "old.sqlite3"), "2.2")
    yield database
    database.close()


def full(path: Path, generation: str) -> Iterator[Old]:
    database = Old(OnSqlite(path), generation)
    fill(database)
    yield database
    database.close()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Old]:
    """A database of 2.2, with the odd things of years in it."""
    yield from full(tmp_path / "filled.sqlite3", "2.2")


@pytest.fixture(params=GENERATIONS)
def either(request: Any, tmp_path: Path) -> Iterator[Old]:
    """The same of either generation."""
    yield from full(tmp_path / "either.sqlite3", request.param)
