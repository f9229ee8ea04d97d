"""The tags of the policy for VMs of idle owners, which say how far it has gone. Its rules: apps/desk/idle_policy.py."""

from collections.abc import Collection

from django.conf import settings

EXCLUDED = "exclude"  # set by administrators: the policy leaves it in peace
EXPIRED = "expired"  # its owners were told that it is going to be shut down
CONDEMNED = "destroy"  # its owners were told that it is going to be destroyed


def tag(mark: str) -> str:
    return f"{settings.IDLE_POLICY_TAG or f'{settings.GANETI_TAG_PREFIX}:policy'}:{mark}"


def excludes(tags: Collection[str]) -> bool:
    return tag(EXCLUDED) in tags


def set_on(tags: Collection[str]) -> list[str]:
    """Those of the policy's own marks that are among `tags`, as tags."""
    return [tag(mark) for mark in (EXPIRED, CONDEMNED) if tag(mark) in tags]


def of(tags: Collection[str]) -> str:
    """How far the policy has gone with a VM that has these tags: EXPIRED, CONDEMNED, or "" for not at all."""
    if excludes(tags):
        return ""
    return next((mark for mark in (CONDEMNED, EXPIRED) if tag(mark) in tags), "")
