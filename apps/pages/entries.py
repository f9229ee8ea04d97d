"""What this room puts into the side navigation."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.navigation import Entry

HELP = _("Help")


def has_news(user: Any) -> bool:
    return bool(settings.BRANDING["FEED_URL"])


def has_questions(user: Any) -> bool:
    return bool(settings.FLATPAGES.get("FAQ"))


NAVIGATION = [
    Entry(_("Questions"), "faq", "question-circle", test=has_questions, section=HELP, order=90),
    Entry(_("News"), "news", "newspaper", test=has_news, section=HELP, order=91),
]
