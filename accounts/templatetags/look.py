"""Tags and filters of the look: icons, sizes, times, form controls, sortable table heads."""

import datetime as dt
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.paginator import Paginator
from django.forms import BoundField
from django.forms.widgets import Select
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_lazy, ngettext

register = template.Library()

Moment = dt.datetime | float | int | None
NOTHING = "–"
NBSP = "\N{NO-BREAK SPACE}"
MESSAGE_LOOKS = {
    "success": {"family": "ok", "icon": "check-circle-fill"},
    "warning": {"family": "warn", "icon": "exclamation-triangle-fill"},
    "error": {"family": "bad", "icon": "x-octagon-fill"},
}
PLAIN_MESSAGE = {"family": "work", "icon": "info-circle"}


# ---- pictures ------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """An icon of static/icons.svg, decoration beside a word; `css_class` may colour it ("icon-ok")."""
    return _picture(staticfiles_storage, name, f"i {css_class}".strip())


@lru_cache(maxsize=1000)
def _picture(storage: Any, name: str, classes: str) -> SafeString:
    """Made once: a list of 50 rows shows hundreds. Where the file lies depends on the storage alone."""
    file = storage.url("icons.svg")
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, file, name)


@register.filter
def message_look(level_tag: str) -> dict[str, str]:
    """Family and icon for a level of django.contrib.messages."""
    return MESSAGE_LOOKS.get(level_tag, PLAIN_MESSAGE)


# ---- sizes ----------------------------------------------------------------------------------------


@register.filter
def mebibytes(value: float | None) -> str:
    """A size given in MiB, in the unit that reads best: "512 MiB", "4 GiB", "1.5 TiB"."""
    if value is None or value == "":
        return NOTHING
    size, unit = float(value), "MiB"
    for larger in ("GiB", "TiB", "PiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    rounded = round(size, 0 if size >= 100 else 1)
    digits = 0 if rounded == int(rounded) else 1
    return f"{formats.number_format(rounded, digits)}{NBSP}{unit}"


@register.filter
def gibibytes(value: float | None) -> str:
    """The same for a size given in GiB."""
    return mebibytes(None if value is None or value == "" else float(value) * 1024)


@register.filter
def host(url: str) -> str:
    """ "example.social", of a web address: what a link without a name of its own is called."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


@register.filter
def short_host(name: str) -> str:
    """The first label of a host name, where the rest is the same for all."""
    return name.split(".")[0]


# ---- times ----------------------------------------------------------------------------------------

# static/js/times.js keeps the texts current with these same words, see the tag `ago_words`.
# Translators: %n is the number; the unit is short, as in "3 min ago"
AGO_WORDS = {
    "now": gettext_lazy("just now"),
    "s": gettext_lazy("%n s ago"),
    "min": gettext_lazy("%n min ago"),
    "h": gettext_lazy("%n h ago"),
    "d": gettext_lazy("%n d ago"),
}
LASTING_WORDS = {
    "now": gettext_lazy("0 s"),
    "s": gettext_lazy("%n s"),
    "min": gettext_lazy("%n min"),
    "h": gettext_lazy("%n h"),
    "d": gettext_lazy("%n d"),
}
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@register.simple_tag
def ago(when: Moment) -> str:
    """ "3 min ago" as a <time> that keeps itself current."""
    return _living_time(when, "ago", AGO_WORDS)


@register.simple_tag
def lasting(since: Moment) -> str:
    """ "3 min": how long something has been so."""
    return _living_time(since, "lasting", LASTING_WORDS)


@register.simple_tag
def clock(when: Moment) -> str:
    """ "14:02", with the day before it where that is not today."""
    moment = as_local(when)
    if moment is None:
        return NOTHING
    is_today = moment.date() == timezone.localdate()
    shown = formats.date_format(moment, "H:i") if is_today else formats.date_format(moment, "j M, H:i")
    return _time(moment, shown)


@register.simple_tag
def day(when: Moment) -> str:
    """ "4 Mar 2025"."""
    moment = as_local(when)
    return NOTHING if moment is None else _time(moment, formats.date_format(moment, "j M Y"))


@register.simple_tag
def seconds_clock(when: Moment) -> str:
    """ "14:05:11", for log lines."""
    moment = as_local(when)
    return _time(moment, formats.date_format(moment, "H:i:s")) if moment else mark_safe("<time></time>")


@register.filter
def day_heading(when: Moment) -> str:
    """ "Today, 20 November", for groups of a timeline."""
    moment = as_local(when)
    if moment is None:
        return ""
    days_gone = (timezone.localdate() - moment.date()).days
    this_year = moment.year == timezone.localdate().year
    date = formats.date_format(moment, "j E" if this_year else "j E Y")  # E: the month as it stands in dates
    if days_gone == 0:
        return gettext("Today, %(date)s") % {"date": date}
    if days_gone == 1:
        return gettext("Yesterday, %(date)s") % {"date": date}
    return date


@register.simple_tag
def ago_words() -> SafeString:
    """The words for times.js, as data attributes."""
    pairs = [("ago", AGO_WORDS), ("lasting", LASTING_WORDS)]
    texts = [format_html('data-{}-{}="{}"', kind, unit, text) for kind, words in pairs for unit, text in words.items()]
    return mark_safe(" ".join(texts))  # noqa: S308  every part went through format_html


def as_local(when: Moment) -> dt.datetime | None:
    """A time of Django's or of Ganeti's (seconds since 1970) in the reader's time zone."""
    if not when:
        return None
    if isinstance(when, int | float):
        try:
            when = dt.datetime.fromtimestamp(when, dt.UTC)
        except (OverflowError, ValueError, OSError):
            return None
    return timezone.localtime(when) if timezone.is_aware(when) else when


def in_words(seconds: float, words: dict[str, Any]) -> str:
    """The largest whole unit: 200 seconds are "3 min"."""
    for unit, length in UNITS:
        if seconds >= length:
            return str(words[unit]).replace("%n", str(int(seconds // length)))
    return str(words["now"])


def _living_time(when: Moment, kind: str, words: dict[str, Any]) -> str:
    moment = as_local(when)
    if moment is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}" data-since="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        formats.date_format(moment, "j M Y, H:i:s"),
        kind,
        in_words((timezone.now() - moment).total_seconds(), words),
    )


def _time(moment: dt.datetime, shown: str) -> SafeString:
    full = formats.date_format(moment, "j M Y, H:i:s")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(timespec="seconds"), full, shown)


# ---- forms and tables ---------------------------------------------------------------------------------


@register.simple_tag
def control(field: BoundField, **attrs: Any) -> SafeString:
    """The field's control in our look; `type` and further `attrs` as in HTML, with underscores for hyphens."""
    widget = field.field.widget
    if "type" in attrs:
        widget.input_type = attrs.pop("type")  # as an attribute it would come second and not count
    classes = ["form-select" if isinstance(widget, Select) else "form-control", "is-invalid" if field.errors else ""]
    named = {name.replace("_", "-"): value for name, value in attrs.items()}
    return field.as_widget(attrs={"class": " ".join(filter(None, classes)), **named})


@register.inclusion_tag("components/_sortable.html", takes_context=True)
def sortable(context: template.Context, key: str, label: str, css_class: str = "", default: str = "") -> dict[str, Any]:
    """A table head that sorts by `key` through ?sort=, and back by ?sort=-key. Without ?sort= it is `default`."""
    current = context["request"].GET.get("sort") or default
    return {
        "label": label,
        "css_class": css_class,
        "next_sort": f"-{key}" if current == key else key,
        "direction": {key: "ascending", f"-{key}": "descending"}.get(current, ""),
    }


@register.simple_tag(takes_context=True)
def turned_to(context: template.Context, number: int, key: str) -> str:
    """The query string with which a pager turns to page `number`; `key` is its name, and that of its place."""
    query = context["request"].GET.copy()
    query[key or "page"] = str(number)
    return f"?{query.urlencode()}{f'#{key}' if key else ''}"


@register.filter
def counted_vms(number: int) -> str:
    """ "1 VM", "8 VMs"."""
    return ngettext("%(n)s VM", "%(n)s VMs", number) % {"n": formats.number_format(number, use_l10n=True)}


@register.filter
def elided(paginator: Paginator, number: int) -> Any:
    """Page numbers with gaps: 1 2 … 8 9 10 … 41 42."""
    return paginator.get_elided_page_range(number, on_each_side=1, on_ends=1)
