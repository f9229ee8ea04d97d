"""IPv6 addresses that nobody handed out: a network's prefix and a card's MAC make one (RFC 4291, appendix A)."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ganeti.objects import Network, Nic

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_PAIRS = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2})*[:-][0-9a-f]{0,2}", re.ASCII)  # a MAC, or how one begins
_FOURS = re.compile(r"[0-9a-f]{4}(\.[0-9a-f]{4}){1,2}", re.ASCII)
_BARE = re.compile(r"[0-9a-f]{12}", re.ASCII)
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


def spellings(word: str) -> tuple[str, ...]:
    """A word that somebody searches for, in lower case, as it is typed; and as we write it where it is an address of
    some kind or begins like one: "2001:0DB8:0:0::7", "[2001:db8::7]", "2001:0db8:", "AA-00-00-00-00-01"."""
    found = (word, in_one_spelling(word), *_inside(word), *_beginning6(word), *_mac(word))
    return tuple(dict.fromkeys(found))


def _inside(word: str) -> tuple[str, ...]:
    """An address that stands in brackets, and an IPv4 address that is dressed as one of IPv6."""
    try:
        address = ipaddress.IPv6Address(word.removeprefix("[").removesuffix("]"))
    except ValueError:
        return ()
    mapped = address.ipv4_mapped
    return (address.compressed, *((str(mapped),) if mapped else ()))


def _beginning6(word: str) -> tuple[str, ...]:
    """How an IPv6 address begins. Groups of two digits at most are rather a MAC's."""
    if not word.endswith(":") or word.endswith("::") or max(map(len, word.split(":"))) <= 2:
        return ()
    try:
        return (ipaddress.IPv6Address(f"{word}:").compressed.removesuffix(":"),)
    except ValueError:
        return ()


def _mac(word: str) -> tuple[str, ...]:
    """A MAC, or how one begins, in pairs with colons."""
    if _PAIRS.fullmatch(word):
        return (word.replace("-", ":"),)
    if _FOURS.fullmatch(word) or _BARE.fullmatch(word):
        digits = word.replace(".", "")
        return (":".join(digits[place : place + 2] for place in range(0, len(digits), 2)),)
    return ()
