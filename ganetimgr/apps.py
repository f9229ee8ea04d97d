from django.apps import AppConfig


class GanetimgrConfig(AppConfig):
    """The house itself: no tables, only the checks that concern all rooms."""

    name = "ganetimgr"

    def ready(self) -> None:
        from ganetimgr import checks  # noqa: F401  (system checks register themselves)
