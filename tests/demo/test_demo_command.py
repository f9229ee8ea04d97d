"""`make demo`: everything in one terminal, and nothing left behind."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command

from accounts import registering
from accounts.models import Organization
from apps.applications.models import InstanceApplication
from apps.clusters.models import Cluster
from apps.demo import people
from apps.demo.seed import DESCRIPTIONS
from tests.plugins.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
ENDPOINT = {"host": "127.0.0.1", "port": 4711, "username": "ganetimgr", "password": "secret", "fingerprint": "AA:" * 32}
CLUSTERS = {slug: {"slug": slug, **ENDPOINT} for slug in DESCRIPTIONS}

# ---- what it writes into the database -----------------------------------------------------------------


def test_the_six_people_can_sign_in_with_their_names(db: None) -> None:
    people.ensure_people()
    assert sorted(User.objects.values_list("username", flat=True)) == sorted(people.PEOPLE)
    assert all(User.objects.get(username=name).check_password(name) for name in people.PEOPLE)


def test_each_may_do_what_the_table_says(db: None) -> None:
    people.ensure_people()
    found = {user.username: user for user in User.objects.all()}
    assert found["dora"].is_superuser
    assert found["bob"].get_all_permissions() == {"ganeti.view_instances"}
    assert found["carla"].get_all_permissions() == {
        "ganeti.view_instances", "ganeti.can_lock", "ganeti.can_isolate",
    }  # fmt: skip
    assert [group.name for group in found["erik"].groups.all()] == ["noc"]
    assert not found["alice"].get_all_permissions()


def test_a_second_start_leaves_people_as_they_are(db: None) -> None:
    people.ensure_people()
    alice = User.objects.get(username="alice")
    alice.set_password("another")
    alice.save()
    people.ensure_people()
    assert User.objects.get(username="alice").check_password("another")
    assert User.objects.count() == 6


def test_two_wait_for_the_administrator_until_that_is_decided(db: None) -> None:
    people.ensure_applicants()
    people.ensure_people()
    assert [row.user.username for row in registering.waiting()] == ["frida", "gregor"]
    User.objects.get(username="frida").delete()
    people.ensure_applicants()
    assert [row.user.username for row in registering.waiting()] == ["gregor"]


def test_alice_has_a_key_and_people_can_choose_an_organisation(db: None) -> None:
    for _ in range(2):
        people.ensure_people()
        people.ensure_organizations()
    assert User.objects.get(username="alice").ssh_keys.get().line == people.KEY
    assert Organization.objects.count() == len(people.ORGANIZATIONS)


def test_three_have_asked_for_vms_until_that_is_decided(db: None) -> None:
    people.ensure_people()
    people.ensure_organizations()
    for _ in range(2):
        people.ensure_network()
        people.ensure_applications()
    states = InstanceApplication.objects.order_by("hostname").values_list("applicant__username", "status")
    assert list(states) == [("alice", 106), ("erik", 100), ("charlie", 100)]


def test_missing_permissions_are_no_silent_loss(db: None) -> None:
    Permission.objects.filter(codename="can_lock").delete()
    with pytest.raises(LookupError, match="carla"):
        people.ensure_people()


def test_the_clusters_are_pinned_and_move_with_the_simulator(db: None) -> None:
    people.ensure_clusters(CLUSTERS, DESCRIPTIONS)
    Cluster.objects.filter(slug="north").update(description="Renamed by dora")
    people.ensure_clusters({**CLUSTERS, "north": {**CLUSTERS["north"], "port": 4712}}, DESCRIPTIONS)
    rows = {row.slug: row for row in Cluster.objects.all()}
    assert {slug: row.description for slug, row in rows.items()} == {**DESCRIPTIONS, "north": "Renamed by dora"}
    assert (rows["north"].port, rows["south"].port) == (4712, 4711)
    assert rows["east"].endpoint().fingerprint == ENDPOINT["fingerprint"]
    rows["east"].full_clean(exclude=["fingerprint"])


# ---- when it refuses --------------------------------------------------------------------------------------


def test_it_never_touches_a_real_site(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert not hasattr(settings, "DEMO")
    with pytest.raises(SystemExit) as ended:
        call_command("demo")
    assert ended.value.code == 1
    assert "settings of a real site" in capsys.readouterr().err


def test_a_taken_port_is_said_in_a_sentence(settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEMO, settings.VAR_DIR = True, tmp_path
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            call_command("demo", port=port)
    said = capsys.readouterr().err.strip()
    assert ended.value.code == 1
    assert said.startswith(f"Port {port} is not free")
    assert len(said.splitlines()) == 1


# ---- the whole of it -----------------------------------------------------------------------------------------


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "settings.py"
    file.write_text((ROOT / "contrib" / "demo" / "settings.py").read_text() + f"VAR_DIR = {str(tmp_path / 'demo')!r}\n")
    return file


@pytest.fixture
def running(settings_file: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """A demo that has come up, its port, and what it printed."""
    port = free_port()
    demo = start(settings_file, port)
    try:
        assert demo.stdout
        printed = ""
        for line in demo.stdout:
            printed += line
            if line.startswith("Ctrl-C"):
                break
        yield demo, port, printed
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)


def start(settings_file: Path, port: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "GANETIMGR_SETTINGS": str(settings_file), "PORT": str(port)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def children_of(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found] + [more for child in found for more in children_of(int(child))]


@pytest.mark.services
def test_it_comes_up_shows_the_sign_ins_and_ends_without_a_trace(
    running: tuple[subprocess.Popen[str], int, str], settings_file: Path
) -> None:
    demo, port, printed = running
    assert f"http://127.0.0.1:{port}/" in printed
    assert all(re.search(rf"^  {name} +{name} ", printed, re.MULTILINE) for name in people.PEOPLE)

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/user/login/?next=/secret-token/")
    assert connection.getresponse().status == 200
    state = settings_file.parent / "demo"
    assert f"its mails in {state / 'mail'}" in printed
    assert (state / "secret-key").stat().st_mode & 0o777 == 0o600
    log = (state / "log" / "web.log").read_text()
    assert "GET /user/login/ 200" in log
    assert "secret-token" not in log

    second = start(settings_file, port + 1 if port < 65535 else port - 1)
    assert "runs already" in second.communicate(timeout=60)[0]
    assert second.returncode == 1

    children = children_of(demo.pid)
    assert len(children) >= 4  # simulator, watcher, gunicorn and its workers
    demo.send_signal(signal.SIGINT)
    assert demo.communicate(timeout=60)[0].strip() == "The demo has ended."
    assert demo.returncode == 0
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []


@pytest.mark.services
def test_when_one_process_dies_all_end_and_it_says_which(running: tuple[subprocess.Popen[str], int, str]) -> None:
    demo, _, _ = running
    children = children_of(demo.pid)
    watcher = next(child for child in children if b"watcher.py" in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(watcher, signal.SIGKILL)
    said = demo.communicate(timeout=60)[0]
    assert "The watcher ended by itself (SIGKILL)." in said
    assert demo.returncode == 1
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
