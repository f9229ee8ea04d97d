"""System checks about the site's texts and scripts, each with what to do about it."""

from typing import Any

from django.conf import settings
from django.contrib.flatpages.models import FlatPage
from django.core import checks
from django.core.checks import CheckMessage, Warning
from django.db import DatabaseError

from apps.pages import texts


@checks.register(checks.Tags.database)
def linked_texts_are_written(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A link to a text that nobody has written leads to a page that says so; only where the database may be asked."""
    if not databases or not texts.linked():
        return []
    try:
        written = set(FlatPage.objects.filter(sites=settings.SITE_ID).values_list("url", flat=True))
    except DatabaseError:
        return []  # not migrated yet
    missing = [slug for slug in texts.linked() if not written.intersection(texts.addresses(slug, ""))]
    return [
        Warning(
            f"FLATPAGES has links to /about/{slug}/, but nobody has written that page.",
            hint="Run “manage.py loaddata flatpages.json”, write your own words in the admin, or take the link away.",
            id="ganetimgr.W070",
        )
        for slug in missing
    ]
