"""Redis or beanstalkd is not there: pages say what they cannot show, and what can be done is done."""

import shutil
from pathlib import Path
from typing import Any

import gevent
import pytest
from django.conf import settings as site
from django.test import Client as Browser

from apps.clusters.models import Job
from apps.clusters.watcher import Watcher
from tests.contract.powers import watch_until
from tests.faults.conftest import READERS, WELL_KNOWN, Estate, detail_of, page
from tests.plugins.servers import free_port

pytestmark = pytest.mark.django_db
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


class TestAStoreThatThisProcessNeverReached:
    @pytest.fixture(autouse=True, params=["redis", "directory"])
    def no_store(self, request: pytest.FixtureRequest, settings: Any, estate: Estate, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        redis, directory = f"redis://:sesame@127.0.0.1:{free_port()}/0", str(tmp_path / "file" / "snapshots")
        settings.SNAPSHOT_STORE = redis if request.param == "redis" else directory

    def test_leaves_pages_with_a_sentence_and_never_looks_like_having_nothing(self, sign_in: Any) -> None:
        for reader in (*READERS, "charlie"):
            browser = sign_in(reader)
            for path in ("/", "/?q=www", detail_of(WELL_KNOWN)):
                shown = page(browser, path)
                assert "Nothing new can be read just now" in shown
                assert "You have no VMs yet" not in shown
                assert "sesame" not in shown
            page(browser, "/history/")

    def test_lets_nobody_change_what_nobody_knows_and_says_so(self, as_alice: Browser, estate: Estate) -> None:
        answer = as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        assert answer.status_code == 302
        assert "Nothing is known of Cluster north just now" in page(as_alice, answer["Location"])
        answer = as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/", headers=SCRIPT)
        assert answer.status_code == 409
        assert "Nothing is known of Cluster north just now" in answer.json()["action"]
        assert (estate.north.requests, Job.objects.count()) == ([], 0)

    def test_an_unknown_cluster_is_a_404_all_the_same(self, as_alice: Browser) -> None:
        assert as_alice.get(detail_of(WELL_KNOWN, "nowhere")).status_code == 404


class TestAStoreThatWentAway:
    @pytest.fixture(autouse=True)
    def a_store_that_is_no_directory_any_more(self, sign_in: Any, estate: Estate) -> None:
        estate.collect()
        for reader in ("alice", "bob"):  # by which this process remembers it
            page(sign_in(reader), "/")
        shutil.rmtree(site.SNAPSHOT_STORE)
        Path(site.SNAPSHOT_STORE).touch()

    def test_leaves_pages_with_what_is_remembered(self, sign_in: Any, estate: Estate) -> None:
        for reader in READERS:
            browser = sign_in(reader)
            for path in ("/?q=www", detail_of(WELL_KNOWN)):
                assert WELL_KNOWN in page(browser, path)
            assert "Nothing new can be read just now" in page(browser, "/")
            page(browser, "/history/")

    def test_lets_people_start_and_stop_and_jobs_come_to_their_end(self, as_alice: Browser, estate: Estate) -> None:
        as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/")
        assert "Rebooting" in page(as_alice, detail_of(WELL_KNOWN))
        watcher = Watcher({})
        for _ in range(100):
            if not Job.objects.unfinished().exists():
                break
            watcher._step_safely()
            gevent.sleep(0.05)
        assert Job.objects.get().state == Job.State.SUCCEEDED
        watcher._leave()


class TestADirectoryThatWasRemoved:
    def test_is_made_again_and_filled_again(self, as_alice: Browser, estate: Estate) -> None:
        estate.collect()
        page(as_alice, "/")
        shutil.rmtree(site.SNAPSHOT_STORE)
        assert WELL_KNOWN in page(as_alice, "/"), "who remembers it shows it once more"
        assert "Collecting from Cluster north" in page(as_alice, "/")
        estate.collect()
        assert WELL_KNOWN in page(as_alice, "/")


class TestABrokerThatIsAway:
    def test_keeps_nobody_from_anything(self, as_alice: Browser, estate: Estate, settings: Any) -> None:
        settings.BEANSTALKD_HOST, settings.BEANSTALKD_PORT = "127.0.0.1", free_port()
        estate.collect("north")
        told = as_alice.post(f"{detail_of(WELL_KNOWN)}reboot/", headers=SCRIPT)
        assert told.json()["action"] == f"Rebooting {WELL_KNOWN}."
        for path in ("/", detail_of(WELL_KNOWN), "/history/"):
            page(as_alice, path)
        watch_until(lambda: not Job.objects.unfinished().exists())
        assert Job.objects.get().state == Job.State.SUCCEEDED
