"""Watchers share the clusters among them: each cluster has one, and no cluster has none for long."""

import datetime

import pytest
from django.conf import settings
from django.utils import timezone

from apps.clusters import chores, leases
from apps.clusters.chores import Chore
from apps.clusters.models import ChoreLease, Cluster, Lease, WatcherProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def clusters() -> list[Cluster]:
    return [Cluster.objects.create(slug=f"c{n}", hostname="h", username="u") for n in range(6)]


def slugs(primary_keys: set[int]) -> set[str]:
    return set(Cluster.objects.filter(pk__in=primary_keys).values_list("slug", flat=True))


class TestLeases:
    def test_a_lone_watcher_takes_everything(self, clusters: list[Cluster]) -> None:
        assert len(leases.renew("one")) == 6

    def test_a_second_watcher_gets_half_after_both_have_renewed(self, clusters: list[Cluster]) -> None:
        leases.renew("one")
        assert leases.renew("two") == set()
        one = leases.renew("one")
        two = leases.renew("two")
        assert (len(one), len(two)) == (3, 3)
        assert not one & two

    def test_a_lease_that_is_held_is_never_taken(self, clusters: list[Cluster]) -> None:
        one = leases.renew("one")
        assert not leases.renew("two") & one

    def test_a_dead_watchers_clusters_are_taken_when_its_leases_end(self, clusters: list[Cluster]) -> None:
        leases.renew("one")
        long_ago = timezone.now() - datetime.timedelta(seconds=settings.WATCHER_LEASE + 1)
        Lease.objects.update(expires=long_ago)
        WatcherProcess.objects.update(seen=long_ago)
        assert len(leases.renew("two")) == 6

    def test_a_watcher_that_stops_leaves_at_once(self, clusters: list[Cluster]) -> None:
        leases.renew("one")
        leases.release_all("one")
        assert len(leases.renew("two")) == 6

    def test_disabled_and_new_clusters_come_and_go(self, clusters: list[Cluster]) -> None:
        leases.renew("one")
        Cluster.objects.filter(slug="c0").update(disabled=True)
        Cluster.objects.create(slug="new", hostname="h", username="u")
        assert slugs(leases.renew("one")) == {"c1", "c2", "c3", "c4", "c5", "new"}
        assert Lease.objects.get(cluster__slug="c0").holder == ""

    def test_no_clusters_at_all_is_no_trouble(self) -> None:
        assert leases.renew("one") == set()


class TestChores:
    DAILY = Chore("daily", 86400.0, lambda: None)
    OFTEN = Chore("often", 2.0, lambda: None)

    def renew(self, holder: str) -> set[str]:
        return chores.renew(holder, [self.DAILY, self.OFTEN])

    def test_have_one_who_does_them(self) -> None:
        assert self.renew("one") == {"daily", "often"}
        assert self.renew("two") == set()
        assert self.renew("one") == {"daily", "often"}

    def test_of_one_that_stops_or_dies_are_taken_by_another(self) -> None:
        self.renew("one")
        chores.release_all("one")
        assert self.renew("two") == {"daily", "often"}
        ChoreLease.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
        assert self.renew("three") == {"daily", "often"}
        assert self.renew("two") == set()

    def test_that_are_done_are_not_due_for_anybody_unless_they_are_due_all_the_time(self) -> None:
        self.renew("one")
        for chore in (self.DAILY, self.OFTEN):
            chores.note_done(chore)
        assert self.renew("one") == {"often"}
        chores.release_all("one")
        assert self.renew("two") == {"often"}

    def test_that_nobody_wants_any_more_are_nobodys(self) -> None:
        self.renew("one")
        assert chores.renew("one", [self.OFTEN]) == {"often"}
