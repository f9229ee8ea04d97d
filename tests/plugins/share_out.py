"""Which tests xdist gives to the same worker: those of a file, and all of real Ganeti, which count each other's jobs.

xdist's own groups (`--dist loadgroup`) do not group with pytest 9.2: pytest-dev/pytest-xdist#1386.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/real/"


class ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        """What a test shares with those that have to run in the same worker."""
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    config.option.loadscopereorder = False  # tests/conftest.py decides what comes first and last
    return ByFile(config, log)
