"""The Makefile, .ci/run, contrib/with-real-ganeti and the plugin that forbids skips, each with its helpers made up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class TestMakefile:
    def test_make_alone_explains_every_command(self):
        said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert phony is not None
        for command in phony[1].split():
            assert re.search(rf"^make {command} +\w", said, re.MULTILINE), command


class TestCiRun:
    @pytest.fixture
    def run(self, tmp_path):
        """What .ci/run asked of make, given a make that fails at a target."""

        def run(fails_at):
            log = tmp_path / "log"
            program(tmp_path / "make", f'echo "$1 $PYTEST_ADDOPTS" >>{log}; [ "$1" != "{fails_at}" ]')
            environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CI": "true", "PYTEST_ADDOPTS": ""}
            done = subprocess.run(["bash", ".ci/run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False)
            return done.returncode == 0, log.read_text().split()

        return run

    def test_it_checks_then_tests_and_lets_no_skip_pass(self, run):
        forbids = ["-p", "tests.plugins.no_skips"]
        assert run(fails_at="nothing") == (True, ["lint", *forbids, "test", *forbids])

    @pytest.mark.parametrize("target", ["lint", "test"])
    def test_it_fails_when_either_does(self, run, target):
        assert run(fails_at=target)[0] is False


class TestWithRealGaneti:
    @pytest.fixture
    def run(self, tmp_path):
        """Whether the command's status came back, and all that was called, given a testbed's behaviour."""

        def run(status, up="echo facts", command="true"):
            script = tmp_path / "contrib/with-real-ganeti"
            script.parent.mkdir()
            shutil.copy(ROOT / "contrib/with-real-ganeti", script)
            log = tmp_path / "log"
            testbed = f"""
                kvm=
                [ "$1" != --state ] || {{ kvm=kvm-; shift 2; }}
                echo $kvm$1 >>{log}
                case $1 in status) exit {status};; up) {up};; esac
            """
            program(tmp_path / "contrib/ganeti-testbed/testbed", testbed)
            program(
                tmp_path / "command", f"echo command $(cat $GANETI_TESTBED $GANETI_TESTBED_KVM 2>&1) >>{log}; {command}"
            )
            done = subprocess.run([str(script), str(tmp_path / "command")], stdin=subprocess.DEVNULL, check=False)
            return done.returncode, log.read_text().splitlines()

        return run

    def test_clusters_that_were_not_there_are_brought_up_and_taken_down(self, run, tmp_path):
        begins = ["status", "kvm-status", "up", "kvm-up"]
        assert run(status=3) == (0, [*begins, "command facts facts", "down", "kvm-down"])
        assert not list((tmp_path / "var").iterdir())

    def test_clusters_that_were_there_stay(self, run, tmp_path):
        assert run(status=0) == (0, ["status", "kvm-status", "up", "kvm-up", "command facts facts"])
        assert {path.name for path in (tmp_path / "var").iterdir()} == {"testbed.json", "testbed-kvm.json"}

    def test_the_command_runs_without_facts_where_there_are_no_clusters(self, run):
        status, called = run(status=3, up="exit 1")
        assert status == 0
        assert called[4].count("No such file") == 2

    def test_the_status_is_the_command_s(self, run):
        assert run(status=3, command="exit 5")[0] == 5


@pytest.fixture
def run_pytest(tmp_path):
    """Runs pytest of its own in an empty directory, with plugins of ours; gives back its status and what it said."""

    def run(*words):
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", ".", "-p", "no:django", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


class TestSharingOut:
    def test_one_worker_gets_all_of_real_ganeti_and_others_get_whole_files(self, run_pytest, tmp_path):
        source = "import os, pathlib\n" + "".join(
            f"def test_{number}(): pathlib.Path(__file__ + os.environ['PYTEST_XDIST_WORKER']).touch()\n"
            for number in range(4)
        )
        for name in ("real/test_a.py", "real/test_b.py", "test_c.py", "test_d.py"):
            path = tmp_path / "tests" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        assert run_pytest("-n", "2", "-p", "tests.plugins.share_out", "tests")[0] == 0
        workers = {path.name.partition(".py")[::2] for path in (tmp_path / "tests").rglob("*.pygw?")}
        assert len(workers) == 4, "every file stays with one worker"
        assert len({worker for name, worker in workers if name in {"test_a", "test_b"}}) == 1


class TestNoSkips:
    @pytest.fixture
    def pytest_says(self, run_pytest, tmp_path):
        def run(source):
            (tmp_path / "test_it.py").write_text(f"import pytest\n{source}\n")
            return run_pytest("-p", "tests.plugins.no_skips", "test_it.py")

        return run

    @pytest.mark.parametrize(
        "source",
        [
            "def test_a(): pytest.skip('no redis here')",
            "@pytest.mark.skip(reason='no redis here')\ndef test_a(): pass",
            "pytest.skip('no redis here', allow_module_level=True)",
        ],
    )
    def test_a_skip_is_a_failure_with_its_reason(self, pytest_says, source):
        status, said = pytest_says(source)
        assert status != 0
        assert "no redis here (no test may be skipped here)" in said

    def test_what_passes_or_is_expected_to_fail_is_none(self, pytest_says):
        status, said = pytest_says("def test_a(): pass\n@pytest.mark.xfail\ndef test_b(): assert False")
        assert status == 0
        assert "1 passed, 1 xfailed" in said
