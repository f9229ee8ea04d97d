"""Whatever changes state is in the log: a table of everything that can, where a new one needs a row, and the deeds of
rooms that have no test of their own for it."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from accounts import deeds
from accounts.models import OutgoingMail
from apps.audit import events
from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, Network
from tests import estate
from tests.test_authorisation import MATRIX, NOT_SO

pytestmark = pytest.mark.django_db


class Nothing(str):
    """Why there is no entry."""


HOW_IT_LOOKS = Nothing("only how one sees the site oneself")
ELSEWHERE = Nothing("leads to another page")
MOVED = Nothing("only an older address of another page")

POWER = {"startup": events.START, "shutdown": events.SHUTDOWN, "reboot": events.REBOOT}
HOLDING = (events.LOCK, events.UNLOCK)
ISOLATING = (events.ISOLATE, events.DE_ISOLATE)
OWNING = (events.OWNERS_ADDED, events.OWNERS_REMOVED)

# URL name or pattern, as in tests/test_authorisation.py -> the events that a POST writes, or why it writes none
POSTS: dict[str, Nothing | tuple[str, ...]] = {
    "clearcache": Nothing("looks at the clusters sooner, and changes nothing"),
    "instance-detail": (events.SETTING,),
    "instance-settings": (events.SETTING,),
    "instance-bulk": Nothing("a proposal, which nobody has agreed to yet"),
    "instance-bulk-begin": (events.START, events.SHUTDOWN, events.REBOOT),
    "instance-bulk-cancel": (events.START, events.SHUTDOWN, events.REBOOT),  # whose entries end as canceled
    **{f"instance-{verb}": (event,) for verb, event in POWER.items()},
    **{f"instances/<slug:cluster_slug>/<str:instance>/{verb}": (event,) for verb, event in POWER.items()},
    "instance-danger": Nothing("asks which of the pages for it"),
    "instances/<slug:cluster_slug>/<str:instance>/danger": Nothing("asks which of the pages for it"),
    "instance-destroy": (events.DESTROY_ASKED,),
    "instances/<slug:cluster_slug>/<str:instance>/reinstalldestroy": (events.DESTROY_ASKED,),
    "instance-reinstall": (events.REINSTALL_ASKED,),
    "instances/<slug:cluster_slug>/<str:instance>/reinstall": (events.REINSTALL_ASKED,),
    "instance-rename": (events.RENAME_ASKED,),
    "instances/<slug:cluster_slug>/<str:instance>/rename": (events.RENAME_ASKED,),
    "reinstall-destroy-review": (
        *(events.DESTROY, events.REINSTALL, events.RENAME),
        *(events.DESTROY_UNAUTHORIZED, events.REINSTALL_UNAUTHORIZED, events.RENAME_UNAUTHORIZED),
    ),
    "instance-tags": OWNING,
    "instances/tags/<str:instance>": OWNING,
    "instances/tags": MOVED,
    "lock": HOLDING,
    "instances/lock/<str:instance>": HOLDING,
    "instances/lock": MOVED,
    "isolate": ISOLATING,
    "instances/isolate/<str:instance>": ISOLATING,
    "instances/isolate": MOVED,
    "instance-let-in": (events.WHITELIST_ADD, events.WHITELIST_REMOVE),
    "instance-novnc-proxy": (events.CONSOLE_OPENED, events.CONSOLE_CLOSED),
    "instances/<slug:cluster_slug>/<str:instance>/novnc-proxy": (events.CONSOLE_OPENED, events.CONSOLE_CLOSED),
    "login": (deeds.SIGN_IN, deeds.SIGN_IN_FAILED, deeds.SIGN_IN_LOCKED),
    "logout": Nothing("ends one's own session in this browser and nothing else"),
    "session-extend": Nothing("one's own session goes on"),
    "password_reset": (deeds.PASSWORD_RESET_ASKED,),
    "password_reset_confirm": (deeds.PASSWORD_RESET,),
    "auth_password_reset_confirm": (deeds.PASSWORD_RESET,),
    "auth_login": ELSEWHERE,
    "auth_logout": ELSEWHERE,
    "auth_password_change": ELSEWHERE,
    "admin-sign-in": ELSEWHERE,
    "admin-pass-change": ELSEWHERE,
    "pass_change": (deeds.PASSWORD_CHANGED,),
    "pass_change_notify": (deeds.SESSIONS_ENDED,),
    "name-change": (deeds.NAME_CHANGED,),
    "other-change": (deeds.CONTACT_CHANGED,),
    "preferences": HOW_IT_LOOKS,
    "mail-change": (deeds.EMAIL_CHANGE_ASKED,),
    "mail-change-cancel": (deeds.EMAIL_CHANGE_CANCELLED,),
    "mail-change-confirm": (deeds.EMAIL_CHANGED,),
    "user-keys": (deeds.SSH_KEY_ADDED,),
    "delete-key": (deeds.SSH_KEY_REMOVED,),
    "idle_accounts": (deeds.IDLE_NOTICE,),
    "second-factor-on": (deeds.SECOND_FACTOR_ON,),
    "second-factor-off": (deeds.SECOND_FACTOR_OFF,),
    "second-factor-codes": (deeds.RECOVERY_CODES_NEW,),
    "second-factor-code": (
        *(deeds.SIGN_IN, deeds.SIGN_IN_FAILED, deeds.SECOND_FACTOR_LOCKED, deeds.RECOVERY_CODE_USED),
    ),
    "registration_register": (deeds.REGISTERED,),
    "registration_resend_activation": Nothing("only the same mail once more"),
    "registration_activate": (deeds.ADDRESS_PROVEN,),
    "registration_admin_approve": (deeds.REGISTRATION_APPROVED, deeds.REGISTRATION_REFUSED),
    "apply": (events.APPLICATION_FILED,),
    "application-draft": Nothing("what somebody types and has not sent"),
    "application-save": (events.APPLICATION_FILED, events.APPLICATION_APPROVED),
    "application-withdraw": (events.APPLICATION_WITHDRAWN,),
    "application-answer": (events.APPLICATION_ANSWERED,),
    "application-again": (events.APPLICATION_FILED,),
    "application-review": (
        *(events.APPLICATION_APPROVED, events.APPLICATION_REFUSED, events.APPLICATION_ASKED),
        *(events.APPLICATION_DISCARDED, events.APPLICATION_CHANGED, events.DRY_RUN, events.CREATE),
    ),
    "notify": (events.NOTIFIED,),
    "job-cancel": (events.JOB_CANCELED,),
    "oauth2_provider:authorize": (events.ACCESS_GIVEN,),
    "oauth2_provider:token": Nothing("what the program gets was given before, on the page that asked"),
    "oauth2_provider:revoke-token": (events.ACCESS_TAKEN,),
    "oauth2_provider:revoke_token": (events.ACCESS_TAKEN,),
    "oauth2_provider:authorized-token-delete": (events.ACCESS_TAKEN,),
    "oauth2_provider:register": (events.PROGRAM_ADDED,),
    "oauth2_provider:update": (events.PROGRAM_CHANGED,),
    "oauth2_provider:secret": (events.PROGRAM_SECRET,),
    "oauth2_provider:delete": (events.PROGRAM_REMOVED,),
    "theme": HOW_IT_LOOKS,
    "setlang": HOW_IT_LOOKS,
}

LOOKED_AT = Nothing("nobody can change it there")
# Model of the admin -> the events that changing it writes, or why it writes none
ADMIN: dict[str, Nothing | tuple[str, ...]] = {
    "auth.User": (
        *(deeds.ACCOUNT_MADE, deeds.ACCOUNT_CHANGED, deeds.ACCOUNT_RIGHTS, deeds.ACCOUNT_ENABLED),
        *(deeds.ACCOUNT_DISABLED, deeds.ACCOUNT_DELETED, deeds.ACCOUNT_PASSWORD, deeds.ACCOUNT_SIGNED_OUT),
        *(deeds.USER_RENAMED, deeds.SECOND_FACTOR_RESET),
    ),
    "auth.Group": (
        *(deeds.GROUP_MADE, deeds.GROUP_CHANGED, deeds.GROUP_DELETED, deeds.GROUP_RENAMED),
        *(deeds.GROUP_JOINED, deeds.GROUP_LEFT),
    ),
    "accounts.Organization": (
        *(deeds.ORGANIZATION_MADE, deeds.ORGANIZATION_CHANGED, deeds.ORGANIZATION_DELETED),
        *(deeds.ORGANIZATION_JOINED, deeds.ORGANIZATION_LEFT),
    ),
    "accounts.UserProfile": (deeds.ACCOUNT_CHANGED,),
    "accounts.OutgoingMail": (deeds.MAIL_RETRIED,),
    "axes.AccessAttempt": (deeds.SIGN_IN_UNLOCKED,),
    "axes.AccessLog": Nothing("from where accounts have signed in: our own log has it, too"),
    "axes.AccessFailureLog": Nothing("empty here, and our own log has it"),
    "apply.InstanceApplication": (events.APPLICATION_CHANGED, events.APPLICATION_DELETED),
    "apply.ImageListing": Nothing("reads a listing again, and changes nothing"),
    "auditlog.AuditEntry": LOOKED_AT,
    "ganeti.Cluster": (
        *(events.CLUSTER_ADDED, events.CLUSTER_CHANGED, events.CLUSTER_ENABLED, events.CLUSTER_DISABLED),
        events.CLUSTER_REMOVED,
    ),
    "ganeti.Network": (events.NETWORK_ADDED, events.NETWORK_CHANGED, events.NETWORK_REMOVED),
    "ganeti.Renaming": (events.RENAMING_RETRIED, events.RENAMING_GIVEN_UP),
    "flatpages.FlatPage": (deeds.TEXT_ADDED, deeds.TEXT_CHANGED, deeds.TEXT_DELETED),
    "sites.Site": (deeds.SITE_CHANGED,),
}

# Command of ours -> the events that it writes, or why it writes none
COMMANDS: dict[str, Nothing | tuple[str, ...]] = {
    "cluster": (events.CLUSTER_ADDED, events.CLUSTER_REMOVED),
    "refresh_cluster_instances": Nothing("looks at the clusters, and changes nothing"),
    "idle_accounts": (deeds.IDLE_NOTICE,),
    "cleanupregistration": (deeds.REGISTRATION_EXPIRED,),
    "idle_policy": (events.IDLE_WARNED, events.IDLE_CONDEMNED, events.SHUTDOWN, events.DESTROY),
    "adopt": (events.ADOPTED,),
    "adopt-settings": Nothing("prints settings, and changes nothing"),
    "back_up": Nothing("reads the database, and changes nothing"),
    "restore": Nothing("the log is part of what comes back: whatever was written now would go with it"),
    "compare_settings": Nothing("reads two files, and changes nothing"),
    "simulate": Nothing("the demo's own"),
    "demo": Nothing("the demo's own"),
    "draw_graphs": Nothing("the demo's own"),
}


class TestTheTables:
    def test_every_address_that_takes_a_post_has_a_row(self) -> None:
        assert set(POSTS) == {name for name, (_, _, answers) in MATRIX.items() if NOT_SO not in answers.values()}

    def test_every_model_of_the_admin_has_a_row(self) -> None:
        assert set(ADMIN) == {model._meta.label for model in admin.site._registry}

    def test_every_command_of_ours_has_a_row(self) -> None:
        ours = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent in _rooms()]
        found = {file.stem for path in ours for file in path.glob("management/commands/[!_]*.py")}
        assert set(COMMANDS) == found

    def test_rows_name_events_that_people_can_read(self) -> None:
        for table in (POSTS, ADMIN, COMMANDS):
            named = [event for row in table.values() if not isinstance(row, Nothing) for event in row]
            assert set(named) <= set(events.WORDS)


def _rooms() -> set[Path]:
    return {Path(settings.BASE_DIR), Path(settings.BASE_DIR) / "apps"}


def told() -> list[tuple[str, str, str, str, str]]:
    rows = AuditEntry.objects.order_by("pk")
    return list(rows.values_list("requester_name", "action", "cluster", "detail", "outcome"))


class TestClusters:
    @pytest.fixture
    def north(self, people: Any) -> Cluster:
        return estate.put("north", estate.instance("web.example.org"))

    def _form(self, cluster: Cluster, **changes: Any) -> dict[str, Any]:
        names = ("hostname", "port", "slug", "description", "username", "verification", "ca_file", "fingerprint")
        ticks = ("use_gnt_network", "fast_create", "disable_instance_creation", "disabled")
        ticked = {name: "on" for name in ticks if getattr(cluster, name)}
        return {**{name: getattr(cluster, name) for name in names}, **ticked, "new_password": "", **changes}

    def test_another_address_and_another_password(self, as_dora: Browser, north: Cluster) -> None:
        data = self._form(north, port=2, new_password="very secret")
        response = as_dora.post(reverse("admin:ganeti_cluster_change", args=[north.pk]), data)
        assert response.status_code == 302
        ((who, event, slug, detail, outcome),) = told()
        assert (who, event, slug, outcome) == ("dora", events.CLUSTER_CHANGED, "north", "succeeded")
        assert "port: 1 → 2" in detail
        assert "password" in detail
        assert "secret" not in detail

    def test_disabled_and_enabled(self, as_dora: Browser, north: Cluster) -> None:
        where = reverse("admin:ganeti_cluster_changelist")
        for action in ("disable", "disable", "enable"):
            as_dora.post(where, {"action": action, "_selected_action": [north.pk]})
        assert [row[1] for row in told()] == [events.CLUSTER_DISABLED, events.CLUSTER_ENABLED]

    def test_disabled_in_the_form(self, as_dora: Browser, north: Cluster) -> None:
        as_dora.post(reverse("admin:ganeti_cluster_change", args=[north.pk]), self._form(north, disabled="on"))
        assert [row[1] for row in told()] == [events.CLUSTER_DISABLED]

    def test_deleted(self, as_dora: Browser, north: Cluster) -> None:
        as_dora.post(reverse("admin:ganeti_cluster_delete", args=[north.pk]), {"post": "yes"})
        assert [row[1:3] for row in told()] == [(events.CLUSTER_REMOVED, "north")]

    def test_added_and_removed_by_command(self, people: Any, tmp_path: Path) -> None:
        password = tmp_path / "password"
        password.write_text("very secret\n")
        more = ["--port", "1", "--username", "u", "--password-file", str(password), "--insecure"]
        call_command("cluster", "add", "east", "--host", "127.0.0.1", *more)
        call_command("cluster", "remove", "east")
        assert [row[1:3] for row in told()] == [(events.CLUSTER_ADDED, "east"), (events.CLUSTER_REMOVED, "east")]
        assert "secret" not in str(told())

    def test_networks(self, as_dora: Browser, north: Cluster) -> None:
        network = Network.objects.create(description="Public", cluster=north, link="br0", mode="bridged")
        as_dora.post(reverse("admin:ganeti_network_delete", args=[network.pk]), {"post": "yes"})
        assert told() == [("dora", events.NETWORK_REMOVED, "north", "Public", "succeeded")]


class TestTheSite:
    def test_texts(self, as_dora: Browser) -> None:
        site = Site.objects.get_current()
        text = {"url": "/about/info/en/", "title": "About", "content": "Hello", "sites": [site.pk]}
        as_dora.post(reverse("admin:flatpages_flatpage_add"), text)
        page = FlatPage.objects.get()
        as_dora.post(reverse("admin:flatpages_flatpage_change", args=[page.pk]), {**text, "title": "About us"})
        as_dora.post(reverse("admin:flatpages_flatpage_delete", args=[page.pk]), {"post": "yes"})
        assert [row[1] for row in told()] == [deeds.TEXT_ADDED, deeds.TEXT_CHANGED, deeds.TEXT_DELETED]
        assert "title" in told()[1][3]

    def test_its_address(self, as_dora: Browser) -> None:
        site = Site.objects.get_current()
        where = reverse("admin:sites_site_change", args=[site.pk])
        as_dora.post(where, {"domain": "vps.example.org", "name": site.name})
        assert [row[1] for row in told()] == [deeds.SITE_CHANGED]

    def test_mail_that_is_tried_again(self, as_dora: Browser) -> None:
        mail = OutgoingMail.objects.create(
            recipient="alice@example.org", subject="s", text="t", state=OutgoingMail.State.FAILED
        )
        where = reverse("admin:accounts_outgoingmail_changelist")
        as_dora.post(where, {"action": "try_again", "_selected_action": [mail.pk]})
        assert told() == [("dora", deeds.MAIL_RETRIED, "", "mails: 1", "succeeded")]
