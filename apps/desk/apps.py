from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "apps.desk"
    label = "desk"
    verbose_name = _("Help desk")

    def ready(self) -> None:
        from accounts import navigation
        from apps.clusters import strips
        from apps.desk import checks, entries  # noqa: F401  (system checks register themselves)
        from apps.desk.views import now

        navigation.register(*entries.NAVIGATION)
        for search in entries.SEARCHES:
            navigation.register_search(search)
        strips.register("desk/_strip.html", now.above_the_list)
