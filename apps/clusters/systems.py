"""The systems from which an instance can be installed anew: another room keeps them, this one asks for them."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.utils.translation import gettext_noop

from apps.clusters.models import Job

NOT_OFFERED = gettext_noop("This system is no longer offered. Choose another.")


class NoSuchSystem(Exception):
    """The system is not in the catalogue, perhaps no longer; `str()` is the sentence, in English."""


class Keeper(Protocol):
    """What a room that keeps the systems answers."""

    def choices(self) -> list[tuple[str, str]]:
        """(id, description) of each system, in the order in which people choose."""

    def parameters(self, system: str, cluster: str, instance: str) -> tuple[str, Mapping[str, str]]:
        """Ganeti's OS and its parameters, secrets among them, to install `system` on that instance of that cluster.

        Raises LookupError for a system that is not in the catalogue.
        """


_keepers: list[Keeper] = []


def register(keeper: Keeper) -> None:
    """From an app's `ready`; the last one counts."""
    _keepers[:] = [keeper]


def choices() -> list[tuple[str, str]]:
    """What people can choose; empty where no room keeps systems, or the site names none."""
    return _keepers[0].choices() if _keepers else []


def reinstall_body(row: Job) -> dict[str, Any]:
    """The body of a reinstallation. It holds secrets of the image and goes nowhere but to Ganeti."""
    try:
        os, parameters = _keepers[0].parameters(row.details["image"], row.cluster.slug, row.instance)
    except LookupError:
        raise NoSuchSystem(NOT_OFFERED) from None
    return {"os": os, "osparams": dict(parameters), "start": row.details.get("start", True)}
