"""Every page of the admin, with something on it: axe finds nothing. Django's own templates have faults; ours mend them
(templates/admin/base_site.html)."""

from collections.abc import Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.test import Client as Browser
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Organization, OutgoingMail, SshPublicKey
from apps.applications.models import ImageListing
from apps.audit.models import AuditEntry
from apps.clusters.models import Cluster, Network, Renaming
from tests.look.order import violations
from tests.look.test_every_page import found_on
from tests.test_authorisation import browsers as browsers  # fixtures
from tests.test_authorisation import north as north

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses(browser: Browser) -> Iterator[str]:
    """Lists, what stands in them, and the empty forms, as far as somebody may see them."""
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=["auth"])
    yield reverse("admin:auth_user_history", args=[1])
    for model in admin.site._registry:
        named = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row, f"{model} has nothing to show"
        candidates = [
            reverse(f"{named}_changelist"), reverse(f"{named}_add"),
            *(reverse(f"{named}_{page}", args=[row.pk]) for page in ("change", "delete")),
        ]  # fmt: skip
        yield from (address for address in candidates if browser.get(address).status_code == 200)


@pytest.fixture
def something_of_everything(north: None, people: dict[str, User]) -> None:
    """A row or two in each table that the admin shows."""
    cluster, dora = Cluster.objects.get(), people["dora"]
    AccessLog.objects.create(username="alice", ip_address="192.0.2.7", path_info="/user/login/")
    AccessFailureLog.objects.create(username="alice", ip_address="192.0.2.7", path_info="/user/login/")
    AccessAttempt.objects.create(
        username="alice", ip_address="192.0.2.7", path_info="/user/login/", get_data="", post_data="",
        failures_since_start=1,
    )  # fmt: skip
    OutgoingMail.objects.create(
        occasion="account_active", recipient="alice@example.org", subject="Hello", user=people["alice"]
    )
    Organization.objects.create(title="Physics").users.add(people["alice"])
    SshPublicKey.objects.create(
        owner=people["alice"], key_type="ssh-ed25519", key="AAAA", comment="desk", fingerprint="aa:bb"
    )
    AuditEntry.objects.create(requester=dora, requester_name="dora", action="sign-in", outcome="succeeded")
    AuditEntry.objects.create(
        requester=dora,
        requester_name="dora",
        action="startup",
        instance="web.example.org",
        cluster="north",
        outcome="succeeded",
    )
    Network.objects.create(description="By hand", cluster=cluster, link="br0", mode="bridged")
    Renaming.objects.create(kind="user", old="alice", new="alicia", holds="user:alice", asked_by=dora)
    ImageListing.objects.create(kind="url", address_hash="0", address="https://images.example.org/", images="[]")
    page = FlatPage.objects.create(url="/rules/", title="Rules", content="<p>Be kind.</p>")
    page.sites.add(Site.objects.get_current())
    for row in (people["alice"], page, cluster):
        LogEntry.objects.create(
            user=dora,
            content_type=ContentType.objects.get_for_model(row),
            object_id=row.pk,
            object_repr=str(row),
            action_flag=2,
            change_message="Changed.",
        )


@pytest.mark.usefixtures("something_of_everything")
def test_can_be_used_by_everybody(request: pytest.FixtureRequest, open_page: Any, live_server: Any) -> None:
    browser = request.getfixturevalue("browsers")["dora"]
    page = open_page("/healthz", cookies={"sessionid": browser.cookies["sessionid"].value})
    found = []
    for address in addresses(browser):
        page.goto(live_server.url + address)
        found += found_on(page, address)
    assert found == []


@pytest.mark.usefixtures("something_of_everything")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_list_that_is_opened_and_what_is_chosen_have_names(
    request: pytest.FixtureRequest, open_page: Any, people: dict[str, User], theme: str
) -> None:
    cookies = {"sessionid": request.getfixturevalue("browsers")["dora"].cookies["sessionid"].value}
    page = open_page(reverse("admin:auth_user_change", args=[people["alice"].pk]), cookies=cookies, theme=theme)
    page.locator("#profile-group").get_by_role("combobox").click()
    page.get_by_role("searchbox", name="Organisation", exact=True).last.fill("Phys")
    expect(page.get_by_role("option", name="Physics")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("option", name="Physics").click()
    expect(page.locator("#profile-group").get_by_role("combobox", name="Organisation: Physics")).to_be_visible()
