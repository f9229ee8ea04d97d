"""The forms of the registration."""

import re
from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import captcha, registering, usernames
from accounts.models import Organization

MAX_NAME = 80
MAX_REASON = 2000
# Line breaks and other control characters, what turns the direction of writing, and what makes addresses and HTML:
# a form that sends mail to any address must not carry a stranger's advertisement there.
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069<>@:/\\|]")
_TELEPHONE = re.compile(r"[0-9+()./ -]*")


class RegistrationForm(BaseUserCreationForm):
    username = forms.CharField(
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("You sign in with it. Latin letters, digits and . _ + - only."),
    )
    first_name = forms.CharField(label=gettext_lazy("Name"), max_length=MAX_NAME)
    last_name = forms.CharField(label=gettext_lazy("Surname"), max_length=MAX_NAME)
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        help_text=gettext_lazy("We send a link there, to see that it is yours."),
    )
    telephone = forms.CharField(label=gettext_lazy("Telephone"), max_length=32, required=False)
    organization = forms.ModelChoiceField(
        label=gettext_lazy("Organisation"),
        queryset=Organization.objects.all(),
        required=False,
        empty_label=gettext_lazy("None of these"),
    )
    terms = forms.BooleanField(
        label=gettext_lazy("I accept the terms of use."),
        error_messages={"required": gettext_lazy("Nobody gets an account without accepting the terms of use.")},
    )

    field_order = (
        *("username", "email", "first_name", "last_name", "telephone", "organization"),
        *("password1", "password2", "terms", "captcha"),
    )
    autocomplete = {
        "username": "username",
        "email": "email",
        "first_name": "given-name",
        "last_name": "family-name",
        "telephone": "tel",
    }

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["captcha"] = captcha.field()
        self.fields["username"].widget.attrs.update(spellcheck="false", autocapitalize="none")
        for name, purpose in self.autocomplete.items():
            self.fields[name].widget.attrs["autocomplete"] = purpose
        if not Organization.objects.exists():
            del self.fields["organization"]
        self.order_fields(self.field_order)

    def clean_username(self) -> str:
        name = self.cleaned_data["username"]
        if problem := usernames.problem_with(name):
            raise forms.ValidationError(problem, code="invalid")
        if usernames.is_taken(name) or registering.is_kept(name) or usernames.is_in_tags(name):
            raise taken_name()
        return name

    def clean_first_name(self) -> str:
        return self._clean_name("first_name")

    def clean_last_name(self) -> str:
        return self._clean_name("last_name")

    def clean_telephone(self) -> str:
        number = self.cleaned_data["telephone"]
        if not _TELEPHONE.fullmatch(number):
            raise forms.ValidationError(_("A telephone number has digits, blanks and + ( ) . / - only."))
        return number

    def _clean_name(self, field: str) -> str:
        name = self.cleaned_data[field]
        if _NOT_IN_NAMES.search(name):
            raise forms.ValidationError(_("A name has no line breaks and none of < > @ : / \\ |"), code="invalid")
        return name


def taken_name() -> forms.ValidationError:
    return forms.ValidationError(_("Somebody has this user name already. Please take another one."), code="taken")


class ResendForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=gettext_lazy("The one that you registered with."),
    )


class RefusalForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("They read it in the mail that tells them."),
        error_messages={"required": gettext_lazy("Say why: they are told.")},
    )
