"""The tags and filters that every page uses."""

import datetime as dt
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.forms.renderers import DjangoTemplates, get_default_renderer
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.test.html import parse_html
from django.utils import timezone

from accounts.templatetags import look


def render(source: str, **context: Any) -> str:
    return Template("{% load look %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("mib", "shown"),
    [(0, "0 MiB"), (512, "512 MiB"), (1024, "1 GiB"), (1536, "1.5 GiB"), (204800, "200 GiB"), (1572864, "1.5 TiB")],
)
def test_sizes_come_in_the_unit_that_reads_best(mib: int, shown: str) -> None:
    assert look.mebibytes(mib).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_an_unknown_size_is_a_dash() -> None:
    assert look.mebibytes(None) == look.gibibytes(None) == "–"


def test_nodes_are_called_by_their_first_label() -> None:
    assert look.short_host("node3.north.example.net") == "node3"
    assert look.short_host("") == ""


def test_gibibytes_are_the_same_thing_a_thousand_times_larger() -> None:
    assert look.gibibytes(40) == look.mebibytes(40960)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "just now"), (0, "just now"), (12, "12 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (200000, "2 d ago")],
)
def test_ages_are_told_in_the_largest_whole_unit(seconds: float, shown: str) -> None:
    assert look.in_words(seconds, look.AGO_WORDS) == shown


def test_a_living_time_says_when_it_was_for_machines_and_for_the_pointer() -> None:
    when = timezone.now() - dt.timedelta(minutes=3, seconds=5)
    html = render("{% ago when %}", when=when)
    assert "3 min ago" in html
    assert 'data-since="ago"' in html
    assert timezone.localtime(when).isoformat(timespec="seconds") in html


def test_times_of_ganeti_are_seconds_since_1970() -> None:
    assert "4 Mar 2025" in render("{% day when %}", when=1741089600.0)


@pytest.mark.parametrize("when", [None, 0, 1e300, float("1e18")])
def test_a_time_that_is_none_is_a_dash(when: Any) -> None:
    assert render("{% ago when %}{% clock when %}{% day when %}", when=when) == "–––"


def test_the_words_for_the_browser_are_those_of_the_server() -> None:
    assert 'data-ago-min="%n min ago"' in look.ago_words()
    assert 'data-lasting-now="0 s"' in look.ago_words()


def test_days_of_a_timeline_have_headings() -> None:
    now = timezone.now()
    assert look.day_heading(now).startswith("Today, ")
    assert look.day_heading(now - dt.timedelta(days=1)).startswith("Yesterday, ")
    assert look.day_heading(dt.datetime(2020, 5, 4, 12, tzinfo=dt.UTC)) == "4 May 2020"


def test_an_icon_is_decoration() -> None:
    html = look.icon("power", "icon-ok")
    assert 'aria-hidden="true"' in html
    assert 'class="i icon-ok"' in html
    assert "icons.svg#i-power" in html


def test_an_icon_name_cannot_carry_markup() -> None:
    assert "<script" not in look.icon('"><script>')


class SizeForm(forms.Form):
    size = forms.IntegerField(max_value=5)
    kind = forms.ChoiceField(choices=[("a", "A")], required=False)


def test_a_control_is_in_our_look_and_says_that_it_is_wrong() -> None:
    html = render("{% control form.size aria_label='Size' type='search' %}", form=SizeForm({"size": "9"}))
    assert 'class="form-control is-invalid"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-label="Size"' in html
    assert html.count("type=") == 1
    assert 'type="search"' in html


def test_a_choice_is_a_select() -> None:
    assert 'class="form-select"' in render("{% control form.kind %}", form=SizeForm())


def test_a_select_is_what_django_makes_of_it() -> None:
    """Ours is one template, Django's are three for each option; the next Django may say something else."""

    class Colours(forms.Select):
        def create_option(self, *args: Any, **kwargs: Any) -> Any:
            option = super().create_option(*args, **kwargs)
            option["attrs"] |= {"disabled": option["value"] == "b", "data-of": "<x>"}
            return option

    choices = [("", "—"), ("Warm & dry", [("a", "<A>"), ("b", "B")]), (3, "C")]
    for value in ("a", "3", None):
        ours, djangos = (
            Colours(choices=choices).render("kind", value, {"id": "k", "required": True}, renderer)
            for renderer in (get_default_renderer(), DjangoTemplates())
        )
        assert "&lt;A&gt;" in ours
        assert parse_html(ours) == parse_html(djangos)


def render_at(url: str, source: str, **context: Any) -> str:
    return Template("{% load look %}" + source).render(RequestContext(RequestFactory().get(url), context))


def heads(url: str) -> str:
    return render_at(url, '{% sortable "name" "Name" default="name" %}')


def test_a_head_in_use_turns_the_order_around_and_keeps_the_other_filters() -> None:
    html = heads("/?q=web&page=3")
    assert 'aria-sort="ascending"' in html
    assert "q=web" in html
    assert "sort=-name" in html
    assert "page" not in html


def test_a_head_not_in_use_sorts_by_itself() -> None:
    html = heads("/?sort=memory")
    assert "aria-sort" not in html
    assert "sort=name" in html


def test_the_pager_tells_where_one_is_and_keeps_the_query() -> None:
    page = Paginator(range(412), 10).page(2)
    html = render_at("/?q=web", '{% include "components/_pager.html" %}', page=page)
    assert "11 to 20 of 412" in html
    assert "?q=web&amp;page=3" in html
    assert 'aria-current="page">2<' in html
