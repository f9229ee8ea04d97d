"""How templates show sums and curves."""

from django import template
from django.utils.formats import number_format

from accounts.templatetags.look import mebibytes
from apps.stats.sums import Sums

register = template.Library()


@register.simple_tag
def mean(sums: Sums, name: str) -> str:
    """What one VM has of it on average, with its unit."""
    value = sums.mean(name)
    if value is None:
        return "–"
    return number_format(value, 1) if name == "vcpus" else str(mebibytes(value))


@register.simple_tag
def share(part: int, whole: int) -> float:
    """In hundredths."""
    return round(100 * part / whole, 1) if whole else 0.0
