"""From the application to the VM in its owner's list: form, decision, job, end, mail. The same on both sides."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from accounts import sending
from accounts.models import SshPublicKey
from apps.applications import creation, placement
from apps.applications.models import InstanceApplication
from apps.clusters import inventories
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from tests.contract.powers import add_cluster, watch_until
from tests.plugins.smtp import MailServer, mail_server  # noqa: F401  (a fixture)

Status = InstanceApplication.Status
numbers = itertools.count(1)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0wQFVuyiMHBDi1WTYvD7uhpNShFCNHOGB5nDzHGJ6Z laptop"


class CreationContract:
    """A subclass's fixture `ganeti` gives the other side; `SYSTEM` is an operating system that it has."""

    SYSTEM: str

    @pytest.fixture(autouse=True)
    def site(self, settings: Any, mail_server: MailServer) -> None:  # noqa: F811
        for name, value in mail_server.settings().items():
            setattr(settings, name, value)
        settings.SITE_URL = "https://vps.example.org"
        settings.MANAGERS = [("Managers", "managers@example.org")]
        settings.ADMINS = [("Admins", "admins@example.org")]
        osparams = {"img_id": "debian-12", "img_format": "tarball", "img_passwd": "hidden"}
        common = {"provider": self.SYSTEM, "ssh_key_param": "img_ssh_key_url"}
        settings.OPERATING_SYSTEMS = {
            "good": {**common, "description": "Debian 12", "osparams": osparams},
            "bad": {**common, "description": "Broken", "osparams": {**osparams, "testbed_fail": "no such archive"}},
        }

    @pytest.fixture
    def cluster(self, ganeti: Any, db: None) -> Cluster:
        row = add_cluster(ganeti.endpoint())
        inventories.collect_now([row.endpoint()], everything=True)
        return row

    @pytest.fixture
    def name(self, cluster: Cluster) -> Iterator[str]:
        """A name for a VM, which is removed again."""
        name = f"made{os.getpid()}-{next(numbers)}.{cluster.slug}.ganeti.example"
        yield name
        client = Client(cluster.endpoint())
        if name in {one.name for one in client.instances()}:
            number = client.delete_instance(name)
            watch_until(lambda: client.job(number).is_over)

    def recorded(self, ganeti: Any, name: str) -> str:
        """What the operating system's script was told."""
        raise NotImplementedError

    def form(self, name: str, **fields: Any) -> dict[str, Any]:
        return {
            "hostname": name, "memory": 512, "vcpus": 1, "disk_size": 2, "operating_system": "good",
            "comments": "a test", "admin_contact_name": "Alice", "admin_contact_email": "alice@example.org",
            "admin_contact_phone": "1", "accept_tos": "on", **fields,
        }  # fmt: skip

    def placed(self, name: str, **fields: Any) -> dict[str, Any]:
        """The review form with the first place that the cluster offers."""
        [offer] = placement.offers()
        group = next(group for group in offer.groups if not group.why_not)
        network = next(network for network in group.networks if network.mode == "routed" and not network.why_not)
        template = "file" if "file" in offer.disk_templates else offer.disk_templates[0]
        return {
            **self.form(name), "cluster": offer.slug, "node_group": group.name, "network": network.value,
            "disk_template": template, "vgs": "default", "nodes": "", "words": "", **fields,
        }  # fmt: skip

    def apply(self, as_alice: Browser, name: str, **fields: Any) -> InstanceApplication:
        answer = as_alice.post("/application/apply/", self.form(name, **fields))
        assert answer.status_code == 302, answer.content.decode()
        return InstanceApplication.objects.get(hostname=name)

    def review(self, as_dora: Browser, application: InstanceApplication, do: str, **fields: Any) -> None:
        answer = as_dora.post(
            f"/application/{application.pk}/review/", {**self.placed(application.hostname), **fields, "do": do}
        )
        assert answer.status_code == (302 if do == "accept" else 200), answer.content.decode()
        watch_until(lambda: not Job.objects.unfinished().exists())
        application.refresh_from_db()

    def test_an_application_becomes_a_vm_in_its_owners_list(
        self, as_alice: Browser, as_dora: Browser, people: dict[str, User], ganeti: Any, cluster: Cluster, name: str,
        mail_server: MailServer,  # noqa: F811
    ) -> None:  # fmt: skip
        kind, key, comment = KEY.split()
        SshPublicKey.objects.create(owner=people["alice"], key_type=kind, key=key, comment=comment, fingerprint="x")
        application = self.apply(as_alice, name)
        self.review(as_dora, application, "accept")
        assert application.status == Status.SUCCESS, application.backend_message

        creation.start_new()
        watch_until(lambda: not Job.objects.unfinished().exists())
        inventories.collect_now([cluster.endpoint()])
        made = Client(cluster.endpoint()).instance(name)
        assert made.status == "running"
        assert {"ganetimgr:users:alice", f"ganetimgr:application:{application.pk}"} <= set(made.tags)
        assert made.nics[0].ip
        assert name in as_alice.get("/").content.decode()

        sending.send_due()
        [mail] = [mail for mail in mail_server.to("alice@example.org") if "is ready" in mail["Subject"]]
        assert f"/instances/{cluster.slug}/{name}/" in mail.get_body(("plain",)).get_content()
        told = self.recorded(ganeti, name)
        address = f"/application/{application.pk}/{application.cookie}/ssh_keys"
        assert "debian-12" in told
        assert f"https://vps.example.org{address}" in told
        assert Browser().get(address).content.decode() == f"{KEY}\n"

    def test_a_failure_keeps_ganetis_words_and_can_be_sent_again(
        self, as_alice: Browser, as_dora: Browser, cluster: Cluster, name: str
    ) -> None:
        application = self.apply(as_alice, name, operating_system="bad")
        self.review(as_dora, application, "accept", operating_system="bad")
        assert application.status == Status.FAILED
        assert "no such archive" in application.backend_message
        assert "no such archive" in as_dora.get(f"/application/{application.pk}/review/").content.decode()
        inventories.collect_now([cluster.endpoint()])
        self.review(as_dora, application, "accept", operating_system="good")
        assert application.creation_is_due, "what Ganeti kept of the first try is removed before the second"
        inventories.collect_now([cluster.endpoint()])
        creation.create_again()
        watch_until(lambda: not Job.objects.unfinished().exists())
        application.refresh_from_db()
        assert application.status == Status.SUCCESS, application.backend_message

    def test_a_trial_gives_ganetis_verdict_and_makes_nothing(
        self, as_alice: Browser, as_dora: Browser, cluster: Cluster, name: str
    ) -> None:
        application = self.apply(as_alice, name)
        self.review(as_dora, application, "try")
        assert "would make it" in as_dora.get(f"/application/{application.pk}/review/").content.decode()
        self.review(as_dora, application, "try", disk_size=2_000_000 // 2)
        said = as_dora.get(f"/application/{application.pk}/review/").content.decode()
        assert "would not make it" in said
        assert application.status == Status.PENDING
        assert name not in {one.name for one in Client(cluster.endpoint()).instances()}
