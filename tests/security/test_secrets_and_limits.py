"""Secrets at rest and in logs, what somebody can do how often, and what the site is put together from."""

import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser

from apps.clusters.models import Cluster
from tests import estate
from tests.operation.conftest import Listen, listen  # noqa: F401  (what the log would hold)

ROOT = Path(current.BASE_DIR)
RAPI_PASSWORD = "the-rapi-password-of-this-test"
LISTS = [ROOT / "requirements.txt", *sorted((ROOT / "requirements").glob("*.txt"))]
REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[\w,-]+\])?(?P<bounds>[^;#\s]*)")


def requirements(path: Path) -> list[tuple[str, str]]:
    """(name, bounds) of each line."""
    found = [REQUIREMENT.match(line.strip()) for line in path.read_text().splitlines()]
    return [(match[1], match["bounds"]) for match in found if match and match[1] != "-r"]


class TestAtRest:
    @pytest.mark.django_db(transaction=True)
    def test_the_file_of_the_database_holds_no_password_of_a_cluster(self, tmp_path: Path) -> None:
        """Neither the rows nor the pages that SQLite has given up."""
        password = tmp_path / "password"
        password.write_text(RAPI_PASSWORD)
        call_command(
            *("cluster", "add", "north", "--host", "127.0.0.1", "--port", "1", "--username", "u", "--insecure"),
            *("--password-file", str(password)),
            stdout=io.StringIO(),
        )
        assert Cluster.objects.get(slug="north").password == RAPI_PASSWORD
        kept = connection.connection.serialize()  # what would be its file
        assert b"north" in kept
        assert RAPI_PASSWORD.encode() not in kept

    def test_the_generated_key_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        from ganetimgr.sitefile import kept_secret

        key = kept_secret(tmp_path / "var" / "secret-key")
        assert len(key) >= 48
        assert (tmp_path / "var" / "secret-key").stat().st_mode & 0o077 == 0

    @pytest.mark.django_db
    def test_nothing_is_pickled(self) -> None:
        """Whoever can write to the cache, to Redis or to the sessions cannot run code here."""
        from ganetimgr.sitefile import cache

        assert current.SESSION_SERIALIZER.endswith("JSONSerializer")
        assert cache("redis://127.0.0.1/0")["OPTIONS"]["SERIALIZER"].endswith("JSONSerializer")
        ours = [path for room in ("accounts", "apps", "ganeti", "ganetimgr") for path in (ROOT / room).rglob("*.py")]
        for path in ours:
            assert not re.search(r"\bimport (pickle|marshal|shelve)\b|from pickle|yaml\.load\(", path.read_text()), path


class TestKeys:
    def test_keys_of_mailed_links_cannot_be_guessed(self) -> None:
        """Of applications' SSH keys, new addresses, confirmations, registrations: no two alike, of 128 bits or more."""
        from accounts.models import new_key
        from apps.applications.models import new_cookie
        from apps.clusters import confirmations

        for make in (new_key, new_cookie):
            made = {make() for _ in range(100)}
            assert len(made) == 100
            assert all(len(key) >= 32 for key in made)
        for room in ("accounts", "apps/applications", "apps/clusters", "apps/audit", "apps/notifications", "ganeti"):
            for path in (ROOT / room).rglob("*.py"):
                assert not re.search(r"^\s*(import random\b|from random import)", path.read_text(), re.MULTILINE), path
        assert "secrets.token_hex(20)" in Path(confirmations.__file__).read_text()


@pytest.mark.django_db
class TestInLogs:
    def test_no_link_that_opens_a_door_is_told(self, people: Any, listen: Listen, as_alice: Browser) -> None:  # noqa: F811
        """Of a password, a registration, an address, a confirmation, a VM's keys, a console."""
        secret = "abcdef0123456789abcdef0123456789"
        estate.put("north", estate.instance("web.example.org"))
        log = listen("line")
        for address in (
            f"/accounts/reset/MQ/{secret}/",
            f"/accounts/activate/{secret}/",
            f"/user/mail_change/confirm/{secret}/",
            f"/cluster/instance/destreinst/{secret}/2/",
            f"/application/1/{secret}/ssh_keys",
            f"/user/login/?next=/&token={secret}",
        ):
            as_alice.get(address)
            as_alice.get(address, headers={"Authorization": f"Bearer {secret}", "Cookie": f"sessionid={secret}"})
        assert log.text.count("GET /") >= 10
        assert secret not in log.text


@pytest.mark.django_db
class TestHowOften:
    """Each limit of the site; that it holds is tested where the page is."""

    @pytest.mark.parametrize(
        "name",
        [
            *("AXES_FAILURE_LIMIT", "SIGN_IN_ACCOUNT_LIMIT", "SIGN_IN_ADDRESS_LIMIT", "PASSWORD_RESETS_PER_HOUR"),
            *("REGISTRATIONS_PER_HOUR", "CDROM_CHECKS_PER_HOUR", "CONSOLES_PER_PERSON", "CONSOLES_PER_PROCESS"),
            *("SSH_KEYS_PER_PERSON", "DATA_UPLOAD_MAX_NUMBER_FIELDS"),
        ],
    )
    def test_there_is_a_limit_unless_a_site_takes_it_away(self, name: str) -> None:
        from ganetimgr import defaults

        assert 0 < getattr(defaults, name) <= 5000


class TestWhatItIsPutTogetherFrom:
    @pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
    def test_every_requirement_says_from_which_to_below_which_version(self, path: Path) -> None:
        found = requirements(path)
        assert found
        for name, bounds in found:
            assert bounds.startswith("==") or (">=" in bounds and ",<" in bounds), f"{name}{bounds}"

    def test_nothing_is_compiled_while_it_is_installed(self) -> None:
        assert "--only-binary :all: -r $<" in (ROOT / "Makefile").read_text()

    def test_what_is_for_tests_alone_does_not_ship(self) -> None:
        shipped = {name.lower() for name, _ in requirements(ROOT / "requirements.txt")}
        assert not shipped & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "aiosmtpd"}
        assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("dependencies", []) == []

    @pytest.mark.parametrize(
        "unit", sorted((ROOT / "contrib" / "systemd").glob("*.service")), ids=lambda path: path.name
    )
    def test_each_service_has_nothing_but_its_own_files_and_the_network(self, unit: Path) -> None:
        text = unit.read_text()
        for line in ("ProtectSystem=strict", "NoNewPrivileges=true", "CapabilityBoundingSet=\n", "User=ganetimgr"):
            assert line in text, line
