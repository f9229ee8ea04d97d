"""Any JSON at all in the place of a cluster's answers: nobody falls over it, and no other cluster suffers."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from apps.clusters import inventories
from apps.clusters.models import Cluster
from ganeti import errors
from ganeti.client import INSTANCE_FIELDS, NODE_FIELDS, Client
from ganeti.endpoint import Endpoint
from ganeti.inventory import STATES, Collector, Head
from ganeti.store_directory import DirectoryStore
from tests import estate
from tests.faults import scripted

texts = some.sampled_from(["", "ganetimgr:users:alice", "running", "node1", "M", "ά", "\0", "<b>", "9"]) | some.text(
    max_size=9
)
numbers = some.sampled_from([0, -1, 7, 2**63, 1e300, float("nan"), 253402300799, -62135596800]) | some.integers()
plain = some.none() | some.booleans() | numbers | texts
inner = plain | some.lists(plain, max_size=3) | some.dictionaries(texts, plain, max_size=2)
anything = inner | some.lists(inner, max_size=3) | some.dictionaries(texts, inner, max_size=3)
names = some.sampled_from(["vm1", "vm2", "vm3", ".", "..", "a b", "<b>", "%2F", "ά"])
troubles = some.sampled_from([kind("north", "?") for kind in (errors.Unreachable, errors.Failed, errors.Missing)])


def rows_with(*fields: str) -> some.SearchStrategy[list[dict[str, Any]]]:
    """What a resource's list looks like, if anything were allowed in it."""
    others = some.dictionaries(some.sampled_from(fields), anything, max_size=4)
    return some.lists(some.tuples(names, others).map(lambda pair: {**pair[1], "name": pair[0]}), max_size=3)


def queried(fields: tuple[str, ...]) -> some.SearchStrategy[Any]:
    """The same as the answer to a query, which may also say that it does not know."""
    return rows_with(*fields).map(lambda rows: scripted.queried(fields, rows))


ANSWERS = some.fixed_dictionaries(
    {
        "PUT /2/query/instance": queried(INSTANCE_FIELDS) | anything | troubles,
        "PUT /2/query/node": queried(NODE_FIELDS) | anything | troubles,
        "GET /2/instances": rows_with(*INSTANCE_FIELDS) | anything | troubles,
        "GET /2/nodes": rows_with(*NODE_FIELDS, "group.uuid") | anything | troubles,
        "GET /2/groups": rows_with("uuid", "node_list", "tags", "alloc_policy") | anything | troubles,
        "GET /2/networks": rows_with("uuid", "network", "gateway", "group_list", "free_count") | anything | troubles,
        "GET /2/info": anything | troubles,
        "POST /2/instances": anything | troubles,
    }
)
RIGHT_SHAPES = some.fixed_dictionaries(
    {
        "PUT /2/query/instance": queried(INSTANCE_FIELDS),
        "PUT /2/query/node": queried(NODE_FIELDS),
        "GET /2/groups": rows_with("uuid", "node_list", "tags"),
        "GET /2/info": some.dictionaries(texts, anything, max_size=3),
    }
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(answers=ANSWERS)
def test_the_collector_never_raises_and_leaves_other_clusters_alone(tmp_path: Path, answers: dict[str, Any]) -> None:
    store = DirectoryStore(tmp_path / "inventory")
    healthy = Collector(store, lambda endpoint: _client(endpoint, scripted.instances({"name": "vm", "tags": ["a"]})))
    before = healthy.collect(Endpoint("south", "south.example.org"), now=1000.0)
    kept = store.snapshot("south")
    collector = Collector(store, lambda endpoint: _client(endpoint, answers))
    head = collector.collect(Endpoint("north", "north.example.org"), now=1001.0, everything=True)
    assert head.state in STATES
    assert (head.state == "ok") == (not head.error)
    other = DirectoryStore(tmp_path / "inventory")
    assert other.head("north") == head
    if head.has_snapshot:
        snapshot = other.snapshot("north")
        assert snapshot is not None, "what was written can be read"
        assert len(snapshot.instances) == head.instance_count
    assert store.head("south") == before
    assert DirectoryStore(tmp_path / "inventory").snapshot("south") == kept


@pytest.mark.django_db
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(answers=RIGHT_SHAPES)
def test_what_was_collected_is_shown_beside_other_clusters(
    people: Any, as_alice: Browser, as_dora: Browser, answers: dict[str, Any]
) -> None:
    estate.put("south", estate.instance("web.example.org", "south"))
    row, _ = Cluster.objects.get_or_create(slug="north", defaults={"hostname": "127.0.0.1", "username": "u"})
    head = scripted.collect(row, answers)
    with timezone.override("Europe/Athens"):
        show(as_alice, as_dora, head)


def show(as_alice: Browser, as_dora: Browser, head: Head) -> None:
    for browser in (as_alice, as_dora):
        response = browser.get("/?sort=-status")
        assert response.status_code == 200
        assert "web.example.org" in response.content.decode()
    snapshot = inventories.store().snapshot("north", head.generation)
    for instance in snapshot.instances if snapshot else ():
        path = reverse("instance-detail", args=["north", instance.name])
        assert as_dora.get(path).status_code == 200 or instance.name in (".", "..")


def _client(endpoint: Endpoint, answers: dict[str, Any]) -> Client:
    transport: Any = scripted.ScriptedTransport(answers)
    return Client(endpoint, transport)
