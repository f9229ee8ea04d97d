"""A user gets another name and keeps the VMs: the tags are rewritten as jobs, on both sides alike."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters import inventories, renaming
from apps.clusters.models import Cluster, Job, Renaming
from ganeti.client import Client
from tests.contract.powers import add_cluster, watch_until


class RenamingContract:
    """A subclass's fixture `ganeti` gives the other side, as for ClientContract."""

    @pytest.fixture
    def cluster(self, ganeti: Any, db: None) -> Cluster:
        return add_cluster(ganeti.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any, cluster: Cluster) -> Iterator[str]:
        """A stopped instance of somebody of this test's own, in both spellings."""
        with ganeti.an_instance(tags=["ganetimgr:users:agnes", "ganetimgr:user:agnes"]) as name:
            inventories.collect_now([cluster.endpoint()], everything=True)
            yield name

    def test_tags_are_added_and_removed_as_jobs_that_end_in_the_list(
        self, as_dora: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        agnes = User.objects.create_user("agnes")
        as_agnes = Browser()
        as_agnes.force_login(agnes)
        as_dora.post(f"/admin/auth/user/{agnes.pk}/rename/", {"name": "annis"})
        for _ in range(2):
            renaming.go_on()
            watch_until(lambda: not Job.objects.unfinished().exists())
            inventories.collect_now([cluster.endpoint()])
            assert instance in as_agnes.get("/").content.decode(), "at every moment it is hers"
        assert set(Client(cluster.endpoint()).instance(instance).tags) == {"ganetimgr:users:annis"}
        renaming.go_on()
        assert Renaming.objects.get().ended
        assert instance in as_agnes.get("/").content.decode()
        assert list(Job.objects.order_by("pk").values_list("kind", "state")) == [
            ("add-tags", "succeeded"),
            ("remove-tags", "succeeded"),
        ]
        assert set(AuditEntry.objects.filter(instance=instance).values_list("outcome", flat=True)) == {"succeeded"}
