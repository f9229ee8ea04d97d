"""Sign-in and password forms: Django's own, in our sentences."""

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("This user name and password do not belong together. Mind capital letters."),
        "inactive": _("This account is not active. Ask the administrators if that surprises you."),
    }
