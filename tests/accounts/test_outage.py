"""A database that does not answer is a sentence and a 503; a defect stays a 500."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client as Browser

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def failing(as_alice: Browser) -> Iterator[Callable[[Exception], Browser]]:
    """Alice's browser; every query raises the error."""
    as_alice.raise_request_exception = False
    wrappers = []

    def fail(error: Exception) -> Browser:
        def instead(execute: Any, *arguments: Any) -> Any:
            raise error

        wrapper = connection.execute_wrapper(instead)
        wrapper.__enter__()
        wrappers.append(wrapper)
        return as_alice

    yield fail
    for wrapper in wrappers:
        wrapper.__exit__(None, None, None)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(2003, "Can't connect to MySQL server on '127.0.0.1'"),
        OperationalError(2013, "Lost connection to MySQL server during query"),
        OperationalError("database is locked"),
        InterfaceError(0, ""),
    ],
    ids=str,
)
def test_a_database_that_is_away_is_a_sentence(failing: Any, error: Exception) -> None:
    for path in ("/", "/history/", "/instances/north/web.example.org/"):
        answer = failing(error).get(path)
        assert answer.status_code == 503
        assert "nothing that you started is lost or done twice" in answer.content.decode()
        assert int(answer["Retry-After"]) > 0
        assert answer["Cache-Control"] == "no-store"


def test_scripts_get_the_sentence_in_their_own_form(failing: Any) -> None:
    browser = failing(OperationalError(2006, "Server has gone away"))
    answer = browser.post("/instances/north/web.example.org/startup/", headers=SCRIPT)
    assert answer.status_code == 503
    assert "does not answer just now" in answer.json()["action"]


@pytest.mark.parametrize("error", [OperationalError("no such table: ganeti_job"), RuntimeError("a defect")], ids=str)
def test_a_defect_is_no_outage(failing: Any, error: Exception) -> None:
    answer = failing(error).get("/")
    assert answer.status_code == 500
    assert "recorded" in answer.content.decode()
