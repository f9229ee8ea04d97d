from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    label = "apply"
    verbose_name = _("Applications")

    def ready(self) -> None:
        from accounts import navigation
        from apps.applications.entries import NAVIGATION

        navigation.register(*NAVIGATION)
