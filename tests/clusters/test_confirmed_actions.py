"""Reinstall, destroy, rename: said what is lost, asked for, mailed, confirmed once, and checked anew at that moment."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import OutgoingMail, SshPublicKey
from apps.applications import hostnames, reinstalling
from apps.applications.models import InstanceApplication
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import confirmations, following, systems
from apps.clusters.models import Cluster, InstanceAction, Job
from ganeti.objects import Disk
from ganeti.objects import Job as GanetiJob
from ganetimgr.worker import AT_THE_END, CHORES
from tests import estate
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db

NAME = "web.example.org"
PAGE = f"/instances/north/{NAME}/"
XHR = {"X-Requested-With": "XMLHttpRequest"}
ASKS = {"reinstalldestroy": {}, "reinstall": {"operating_system": "debian"}, "rename": {"hostname": "new.example.org"}}
PATHS = ["danger", *ASKS]
Kind = InstanceAction.Kind


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = "https://vps.example.org"
    settings.MANAGERS = [("Managers", "managers@example.org")]
    settings.OPERATING_SYSTEMS = {
        "none": {"description": "No operating system", "provider": "noop"},
        "debian": {
            "description": "Debian 12",
            "provider": "snf-image+default",
            "osparams": {"img_id": "debian-12", "img_passwd": "s3cr3t"},
            "ssh_key_param": "img_ssh_key_url",
            "ssh_key_users": "root",
        },
    }


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def north(people: Any, ganeti: SimulatedSide) -> Cluster:
    row = add_cluster(ganeti.endpoint())
    put()
    return row


def put(**fields: Any) -> None:
    """Alice's VM, as the inventory knows it."""
    how = {key: fields.pop(key) for key in ("head", "locked") if key in fields}
    estate.put("north", estate.instance(NAME, **fields), **how)


def changes(ganeti: SimulatedSide) -> list[str]:
    """What reached the cluster and would change something."""
    return [
        f"{method} {path.partition('?')[0]}"
        for method, path in ganeti.requests
        if method != "GET" and "query" not in path
    ]


def ask(browser: Browser, what: str = "reinstalldestroy", **fields: Any) -> Any:
    return browser.post(f"{PAGE}{what}/", {"name": NAME, **ASKS[what], **fields})


def link(recipient: str = "alice@example.org") -> str:
    """The address in the latest mail that went there."""
    text = OutgoingMail.objects.filter(occasion="instance_action", recipient=recipient).latest("pk").text
    found = re.search(r"https://vps.example.org(/cluster/instance/destreinst/\w{40}/\d/)", text)
    assert found, text
    return found[1]


def asked(browser: Browser, what: str = "reinstalldestroy", **fields: Any) -> str:
    """The link that came by mail."""
    answer = ask(browser, what, **fields)
    assert answer.status_code == 302, answer.content.decode()
    return link()


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


class TestWhatThePagesSay:
    def test_the_danger_zone_offers_three_pages(self, as_alice: Browser, north: Cluster) -> None:
        page = text_of(as_alice.get(f"{PAGE}danger/"))
        for what in ASKS:
            assert f'href="{PAGE}{what}/"' in page
        assert 'aria-current="page">Danger zone' in page

    def test_what_is_off_says_why(self, as_alice: Browser, north: Cluster) -> None:
        put(tags=("ganetimgr:adminlock",))
        page = text_of(as_alice.get(f"{PAGE}danger/"))
        for what in ("destroy", "reinstall", "rename"):
            assert f'id="why-not-{what}">An administrator has locked this instance' in page
        assert f'href="{PAGE}reinstall/"' not in page

    def test_a_vm_without_a_disk_has_nothing_to_install_on(self, as_alice: Browser, north: Cluster) -> None:
        put(disks=())
        assert "It has no disk" in text_of(as_alice.get(f"{PAGE}reinstall/"))
        assert "It has no disk" in text_of(ask(as_alice, "reinstall"))
        assert not InstanceAction.objects.exists()

    def test_destroying_loses_disks_and_addresses_for_all_owners(self, as_alice: Browser, north: Cluster) -> None:
        put(disks=(Disk(10240), Disk(20480)), owners=("users:alice", "users:erik", "groups:web-team"))
        page = text_of(as_alice.get(f"{PAGE}reinstalldestroy/"))
        for said in (
            "All data on its 2 disks, 30 GiB",
            "192.0.2.7",
            "erik",
            "group web-team",
            "stopped and removed",
        ):
            assert said in page

    def test_reinstalling_offers_the_systems_and_says_that_the_vm_starts(
        self, as_alice: Browser, north: Cluster
    ) -> None:
        put(image="debian-12")
        page = text_of(as_alice.get(f"{PAGE}reinstall/"))
        assert '<option value="debian" selected>Debian 12</option>' in page
        assert "Everything on its first disk, 10 GiB" in page
        assert "the system is installed, and the VM starts" in page

    def test_a_system_that_is_no_longer_offered_is_said(self, as_alice: Browser, north: Cluster) -> None:
        put(image="debian-4")
        page = text_of(as_alice.get(f"{PAGE}reinstall/"))
        assert "no longer offered" in page
        assert "Choose a system" in page

    @pytest.mark.parametrize(
        ("status", "said"), [("running", "renamed and started again"), ("ADMIN_down", "stays stopped")]
    )
    def test_renaming_says_whether_it_is_stopped(
        self, as_alice: Browser, north: Cluster, status: str, said: str
    ) -> None:
        put(status=status, oper_state=status == "running")
        assert said in text_of(as_alice.get(f"{PAGE}rename/"))

    def test_hostile_names_stay_text(self, as_alice: Browser, north: Cluster) -> None:
        put(owners=("users:alice", 'groups:<img src=x onerror="1">'), image="<script>")
        for what in PATHS:
            page = text_of(as_alice.get(f"{PAGE}{what}/"))
            assert "<img src=x" not in page
            assert "<script>" not in page

    @pytest.mark.parametrize("what", PATHS)
    def test_owners_and_superusers_only(
        self, as_alice: Browser, as_bob: Browser, as_charlie: Browser, as_dora: Browser, north: Cluster, what: str
    ) -> None:
        for end in ("/", ""):
            browsers = (as_alice, as_bob, as_charlie, as_dora)
            assert [one.get(f"{PAGE}{what}{end}").status_code for one in browsers] == [200, 403, 404, 200]

    @pytest.mark.parametrize("what", PATHS)
    def test_while_nothing_is_known_of_the_cluster_that_is_said(
        self, as_alice: Browser, people: Any, what: str
    ) -> None:
        Cluster.objects.create(slug="north", hostname="127.0.0.1", port=1)
        assert "Nothing is known of it just now" in text_of(as_alice.get(f"{PAGE}{what}/"))


class TestAsking:
    @pytest.mark.parametrize("what", ASKS)
    def test_a_mail_goes_to_the_asker_and_nothing_else_happens(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, what: str
    ) -> None:
        page = text_of(as_alice.get(asked(as_alice, what)))
        assert "now</button>" in page
        assert changes(ganeti) == []
        assert not Job.objects.exists()
        mail = OutgoingMail.objects.get()
        assert (mail.recipient, mail.user.username if mail.user else "") == ("alice@example.org", "alice")
        assert NAME in mail.subject
        assert "127.0.0.1" in mail.text
        entry = AuditEntry.objects.get()
        assert entry.action in ("Destroy requested", "Reinstall requested", "Rename requested")
        assert (entry.instance, entry.outcome) == (NAME, "succeeded")

    def test_what_will_be_lost_is_in_the_mail(self, as_alice: Browser, north: Cluster) -> None:
        asked(as_alice)
        text = OutgoingMail.objects.get().text
        assert "its disk of 10\N{NO-BREAK SPACE}GiB" in text
        assert "192.0.2.7" in text

    def test_the_database_does_not_know_the_key(self, as_alice: Browser, north: Cluster) -> None:
        key = asked(as_alice).split("/")[-3]
        kept = [str(value) for row in InstanceAction.objects.values() for value in row.values()]
        kept += [str(value) for row in AuditEntry.objects.values() for value in row.values()]
        assert key not in " ".join(kept)

    @pytest.mark.parametrize("what", ASKS)
    @pytest.mark.parametrize("typed", ["", "web.example.org.evil", "\0"])
    def test_the_wrong_name_gets_a_sentence_and_loses_nothing(
        self, as_alice: Browser, north: Cluster, what: str, typed: str
    ) -> None:
        answer = ask(as_alice, what, name=typed)
        page = text_of(answer)
        assert 'id="id_name_error"' in page
        if what == "reinstall":
            assert '<option value="debian" selected>' in page
        if what == "rename":
            assert 'value="new.example.org"' in page
        assert not OutgoingMail.objects.exists()

    def test_asking_again_replaces_the_first_link(self, as_alice: Browser, north: Cluster) -> None:
        first, second = asked(as_alice), asked(as_alice)
        assert as_alice.get(first).status_code == 404
        assert as_alice.get(second).status_code == 200
        assert InstanceAction.objects.count() == 1

    def test_two_owners_ask_each_for_themselves(self, as_alice: Browser, as_dora: Browser, north: Cluster) -> None:
        asked(as_alice)
        ask(as_dora)
        assert InstanceAction.objects.count() == 2

    def test_a_lock_stops_the_asking(self, as_alice: Browser, north: Cluster) -> None:
        put(tags=("ganetimgr:adminlock",))
        assert "An administrator has locked" in text_of(ask(as_alice))
        assert not InstanceAction.objects.exists()

    def test_a_system_that_nobody_offers_gets_a_sentence(self, as_alice: Browser, north: Cluster) -> None:
        assert "This system is not offered" in text_of(ask(as_alice, "reinstall", operating_system="<b>"))

    def test_without_an_address_there_is_no_link(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        User.objects.filter(username="alice").update(email="")
        assert "no e-mail address" in text_of(ask(as_alice))
        assert not InstanceAction.objects.exists()

    def test_nobody_asks_without_end(self, as_alice: Browser, north: Cluster) -> None:
        for _ in range(confirmations.TIMES_PER_HOUR):
            asked(as_alice)
        assert "too often" in text_of(ask(as_alice))
        assert OutgoingMail.objects.count() == confirmations.TIMES_PER_HOUR

    @pytest.mark.parametrize("what", ASKS)
    def test_scripts_get_a_sentence_and_need_not_type_the_name(
        self, as_alice: Browser, north: Cluster, what: str
    ) -> None:
        answer = as_alice.post(f"{PAGE}{what}", ASKS[what], headers=XHR)
        assert answer.status_code == 200
        assert "alice@example.org" in answer.json()["action"]
        assert link()

    def test_delete_asks_for_destruction_as_it_did(self, as_alice: Browser, north: Cluster) -> None:
        assert as_alice.delete(f"{PAGE}reinstalldestroy/").status_code == 200
        assert link().endswith("/2/")

    def test_a_script_reads_what_is_wrong(self, as_alice: Browser, north: Cluster) -> None:
        answer = as_alice.post(f"{PAGE}reinstall/", {"operating_system": "gone"}, headers=XHR)
        assert (answer.status_code, answer.json()["action"]) == (409, "This system is not offered. Choose another.")

    def test_what_was_asked_for_is_shown_and_can_be_withdrawn(self, as_alice: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        assert "You asked for this at" in text_of(as_alice.get(f"{PAGE}danger/"))
        as_alice.post(f"{PAGE}danger/", {"withdraw": "destroy"})
        assert as_alice.post(address).status_code == 404
        assert "You asked for this at" not in text_of(as_alice.get(f"{PAGE}danger/"))
        assert AuditEntry.objects.get().outcome == "canceled"

    @pytest.mark.parametrize("what", ["", "rename", "no-such"])
    def test_there_may_be_nothing_to_withdraw(self, as_alice: Browser, north: Cluster, what: str) -> None:
        answer = as_alice.post(f"{PAGE}danger/", {"withdraw": what}, follow=True)
        assert "nothing to withdraw" in text_of(answer)

    def test_nobody_withdraws_for_others(self, as_alice: Browser, as_dora: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        as_dora.post(f"{PAGE}danger/", {"withdraw": "destroy"})
        assert as_alice.get(address).status_code == 200


class TestTheLink:
    def test_opening_it_changes_nothing_and_its_button_does_the_deed_once(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        address = asked(as_alice)
        for _ in range(2):
            assert as_alice.get(address).status_code == 200
        assert changes(ganeti) == []
        assert as_alice.post(address)["Location"] == "/"
        assert changes(ganeti) == [f"DELETE /2/instances/{NAME}"]
        assert as_alice.post(address).status_code == 410
        assert "used already" in text_of(as_alice.get(address))
        assert len(changes(ganeti)) == 1
        assert AuditEntry.objects.get(action="Destroy").requester_name == "alice"

    def test_reinstalling_puts_the_new_parameters_first_and_is_one_entry_of_the_history(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        assert as_alice.post(asked(as_alice, "reinstall"))["Location"] == PAGE
        assert changes(ganeti) == [f"PUT /2/instances/{NAME}/modify"]
        row = Job.objects.get()
        assert [(step["kind"], step["goes_on"]) for step in row.then] == [("reinstall", True)]
        assert "Reinstalling" in text_of(as_alice.get(PAGE))
        following.end(row, GanetiJob(id=row.job_id or 0, status="success"), AT_THE_END)
        entry = AuditEntry.objects.get(action="Reinstall")
        assert (entry.detail, entry.outcome) == ("debian", "pending"), "it ends with the installation"
        assert Job.objects.get(kind="reinstall").audit_entry == entry

    @pytest.mark.parametrize(
        ("status", "first", "then"),
        [
            ("running", "shutdown", ["rename", "startup"]),
            ("ERROR_down", "shutdown", ["rename"]),
            ("ADMIN_down", "rename", []),
        ],
    )
    def test_a_running_vm_is_stopped_renamed_and_started(
        self, as_alice: Browser, north: Cluster, status: str, first: str, then: list[str]
    ) -> None:
        put(status=status)
        as_alice.post(asked(as_alice, "rename"))
        row = Job.objects.get()
        assert (row.kind, [step["kind"] for step in row.then]) == (first, then)

    def test_whoever_is_not_signed_in_comes_back_to_it(self, as_alice: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        for answer in (Browser().get(address), Browser().post(address)):
            assert answer.status_code == 302
            assert answer["Location"].endswith(f"?next={address}")
        assert not Job.objects.exists()

    def test_an_old_one_is_of_no_use(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        address = asked(as_alice)
        assert InstanceAction.objects.get().expires > timezone.now() + datetime.timedelta(days=6)
        InstanceAction.objects.update(expires=timezone.now())
        for answer in (as_alice.get(address), as_alice.post(address)):
            assert answer.status_code == 410
            assert "too old" in text_of(answer)
        assert not Job.objects.exists()

    def test_it_lasts_as_long_as_the_site_says(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        settings.INSTANCE_ACTION_ACTIVE_DAYS = 2
        asked(as_alice)
        left = InstanceAction.objects.get().expires - timezone.now()
        assert datetime.timedelta(days=1.9) < left <= datetime.timedelta(days=2)

    def test_another_number_is_another_link(self, as_alice: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        assert as_alice.post(address.replace("/2/", "/1/")).status_code == 404
        assert as_alice.post("/cluster/instance/destreinst/ab/2/").status_code == 404
        assert not AuditEntry.objects.filter(is_authorized=False).exists()

    @pytest.mark.parametrize(
        ("who", "method"),
        [("charlie", "get"), ("charlie", "post"), ("bob", "post"), ("dora", "post"), ("erik", "post")],
    )
    def test_in_other_hands_it_is_refused_written_down_and_told(
        self, sign_in: Any, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, who: str, method: str
    ) -> None:
        put(owners=("users:alice", "groups:noc"))
        address = asked(as_alice)
        assert getattr(sign_in(who), method)(address).status_code == 403
        entry = AuditEntry.objects.get(is_authorized=False)
        assert (entry.action, entry.requester_name, entry.instance) == ("Unauthorized destroy attempt", who, NAME)
        mail = OutgoingMail.objects.get(occasion="unauthorized_action")
        assert mail.recipient == "managers@example.org"
        assert mail.subject.endswith("Unauthorized action")
        assert who in mail.text
        assert address.split("/")[-3] not in mail.text
        assert changes(ganeti) == []
        assert as_alice.get(address).status_code == 200, "its owner still has it"

    def test_managers_are_not_flooded(self, as_alice: Browser, as_charlie: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        for _ in range(5):
            as_charlie.post(address)
        assert AuditEntry.objects.filter(is_authorized=False).count() == 5
        assert OutgoingMail.objects.filter(occasion="unauthorized_action").count() == confirmations.REPORTS_PER_HOUR

    def test_an_asker_who_lost_the_vm_is_refused_and_told_of(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        address = asked(as_alice, "reinstall")
        put(owners=("users:erik",))
        assert as_alice.post(address).status_code == 403
        assert AuditEntry.objects.get(is_authorized=False).action == "Unauthorized reinstall attempt"
        assert changes(ganeti) == []

    @pytest.mark.parametrize("what", ASKS)
    def test_a_superuser_acts_on_any_vm(
        self, as_dora: Browser, ganeti: SimulatedSide, north: Cluster, what: str
    ) -> None:
        put(tags=("ganetimgr:adminlock",))
        ask(as_dora, what)
        as_dora.post(link("dora@example.org"))
        assert len(changes(ganeti)) == 1

    @pytest.mark.parametrize(
        ("meanwhile", "said"),
        [
            ({"tags": ("ganetimgr:adminlock",)}, "An administrator has locked"),
            ({"locked": True}, "under maintenance"),
            ({"status": "ADMIN_offline"}, "out of service"),
            ({"head": {"state": "unreachable", "error": "timed out"}}, "does not answer"),
        ],
    )
    def test_what_stands_in_the_way_at_that_moment_counts_and_the_link_stays(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, meanwhile: dict[str, Any], said: str
    ) -> None:
        address = asked(as_alice)
        put(**meanwhile)
        assert said in text_of(as_alice.get(address))
        answer = as_alice.post(address)
        assert (answer.status_code, said in text_of(answer)) == (409, True)
        assert changes(ganeti) == []
        put()
        as_alice.post(address)
        assert len(changes(ganeti)) == 1

    def test_a_pending_job_goes_first(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        address = asked(as_alice)
        as_alice.post(f"{PAGE}reboot/")
        answer = as_alice.post(address)
        assert (answer.status_code, "wait until this ends" in text_of(answer)) == (409, True)
        assert len(changes(ganeti)) == 1
        assert InstanceAction.objects.get().used is None

    def test_a_job_that_comes_in_between_leaves_the_link_unused(
        self, as_alice: Browser, people: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        from apps.clusters import actions, fleet

        asked(as_alice)
        vm = fleet.find("north", NAME)
        assert vm
        actions.intend(vm, "reboot", Actor(people["dora"]))
        with pytest.raises(actions.Refused, match="faster"):
            confirmations.confirm(InstanceAction.objects.get(), vm, Actor(people["alice"]))
        assert InstanceAction.objects.get().used is None

    def test_two_clicks_in_the_same_moment_are_one_deed(
        self, as_alice: Browser, people: Any, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        from apps.clusters import actions, fleet

        asked(as_alice)
        vm, first, second = fleet.find("north", NAME), InstanceAction.objects.get(), InstanceAction.objects.get()
        assert vm
        confirmations.confirm(first, vm, Actor(people["alice"]))
        with pytest.raises(actions.Refused, match="used already"):
            confirmations.confirm(second, vm, Actor(people["alice"]))
        assert len(changes(ganeti)) == 1

    def test_a_cluster_that_cannot_be_reached_leaves_the_link_usable(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        address = asked(as_alice)
        with ganeti.refusing():
            answer = as_alice.post(address)
        assert (answer.status_code, "does not answer" in text_of(answer)) == (409, True)
        assert Job.objects.get().state == "failed"
        assert as_alice.post(address).status_code == 302

    def test_an_answer_that_is_lost_uses_it_up(self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster) -> None:
        address = asked(as_alice)
        ganeti.faults.lost_answers = True
        as_alice.post(address)
        assert Job.objects.get().state == "intended"
        assert as_alice.post(address).status_code == 410
        assert len(changes(ganeti)) == 1, "never asked twice"

    def test_a_vm_that_is_gone_is_gone(self, as_alice: Browser, north: Cluster) -> None:
        address = asked(as_alice)
        estate.put("north")
        for answer in (as_alice.get(address), as_alice.post(address)):
            assert (answer.status_code, "not there any more" in text_of(answer)) == (410, True)

    def test_another_vm_of_the_same_name_is_not_the_one(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        put(uuid="first")
        address = asked(as_alice)
        put(uuid="second")
        assert as_alice.post(address).status_code == 410
        assert changes(ganeti) == []

    def test_while_nothing_is_known_nothing_is_done_and_nothing_lost(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, settings: Any, tmp_path: Any
    ) -> None:
        address = asked(as_alice)
        settings.SNAPSHOT_STORE = str(tmp_path / "empty")
        assert "Nothing is known of it just now" in text_of(as_alice.post(address))
        assert InstanceAction.objects.get().used is None
        assert changes(ganeti) == []

    def test_a_system_that_went_away_meanwhile_is_said(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster, settings: Any
    ) -> None:
        address = asked(as_alice, "reinstall")
        settings.OPERATING_SYSTEMS = {"none": {"description": "No operating system", "provider": "noop"}}
        answer = as_alice.post(address)
        assert (answer.status_code, "no longer offered" in text_of(answer)) == (409, True)
        assert changes(ganeti) == []

    def test_a_name_that_was_taken_meanwhile_is_said(
        self, as_alice: Browser, ganeti: SimulatedSide, north: Cluster
    ) -> None:
        address = asked(as_alice, "rename")
        estate.put("south", estate.instance("new.example.org", "south"))
        answer = as_alice.post(address)
        assert (answer.status_code, "There is a VM of this name already" in text_of(answer)) == (409, True)
        assert changes(ganeti) == []


class TestNames:
    @pytest.mark.parametrize(
        "wanted",
        [
            "",
            "web",
            "new..example.org",
            "-new.example.org",
            "new_.example.org",
            "192.0.2.1",
            "new.example.org\r\nBcc: all@example.org",
            "<b>.example.org",
            "νέο.example.org",
            "x" * 250 + ".org",
            "new.example.org/../x",
            NAME,
        ],
    )
    def test_what_is_no_new_name_gets_a_sentence(self, as_alice: Browser, north: Cluster, wanted: str) -> None:
        assert 'id="id_hostname_error"' in text_of(ask(as_alice, "rename", hostname=wanted))
        assert not InstanceAction.objects.exists()

    def test_it_is_stored_as_names_are(self, as_alice: Browser, north: Cluster) -> None:
        asked(as_alice, "rename", hostname=" NEW.Example.org. ")
        assert InstanceAction.objects.get().details == {"new_name": "new.example.org", "old_name": NAME}

    def test_a_vm_on_any_cluster_has_it(self, as_alice: Browser, north: Cluster) -> None:
        estate.put("south", estate.instance("new.example.org", "south", owners=("users:erik",)))
        assert "There is a VM of this name already" in text_of(ask(as_alice, "rename"))

    def test_somebody_has_applied_for_it(self, as_alice: Browser, people: Any, north: Cluster) -> None:
        InstanceApplication.objects.create(
            applicant=people["erik"], hostname="new.example.org", holds="new.example.org", memory=1, vcpus=1,
            disk_size=1, operating_system="none",
        )  # fmt: skip
        assert "an application for a VM of this name" in text_of(ask(as_alice, "rename"))

    def test_another_vm_is_about_to_get_it(self, as_alice: Browser, north: Cluster) -> None:
        estate.put("north", estate.instance(NAME), estate.instance("other.example.org"))
        asked(as_alice, "rename")
        answer = as_alice.post(
            "/instances/north/other.example.org/rename/", {"hostname": "new.example.org", "name": "other.example.org"}
        )
        assert "about to get this name" in text_of(answer)
        assert hostnames.taken("new.example.org"), "nor may anybody apply for it"

    def test_a_rename_under_way_keeps_its_name(self, as_alice: Browser, north: Cluster) -> None:
        as_alice.post(asked(as_alice, "rename"))
        InstanceAction.objects.all().delete()
        assert Job.objects.get().kind == "shutdown", "it is the step after the first"
        assert hostnames.taken("new.example.org")

    def test_what_expired_keeps_no_name(self, as_alice: Browser, north: Cluster) -> None:
        asked(as_alice, "rename")
        InstanceAction.objects.update(expires=timezone.now())
        assert not hostnames.taken("new.example.org")


@pytest.fixture
def make_row(north: Cluster, people: Any) -> Any:
    def make(kind: str, **fields: Any) -> Job:
        entry = audit.record(Actor(people["alice"]), kind, cluster="north", instance=NAME)
        return Job.objects.create(
            cluster=north, instance=NAME, kind=kind, state=Job.State.SUBMITTED, job_id=7,
            holds=Job.hold_on(north, NAME), requested_by=people["alice"], audit_entry=entry, **fields,
        )  # fmt: skip

    return make


class TestWhatFollows:
    RENAME = {"new_name": "new.example.org", "old_name": NAME}

    @pytest.fixture
    def application(self, people: Any, north: Cluster) -> InstanceApplication:
        return InstanceApplication.objects.create(
            applicant=people["alice"], hostname=NAME, memory=1, vcpus=1, disk_size=1, operating_system="none",
            status=InstanceApplication.Status.SUCCESS, cluster=north,
        )  # fmt: skip

    def end(self, row: Job, status: str = "success") -> None:
        following.end(row, GanetiJob(id=7, status=status), AT_THE_END)

    def test_our_own_records_follow_a_renamed_vm(
        self, as_alice: Browser, make_row: Any, application: InstanceApplication, people: Any
    ) -> None:
        audit.record(Actor(people["alice"]), "Start", cluster="north", instance=NAME)
        audit.record(Actor(people["alice"]), "Start", cluster="south", instance=NAME)
        asked(as_alice)
        self.end(make_row("rename", details=self.RENAME))
        application.refresh_from_db()
        assert application.hostname == "new.example.org"
        assert InstanceAction.objects.get().instance == "new.example.org"
        assert Job.objects.get().instance == "new.example.org"
        assert AuditEntry.objects.about("north", "new.example.org").count() == 3
        assert AuditEntry.objects.about("south", NAME).count() == 1, "another VM of that name has its own history"

    def test_and_only_when_it_was_renamed(self, make_row: Any, application: InstanceApplication) -> None:
        self.end(make_row("rename", details=self.RENAME), "error")
        application.refresh_from_db()
        assert application.hostname == NAME
        assert Job.objects.get().instance == NAME

    def test_the_history_tells_both_names(self, as_alice: Browser, north: Cluster) -> None:
        put(status="ADMIN_down")
        as_alice.post(asked(as_alice, "rename"))
        assert AuditEntry.objects.get(action="Rename").detail == f"{NAME} → new.example.org"

    def test_the_old_address_leads_on_for_those_who_may_look(
        self, as_alice: Browser, as_charlie: Browser, north: Cluster
    ) -> None:
        put(status="ADMIN_down")
        as_alice.post(asked(as_alice, "rename"))
        self.end(Job.objects.get())
        estate.put("north", estate.instance("new.example.org"))
        assert as_alice.get(PAGE)["Location"] == "/instances/north/new.example.org/"
        assert as_alice.get(PAGE, headers={"HX-Request": "true"})["HX-Redirect"] == "/instances/north/new.example.org/"
        assert as_charlie.get(PAGE).status_code == 404

    def test_what_waits_for_a_destroyed_vm_is_forgotten(
        self, as_alice: Browser, make_row: Any, application: InstanceApplication
    ) -> None:
        asked(as_alice, "rename")
        self.end(make_row("remove"))
        assert not InstanceAction.objects.exists()
        application.refresh_from_db()
        assert application.status == InstanceApplication.Status.SUCCESS

    def test_a_chain_that_breaks_says_what_was_not_done_any_more(self, as_alice: Browser, north: Cluster) -> None:
        as_alice.post(asked(as_alice, "rename"))
        self.end(Job.objects.get(), "error")
        page = text_of(as_alice.get(PAGE))
        assert "It was not renamed." in page
        assert "It was not started again." in page

    def test_a_reinstallation_that_failed_is_offered_again_to_those_who_may(
        self, as_alice: Browser, as_bob: Browser, make_row: Any
    ) -> None:
        row = make_row("reinstall", details={"image": "debian"})
        following.end(row, GanetiJob(id=7, status="error", error="no such archive"), AT_THE_END)
        assert "no such archive" in text_of(as_alice.get(PAGE))
        again = f'<a href="{PAGE}reinstall/">Reinstall again</a>'
        assert again in text_of(as_alice.get(PAGE))
        assert again not in text_of(as_bob.get(PAGE))

    def test_old_wishes_are_swept_by_a_chore(self, as_alice: Browser, north: Cluster, settings: Any) -> None:
        asked(as_alice)
        asked(as_alice, "rename")
        long_ago = timezone.now() - datetime.timedelta(days=settings.INSTANCE_ACTION_ACTIVE_DAYS + 1)
        InstanceAction.objects.filter(kind=Kind.RENAME).update(expires=long_ago)
        next(chore for chore in CHORES if chore.name == "forget old confirmations").work()
        assert [action.kind for action in InstanceAction.objects.all()] == [Kind.DESTROY]


class TestWhatGanetiIsTold:
    @pytest.fixture
    def key(self, people: Any) -> Iterator[str]:
        for name in ("alice", "erik"):
            SshPublicKey.objects.create(owner=people[name], key_type="ssh-ed25519", key=f"AAAA{name}", fingerprint=name)
        yield "AAAAalice"

    def application(self, who: User) -> InstanceApplication:
        return InstanceApplication.objects.create(
            applicant=who, hostname=NAME, memory=1, vcpus=1, disk_size=1, operating_system="none", cookie="c00kie",
            status=InstanceApplication.Status.SUCCESS,
        )  # fmt: skip

    def told(self) -> dict[str, str]:
        return reinstalling.parameters("debian", "north", NAME)[1]

    def keys_in(self, told: dict[str, str]) -> str:
        import base64
        import json

        (file,) = json.loads(told["img_personality"])
        return base64.b64decode(file["contents"]).decode()

    def test_the_image_and_the_keys_of_its_owner(self, people: Any, north: Cluster, key: str) -> None:
        application = self.application(people["alice"])
        put(tags=(f"ganetimgr:application:{application.pk}",))
        system, told = reinstalling.parameters("debian", "north", NAME)
        assert (system, told["img_id"]) == ("snf-image+default", "debian-12")
        assert told["img_ssh_key_url"].endswith(f"/application/{application.pk}/c00kie/ssh_keys")
        assert self.keys_in(told) == "ssh-ed25519 AAAAalice\n"

    def test_the_address_of_the_keys_answers_anew(self, people: Any, north: Cluster, key: str) -> None:
        application = self.application(people["alice"])
        InstanceApplication.objects.update(last_updated=timezone.now() - datetime.timedelta(days=400))
        put(tags=(f"ganetimgr:application:{application.pk}",))
        address = self.told()["img_ssh_key_url"].removeprefix("https://vps.example.org")
        assert key in Browser().get(address).content.decode()

    def test_whoever_applied_once_and_owns_it_no_more_gets_no_key_in(
        self, people: Any, north: Cluster, key: str
    ) -> None:
        application = self.application(people["alice"])
        put(owners=("users:erik",), tags=(f"ganetimgr:application:{application.pk}",))
        told = self.told()
        assert "img_ssh_key_url" not in told
        assert self.keys_in(told) == "ssh-ed25519 AAAAerik\n"

    def test_a_groups_vm_gets_its_members_keys(self, people: Any, north: Cluster, key: str) -> None:
        put(owners=("groups:noc",))
        assert self.keys_in(self.told()) == "ssh-ed25519 AAAAerik\n"
        Group.objects.get(name="noc").user_set.clear()
        assert self.keys_in(self.told()) == ""

    def test_an_unknown_system_is_a_lookup_error(self, people: Any, north: Cluster) -> None:
        with pytest.raises(LookupError):
            reinstalling.parameters("gone", "north", NAME)

    def test_no_secret_is_kept_or_shown(self, as_alice: Browser, north: Cluster) -> None:
        as_alice.post(asked(as_alice, "reinstall"))
        kept = str([*Job.objects.values(), *AuditEntry.objects.values(), *InstanceAction.objects.values()])
        kept += text_of(as_alice.get(PAGE)) + text_of(as_alice.get("/history/"))
        assert "s3cr3t" not in kept

    def test_parameters_of_the_old_system_are_taken_away(self, north: Cluster) -> None:
        row = Job(cluster=north, instance=NAME, kind="modify", details={"image": "none"})
        gone = {"img_id": "default", "img_passwd": "default"}
        assert systems.modification(row, ["img_id", "img_passwd"]) == {"os_name": "noop", "osparams": gone}
        assert systems.reinstall_body(row) == {"os": "noop", "osparams": {}, "start": True}
