"""Figures: the machine's own speed, and what a row of samples comes to."""

import math
import statistics
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

Figures = dict[str, object]


def reference_ms() -> float:
    """How long this machine takes now for a fixed piece of work, half Python and half C: the best of three."""
    return round(min(_fixed_work() for _ in range(3)), 1)


def _fixed_work() -> float:
    began = time.perf_counter()
    text = "".join(f"{number * number % 9973:x} " for number in range(100_000)).encode()
    counts: dict[int, int] = {}
    for byte in text:
        counts[byte] = counts.get(byte, 0) + 1
    zlib.decompress(zlib.compress(text, 6))
    return (time.perf_counter() - began) * 1000


def times(seconds: Iterable[float]) -> Figures:
    """Median, 95th percentile and worst of some durations, in milliseconds."""
    found = sorted(seconds)
    return {
        "p50_ms": _ms(statistics.median(found)),
        "p95_ms": _ms(percentile(found, 0.95)),
        "max_ms": _ms(found[-1]),
        "samples": len(found),
    }


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    found = sorted(values)
    return found[math.ceil(share * len(found)) - 1]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had resident, in MB."""
    return _status(pid, "VmHWM")


def children(pid: int) -> list[int]:
    """The processes that a process has started: gunicorn's workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _status(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return round(kilobytes * 1024 / 1e6, 1)
