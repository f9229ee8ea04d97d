import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ganeti.endpoint import Endpoint
from tests.ganeti.https_server import Certificate, HttpsServer, make_certificate

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    """An answer that a real Ganeti 3.0.2 gave."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One that carries the server's address."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "rapi.example.org", alternative=True)


@pytest.fixture(scope="session")
def ganetis_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One like Ganeti's own: a fixed name that is nobody's."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "ganeti.example.com", alternative=False)


@pytest.fixture
def server(ganetis_certificate: Certificate) -> Iterator[HttpsServer]:
    with closing(HttpsServer(ganetis_certificate)) as server:
        yield server


@pytest.fixture
def endpoint(server: HttpsServer) -> Endpoint:
    return Endpoint(
        "athens",
        "127.0.0.1",
        server.port,
        username="ganetimgr",
        password="s3cret",
        fingerprint=server.certificate.fingerprint,
        connect_timeout=5,
        response_timeout=5,
        deadline=5,
    )
