"""A site as in production, with Redis, beanstalkd, two web workers and two watchers; and what happens without them."""

from collections.abc import Iterator
from pathlib import Path

import greenstalk
import pytest

from tests.plugins.servers import Beanstalkd, Redis, beanstalkd, redis  # noqa: F401
from tests.simulated import SimulatedSide
from tests.site.conftest import SETTINGS, Machine
from tests.site.running import Site, Visitor

pytestmark = pytest.mark.services

SERVERS = """
REDIS_URL = {redis.url!r}
BEANSTALKD_HOST, BEANSTALKD_PORT, BEANSTALK_TUBE = "127.0.0.1", {beanstalkd.port}, "ganetimgr"
"""


@pytest.fixture(scope="module")
def site(
    database: Path,
    redis: Redis,  # noqa: F811
    beanstalkd: Beanstalkd,  # noqa: F811
    served: dict[str, SimulatedSide],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    settings = SETTINGS + SERVERS.format(redis=redis, beanstalkd=beanstalkd)
    site = Site(tmp_path_factory.mktemp("production"), settings, database=database)
    try:
        site.start_watcher()
        site.start_watcher()
        site.start_web(workers=2)
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def signed_in(site: Site) -> Visitor:
    return site.sign_in("alice")


@pytest.fixture
def alice(signed_in: Visitor, vm: Machine) -> Visitor:
    vm.site.until(lambda: vm.is_shown_to(signed_in), "the VM to be on the page")
    return signed_in


def start(alice: Visitor, vm: Machine) -> None:
    """The main flow: a click, the pending job, its end, the state on page and list, the history."""
    vm.jobs_last(1.0)
    assert "Starting" in alice.post(f"{vm.page}startup/").text
    vm.wait_for_its_end()
    vm.assert_ended_once()
    vm.site.until(lambda: "Running" in alice.text(vm.page), "the page to show that it runs")
    assert "Running" in alice.text(f"/?q={vm.name}")
    assert "done" in alice.text(f"/history/?q={vm.name}")


def test_all_of_it_works_with_two_of_each(alice: Visitor, vm: Machine) -> None:
    vm.site.until(
        lambda: len(vm.site.rows("SELECT DISTINCT holder FROM ganeti_lease WHERE holder <> ''")) == 2,
        "both watchers to have clusters",
    )
    start(alice, vm)


def test_the_broker_carries_the_news_to_a_watcher(alice: Visitor, vm: Machine, beanstalkd: Beanstalkd) -> None:  # noqa: F811
    with greenstalk.Client(("127.0.0.1", beanstalkd.port), watch="ganetimgr") as client:
        before = client.stats_tube("ganetimgr")["total-jobs"]
        start(alice, vm)
        tube = client.stats_tube("ganetimgr")
    assert tube["total-jobs"] > before, "the web tells"
    assert tube["cmd-delete"] == tube["total-jobs"], "and a watcher has heard all of it"


def has_clicked(alice: Visitor, vm: Machine) -> bool:
    """Whether the click was taken: a worker that knows nothing of the VM says so instead."""
    shown = alice.post(f"{vm.page}startup/").text
    return bool(vm.rows("id")) or "Nothing is known of" not in shown


class TestRedisDies:
    def test_pages_answer_jobs_end_nobody_is_signed_out_and_all_recover(
        self,
        alice: Visitor,
        vm: Machine,
        redis: Redis,  # noqa: F811
    ) -> None:
        redis.kill()
        try:
            for _ in range(6):  # both workers, whatever each of them remembers
                for path in ("/", f"/?q={vm.name}", vm.page, "/history/"):
                    answer = alice.get(path)
                    assert answer.status_code == 200
                    assert "/user/login/" not in answer.url, "the session is in the database, too"
                assert "Nothing new can be read just now" in alice.text("/")
                assert vm.name in alice.text(f"/?q={vm.name}") or "Nothing can be shown" in alice.text(f"/?q={vm.name}")
            vm.site.until(
                lambda: vm.rows("id") or not alice.post(f"{vm.page}startup/"), "a click on what is remembered"
            )
            vm.wait_for_its_end()
            vm.assert_ended_once()
        finally:
            redis.start()
        vm.site.until(lambda: "Nothing new can be read" not in alice.text("/"), "the pages to be fresh again")
        vm.site.until(lambda: "Running" in alice.text(vm.page), "the page to show that it runs")
        assert "Shutting down" in alice.post(f"{vm.page}shutdown/").text


class TestBeanstalkdDies:
    def test_jobs_end_all_the_same_and_its_return_is_noticed(
        self,
        alice: Visitor,
        vm: Machine,
        beanstalkd: Beanstalkd,  # noqa: F811
    ) -> None:
        beanstalkd.kill()
        try:
            start(alice, vm)
        finally:
            beanstalkd.start()
        vm.site.until(lambda: "beanstalkd is back" in vm.site.logs(), "a watcher to listen again")
