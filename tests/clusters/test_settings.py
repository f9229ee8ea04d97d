"""The settings of an instance: who sets which virtual hardware, what Ganeti is told, and what waits for a reboot."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.clusters import steps
from apps.clusters.actions import Step
from apps.clusters.models import Cluster, Job
from tests import estate
from tests.contract.powers import add_cluster
from tests.ganeti.test_probe import Server
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

NAME = "web.example.org"
PAGE = f"/instances/north/{NAME}/"
SETTINGS = f"{PAGE}settings/"
KVM = {
    "nic_type": "paravirtual",
    "disk_type": "paravirtual",
    "boot_order": "disk",
    "cdrom_image_path": "",
    "use_localtime": False,
    "kernel_path": "",
}
XEN_HVM = {**KVM, "nic_type": "rtl8139", "boot_order": "cd", "device_model": "/usr/lib/xen/bin/qemu-dm"}
FORM = {"nic_type": "paravirtual", "disk_type": "paravirtual", "boot_order": "disk", "cdrom_type": "none"}
ISO = {"cdrom_type": "iso"}


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    """The simulated cluster, whose inventory says that Alice's instance runs on KVM."""
    row = add_cluster(ganeti.endpoint())
    known()
    return row


def known(hvparams: dict[str, Any] | None = None, hypervisor: str = "kvm", *, head: Any = None, **fields: Any) -> None:
    """What the inventory says of the instance."""
    one = estate.instance(NAME, hypervisor=hypervisor, hvparams={**KVM, **(hvparams or {})}, **fields)
    estate.put("north", one, head=head)


def asked(ganeti: SimulatedSide) -> list[tuple[str, str]]:
    """What reached the cluster and would change something."""
    return [
        (method, path.partition("?")[0]) for method, path in ganeti.requests if method != "GET" and "query" not in path
    ]


def shown(browser: Browser) -> str:
    response = browser.get(SETTINGS)
    assert response.status_code == 200
    return response.content.decode()


def sent(browser: Browser, address: str = SETTINGS, **values: str) -> str:
    """What somebody reads who sends the form with these values."""
    return browser.post(address, {**FORM, **values}, follow=True).content.decode().replace("&#x27;", "'")


def told() -> dict[str, Any]:
    """What Ganeti was told in the only job."""
    row = Job.objects.get()
    assert row.kind == Job.Kind.MODIFY
    return dict(row.details["hvparams"])


def ended(row: Job) -> None:
    """The job succeeds, and what follows succeeds as well."""
    row.finish(Job.State.SUCCEEDED)
    steps.prepare_next(row)
    for following in Job.objects.due():
        following.finish(Job.State.SUCCEEDED)


class TestWhoMay:
    @pytest.mark.parametrize("name", ["alice", "dora"])
    def test_owner_and_superuser_get_a_form(self, sign_in: Any, north: Cluster, name: str) -> None:
        assert 'name="nic_type"' in shown(sign_in(name))

    @pytest.mark.parametrize("name", ["bob", "carla"])
    def test_the_helpdesk_reads_what_is_set_and_sets_nothing(
        self, sign_in: Any, ganeti: SimulatedSide, north: Cluster, name: str
    ) -> None:
        browser = sign_in(name)
        page = shown(browser)
        assert 'name="nic_type"' not in page
        assert '<dt>Network card</dt><dd class="text-break">paravirtual</dd>' in page
        for address in (SETTINGS, PAGE):
            assert browser.post(address, {**FORM, "nic_type": "e1000"}).status_code == 403
        assert asked(ganeti) == []

    def test_to_a_stranger_there_is_no_such_page(
        self, as_charlie: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        for address in (SETTINGS, PAGE):
            assert as_charlie.get(address).status_code == 404
            assert as_charlie.post(address, {**FORM, "nic_type": "e1000"}).status_code == 404
        assert asked(ganeti) == []

    def test_nothing_known_of_the_cluster_is_a_sentence(
        self, as_alice: Browser, people: Any, ganeti: SimulatedSide
    ) -> None:
        add_cluster(ganeti.endpoint())
        assert "Nothing is known of it just now" in shown(as_alice)
        assert "Nothing is known of Cluster north just now" in sent(as_alice)

    def test_the_tab_leads_there(self, as_alice: Browser, as_bob: Browser, north: Cluster) -> None:
        assert f'href="{SETTINGS}"' in as_alice.get(PAGE).content.decode()
        assert f'href="{SETTINGS}"' not in as_bob.get(PAGE).content.decode()


class TestWhatGanetiIsTold:
    def test_only_what_changes_and_what_was_before_is_noted(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        page = sent(as_alice, nic_type="e1000", use_localtime="on")
        assert told() == {"nic_type": "e1000", "use_localtime": True}
        assert Job.objects.get().details["before"] == {"nic_type": "paravirtual", "use_localtime": False}
        assert asked(ganeti) == [("PUT", f"/2/instances/{NAME}/modify")]
        assert "Changing settings web.example.org." in page
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail) == ("Setting", "nic_type: e1000, use_localtime: True")

    def test_the_address_of_the_page_takes_it_as_in_older_releases(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        response = as_alice.post(PAGE, {**FORM, "nic_type": "e1000"})
        assert (response.status_code, response.headers["Location"]) == (302, SETTINGS)
        assert told() == {"nic_type": "e1000"}

    def test_and_sends_a_mistake_to_where_it_can_be_mended_with_all_that_was_typed(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        response = as_alice.post(PAGE, {**FORM, "nic_type": "nonsense"})
        assert (response.status_code, response.headers["Location"]) == (307, SETTINGS)

    def test_nothing_changed_is_a_sentence_and_no_job(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        assert "has these settings already" in sent(as_alice)
        assert (asked(ganeti), Job.objects.count(), AuditEntry.objects.count()) == ([], 0, 0)

    def test_a_running_one_is_marked_quietly_when_the_change_is_done(self, as_alice: Browser, north: Cluster) -> None:
        sent(as_alice, nic_type="e1000")
        row = Job.objects.get()
        assert row.then == [Step("add-tags", {"tags": ["ganetimgr:needsreboot"]}, is_quiet=True).stored]

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "ADMIN_down", "admin_state": "down", "oper_state": False},
            {"tags": ("ganetimgr:needsreboot",)},
        ],
    )
    def test_a_stopped_one_and_one_that_is_marked_already_are_not(
        self, as_alice: Browser, north: Cluster, fields: dict[str, Any]
    ) -> None:
        known(**fields)
        sent(as_alice, nic_type="e1000")
        assert Job.objects.get().then == []

    def test_a_refusal_of_ganeti_is_told_in_its_words_and_nothing_typed_is_lost(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        ganeti.faults.closed = True
        page = sent(as_alice, nic_type="e1000")
        assert "does not answer" in page
        assert '<option value="e1000" selected>' in page


class TestWhatStandsInTheWay:
    @pytest.mark.parametrize(
        ("facts", "sentence"),
        [
            ({"tags": ("ganetimgr:adminlock",)}, "An administrator has locked this instance"),
            ({"head": {"state": "unreachable", "error": "timed out"}}, "does not answer"),
            ({"head": {"may_change": False}}, "lets this site look"),
            ({"status": "ERROR_nodedown", "oper_state": None}, "is down"),
        ],
    )
    def test_the_form_is_off_and_says_why_and_a_post_by_hand_gets_the_same(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, facts: dict[str, Any], sentence: str
    ) -> None:
        known(**facts)
        page = shown(as_alice)
        part = page[page.index('id="hardware"') :]
        assert 'aria-labelledby="hardware-title" disabled>' in part
        assert sentence in part
        answer = sent(as_alice, nic_type="e1000")
        assert sentence in answer[answer.index('id="hardware"') :]
        assert asked(ganeti) == []

    def test_a_pending_job_stops_everybody_and_the_part_renews_itself_until_it_has_ended(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        job = Job.objects.create(
            cluster=north, instance=NAME, kind="reboot", state="submitted", holds=Job.hold_on(north, NAME)
        )
        assert 'id="hardware" data-live' in shown(as_dora)
        assert "other changes wait until this ends" in sent(as_dora, nic_type="e1000")
        assert asked(ganeti) == []
        job.finish(Job.State.SUCCEEDED)
        part = as_dora.get(f"{SETTINGS}?part=hardware", headers={"HX-Request": "true"}).content.decode()
        assert 'id="hardware"' in part
        assert "data-live" not in part
        assert "<html" not in part

    def test_the_head_renews_itself_without_the_form(self, as_alice: Browser, north: Cluster) -> None:
        part = as_alice.get(SETTINGS, headers={"HX-Request": "true", "HX-Target": "vm"}).content.decode()
        assert 'id="vm"' in part
        assert 'id="hardware"' not in part

    def test_a_locked_node_group_stops_the_owner_and_not_the_superuser(
        self, as_alice: Browser, as_dora: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        estate.put("north", estate.instance(NAME, hypervisor="kvm", hvparams=KVM), locked=True)
        assert "under maintenance" in sent(as_alice, nic_type="e1000")
        assert asked(ganeti) == []
        sent(as_dora, nic_type="e1000")
        assert len(asked(ganeti)) == 1


class TestWhatIsOffered:
    def test_kvm(self, as_alice: Browser, north: Cluster) -> None:
        page = shown(as_alice)
        for value in ("paravirtual", "e1000", "rtl8139", "ne2k_pci", "scsi", "ide"):
            assert f'<option value="{value}"' in page
        for name, value in (
            ("boot_order", "disk"),
            ("boot_order", "cdrom"),
            ("cdrom_type", "none"),
            ("cdrom_type", "iso"),
        ):
            assert f'name="{name}" value="{value}"' in page
        for name in ("cdrom_image_path", "use_localtime"):
            assert f'name="{name}"' in page

    def test_xen_hvm_boots_by_letters_and_takes_no_image_from_the_web(self, as_alice: Browser, north: Cluster) -> None:
        known(XEN_HVM, "xen-hvm")
        page = shown(as_alice)
        assert '<option value="ioemu">' in page
        assert 'name="boot_order" value="cd"' in page
        assert 'value="dc"' not in page
        assert 'name="cdrom_' not in page
        sent(as_alice, nic_type="rtl8139", boot_order="nc", **ISO, cdrom_image_path="https://mirror.example.org/a.iso")
        assert told() == {"boot_order": "nc"}, "what the form does not have is not listened to"

    @pytest.mark.parametrize("hypervisor", ["xen-pvm", "lxc", "fake", "firecracker"])
    def test_others_have_nothing_to_set_and_say_so(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, hypervisor: str
    ) -> None:
        known(hypervisor=hypervisor)
        page = shown(as_alice)
        assert f"This VM runs on {hypervisor}, whose VMs have nothing that could be set here." in page
        assert 'name="nic_type"' not in page
        assert "There is nothing that could be set here" in sent(as_alice, nic_type="e1000")
        assert asked(ganeti) == []

    def test_an_odd_current_value_is_a_choice_and_stays_while_others_change(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        known({"nic_type": "pcnet", "boot_order": "floppy"})
        assert '<option value="pcnet" selected>' in shown(as_alice)
        sent(as_alice, nic_type="pcnet", boot_order="floppy", disk_type="ide")
        assert told() == {"disk_type": "ide"}

    def test_with_a_kernel_of_the_cluster_s_nobody_chooses_what_to_boot_from(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        known({"kernel_path": "/boot/vmlinuz"})
        page = shown(as_alice)
        assert 'name="boot_order"' not in page
        assert "It starts with a kernel of the cluster" in page

    def test_the_image_of_an_administrator_is_named_so_and_kept_until_it_is_taken_out(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        known({"cdrom_image_path": "/srv/secret/rescue.iso"})
        page = shown(as_alice)
        assert "/srv/secret" not in page
        assert "The image that an administrator has put in" in page
        sent(as_alice, cdrom_type="kept", disk_type="ide")
        assert told() == {"disk_type": "ide"}
        ended(Job.objects.get())
        Job.objects.all().delete()
        sent(as_alice, cdrom_type="none", disk_type="paravirtual")
        assert told() == {"cdrom_image_path": ""}


class TestBadValues:
    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("nic_type", "nonsense", "Select a valid choice. nonsense is not one of the available choices"),
            ("nic_type", "", "This field is required"),
            ("disk_type", "ioemu", "Select a valid choice"),
            ("boot_order", "dc", "Select a valid choice"),
            ("cdrom_type", "kept", "Select a valid choice"),
            ("boot_order", "cdrom", "There is no CD to boot from"),
        ],
    )
    def test_what_the_form_does_not_offer_is_refused_at_the_field(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, field: str, value: str, sentence: str
    ) -> None:
        page = sent(as_alice, **{field: value})
        assert sentence in page
        assert f'id="id_{field}_error"' in page
        assert asked(ganeti) == []

    @pytest.mark.parametrize(
        ("address", "sentence"),
        [
            ("", "Say where the image is."),
            ("file:///etc/passwd", "Begin with https:// or http://."),
            ("/etc/passwd", "Begin with https:// or http://."),
            ("rescue.iso", "Begin with https:// or http://."),
            ("ftp://mirror.example.org/a.iso", "Begin with https:// or http://."),
            ("javascript:alert(1)", "Begin with https:// or http://."),
            ("https://mirror.example.org/a.iso,if=none,file=/etc/passwd", "cannot have “,” here. Write it as %2C"),
            ("https://mirror.example.org/a b.iso", "cannot have “ ” here. Write it as %20"),
            ("https://mirror.example.org/ά.iso", "cannot have “ά” here. Write it as %CE%AC"),
            ("https://mirror.example.org/$(id).iso", "cannot have “$” here"),
            ("https://mirror.example.org/a.iso#x", "cannot have “#” here"),
            ("https://user:word@mirror.example.org/a.iso", "Leave the user name and the password out"),
            ("https://mirror.example.org:99999/a.iso", "This is no address of an image"),
            ("https://2130706433/a.iso", "This is no address of an image"),
            ("https:///a.iso", "This is no address of an image"),
            ("https://mirror.example.org/a.iso:x", "This is no address of an image"),
            (f"https://mirror.example.org/{'a' * 500}", "at most 500 characters"),
        ],
    )
    def test_what_is_no_address_of_an_image_is_refused_with_a_reason(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, address: str, sentence: str
    ) -> None:
        page = sent(as_alice, **ISO, cdrom_image_path=address)
        assert sentence in page
        assert 'id="id_cdrom_image_path_error"' in page
        assert asked(ganeti) == []


@pytest.fixture
def serve(settings: Any) -> Iterator[Callable[..., Server]]:
    """A web server on this machine, whose network the site allows."""
    settings.CDROM_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    servers: list[Server] = []

    def start(status: int = 200, **headers: str) -> Server:
        servers.append(Server(status, **headers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class TestImages:
    def test_one_that_is_there_is_put_in_and_booted_from(
        self, as_alice: Browser, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        image = serve()
        sent(as_alice, **ISO, boot_order="cdrom", cdrom_image_path=image.url)
        assert told() == {"boot_order": "cdrom", "cdrom_image_path": image.url}
        assert len(image.asked) == 1

    def test_one_that_is_not_there_is_refused(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        page = sent(as_alice, **ISO, cdrom_image_path=serve(404).url)
        assert "There is no image at this address." in page
        assert asked(ganeti) == []

    def test_one_that_cannot_be_reached_from_here_is_put_in_with_a_warning(
        self, as_alice: Browser, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        """The cluster may reach what the web server does not."""
        image = serve(503)
        page = sent(as_alice, **ISO, cdrom_image_path=image.url)
        assert "could not be reached from here" in page
        assert told() == {"cdrom_image_path": image.url}

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[fd00::1]", "[::ffff:127.0.0.1]"]
    )
    def test_hosts_that_are_not_for_everybody_are_refused_unseen_with_one_and_the_same_sentence(
        self,
        as_alice: Browser,
        ganeti: SimulatedSide,
        north: Cluster,
        serve: Callable[..., Server],
        settings: Any,
        host: str,
    ) -> None:
        server = serve()
        settings.CDROM_ALLOWED_NETWORKS = []
        page = sent(as_alice, **ISO, cdrom_image_path=f"http://{host}:{server.port}/a.iso")
        assert "Nothing can be fetched from there." in page
        assert (server.asked, asked(ganeti)) == ([], [])

    def test_a_redirection_to_such_a_host_is_refused_with_the_same(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, serve: Callable[..., Server], settings: Any
    ) -> None:
        inner = serve()
        settings.CDROM_ALLOWED_NETWORKS = ["127.0.0.1/32"]
        outer = serve(302, Location=f"http://127.0.0.2:{inner.port}/a.iso")
        assert "Nothing can be fetched from there." in sent(as_alice, **ISO, cdrom_image_path=outer.url)
        assert (inner.asked, asked(ganeti)) == ([], [])

    def test_not_even_the_superuser_looks_into_other_networks(self, as_dora: Browser, north: Cluster) -> None:
        assert "Nothing can be fetched from there." in sent(as_dora, **ISO, cdrom_image_path="http://10.0.0.1/a.iso")

    def test_without_the_check_nobody_is_asked_and_such_numbers_are_refused_all_the_same(
        self, as_alice: Browser, north: Cluster, serve: Callable[..., Server], settings: Any
    ) -> None:
        settings.CDROM_CHECK = False
        image = serve(404)
        assert "Nothing can be fetched" in sent(as_alice, **ISO, cdrom_image_path="http://192.168.0.1/a.iso")
        sent(as_alice, **ISO, cdrom_image_path=image.url)
        assert (told(), image.asked) == ({"cdrom_image_path": image.url}, [])

    def test_whoever_tries_many_addresses_has_to_wait(
        self, as_alice: Browser, as_dora: Browser, north: Cluster, serve: Callable[..., Server], settings: Any
    ) -> None:
        settings.CDROM_CHECKS_PER_HOUR = 2
        image = serve(404)
        for _ in range(2):
            assert "There is no image" in sent(as_alice, **ISO, cdrom_image_path=image.url)
        assert "You have tried many addresses lately" in sent(as_alice, **ISO, cdrom_image_path=image.url)
        assert len(image.asked) == 2
        assert "There is no image" in sent(as_dora, **ISO, cdrom_image_path=image.url), "others may"

    def test_nobody_is_asked_while_nothing_can_be_changed(
        self, as_alice: Browser, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        known(tags=("ganetimgr:adminlock",))
        image = serve()
        sent(as_alice, **ISO, cdrom_image_path=image.url)
        assert image.asked == []

    def test_one_that_is_in_already_is_not_asked_for_again_and_none_takes_it_out(
        self, as_alice: Browser, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        image = serve(404)
        known({"cdrom_image_path": image.url, "boot_order": "cdrom"})
        assert "has these settings already" in sent(as_alice, **ISO, boot_order="cdrom", cdrom_image_path=image.url)
        sent(as_alice, cdrom_type="none", cdrom_image_path=image.url)
        assert (told(), image.asked) == ({"boot_order": "disk", "cdrom_image_path": ""}, [])

    def test_its_address_is_text_in_the_history(
        self, as_alice: Browser, as_dora: Browser, north: Cluster, serve: Callable[..., Server]
    ) -> None:
        image = serve()
        sent(as_alice, **ISO, cdrom_image_path=f"{image.url}?a=1&lt=2")
        assert f"cdrom_image_path: {image.url}?a=1&amp;lt=2" in as_dora.get("/history/").content.decode()


class TestWhatWaits:
    """The mark names what differs between what is configured and what runs."""

    def changed(self, browser: Browser, **values: str) -> None:
        """A change of ours that ends well, and that the inventory then knows."""
        sent(browser, **values)
        row = Job.objects.filter(kind=Job.Kind.MODIFY).first()
        assert row
        ended(row)
        known(row.details["hvparams"], tags=("ganetimgr:needsreboot",) if row.then or row.details["before"] else ())

    def test_it_is_named_on_every_page_of_the_instance(self, as_alice: Browser, north: Cluster) -> None:
        self.changed(as_alice, nic_type="e1000")
        for address in (PAGE, SETTINGS):
            page = as_alice.get(address).content.decode()
            assert "Takes effect at the next reboot:" in page
            assert "Network card: e1000 instead of paravirtual" in page

    def test_what_was_set_several_times_is_told_from_what_runs(self, as_alice: Browser, north: Cluster) -> None:
        self.changed(as_alice, nic_type="e1000")
        self.changed(as_alice, nic_type="rtl8139")
        page = shown(as_alice)
        assert "Network card: rtl8139 instead of paravirtual" in page
        assert "instead of e1000" not in page

    def test_what_is_set_back_takes_the_mark_away_that_came_with_it(self, as_alice: Browser, north: Cluster) -> None:
        self.changed(as_alice, nic_type="e1000")
        sent(as_alice, nic_type="paravirtual")
        last = Job.objects.filter(kind=Job.Kind.MODIFY).first()
        assert last
        assert [step["kind"] for step in last.then] == ["remove-tags"]

    def test_but_not_a_mark_of_other_tools(self, as_alice: Browser, north: Cluster) -> None:
        known(tags=("ganetimgr:needsreboot",))
        self.changed(as_alice, nic_type="e1000")
        sent(as_alice, nic_type="paravirtual")
        last = Job.objects.filter(kind=Job.Kind.MODIFY).first()
        assert last
        assert last.then == []

    def test_of_what_other_tools_have_set_it_says_only_that_something_waits(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        known({"nic_type": "e1000"}, tags=("ganetimgr:needsreboot",))
        page = shown(as_alice)
        assert "Settings wait for the next reboot." in page
        assert "Which ones is not known here" in page

    @pytest.mark.parametrize("kind", ["startup", "reboot", "shutdown", "reinstall"])
    def test_what_was_before_it_last_began_counts_no_more(self, as_alice: Browser, north: Cluster, kind: str) -> None:
        self.changed(as_alice, nic_type="e1000")
        Job.objects.create(cluster=north, instance=NAME, kind=kind, state=Job.State.SUCCEEDED, ended=timezone.now())
        assert "instead of" not in shown(as_alice)

    def test_a_reboot_that_failed_changes_nothing(self, as_alice: Browser, north: Cluster) -> None:
        self.changed(as_alice, nic_type="e1000")
        Job.objects.create(cluster=north, instance=NAME, kind="reboot", state=Job.State.FAILED, ended=timezone.now())
        assert "Network card: e1000 instead of paravirtual" in shown(as_alice)

    def test_what_was_set_while_it_was_stopped_does_not_wait(self, as_alice: Browser, north: Cluster) -> None:
        known(status="ADMIN_down", admin_state="down", oper_state=False)
        sent(as_alice, nic_type="e1000")
        ended(Job.objects.get())
        known({"nic_type": "e1000"}, tags=("ganetimgr:needsreboot",))  # other tools have started and marked it
        assert "instead of" not in shown(as_alice)

    def test_a_reboot_takes_the_mark_away(self, as_alice: Browser, north: Cluster) -> None:
        known(tags=("ganetimgr:needsreboot",))
        as_alice.post(f"{PAGE}reboot/")
        assert json.dumps(Job.objects.get().then).count("ganetimgr:needsreboot") == 1

    def test_a_stopped_one_takes_its_settings_when_it_starts(self, as_alice: Browser, north: Cluster) -> None:
        assert "Takes effect at the next reboot." in shown(as_alice)
        known(status="ADMIN_down", admin_state="down", oper_state=False, tags=("ganetimgr:needsreboot",))
        page = shown(as_alice)
        assert "Takes effect when it starts." in page
        assert 'id="waiting"' not in page

    def test_the_form_knows_what_was_just_set_though_the_inventory_does_not_yet(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        sent(as_alice, nic_type="e1000")
        ended(Job.objects.get(kind=Job.Kind.MODIFY))
        assert '<option value="e1000" selected>' in shown(as_alice)
