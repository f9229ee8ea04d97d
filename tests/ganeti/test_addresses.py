"""IPv6 addresses out of a prefix and a MAC, as cards make them themselves."""

import pytest

from ganeti.addresses import Prefixes, address6, in_one_spelling
from ganeti.objects import Network, Nic

MAC = "34:56:78:9a:bc:de"


@pytest.mark.parametrize(
    ("prefix", "mac", "address"),
    [
        # RFC 4291, appendix A, with the MAC of RFC 2464, section 4: the universal bit is turned, ff:fe goes between
        ("2001:db8::/64", MAC, "2001:db8::3656:78ff:fe9a:bcde"),
        ("2001:db8:1:2::/64", "34:56:78:9A:BC:DE", "2001:db8:1:2:3656:78ff:fe9a:bcde"),
        # a MAC of its own kind, as Ganeti gives them, becomes a local one: 02 is turned into 00 and back
        ("2001:db8:100::/64", "aa:00:00:3f:91:0c", "2001:db8:100:0:a800:ff:fe3f:910c"),
        ("2001:db8::/64", "02:00:00:00:00:01", "2001:db8::ff:fe00:1"),
        # what an operator typed with a host's part is the same network
        ("2001:db8::1/64", MAC, "2001:db8::3656:78ff:fe9a:bcde"),
        (" 2001:db8::/64 ", MAC, "2001:db8::3656:78ff:fe9a:bcde"),
        ("::/64", "00:00:00:00:00:00", "::200:ff:fe00:0"),
    ],
)
def test_prefix_and_mac_make_an_address(prefix: str, mac: str, address: str) -> None:
    assert address6(prefix, mac) == address


@pytest.mark.parametrize("prefix", ["", "2001:db8::/56", "2001:db8::/96", "2001:db8::", "192.0.2.0/24", "x/64", "::/x"])
def test_other_prefixes_make_none(prefix: str) -> None:
    assert address6(prefix, MAC) == ""


@pytest.mark.parametrize("mac", ["", "34:56:78:9a:bc", "34-56-78-9a-bc-de", "34:56:78:9a:bc:dg", f"{MAC}:00", "auto"])
def test_other_macs_make_none(mac: str) -> None:
    assert address6("2001:db8::/64", mac) == ""


class TestPrefixes:
    """Which of a cluster's networks counts for a card."""

    prefixes = Prefixes(
        [Network("public", network6="2001:db8:1::/64"), Network("old", network="192.0.2.0/24")],
        {"br0": "2001:db8:2::/64"},
    )

    @pytest.mark.parametrize(
        ("nic", "begins"),
        [
            (Nic(MAC, network="public", link="br0"), "2001:db8:1:"),
            (Nic(MAC, network="old", link="br0"), "2001:db8:2:"),
            (Nic(MAC, link="br0"), "2001:db8:2:"),
        ],
    )
    def test_ganetis_own_network_counts_before_one_kept_by_hand(self, nic: Nic, begins: str) -> None:
        assert self.prefixes.address(nic).startswith(begins)

    @pytest.mark.parametrize("nic", [Nic(MAC, network="other"), Nic(MAC, link="br1"), Nic(MAC), Nic()])
    def test_a_card_elsewhere_has_none(self, nic: Nic) -> None:
        assert self.prefixes.address(nic) == ""


@pytest.mark.parametrize(
    ("typed", "searched"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("2001:db8:", "2001:db8:"),
        ("aa:00:00:00:00:01", "aa:00:00:00:00:01"),
        ("192.0.2.7", "192.0.2.7"),
        ("web", "web"),
    ],
)
def test_an_address_is_searched_for_in_the_spelling_that_we_show(typed: str, searched: str) -> None:
    assert in_one_spelling(typed) == searched
