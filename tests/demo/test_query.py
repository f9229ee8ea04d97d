"""Filters select the rows that Ganeti would select, and nothing else."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.demo import query
from apps.demo.query import Look
from apps.demo.world import SimulatedCluster
from tests.demo.mirror import ask, mirror, said

WORLD = mirror()
NAMES = sorted(WORLD.instances)
FIELDS = ["name", "status", "be/maxmem", "tags", "oper_ram", "network_port"]

# ---- filters against a second, independent reading of them -----------------------------------------

texts = st.sampled_from([*NAMES, "running", "ADMIN_down", "", "vm03", "zzz"])
numbers = st.integers(0, 2048)
leaves = st.one_of(
    st.tuples(st.sampled_from(["=", "!=", "<", ">", "<=", ">="]), st.just("status"), texts),
    st.tuples(st.sampled_from(["!=", "<", ">", "<=", ">="]), st.just("name"), texts),
    st.tuples(st.sampled_from(["=", "!=", "<", ">", "<=", ">="]), st.sampled_from(["be/maxmem", "oper_ram"]), numbers),
    st.tuples(st.just("=~"), st.sampled_from(["name", "status"]), st.sampled_from(["^vm0[1-3]", "down$", "x", ""])),
    st.tuples(st.just("=[]"), st.just("tags"), st.sampled_from(["ganetimgr:group:dev", "ganetimgr:user:bob", "x"])),
    st.tuples(st.just("?"), st.sampled_from(["oper_state", "admin_up"])),
).map(list)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: ["|", *parts]),
        st.lists(inner, max_size=3).map(lambda parts: ["&", *parts]),
        inner.map(lambda part: ["!", part]),
    ),
    max_leaves=8,
)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, two: one == two,
    "<": lambda one, two: one < two,
    ">": lambda one, two: one > two,
    "<=": lambda one, two: one <= two,
    ">=": lambda one, two: one >= two,
    "=~": lambda one, two: re.search(two, one) is not None,
    "=[]": lambda one, two: two in one,
}


def cells_of(name: str) -> dict[str, list[Any]]:
    fields = ["name", "status", "be/maxmem", "oper_ram", "tags", "oper_state", "admin_up"]
    rows = query.answer(WORLD, "instance", fields)["data"]
    return next(dict(zip(fields, row, strict=True)) for row in rows if row[0][1] == name)


CELLS = {name: cells_of(name) for name in NAMES}


def expected(cells: dict[str, list[Any]], qfilter: list[Any]) -> bool:
    """The same question asked of the cells that an unfiltered query shows."""
    sign, *rest = qfilter
    match sign:
        case "|":
            return any(expected(cells, part) for part in rest)
        case "&":
            return all(expected(cells, part) for part in rest)
        case "!":
            return not expected(cells, rest[0])
    kind, value = cells[rest[0]]
    if kind != 0:
        passes = True  # "filter has no data to work with, accepting it"
    elif sign == "?":
        passes = value
    elif rest[0] == "name" and sign in ("=", "!="):
        passes = value == rest[1] or value.startswith(f"{rest[1]}.")
    else:
        passes = SIGNS["=" if sign == "!=" else sign](value, rest[1])
    return not passes if sign == "!=" else passes


@given(filters)
def test_a_filter_selects_the_rows_that_the_cells_say(qfilter: list[Any]) -> None:
    found = [row[0][1] for row in query.answer(WORLD, "instance", ["name"], qfilter)["data"]]
    assert found == [name for name in NAMES if expected(CELLS[name], qfilter)]


@given(filters, filters)
def test_de_morgan_holds(one: list[Any], two: list[Any]) -> None:
    look, instances = Look(WORLD), query.rows_of(WORLD, "instance")
    for instance in instances:
        left = query.passes(look, "instance", instance, ["!", ["|", one, two]])
        right = query.passes(look, "instance", instance, ["&", ["!", one], ["!", two]])
        assert left == right


# ---- what Ganeti does in particular cases -------------------------------------------------------------


def rows(world: SimulatedCluster, resource: str, fields: list[str], qfilter: Any = None) -> Any:
    return said(ask(world, "PUT", f"/2/query/{resource}", {"fields": fields, "qfilter": qfilter}))["data"]


def test_a_short_name_finds_the_whole_one() -> None:
    assert rows(WORLD, "instance", ["name"], ["=", "name", "vm03"]) == [[[0, "vm03.c1.ganeti.example"]]]


def test_several_names_come_in_the_order_of_names() -> None:
    wanted = ["|", ["=", "name", NAMES[3]], ["=", "name", NAMES[1]]]
    assert rows(WORLD, "instance", ["name"], wanted) == [[[0, NAMES[1]]], [[0, NAMES[3]]]]


def test_jobs_that_are_not_known_come_with_their_number_alone() -> None:
    world = mirror()
    number = said(ask(world, "PUT", f"/2/instances/{NAMES[0]}/startup"))
    wanted = ["|", ["=", "id", number], ["=", "id", 4711]]
    assert rows(world, "job", ["id", "status"], wanted) == [[[0, number], [0, "queued"]], [[0, 4711], [3, None]]]


def test_jobs_are_found_by_their_time_of_arrival() -> None:
    world = mirror()
    number = said(ask(world, "PUT", f"/2/instances/{NAMES[0]}/startup"))
    now = int(world.clock())
    assert rows(world, "job", ["id"], [">=", "received_ts", now]) == [[[0, number]]]
    assert rows(world, "job", ["id"], [">", "received_ts", now]) == []


@pytest.mark.parametrize(
    "qfilter",
    [
        ["=", "no_such_field", 1],
        ["=", "name", 1],
        ["<", "be/maxmem", "text"],
        ["?", "name"],
        ["=~", "be/maxmem", "1"],
        ["=~", "name", "("],
        ["no-such-operator", "name", "x"],
        ["="],
        "text",
    ],
)
def test_a_filter_that_makes_no_sense_is_an_error_and_no_crash(qfilter: Any) -> None:
    answer = ask(WORLD, "PUT", "/2/query/instance", {"fields": ["name"], "qfilter": qfilter})
    assert (answer.status, said(answer)["code"]) == (500, 500)


@pytest.mark.parametrize("resource", query.RESOURCES)
def test_every_field_that_is_described_can_be_asked_for(resource: str) -> None:
    world = mirror(kvm=True)
    world.nodes["node2.c9.ganeti.example"].down = True
    ask(world, "PUT", f"/2/instances/{next(iter(world.instances))}/startup")
    fields = list(query.definitions(resource))
    found = rows(world, resource, fields)
    assert found
    assert {cell[0] for row in found for cell in row} <= {0, 2, 3, 4}
    assert json.dumps(found)


def test_offline_nodes_and_nodes_without_power_are_told_apart() -> None:
    world = mirror()
    world.nodes["node2.c1.ganeti.example"].down = True
    kinds = {row[0][1].split(".")[0]: row[1][0] for row in rows(world, "node", ["name", "mfree"])}
    assert kinds == {"node1": 0, "node2": 2, "node3": 0, "node4": 0, "node5": 4}
