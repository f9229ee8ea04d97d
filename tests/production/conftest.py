"""The servers of production, one of each for a worker, and a site on them with three simulated clusters."""

from collections.abc import Iterator

import pytest

from tests.plugins.servers import Beanstalkd, MariaDb, Redis, beanstalkd, mariadb, redis  # noqa: F401
from tests.production.site import Production
from tests.simulated import SimulatedSide, simulated


@pytest.fixture(scope="module")
def sides() -> Iterator[dict[str, SimulatedSide]]:
    with simulated() as sides:
        yield sides


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    mariadb: MariaDb,  # noqa: F811
    redis: Redis,  # noqa: F811
    beanstalkd: Beanstalkd,  # noqa: F811
    sides: dict[str, SimulatedSide],
) -> Iterator[Production]:
    """Its processes are started by the modules; what is left is ended here."""
    site = Production(tmp_path_factory.mktemp("site"), mariadb, redis, beanstalkd)
    try:
        site.know(sides)
        yield site
    finally:
        site.stop()
