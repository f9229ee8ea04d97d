"""Codes of the second factor, and the password where something about it changes."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import second_factor
from accounts.forms.profile import check_password


def code_field(**attrs: str) -> forms.CharField:
    control = forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false", **attrs})
    return forms.CharField(label=_("Code"), max_length=40, widget=control)


class CodeForm(forms.Form):
    """The code after the password, while signing in."""

    code = code_field(autofocus="", autocapitalize="none")
    trust = forms.BooleanField(label=_("Trust this browser for some time"), required=False)

    def __init__(self, request: HttpRequest, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_code(self) -> str:
        second_factor.use_code(self.request, self.user, self.cleaned_data["code"])
        return ""


class PasswordForm(forms.Form):
    """Asks for the password again: an unlocked browser is not enough to change who gets in."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        check_password(self.request, self.cleaned_data["password"])
        return ""


class ProofForm(PasswordForm):
    """Password and a code of the app, or a recovery code; the code is used up only where the password is right."""

    code = code_field(autocapitalize="none")
    code.help_text = _("Six digits from the app, or a recovery code.")

    def clean(self) -> None:
        if not self.errors:
            try:
                second_factor.use_code(self.request, self.request.user, self.cleaned_data["code"])
            except ValidationError as error:
                self.add_error("code", error)


class TurnOnForm(PasswordForm):
    """Shows that the app has the secret. `step` is then the half minute of the code."""

    code = code_field(inputmode="numeric")
    code.help_text = _("Six digits that the app shows now.")
    step: int | None = None

    def __init__(self, request: HttpRequest, secret: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.secret = secret

    def clean_code(self) -> str:
        code = "".join(self.cleaned_data["code"].split())
        self.step = second_factor.step_of(self.secret, code)
        if self.step is None:
            sentence = gettext("The app shows another code. Scan the picture again, and mind the clock of the phone.")
            raise ValidationError(sentence)
        return code
