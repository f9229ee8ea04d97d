"""Taking over a ganetimgr 2.x, on databases with the old tables: what came works as it did there."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import registering
from accounts.models import Organization, SshPublicKey
from apps.applications.models import InstanceApplication
from apps.audit import events
from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, InstanceAction, Job, Network
from apps.notifications.models import Notification
from tests import estate
from tests.adopting import filled as data
from tests.adopting.old import Old, OnSqlite, mangled

pytestmark = pytest.mark.django_db


def adopt(old: Old | str, *more: str) -> tuple[str, int]:
    """What the command says, and its exit code."""
    out = StringIO()
    url = old if isinstance(old, str) else old.url
    code = 0
    try:
        call_command("adopt", "--database", url, "--time-zone", "Europe/Athens", *more, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    return out.getvalue(), code


def all_rows() -> dict[str, list[Any]]:
    """Everything that is in our database, but for the log's last entry of a run."""
    found = {}
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            rows = model._default_manager.all()
            rows = rows.exclude(action=events.ADOPTED) if model is AuditEntry else rows
            found[model._meta.label] = sorted(map(str, rows.values_list()))
    return found


class TestPeople:
    def test_sign_in_with_the_password_that_they_had(self, either: Old) -> None:
        adopt(either)
        browser = Browser()
        answer = browser.post("/user/login/", {"username": "alice", "password": "alice of old"})
        assert answer.status_code == 302
        assert browser.get("/user/profile/").status_code == 200
        assert Browser().post("/user/login/", {"username": "Alice", "password": "alice of old"}).status_code == 200

    def test_whose_password_lies_in_a_way_that_is_not_safe_are_told_and_can_have_a_new_one_by_mail(
        self, filled: Old
    ) -> None:
        said, _ = adopt(filled)
        bob = User.objects.get(username="bob")
        assert "they set a new one by mail" in said and "(bob)" in said
        assert bob.password != data.SHA1
        assert bob.has_usable_password() and not bob.check_password("bob of old")

    def test_keep_their_numbers_names_and_what_they_may(self, either: Old) -> None:
        said, _ = adopt(either)
        alice, bob, dora = (User.objects.get(username=name) for name in ("alice", "bob", "dora"))
        assert (alice.pk, bob.pk, dora.pk) == (11, 13, 15)
        assert dora.is_superuser and dora.is_staff and not bob.is_staff
        assert bob.has_perms(
            ["ganeti.view_instances", "accounts.change_organization", "notifications.add_notification"]
        )
        assert alice.has_perms(["ganeti.can_lock", "apply.view_applications"])  # by the group noc
        assert not alice.has_perm("ganeti.view_instances")
        assert "There is no such right here. (reversion.add_version)" in said
        assert [group.name for group in alice.groups.all()] == ["noc"]

    def test_who_could_not_switch_in_two_encodings_have_their_names_back(self, old: Old) -> None:
        old.add("auth_user", id=1, username="maria", first_name=mangled("Μαρία"), password="!", is_active=1)
        old.database.execute("UPDATE auth_user SET last_name = CAST(x'4a6f73e9' AS TEXT)")  # José, in Latin-1
        said, _ = adopt(old)
        maria = User.objects.get()
        assert (maria.first_name, maria.last_name) == ("Μαρία", "José")
        assert "Double-encoded text was mended: 1. (auth_user.first_name: 1)" in said
        assert "auth_user.last_name: 1" in said

    def test_times_are_those_of_the_old_servers_zone(self, filled: Old) -> None:
        said, _ = adopt(filled)
        assert User.objects.get(username="alice").last_login.isoformat() == "2018-07-01T09:00:00+00:00"  # type: ignore[union-attr]
        assert "read as those of Europe/Athens" in said

    def test_of_old_that_never_signed_in_never_did(self, either: Old) -> None:
        adopt(either)
        assert User.objects.get(username="ldap").last_login is None
        assert User.objects.get(username="gone").last_login is not None

    def test_have_organisation_telephone_and_keys(self, filled: Old) -> None:
        said, _ = adopt(filled)
        profile = User.objects.get(username="alice").profile
        assert (profile.organization.title, profile.telephone, profile.first_login) == (
            "Library",
            "+302101234567",
            False,
        )
        assert Organization.objects.get(tag="library").website == "http://www.example.org"
        assert Organization.objects.get(tag="phys").website == ""
        (key,) = SshPublicKey.objects.filter(owner__username="alice")
        assert key.comment == "alice at home"
        assert "This is a DSA key" in said and "alice: aa:bb" in said
        assert not User.objects.filter(profile=None).exists()

    def test_who_differ_in_capitals_or_share_an_address_or_cannot_be_tagged_are_told(self, filled: Old) -> None:
        said, _ = adopt(filled)
        assert ("differ in capital letters only" in said and "Alice, alice" in said) or "alice, Alice" in said
        assert "E-mail addresses of several accounts: these sign in by user name only. (alice@example.org)" in said
        assert "they cannot own VMs. The admin renames them. (helpdesk desk)" in said
        assert "such people cannot own VMs. (mary jane)" in said
        assert "It has no user name. (number 20)" in said

    def test_that_wait_go_on_waiting_and_their_links_work(self, either: Old) -> None:
        adopt(either)
        assert [row.user.username for row in registering.waiting()] == ["petros"]
        assert [row.user.username for row in registering.unproven()] == ["niki"]
        User.objects.filter(username="niki").update(date_joined=timezone.now())  # or the link is too old
        page = Browser().get(reverse("registration_activate", args=[data.PROOF]))
        assert page.status_code == 200
        assert registering.find(data.PROOF)[0] == "good"


class TestClusters:
    def test_come_with_their_password_encrypted_and_verify_from_now_on(self, filled: Old) -> None:
        said, _ = adopt(filled)
        north = Cluster.objects.get(slug="north")
        assert (north.hostname, north.port, north.password) == ("rapi.north.example.org", 5080, "in the clear")
        assert north.verification == Cluster.Verification.SYSTEM
        with connection.cursor() as cursor:
            cursor.execute("SELECT password FROM ganeti_cluster WHERE slug = 'north'")
            assert "clear" not in cursor.fetchone()[0]
        assert "in the clear" not in said
        assert "prints the fingerprint to pin" in said
        assert "north: 5081" in said

    def test_of_one_short_name_become_two_and_a_word_of_ours_is_none(self, filled: Old) -> None:
        said, _ = adopt(filled)
        found = dict(Cluster.objects.values_list("slug", "hostname"))
        assert found == {
            "north": "rapi.north.example.org", "north-2": "rapi.other.example.org", "lock-2": "rapi.lock.example.org",
        }  # fmt: skip
        assert "north → north-2" in said and "lock → lock-2" in said
        assert AuditEntry.objects.get(action="Start").cluster == "lock-2"
        assert "nowhere" in said  # that one has no host

    def test_can_be_pinned_to_what_they_present(self, old: Old, simulators: Any) -> None:
        side = simulators["north"]
        old.add("ganeti_cluster", id=1, hostname="127.0.0.1", slug="north", port=1, use_gnt_network=1)
        old.add("ganeti_cluster", id=2, hostname="127.0.0.1", slug="silent", port=1)
        from apps.adopting import estate as taken

        port = side.endpoint().port
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(taken, "PORT", port)  # clusters of old are all at 5080, where nothing listens here
            said, _ = adopt(old, "--pin")
        north = Cluster.objects.get(slug="north")
        assert north.verification == Cluster.Verification.FINGERPRINT
        assert north.fingerprint in said
        assert not north.endpoint().ca_file and north.endpoint().pin

    def test_have_their_networks(self, filled: Old) -> None:
        said, _ = adopt(filled)
        public, lab = Network.objects.order_by("pk")
        assert (public.link, public.cluster.slug, public.cluster_default) == ("br100", "north", True)
        assert (lab.cluster_default, [group.name for group in lab.groups.all()]) == (False, ["noc"])
        assert "Its mode is neither bridged nor routed. (north: Odd)" in said

    def test_links_that_were_mailed_before_go_on_working(self, filled: Old) -> None:
        adopt(filled)
        estate.put("north", estate.instance("web.example.org", owners=("user:alice",)))
        browser = Browser()
        browser.force_login(User.objects.get(username="alice"))
        page = browser.get(f"/cluster/instance/destreinst/{data.KEY}/2/")
        assert page.status_code == 200
        assert "web.example.org" in page.content.decode()
        (action,) = InstanceAction.objects.all()
        assert data.KEY not in action.key_hash
        assert browser.get(f"/cluster/instance/destreinst/{data.LATE_KEY}/1/").status_code == 404


class TestApplications:
    def test_open_under_their_old_numbers(self, filled: Old) -> None:
        adopt(filled)
        browser = Browser()
        browser.force_login(User.objects.get(username="alice"))
        page = browser.get(reverse("application-detail", args=[501]))
        assert page.status_code == 200
        assert "web.example.org" in page.content.decode()

    def test_new_ones_are_counted_on_from_there(self, filled: Old) -> None:
        adopt(filled)
        made = InstanceApplication.objects.create(
            hostname="x.example.org", memory=1, disk_size=1, vcpus=1, applicant=User.objects.get(username="alice")
        )
        assert made.pk > 510

    def test_vms_go_on_fetching_keys_with_the_old_cookie(self, filled: Old) -> None:
        adopt(filled)
        answer = Browser().get(f"/application/502/{data.COOKIE}/ssh_keys")
        assert answer.content.decode().startswith("ssh-ed25519 ")

    def test_are_in_the_state_in_which_they_were(self, filled: Old) -> None:
        said, _ = adopt(filled)
        found = dict(InstanceApplication.objects.values_list("pk", "status"))
        assert found == {501: 105, 502: 100, 503: 100, 504: 102, 505: 104, 506: 107, 507: 106, 510: 104}
        assert "Whoever asked for it did not come. (number 508, nobodys.example.org)" in said
        assert "506: 999" in said and "505, lost.example.org" in said and "503: new.example.org" in said

    def test_that_are_decided_know_where_and_by_whom(self, filled: Old) -> None:
        adopt(filled)
        done = InstanceApplication.objects.get(pk=501)
        lab = Network.objects.get(link="br200")
        assert done.cluster == Cluster.objects.get(slug="north")
        assert done.instance_params["network"] == f"hand:{lab.pk}"
        assert (done.job.job_id, done.job.state, done.job.holds) == (77, "succeeded", None)  # type: ignore[union-attr]
        assert [event.kind for event in done.events.all()] == ["filed", "approved", "success"]
        assert done.events.get(kind="approved").by_name == "dora"
        assert InstanceApplication.objects.get(pk=502).wanted_network == lab
        assert InstanceApplication.objects.get(pk=507).events.last().text == "Too large"  # type: ignore[union-attr]

    def test_that_are_being_created_are_followed(self, filled: Old) -> None:
        adopt(filled)
        (row,) = Job.objects.submitted()
        assert (row.job_id, row.cluster.slug, row.instance, row.is_unfinished) == (78, "north", "run.example.org", True)
        assert InstanceApplication.objects.get(pk=504).job == row


class TestThePast:
    def test_is_in_the_history_of_a_vm(self, filled: Old) -> None:
        adopt(filled)
        browser = Browser()
        browser.force_login(User.objects.get(username="dora"))
        page = browser.get("/history/?since=2018-01-01&q=web.example.org").content.decode()
        assert "Not recorded" in page
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page

    def test_keeps_who_when_from_where(self, filled: Old) -> None:
        adopt(filled)
        entry = AuditEntry.objects.get(action="Reboot", job_id=72)
        assert (entry.requester_name, entry.ipaddress, entry.job_id) == ("alice", "192.0.2.7", 72)
        assert entry.recorded.isoformat() == "2018-07-01T09:00:01+00:00"
        assert entry.last_updated.isoformat() == "2018-07-01T09:05:02+00:00"
        refused = AuditEntry.objects.get(action="Unauthorized destroy attempt")
        assert (refused.outcome, refused.is_authorized, refused.ipaddress) == ("refused", False, None)

    def test_entries_that_are_alike_all_come(self, filled: Old) -> None:
        adopt(filled)
        assert AuditEntry.objects.filter(action="Reboot", recorded="2018-07-01T09:00:01Z").count() == 2

    def test_times_that_are_none_do_not_stop_it(self, filled: Old) -> None:
        said, _ = adopt(filled)
        entry = AuditEntry.objects.get(action="Shutdown")
        assert entry.recorded == entry.last_updated
        assert "What is no date was left empty" in said
        assert "hour that a clock change repeats" in said

    def test_new_entries_have_the_present_time_afterwards(self, filled: Old) -> None:
        before = timezone.now()
        adopt(filled)
        entry = AuditEntry.objects.get(action=events.ADOPTED)
        assert entry.recorded >= before
        assert "users: 9" in entry.detail

    def test_letters_to_owners_are_in_the_archive(self, filled: Old) -> None:
        adopt(filled)
        (letter,) = Notification.objects.all()
        assert (letter.subject, letter.sender_name) == ("Maintenance", "dora")
        assert sorted(letter.recipients.values_list("name", "outcome")) == [("alice", "sent"), ("bob", "sent")]


class TestTheSite:
    def test_has_its_address_and_texts(self, filled: Old) -> None:
        said, _ = adopt(filled)
        assert Site.objects.get(pk=1).domain == "vps.example.org"
        assert "https://vps.example.org" in said
        page = Browser().get("/about/info/el/")
        assert "Καλώς ήρθατε" in page.content.decode()
        assert FlatPage.objects.get().template_name == ""

    def test_a_text_that_is_here_stays(self, filled: Old) -> None:
        page = FlatPage.objects.create(url="/about/info/el/", title="Νέο", content="new")
        said, _ = adopt(filled)
        page.refresh_from_db()
        assert page.content == "new"
        assert "they stay as they are. (/about/info/el/)" in said


def test_programs_come_with_their_secrets_as_the_toolkit_keeps_them(tmp_path: Path) -> None:
    database = Old(OnSqlite(tmp_path / "fork.sqlite3"), "fork")
    data.fill(database)
    said, _ = adopt(database)
    if not apps.is_installed("oauth2_provider"):
        assert "OAuth2 applications, 1: OAuth2 is not installed here. (Panel)" in said
        return
    program = apps.get_model("oauth2_provider.Application").objects.get()
    assert (program.client_id, program.user.username) == ("panel", "dora")
    assert program.client_secret != "in the clear" and check_password("in the clear", program.client_secret)
    assert "1 tokens of OAuth2 programs did not come" in said


class TestTheRun:
    def test_says_what_it_could_not_bring_and_ends_so(self, filled: Old, tmp_path: Path) -> None:
        said, code = adopt(filled, "--report", str(tmp_path / "report.json"))
        assert code == 1
        report = json.loads((tmp_path / "report.json").read_text())
        users = next(kind for kind in report["kinds"] if kind["kind"] == "users")
        assert (users["found"], users["brought"], users["there_already"]) == (10, 9, 0)
        assert users["left_out"] == [{"what": "number 20", "why": "It has no user name."}]
        assert "Left out:" in said
        assert (tmp_path / "report.json").stat().st_mode & 0o077 == 0

    def test_all_is_accounted_for(self, either: Old, tmp_path: Path) -> None:
        adopt(either, "--report", str(tmp_path / "report.json"))
        for kind in json.loads((tmp_path / "report.json").read_text())["kinds"]:
            parts = (kind["brought"], kind["there_already"], kind["unneeded"], len(kind["left_out"]))
            assert kind["found"] == sum(parts), kind

    def test_of_a_plain_database_ends_well(self, old: Old) -> None:
        old.add("auth_user", id=1, username="alice", password="!", is_active=1)
        said, code = adopt(old)
        assert code == 0
        assert "Left out" not in said

    def test_that_is_dry_says_the_same_and_changes_nothing(self, either: Old) -> None:
        before = all_rows()
        dry, _ = adopt(either, "--dry-run")
        assert all_rows() == before
        wet, _ = adopt(either)
        assert dry.removesuffix("\nThis was a dry run: nothing was changed.\n") == wet
        assert all_rows() != before

    def test_twice_changes_nothing_the_second_time(self, either: Old, tmp_path: Path) -> None:
        adopt(either)
        before = all_rows()
        adopt(either, "--report", str(tmp_path / "report.json"))
        assert all_rows() == before
        report = json.loads((tmp_path / "report.json").read_text())
        assert all(kind["brought"] == 0 for kind in report["kinds"])

    def test_a_second_run_adds_what_is_new_there_and_leaves_what_was_changed_here(self, filled: Old) -> None:
        adopt(filled)
        alice = User.objects.get(username="alice")
        alice.set_password("another one")
        alice.save()
        alice.groups.clear()
        Cluster.objects.filter(slug="north").update(description="Mine")
        filled.add("auth_user", id=40, username="zoe", password="!", is_active=1)
        filled.add("auditlog_auditentry", id=7, requester_id=11, action="Migrate", instance="web.example.org",
                   cluster="north", recorded="2018-08-01 12:00:00", is_authorized=1)  # fmt: skip
        said, _ = adopt(filled)
        alice.refresh_from_db()
        assert alice.check_password("another one")
        assert not alice.groups.exists()
        assert Cluster.objects.get(slug="north").description == "Mine"
        assert User.objects.get(username="zoe").pk == 40
        assert AuditEntry.objects.filter(action="Migrate").count() == 1
        assert "what is here counts. (alice)" in said
        assert "is not in this group here. (alice)" in said

    def test_people_who_were_here_before_get_no_rights_by_it(self, filled: Old) -> None:
        """Somebody made an account called dora: it is not made a superuser, and has its own number."""
        dora = User.objects.create_user("dora", password="x", id=11)
        adopt(filled)
        dora.refresh_from_db()
        assert not dora.is_superuser
        alice = User.objects.get(username="alice")
        assert alice.pk not in (11, 15)
        assert InstanceApplication.objects.get(pk=501).applicant == alice
        assert InstanceApplication.objects.get(pk=501).reviewer == dora

    def test_tells_of_what_it_does_not_know_and_of_sessions(self, filled: Old) -> None:
        filled.database.execute("CREATE TABLE accounts_usernetwork (id integer)")
        filled.database.execute("INSERT INTO accounts_usernetwork VALUES (1)")
        said, _ = adopt(filled)
        assert "Tables that are not known here, and stay there. (accounts_usernetwork: 1 rows)" in said
        assert "Not brought: 1 sessions: everybody signs in anew." in said

    def test_lives_with_tables_and_columns_that_are_not_there(self, tmp_path: Path) -> None:
        database = OnSqlite(tmp_path / "thin.sqlite3")
        database.execute("CREATE TABLE auth_user (id integer PRIMARY KEY, username varchar(30), password varchar(128))")
        database.execute("CREATE TABLE ganeti_cluster (id integer PRIMARY KEY, hostname varchar(128), slug text)")
        database.execute("INSERT INTO auth_user VALUES (3, 'alice', '!')")
        database.execute("INSERT INTO ganeti_cluster VALUES (1, 'rapi.example.org', NULL)")
        _said, code = adopt(database.url)
        assert code == 0
        assert User.objects.get(pk=3).is_active
        assert Cluster.objects.get().slug == "rapi"

    def test_audit_entries_come_in_few_queries(
        self, old: Old, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for number in range(300):
            old.add("auditlog_auditentry", id=number + 1, action="Start", recorded="2018-07-01 12:00:00")
        with django_assert_max_num_queries(150):
            adopt(old)
        assert AuditEntry.objects.filter(action="Start").count() == 300


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("url", "sentence"),
        [
            ("sqlite:////nowhere/old.db", "There is no file /nowhere/old.db."),
            ("postgres://u@h/n", "begin with mysql:// or sqlite"),
            ("mysql://u@h/n?wrong=1", "The form is mysql://"),
            ("mysql://u@127.0.0.1:1/n", "does not let us in"),
            ("mysql://u@h:x/n", "The port in the address is no number."),
        ],
    )
    def test_is_told_in_a_sentence(self, url: str, sentence: str) -> None:
        with pytest.raises(CommandError, match=sentence.replace("(", r"\(").replace("?", r"\?")):
            adopt(url)

    def test_a_database_of_others_is_refused(self, tmp_path: Path) -> None:
        database = OnSqlite(tmp_path / "other.sqlite3")
        database.execute("CREATE TABLE wp_posts (id integer)")
        with pytest.raises(CommandError, match="no database of a ganetimgr"):
            adopt(database.url)
        (tmp_path / "text").write_text("no database at all, but long enough to be looked at")
        with pytest.raises(CommandError, match="cannot be read: file is not a database"):
            adopt(f"sqlite:///{tmp_path}/text")

    def test_a_zone_that_is_none_is_told(self, old: Old) -> None:
        with pytest.raises(CommandError, match="no time zone Mars"):
            call_command("adopt", "--database", old.url, "--time-zone", "Mars")


class TestTheGuard:
    def test_migrate_on_an_old_database_refuses_before_it_changes_anything(self, filled: Old, settings: Any) -> None:
        import subprocess
        import sys

        path = filled.url.removeprefix("sqlite:///")
        site = Path(path).with_name("site.py")
        engine = "django.db.backends.sqlite3"
        site.write_text(
            f'SECRET_KEY = "x" * 50\nVAR_DIR = {str(site.parent)!r}\n'
            f'DATABASES = {{"default": {{"ENGINE": {engine!r}, "NAME": {path!r}}}}}\n'
        )
        before = Path(path).read_bytes()
        environment = {"GANETIMGR_SETTINGS": str(site), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate"], cwd=settings.BASE_DIR, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "belongs to a ganetimgr 2.x" in done.stderr
        assert Path(path).read_bytes() == before


def test_groups_are_found_by_name(filled: Old) -> None:
    Group.objects.create(name="noc")
    adopt(filled)
    assert Group.objects.filter(name="noc").count() == 1
