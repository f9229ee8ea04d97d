"""The servers of production, one of each for a worker's tests here."""

from tests.plugins.servers import beanstalkd, mariadb, redis  # noqa: F401
