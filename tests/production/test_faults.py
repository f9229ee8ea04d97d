"""Every part of a site fails in every way while jobs run: people get a sentence, nothing is lost or done twice."""

from collections.abc import Iterator

import pytest

from tests.production import faults
from tests.production.faults import FAULTS, Fault
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
