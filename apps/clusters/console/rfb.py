"""How VNC (RFB, RFC 6143) begins: with the node's server as its client, then with the browser as its server.

The browser never learns the screen's password: towards it no authentication is needed, since the ticket was one.
Everything after the security handshake passes as it comes.
"""

import socket
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from apps.clusters.console.endings import NODE_SILENT, NOT_VNC, WANTS_PASSWORD, WANTS_TLS, Ended

VERSION = b"RFB 003.008\n"
NONE, VNC_AUTH = 1, 2
ENCRYPTED = frozenset({18, 19})  # TLS, VeNCrypt
_MOST_REASON = 4096

Read = Callable[[int], bytes]


def reader(connection: socket.socket) -> Read:
    """Reads exactly so many bytes from a connection; Ended when it ends before that."""

    def read(count: int) -> bytes:
        content = b""
        while len(content) < count:
            part = connection.recv(count - len(content))
            if not part:
                raise Ended(NODE_SILENT)
            content += part
        return content

    return read


def meet_the_screen(connection: socket.socket, password: str = "") -> None:
    """Brings a connection to a VNC server to where its client says which pixels it wants; Ended where that fails."""
    read = reader(connection)
    minor = _version(read(12))
    connection.sendall(b"RFB 003.%03d\n" % minor)
    if minor == 3:  # the server decides
        chosen = int.from_bytes(read(4), "big")
        if chosen not in (NONE, VNC_AUTH):
            raise Ended(WANTS_TLS if chosen in ENCRYPTED else NOT_VNC)
    else:
        chosen = _choice(read, bool(password))
        connection.sendall(bytes([chosen]))
    if chosen == VNC_AUTH:
        if not password:
            raise Ended(WANTS_PASSWORD)
        connection.sendall(response(read(16), password))
    if (chosen == VNC_AUTH or minor == 8) and int.from_bytes(read(4), "big") != 0:
        raise Ended(WANTS_PASSWORD)


def meet_the_browser(read: Read, send: Callable[[bytes], None]) -> None:
    """The same for the browser, which is offered no authentication."""
    send(VERSION)
    minor = _version(read(12))
    if minor == 3:
        send(NONE.to_bytes(4, "big"))
        return
    send(bytes([1, NONE]))
    if read(1)[0] != NONE:
        raise Ended(NOT_VNC)
    if minor == 8:
        send((0).to_bytes(4, "big"))


def response(challenge: bytes, password: str) -> bytes:
    """The answer to VNC's challenge: DES with the password as key, each of whose bytes is turned around."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
    cipher = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()  # noqa: S305  (so VNC wants it; three equal keys are DES)
    return cipher.update(challenge) + cipher.finalize()


def _version(greeting: bytes) -> int:
    """The minor version to speak: 3, 7 or 8."""
    if not (greeting.startswith(b"RFB 003.") and greeting.endswith(b"\n") and greeting[8:11].isdigit()):
        raise Ended(NOT_VNC)
    minor = int(greeting[8:11])
    return 8 if minor >= 8 else 7 if minor == 7 else 3


def _choice(read: Read, has_password: bool) -> int:
    """What to answer to the security types that are offered."""
    offered = frozenset(read(read(1)[0]))
    if not offered:
        read(min(int.from_bytes(read(4), "big"), _MOST_REASON))  # why: in the server's own words
        raise Ended(NODE_SILENT)
    if NONE in offered:
        return NONE
    if VNC_AUTH in offered and has_password:
        return VNC_AUTH
    if VNC_AUTH in offered:
        raise Ended(WANTS_PASSWORD)
    raise Ended(WANTS_TLS if offered & ENCRYPTED else NOT_VNC)
