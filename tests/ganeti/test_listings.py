"""The listings of real web servers: what they list of a directory of images is found, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganeti import images
from ganeti.images import ARCHIVES, META, SNF, Source
from tests.plugins.listings import Apache, Lighttpd, Listing, NginxJson, NginxPage

pytestmark = pytest.mark.services

FILES = {
    "debian-12-x86_64-default.tar.gz": "",
    "debian-12-x86_64-default.tar.gz.dsc": "Debian 12, small",
    "a name that is longer than what Apache shows of names by default & ümläuts-amd64.img": "",
    "README.html": "<a href='hidden.img'>no listing</a>",
    "alma.meta": '{"description": "Alma", "provider": "snf-image+default", "osparams": {"img_id": "alma"}}',
    "broken.meta": "{",
}


@pytest.fixture(scope="module", params=[Apache, NginxPage, NginxJson, Lighttpd])
def listing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listing]:
    root = tmp_path_factory.mktemp("images")
    (root / "sub.img").mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    for directory in (root, *list(root.parents)[:3]):
        directory.chmod(0o755)
    server = request.param(Path(tmp_path_factory.mktemp("server")), root)
    server.start()
    yield server
    server.stop()


def test_archives_are_found_with_their_descriptions(listing: Listing) -> None:
    found = images.from_source(Source(ARCHIVES, listing.url, provider="image+default"))
    assert {image.id: image.description for image in found} == {
        "debian-12": "Debian 12, small",
        "a name that is longer than what Apache shows of names by default & ümläuts": (
            "a name that is longer than what Apache shows of names by default & ümläuts"
        ),
    }


def test_dumps_are_found_by_an_address_that_serves_them(listing: Listing) -> None:
    [image] = images.from_source(Source(SNF, listing.url))
    assert image.id.startswith(listing.url)
    assert images.fetch(image.id).body == b""


def test_meta_files_are_found_and_broken_ones_left_out(listing: Listing) -> None:
    assert [image.id for image in images.from_source(Source(META, listing.url))] == ["alma"]
