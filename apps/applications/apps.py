from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    label = "apply"
    verbose_name = _("Applications")

    def ready(self) -> None:
        from accounts import navigation, panels
        from apps.applications import hostnames, reinstalling
        from apps.applications.entries import NAVIGATION
        from apps.applications.panel import PANELS
        from apps.applications.related import of_vm
        from apps.clusters import names, related, systems

        navigation.register(*NAVIGATION)
        panels.register(*PANELS)
        names.register(hostnames)
        systems.register(reinstalling)
        related.register(of_vm)
