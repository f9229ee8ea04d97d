"""Applications and listings of images in Django's admin."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Organization
from apps.applications import images
from apps.applications.models import ApplicationEvent, ImageListing, InstanceApplication
from apps.audit.models import AuditEntry
from tests import estate
from tests.applications.test_applying import filed, text

pytestmark = pytest.mark.django_db

LIST = "/admin/apply/instanceapplication/"
LISTINGS = "/admin/apply/imagelisting/"
URL = "https://user:s3cr3t@images.example.org/all/?token=t0k3n"


@pytest.fixture
def application(people: dict[str, User]) -> InstanceApplication:
    return filed(people["alice"])


class TestApplications:
    def test_they_are_listed_filtered_and_found(self, as_dora: Browser, application: InstanceApplication) -> None:
        for query in ("", "?status__exact=100", "?q=new.example", "?q=alice"):
            assert "new.example.org" in text(as_dora.get(LIST + query)), query
        assert "new.example.org" not in text(as_dora.get(f"{LIST}?status__exact=106"))

    def test_fifty_cost_no_more_queries_than_one(
        self, as_dora: Browser, people: dict[str, User], django_assert_max_num_queries: Any
    ) -> None:
        library, row = Organization.objects.create(title="Library"), estate.put("north")
        for number in range(60):
            filed(people["alice"], f"vm{number}.example.org", organization=library)
        InstanceApplication.objects.update(cluster=row)
        with django_assert_max_num_queries(16):
            as_dora.get(LIST)

    def test_the_page_lists_no_users_and_shows_no_cookie(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        User.objects.bulk_create(User(username=f"somebody{number}") for number in range(30))
        InstanceApplication.objects.update(backend_message="no <room>")
        page = text(as_dora.get(f"{LIST}{application.pk}/change/"))
        assert "somebody7" not in page
        assert application.cookie not in page
        assert "no &lt;room&gt;" in page
        assert f'href="/application/{application.pk}/review/"' in page

    def test_what_decides_cannot_be_changed_here(self, as_dora: Browser, application: InstanceApplication) -> None:
        library = Organization.objects.create(title="Library")
        typed = {"organization": library.pk, "status": 105, "hostname": "evil", "memory": 1, "cookie": "x"}
        as_dora.post(f"{LIST}{application.pk}/change/", typed)
        changed = InstanceApplication.objects.get()
        assert (changed.organization, changed.status, changed.hostname) == (library, 100, "new.example.org")
        assert (changed.memory, changed.cookie) == (1024, application.cookie)

    def test_a_change_is_told_and_outruns_an_open_review(
        self, as_dora: Browser, application: InstanceApplication
    ) -> None:
        as_dora.post(f"{LIST}{application.pk}/change/", {"admin_contact_name": "Bert"})
        assert InstanceApplication.objects.get().version == application.version + 1
        assert ApplicationEvent.objects.filter(kind="changed", by_name="dora").exists()
        assert AuditEntry.objects.filter(action="Application changed").exists()

    def test_nothing_changed_is_nothing_told(self, as_dora: Browser, application: InstanceApplication) -> None:
        as_dora.post(f"{LIST}{application.pk}/change/", {"comments": "x"})
        assert InstanceApplication.objects.get().version == application.version

    def test_what_is_on_its_way_cannot_be_deleted(self, as_dora: Browser, application: InstanceApplication) -> None:
        assert as_dora.post(f"{LIST}{application.pk}/delete/", {"post": "yes"}).status_code == 403
        InstanceApplication.objects.update(holds=None, status=106)
        as_dora.post(f"{LIST}{application.pk}/delete/", {"post": "yes"})
        assert not InstanceApplication.objects.exists()
        assert AuditEntry.objects.filter(action="Application deleted").exists()

    def test_none_is_made_here(self, as_dora: Browser) -> None:
        assert as_dora.get(f"{LIST}add/").status_code == 403

    def test_it_is_for_staff(self, as_alice: Browser, application: InstanceApplication) -> None:
        assert as_alice.get(LIST).status_code == 302


class TestListings:
    @pytest.fixture
    def listing(self, settings: Any) -> ImageListing:
        settings.IMAGES_URL = ["http://127.0.0.1:9/none/"]  # nobody listens there
        images.refresh()
        ImageListing.objects.update(images="[]", count=3)
        return ImageListing.objects.get()

    def test_each_says_how_it_answered(self, as_dora: Browser, listing: ImageListing) -> None:
        page = text(as_dora.get(LISTINGS))
        assert "http://127.0.0.1:9/none/" in page
        assert "does not answer" in page

    def test_no_secret_of_an_address_is_shown(self, as_dora: Browser, listing: ImageListing) -> None:
        listing.address, listing.images = URL, '[{"osparams": {"img_passwd": "hush"}}]'
        listing.save()
        for path in (LISTINGS, reverse("admin:apply_imagelisting_change", args=[listing.pk])):
            page = text(as_dora.get(path))
            assert "https://images.example.org/all/" in page
            assert not any(secret in page for secret in ("s3cr3t", "t0k3n", "hush"))

    def test_one_can_be_looked_at_again(self, as_dora: Browser, listing: ImageListing) -> None:
        ImageListing.objects.update(tried_at=None)
        chosen = {"action": "look_again", "_selected_action": [listing.pk]}
        assert "did not answer well" in text(as_dora.post(LISTINGS, chosen, follow=True))
        assert ImageListing.objects.get().tried_at is not None
        assert ImageListing.objects.get().count == 3  # what it held before is kept

    def test_nothing_is_edited_here(self, as_dora: Browser, listing: ImageListing) -> None:
        for path in ("add/", f"{listing.pk}/delete/"):
            assert as_dora.post(LISTINGS + path, {"post": "yes"}).status_code == 403
        as_dora.post(f"{LISTINGS}{listing.pk}/change/", {"kind": "x"})
        assert ImageListing.objects.get().kind == listing.kind
