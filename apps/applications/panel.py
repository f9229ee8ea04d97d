"""The section about applications on the page of a user, for those who may see all."""

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from accounts.panels import Panel
from apps.applications.applicants import history_of_user
from apps.applications.permissions import may_see_all


def facts(request: HttpRequest, kind: str, name: str) -> dict[str, Any] | None:
    if kind != "user" or not may_see_all(request.user):
        return None
    user = get_user_model()._default_manager.filter(username=name).first()
    return {"history": history_of_user(user), "name": name} if user else None


PANELS = [Panel("applications/_panel.html", facts, order=20)]
