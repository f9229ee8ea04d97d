"""Accounts in every standing, and what they own."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from tests import estate

LONG_AGO = datetime.timedelta(days=400)


def account(name: str, *, seen: int | None = None, joined: int = 400, **fields: Any) -> User:
    """A user who signed in `seen` days ago (None: never) and came `joined` days ago."""
    now = timezone.now()
    return User.objects.create(
        username=name,
        password="!",
        email=fields.pop("email", f"{name.replace(' ', '')}@example.org"),
        last_login=None if seen is None else now - datetime.timedelta(days=seen),
        date_joined=now - datetime.timedelta(days=joined),
        **fields,
    )


@pytest.fixture
def vms(people: Any) -> None:
    """Alice's, the group's, and those of a name without an account."""
    Group.objects.get(name="noc").user_set.add(people["alice"])
    estate.put(
        "north",
        estate.instance("web.example.org"),
        estate.instance("both.example.org", owners=("users:alice", "groups:noc")),
        estate.instance("noc.example.org", owners=("group:noc",)),
        estate.instance("ghost.example.org", owners=("users:ghost", "groups:ghosts")),
    )
