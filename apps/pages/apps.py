from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PagesConfig(AppConfig):
    name = "apps.pages"
    label = "pages"
    verbose_name = _("Pages")

    def ready(self) -> None:
        from accounts import navigation
        from apps.pages import checks, entries  # noqa: F401  (system checks register themselves)

        navigation.register(*entries.NAVIGATION)
