"""What a search was for, marked in what it found."""

from django import template
from django.utils.safestring import SafeString

from apps.desk.search import Query

register = template.Library()


@register.filter
def marked(text: object, query: Query) -> SafeString:
    """`text` escaped, with the words of the search marked."""
    return query.marked(str(text))
