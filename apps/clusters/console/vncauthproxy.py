"""The line protocol of the proxy of ganetimgr 2.x (twisted_vncauthproxy): one line of JSON asks for a port."""

import json
import secrets
import socket
import time
from typing import NamedTuple

PATIENCE = 8.0  # seconds for connecting, and as many for the answer
_MOST_ANSWER = 4096
_ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 8  # more than that VNC does not look at


class ProxyFailed(Exception):
    """It did not give a port; the text says why, for logs."""


class Way(NamedTuple):
    """Where the browser goes, and with which password."""

    host: str
    port: int
    password: str


def ask(proxy: str, target: tuple[str, int], *, tls: bool) -> Way:
    """Has the proxy at "host:port" open a port that leads to `target`; raises ProxyFailed."""
    host, _, port = proxy.rpartition(":")
    host = host.strip("[]")
    password = "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))
    wanted = {"daddr": target[0], "dport": target[1], "password": password, "ws": True, "tls": tls}
    try:
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(json.dumps(wanted).encode() + b"\r\n")
            answer = _line(connection)
    except (OSError, ValueError) as error:
        raise ProxyFailed(f"{proxy}: {error}") from error
    if not answer.isdigit() or not 0 < int(answer[:6]) < 65536:
        raise ProxyFailed(f"{proxy} said {answer[:200].decode('ascii', 'replace')!r}")
    return Way(host, int(answer), password)


def _line(connection: socket.socket) -> bytes:
    content = b""
    until = time.monotonic() + PATIENCE
    while b"\n" not in content and len(content) < _MOST_ANSWER:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        part = connection.recv(1024)
        if not part:
            break
        content += part
    return content.partition(b"\n")[0].strip()
