from django.apps import AppConfig


class GanetimgrConfig(AppConfig):
    """The house itself: no tables, only what concerns all rooms: checks, and what is logged of an outage."""

    name = "ganetimgr"

    def ready(self) -> None:
        from ganetimgr import (
            checks,  # noqa: F401  (system checks register themselves)
            ldapchecks,  # noqa: F401
            logs,
            sentry,
        )

        logs.tell_outages_in_a_line()
        sentry.begin()
