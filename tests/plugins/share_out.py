"""Which tests xdist gives to the same worker: those of a file; all of real Ganeti, which count each other's jobs;
and those of the browser.

xdist's own groups (`--dist loadgroup`) do not group with pytest 9.2: pytest-dev/pytest-xdist#1386.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/real/", "tests/browser/")


class ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        """What a test shares with those that have to run in the same worker."""
        together = [folder for folder in TOGETHER if nodeid.startswith(folder)]
        return together[0] if together else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    config.option.loadscopereorder = False  # tests/conftest.py decides what comes first and last
    return ByFile(config, log)
