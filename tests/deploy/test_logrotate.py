"""contrib/logrotate with the real logrotate, on files that are written to as our processes do: no line is lost."""

import getpass
import grp
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.services

# What watcher.py and console.py do with --log-file, and what a shell does for gunicorn with 2>>web.log
WATCHER = """
import logging, sys
from ganetimgr import processes
processes._log_to(sys.argv[1], logging.INFO)
for line in sys.stdin:
    logging.getLogger("ganetimgr").info(line.strip())
"""
WEB = 'exec 2>>"$0"; while read line; do echo "$line" >&2; done'


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir(mode=0o700)
    text = (ROOT / "contrib" / "logrotate" / "ganetimgr").read_text()
    assert text.count("/opt/ganetimgr/var/") == 3
    us = f"su {getpass.getuser()} {grp.getgrgid(os.getegid()).gr_name}"
    path = tmp_path / "ganetimgr"
    path.write_text(text.replace("/opt/ganetimgr", str(tmp_path)).replace("su ganetimgr ganetimgr", us))
    path.chmod(0o644)
    return path


def rotate(configuration: Path, *options: str) -> str:
    command = ["/usr/sbin/logrotate", "--state", str(configuration.with_name("state")), *options, str(configuration)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    return done.stderr


def until_it_says(path: Path, word: str) -> None:
    end = time.monotonic() + 60
    while not path.exists() or word not in path.read_text():
        assert time.monotonic() < end, f"{path.name} never says {word}"
        time.sleep(0.02)


def test_logrotate_finds_nothing_to_complain_about(configuration: Path) -> None:
    (configuration.parent / "var" / "web.log").write_text("one\n")
    assert "considering log" in rotate(configuration, "--debug")


def test_who_writes_goes_on_in_the_new_file_and_the_old_one_is_kept(configuration: Path) -> None:
    var = configuration.parent / "var"
    logs = {"watcher": [sys.executable, "-c", WATCHER], "web": ["sh", "-c", WEB]}
    writers = {
        name: subprocess.Popen([*command, str(var / f"{name}.log")], cwd=ROOT, stdin=subprocess.PIPE, text=True)
        for name, command in logs.items()
    }
    for word in ("before", "after"):
        for name, writer in writers.items():
            assert writer.stdin is not None
            writer.stdin.write(f"{word}\n")
            writer.stdin.flush()
            until_it_says(var / f"{name}.log", word)
        if word == "before":
            rotate(configuration, "--force")
    for name, writer in writers.items():
        writer.communicate()
        assert "before" in (var / f"{name}.log.1").read_text()
        assert "before" not in (var / f"{name}.log").read_text()
        assert (var / f"{name}.log.1").read_text().count("after") == 0
    rotate(configuration, "--force")
    assert (var / "web.log.2.gz").exists(), "the one before is packed"
