"""Which user names there can be."""

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from accounts import usernames
from ganeti import tags


@pytest.mark.parametrize("name", ["frida", "f", "Frida.Olsen", "frida_o", "frida-o", "frida+test", "2fast", "x" * 111])
def test_an_ordinary_name_is_no_problem(name: str) -> None:
    assert usernames.problem_with(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", " ", "frida olsen", "frida:x", "frida/x", "frida*", "φρίντα", "frida@example.org", "f\u0456da", "fri<b>da"],
)
def test_what_tags_addresses_and_pages_cannot_carry_is_refused_in_a_sentence(name: str) -> None:
    assert "Latin letters" in usernames.problem_with(name)


@pytest.mark.parametrize("name", ["frida\n", "frida\r\nBcc: x", "\x00frida", "frida\x7f", "frida\u2028", "frida\u202e"])
def test_line_breaks_and_control_characters_are_refused(name: str) -> None:
    assert usernames.problem_with(name)


@pytest.mark.parametrize("name", [".", "..", "-rf", "_x", "+x"])
def test_a_name_begins_with_a_letter_or_digit_so_that_paths_stay_paths(name: str) -> None:
    assert usernames.problem_with(name)


@pytest.mark.parametrize("name", ["root", "Admin", "ADMINISTRATOR", "no-reply"])
def test_reserved_names_are_refused_in_any_capital_letters(name: str) -> None:
    assert "reserved" in usernames.problem_with(name)


def test_a_site_reserves_its_own(settings: object) -> None:
    settings.RESERVED_USERNAMES = ["boss"]  # type: ignore[attr-defined]
    assert usernames.problem_with("Boss")
    assert usernames.problem_with("root") == ""


def test_a_name_that_a_tag_cannot_hold_is_refused_with_the_length_that_it_can(settings: object) -> None:
    longest = 128 - len("ganetimgr:users:")
    assert usernames.problem_with("x" * longest) == ""
    assert f"at most {longest} characters" in usernames.problem_with("x" * (longest + 1))
    settings.GANETI_TAG_PREFIX = "p" * 50  # type: ignore[attr-defined]
    assert usernames.problem_with("x" * longest)


@given(st.text(alphabet=st.characters(max_codepoint=0x250), max_size=130) | st.from_regex(r"[\w.+*/:@-]{1,130}"))
def test_whatever_is_taken_ganeti_can_carry(name: str) -> None:
    if not usernames.problem_with(name):
        assert tags.owner_tag("user", name).endswith(name)
        assert "/" not in name
        assert name not in (".", "..")


@pytest.mark.django_db
def test_a_name_is_taken_in_any_capital_letters_but_not_by_oneself() -> None:
    frida = User.objects.create_user("Frida")
    assert usernames.is_taken("fRIDA")
    assert not usernames.is_taken("fRIDA", besides=frida)
    assert not usernames.is_taken("gregor")
