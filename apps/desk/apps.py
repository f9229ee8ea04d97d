from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "apps.desk"
    label = "desk"
    verbose_name = _("Help desk")

    def ready(self) -> None:
        from accounts import navigation
        from apps.desk import checks, entries  # noqa: F401  (system checks register themselves)

        navigation.register(*entries.NAVIGATION)
