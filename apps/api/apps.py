from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    """Programs of others, which people let read what is theirs (OAuth2). The tables are django-oauth-toolkit's."""

    name = "apps.api"
    label = "api"
    verbose_name = _("Programs of others")

    def ready(self) -> None:
        from accounts import panels
        from apps.api import entries

        panels.register_own(*entries.PANELS)
