"""Which host names can be asked for, and what is said about the others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.applications import hostnames
from apps.applications.models import InstanceApplication
from tests import estate


@pytest.mark.parametrize(
    "name", ["web.example.org", "a.b", "x-1.example", f"{'a' * 63}.example.org", "1und1.example.org"]
)
def test_good_names_are_good(name: str) -> None:
    assert hostnames.problem_with(name) == ""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is needed"),
        ("web", "with its domain"),
        ("web..example.org", "always something"),
        (".example.org", "always something"),
        ("-web.example.org", "hyphen"),
        ("web_1.example.org", "Letters a to z"),
        ("wéb.example.org", "Letters a to z"),
        ("web.example.org\n", "Letters a to z"),
        (f"{'a' * 64}.example.org", "63"),
        (f"{'a.' * 130}org", "at most 253"),
        ("192.0.2.7", "looks like an address"),
        ("a b.example.org", "Letters a to z"),
        ("../../etc.passwd", "always something"),
    ],
)
def test_each_bad_name_has_its_sentence(name: str, sentence: str) -> None:
    assert sentence in str(hostnames.problem_with(name))


@given(st.text(max_size=300))
def test_a_name_that_passes_is_one_that_addresses_and_tags_can_carry(text: str) -> None:
    name = hostnames.tidied(text)
    if not hostnames.problem_with(name):
        assert name.isascii()
        assert name == name.lower()
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789.-")


def test_capitals_spaces_and_a_last_full_stop_are_tidied_away() -> None:
    assert hostnames.tidied(" Web.Example.ORG. ") == "web.example.org"


@pytest.mark.django_db
class TestTaken:
    def test_a_name_in_use_on_any_cluster_is_taken(self) -> None:
        estate.put("north", estate.instance("web.example.org"))
        assert "VM of this name" in hostnames.taken("web.example.org")
        assert hostnames.taken("other.example.org") == ""

    def test_a_name_that_is_asked_for_is_taken_until_that_is_decided(self, people: dict[str, Any]) -> None:
        application = InstanceApplication.objects.create(
            applicant=people["alice"],
            hostname="a.b",
            holds="a.b",
            memory=1,
            vcpus=1,
            disk_size=1,
            operating_system="none",
        )
        assert "an application" in hostnames.taken("a.b")
        assert hostnames.taken("a.b", but=application.pk) == ""
        InstanceApplication.objects.update(holds=None)
        assert hostnames.taken("a.b") == ""
