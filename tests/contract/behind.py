"""What others do to a cluster behind our back, as the collector sees it; see clients.py for how this is used.

A subclass says how the other side is told to do it, with commands of its own and not through our client.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ganeti.client import Client
from ganeti.inventory import Collector, Head, Snapshot
from ganeti.store_directory import DirectoryStore


class BehindContract:
    @pytest.fixture
    def collector(self, tmp_path: Path) -> Collector:
        return Collector(DirectoryStore(tmp_path / "inventory"), Client)

    @pytest.fixture
    def clock(self) -> Any:
        """Seconds, each look a little later."""
        return iter(range(1000, 2000, 5))

    def look(self, collector: Collector, ganeti: Any, clock: Any) -> tuple[Head, Snapshot]:
        head = collector.collect(ganeti.endpoint(), now=float(next(clock)), jobs_too=True)
        snapshot = collector.store.snapshot(head.slug, head.generation)
        assert head.state == "ok" and snapshot
        return head, snapshot

    def a_migration(self, ganeti: Any, instance: str) -> AbstractContextManager[int]:
        """The number of a job that migrates the instance, and waits or runs until the block ends."""
        raise NotImplementedError

    def rename(self, ganeti: Any, instance: str, new: str) -> None:
        raise NotImplementedError

    def remove(self, ganeti: Any, instance: str) -> None:
        raise NotImplementedError

    def make_again(self, ganeti: Any, instance: str) -> None:
        """Another instance of the name of one that was removed."""
        raise NotImplementedError

    def test_a_job_is_known_with_what_it_does_while_it_lasts(
        self, ganeti: Any, collector: Collector, clock: Any
    ) -> None:
        with ganeti.an_instance() as name:
            with self.a_migration(ganeti, name) as number:
                head, _ = self.look(collector, ganeti, clock)
                [job] = [job for job in head.pending if name in job.instances]
                assert (job.id, job.steps_for(name)) == (number, "INSTANCE_MIGRATE")
                assert job.since
            ganeti.job(number)
            head, _ = self.look(collector, ganeti, clock)
            assert number not in {job.id for job in head.pending}

    def test_a_user_without_rights_sees_no_jobs_and_all_else(
        self, ganeti: Any, collector: Collector, clock: Any
    ) -> None:
        head = collector.collect(ganeti.endpoint("guest"), now=1000.0, jobs_too=True)
        assert (head.state, head.pending) == ("ok", ()) and head.instance_count

    def test_a_new_name_is_found_by_what_stays(self, ganeti: Any, collector: Collector, clock: Any) -> None:
        with ganeti.an_instance() as name:
            new = f"new-{name}"
            self.look(collector, ganeti, clock)
            self.rename(ganeti, name, new)
            try:
                _, snapshot = self.look(collector, ganeti, clock)
                departed = snapshot.departure(name)
                assert departed and departed.seen == 1000.0
                successor = snapshot.successor(departed)
                assert successor and successor.name == new
            finally:
                self.rename(ganeti, new, name)
            _, snapshot = self.look(collector, ganeti, clock)
            assert snapshot.departure(name) is None and snapshot.departure(new)

    def test_one_that_was_removed_has_no_other_name_and_may_come_again(
        self, ganeti: Any, collector: Collector, clock: Any
    ) -> None:
        with ganeti.an_instance() as name:
            _, before = self.look(collector, ganeti, clock)
            self.remove(ganeti, name)
            try:
                _, snapshot = self.look(collector, ganeti, clock)
                departed = snapshot.departure(name)
                assert departed and snapshot.successor(departed) is None
            finally:
                self.make_again(ganeti, name)
            _, after = self.look(collector, ganeti, clock)
            assert after.departure(name) is None
            old, new = before.instance(name), after.instance(name)
            assert old and new and old.uuid != new.uuid
