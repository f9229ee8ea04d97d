"""Real servers for tests, each on a free port with a directory of its own: started, stopped, paused, killed by tests.

A server whose program is missing fails the test that wants it; contrib/install-test-packages installs all of them.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

SECONDS_TO_COME_UP = 300.0  # a bound for a test that hangs, no promise


def free_port() -> int:
    """A port at which nobody listens, below those that the kernel gives to connections: it stays free until a process
    that takes its time to come up listens there."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A process that listens on `port`, which it keeps over restarts. Subclasses say how it is called."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it is ready for work."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> None:
        assert self.process is None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.directory, stdout=log, stderr=log)
        end = time.monotonic() + SECONDS_TO_COME_UP
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """It is there, takes connections (the kernel does), and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(number)
        self.process.wait(timeout=30)
        self.process = None


class Redis(Server):
    """A Redis without a file: what it held is lost when it ends."""

    def command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class Beanstalkd(Server):
    """A broker without a log file: messages are lost when it ends."""

    def command(self) -> list[str]:
        return ["beanstalkd", "-l", "127.0.0.1", "-p", str(self.port)]


class MariaDb(Server):
    """A MariaDB with an empty database called ganetimgr, and a user of that name and password."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.data = directory / "data"
        self._install()
        self.start()
        self.make_database("ganetimgr")
        self.execute("CREATE USER ganetimgr@'%' IDENTIFIED BY 'ganetimgr'", "GRANT ALL ON *.* TO ganetimgr@'%'")

    def _install(self) -> None:
        """Makes the system tables; again where the bootstrap server found no room on a busy machine."""
        command = ["mariadb-install-db", "--no-defaults", *self._as_root(), f"--datadir={self.data}"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        for _ in range(3):
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode == 0:
                return
            shutil.rmtree(self.data, ignore_errors=True)
            time.sleep(3)
        raise AssertionError(f"MariaDB could not be installed: {done.stdout[-2000:]} {done.stderr[-2000:]}")

    def command(self) -> list[str]:
        # Nothing of the machine's own configuration; small. What is committed survives a kill, if not a power cut.
        return [
            "/usr/sbin/mariadbd", "--no-defaults", *self._as_root(), f"--datadir={self.data}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.socket}", f"--pid-file={self.directory}/pid",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--performance-schema=OFF",
        ]  # fmt: skip

    @staticmethod
    def _as_root() -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    @property
    def socket(self) -> str:
        return str(self.directory / "s")  # short: the kernel allows 107 characters

    def answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.Error:
            return False
        return True

    @property
    def as_root(self) -> dict[str, Any]:
        """How PyMySQL connects as the server's own root."""
        return {"unix_socket": self.socket, "user": "root", "ssl_disabled": True}

    def make_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS `{name}`", f"CREATE DATABASE `{name}`")

    def execute(self, *statements: str, values: tuple[Any, ...] = (), database: str | None = None) -> list[tuple]:
        """The rows of the last statement, asked as the server's own root."""
        with pymysql.connect(**self.as_root, database=database, autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def settings(self, name: str = "ganetimgr") -> dict[str, Any]:
        """The entry for a site's DATABASES."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": name,
            "USER": "ganetimgr",
            "PASSWORD": "ganetimgr",
            "HOST": "127.0.0.1",
            "PORT": self.port,
        }


class Nginx(Server):
    """nginx with one file of a site's, in which the words of `replaced` stand for others; TLS on `port`."""

    def __init__(self, directory: Path, site: Path, replaced: dict[str, str]) -> None:
        super().__init__(directory)
        self.certificate = directory / "certificate.pem"
        key = directory / "key.pem"
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=vps.example.org", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", str(key), "-out", str(self.certificate),
            ], check=True, capture_output=True,
        )  # fmt: skip
        self.plain_port = free_port()
        text = site.read_text()
        for word, other in {
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:80;": "",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "listen [::]:443 ssl http2;": "",
            "/etc/ssl/certs/vps.example.org.pem": str(self.certificate),
            "/etc/ssl/private/vps.example.org.key": str(key),
            "/var/log/nginx/": f"{directory}/",
            **replaced,
        }.items():
            assert word in text, f"{site.name} has no {word}"
            text = text.replace(word, other)
        (directory / "site.conf").write_text(text)
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = " ".join(
            f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (directory / "nginx.conf").write_text(
            f"{user} pid {directory}/pid; error_log stderr; events {{}} "
            f"http {{ access_log off; include /etc/nginx/mime.types; {temporary} include {directory}/site.conf; }}"
        )

    def command(self) -> list[str]:
        return ["/usr/sbin/nginx", "-c", str(self.directory / "nginx.conf"), "-g", "daemon off;"]


def running(server: Server) -> Iterator[Any]:
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    yield from running(Redis(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def beanstalkd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beanstalkd]:
    yield from running(Beanstalkd(tmp_path_factory.mktemp("beanstalkd")))


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    server = MariaDb(tmp_path_factory.mktemp("db"))
    yield server
    server.stop()
