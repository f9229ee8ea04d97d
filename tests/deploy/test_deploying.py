"""contrib/deploy with real fab, git, locks and ssh, and a made-up ganetimgr that begins in no time."""

import getpass
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.fake import FAB, Fake
from tests.plugins.servers import free_port

pytestmark = pytest.mark.services


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(tmp_path)
    fake.tag("v1")
    with fake.answering():
        yield fake


@pytest.fixture(scope="module")
def home_of_v1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fake = Fake(tmp_path_factory.mktemp("v1"))
    fake.tag("v1")
    with fake.answering():
        fake.deployed("v1")
    database = fake.home / "var" / "database.json"
    database.write_text(json.dumps({"applied": ["stats.0001_initial"], "rows": ["of a person"]}))
    return fake.directory


@pytest.fixture
def fake_with_v1(home_of_v1: Path, tmp_path: Path) -> Iterator[Fake]:
    """v1 runs, as its deployment left it, and somebody has used it."""
    shutil.copytree(home_of_v1, tmp_path, symlinks=True, dirs_exist_ok=True)
    fake = Fake(tmp_path)
    with fake.answering():
        yield fake


def until(condition: object, what: str) -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


class TestADeployment:
    def test_takes_its_steps_in_their_order_and_says_each(self, fake_with_v1: Fake) -> None:
        fake = fake_with_v1
        fake.tag("v2", "stats.0001_initial stats.0002_more")
        said = fake.deployed("v2")
        expected = [
            "Maintenance", "Fetch v2", "Make its Python environment", "Compare the site's settings", "   nothing new",
            "End web, watchers", "Back up the database", "Switch the symlink to v2", "Migrate the database",
            "   1 migrations", "Collect static files", "Start the web", "Look at them", "Start watchers",
            "Look at everything", "End of maintenance", "v2 runs.",
        ]  # fmt: skip
        lines = [line for line in said.splitlines() if not line.startswith("   To restore it")]
        assert [line[: len(begin)] for line, begin in zip(lines, expected, strict=True)] == expected
        words = [call.split()[0] for call in fake.calls("v2")]
        assert words == ["compare_settings", "showmigrations", "back_up", "migrate", "collectstatic"]
        assert fake.started[-2:] == ["v2 web", "v2 watcher"], "the web first, since it is looked at before others act"
        assert (fake.current, fake.running, fake.is_under_maintenance) == ("v2", ["watcher", "web"], False)
        assert fake.database["applied"] == ["stats.0001_initial", "stats.0002_more"]
        assert (fake.home / "releases" / "v1").is_dir(), "to go back to"
        assert not (fake.home / "deployment.json").exists()
        backup = re.search(r"releases/v2/manage.py restore (\S+-before-v2\.json)$", said, re.MULTILINE)
        assert backup, "it says how its backup is restored"
        assert json.loads(Path(backup[1]).read_text())["rows"] == ["of a person"]
        assert (fake.home / "backups").stat().st_mode & 0o77 == 0, "nobody else's business"

    def test_only_planned_does_nothing(self, fake_with_v1: Fake) -> None:
        fake_with_v1.tag("v2")
        before = sorted(path for path in fake_with_v1.home.rglob("*") if ".git/" not in str(path))
        code, said = fake_with_v1.fab("deploy", "--tag", "v2", "--dry-run")
        assert code == 0
        assert "Runs: v1." in said
        assert " 7. Switch the symlink to v2." in said
        assert before == sorted(path for path in fake_with_v1.home.rglob("*") if ".git/" not in str(path))
        assert fake_with_v1.calls("v2") == []

    @pytest.mark.parametrize(
        ("tag", "sentence"), [("v9", "has no tag v9"), ("../v1", "is no name of a release"), ("-v1", "is no name")]
    )
    def test_of_what_is_no_tag_is_refused_before_anything_is_done(self, fake: Fake, tag: str, sentence: str) -> None:
        code, said = fake.fab("deploy", f"--tag={tag}")
        assert code == 1
        assert sentence in said
        assert not fake.is_under_maintenance
        assert not (fake.home / "releases").exists()

    def test_of_a_tag_that_moved_is_refused(self, fake_with_v1: Fake) -> None:
        fake_with_v1.git("commit", "-q", "--allow-empty", "-m", "other")
        fake_with_v1.git("tag", "-f", "v1")
        code, said = fake_with_v1.fab("deploy", "--tag", "v1")
        assert code == 1
        assert "but the tag is" in said
        assert (fake_with_v1.running, fake_with_v1.is_under_maintenance) == (["watcher", "web"], False)


class TestTheEnvironment:
    def test_is_made_once_for_the_same_requirements(self, fake: Fake) -> None:
        python, log = fake.directory / "python", fake.directory / "pip.log"
        python.write_text(
            f'#!/bin/sh\n[ "$1" != --version ] || {{ echo Python 3.11; exit; }}\nmkdir -p "$3/bin"\n'
            f'ln -s "$(command -v python3)" "$3/bin/python"\n'
            f'printf \'#!/bin/sh\\necho "$@" >>{log}\\n\' >"$3/bin/pip"; chmod 755 "$3/bin/pip"\n'
        )
        python.chmod(0o755)
        fake.write_site(python=str(python), environment="")
        fake.deployed("v1")
        fake.tag("v2")
        assert fake.fab("prepare", "--tag", "v2")[0] == 0
        (installed,) = log.read_text().splitlines()
        assert installed.endswith(f"-r {fake.home}/releases/v1/requirements.txt")
        assert len(list((fake.home / "environments").iterdir())) == 1
        links = {(fake.home / "releases" / tag / ".venv").readlink() for tag in ("v1", "v2")}
        assert len(links) == 1
        assert (fake.current, fake.is_under_maintenance) == ("v1", False), "what is only prepared does not run"


class TestGoingBack:
    """Whatever fails, the release before answers in the end, with a database that fits it."""

    BOTH = "stats.0001_initial stats.0002_more"

    def back_on_v1(self, fake: Fake) -> bool:
        there = (fake.current, fake.running, fake.is_under_maintenance)
        return there == ("v1", ["watcher", "web"], False) and fake.database["applied"] == ["stats.0001_initial"]

    def test_bad_settings_end_it_before_anything_is_stopped(self, fake_with_v1: Fake) -> None:
        fake_with_v1.tag("v2", self.BOTH, "bad settings")
        code, said = fake_with_v1.fab("deploy", "--tag", "v2")
        assert code == 1
        assert "DEBUG is on" in said
        assert self.back_on_v1(fake_with_v1)
        assert fake_with_v1.started == ["v1 web", "v1 watcher"], "nothing was started again"

    @pytest.mark.parametrize("fault", ["bad migration", "web"])
    def test_the_backup_is_restored_as_long_as_nobody_has_acted(self, fake_with_v1: Fake, fault: str) -> None:
        signs = [fault] if fault != "web" else []
        fake_with_v1.tag("v2", self.BOTH, *signs, broken="web" if fault == "web" else "")
        code, said = fake_with_v1.fab("deploy", "--tag", "v2")
        assert code == 1
        assert ("no such column" if signs else "web ends at once") in said
        assert "v1 runs, as before." in said
        assert any(call.startswith("restore --no-input") for call in fake_with_v1.calls("v2"))
        assert self.back_on_v1(fake_with_v1)
        assert "collectstatic" in fake_with_v1.calls("v1")[-1], "static files are the older release's again"

    def test_what_watchers_wrote_is_kept_and_only_migrations_are_undone(self, fake_with_v1: Fake) -> None:
        fake_with_v1.tag("v2", self.BOTH, broken="watcher")
        code, said = fake_with_v1.fab("deploy", "--tag", "v2")
        assert code == 1
        assert "watcher ends at once" in said
        assert "migrate --no-input -v0 stats 0001_initial" in fake_with_v1.calls("v2")
        assert not any(call.startswith("restore") for call in fake_with_v1.calls("v2"))
        assert "of a person" in fake_with_v1.database["rows"]
        assert "written by a watcher" in fake_with_v1.database["rows"]
        assert self.back_on_v1(fake_with_v1)

    def test_where_a_migration_cannot_be_undone_maintenance_stays_and_somebody_decides(
        self, fake_with_v1: Fake
    ) -> None:
        fake_with_v1.tag("v2", self.BOTH, "irreversible", broken="watcher")
        code, said = fake_with_v1.fab("deploy", "--tag", "v2")
        assert code == 1
        assert "It could not go back, either" in said
        assert re.search(r"To restore it, losing what was written since: \S+/v2/manage.py restore \S+", said)
        assert fake_with_v1.is_under_maintenance
        assert fake_with_v1.running == [], "nothing runs on a database that does not fit"
        assert "written by a watcher" in fake_with_v1.database["rows"]

    def test_a_first_release_that_fails_leaves_nothing_running(self, fake: Fake) -> None:
        fake.tag("v2", broken="watcher")
        code, said = fake.fab("deploy", "--tag", "v2")
        assert code == 1
        assert "Nothing runs, as before." in said
        assert (fake.current, fake.running) == ("", [])


class TestKilledHalfWay:
    @pytest.fixture
    def killed(self, fake_with_v1: Fake) -> Fake:
        """v2 has migrated, and its web processes were about to start, when the deployer was killed."""
        fake = fake_with_v1
        fake.tag("v2", "stats.0001_initial stats.0002_more")
        (fake.home / "hold").write_text("start")
        process = fake.begin("deploy", "--tag", "v2")
        journal = fake.home / "deployment.json"
        until(lambda: journal.exists() and "Start the web" in journal.read_text(), "the step")
        process.send_signal(signal.SIGKILL)
        process.wait()
        (fake.home / "hold").unlink()
        return fake

    def test_the_next_run_says_where_it_was_and_goes_on(self, killed: Fake) -> None:
        assert killed.is_under_maintenance
        assert "Left half way: the deployment of v2, at “Start the web processes.”" in killed.fab("status")[1]
        said = killed.deployed("v2")
        assert "Left half way: the deployment of v2, at “Start the web processes.”" in said
        assert "Going on." in said
        assert [call for call in killed.calls("v2") if "back_up" in call][1:] == [], "the backup from before counts"
        assert (killed.current, killed.running, killed.is_under_maintenance) == ("v2", ["watcher", "web"], False)

    def test_or_goes_back(self, killed: Fake) -> None:
        code, said = killed.fab("deploy", "--tag", "v1")
        assert (code, "“fab back” goes back to v1" in said) == (1, True)
        code, said = killed.fab("back")
        assert code == 0, said
        assert "v1 runs, as before." in said
        assert killed.database["applied"] == ["stats.0001_initial"]
        assert "of a person" in killed.database["rows"]
        assert (killed.current, killed.running, killed.is_under_maintenance) == ("v1", ["watcher", "web"], False)
        assert killed.fab("back")[0] == 1, "there is nothing to go back from any more"


class TestTwoAtOnce:
    def test_the_second_one_is_told_so(self, fake_with_v1: Fake) -> None:
        fake_with_v1.tag("v2")
        (fake_with_v1.home / "hold").write_text("stop")
        first = fake_with_v1.begin("deploy", "--tag", "v2")
        journal = fake_with_v1.home / "deployment.json"
        until(lambda: journal.exists() and "End web" in journal.read_text(), "the first one")
        code, said = fake_with_v1.fab("deploy", "--tag", "v2")
        (fake_with_v1.home / "hold").unlink()
        assert (code, "Somebody else deploys" in said) == (1, True)
        assert first.wait(timeout=300) == 0
        assert fake_with_v1.current == "v2"


class TestOldReleases:
    @pytest.fixture
    def three(self, fake_with_v1: Fake) -> Fake:
        """v1 runs, v0 ran before it, v2 is to be deployed."""
        (fake_with_v1.home / "releases" / "v0").mkdir()
        fake_with_v1.tag("v2")
        return fake_with_v1

    def test_stay_where_nobody_can_be_asked(self, three: Fake) -> None:
        assert "v0 stays." in three.deployed("v2")
        assert (three.home / "releases" / "v0").is_dir()

    def test_go_when_somebody_says_so(self, three: Fake) -> None:
        leader, follower = pty.openpty()
        with subprocess.Popen(
            [*FAB, "deploy", "--tag", "v2", "--site", str(three.site)], stdin=follower, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=three.environment,
        ) as process:  # fmt: skip
            os.write(leader, b"y\n")
            assert process.stdout is not None
            said = process.stdout.read().decode()
        os.close(leader)
        os.close(follower)
        assert "Remove v0, not needed to go back? [y/N]" in said
        assert sorted(path.name for path in (three.home / "releases").iterdir()) == ["v1", "v2"]


class TestOverSsh:
    @pytest.fixture
    def sshd(self, fake: Fake) -> Iterator[int]:
        """A real sshd on this machine that lets one key in."""
        ssh = fake.directory / ".ssh"
        ssh.mkdir(mode=0o700)
        for name in ("id_ed25519", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh / name)], check=True)
        shutil.copy(ssh / "id_ed25519.pub", ssh / "authorized_keys")
        port = free_port()
        host_key = " ".join((ssh / "host.pub").read_text().split()[:2])
        (ssh / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        words = [f"HostKey={ssh}/host", f"AuthorizedKeysFile={ssh}/authorized_keys", "StrictModes=no", "UsePAM=no"]
        options = [word for option in [*words, "PidFile=none"] for word in ("-o", option)]
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port), *options]
        with (fake.directory / "sshd.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "sshd")
            yield port
            process.terminate()

    def where(self, fake: Fake, port: int) -> tuple[str, ...]:
        return ("-H", f"{getpass.getuser()}@127.0.0.1:{port}", "-i", f"{fake.directory}/.ssh/id_ed25519")

    def test_it_is_the_same_on_another_machine(self, fake: Fake, sshd: int) -> None:
        """With its lock, its files and a checkout; a whole deployment is many more of the same commands."""
        code, said = fake.fab(*self.where(fake, sshd), "prepare", "--tag", "v1")
        assert code == 0, said
        assert "Fetch v1." in said
        assert (fake.home / "releases" / "v1" / "settings.py").resolve() == fake.home / "settings.py"
        assert (fake.home / "releases" / "v1" / "name").read_text() == "v1"
        assert "Runs: nothing yet." in fake.fab(*self.where(fake, sshd), "status")[1]

    def test_a_machine_whose_key_nobody_knows_is_not_trusted(self, fake: Fake, sshd: int) -> None:
        (fake.directory / ".ssh" / "known_hosts").write_text("")
        code, said = fake.fab(*self.where(fake, sshd), "deploy", "--tag", "v1")
        assert code == 1
        assert "not found in known_hosts" in said
        assert fake.current == ""
