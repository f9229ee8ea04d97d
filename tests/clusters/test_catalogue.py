"""Instances of many clusters in one list: found, counted and ordered as if they were looked through one by one."""

import itertools
import random
from typing import Any

import pytest

from apps.clusters import catalogue, words
from apps.clusters.catalogue import SORT_KEYS, Catalogue, Found, searchable
from ganeti.inventory import Snapshot
from ganeti.objects import Instance
from tests import estate

STATES = ("running", "running", "ADMIN_down", "ERROR_down")
PAGE = 7


def crowd() -> dict[str, list[Instance]]:
    """Three clusters with instances that share names, sizes and states."""
    chance = random.Random("catalogue")
    return {
        slug: [
            estate.instance(
                f"vm{number:02}.example.org",
                slug,
                owners=(f"users:user{chance.randrange(5)}",),
                status=chance.choice(STATES),
                memory=chance.choice((512, 1024, 2048)),
                vcpus=chance.choice((1, 2)),
                pnode=f"node{chance.randrange(3)}.example.org",
            )
            for number in range(count)
        ]
        for slug, count in (("north", 23), ("south", 11), ("west", 1))
    }


@pytest.fixture(scope="module")
def clusters() -> dict[str, Catalogue]:
    return {slug: Catalogue(tuple(instances)) for slug, instances in crowd().items()}


def everything(clusters: dict[str, Catalogue]) -> list[Instance]:
    return [instance for one in clusters.values() for instance in one.instances]


def pages(found: Found) -> list[Instance]:
    """All pages, each cut out of the whole for itself."""
    return [instance for first in range(0, len(found), PAGE) for instance in found[first : first + PAGE]]


@pytest.mark.parametrize("key", SORT_KEYS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_together_are_the_whole_list_in_its_order(
    clusters: dict[str, Catalogue], key: str, descending: bool
) -> None:
    found = Found(((one, range(len(one))) for one in clusters.values()), key, descending=descending)
    assert len(found) == 35
    assert pages(found) == sorted(everything(clusters), key=SORT_KEYS[key], reverse=descending)


@pytest.mark.parametrize("key", SORT_KEYS)
def test_what_was_found_is_in_the_same_order(clusters: dict[str, Catalogue], key: str) -> None:
    matching = [(one, one.matching(["user1"], "")) for one in clusters.values()]
    wanted = [instance for instance in everything(clusters) if "user1" in searchable(instance)]
    assert 0 < len(wanted) < 35
    assert pages(Found(matching, key, descending=False)) == sorted(wanted, key=SORT_KEYS[key])


@pytest.mark.parametrize(
    "wanted", [["vm0"], ["user1"], ["192.0.2.7", "south"], ["vm1", "node2"], ["example.org"], ["x\ny"]]
)
def test_a_search_finds_what_looking_at_each_would_find(clusters: dict[str, Catalogue], wanted: list[str]) -> None:
    for one in clusters.values():
        numbers = [
            number
            for number, instance in enumerate(one.instances)
            if all(word in searchable(instance) for word in wanted)
        ]
        assert list(one.matching(wanted, "")) == numbers


def test_no_word_is_found_across_two_instances() -> None:
    one = Catalogue((estate.instance("a", pnode="end"), estate.instance("start")))
    assert list(one.matching(["end\nstart"], "")) == []
    assert list(one.matching(["start"], "")) == [1]


def test_a_tag_is_matched_as_a_whole(clusters: dict[str, Catalogue]) -> None:
    one = clusters["north"]
    tag = "ganetimgr:users:user1"
    assert [one.instances[number].tags for number in one.matching([], tag)] == [(tag,)] * len(one.matching([], tag))
    assert not one.matching([], tag[:-1])


def test_piles_are_counted_over_what_was_found(clusters: dict[str, Catalogue]) -> None:
    one = clusters["north"]
    for numbers in (range(len(one)), one.matching(["user1"], "")):
        states = [words.group_of(one.instances[number].status) for number in numbers]
        assert one.count_piles(numbers) == {pile: states.count(pile) for pile in set(states)}
        assert [one.instances[number].status for number in one.of_pile(words.STOPPED, numbers)] == ["ADMIN_down"] * (
            states.count(words.STOPPED)
        )


def test_an_empty_list_has_no_pages() -> None:
    found = Found([], "name", descending=False)
    assert len(found) == 0
    assert found[0:50] == []


def test_a_snapshots_catalogue_is_made_once_and_anew_for_the_next_one(monkeypatch: Any) -> None:
    monkeypatch.setattr(catalogue, "_of_snapshots", {})
    first, second = (Snapshot("north", number, (estate.instance(f"vm{number}"),)) for number in (1, 2))
    made = catalogue.of_snapshot(first)
    assert catalogue.of_snapshot(first) is made
    assert [one.name for one in catalogue.of_snapshot(second).instances] == ["vm2"]


def test_orders_that_tie_end_with_name_and_cluster(clusters: dict[str, Catalogue]) -> None:
    for key in SORT_KEYS.values():
        for one, other in itertools.combinations(everything(clusters), 2):
            assert key(one) != key(other)
