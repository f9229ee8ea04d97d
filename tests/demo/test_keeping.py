"""A restart of the simulator finds the clusters as they were; the faults file rules them while it runs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.demo.keeping import Shelf
from apps.demo.management.commands.simulate import FaultsFile
from apps.demo.seed import demo_worlds
from apps.demo.server import SimulatedGaneti
from apps.demo.world import SimulatedCluster
from tests.demo.mirror import Clock


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "clusters")


@pytest.fixture
def worlds() -> list[SimulatedCluster]:
    return demo_worlds(clock=Clock())


def test_what_changed_is_there_again_after_a_restart(shelf: Shelf, worlds: list[SimulatedCluster]) -> None:
    worlds[0].instances["www.example.org"].tags.append("changed")
    shelf.save(worlds)
    found = shelf.load(demo_worlds(clock=Clock()))
    assert "changed" in found[0].instances["www.example.org"].tags
    assert [world.slug for world in found] == ["north", "south", "east"]


def test_only_what_changed_is_written_again(shelf: Shelf, worlds: list[SimulatedCluster]) -> None:
    shelf.save(worlds)
    files = [shelf.directory / f"{slug}.json" for slug in ("north", "south")]
    for file in files:
        os.utime(file, (1, 1))
    worlds[0].tags.append("changed")
    shelf.save(worlds)
    assert [file.stat().st_mtime == 1 for file in files] == [False, True]


def test_a_file_of_another_version_is_replaced_by_a_fresh_cluster(shelf: Shelf, worlds: list[SimulatedCluster]) -> None:
    (shelf.directory / "north.json").write_text('{"from": "the future"}')
    assert len(shelf.load(worlds)[0].instances) == 26


def test_keys_stay_the_same_and_are_for_their_owner_only(shelf: Shelf, worlds: list[SimulatedCluster]) -> None:
    first, second = shelf.keys(worlds), shelf.keys(worlds)
    assert first == second
    assert {path.stat().st_mode & 0o777 for path in shelf.directory.glob("*.pem")} == {0o600}


def test_who_wants_to_connect_is_told_where(shelf: Shelf, worlds: list[SimulatedCluster]) -> None:
    assert shelf.endpoints() == {}
    with SimulatedGaneti(worlds, pems=shelf.keys(worlds)) as ganeti:
        shelf.announce(ganeti)
        assert shelf.endpoints() == {server.world.slug: server.endpoint_fields for server in ganeti}
    assert shelf.endpoints_file.stat().st_mode & 0o777 == 0o600  # passwords are in it


# ---- the faults file ------------------------------------------------------------------------------------


@pytest.fixture
def ganeti(worlds: list[SimulatedCluster]) -> Iterator[SimulatedGaneti]:
    with SimulatedGaneti(worlds) as served:
        yield served


def write(path: Path, content: object) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    write.count += 1  # type: ignore[attr-defined]
    os.utime(path, ns=(0, write.count))  # type: ignore[attr-defined]  # two writes within a tick of the file system


write.count = 0  # type: ignore[attr-defined]


def test_faults_are_heeded_as_the_file_changes(ganeti: SimulatedGaneti, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    faults = FaultsFile(path, ganeti)
    assert faults.apply() == ""
    write(path, {"east": {"silence": True, "latency": 0.5}})
    assert faults.apply() == ""
    assert (ganeti["east"].faults.silence, ganeti["east"].faults.latency) == (True, 0.5)
    assert not ganeti["north"].faults.silence
    write(path, {"north": {"drained": True}})
    faults.apply()
    assert (ganeti["east"].faults.silence, ganeti["north"].faults.drained) == (False, True)
    path.unlink()
    faults.apply()
    assert not ganeti["north"].faults.drained


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{half", "Expecting property name"),
        ({"west": {"silence": True}}, "there is no cluster west"),
        ({"east": {"slow": 1}}, "There is no switch 'slow'"),
        ([1], "there is no cluster"),
    ],
)
def test_a_wrong_faults_file_is_named_in_a_sentence_once(
    ganeti: SimulatedGaneti, tmp_path: Path, content: object, words: str
) -> None:
    path = tmp_path / "faults.json"
    write(path, content)
    faults = FaultsFile(path, ganeti)
    assert words in faults.apply()
    assert faults.apply() == ""
