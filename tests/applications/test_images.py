"""The catalogue: settings and listings together, the last good answer kept, and no secret in anybody's hands."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from apps.applications import images
from apps.applications.models import ImageListing
from ganeti.images import Image
from tests.ganeti.test_download import Behaviour, says, serve  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db

LISTED = says(200, b'<a href="alma-x86_64.tar.gz">alma</a>', Content_Type="text/html")


def test_settings_and_listings_make_one_catalogue(settings: Any, serve: Any) -> None:  # noqa: F811
    settings.OPERATING_SYSTEMS_URLS = [serve(LISTED)]
    images.refresh()
    assert list(images.catalogue()) == ["none", "alma", "debian"]
    assert images.catalogue()["alma"].provider == "image+default"


def test_what_a_source_held_stays_when_it_is_down(settings: Any, serve: Any) -> None:  # noqa: F811
    answers: list[Behaviour] = [LISTED, says(500), says(500)]
    settings.OPERATING_SYSTEMS_URLS = [serve(lambda handler: answers.pop(0)(handler))]
    images.refresh()
    images.refresh()
    assert "alma" in images.catalogue()
    assert ImageListing.objects.get().error == "the server answers 500"


def test_one_source_that_is_down_does_not_hide_another(settings: Any, serve: Any) -> None:  # noqa: F811
    settings.OPERATING_SYSTEMS_URLS = [serve(says(404)), serve(LISTED)]
    images.refresh()
    assert "alma" in images.catalogue()


def test_what_cannot_be_read_any_more_costs_only_itself(settings: Any, serve: Any) -> None:  # noqa: F811
    settings.OPERATING_SYSTEMS_URLS = [serve(LISTED)]
    images.refresh()
    row = ImageListing.objects.get()
    row.images, row.fetched_at = "[" * 5000, timezone.now()
    row.save()
    assert list(images.catalogue()) == ["none", "debian"]


def test_a_source_that_is_no_longer_named_is_forgotten(settings: Any, serve: Any) -> None:  # noqa: F811
    settings.OPERATING_SYSTEMS_URLS = [serve(LISTED)]
    images.refresh()
    settings.OPERATING_SYSTEMS_URLS = []
    assert "alma" not in images.catalogue()
    images.refresh()
    assert not ImageListing.objects.exists()


def test_the_catalogue_costs_one_query(django_assert_num_queries: Any, settings: Any, serve: Any) -> None:  # noqa: F811
    settings.OPERATING_SYSTEMS_URLS = [serve(LISTED)]
    images.refresh()
    images.catalogue()
    with django_assert_num_queries(1):
        images.catalogue()


def test_parameters_are_encrypted_in_the_database(settings: Any, serve: Any) -> None:  # noqa: F811
    meta = {"provider": "p", "osparams": {"img_id": "x", "img_passwd": "hidden"}}
    pages = {"/": b'<a href="x.meta">x</a>', "/x.meta": json.dumps(meta).encode()}
    settings.IMAGES_URL = [serve(lambda handler: says(200, pages[handler.path])(handler))]
    images.refresh()
    assert images.catalogue()["x"].osparams["img_passwd"] == "hidden"
    with connection.cursor() as cursor:
        cursor.execute("SELECT images, address FROM apply_imagelisting")
        assert "hidden" not in str(cursor.fetchall())


class TestTheCatalogueForTools:
    def test_it_keeps_its_shape_less_the_secrets(self, as_alice: Browser) -> None:
        answer = as_alice.get("/operating_systems/")
        assert answer.json() == {
            "status": "success",
            "operating_systems": [
                ["none", {"description": "No operating system"}],
                ["debian", {"description": "Debian 12"}],
            ],
        }
        assert "hidden" not in answer.content.decode()

    def test_it_is_for_those_who_are_signed_in(self, client: Browser) -> None:
        assert client.get("/operating_systems/", headers={"X-Requested-With": "XMLHttpRequest"}).status_code == 302


def test_an_image_shows_nothing_of_its_parameters(debian: Image) -> None:
    assert "debian-12" not in repr(debian)
