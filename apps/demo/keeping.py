"""Keeps simulated clusters in a directory, so that a restart finds them as they were."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from apps.demo import certificates
from apps.demo.jobs import Pace
from apps.demo.server import SimulatedGaneti
from apps.demo.world import SimulatedCluster


class Shelf:
    """A directory with one file per cluster, one per key, and `endpoints.json` for those who want to connect."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._written: dict[str, bytes] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def load(self, fresh: list[SimulatedCluster], pace: Pace | None = None) -> list[SimulatedCluster]:
        """The clusters as they were kept; a fresh one stands for each that was not."""
        return [self._kept(world, pace) or world for world in fresh]

    def _kept(self, world: SimulatedCluster, pace: Pace | None) -> SimulatedCluster | None:
        try:
            return SimulatedCluster.from_json(self._file(world).read_bytes(), clock=world.clock, pace=pace)
        except (FileNotFoundError, msgspec.MsgspecError):  # never kept, or by a version that wrote it differently
            return None

    def save(self, worlds: list[SimulatedCluster]) -> None:
        """Writes the clusters that have changed since the last time."""
        for world in worlds:
            now = world.to_json()
            if self._written.get(world.slug) != now:
                replace(self._file(world), now)
                self._written[world.slug] = now

    def keys(self, worlds: list[SimulatedCluster]) -> dict[str, bytes]:
        """Each cluster's key and certificate: they stay the same, so that a pinned fingerprint holds."""
        return {world.slug: certificates.kept(self.directory / f"{world.slug}.pem", world.name) for world in worlds}

    def announce(self, ganeti: SimulatedGaneti) -> None:
        """Tells where the clusters listen now."""
        found = {server.world.slug: server.endpoint_fields for server in ganeti}
        replace(self.endpoints_file, json.dumps(found, indent=2).encode())

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Where the clusters listen, by slug; nothing before they do."""
        try:
            return json.loads(self.endpoints_file.read_bytes())
        except FileNotFoundError:
            return {}

    @property
    def endpoints_file(self) -> Path:
        return self.directory / "endpoints.json"

    def _file(self, world: SimulatedCluster) -> Path:
        return self.directory / f"{world.slug}.json"


def replace(path: Path, content: bytes) -> None:
    """Writes a file so that nobody ever reads half of it; only its owner may read it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
