"""The site's texts about itself: Django's flat pages, one for each language, below /about/ as in ganetimgr 2.x.

`manage.py loaddata flatpages.json` brings six to begin with; administrators write their own in the admin, at addresses
/about/SLUG/LANGUAGE/. The setting FLATPAGES says to which of them there are links.
"""

from django.conf import settings
from django.contrib.flatpages.models import FlatPage

# Key of FLATPAGES -> the page's part of the address
SLUGS = {"INFO": "info", "TOS": "terms-of-service", "FAQ": "faq"}


def address(slug: str, language: str) -> str:
    return f"/about/{slug}/{language}/"


def addresses(slug: str, language: str) -> list[str]:
    """Where a text may be, in the order in which a reader of `language` wants it: theirs, the site's, any other."""
    wanted = (language, language.partition("-")[0], settings.LANGUAGE_CODE, *(code for code, _ in settings.LANGUAGES))
    return [address(slug, code) for code in dict.fromkeys(wanted)]


def find(slug: str, language: str) -> str | None:
    """The address of the text for a reader of `language`; None where nobody has written it. One query."""
    candidates = addresses(slug, language)
    there = set(FlatPage.objects.filter(url__in=candidates, sites=settings.SITE_ID).values_list("url", flat=True))
    return next((url for url in candidates if url in there), None)


def linked() -> list[str]:
    """The slugs of the texts to which there are links."""
    return [slug for key, slug in SLUGS.items() if settings.FLATPAGES.get(key)]
