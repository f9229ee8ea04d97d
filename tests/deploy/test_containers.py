"""contrib/Containerfile without an engine, as far as that goes: its files, laid out as it says, and the words that a
container is run with, in a tree of which nothing but var changes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.plugins.servers import free_port

pytestmark = pytest.mark.services
ROOT = Path(__file__).resolve().parent.parent.parent


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions in their order: the word, and what it is told."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "contrib" / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]


def last_stage() -> list[tuple[str, str]]:
    all_of_them = instructions()
    begin = max(number for number, (word, _) in enumerate(all_of_them) if word == "FROM")
    return all_of_them[begin:]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/ganetimgr as the last stage copies it together, with this environment in the place of the built one."""
    place = tmp_path_factory.mktemp("image") / "ganetimgr"
    place.mkdir()
    for word, told in last_stage():
        if word == "COPY" and not told.startswith("--from"):
            *sources, target = told.split()
            for source in sources:
                end = place / target if (ROOT / source).is_dir() else place / target / Path(source).name
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, end)
    (place / ".venv").symlink_to(sys.prefix)
    (place / "var").mkdir()
    for directory in place.rglob("__pycache__"):
        shutil.rmtree(directory)
    return place


class Container:
    """Runs the image's entry as the image would: its words, its environment, its directory."""

    def __init__(self, image: Path) -> None:
        self.image, self.port = image, free_port()
        told = dict(pair.split("=") for word, told in last_stage() if word == "ENV" for pair in told.split())
        self.environment = {"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{self.port}", **told}

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self.image.parent / "log").open("ab") as log:
            return subprocess.Popen(
                ["contrib/container/entry", *words], cwd=self.image, env=self.environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def is_healthy(self, process: "subprocess.Popen[bytes]") -> bool:
        environment = {**self.environment, "HEALTHY_PID": str(process.pid)}
        command = ["contrib/container/healthy"]
        return subprocess.run(command, cwd=self.image, env=environment, capture_output=True).returncode == 0

    def log(self) -> str:
        return (self.image.parent / "log").read_text()


@pytest.fixture
def container(image: Path) -> Iterator[Container]:
    yield Container(image)


def tree(image: Path) -> dict[str, tuple[int, int]]:
    """All files but those in var, with what would tell that they were written to."""
    paths = (path for path in image.rglob("*") if not path.is_relative_to(image / "var"))
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths}


def test_each_process_comes_up_is_healthy_and_writes_to_var_alone(image: Path, container: Container) -> None:
    before = tree(image)
    assert container.start("migrate").wait(timeout=600) == 0, container.log()
    assert (image / "var" / "static" / "css" / "app.css").is_file()
    for words in (["web", "-w", "1"], ["watcher"], ["console"]):
        process = container.start(*words)
        end = time.monotonic() + 60
        while not container.is_healthy(process):
            assert process.poll() is None, container.log()
            assert time.monotonic() < end, f"{words} is never healthy: {container.log()}"
            time.sleep(0.2)
        if words[0] == "web":
            page = requests.get(f"http://127.0.0.1:{container.port}/user/login/", timeout=30)
            assert page.status_code == 200
            assert requests.get(f"http://127.0.0.1:{container.port}/static/css/app.css", timeout=30).ok
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
    assert tree(image) == before


@pytest.mark.parametrize("name", ["gunicorn", "console.py"])
def test_a_process_that_answers_nobody_is_not_healthy(name: str, container: Container) -> None:
    with subprocess.Popen([name, "60"], executable="/bin/sleep") as process:
        assert not container.is_healthy(process)
        process.kill()


def test_the_image_is_nobody_s_but_var() -> None:
    told = dict(last_stage())
    assert told["USER"] == "10001:10001"
    assert told["VOLUME"] == "/opt/ganetimgr/var"
    assert told["HEALTHCHECK"].endswith('CMD ["contrib/container/healthy"]')
    assert told["ENTRYPOINT"] == '["contrib/container/entry"]'
    bases = [told.split()[0] for word, told in instructions() if word == "FROM"]
    assert set(bases) == {"python:3.11-slim-bookworm"}


def test_all_that_is_in_the_house_is_in_the_image(image: Path) -> None:
    """A new room must not be forgotten: every package of the checkout is there."""
    inside = {path.name for path in image.iterdir()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= inside
    assert {"templates", "static", "locale", "manage.py", "watcher.py", "console.py"} <= inside


def test_what_only_runs_is_installed_and_no_compiler() -> None:
    (first, second) = (told for word, told in instructions() if word == "RUN" and "apt-get" in told)
    assert "build-essential" in first
    assert "build-essential" not in second
    for package in ("libmariadb3", "libldap-2.5-0", "libsasl2-2", "mariadb-client"):
        assert package in second
