"""`python -m contrib.bench [quick]`: measures and prints, one JSON object per line."""

import json
import sys
from collections.abc import Iterator

from contrib.bench import measures
from contrib.bench.figures import Figures, reference_ms
from contrib.bench.measures import Plan
from contrib.bench.scene import Scene, Size, scene

FULL = Plan(
    rounds=25, fault_rounds=20, fault_turns=4, collections=5, clicks_alone=20, clicks=100, clients=8, jobs=1000,
    jobs_last=(20, 60),
)  # fmt: skip
QUICK = Plan(
    rounds=2, fault_rounds=2, fault_turns=1, collections=1, clicks_alone=2, clicks=8, clients=4, jobs=20,
    jobs_last=(1, 3),
)  # fmt: skip
SIZES = (Size(10, 100), Size(50, 400), Size(200, 500))
WITH_JOBS = SIZES[1]  # clicks, ends, faults and the full collection
QUICK_SIZE = Size(6, 30)


def main(words: list[str]) -> int:
    if words not in ([], ["quick"]):
        sys.stderr.write("usage: python -m contrib.bench [quick]\n")
        return 2
    plan, sizes, with_jobs = (QUICK, (QUICK_SIZE,), QUICK_SIZE) if words else (FULL, SIZES, WITH_JOBS)
    for size in sizes:
        with scene(size) as made:
            for figures in _all(made, plan, jobs=size == with_jobs):
                about = {"size": size.total, "clusters": size.clusters, "store": made.store, "database": "sqlite"}
                sys.stdout.write(json.dumps({**figures, **about, "machine_ms": reference_ms()}) + "\n")
                sys.stdout.flush()
    return 0


def _all(made: Scene, plan: Plan, *, jobs: bool) -> Iterator[Figures]:
    yield from measures.memory(made)
    yield from measures.pages(made, plan)
    if jobs:
        yield from measures.faults(made, plan)
        yield from measures.collecting(made, plan)
        yield from measures.clicks(made, plan)
        yield from measures.ends(made, plan)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
