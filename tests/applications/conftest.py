"""What the tests of applications have in common."""

from typing import Any

import pytest

from ganeti.images import Image

IMAGES = {
    "none": {"description": "No operating system", "provider": "noop"},
    "debian": {
        "description": "Debian 12",
        "provider": "snf-image+default",
        "osparams": {"img_id": "debian-12", "img_format": "tarball", "img_passwd": "hidden"},
        "ssh_key_param": "img_ssh_key_url",
    },
}


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    """Two systems to choose from, an address, and people who get the mails."""
    settings.OPERATING_SYSTEMS = IMAGES
    settings.SITE_URL = "https://vps.example.org"
    settings.MANAGERS = [("Managers", "managers@example.org")]
    settings.ADMINS = [("Admins", "admins@example.org")]


@pytest.fixture
def debian() -> Image:
    return Image("debian", "Debian 12", "snf-image+default", {"img_id": "debian-12"}, ssh_key_param="img_ssh_key_url")
