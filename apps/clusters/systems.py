"""The systems from which an instance can be installed anew: another room keeps them, this one asks for them."""

from collections.abc import Iterable, Mapping
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

    def offered_as(self, image: str) -> str:
        """The id under which people choose what Ganeti knows as this image; empty where it is not offered."""

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


def offered_as(image: str) -> str:
    """The id of the system that an instance with this image has; empty where it is not, or no longer, offered."""
    return _keepers[0].offered_as(image) if _keepers and image else ""


def modification(row: Job, known: Iterable[str]) -> dict[str, Any]:
    """The body of the change that goes before a reinstallation: the new system's parameters in the place of the old.

    `known` are the names of those that the instance has. A reinstallation alone would mix both, and Ganeti until 2.15
    would keep the old ones; its word for "none any more" counts here only, there it would be a value like others.
    """
    os, parameters = _parameters(row)
    return {"os_name": os, "osparams": {**dict.fromkeys(known, "default"), **parameters}}


def reinstall_body(row: Job) -> dict[str, Any]:
    """The body of a reinstallation. It holds secrets of the image and goes nowhere but to Ganeti."""
    os, parameters = _parameters(row)
    return {"os": os, "osparams": parameters, "start": row.details.get("start", True)}


def _parameters(row: Job) -> tuple[str, dict[str, str]]:
    try:
        os, parameters = _keepers[0].parameters(row.details["image"], row.cluster.slug, row.instance)
    except LookupError:
        raise NoSuchSystem(NOT_OFFERED) from None
    return os, dict(parameters)
