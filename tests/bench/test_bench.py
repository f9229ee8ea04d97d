"""`make bench ARGS=quick`: that it measures everything, and that what is counted keeps its promises. Never times."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("owner's list", "superuser's first page", "detail", "search over everything")
WITH_FAULTS = PAGES[:3]
# One more for those who decide about something: what waits for them is counted for the navigation, all in one query.
# A list also looks for bulk actions of the reader's that run.
MOST_QUERIES = {"owner's list": 7, "superuser's first page": 5, "detail": 8, "search over everything": 10}

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "contrib.bench", "quick"], cwd=ROOT, capture_output=True, text=True, timeout=3600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def pages(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were measured while all clusters were well."""
    return [line for line in lines if "queries" in line]


def the_one(lines: list[dict[str, Any]], what: str) -> dict[str, Any]:
    [line] = [line for line in lines if line["what"].startswith(what)]
    return line


def test_each_line_says_of_what_size_on_which_store_and_how_fast_the_machine_was(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert line["size"] == 180
        assert line["store"] == "redis"
        assert line["database"] == "sqlite"
        assert line["machine_ms"] > 0


def test_every_page_filter_and_order_is_measured(pages: list[dict[str, Any]]) -> None:
    measured = {page["what"] for page in pages}
    orders = {
        f"by {sign}{key}"
        for key in ("name", "cluster", "node", "status", "cpus", "memory", "disk")
        for sign in ("", "-")
    }
    filters = {"status", "cluster", "tag", "search for a name", "search for an address", "search for two words"}
    wanted = {f"superuser's first page, {which}" for which in orders | filters | {"the last page", "304"}}
    searches = (
        "a VM's name",
        "a part of every name",
        "an address",
        "a MAC",
        "an owner",
        "two words",
        "nothing",
        "owner",
    )
    wanted |= {f"search over everything, {which}" for which in searches}
    assert measured >= wanted | {*WITH_FAULTS, "owner's list, 304", "detail, superuser"}
    assert all({"p50_ms", "p95_ms", "bytes", "samples"} <= page.keys() for page in pages)


def test_no_page_asks_ganeti(lines: list[dict[str, Any]]) -> None:
    asked = [line["rapi_requests"] for line in lines if line["what"].startswith(PAGES)]
    assert len(asked) > 30
    assert not any(asked)


def test_a_page_needs_few_queries_and_one_read_of_the_store(pages: list[dict[str, Any]]) -> None:
    for page in pages:
        kind = next(kind for kind in PAGES if page["what"].startswith(kind))
        assert page["queries"] <= MOST_QUERIES[kind], page["what"]
        # A cluster that has changed is read once more, and so are its facts.
        assert page["store_reads"] <= (3 if "changed" in page["what"] else 1), page["what"]


def test_an_unchanged_page_has_no_body(pages: list[dict[str, Any]]) -> None:
    unchanged = [page["bytes"] for page in pages if page["what"].endswith("304")]
    assert unchanged == [0, 0]


def test_a_superusers_first_page_is_small(pages: list[dict[str, Any]]) -> None:
    assert all(page["bytes"] <= 100_000 for page in pages)


def test_faults_are_tried_on_every_kind_of_page(lines: list[dict[str, Any]]) -> None:
    tried = [line for line in lines if "p95_change" in line]
    assert {line["what"].split(",")[0] for line in tried} == set(WITH_FAULTS)


def test_memory_collection_and_clicks_are_measured(lines: list[dict[str, Any]]) -> None:
    assert the_one(lines, "peak memory of a web worker")["mb"] > 0
    assert the_one(lines, "peak memory of a watcher")["mb"] > 0
    assert the_one(lines, "full collection")["times_plain"] > 0
    assert the_one(lines, "click on shut down, alone")["samples"] == 2
    assert the_one(lines, "click on shut down, 8 by 4")["samples"] == 8


def test_every_job_succeeds_for_few_requests(lines: list[dict[str, Any]]) -> None:
    ends = the_one(lines, "end noticed")
    assert ends["jobs"] == ends["succeeded"] == 20
    assert ends["rapi_requests"] <= ends["rapi_requests_allowed"]
