"""What docs/security.md and docs/defects.md say holds, and the tests that they name for it are there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGES = [DOCS / "security.md", DOCS / "defects.md"]
NAMED = re.compile(r"`([a-z_/]+)::(test_\w+)`")
# As they are numbered in the description of the predecessor
DEFECTS = [*range(1, 20), *range(20, 34), *range(40, 60), *range(60, 76)]


def is_there(file: str, name: str) -> bool:
    path = TESTS / f"{file}.py"
    return path.is_file() and re.search(rf"^\s*(async )?def {name}\(", path.read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named = NAMED.findall(page.read_text())
    assert len(named) > 40
    assert [f"{file}::{name}" for file, name in named if not is_there(file, name)] == []


def test_every_defect_of_the_predecessor_has_a_line_and_a_test() -> None:
    lines = [line for line in (DOCS / "defects.md").read_text().splitlines() if re.match(r"\| D\d", line)]
    assert [int(line.split("|")[1].strip()[1:]) for line in lines] == DEFECTS
    assert [line for line in lines if not NAMED.search(line)] == []


def test_every_line_of_the_review_has_its_test_or_says_that_there_is_none() -> None:
    lines = [line for line in (DOCS / "security.md").read_text().splitlines() if line.startswith("| ")]
    told = [line for line in lines if not line.startswith(("| threat", "|---"))]
    assert len(told) > 30
    assert [line for line in told if not NAMED.search(line) and "**No test**" not in line] == []
