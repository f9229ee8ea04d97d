from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AdoptingConfig(AppConfig):
    name = "apps.adopting"
    label = "adopting"
    verbose_name = _("Taking over")

    def ready(self) -> None:
        from apps.adopting import guard

        guard.connect()
