"""A cluster whose every answer a test writes: stands where ganeti.transport.Transport stands."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from apps.clusters import inventories
from apps.clusters.models import Cluster
from ganeti.client import INSTANCE_FIELDS, NODE_FIELDS, Client
from ganeti.errors import Missing, RapiError, Refused
from ganeti.inventory import Collector, Head

# What the collector asks for, and healthy answers of a cluster with nothing in it
EMPTY: dict[str, Any] = {
    "PUT /2/query/instance": {"data": []},
    "PUT /2/query/node": {"data": []},
    "GET /2/groups": [],
    "GET /2/networks": [],
    "GET /2/info": {},
}


class ScriptedTransport:
    """Answers by "METHOD /path"; an exception among the answers is raised."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {"POST /2/instances": Refused("north", "unsupported version"), **EMPTY, **answers}

    def request(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        answer = self.answers.get(f"{method} {path}", Missing("north", "no such path"))
        if isinstance(answer, RapiError):
            raise answer
        return answer


def collect(row: Cluster, answers: Mapping[str, Any]) -> Head:
    """A look at a cluster that answers so."""
    transport: Any = ScriptedTransport(answers)
    collector = Collector(inventories.store(), lambda endpoint: Client(endpoint, transport))
    return collector.collect(row.endpoint(), now=time.time(), everything=True)


def instances(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to the question about all instances."""
    return {"PUT /2/query/instance": queried(INSTANCE_FIELDS, rows)}


def nodes(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {"PUT /2/query/node": queried(NODE_FIELDS, rows)}


def queried(fields: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as Ganeti's queries send them: pairs of a status (0: here it is, 2: unknown) and a value."""
    return {"data": [[[0, row[field]] if field in row else [2, None] for field in fields] for row in rows]}
