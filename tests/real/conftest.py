"""Real Ganeti, for all tests in this directory, which one worker runs one after the other."""

from pathlib import Path

import pytest

from tests.plugins.real_ganeti import kvm_ganeti, real_clusters, real_ganeti, real_instance  # noqa: F401


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is in here, early enough for `-m`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real)
