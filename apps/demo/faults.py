"""What can be wrong with a simulated cluster's remote API, switchable while it runs."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any


@dataclasses.dataclass(slots=True)
class Faults:
    """The switches of one cluster; the defaults are a healthy one. `replace` sets all of them at once."""

    latency: float = 0.0  # seconds before each answer
    closed: bool = False  # nobody listens: connections are refused
    reset: bool = False  # connections are accepted and broken at once
    deaf: bool = False  # connections are accepted, but not even TLS is spoken
    silence: bool = False  # requests are read and never answered, nor carried out
    lost_answers: bool = False  # requests are carried out, then the connection breaks
    rubbish: bool = False  # a web page instead of JSON
    truncated: bool = False  # half of each answer
    drip: float = 0.0  # seconds between two bytes of an answer
    other_certificate: bool = False  # not the certificate that was presented before
    drained: bool = False  # the job queue takes no new jobs
    forgetful: bool = False  # jobs are archived as soon as they end
    failing_jobs: str = ""  # every opcode fails with these words
    no_luxid: bool = False  # nothing answers behind RAPI: 504 after a while
    profile: str = ""  # another release of Ganeti: "2.4", "2.9", "3.0"

    on_change: Callable[[], None] | None = dataclasses.field(default=None, repr=False, compare=False)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        hook = getattr(self, "on_change", None)
        if hook is not None and name != "on_change":
            hook()

    def replace(self, switches: Mapping[str, Any]) -> None:
        """Sets the given switches and puts all others back; raises ValueError for a switch that does not exist."""
        known = {field.name: field.default for field in dataclasses.fields(self) if field.name != "on_change"}
        wrong = sorted(set(switches) - set(known))
        if wrong:
            raise ValueError(f"There is no switch {wrong[0]!r}; there are {', '.join(known)}.")
        for name, default in known.items():
            wanted = switches.get(name, default)
            if getattr(self, name) != wanted:
                setattr(self, name, wanted)
