"""What the log would hold: a handler with the site's own shape and filter, beside whatever pytest listens with."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ganetimgr import logs

Listen = Callable[[str], "Log"]


class Log:
    """Everything that is logged from now on, as text and, where it is JSON, as objects."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logs.formatter())
        self.handler.addFilter(logs.RequestFilter())

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [told for told in self.objects if told["logger"] == logger]


@pytest.fixture
def listen(settings: Any) -> Iterator[Listen]:
    """Listens in the shape named: "line" or "json"."""
    root = logging.getLogger()
    level = root.level
    logs_made: list[Log] = []

    def begin(shape: str) -> Log:
        settings.LOG_FORMAT = shape
        log = Log()
        logs_made.append(log)
        root.addHandler(log.handler)
        root.setLevel(logging.DEBUG)
        return log

    yield begin
    root.setLevel(level)
    for log in logs_made:
        root.removeHandler(log.handler)
