from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClustersConfig(AppConfig):
    """The label "ganeti" is older than this house: permission names such as ganeti.view_instances hang on it."""

    name = "apps.clusters"
    label = "ganeti"
    verbose_name = _("Clusters")

    def ready(self) -> None:
        from accounts import navigation, ownership, retelling
        from apps.audit import scopes
        from apps.clusters import (
            bulk,
            canceling,
            checks,  # noqa: F401  (they register themselves)
            entries,
            fleet,
            locks,
            problems,
            renaming,
            steps,
        )
        from apps.clusters.console import visits

        navigation.register(*entries.NAVIGATION)
        scopes.register(fleet.names_owned_by, fleet.slugs)
        ownership.register(renaming)
        said = (
            *(problems.SENTENCES, steps.SENTENCES, locks.SENTENCES, bulk.SENTENCES, visits.SENTENCES),
            canceling.SENTENCES,
        )
        retelling.register(*(sentence for sentences in said for sentence in sentences))
