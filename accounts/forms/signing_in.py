"""Sign-in and password forms: Django's own, in our sentences."""

import math
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext

from accounts import deeds, locks, refusals, registering
from accounts.backends import MAX_NAME

LOCKED, UNVALIDATED = "locked", "unvalidated"
NOT_ACTIVE = gettext_noop("The password was right, but the account is not active.")
SENTENCES = (NOT_ACTIVE,)  # for accounts.retelling


class SignInForm(AuthenticationForm):
    """User name or e-mail, and password. What stands in an account's way is only said to who knows its password."""

    username = UsernameField(
        max_length=MAX_NAME, label=_("User name or e-mail"), widget=forms.TextInput(attrs={"autofocus": True})
    )
    error_messages = {
        "invalid_login": _("This user name and password do not belong together. Mind capital letters."),
        UNVALIDATED: _("You have yet to prove your e-mail address: follow the link in the mail that we sent you."),
        "waiting": _("Your registration waits for an administrator, who has to approve it. A mail will tell you."),
        "inactive": _("This account is switched off. Ask the administrators if that surprises you."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["maxlength"] = MAX_NAME  # Django takes that of user names
        self.seconds_to_wait = 0

    def confirm_login_allowed(self, user: Any) -> None:
        """Raises the sentence about what is missing. The lock counts here too: many guesses may come at once."""
        self._refuse_while_locked()
        standing = registering.standing(user)
        if standing != "active":
            deeds.tell(deeds.SIGN_IN_FAILED, self.request, about=user, detail=NOT_ACTIVE, is_authorized=False)
            raise ValidationError(self.error_messages[standing], code=standing)

    def get_invalid_login_error(self) -> ValidationError:
        self._refuse_while_locked()
        reason = refusals.given(self.request)
        return ValidationError(reason, code="refused") if reason else super().get_invalid_login_error()

    def _refuse_while_locked(self) -> None:
        assert self.request is not None
        self.seconds_to_wait = locks.seconds_to_wait(self.request, self.cleaned_data["username"])
        if self.seconds_to_wait:
            minutes = math.ceil(self.seconds_to_wait / 60)
            told = ngettext(
                "Those were too many tries. Try again in %(n)s minute.",
                "Those were too many tries. Try again in %(n)s minutes.",
                minutes,
            )
            raise ValidationError(told % {"n": minutes}, code=LOCKED)

    @property
    def is_locked(self) -> bool:
        return self.has_error(NON_FIELD_ERRORS, LOCKED)

    @property
    def is_unvalidated(self) -> bool:
        return self.has_error(NON_FIELD_ERRORS, UNVALIDATED)


class PasswordResetForm(forms.Form):
    """Where the link goes. Django's own form would mail at once and by itself; see accounts/resetting.py."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=MAX_NAME,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )
