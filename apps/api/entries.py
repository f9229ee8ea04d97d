"""What this room puts on other rooms' pages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.panels import Panel
from apps.api import permissions, programs


def _facts(request: HttpRequest, kind: str, name: str) -> dict[str, Any] | None:
    if not settings.OAUTH_ENABLED:
        return None
    has_programs = permissions.may_register(request.user) or permissions.programs_of(request.user).exists()
    return {"number": len(programs.with_access_to(request.user)), "has_programs": has_programs}


PANELS = [Panel("api/_panel.html", _facts)]
