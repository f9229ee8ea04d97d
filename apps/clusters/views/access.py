"""Who may reach an instance: the panels beside its settings."""

from typing import Any

from django.http import HttpRequest

from apps.clusters.fleet import Vm


def context(request: HttpRequest, vm: Vm) -> dict[str, Any]:
    """What templates/clusters/instances/_access.html needs."""
    return {}
