"""Every address, visited as nobody and as each of the six people, by GET and by POST; a new one needs a row."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from apps.applications.models import InstanceApplication
from apps.clusters.models import Batch, Job
from apps.notifications.models import Notification
from tests import estate

pytestmark = pytest.mark.django_db

NOBODY = "nobody"
EVERYBODY = [NOBODY, "alice", "bob", "carla", "charlie", "dora", "erik"]
SIGNED_IN = EVERYBODY[1:]

# What answers mean here: 200 page, 302 elsewhere (for nobody: the sign-in), 403 may not, 404 not for you, 405 not so,
# 503 not ready.
PAGE, AWAY, DENIED, NOTHING, NOT_SO, NOT_READY = 200, 302, 403, 404, 405, 503


def all_alike(status: int) -> dict[str, int]:
    return dict.fromkeys(EVERYBODY, status)


def signed_in(status: int) -> dict[str, int]:
    return {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, status)}


# An instance of Alice's: she and the superuser may touch, the helpdesk may look, to others it does not exist.
LOOK = {NOBODY: AWAY, "alice": PAGE, "bob": PAGE, "carla": PAGE, "charlie": NOTHING, "dora": PAGE, "erik": NOTHING}
TOUCH = {NOBODY: AWAY, "alice": AWAY, "bob": DENIED, "carla": DENIED, "charlie": NOTHING, "dora": AWAY, "erik": NOTHING}
# Graphs are for the owner and the superuser; the helpdesk needs a permission of its own.
GRAPHS = {**LOOK, "bob": DENIED, "carla": DENIED}
# The same where a page of it is for those alone who may touch; a form that lacks something comes back.
LOOK_AND_TOUCH = {who: PAGE if answer == AWAY and who != NOBODY else answer for who, answer in TOUCH.items()}
TOUCH_PAGE = TOUCH | {"alice": PAGE, "dora": PAGE}
# With the permissions to lock and to isolate; the owner is let in where it is about the network that reaches it.
HOLD = {NOBODY: AWAY, "alice": DENIED, "bob": DENIED, "carla": PAGE, "charlie": NOTHING, "dora": PAGE, "erik": NOTHING}
HELD = {who: AWAY if answer == PAGE else answer for who, answer in HOLD.items()}
# For those who see everything.
HURRY = {NOBODY: AWAY, "alice": DENIED, "bob": AWAY, "carla": AWAY, "charlie": DENIED, "dora": AWAY, "erik": DENIED}
DESK = {NOBODY: AWAY, "alice": DENIED, "bob": PAGE, "carla": PAGE, "charlie": DENIED, "dora": PAGE, "erik": DENIED}
DESK_NOT_SO = {who: NOT_SO if answer == PAGE else answer for who, answer in DESK.items()}
# For those who decide about registrations.
DECIDE = {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": PAGE}

# An application of Alice's, which waits: those who decide may see it, only she may answer or withdraw.
APPLICANT = {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, NOTHING), "alice": AWAY, "dora": DENIED}
REVIEW = {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, NOTHING), "alice": DENIED, "dora": PAGE}
KEPT = 204  # a draft
# A bulk action of Alice's, which has begun.
BATCH = {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, NOTHING)}

INSTANCE = "/instances/north/web.example.org/"
COOKIE = "0123456789abcdef"

# Its ticket: 409 where the instance, as here, has no screen.
NO_SCREEN = 409
TICKET = {who: NO_SCREEN if answer == AWAY and who != NOBODY else answer for who, answer in TOUCH.items()}

# A program of Alice's, which she has let in herself; superusers see all. Once she has removed it, it is not there.
PROGRAM = {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, NOTHING), "alice": PAGE, "dora": PAGE}
ASKS = "client_id=program&response_type=code&redirect_uri=https://app.example.org/"
NO_TOKEN, NO_FLOW = 401, 400

# URL name or pattern -> (address, answers to GET, answers to POST)
MATRIX: dict[str, tuple[str, dict[str, int], dict[str, int]]] = {
    "healthz": ("/healthz", all_alike(PAGE), all_alike(NOT_SO)),
    "readyz": ("/readyz", all_alike(NOT_READY), all_alike(NOT_SO)),  # no watcher runs here
    "metrics": ("/metrics", all_alike(PAGE), all_alike(NOT_SO)),  # from this machine: tests/operation/test_metrics.py
    "clearcache": ("/clearcache/", signed_in(NOT_SO), HURRY),
    "user-instances": ("/", signed_in(PAGE), signed_in(NOT_SO)),
    "instance-detail": (INSTANCE, LOOK, TOUCH),  # POST: the settings, as in ganetimgr 2.x
    "instance-settings": (f"{INSTANCE}settings/", LOOK, TOUCH),
    "instance-bulk": ("/instances/bulk/", signed_in(NOT_SO), signed_in(AWAY)),  # nothing was chosen
    "instance-bulk-detail": ("/instances/bulk/1/", BATCH | {"alice": PAGE, "dora": PAGE}, signed_in(NOT_SO)),
    "instance-bulk-begin": ("/instances/bulk/1/begin/", signed_in(NOT_SO), BATCH | {"alice": AWAY, "dora": DENIED}),
    "instance-bulk-cancel": ("/instances/bulk/1/cancel/", signed_in(NOT_SO), BATCH | {"alice": AWAY, "dora": AWAY}),
    "instance-startup": (f"{INSTANCE}startup/", signed_in(NOT_SO), TOUCH),
    "instance-shutdown": (f"{INSTANCE}shutdown/", signed_in(NOT_SO), TOUCH),
    "instance-reboot": (f"{INSTANCE}reboot/", signed_in(NOT_SO), TOUCH),
    "instances/<slug:cluster_slug>/<str:instance>/startup": (f"{INSTANCE}startup", signed_in(NOT_SO), TOUCH),
    "instances/<slug:cluster_slug>/<str:instance>/shutdown": (f"{INSTANCE}shutdown", signed_in(NOT_SO), TOUCH),
    "instances/<slug:cluster_slug>/<str:instance>/reboot": (f"{INSTANCE}reboot", signed_in(NOT_SO), TOUCH),
    "instance-graphs": (f"{INSTANCE}graphs/", GRAPHS, signed_in(NOT_SO)),
    "graph": ("/graph/north/web.example.org/cpu-ts/-1d,-20s/eth0", GRAPHS, signed_in(NOT_SO)),
    "cluster-get-nodes-graphs": ("/graph/all/", DECIDE, signed_in(NOT_SO)),
    **{
        name: (f"{INSTANCE}{path}", LOOK_AND_TOUCH, answers)
        for path, known_as, answers in (
            ("danger", "instance-danger", TOUCH),
            ("reinstalldestroy", "instance-destroy", LOOK_AND_TOUCH),
            ("reinstall", "instance-reinstall", LOOK_AND_TOUCH),
            ("rename", "instance-rename", LOOK_AND_TOUCH),
        )
        for name, path in ((known_as, f"{path}/"), (f"instances/<slug:cluster_slug>/<str:instance>/{path}", path))
    },
    "reinstall-destroy-review": ("/cluster/instance/destreinst/0123abcd/2/", signed_in(NOTHING), signed_in(NOTHING)),
    "instance-tags": ("/instances/tags/web.example.org/", TOUCH_PAGE, TOUCH),
    "instances/tags/<str:instance>": ("/instances/tags/web.example.org?cluster=north", TOUCH_PAGE, TOUCH),
    "instances/tags": ("/instances/tags", signed_in(NOTHING), signed_in(NOTHING)),
    "lock": ("/instances/lock/web.example.org/", HOLD, HELD),
    "instances/lock/<str:instance>": ("/instances/lock/web.example.org", HOLD, HELD),
    "instances/lock": ("/instances/lock", signed_in(NOTHING), signed_in(NOTHING)),
    "isolate": ("/instances/isolate/web.example.org/", HOLD, HELD),
    "instances/isolate/<str:instance>": ("/instances/isolate/web.example.org", HOLD, HELD),
    "instances/isolate": ("/instances/isolate", signed_in(NOTHING), signed_in(NOTHING)),
    "tagusergroups": ("/tagusergrps/?q=alice", signed_in(PAGE), signed_in(NOT_SO)),
    "tagusergrps": ("/tagusergrps?q=alice", signed_in(PAGE), signed_in(NOT_SO)),
    "instance-access": (f"{INSTANCE}access/", HOLD | {"alice": PAGE}, signed_in(NOT_SO)),
    "instance-let-in": (f"{INSTANCE}subnet/", HOLD | {"alice": PAGE}, HELD | {"alice": AWAY}),
    "instance-history": (f"{INSTANCE}history/", LOOK, signed_in(NOT_SO)),
    "instance-popup": ("/cluster/popup/?cluster=north&instance=web.example.org", DESK, signed_in(NOT_SO)),
    "instance-novnc": (
        f"{INSTANCE}novnc/",
        {who: PAGE if answer == NO_SCREEN else answer for who, answer in TICKET.items()},
        signed_in(NOT_SO),
    ),
    "instance-novnc-proxy": (f"{INSTANCE}novnc-proxy/", signed_in(NOT_SO), TICKET),
    "instances/<slug:cluster_slug>/<str:instance>/novnc-proxy": (f"{INSTANCE}novnc-proxy", signed_in(NOT_SO), TICKET),
    "clusterdetails": ("/cluster/detail/", DESK, signed_in(NOT_SO)),
    "jobs": ("/jobs/", DESK, signed_in(NOT_SO)),
    "jobs_json": ("/jobs/json/", DESK, signed_in(NOT_SO)),
    "job-detail": ("/jobs/north/7/", DESK, signed_in(NOT_SO)),
    "job-cancel": (
        "/jobs/north/7/cancel/",
        signed_in(NOT_SO),
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": AWAY},
    ),
    "jobdets-popup": ("/cluster/jobdetails/?cluster=north&jobid=7", HURRY, signed_in(NOT_SO)),
    "cluster/jobdetails": ("/cluster/jobdetails?cluster=north&jobid=7", HURRY, signed_in(NOT_SO)),
    "cluster-nodes": ("/cluster/nodes/", DESK, signed_in(NOT_SO)),
    "cluster-node": ("/cluster/nodes/north/node1.example.org/", DESK, signed_in(NOT_SO)),
    "auditlog": ("/history/", signed_in(PAGE), signed_in(NOT_SO)),
    "auditlog-csv": ("/history/export.csv", signed_in(PAGE), signed_in(NOT_SO)),
    "auditlog-json": ("/history/export.json", signed_in(PAGE), signed_in(NOT_SO)),
    "login": (
        "/user/login/",
        {NOBODY: PAGE, **dict.fromkeys(SIGNED_IN, AWAY)},
        {NOBODY: PAGE, **dict.fromkeys(SIGNED_IN, AWAY)},
    ),
    "logout": ("/user/logout/", all_alike(NOT_SO), all_alike(AWAY)),
    "session": ("/user/session/", all_alike(PAGE), all_alike(NOT_SO)),
    "session-extend": ("/user/session/extend/", all_alike(NOT_SO), all_alike(AWAY)),
    "password_reset": ("/accounts/password/reset/", all_alike(PAGE), all_alike(PAGE)),
    "password_reset_done": ("/accounts/password_reset/done/", all_alike(PAGE), all_alike(NOT_SO)),
    "password_reset_confirm": ("/accounts/reset/MQ/a-b/", all_alike(PAGE), all_alike(PAGE)),
    "password_reset_complete": ("/accounts/reset/done/", all_alike(PAGE), all_alike(NOT_SO)),
    "auth_password_reset_confirm": ("/accounts/password/reset/confirm/MQ/a-b/", all_alike(PAGE), all_alike(PAGE)),
    "auth_login": ("/accounts/login/", all_alike(AWAY), all_alike(AWAY)),
    "auth_logout": ("/accounts/logout/", all_alike(AWAY), all_alike(AWAY)),
    "auth_password_change": ("/accounts/password/change/", all_alike(AWAY), all_alike(AWAY)),
    "admin-sign-in": (
        "/admin/login/",
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": AWAY},
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": AWAY},
    ),
    "admin-pass-change": ("/admin/password_change/", all_alike(AWAY), all_alike(AWAY)),
    "pass_change": ("/user/pass_change/", signed_in(PAGE), signed_in(PAGE)),
    "pass_change_done": ("/user/pass_change/done/", signed_in(PAGE), signed_in(NOT_SO)),
    "pass_change_notify": ("/user/pass_change/notify/", signed_in(NOT_SO), signed_in(AWAY)),
    "profile": ("/user/profile/", signed_in(PAGE), signed_in(NOT_SO)),
    "name-change": ("/user/name_change/", signed_in(AWAY), signed_in(PAGE)),
    "other-change": ("/user/other_change/", signed_in(AWAY), signed_in(AWAY)),
    "preferences": ("/user/preferences/", signed_in(AWAY), signed_in(AWAY)),
    "mail-change": ("/user/mail_change/", signed_in(AWAY), signed_in(PAGE)),
    "mail-change-cancel": ("/user/mail_change/cancel/", signed_in(NOT_SO), signed_in(AWAY)),
    "mail-change-confirm": ("/user/mail_change/confirm/unknown/", signed_in(NOTHING), signed_in(NOTHING)),
    "user-keys": ("/user/keys/", signed_in(AWAY), signed_in(PAGE)),
    "delete-key": ("/user/keys/delete/1", signed_in(NOT_SO), signed_in(NOTHING)),
    "search": ("/search/?q=web", signed_in(PAGE), signed_in(NOT_SO)),
    "desk": ("/desk/", DESK, DESK_NOT_SO),
    "desk-strip": ("/desk/strip/", DESK, DESK_NOT_SO),
    "user-list": ("/user/list/", DESK, DESK_NOT_SO),
    "group-list": ("/user/groups/", DESK, DESK_NOT_SO),
    "user-info": ("/user/info/user/alice/", DESK, DESK_NOT_SO),
    "group-info": ("/user/info/group/noc/", DESK, DESK_NOT_SO),
    "idle_accounts": (
        "/user/idle/",
        DESK,
        {who: {PAGE: DENIED}.get(answer, answer) for who, answer in DESK.items()} | {"dora": AWAY},
    ),
    "second-factor": ("/user/second_factor/", signed_in(PAGE), signed_in(NOT_SO)),
    "second-factor-on": ("/user/second_factor/on/", signed_in(PAGE), signed_in(PAGE)),
    # without a second factor there is nothing to switch off or to renew
    "second-factor-off": ("/user/second_factor/off/", signed_in(AWAY), signed_in(AWAY)),
    "second-factor-codes": ("/user/second_factor/codes/", signed_in(AWAY), signed_in(AWAY)),
    "second-factor-code": ("/user/second_factor/code/", all_alike(AWAY), all_alike(AWAY)),
    "registration_register": ("/accounts/register/", all_alike(PAGE), all_alike(PAGE)),
    "registration_complete": ("/accounts/register/complete/", all_alike(PAGE), all_alike(NOT_SO)),
    "registration_disallowed": ("/accounts/register/closed/", all_alike(PAGE), all_alike(NOT_SO)),
    "registration_activation_complete": ("/accounts/activate/complete/", all_alike(PAGE), all_alike(NOT_SO)),
    "registration_resend_activation": ("/accounts/activate/resend/", all_alike(PAGE), all_alike(PAGE)),
    "registration_activate": ("/accounts/activate/0123456789abcdef/", all_alike(PAGE), all_alike(PAGE)),
    "registration_approve_complete": ("/accounts/approve/complete/", DECIDE, signed_in(NOT_SO)),
    "registration_admin_approve": ("/accounts/approve/1/", DECIDE, DECIDE),
    "registration-waiting": ("/accounts/waiting/", DECIDE, signed_in(NOT_SO)),
    "apply": ("/application/apply/", signed_in(PAGE), signed_in(PAGE)),
    "application-draft": ("/application/draft/", signed_in(NOT_SO), signed_in(KEPT)),
    "application-hostname": ("/application/hostname/", signed_in(PAGE), signed_in(NOT_SO)),
    "application-mine": ("/application/mine/", signed_in(PAGE), signed_in(NOT_SO)),
    "application-list": ("/application/list/", DECIDE, signed_in(NOT_SO)),
    "application-save": ("/application/save/", DECIDE, DECIDE),
    "application-detail": ("/application/1/", REVIEW | {"alice": PAGE}, signed_in(NOT_SO)),
    "application-withdraw": ("/application/1/withdraw/", signed_in(NOT_SO), APPLICANT),
    "application-answer": ("/application/1/answer/", signed_in(NOT_SO), APPLICANT | {"alice": PAGE}),
    "application-again": ("/application/1/again/", APPLICANT, APPLICANT),
    "application-review": ("/application/1/review/", REVIEW, REVIEW),
    "instance-ssh-keys": (f"/application/1/{COOKIE}/ssh_keys", all_alike(PAGE), all_alike(NOT_SO)),
    "operating_systems_json": ("/operating_systems/", signed_in(PAGE), signed_in(NOT_SO)),
    "news": ("/news/", all_alike(PAGE), all_alike(NOT_SO)),
    "faq": ("/about/faq/", all_alike(NOTHING), all_alike(NOT_SO)),  # nobody has written any of these texts here
    "about": ("/about/info/", all_alike(NOTHING), all_alike(NOT_SO)),
    "about-text": ("/about/info/en/", all_alike(NOTHING), all_alike(NOT_SO)),
    "notify": ("/notifications/", DESK, DESK),
    "usergroups": ("/notifications/usergrps/?q=web&type=vm", DESK, DESK_NOT_SO),
    "notification-details": (
        "/notifications/archive/1/",
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": PAGE},
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, DENIED), "dora": NOT_SO},
    ),
    "stats": ("/stats/", signed_in(PAGE), signed_in(NOT_SO)),
    "stats_ajax_apps": ("/stats/applications/", signed_in(PAGE), signed_in(NOT_SO)),
    "stats_ajax_instances": ("/stats/instances/", signed_in(PAGE), signed_in(NOT_SO)),
    "stats_ajax_vms_pc": ("/stats/vms_cluster/north/", signed_in(PAGE), signed_in(NOT_SO)),
    # A token counts there, and no session; a site without OAuth2 has none of these (tests/api/test_data.py).
    "instances-list": ("/instances/list/", all_alike(NO_TOKEN), all_alike(NOT_SO)),
    "instances/list": ("/instances/list", all_alike(NO_TOKEN), all_alike(NOT_SO)),
    "user-details-json": ("/user/details/", all_alike(NO_TOKEN), all_alike(NOT_SO)),
    "user/details": ("/user/details", all_alike(NO_TOKEN), all_alike(NOT_SO)),
    "oauth-server-metadata": ("/.well-known/oauth-authorization-server", all_alike(PAGE), all_alike(NOT_SO)),
    "oauth2_provider:authorize": (f"/o/authorize/?{ASKS}", signed_in(PAGE), signed_in(AWAY)),
    "oauth2_provider:token": ("/o/token/", all_alike(NOT_SO), all_alike(NO_FLOW)),
    "oauth2_provider:revoke-token": ("/o/revoke_token/", all_alike(NOT_SO), all_alike(NO_FLOW)),
    "oauth2_provider:revoke_token": ("/o/revoke_token", all_alike(NOT_SO), all_alike(NO_FLOW)),
    "oauth2_provider:list": ("/o/applications/", signed_in(PAGE), signed_in(NOT_SO)),
    "oauth2_provider:register": ("/o/applications/register/", DECIDE, DECIDE),
    "oauth2_provider:detail": ("/o/applications/1/", PROGRAM, signed_in(NOT_SO)),
    "oauth2_provider:update": ("/o/applications/1/update/", PROGRAM, PROGRAM),
    "oauth2_provider:secret": ("/o/applications/1/secret/", signed_in(NOT_SO), PROGRAM),
    "oauth2_provider:delete": ("/o/applications/1/delete/", PROGRAM, PROGRAM | {"alice": AWAY, "dora": NOTHING}),
    "oauth2_provider:authorized-token-list": ("/o/authorized_tokens/", signed_in(PAGE), signed_in(NOT_SO)),
    "oauth2_provider:authorized-token-delete": (
        "/o/authorized_tokens/1/delete/",
        signed_in(NOT_SO),
        {NOBODY: AWAY, **dict.fromkeys(SIGNED_IN, NOTHING), "alice": AWAY},
    ),
    "theme": ("/theme/", all_alike(NOT_SO), all_alike(AWAY)),
    "patterns": ("/patterns/", all_alike(PAGE), all_alike(NOT_SO)),
    "setlang": ("/setlang/", all_alike(AWAY), all_alike(AWAY)),
}


def our_patterns(resolver: URLResolver | None = None) -> Iterator[str]:
    """Name, or path where there is none, of every address but the admin's, which has a matrix of its own kind."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                inside = f"{entry.namespace}:" if entry.namespace else ""
                yield from (f"{inside}{name}" for name in our_patterns(entry))
        elif isinstance(entry, URLPattern):
            yield entry.name or str(entry.pattern)


@pytest.fixture
def browsers(sign_in: Any) -> dict[str, Browser]:
    return {NOBODY: Browser(), **{name: sign_in(name) for name in SIGNED_IN}}


@pytest.fixture
def north(people: Any, settings: Any) -> None:
    settings.COLLECTD_URL = "http://127.0.0.1:1"  # where nobody answers, but there are graphs
    settings.OAUTH_ENABLED = True
    estate.put("north", estate.instance("web.example.org"))
    program = Application.objects.create(
        pk=1, client_id="program", user=people["alice"], redirect_uris="https://app.example.org/",
        client_type=Application.CLIENT_CONFIDENTIAL, authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    )  # fmt: skip
    later = timezone.now() + timedelta(hours=1)
    AccessToken.objects.create(user=people["alice"], application=program, token="a", scope="read", expires=later)
    Batch.objects.create(pk=1, kind=Job.Kind.REBOOT, requested_by=people["alice"], begun=timezone.now())
    InstanceApplication.objects.create(
        pk=1, applicant=people["alice"], hostname="new.example.org", holds="new.example.org", memory=1024, vcpus=1,
        disk_size=5, operating_system="none", cookie=COOKIE,
    )  # fmt: skip
    Notification.objects.create(pk=1, subject="Maintenance", message="Soon")


def test_every_address_has_a_row() -> None:
    assert set(our_patterns()) == set(MATRIX)


@pytest.mark.parametrize("name", MATRIX)
def test_get_answers_as_the_matrix_says(name: str, browsers: dict[str, Browser], north: None) -> None:
    address, expected, _ = MATRIX[name]
    assert {who: browser.get(address).status_code for who, browser in browsers.items()} == expected


@pytest.mark.parametrize("name", MATRIX)
def test_post_answers_as_the_matrix_says(name: str, browsers: dict[str, Browser], north: None) -> None:
    address, _, expected = MATRIX[name]
    answers = {}
    for who, browser in browsers.items():
        Job.objects.all().delete()
        answers[who] = browser.post(address).status_code
    assert answers == expected


@pytest.mark.parametrize(
    "name", [name for name, row in MATRIX.items() if PAGE in row[2].values() or AWAY in row[2].values()]
)
def test_a_post_from_another_site_is_refused(name: str, people: Any, north: None) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(people["alice"])
    assert browser.post(MATRIX[name][0]).status_code == DENIED


@pytest.mark.parametrize("who", [who for who in EVERYBODY if who != "dora"])
def test_the_admin_is_for_staff(who: str, browsers: dict[str, Browser]) -> None:
    for address in ("/admin/", "/admin/ganeti/cluster/", "/admin/auditlog/auditentry/"):
        assert browsers[who].get(address).status_code == AWAY


def test_the_superuser_opens_the_admin(browsers: dict[str, Browser], north: None) -> None:
    for address in ("/admin/", "/admin/ganeti/cluster/", "/admin/ganeti/cluster/add/", "/admin/auditlog/auditentry/"):
        assert browsers["dora"].get(address).status_code == PAGE


class TestHeaders:
    def test_every_page_carries_a_strict_content_security_policy(
        self, browsers: dict[str, Browser], north: None
    ) -> None:
        for address in ("/", INSTANCE, "/history/", "/user/login/", "/instances/north/none/"):
            policy = browsers["alice"].get(address).headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy

    def test_pages_are_neither_framed_nor_sniffed_nor_cached_by_others(
        self, browsers: dict[str, Browser], north: None
    ) -> None:
        response = browsers["alice"].get(INSTANCE)
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "private" in response.headers["Cache-Control"]
