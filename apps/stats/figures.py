"""The figures of the page: one's own, or for staff everybody's."""

import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from apps.applications.models import InstanceApplication
from apps.clusters.fleet import Fleet, owner_keys
from apps.clusters.models import Cluster
from apps.stats import curves, sums
from apps.stats.charts import Chart, Series
from apps.stats.sums import Sums

DAYS_SHOWN = 365


def own(user: Any) -> dict[str, Any]:
    """A person's own VMs with their sums, and how VMs and applications came."""
    seen = Fleet(user, owner_keys(user))
    instances = [one for catalogue in seen.catalogues.values() for one in catalogue.instances]
    created = curves.growth(curves.days_of(one.ctime for one in instances if one.ctime))
    filed = curves.growth_of_rows(InstanceApplication.objects.filter(applicant=user), "filed")
    return {
        "sums": sums.of_instances(instances),
        "application_count": InstanceApplication.objects.filter(applicant=user).count(),
        "is_incomplete": seen.store_is_away or not all(view.has_snapshot for view in seen.clusters.values()),
        "silent": [view for view in seen.clusters.values() if view.is_silent and view.slug in seen.catalogues],
        "charts": [
            Chart(_("VMs that you have, by when they were made"), [Series(_("VMs"), created)], "created"),
            Chart(_("Your applications"), [Series(_("applications"), filed)], "filed"),
        ],
    }


def everything() -> dict[str, Any]:
    """All VMs, clusters, people and applications."""
    clusters = sums.by_cluster()
    total = Sums()
    created: list[float] = []
    for _view, found in clusters:
        if found:
            total.add(found.all)
            created += found.created
    since = timezone.now().date() - datetime.timedelta(days=DAYS_SHOWN)
    return {
        "sums": total,
        "clusters": [{"view": view, "sums": found.all if found else None} for view, found in clusters],
        "cluster_count": Cluster.objects.enabled().count(),
        "is_incomplete": any(found is None for _view, found in clusters),
        "silent": [view for view, _found in clusters if view.is_silent],
        **_people(),
        "application_count": InstanceApplication.objects.count(),
        "group_count": Group.objects.count(),
        "organization_count": Organization.objects.count(),
        "owners": sums.by_user(clusters),
        "charts": [
            Chart(
                _("Running and stopped VMs over the last year"),
                [
                    Series(_("running"), curves.over_days("running", since=since)),
                    Series(_("stopped"), curves.over_days("stopped", since=since)),
                ],
                "states",
            ),
            Chart(
                _("VMs that there are, by when they were made"),
                [Series(_("VMs"), curves.growth(curves.days_of(created)))],
                "created",
            ),
            Chart(
                _("Applications"),
                [Series(_("applications"), curves.growth_of_rows(InstanceApplication.objects.all(), "filed"))],
                "filed",
            ),
        ],
    }


def _people() -> dict[str, int]:
    """How many accounts there are, and how many have not been used for long; one query."""
    before = timezone.now() - datetime.timedelta(days=int(settings.IDLE_ACCOUNT_NOTIFICATION_DAYS))
    is_idle = Q(is_active=True) & (Q(last_login__lt=before) | Q(last_login=None, date_joined__lt=before))
    return User.objects.aggregate(
        user_count=Count("pk"),
        idle_count=Count("pk", filter=is_idle),
        active_count=Count("pk", filter=Q(is_active=True)),
    )
