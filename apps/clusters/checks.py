"""System checks about clusters: what `manage.py check --database default` and `check --deploy` say in words."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from apps.clusters.models import Cluster


@checks.register(checks.Tags.database)
def certificates_are_verified(databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    return _unverified() if databases else []


@checks.register(checks.Tags.security, deploy=True)
def clusters_are_fit_for_production(databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The same for `check --deploy`, which names no database; where one is named, it was said already."""
    return [] if databases else _unverified()


def _unverified() -> list[checks.CheckMessage]:
    try:
        unverified = list(Cluster.objects.enabled().filter(verification=Cluster.Verification.NONE))
    except DatabaseError:
        return []  # not migrated yet; migrate itself runs this check
    return [
        checks.Warning(
            f"The certificate of cluster {cluster.slug} is not verified: anyone on the way can read its password.",
            hint=f"Run `manage.py cluster check {cluster.slug}`: it prints the fingerprint to pin.",
            obj=cluster,
            id="ganeti.W001",
        )
        for cluster in unverified
    ]
