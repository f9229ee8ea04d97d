"""The simulated clusters as a process of their own: `python -m contrib.bench.ganeti CLUSTERS INSTANCES LATENCY`.

The crowd of apps.demo.seed, in which some instances belong to people of the bench besides: five to alice, on five
clusters, and one on each cluster to each of the clickers.
"""

import sys
from typing import Any

from apps.demo import seed
from apps.demo.jobs import Pace
from apps.demo.server import SimulatedGaneti
from apps.demo.world import SimulatedCluster
from contrib.bench.helper import serve

CLICKERS = tuple(f"clicker{number}" for number in range(1, 9))
ALICES = 5


class Clusters:
    """What the bench may ask of them."""

    def __init__(self, clusters: int, instances: int, latency: float) -> None:
        self.pace = Pace()
        self.worlds = list(seed.crowd(clusters, instances, pace=self.pace))
        for world in self.worlds:
            _give(world, CLICKERS)
        for number in range(ALICES):
            _give(self.worlds[number % clusters], ["alice"], skip=len(CLICKERS) + number // clusters)
        self.ganeti = SimulatedGaneti(self.worlds)
        self.latency = latency
        self.faults({})

    def endpoints(self) -> list[dict[str, Any]]:
        return [server.endpoint_fields for server in self.ganeti]

    def faults(self, switches: dict[str, dict[str, Any]]) -> None:
        """What is wrong with which cluster; all others are well, only late."""
        for server in self.ganeti:
            server.faults.replace({"latency": self.latency, **switches.get(server.world.slug, {})})

    def jobs_last(self, least: float, most: float) -> None:
        self.pace.power = (least, most)

    def requests(self) -> int:
        """How often they were asked since the last time that this was."""
        count = 0
        for server in self.ganeti:
            count += len(server.requests)
            del server.requests[:], server.questions[:]
        return count

    def ends(self) -> dict[str, dict[str, float]]:
        """When each job ended by Ganeti's clock: slug, number."""
        found: dict[str, dict[str, float]] = {}
        for world in self.worlds:
            with world.lock:
                world.jobs.advance()
                found[world.slug] = {str(job.id): job.ended for job in world.jobs.all.values() if job.ended}
        return found


def _give(world: SimulatedCluster, people: Any, skip: int = 0) -> None:
    """A running instance to each of `people`, leaving out the first `skip`."""
    running = [instance for instance in world.instances.values() if instance.running_on]
    for instance, person in zip(running[skip:], people, strict=False):
        instance.tags = sorted([*instance.tags, *seed.user(person)])


def main(clusters: int, instances: int, latency: float) -> None:
    asked = Clusters(clusters, instances, latency)
    with asked.ganeti:
        serve({
            "endpoints": asked.endpoints,
            "faults": asked.faults,
            "jobs_last": asked.jobs_last,
            "requests": asked.requests,
            "ends": asked.ends,
        })  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
