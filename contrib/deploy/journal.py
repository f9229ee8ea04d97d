"""Where a deployment is: written down before each step, so that the next run knows where one was that was killed."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from machine import Machine


@dataclass
class Journal:
    """A deployment that has begun and not ended."""

    tag: str
    previous: str = ""  # the release that ran; empty before the first one
    step: str = ""  # the sentence of the step that was begun last
    stopped: bool = False  # processes were ended
    switched: bool = False  # the symlink points at the new release
    backup: str = ""
    pending: list[str] = field(default_factory=list)  # migrations that this deployment applies
    migrating: bool = False
    acted: bool = False  # watchers of the new release have run: Ganeti and people may have heard from it
    going_back: str = ""  # why

    @classmethod
    def read(cls, machine: Machine, path: str) -> "Journal | None":
        words: dict[str, Any] | None = machine.read(path)
        return cls(**words) if words is not None else None

    def write(self, machine: Machine, path: str) -> None:
        machine.write(path, dataclasses.asdict(self))
