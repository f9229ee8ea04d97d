"""IPv6 addresses that nobody handed out: a network's prefix and a card's MAC make one (RFC 4291, appendix A)."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ganeti.objects import Network, Nic

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_HALF = 64  # bits of the network, and of the card
_UNIVERSAL = 1 << 57  # the bit that EUI-64 turns over: whether the MAC is one of its own kind


def address6(prefix: str, mac: str) -> str:
    """The address that a card makes itself in a network: "2001:db8::a800:ff:fe00:1". Empty where there is none.

    Networks of other sizes than /64 have none: half of the address is the card's.
    """
    network = network6(prefix)
    mac = mac.lower()
    if network is None or not _MAC.fullmatch(mac):
        return ""
    digits = mac.replace(":", "")
    card = int(f"{digits[:6]}fffe{digits[6:]}", 16) ^ _UNIVERSAL
    return socket.inet_ntop(socket.AF_INET6, (network | card).to_bytes(16, "big"))


@lru_cache(maxsize=4096)
def network6(prefix: str) -> int | None:
    """The first address of an IPv6 /64 as a number; None for whatever else stands there."""
    try:
        network = ipaddress.IPv6Network(prefix.strip(), strict=False)
    except ValueError:
        return None
    return int(network.network_address) if network.prefixlen == _HALF else None


class Prefixes:
    """The IPv6 prefixes of one cluster's networks: Ganeti's own by their names, those kept by hand by their links."""

    def __init__(self, networks: Iterable[Network] = (), by_link: Mapping[str, str] | None = None) -> None:
        self._by_network = {network.name: network.network6 for network in networks if network.network6}
        self._by_link = by_link or {}

    def address(self, nic: Nic) -> str:
        """The address that this card makes itself; empty where its network has no prefix."""
        prefix = self._by_network.get(nic.network) or self._by_link.get(nic.link)
        return address6(prefix, nic.mac) if prefix else ""


def in_one_spelling(word: str) -> str:
    """An IPv6 address as we write them all, however it is typed; any other word as it is."""
    if word.count(":") < 2:
        return word
    try:
        return ipaddress.IPv6Address(word).compressed
    except ValueError:
        return word
