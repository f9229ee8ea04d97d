"""Reinstall, rename, destroy: from the page through the mailed link to Ganeti's end. The same on both sides."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import OutgoingMail
from apps.audit.models import AuditEntry
from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from tests.contract.powers import add_cluster, watch_until


class ConfirmedContract:
    """A subclass's fixture `ganeti` gives the other side; `SYSTEM` is an operating system that it has."""

    SYSTEM: str
    OLD = {"img_id": "debian-12", "img_format": "tarball", "img_passwd": "old"}

    def parameters(self, ganeti: Any) -> dict[str, Any]:
        """What an instance with that system, OLD and one disk is made of."""
        raise NotImplementedError

    def parameters_of(self, ganeti: Any, name: str) -> dict[str, str]:
        """The parameters of its system that Ganeti keeps."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def site(self, settings: Any) -> None:
        settings.SITE_URL = "https://vps.example.org"
        good = {"img_id": "debian-13", "testbed_delay": "1"}
        settings.OPERATING_SYSTEMS = {
            "good": {"description": "Debian 13", "provider": self.SYSTEM, "osparams": good},
            "bad": {
                "description": "Broken",
                "provider": self.SYSTEM,
                "osparams": {"img_id": "broken", "testbed_fail": "no such archive"},
            },
        }

    @pytest.fixture
    def cluster(self, ganeti: Any, db: None) -> Cluster:
        return add_cluster(ganeti.endpoint())

    @pytest.fixture
    def client(self, cluster: Cluster) -> Client:
        return Client(cluster.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any, cluster: Cluster, client: Client) -> Iterator[str]:
        """A running instance of Alice's, which the inventory knows."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice"], **self.parameters(ganeti)) as name:
            ganeti.job(client.startup_instance(name))
            inventories.collect_now([cluster.endpoint()], everything=True)
            yield name

    def confirm(self, browser: Browser, cluster: Cluster, instance: str, what: str, **fields: str) -> None:
        """Asks, and presses the button behind the link in the mail."""
        answer = browser.post(f"/instances/{cluster.slug}/{instance}/{what}/", {"name": instance, **fields})
        assert answer.status_code == 302, answer.content.decode()
        text = OutgoingMail.objects.filter(occasion="instance_action").latest("pk").text
        link = re.search(r"https://vps.example.org(/cluster/instance/destreinst/\S+)", text)
        assert link
        assert browser.post(link[1]).status_code == 302

    def follow(self, cluster: Cluster) -> None:
        """To the end of all steps, and a look at the cluster."""
        while under_way := Job.objects.unfinished().values_list("pk", flat=True).first():
            watch_until(lambda pk=under_way: not Job.objects.unfinished().filter(pk=pk).exists())
        inventories.collect_now([cluster.endpoint()])

    def page(self, browser: Browser, cluster: Cluster, instance: str) -> str:
        return browser.get(f"/instances/{cluster.slug}/{instance}/").content.decode()

    def test_a_running_vm_is_reinstalled_and_shows_its_new_system(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, client: Client, instance: str
    ) -> None:
        self.confirm(as_alice, cluster, instance, "reinstall", operating_system="good")
        words = "Running instance OS create scripts"
        watch_until(lambda: words in str([row.log for row in Job.objects.filter(kind="reinstall")]))
        row = Job.objects.get(kind="reinstall")
        assert row.is_unfinished, "it is seen at work"
        assert words in self.page(as_alice, cluster, instance)
        self.follow(cluster)
        assert list(Job.objects.order_by("pk").values_list("kind", "state")) == [
            ("modify", "succeeded"),
            ("reinstall", "succeeded"),
        ]
        assert (client.instance(instance).status, client.instance(instance).image) == ("running", "debian-13")
        assert self.parameters_of(ganeti, instance) == {"img_id": "debian-13", "testbed_delay": "1"}
        assert "debian-13" in self.page(as_alice, cluster, instance)
        entry = AuditEntry.objects.get(instance=instance, action="Reinstall")
        assert (entry.outcome, entry.job_id) == ("succeeded", row.job_id)
        assert not AuditEntry.objects.filter(action="Setting").exists()

    def test_a_failure_keeps_ganetis_words_and_the_next_try_is_rid_of_it(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, client: Client, instance: str
    ) -> None:
        self.confirm(as_alice, cluster, instance, "reinstall", operating_system="bad")
        self.follow(cluster)
        assert "no such archive" in Job.objects.get(kind="reinstall").error
        assert "no such archive" in AuditEntry.objects.get(action="Reinstall").detail
        page = self.page(as_alice, cluster, instance)
        assert "no such archive" in page
        assert f'href="/instances/{cluster.slug}/{instance}/reinstall/">Reinstall again' in page
        assert client.instance(instance).status == "ADMIN_down"
        self.confirm(as_alice, cluster, instance, "reinstall", operating_system="good")
        self.follow(cluster)
        assert client.instance(instance).status == "running"
        assert "testbed_fail" not in self.parameters_of(ganeti, instance)
        assert "Reinstall again" not in self.page(as_alice, cluster, instance)

    def test_a_reinstallation_whose_number_never_arrived_is_found_by_instance_and_time(
        self, as_alice: Browser, people: Any, ganeti: Any, cluster: Cluster, client: Client, instance: str
    ) -> None:
        """The web process died after Ganeti took the job, which carries no reason."""
        row = Job.objects.create(
            cluster=cluster, instance=instance, kind=Job.Kind.REINSTALL, details={"image": "good"},
            holds=Job.hold_on(cluster, instance), requested_by=people["alice"],
        )  # fmt: skip
        number = client.reinstall_instance(instance, {"os": self.SYSTEM, "osparams": {"img_id": "x"}, "start": False})
        ganeti.job(number)
        watch_until(lambda: not Job.objects.unfinished().exists())
        row.refresh_from_db()
        assert (row.state, row.job_id) == (Job.State.SUCCEEDED, number)

    def test_a_running_vm_is_stopped_renamed_and_started_and_its_history_follows(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, client: Client, instance: str
    ) -> None:
        new = f"new-{instance}"
        try:
            self.confirm(as_alice, cluster, instance, "rename", hostname=new)
            self.follow(cluster)
            assert list(Job.objects.order_by("pk").values_list("kind", "state", "instance")) == [
                ("shutdown", "succeeded", new),
                ("rename", "succeeded", new),
                ("startup", "succeeded", new),
            ]
            assert client.instance(new).status == "running"
            assert "Asked to rename" in self.page(as_alice, cluster, new)
            answer = as_alice.get(f"/instances/{cluster.slug}/{instance}/")
            assert answer["Location"] == f"/instances/{cluster.slug}/{new}/"
            assert AuditEntry.objects.get(action="Rename").detail == f"{instance} → {new}"
        finally:
            if new in {one.name for one in client.instances()}:
                ganeti.job(client.delete_instance(new))

    def test_a_destroyed_vm_is_gone_from_ganeti_and_from_the_list(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, client: Client, instance: str
    ) -> None:
        self.confirm(as_alice, cluster, instance, "reinstalldestroy")
        self.follow(cluster)
        assert Job.objects.get().state == Job.State.SUCCEEDED
        assert instance not in {one.name for one in client.instances()}
        assert f'data-name="{instance}"' not in as_alice.get("/").content.decode()
        assert AuditEntry.objects.get(action="Destroy").outcome == "succeeded"
