"""The language of a notification's text: filled in for each person, and nothing else in it means anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.notifications import wording
from apps.notifications.wording import Vm, Wrong

VMS = [Vm("north", "web.example.org"), Vm("south", "db.example.org")]


def filled(text: str) -> str:
    return wording.fill(text, VMS, recipient="Alice Liddell", site="Example VPS")


def test_each_person_reads_their_own_vms() -> None:
    assert filled("Yours:\n{{ instances }}\n") == "Yours:\n- web.example.org\n- db.example.org\n"


def test_a_loop_says_more_about_each() -> None:
    text = "{% for instance in instances %}{{ instance.name }} on {{instance.cluster}}; {% endfor %}end"
    assert filled(text) == "web.example.org on north; db.example.org on south; end"


def test_names_of_person_and_service() -> None:
    assert filled("Dear {{ recipient }}, from {{site}}") == "Dear Alice Liddell, from Example VPS"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\n{{ settings.SECRET_KEY }}", "Line 2: “{{ settings.SECRET_KEY }}” means nothing here."),
        ("{% load i18n %}", "Line 1: “{% load i18n %}” means nothing here."),
        ("{% include 'users/login.html' %}", "Line 1: “{% include 'users/login.html' %}” means nothing here."),
        ("{{ instances|length }}", "Line 1: “{{ instances|length }}” means nothing here."),
        ("{{ instance.name }}", "Line 1: “{{ instance.name }}” means nothing here."),
        ("{% for instance in instances %}x", "Line 1: this list has no end; write {% endfor %} after it."),
        ("x {% endfor %}", "Line 1: “{% endfor %}” means nothing here."),
        ("one\ntwo {{ instances", "Line 2: “{{ instances” is not closed."),
        ("{% for instance in instances %}{% for instance in instances %}{% endfor %}", None),
    ],
)
def test_anything_else_is_said_with_its_line(text: str, sentence: str | None) -> None:
    with pytest.raises(Wrong) as raised:
        wording.check(text)
    assert sentence is None or str(raised.value) == sentence


def test_what_is_filled_in_is_not_read_again() -> None:
    hostile = [Vm("north", "{{ site }}{% endfor %}")]
    assert wording.fill("{{ instances }}", hostile, recipient="{{ site }}", site="S") == "- {{ site }}{% endfor %}"


def test_a_text_for_somebody_with_very_many_vms_ends_somewhere() -> None:
    many = [Vm("north", f"vm{number}.example.org") for number in range(10_000)]
    text = wording.fill("{{ instances }}", many, recipient="", site="")
    assert len(text) < wording.MAX_LENGTH + 100
    assert text.endswith("… and so on")


@given(st.text(alphabet="{}% \nforinstanceedmlu.", max_size=80))
def test_any_text_is_filled_in_or_said_to_be_wrong(text: str) -> None:
    try:
        wording.check(text)
    except Wrong as wrong:
        assert str(wrong)
    else:
        assert filled(text) is not None
