from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    label = "apply"
    verbose_name = _("Applications")

    def ready(self) -> None:
        from accounts import navigation, panels
        from apps.applications import hostnames, permissions, reinstalling
        from apps.applications.entries import NAVIGATION
        from apps.applications.panel import PANELS
        from apps.applications.related import of_vm
        from apps.audit import scopes
        from apps.clusters import names, related, systems

        navigation.register(*NAVIGATION)
        panels.register(*PANELS)
        scopes.register_applications(permissions.may_see_all)
        names.register(hostnames)
        systems.register(reinstalling)
        related.register(of_vm)
