"""Nothing that anybody else can write runs in a browser: not from Ganeti, people, the net, old rows or an address."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import NoReverseMatch, reverse

from tests.security import hostile
from tests.security.alive import WORD, Page, payload
from tests.test_authorisation import AWAY, KEPT, MATRIX, NOBODY, PAGE, SIGNED_IN

pytestmark = pytest.mark.django_db

# What no browser takes for a page; the drawing is our own, which stands where there is no graph
HARMLESS = ("application/json", "text/csv", "text/plain", "image/png", "image/svg+xml")
PAYLOAD = quote(payload("typed"))
TYPED = [
    f"{path}?{'&'.join(f'{name}={PAYLOAD}' for name in names)}"
    for path, names in {
        "/": ("q", "sort", "page", "tag", "cluster", "status", "node"),
        "/history/": ("q", "who", "since", "until", "event", "cluster", "outcome", "sort"),
        "/search/": ("q",),
        "/jobs/": ("q", "cluster", "state", "sort", "page"),
        "/cluster/nodes/": ("q", "cluster", "group", "sort"),
        "/cluster/detail/": ("q", "cluster"),
        "/user/list/": ("q", "sort", "state"),
        "/user/groups/": ("q",),
        "/user/login/": ("next",),
        "/application/list/": ("q", "status", "sort"),
        "/notifications/": ("q", "vm", "cluster", "text"),
        "/application/apply/": ("hostname", "cluster"),
        "/graph/all/": ("cluster", "nodes", "start", "end"),
        f"/instances/north/{hostile.WEB}/graphs/": ("range", "start", "end"),
        "/tagusergrps/": ("q",),
        "/application/hostname/": ("hostname",),
    }.items()
]
ODD_ADDRESSES = [
    f"/instances/north/{quote(payload('address', slash=''))}/",
    f"/{PAYLOAD.replace('%2F', '')}/",
    f"/user/info/user/{quote(payload('address', slash=''))}/",
    f"/user/info/group/{quote(hostile.GROUP)}/",
    f"/instances/north/{quote(hostile.VM)}/",
    f"/cluster/nodes/north/{quote(hostile.NODE)}/",
    f"/cluster/popup/?cluster=north&instance={quote(hostile.VM)}",
    "/cluster/detail/?cluster=north",
    "/cluster/detail/?cluster=north&show=networks",
    "/cluster/detail/?cluster=north&show=groups",
    "/jobs/north/8/",
    "/jobs/north/9/",
]
# Sources whose marks are on none of these pages; all others have to be seen as text somewhere
NEVER_SHOWN = {
    "admin-state", "audit-request", "bind", "cdrom", "details", "exception", "gs", "hypervisor", "job-status",
    "mac-prefix", "mail-text", "network-tag", "nic-link", "nodegroup-tag", "org-phone", "osparam",
    "osparam-value", "params-cluster", "params-group", "pending", "reason", "recipients-vm", "tag-vg", "uuid", "who",
}  # fmt: skip


@pytest.fixture
def site(people: Any, settings: Any) -> set[str]:
    """The sources of its payloads."""
    settings.COLLECTD_URL = "http://127.0.0.1:1"
    settings.BRANDING = {**settings.BRANDING, "FEED_URL": hostile.FEED}
    settings.FLATPAGES = {"INFO": True, "TOS": True, "FAQ": True}
    return hostile.build(people)


def pages_of(who: str) -> list[str]:
    """What the matrix says that they see; all else is a redirect, or one of the pages of ODD_ADDRESSES."""
    return [address for address, answers, _ in MATRIX.values() if answers[who] == PAGE]


def forms_of(who: str) -> list[str]:
    """What takes something from them, but for the ways out."""
    counted = (PAGE,) if who == NOBODY else (PAGE, AWAY, KEPT)  # without a session the rest leads to the sign-in
    taken = [(name, address) for name, (address, _, answers) in MATRIX.items() if answers[who] in counted]
    return [address for name, address in taken if "logout" not in name]


def admin_pages() -> Iterator[str]:
    """Each list of the admin, and the page of its first row."""
    for model, shown in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"admin:{name}_changelist") + f"?q={WORD}"
        yield reverse(f"admin:{name}_changelist")
        for row in model._default_manager.all()[:1]:
            for page in ("change", "delete", "history"):
                try:
                    yield reverse(f"admin:{name}_{page}", args=[row.pk])
                except NoReverseMatch:
                    assert not hasattr(shown, f"{page}_view")


def visit(browser: Browser, address: str, **headers: str) -> str:
    """The text of the page there; fails when something of a payload lives in it, or when it is an error of ours."""
    return looked_at(browser.get(address, headers=headers), address)


def looked_at(response: Any, address: str) -> str:
    assert response.status_code < 500 or address == "/readyz", address
    body = response.getvalue().decode() if response.streaming else response.content.decode("utf-8", "replace")
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if kind != "text/html":
        assert not body or kind in HARMLESS, f"{address} is {kind}"
        return body
    page = Page(body)
    assert page.alive == [], f"{address}: {page.alive}"
    return page.text


class TestEveryPage:
    def test_of_every_role_shows_it_as_text(self, site: set[str], sign_in: Any) -> None:
        texts = [visit(Browser(), address) for address in pages_of(NOBODY)]
        for who in SIGNED_IN:
            browser = sign_in(who)
            texts += [visit(browser, address) for address in (*pages_of(who), *ODD_ADDRESSES)]
        dora = sign_in("dora")
        texts += [visit(dora, address) for address in admin_pages()]
        found = set(re.findall(rf"{WORD}-([a-z0-9-]+)", " ".join(texts)))
        unseen = " ".join(sorted(site - found - NEVER_SHOWN))
        assert unseen == "", "each source is shown somewhere, or this test would prove nothing"

    @pytest.mark.parametrize("who", ["alice", "dora"])
    def test_in_parts_and_with_it_in_the_address(self, who: str, site: set[str], sign_in: Any) -> None:
        browser = sign_in(who)
        for address in TYPED:
            visit(browser, address)
            visit(browser, address, **{"HX-Request": "true"})


class TestWhatIsTypedComesBackAsText:
    """Every POST of the site with markup in whatever it may take, as those who may."""

    FIELDS = (
        "name", "first_name", "last_name", "email", "username", "password", "telephone", "hostname",
        "comments", "q", "next", "subject", "message", "recipients", "to", "text", "key", "keys", "ssh_key",
        "ssh_pubkey", "new_name", "image", "operating_system", "memory", "vcpus", "disk_size", "cluster",
        "network", "organization", "admin_contact_name", "admin_contact_email", "admin_comments", "answer",
        "reason", "theme", "language", "time_zone", "code", "users", "groups", "owners", "subnet",
        "network_address", "whitelist", "boot_order", "cdrom_type", "cdrom_image_path", "confirm",
        "instance", "instances", "vms", "verb", "kind", "old_password", "new_password1", "new_password2",
        "deed", "accept_tos", "node_group", "vgs", "disk_template", "notes", "captcha", "website", "tag",
    )  # fmt: skip

    @pytest.mark.parametrize("who", ["alice", "dora"])
    def test_on_whatever_page_it_does(self, who: str, site: set[str], sign_in: Any) -> None:
        browser = sign_in(who)
        typed = dict.fromkeys(self.FIELDS, payload("typed"))
        for address in forms_of(who):
            part = {"HX-Request": "true"} if who == "alice" else {}
            looked_at(browser.post(address, typed, headers=part), address)
        for address in ("/", "/history/", "/user/profile/", f"/instances/north/{hostile.WEB}/"):
            visit(browser, address)

    def test_for_whoever_is_not_signed_in(self, site: set[str]) -> None:
        typed = dict.fromkeys(self.FIELDS, payload("typed"))
        for address in forms_of(NOBODY):
            looked_at(Browser().post(address, typed), address)


def test_the_test_sees_what_lives() -> None:
    """Else all of the above would say nothing."""
    for html in (payload("x"), f'<p title="{payload("x")}">', f"<script>{payload('x')}", f"<!-- {payload('x')}"):
        assert Page(html).alive
    assert Page('<a href=" javascript:xss7()">').alive
    assert not Page(f"<p>{payload('x').replace('<', '&lt;')}</p>").alive
