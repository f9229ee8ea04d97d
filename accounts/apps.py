from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from accounts import entries, locks, navigation, ownership, profiles, retelling, second_factor, sessions
        from accounts.forms import signing_in

        profiles.connect()
        sessions.connect()
        navigation.register(*entries.NAVIGATION)
        for room in (ownership, locks, second_factor, signing_in):
            retelling.register(*room.SENTENCES)
