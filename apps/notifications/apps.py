from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """The label is that of ganetimgr 2.x: the permission notifications.can_view_notif hangs on it."""

    name = "apps.notifications"
    label = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from accounts import navigation, retelling
        from apps.notifications import entries, sending

        navigation.register(*entries.NAVIGATION)
        retelling.register(*sending.SENTENCES)
