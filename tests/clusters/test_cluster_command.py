"""`manage.py cluster` and the admin's test of a connection: what is wrong, in words."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser

from apps.clusters import inventories
from apps.clusters.models import Cluster
from tests.contract.powers import add_cluster
from tests.simulated import SimulatedSide

pytestmark = pytest.mark.django_db


@pytest.fixture
def ganeti(simulators: dict[str, SimulatedSide]) -> SimulatedSide:
    return simulators["north"]


@pytest.fixture
def password_file(tmp_path: Path, ganeti: SimulatedSide) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{ganeti.endpoint().password}\nand a second line\n")
    return path


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cluster", *words, stdout=out, stderr=out, no_color=True)
    return out.getvalue()


def add(ganeti: SimulatedSide, password_file: Path, *proof: str) -> str:
    endpoint = ganeti.endpoint()
    where = ["--host", endpoint.host, "--port", str(endpoint.port), "--username", endpoint.username]
    return run("add", "north", *where, "--password-file", str(password_file), "--description", "North", *proof)


class TestAdd:
    def test_a_pinned_cluster_is_added_and_answers(self, ganeti: SimulatedSide, password_file: Path) -> None:
        said = add(ganeti, password_file, "--fingerprint", ganeti.endpoint().fingerprint)
        assert "north is added" in said
        assert "The user may make changes" in said
        row = Cluster.objects.get()
        assert (row.verification, row.password, row.description) == ("fingerprint", ganeti.endpoint().password, "North")

    def test_without_a_proof_its_fingerprint_is_printed_to_pin(
        self, ganeti: SimulatedSide, password_file: Path
    ) -> None:
        assert ganeti.server.fingerprint.replace(":", "") in add(ganeti, password_file).replace(":", "").upper()

    def test_a_certificate_file_is_a_proof(self, ganeti: SimulatedSide, password_file: Path, tmp_path: Path) -> None:
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(ganeti.server.certificate)
        add(ganeti, password_file, "--ca-file", str(ca_file))
        assert Cluster.objects.get().verification == "ca"

    def test_no_verification_is_possible_and_warned_of(self, ganeti: SimulatedSide, password_file: Path) -> None:
        assert "anyone on the way can read the password" in add(ganeti, password_file, "--insecure")
        out = io.StringIO()
        call_command("check", "--database", "default", stdout=out, stderr=out)
        assert "is not verified" in out.getvalue()

    @pytest.mark.parametrize("slug", ["tags", "json", "Not a slug", "lists/"])
    def test_reserved_and_bad_slugs_are_refused(self, password_file: Path, slug: str) -> None:
        with pytest.raises(CommandError):
            run("add", slug, "--host", "h", "--username", "u", "--password-file", str(password_file))
        assert not Cluster.objects.exists()

    def test_the_same_slug_twice_is_refused(self, ganeti: SimulatedSide, password_file: Path) -> None:
        add(ganeti, password_file, "--insecure")
        with pytest.raises(CommandError, match="already exists"):
            add(ganeti, password_file, "--insecure")

    def test_a_missing_or_empty_password_file_is_named(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.write_text("\n")
        for path in (tmp_path / "none", empty):
            with pytest.raises(CommandError, match=path.name):
                run("add", "north", "--host", "h", "--username", "u", "--password-file", str(path))


class TestCheck:
    """Each thing that can be wrong has its sentence, and ends with exit status 1."""

    @pytest.fixture
    def north(self, ganeti: SimulatedSide) -> Cluster:
        return add_cluster(ganeti.endpoint())

    def said(self, capsys: Any = None) -> str:
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("cluster", "check", "north", stdout=out, no_color=True)
        assert ended.value.code == 1
        return out.getvalue()

    def test_a_healthy_cluster_is_fine(self, north: Cluster) -> None:
        assert "!!" not in run("check")

    def test_a_wrong_password(self, north: Cluster) -> None:
        north.password = "wrong"
        north.save()
        assert "does not accept this site's user name and password" in self.said()

    def test_a_changed_certificate_with_the_new_fingerprint(self, ganeti: SimulatedSide, north: Cluster) -> None:
        ganeti.faults.other_certificate = True
        said = self.said()
        assert "another certificate" in said
        assert "fingerprint" in said

    def test_a_refused_port(self, ganeti: SimulatedSide, north: Cluster) -> None:
        ganeti.faults.closed = True
        assert "does not answer" in self.said()

    def test_html_instead_of_json(self, ganeti: SimulatedSide, north: Cluster) -> None:
        ganeti.faults.rubbish = True
        assert "cannot be read" in self.said()

    def test_a_user_who_may_only_look(self, ganeti: SimulatedSide, north: Cluster) -> None:
        reader = ganeti.endpoint("reader")
        north.username, north.password = reader.username, reader.password
        north.save()
        assert "The user may only look" in self.said()

    def test_a_password_that_no_key_opens(self, north: Cluster, settings: Any) -> None:
        settings.SECRET_KEY = "another one altogether"
        assert "cannot be read with the present keys" in self.said()

    def test_an_unknown_cluster(self, north: Cluster) -> None:
        with pytest.raises(CommandError, match="nowhere"):
            run("check", "nowhere")


class TestListAndRemove:
    def test_the_list_says_how_each_is(self, ganeti: SimulatedSide) -> None:
        row = add_cluster(ganeti.endpoint())
        assert "never seen" in run("list")
        inventories.collect_now([row.endpoint()], everything=True)
        assert "ok" in run("list")

    def test_a_removed_cluster_is_forgotten_everywhere(self, ganeti: SimulatedSide) -> None:
        row = add_cluster(ganeti.endpoint())
        inventories.collect_now([row.endpoint()], everything=True)
        run("remove", "north")
        assert not Cluster.objects.exists()
        assert "north" not in inventories.known().heads


class TestInTheAdmin:
    def test_the_test_of_a_connection_says_in_words_what_is_wrong(
        self, as_dora: Browser, ganeti: SimulatedSide
    ) -> None:
        row = add_cluster(ganeti.endpoint())
        ganeti.faults.closed = True
        response = as_dora.post(
            "/admin/ganeti/cluster/", {"action": "test_connection", "_selected_action": [row.pk]}, follow=True
        )
        assert "does not answer" in response.content.decode()

    def test_saving_a_cluster_tells_how_it_answers(self, as_dora: Browser, ganeti: SimulatedSide) -> None:
        endpoint = ganeti.endpoint()
        facts = {
            "hostname": endpoint.host,
            "port": endpoint.port,
            "slug": "north",
            "verification": "fingerprint",
            "fingerprint": endpoint.fingerprint,
            "username": endpoint.username,
            "new_password": endpoint.password,
        }
        response = as_dora.post("/admin/ganeti/cluster/add/", facts, follow=True)
        assert "The user may make changes" in response.content.decode()

    def test_a_fingerprint_that_is_none_is_refused_at_its_field(self, as_dora: Browser) -> None:
        facts = {"hostname": "h", "port": 1, "slug": "north", "verification": "fingerprint", "fingerprint": "xyz"}
        response = as_dora.post("/admin/ganeti/cluster/add/", facts)
        assert "64 hexadecimal digits" in response.content.decode()
        assert not Cluster.objects.exists()
