"""Whether there is something at a web address that a stranger gave us, asked without becoming his tool.

Only addresses that everybody on the internet can reach are spoken to, the one that was checked is the one that is
connected to (a name is looked up once), redirections are treated alike, and nothing of an answer comes out of here
but whether there was something.
"""

import email
import enum
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

from ganeti.transport import at_most

MAX_REDIRECTS = 3
MAX_HEAD = 2**15  # bytes of an answer's head
MAX_ADDRESSES = 2  # of one host that are tried
_STEP = 2**12
PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[Address]]

# Stricter than the standards: what different programs could read differently is no address here.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?][!-~]*)?)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Not for hosts, though Python's releases do not agree on them: for protocols, tunnels and documentation.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")
)


class Finding(enum.Enum):
    FOUND = "found"
    MISSING = "missing"  # the server says that there is nothing, or nothing for us
    SILENT = "silent"  # the server could not be reached, or gave no answer in time
    CLOSED = "closed"  # not a host of the internet: unknown, or in a network that is not for everybody


@dataclass(frozen=True, slots=True)
class Place:
    """A web address taken apart."""

    scheme: str
    host: str  # a name, or an address without brackets
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """The host where it is an address and no name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def place_of(url: str) -> Place | None:
    """None for what is no http or https address, or has a user name in it, or a host in an odd spelling."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or PORTS[scheme])
    if not 0 < port < 2**16 or not _is_host(host):
        return None
    rest = match["rest"]
    return Place(scheme, host.strip("[]"), port, rest if rest.startswith("/") else f"/{rest}")


def _is_host(host: str) -> bool:
    """A name, or an address in its usual spelling: not "2130706433", "0x7f.1" or "127.1", which some take for one."""
    try:
        if host.startswith("["):
            return bool(ipaddress.IPv6Address(host.strip("[]")))
        if host.rpartition(".")[2][:1].isdigit():
            return bool(ipaddress.IPv4Address(host))
    except ValueError:
        return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def may_be_asked(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether everybody on the internet can reach this address, or the site allows its network."""
    if _is_in(address, allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.sixtofour or _behind_nat64(address)
        if inner is not None:
            return may_be_asked(inner, allowed)
        if address not in _GLOBAL_6:  # what has an IPv4 address inside in one of the other ways, among others
            return False
    is_special = address.is_multicast or address.is_reserved or _is_in(address, _SPECIAL)
    return address.is_global and not is_special


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _behind_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def looked_up(host: str, port: int) -> list[Address]:
    """The addresses of a host; none where there is no such name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))


def look_for(
    url: str, *, allowed: Iterable[Network] = (), within: float = 5.0, resolve: Resolve = looked_up
) -> Finding:
    """Whether there is something at `url`, after three redirections at most, in `within` seconds at most."""
    ends_at, allowed = time.monotonic() + within, tuple(allowed)
    try:
        with at_most(within):
            for _ in range(MAX_REDIRECTS + 1):
                place = place_of(url)
                if place is None:  # where a redirection leads
                    return Finding.CLOSED
                addresses = [place.address] if place.address else resolve(place.host, place.port)
                if not addresses or not all(may_be_asked(address, allowed) for address in addresses):
                    return Finding.CLOSED
                status, location = _head(place, addresses, allowed, ends_at)
                if status not in (301, 302, 303, 307, 308) or not location:
                    return _finding(status)
                url = urljoin(url, location.partition("#")[0])
            return Finding.MISSING
    except (OSError, ValueError):  # TimeoutError is an OSError
        return Finding.SILENT


def _finding(status: int) -> Finding:
    if 200 <= status < 300:
        return Finding.FOUND
    return Finding.MISSING if 400 <= status < 500 and status != 429 else Finding.SILENT


def _head(place: Place, addresses: list[Address], allowed: tuple[Network, ...], ends_at: float) -> tuple[int, str]:
    """The status of the answer and where it sends us; HEAD, for Ganeti and QEMU begin with that, too."""
    with _connected(place, addresses, allowed, ends_at) as sock:
        request = (
            f"HEAD {place.path} HTTP/1.1\r\nHost: {place.authority}\r\nUser-Agent: ganetimgr\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n"
        )
        sock.settimeout(_left(ends_at))
        sock.sendall(request.encode("ascii"))
        head = _read_head(sock, ends_at)
    line, _, fields = head.partition("\n")
    protocol, status = [*line.split(), "", ""][:2]
    if not protocol.startswith("HTTP/1.") or not status.isdigit():
        raise ValueError("no HTTP")
    return int(status), str(email.message_from_string(fields).get("Location", ""))


def _read_head(sock: socket.socket, ends_at: float) -> str:
    head = bytearray()
    while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < MAX_HEAD:
        sock.settimeout(_left(ends_at))
        piece = sock.recv(_STEP)
        if not piece:
            break
        head += piece
    return head.decode("latin-1").replace("\r\n", "\n")


def _connected(place: Place, addresses: list[Address], allowed: tuple[Network, ...], ends_at: float) -> socket.socket:
    """A connection to one of these very addresses, with TLS for the name where the scheme says so."""
    error: OSError = OSError("no address")
    for address in addresses[:MAX_ADDRESSES]:
        try:
            sock = socket.create_connection((str(address), place.port), timeout=_left(ends_at))
        except OSError as failed:
            error = failed
            continue
        try:
            if _is_ourselves(sock) and not _is_in(address, allowed):
                raise OSError("our own address, which may let us in where it lets nobody else")
            if place.scheme == "http":
                return sock
            return ssl.create_default_context().wrap_socket(sock, server_hostname=place.host)
        except BaseException:
            sock.close()
            raise
    raise error


def _is_ourselves(sock: socket.socket) -> bool:
    return bool(sock.getsockname()[0] == sock.getpeername()[0])


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
