"""The virtual hardware of an instance of KVM: what Ganeti keeps and refuses, and what waits for a reboot."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser

from apps.audit.models import AuditEntry
from apps.clusters import fleet, inventories
from apps.clusters.models import Cluster, Job
from ganeti import hypervisors
from ganeti.client import Client
from tests.contract.powers import add_cluster, watch_until

IMAGE = "https://192.0.2.9/rescue.iso"  # nobody is there; Ganeti looks only when the instance starts
AS_IT_IS = {"nic_type": "paravirtual", "disk_type": "paravirtual", "boot_order": "disk", "cdrom_type": "none"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nic_type": "no-such"}, "Parameter 'nic_type' fails syntax check: The value must be one of: "),
    ({"disk_type": "no-such"}, "Parameter 'disk_type' fails syntax check: The value must be one of: "),
    ({"boot_order": "dc"}, "Parameter 'boot_order' fails syntax check: The value must be one of: "),
    ({"boot_order": ""}, "Parameter 'boot_order' is required but is currently not defined"),
    ({"boot_order": 5}, "'boot_order' (value 5) is not a valid string"),
    ({"boot_order": "cdrom"}, "Cannot boot from cdrom without an ISO path"),
    ({"cdrom_image_path": "file:///a.iso"}, "must be an absolute normalized path or a URL (current value: '"),
    ({"cdrom_image_path": "/no/such.iso"}, "fails validation: not found or not a file or URL (current value:"),
    ({"use_localtime": "perhaps"}, "'use_localtime' (value perhaps) is not a valid boolean"),
    ({"no_such": 1}, "Unknown parameter 'no_such'"),
    ({"migration_mode": "live"}, "please modify them at cluster level: migration_mode"),
]


class SettingsContract:
    """A subclass's fixture `ganeti` gives the other side, whose instances are KVM's.

    `INSTALLED` is what an instance needs there to stop when it is asked to.
    """

    INSTALLED: dict[str, Any] = {}

    @pytest.fixture
    def cluster(self, ganeti: Any, settings: Any, db: None) -> Cluster:
        settings.CDROM_CHECK = False
        settings.CDROM_ALLOWED_NETWORKS = ["192.0.2.0/24"]
        return add_cluster(ganeti.endpoint())

    @pytest.fixture
    def instance(self, ganeti: Any, cluster: Cluster) -> Iterator[str]:
        """A stopped instance of Alice's, which the inventory knows."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice"]) as name:
            inventories.collect_now([cluster.endpoint()], everything=True)
            yield name

    @pytest.fixture
    def running(self, as_alice: Browser, ganeti: Any, cluster: Cluster) -> Iterator[str]:
        """The same, started by her."""
        with ganeti.an_instance(tags=["ganetimgr:users:alice"], **self.INSTALLED) as name:
            inventories.collect_now([cluster.endpoint()], everything=True)
            self.click(as_alice, cluster, name, "startup")
            yield name

    def configured(self, cluster: Cluster, instance: str) -> dict[str, Any]:
        return dict(Client(cluster.endpoint()).instance(instance).hvparams)

    def done(self, cluster: Cluster) -> None:
        watch_until(lambda: not Job.objects.unfinished().exists())
        inventories.collect_now([cluster.endpoint()])
        assert not Job.objects.exclude(state=Job.State.SUCCEEDED).exists(), Job.objects.values_list("kind", "error")

    def save(self, browser: Browser, cluster: Cluster, instance: str, **values: str) -> None:
        """Fills in the form, and follows what it began to the end."""
        response = browser.post(f"/instances/{cluster.slug}/{instance}/settings/", {**AS_IT_IS, **values})
        assert response.status_code == 302, response.content.decode()
        self.done(cluster)

    def click(self, browser: Browser, cluster: Cluster, instance: str, verb: str) -> None:
        browser.post(f"/instances/{cluster.slug}/{instance}/{verb}/")
        self.done(cluster)

    def refusal(self, ganeti: Any, cluster: Cluster, instance: str, **hvparams: Any) -> str:
        number = Client(cluster.endpoint()).modify_instance(instance, {"hvparams": hvparams})
        ganeti.job(number)
        return Client(cluster.endpoint()).jobs_by_id([number])[number].error

    def test_ganeti_says_which_hypervisor_it_is_and_fills_all_parameters_in(
        self, cluster: Cluster, instance: str
    ) -> None:
        found = Client(cluster.endpoint()).instance(instance)
        vm = fleet.find(cluster.slug, instance)
        assert vm
        assert vm.instance.hypervisor == "kvm"
        assert hypervisors.settable("kvm", found.hvparams) == hypervisors.PARAMETERS

    def test_settings_of_a_stopped_instance_are_kept_without_a_mark(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        changes = {"nic_type": "e1000", "boot_order": "cdrom", "cdrom_type": "iso", "cdrom_image_path": IMAGE}
        self.save(as_alice, cluster, instance, **changes, use_localtime="on")
        found = self.configured(cluster, instance)
        assert [found[name] for name in hypervisors.PARAMETERS] == ["e1000", "paravirtual", "cdrom", IMAGE, True]
        assert "ganetimgr:needsreboot" not in Client(cluster.endpoint()).instance(instance).tags
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.outcome) == ("Setting", "succeeded")
        assert entry.detail == f"nic_type: e1000, boot_order: cdrom, cdrom_image_path: {IMAGE}, use_localtime: True"

    def test_those_of_a_running_one_wait_with_a_mark_that_goes_with_the_reboot(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, running: str
    ) -> None:
        page = f"/instances/{cluster.slug}/{running}/"
        self.save(as_alice, cluster, running, use_localtime="on")
        assert "ganetimgr:needsreboot" in Client(cluster.endpoint()).instance(running).tags
        assert "Hardware clock: local time instead of UTC" in as_alice.get(page).content.decode()
        self.click(as_alice, cluster, running, "reboot")
        found = Client(cluster.endpoint()).instance(running)
        assert "ganetimgr:needsreboot" not in found.tags
        assert (found.status, found.hvparams["use_localtime"]) == ("running", True)
        assert "instead of" not in as_alice.get(page).content.decode()

    def test_what_is_set_back_before_the_reboot_waits_no_more(
        self, as_alice: Browser, ganeti: Any, cluster: Cluster, running: str
    ) -> None:
        self.save(as_alice, cluster, running, boot_order="network")
        assert "ganetimgr:needsreboot" in Client(cluster.endpoint()).instance(running).tags
        self.save(as_alice, cluster, running, boot_order="disk")
        found = Client(cluster.endpoint()).instance(running)
        assert "ganetimgr:needsreboot" not in found.tags
        assert found.hvparams["boot_order"] == "disk"

    def test_what_ganeti_does_not_take_is_a_job_that_fails_in_these_words(
        self, ganeti: Any, cluster: Cluster, instance: str
    ) -> None:
        for hvparams, words in REFUSED:
            assert words in self.refusal(ganeti, cluster, instance, **hvparams), hvparams

    def test_every_value_that_is_offered_is_taken(self, ganeti: Any, cluster: Cluster, instance: str) -> None:
        offered = hypervisors.KVM.offered
        for number in range(max(map(len, offered.values()))):
            values = {name: some[number % len(some)] for name, some in offered.items()}
            assert self.refusal(ganeti, cluster, instance, **values, cdrom_image_path=IMAGE) == ""
            assert self.configured(cluster, instance) | values == self.configured(cluster, instance)
