"""The admin's pages about people: they bear 50,000 users, tell the log what was done, and lose no VM with a name."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from accounts import ownership, profiles, usernames
from accounts.forms.registering import RegistrationForm
from accounts.models import Organization, OutgoingMail, SshPublicKey
from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, Network, Renaming
from tests import estate

pytestmark = pytest.mark.django_db

MANY = 50_000
ENOUGH_BYTES = 150_000  # for any page; a list of all users would have millions


def address(kind: str, owner: Any, what: str = "change") -> str:
    app = "auth" if kind in ("user", "group") else "accounts"
    return reverse(f"admin:{app}_{kind}_{what}", args=[owner.pk])


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of a form that nobody has touched."""
    found: dict[str, Any] = {}
    body = page[page.index('id="content-main"') :]
    for tag in re.findall(r"<input[^>]*>", body):
        facts = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        kind = facts.get("type", "text")
        if kind in ("submit", "button", "file") or (kind in ("checkbox", "radio") and " checked" not in tag):
            continue
        if "name" in facts and "__prefix__" not in facts["name"]:
            found[facts["name"]] = facts.get("value", "on" if kind == "checkbox" else "")
    for name, options in re.findall(r'<select[^>]*name="(\w[^"]*)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)"[^>]* selected', options)
        if "__prefix__" not in name and chosen:
            found[name] = chosen
    return found


def save(browser: Browser, url: str, **changes: Any) -> Any:
    """Opens a form, changes these fields and saves it."""
    data = {**form_of(browser.get(url).content.decode()), **changes}
    return browser.post(url, {name: value for name, value in data.items() if value is not None}, follow=True)


def deeds() -> list[tuple[str, str, str]]:
    """(event, whom it concerns, detail), the oldest first, without who signed in."""
    found = AuditEntry.objects.exclude(action="Sign-in").order_by("pk")
    return list(found.values_list("action", "person", "detail"))


def act(browser: Browser, kind: str, action: str, *objects: Any, **more: Any) -> str:
    url = reverse(f"admin:{'auth' if kind in ('user', 'group') else 'accounts'}_{kind}_changelist")
    data = {"action": action, "_selected_action": [one.pk for one in objects], **more}
    return browser.post(url, data, follow=True).content.decode()


@pytest.fixture
def as_staff(people: dict[str, User]) -> Browser:
    """Somebody who may change users, and is no superuser."""
    frank = User.objects.create_user("frank", password="frank", is_staff=True)
    rights = ["view_user", "change_user", "delete_user", "view_group"]
    frank.user_permissions.set(Permission.objects.filter(codename__in=rights))
    browser = Browser()
    browser.force_login(frank)
    return browser


class TestManyPeople:
    @pytest.fixture
    def crowd(self, people: dict[str, User]) -> User:
        """50,000 users, all of them in one group and one organisation."""
        made = User.objects.bulk_create(
            [User(username=f"crowd{number:05}", email=f"crowd{number:05}@example.org") for number in range(MANY)]
        )
        group = Group.objects.create(name="crowd")
        organization = Organization.objects.create(title="Crowd", tag="crowd")
        with connection.cursor() as cursor:
            for table, column, pk in (
                ("auth_user_groups", "group_id", group.pk),
                ("accounts_organization_users", "organization_id", organization.pk),
            ):
                cursor.execute(f"INSERT INTO {table} (user_id, {column}) SELECT id, %s FROM auth_user", [pk])  # noqa: S608
        estate.put("north", estate.instance("web.example.org"))
        return made[0]

    def test_no_page_lists_them_all(self, as_dora: Browser, crowd: User, django_assert_max_num_queries: Any) -> None:
        group, organization = Group.objects.get(name="crowd"), Organization.objects.get()
        network = Network.objects.create(description="n", cluster=Cluster.objects.get(), link="l", mode="routed")
        entry = AuditEntry.objects.create(requester=crowd, requester_name=crowd.username, action="Start")
        profiles.of(crowd)
        renaming = Renaming.objects.create(kind="user", old="x", new=crowd.username)
        pages = [
            *(reverse(f"admin:{name}_changelist") for name in _registered()),
            *(reverse(f"admin:{name}_add") for name in ("auth_user", "auth_group", "accounts_organization")),
            address("user", crowd),
            address("user", crowd, "rename"),
            address("group", group),
            address("group", group, "rename"),
            address("organization", organization),
            address("userprofile", crowd.profile),
            reverse("admin:ganeti_network_change", args=[network.pk]),
            reverse("admin:ganeti_network_add"),
            reverse("admin:ganeti_renaming_change", args=[renaming.pk]),
            reverse("admin:auditlog_auditentry_change", args=[entry.pk]),
            reverse("admin:auth_user_delete", args=[crowd.pk]),
            f"{reverse('admin:auth_user_changelist')}?groups__id__exact={group.pk}",
        ]
        for page in pages:
            with django_assert_max_num_queries(40):
                response = as_dora.get(page)
            assert response.status_code == 200, page
            assert len(response.content) < ENOUGH_BYTES, page
            assert response.content.count(b"crowd0") < 400, page

        self._the_picker_finds_a_page_of_them_as_one_types(as_dora)

    def _the_picker_finds_a_page_of_them_as_one_types(self, as_dora: Browser) -> None:
        field = {"app_label": "accounts", "model_name": "organization", "field_name": "users"}
        answer = as_dora.get("/admin/autocomplete/", {**field, "term": "crowd4999"}).json()
        assert [row["text"] for row in answer["results"]] == [f"crowd4999{digit}" for digit in range(10)]
        answer = as_dora.get("/admin/autocomplete/", {**field, "term": "crowd"}).json()
        assert (len(answer["results"]), answer["pagination"]["more"]) == (20, True)


def _registered() -> list[str]:
    from django.contrib import admin

    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


def test_the_packages_own_approval_is_not_offered_beside_ours() -> None:
    assert "registration_registrationprofile" not in _registered()
    assert "registration_supervisedregistrationprofile" not in _registered()


class TestUsers:
    def test_the_list_says_who_owns_how_many(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), estate.instance("db.example.org"))
        page = as_dora.get("/admin/auth/user/?q=alice").content.decode()
        assert '<td class="field-vms">2</td>' in page
        assert "alice@example.org" in page

    def test_the_page_shows_profile_organisations_and_keys(self, as_dora: Browser, people: Any) -> None:
        Organization.objects.create(title="Physics").users.add(people["alice"])
        SshPublicKey.objects.create(owner=people["alice"], key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:abc")
        page = as_dora.get(address("user", people["alice"])).content.decode()
        for word in ("Physics", "SHA256:abc", "signed out everywhere at", "telephone"):
            assert word.lower() in page.lower()
        assert "AAAA" not in page

    def test_a_key_is_taken_away_and_that_is_told(self, as_dora: Browser, people: Any) -> None:
        SshPublicKey.objects.create(owner=people["alice"], key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:abc")
        save(as_dora, address("user", people["alice"]), **{"ssh_keys-0-DELETE": "on"})
        assert not SshPublicKey.objects.exists()
        assert deeds() == [("Account changed", "alice", "SSH keys removed: SHA256:abc")]

    def test_a_page_that_is_saved_as_it_is_changes_and_tells_nothing(self, as_dora: Browser, people: Any) -> None:
        before = User.objects.filter(username="alice").values().get()
        response = save(as_dora, address("user", people["alice"]))
        assert "was changed successfully" in response.content.decode()
        assert User.objects.filter(username="alice").values().get() == before
        assert deeds() == []

    def test_what_is_changed_is_told(self, as_dora: Browser, people: Any) -> None:
        noc = Group.objects.get(name="noc")
        organization = Organization.objects.create(title="Physics")
        changes = {
            "is_active": None,
            "is_staff": "on",
            "first_name": "Alice",
            "groups": [noc.pk],
            "Organization_users-TOTAL_FORMS": "1",
            "Organization_users-0-organization": organization.pk,
            "Organization_users-0-user": people["alice"].pk,
            "profile-0-telephone": "2100000",
        }
        save(as_dora, address("user", people["alice"]), **changes)
        assert deeds() == [
            ("Account disabled", "alice", ""),
            ("Account rights changed", "alice", "is_staff: True"),
            ("Account changed", "alice", "first_name"),
            ("Group joined", "alice", "noc"),
            ("Account changed", "alice", "profile"),
            ("Organisation joined", "alice", "Physics"),
        ]
        assert AuditEntry.objects.filter(requester_name="dora").count() == 6
        assert list(organization.users.all()) == [people["alice"]]

    def test_leaving_a_group_is_told_too(self, as_dora: Browser, people: Any) -> None:
        save(as_dora, address("user", people["erik"]), groups=None)
        assert deeds() == [("Group left", "erik", "noc")]

    def test_the_name_is_no_field(self, as_dora: Browser, people: Any) -> None:
        save(as_dora, address("user", people["alice"]), username="alicia")
        assert User.objects.filter(username="alice").exists()

    def test_an_address_that_somebody_has_is_refused(self, as_dora: Browser, people: Any) -> None:
        response = save(as_dora, address("user", people["alice"]), email="BOB@example.org")
        assert "Somebody else has this address" in response.content.decode()

    def test_a_new_password_is_told_without_itself(self, as_dora: Browser, people: Any) -> None:
        url = reverse("admin:auth_user_password_change", args=[people["alice"].pk])
        password = "correct horse battery"
        as_dora.post(url, {"password1": password, "password2": password, "usable_password": "true"})
        assert deeds() == [("Password set by an administrator", "alice", "")]

    @pytest.mark.parametrize("before", ["", "%20", "+"])
    def test_however_its_address_is_written_a_new_password_is_told_to_its_owner_too(
        self, as_dora: Browser, people: Any, before: str
    ) -> None:
        url = f"/admin/auth/user/{before}{people['alice'].pk}/password/"
        password = "correct horse battery"
        as_dora.post(url, {"password1": password, "password2": "another", "usable_password": "true"})
        assert not OutgoingMail.objects.exists()
        as_dora.post(url, {"password1": password, "password2": password, "usable_password": "true"})
        assert User.objects.get(username="alice").check_password(password)
        assert deeds() == [("Password set by an administrator", "alice", "")]
        mail = OutgoingMail.objects.get()
        assert (mail.occasion, mail.user) == ("password_changed", people["alice"])
        assert reverse("password_reset") in mail.text

    def test_enable_disable_and_sign_out_for_several(self, as_dora: Browser, people: Any) -> None:
        assert "Done for 2 accounts." in act(as_dora, "user", "disable", people["alice"], people["bob"])
        assert not User.objects.filter(username__in=["alice", "bob"], is_active=True).exists()
        assert "Done for 1 account." in act(as_dora, "user", "enable", people["alice"])
        act(as_dora, "user", "sign_out_everywhere", people["charlie"])
        assert [(event, person) for event, person, _ in deeds()] == [
            ("Account disabled", "alice"),
            ("Account disabled", "bob"),
            ("Account enabled", "alice"),
            ("Signed out everywhere", "charlie"),
        ]

    def test_sign_out_everywhere_ends_the_sessions(self, as_dora: Browser, as_alice: Browser, people: Any) -> None:
        assert as_alice.get("/").status_code == 200
        act(as_dora, "user", "sign_out_everywhere", people["alice"], people["dora"])
        assert as_alice.get("/").status_code == 302
        assert as_dora.get("/admin/").status_code == 200, "who did it stays"

    def test_nobody_locks_themselves_out(self, as_dora: Browser, people: Any) -> None:
        assert "would lock yourself out" in act(as_dora, "user", "disable", people["dora"])
        assert User.objects.get(username="dora").is_active

    def test_nor_a_colleague_who_may_do_more(self, as_staff: Browser, people: Any) -> None:
        bob = people["bob"]  # looks at everything, which they may not
        assert as_staff.post(address("user", bob), {"first_name": "x"}).status_code == 403
        assert as_staff.get(reverse("admin:auth_user_password_change", args=[bob.pk])).status_code == 403
        assert "rights that you do not have" in act(as_staff, "user", "disable", bob)

    def test_who_waits_for_approval_is_not_enabled_past_it(self, as_dora: Browser, people: Any) -> None:
        from registration.models import RegistrationProfile

        newcomer = User.objects.create_user("newcomer", is_active=False)
        RegistrationProfile.objects.create(user=newcomer, activation_key="k" * 40, activated=True)
        assert "not approved yet" in act(as_dora, "user", "enable", newcomer)
        save(as_dora, address("user", newcomer), is_active="on")
        assert not User.objects.get(username="newcomer").is_active


class TestStaffWhoAreNoSuperusers:
    @pytest.mark.parametrize("who", ["alice", "bob", "carla"])
    def test_nobody_else_comes_in(self, sign_in: Any, people: Any, who: str) -> None:
        for what in ("change", "rename", "delete"):
            assert sign_in(who).post(address("user", people["alice"], what), {"name": "x"}).status_code == 302
        assert User.objects.filter(username="alice").exists()

    def test_they_give_nobody_rights(self, as_staff: Browser, people: Any) -> None:
        changes = {"is_superuser": "on", "is_staff": "on", "groups": [Group.objects.get(name="noc").pk]}
        save(as_staff, address("user", people["alice"]), first_name="Alice", **changes)
        alice = User.objects.get(username="alice")
        assert (alice.first_name, alice.is_staff, alice.is_superuser) == ("Alice", False, False)
        assert not alice.groups.exists()

    def test_they_touch_no_superuser(self, as_staff: Browser, people: Any) -> None:
        dora = people["dora"]
        assert as_staff.post(address("user", dora), {"first_name": "x"}).status_code == 403
        assert as_staff.get(reverse("admin:auth_user_password_change", args=[dora.pk])).status_code == 403
        assert as_staff.post(address("user", dora, "rename"), {"name": "x"}).status_code == 403
        assert as_staff.post(address("user", dora, "delete"), {"post": "yes"}).status_code == 403
        assert "rights that you do not have" in act(as_staff, "user", "disable", dora)
        assert User.objects.get(username="dora").is_active

    def test_nor_a_colleague_who_may_do_more(self, as_staff: Browser, people: Any) -> None:
        bob = people["bob"]  # looks at everything, which they may not
        assert as_staff.post(address("user", bob), {"first_name": "x"}).status_code == 403
        assert as_staff.get(reverse("admin:auth_user_password_change", args=[bob.pk])).status_code == 403
        assert "rights that you do not have" in act(as_staff, "user", "disable", bob)

    def test_nor_one_whose_account_is_disabled(self, as_staff: Browser, people: Any) -> None:
        User.objects.filter(username__in=["bob", "erik"]).update(is_active=False)
        Group.objects.get(name="noc").permissions.add(Permission.objects.get(codename="view_instances"))
        for name in ("bob", "erik"):
            assert as_staff.post(address("user", people[name]), {"first_name": "x"}).status_code == 403
            assert "rights that you do not have" in act(as_staff, "user", "enable", people[name])
        User.objects.filter(username="alice").update(is_active=False)
        assert "Done for 1 account." in act(as_staff, "user", "enable", people["alice"])

    def test_who_may_change_groups_joins_none_that_may_do_more(self, as_staff: Browser, people: Any) -> None:
        frank = User.objects.get(username="frank")
        frank.user_permissions.add(Permission.objects.get(codename="change_group"))
        noc, strong = Group.objects.get(name="noc"), Group.objects.create(name="strong")
        strong.permissions.add(Permission.objects.get(codename="view_instances"))
        page = save(as_staff, address("user", frank), groups=[noc.pk, strong.pk]).content.decode()
        assert "These groups give rights that you do not have: strong." in page
        assert as_staff.post(address("group", strong), {"join": [frank.pk]}).status_code == 403
        assert not frank.groups.exists()
        save(as_staff, address("user", frank), groups=[noc.pk])
        save(as_staff, address("group", noc), join=[people["alice"].pk])
        assert list(frank.groups.all()) == list(people["alice"].groups.all()) == [noc]


class TestNewNames:
    def new_user(self, browser: Browser, name: str, **more: Any) -> str:
        password = {"password1": "correct horse battery", "password2": "correct horse battery"}
        data = {"username": name, "usable_password": "true", **password, **more}
        return browser.post("/admin/auth/user/add/", data, follow=True).content.decode()

    def test_a_good_one_is_made_and_told(self, as_dora: Browser) -> None:
        self.new_user(as_dora, "frank", email="frank@example.org")
        assert User.objects.get(username="frank").profile
        assert deeds() == [("Account created", "frank", "")]

    @pytest.mark.parametrize(
        ("name", "words"),
        [("Δήμητρα", "cannot carry"), ("x" * 120, "at most 128 characters"), ("ALICE", "already")],
    )
    def test_what_ganeti_cannot_carry_and_what_is_taken_is_refused(
        self, as_dora: Browser, people: Any, name: str, words: str
    ) -> None:
        assert words in self.new_user(as_dora, name)
        assert not User.objects.filter(username=name).exists()

    def test_nobody_inherits_vms_unless_that_is_meant(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("user:frank",)))
        page = self.new_user(as_dora, "frank")
        assert "1 VM carries this name already" in page
        assert 'type="checkbox" name="takes_over"' in page
        assert not User.objects.filter(username="frank").exists()
        self.new_user(as_dora, "frank", takes_over="on")
        assert User.objects.filter(username="frank").exists()

    def test_the_same_for_groups(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("groups:ops",)))
        for name, words in (("ops", "carries this name already"), ("two words", "cannot carry"), ("NOC", "already")):
            assert words in as_dora.post("/admin/auth/group/add/", {"name": name}).content.decode()
        as_dora.post("/admin/auth/group/add/", {"name": "web", "join": [people["alice"].pk]})
        assert deeds() == [("Group created", "web", ""), ("Group joined", "alice", "web")]

    def test_a_stranger_cannot_register_a_name_that_vms_carry(self, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("user:frank",)))
        assert "has this user name already" in str(RegistrationForm({"username": "frank"}).errors["username"])
        assert "username" not in RegistrationForm({"username": "felix"}).errors

    def test_nor_any_where_nobody_can_say_which_vms_carry(self, people: Any, settings: Any) -> None:
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        assert "username" in RegistrationForm({"username": "felix"}).errors

    def test_nor_the_one_that_somebody_is_just_losing(self, people: Any) -> None:
        Renaming.objects.create(kind="user", old="frank", new="alice", holds=Renaming.hold_on("user", "frank"))
        assert "until just now" in usernames.why_kept("Frank")
        assert usernames.is_in_tags("Frank")
        assert not usernames.why_kept("felix")


class TestRenaming:
    @pytest.fixture
    def north(self, people: Any) -> None:
        both = ("users:alice", "user:alice")
        estate.put("north", estate.instance("web.example.org", owners=both), estate.instance("db.example.org"))

    def test_the_page_says_what_it_touches(self, as_dora: Browser, people: Any, north: None) -> None:
        estate.put("south", estate.instance("mx.example.org", "south"), head={"state": "unreachable"})
        page = as_dora.get(address("user", people["alice"], "rename")).content.decode()
        assert "3 VMs carry the name “alice”" in page
        assert "4 tags will be rewritten" in page
        assert "Does not answer now" in page

    def test_the_new_name_counts_at_once_and_the_tags_follow(self, as_dora: Browser, people: Any, north: None) -> None:
        response = as_dora.post(address("user", people["alice"], "rename"), {"name": "alicia"}, follow=True)
        assert "2 VMs have the old name still (of 2 at the beginning)" in response.content.decode()
        assert User.objects.get(pk=people["alice"].pk).username == "alicia"
        assert deeds() == [("User renamed", "alicia", "alice → alicia")]
        row = Renaming.objects.get()
        assert (row.old, row.new, row.asked_by_name, row.is_unfinished) == ("alice", "alicia", "dora", True)

    def test_a_group_as_well(self, as_dora: Browser, people: Any, north: None) -> None:
        noc = Group.objects.get(name="noc")
        as_dora.post(address("group", noc, "rename"), {"name": "ops"})
        assert Group.objects.get(pk=noc.pk).name == "ops"
        assert deeds() == [("Group renamed", "ops", "noc → ops")]

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("bob", "There is a user"),
            ("BOB", "There is a user"),
            ("alice", "the present name"),
            ("Ζωή", "cannot carry"),
            ("two words", "Enter a valid username"),
            ("", "required"),
            ("x" * 151, "at most 150"),
            ("frank", "VMs carry the name"),
        ],
    )
    def test_a_bad_name_is_refused_at_the_field(
        self, as_dora: Browser, people: Any, north: None, name: str, words: str
    ) -> None:
        estate.put("south", estate.instance("mx.example.org", "south", owners=("user:frank",)))
        page = as_dora.post(address("user", people["alice"], "rename"), {"name": name}).content.decode()
        assert words in page
        assert f'value="{name}"' in page or not name
        assert User.objects.get(pk=people["alice"].pk).username == "alice"
        assert not Renaming.objects.exists()

    def test_other_capital_letters_are_a_new_name(self, as_dora: Browser, people: Any, north: None) -> None:
        as_dora.post(address("user", people["alice"], "rename"), {"name": "Alice"})
        assert User.objects.get(pk=people["alice"].pk).username == "Alice"

    def test_a_hindrance_leaves_no_form(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"), head={"may_change": False})
        page = as_dora.get(address("user", people["alice"], "rename")).content.decode()
        assert "may only look there" in page
        assert 'name="name"' not in page
        as_dora.post(address("user", people["alice"], "rename"), {"name": "alicia"})
        assert not Renaming.objects.exists()

    def test_the_directorys_people_keep_their_names(self, as_dora: Browser, people: Any, settings: Any) -> None:
        settings.AUTH_LDAP_SERVER_URI = "ldap://127.0.0.1:1"
        people["alice"].set_unusable_password()
        people["alice"].save()
        assert "The directory gives" in as_dora.get(address("user", people["alice"], "rename")).content.decode()

    def test_what_went_wrong_is_shown_tried_again_and_given_up(
        self, as_dora: Browser, people: Any, north: None
    ) -> None:
        as_dora.post(address("user", people["alice"], "rename"), {"name": "alicia"})
        row = Renaming.objects.get()
        cluster = Cluster.objects.get()
        for _ in range(3):
            cluster.jobs.create(
                instance="web.example.org", kind="add-tags", state="failed", error="no room for tags", renaming=row
            )
        page = as_dora.get(reverse("admin:ganeti_renaming_change", args=[row.pk])).content.decode()
        assert "no room for tags" in page
        assert "Tried too often" in page
        assert "north: web.example.org" in page
        url = reverse("admin:ganeti_renaming_changelist")
        as_dora.post(url, {"action": "try_again", "_selected_action": [row.pk]})
        again = as_dora.get(reverse("admin:ganeti_renaming_change", args=[row.pk])).content.decode()
        assert "Tried too often" not in again
        asked = as_dora.post(url, {"action": "give_up", "_selected_action": [row.pk]})
        assert "have no owner then" in asked.content.decode()
        assert Renaming.objects.unfinished().exists(), "a question, so far"
        as_dora.post(url, {"action": "give_up", "_selected_action": [row.pk], "sure": "Give up"})
        row.refresh_from_db()
        assert row.left_over == ["north: db.example.org, web.example.org"]
        assert [event for event, _, _ in deeds()] == ["User renamed", "Renaming tried again", "Renaming given up"]


class TestDeleting:
    def test_whom_tags_name_is_not_deleted(self, as_dora: Browser, people: Any) -> None:
        estate.put(
            "north", estate.instance("web.example.org"), estate.instance("db.example.org", owners=("group:noc",))
        )
        for kind, owner in (("user", people["alice"]), ("group", Group.objects.get(name="noc"))):
            page = as_dora.post(address(kind, owner, "delete"), {"post": "yes"}).content.decode()
            assert "1 VM carries this name in its tags (north)" in page
            page = act(as_dora, kind, "delete_selected", owner, post="yes")
            assert "1 VM carries this name in its tags (north)" in page
            assert type(owner).objects.filter(pk=owner.pk).exists()

    def test_who_owns_nothing_is_and_that_is_told(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"))
        as_dora.post(address("user", people["charlie"], "delete"), {"post": "yes"})
        act(as_dora, "user", "delete_selected", people["carla"], post="yes")
        assert not User.objects.filter(username__in=["charlie", "carla"]).exists()
        assert deeds() == [("Account deleted", "charlie", ""), ("Account deleted", "carla", "")]

    def test_nobody_is_where_nobody_knows(self, as_dora: Browser, people: Any) -> None:
        Cluster.objects.create(slug="east", hostname="127.0.0.1", port=1)
        page = as_dora.post(address("user", people["charlie"], "delete"), {"post": "yes"}).content.decode()
        assert "nobody knows yet which VMs are on east" in page
        assert User.objects.filter(username="charlie").exists()

    def test_nor_while_the_tags_follow_a_new_name(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org"))
        as_dora.post(address("user", people["alice"], "rename"), {"name": "alicia"})
        page = as_dora.post(address("user", people["alice"], "delete"), {"post": "yes"}).content.decode()
        assert "still being rewritten" in page


class TestMembers:
    @pytest.mark.parametrize("kind", ["group", "organization"])
    def test_people_join_and_leave(self, as_dora: Browser, people: Any, kind: str) -> None:
        made = Group.objects.create(name="web") if kind == "group" else Organization.objects.create(title="web")
        name = "Group" if kind == "group" else "Organisation"
        save(as_dora, address(kind, made), join=[people["alice"].pk, people["bob"].pk])
        page = as_dora.get(address(kind, made)).content.decode()
        assert "2 people" in page
        assert ">alice</a>" in page
        save(as_dora, address(kind, made), join=[people["bob"].pk], leave=[people["alice"].pk])
        assert deeds() == [
            (f"{name} joined", "alice", "web"),
            (f"{name} joined", "bob", "web"),
            (f"{name} left", "alice", "web"),
        ]
        members = made.user_set if kind == "group" else made.users
        assert list(members.all()) == [people["bob"]]

    def test_who_is_no_member_cannot_leave(self, as_dora: Browser, people: Any) -> None:
        noc = Group.objects.get(name="noc")
        page = save(as_dora, address("group", noc), leave=[people["alice"].pk]).content.decode()
        assert "No member: alice." in page
        assert deeds() == []

    @pytest.mark.parametrize("field", ["join", "leave"])
    def test_a_number_that_no_database_holds_is_nobody(self, as_dora: Browser, people: Any, field: str) -> None:
        noc = Group.objects.get(name="noc")
        page = save(as_dora, address("group", noc), **{field: ["9" * 30]}).content.decode()
        assert "is not one of the available choices" in page
        assert deeds() == []

    def test_the_list_counts_members_and_vms(self, as_dora: Browser, people: Any) -> None:
        estate.put("north", estate.instance("web.example.org", owners=("group:noc",)))
        page = as_dora.get("/admin/auth/group/").content.decode()
        assert '<td class="field-number_of_members">1</td><td class="field-vms">1</td>' in page

    def test_a_silent_store_costs_the_count_and_not_the_list(
        self, as_dora: Browser, people: Any, settings: Any
    ) -> None:
        settings.SNAPSHOT_STORE = "redis://127.0.0.1:1/0"
        page = as_dora.get("/admin/auth/group/").content.decode()
        assert '<td class="field-vms">-</td>' in page

    def test_an_organisations_changes_are_told(self, as_dora: Browser) -> None:
        as_dora.post("/admin/accounts/organization/add/", {"title": "Physics", "tag": "physics"})
        made = Organization.objects.get()
        save(as_dora, address("organization", made), phone="2100000")
        as_dora.post(address("organization", made, "delete"), {"post": "yes"})
        assert [(event, detail) for event, _, detail in deeds()] == [
            ("Organisation created", "Physics"),
            ("Organisation changed", "Physics: phone"),
            ("Organisation deleted", "Physics"),
        ]

    def test_a_tag_that_ganeti_cannot_carry_is_refused(self, as_dora: Browser, settings: Any) -> None:
        settings.GANETI_TAG_PREFIX = "p" * 60
        answer = as_dora.post("/admin/accounts/organization/add/", {"title": "Physics", "tag": "x" * 70})
        assert "at most 128 characters" in answer.content.decode()
        answer = as_dora.post("/admin/accounts/organization/add/", {"title": "Physics", "tag": "a b"})
        assert "valid" in answer.content.decode()
        assert not Organization.objects.exists()


def test_without_a_room_that_knows_nobody_owns_anything(monkeypatch: Any, db: None) -> None:
    monkeypatch.setattr(ownership, "_keepers", [])
    assert ownership.holdings("user", "alice").vm_count == 0
    assert not ownership.is_owner_somewhere("user", "alice")


def test_organisations_are_found_in_order_on_every_page_of_the_picker(as_dora: Any) -> None:
    Organization.objects.bulk_create(Organization(title=f"Institute {number:02}") for number in reversed(range(30)))
    field = {"app_label": "accounts", "model_name": "userprofile", "field_name": "organization", "term": "Institute"}
    pages = [as_dora.get("/admin/autocomplete/", {**field, "page": page}).json() for page in (1, 2)]
    found = [result["text"] for page in pages for result in page["results"]]
    assert found == [f"Institute {number:02}" for number in range(30)]
