"""Lets higher rooms say what a person owns, which clusters there are, and who may open applications."""

from collections.abc import Callable
from typing import Any

# Cluster slug -> instance names that the person owns; None for people who see everything.
Owned = dict[str, list[str]] | None

_owned: list[Callable[[Any], Owned]] = []
_clusters: list[Callable[[], list[str]]] = []
_opens_applications: list[Callable[[Any], bool]] = []


def register(names_owned_by: Callable[[Any], Owned], clusters: Callable[[], list[str]]) -> None:
    _owned[:] = [names_owned_by]
    _clusters[:] = [clusters]


def register_applications(may_see_all: Callable[[Any], bool]) -> None:
    _opens_applications[:] = [may_see_all]


def owned_by(user: Any) -> Owned:
    """What `user` owns; nothing where no room registered itself."""
    return _owned[0](user) if _owned else {}


def clusters() -> list[str]:
    """The slugs of all clusters of the site."""
    return _clusters[0]() if _clusters else []


def opens_applications(user: Any) -> bool:
    """Whether `user` may open everybody's applications."""
    return bool(_opens_applications) and _opens_applications[0](user)
