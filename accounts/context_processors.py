"""What base.html needs beside the page's own content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import navigation, sessions, themes


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names, theme and navigation. The navigation is computed when shown: partial pages do not pay for it."""
    user = getattr(request, "user", None)
    return {
        "branding": settings.BRANDING,
        "theme": themes.chosen(request),
        "navigation": SimpleLazyObject(lambda: navigation.sections(request)),
        "search": navigation.search_for(user) if user is not None and user.is_authenticated else None,
        "show_patterns": settings.SHOW_PATTERNS,
        "session_ends": sessions.ends_at(request),
        "session_warning": settings.SESSION_WARNING,
    }
