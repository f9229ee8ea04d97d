"""Owners, lock, isolation, the network that is let in: tags as jobs, and the migration after them, on both sides."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from tests.contract.powers import add_cluster, watch_until


class AccessContract:
    """A subclass's fixture `ganeti` gives the other side, as for ClientContract."""

    @pytest.fixture
    def cluster(self, ganeti: Any, db: None) -> Cluster:
        return add_cluster(ganeti.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any, cluster: Cluster) -> Iterator[str]:
        """A stopped instance of Alice's, in both spellings."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice", "ganetimgr:user:alice"]) as name:
            self.look(cluster)
            yield name

    def look(self, cluster: Cluster) -> None:
        inventories.collect_now([cluster.endpoint()], everything=True)

    def finish(self, cluster: Cluster) -> None:
        watch_until(lambda: not Job.objects.unfinished().exists())
        self.look(cluster)

    def started(self, ganeti: Any, cluster: Cluster, name: str) -> Client:
        client = Client(cluster.endpoint())
        ganeti.job(client.startup_instance(name))
        self.look(cluster)
        return client

    def ends(self) -> list[tuple[str, str]]:
        return list(AuditEntry.objects.order_by("pk").values_list("action", "outcome"))

    def test_owners_come_and_go(self, as_dora: Browser, ganeti: Any, cluster: Cluster, instance: str) -> None:
        page = f"/instances/tags/{instance}/?cluster={cluster.slug}"
        as_dora.post(page, {"owner": ["user:erik", "group:noc"], "shown": ["user:alice"]})
        self.finish(cluster)
        tags = set(Client(cluster.endpoint()).instance(instance).tags)
        assert tags == {"ganetimgr:users:erik", "ganetimgr:groups:noc"}
        assert self.ends() == [("Owners added", "succeeded"), ("Owners removed", "succeeded")]

    def test_it_is_locked_and_unlocked(self, sign_in: Any, ganeti: Any, cluster: Cluster, instance: str) -> None:
        carla, alice = sign_in("carla"), sign_in("alice")
        page = f"/instances/lock/{instance}/?cluster={cluster.slug}"
        carla.post(page, {"adminlock": "true"})
        self.finish(cluster)
        assert "ganetimgr:adminlock" in Client(cluster.endpoint()).instance(instance).tags
        assert "Locked by carla." in alice.get(f"/instances/{cluster.slug}/{instance}/").content.decode()
        carla.post(page, {"adminlock": "false"})
        self.finish(cluster)
        assert "ganetimgr:adminlock" not in Client(cluster.endpoint()).instance(instance).tags
        assert self.ends() == [("Lock Instance", "succeeded"), ("Unlock Instance", "succeeded")]

    def test_what_runs_on_shared_storage_moves_when_it_is_isolated_and_when_somebody_is_let_in(
        self, sign_in: Any, ganeti: Any, cluster: Cluster
    ) -> None:
        disks = {"disk_template": "sharedfile", "disks": ganeti.a_disk}
        with ganeti.an_instance(tags=["ganetimgr:users:alice"], **disks) as name:
            client = self.started(ganeti, cluster, name)
            first = client.instance(name).pnode
            page = f"/instances/isolate/{name}/?cluster={cluster.slug}"
            sign_in("carla").post(page, {"isolate": "true"})
            self.finish(cluster)
            second = client.instance(name)
            assert "ganetimgr:isolate" in second.tags
            assert second.pnode != first
            sign_in("alice").post(f"/instances/{cluster.slug}/{name}/subnet/", {"whitelist_ip": "2001:db8:1::/64"})
            self.finish(cluster)
            third = client.instance(name)
            assert "ganetimgr:whitelist_ip:2001:db8:1::/64" in third.tags
            assert third.pnode != second.pnode
            sign_in("alice").post(f"/instances/{cluster.slug}/{name}/subnet/", {"whitelist_ip": "192.0.2.0/28"})
            self.finish(cluster)
            tags = client.instance(name).tags
            assert [tag for tag in tags if "whitelist" in tag] == ["ganetimgr:whitelist_ip:192.0.2.0/28"]
        assert self.ends() == [
            ("Isolate", "succeeded"), ("Migrate", "succeeded"),
            ("Add whitelist", "succeeded"), ("Migrate", "succeeded"),
            ("Remove whitelist", "succeeded"), ("Add whitelist", "succeeded"), ("Migrate", "succeeded"),
        ]  # fmt: skip

    def test_what_runs_on_a_disk_of_its_node_stays_there_and_a_sentence_says_when_it_counts(
        self, sign_in: Any, ganeti: Any, cluster: Cluster
    ) -> None:
        with ganeti.an_instance(disk_template="file", disks=ganeti.a_disk) as name:
            client = self.started(ganeti, cluster, name)
            page = f"/instances/isolate/{name}/?cluster={cluster.slug}"
            answer = sign_in("carla").post(page, {"isolate": "true"}, follow=True)
            assert "this takes effect when it is next started" in answer.content.decode()
            self.finish(cluster)
            assert "ganetimgr:isolate" in client.instance(name).tags
        assert self.ends() == [("Isolate", "succeeded")]
