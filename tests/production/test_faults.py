"""Every part of a site fails in every way while jobs run: people get a sentence, nothing is lost or done twice."""

from collections.abc import Iterator

import pytest

from tests.production import faults, kills, promises
from tests.production.faults import FAULTS, Fault
from tests.production.kills import KILLS, Kill
from tests.production.world import World

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_promises_are_kept_when(fault: Fault, world: World) -> None:
    faults.try_it(world, fault)


@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_nothing_is_lost_or_done_twice_with(kill: Kill, world: World) -> None:
    kills.try_to_kill(world, kill)


def test_nothing_is_lost_or_done_twice_with_watchers_killed_at_every_step(world: World) -> None:
    kills.try_to_kill_the_watchers(world)


def test_the_page_of_promises_tells_what_is_tried_here() -> None:
    """`python -m tests.production.promises >docs/promises.md` brings it up to date."""
    assert promises.PAGE.read_text() == promises.page()
