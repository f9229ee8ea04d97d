"""The forms of the profile page: each is a section that is sent by itself."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import deeds, locks, outbox, preferences, profiles, sshkeys, themes
from accounts.backends import MAX_NAME as MAX_ADDRESS
from accounts.forms.people import check_name, check_telephone
from accounts.models import Organization

MIN_NAME, MAX_NAME = 2, 50
MAX_REFUSALS = 20  # that are told one by one
THEMES = [("auto", gettext_lazy("Like the system")), ("light", gettext_lazy("Light")), ("dark", gettext_lazy("Dark"))]


class SectionForm(forms.Form):
    section: str  # where it stands on the page (#name), and what its ids begin with

    def __init__(self, request: HttpRequest, data: Any = None, files: Any = None) -> None:
        self.request = request
        self.user: Any = request.user
        super().__init__(data, files, auto_id=f"{self.section}-%s", initial=self.present())

    def present(self) -> dict[str, Any]:
        """What the fields show at first."""
        return {}


class NameForm(SectionForm):
    section = "name"

    first_name = forms.CharField(
        label=gettext_lazy("Name"),
        min_length=MIN_NAME,
        max_length=MAX_NAME,
        validators=[check_name],
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=gettext_lazy("Surname"),
        min_length=MIN_NAME,
        max_length=MAX_NAME,
        validators=[check_name],
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )

    def present(self) -> dict[str, Any]:
        return {"first_name": self.user.first_name, "last_name": self.user.last_name}

    @transaction.atomic
    def save(self) -> str:
        user, before = self.user, self.user.get_full_name()
        user.first_name, user.last_name = self.cleaned_data["first_name"], self.cleaned_data["last_name"]
        user.save(update_fields=["first_name", "last_name"])
        if before != user.get_full_name():
            detail = f"{before or '–'} → {user.get_full_name()}"
            deeds.tell(deeds.NAME_CHANGED, self.request, about=user, detail=detail)
        return _("Your name is %(name)s now.") % {"name": user.get_full_name()}


class OtherForm(SectionForm):
    """Organisation and telephone."""

    section = "other"

    organization = forms.ModelChoiceField(
        label=gettext_lazy("Organisation"),
        queryset=Organization.objects.all(),
        required=False,
        empty_label=gettext_lazy("None of these"),
    )
    telephone = forms.CharField(
        label=gettext_lazy("Telephone"),
        max_length=32,
        required=False,
        validators=[check_telephone],
        widget=forms.TelInput(attrs={"autocomplete": "tel"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not Organization.objects.exists():
            del self.fields["organization"]

    def present(self) -> dict[str, Any]:
        profile = profiles.of(self.user)
        return {"organization": profile.organization_id, "telephone": profile.telephone}

    @transaction.atomic
    def save(self) -> str:
        profile, chosen = profiles.of(self.user), self.cleaned_data
        was = (profile.organization_id, profile.telephone)
        profile.organization = chosen.get("organization", profile.organization)
        profile.telephone = chosen["telephone"]
        profile.save(update_fields=["organization", "telephone"])
        if was != (profile.organization_id, profile.telephone):
            detail = ", ".join(str(fact) for fact in (profile.organization, profile.telephone) if fact) or "–"
            deeds.tell(deeds.CONTACT_CHANGED, self.request, about=self.user, detail=detail)
        return _("That is saved.")


class PreferencesForm(SectionForm):
    """Language, time zone and theme. What is left open is as the browser or the site says."""

    section = "preferences"

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)
    theme = forms.ChoiceField(label=gettext_lazy("Theme"), choices=THEMES, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["language"], [("", _("As the browser asks")), *settings.LANGUAGES])
        site = _("As the site: %(name)s") % {"name": settings.TIME_ZONE}
        names = sorted(preferences.time_zones())
        set_choices(self.fields["time_zone"], [("", site), *((name, name.replace("_", " ")) for name in names)])

    def present(self) -> dict[str, Any]:
        profile = profiles.of(self.user)
        theme = themes.chosen(self.request)
        return {"language": profile.language, "time_zone": profile.time_zone, "theme": theme}


class EmailForm(SectionForm):
    section = "email"

    email = forms.EmailField(
        label=gettext_lazy("New address"),
        max_length=MAX_ADDRESS,
        help_text=gettext_lazy("We send a link there. The address counts once you have followed it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_email(self) -> str:
        address: str = self.cleaned_data["email"]
        if address == self.user.email:
            raise ValidationError(_("This is your address already."))
        if not outbox.is_address(address):
            raise ValidationError(_("We cannot send mail to such an address."))
        return address

    def clean_password(self) -> str:
        check_password(self.request, self.cleaned_data["password"])
        return ""


class NewPasswordForm(PasswordChangeForm):
    section = "password"

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        self.request = request
        user: Any = request.user
        super().__init__(user, data)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # one section of many

    def clean_old_password(self) -> str:
        check_password(self.request, self.cleaned_data["old_password"])
        return str(self.cleaned_data["old_password"])


class KeysForm(SectionForm):
    """Public keys, pasted or in a file, or both."""

    section = "keys"

    text = forms.CharField(
        label=gettext_lazy("Public keys, each in one line"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "wrap": "off"}
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        allow_empty_file=True,
        help_text=gettext_lazy("The one that ends with .pub, never the one without."),
    )

    @classmethod
    def with_refusals(cls, request: HttpRequest, text: str, sentences: list[str]) -> "KeysForm":
        """The form with what could not be taken still in it, and why."""
        form = cls(request, {"text": text})
        form.errors.clear()
        form.add_error("text", sentences)
        return form

    def clean(self) -> dict[str, Any]:
        """`text` is then that of both."""
        text, file = self.cleaned_data.get("text", ""), self.cleaned_data.get("file")
        if self.errors:
            return self.cleaned_data
        if len(text.encode()) + (file.size if file else 0) > sshkeys.MAX_TEXT:
            self.data = {}  # a megabyte of it would come back
            raise ValidationError({"text": _("This is too much: paste at most 64 KiB at once.")})
        whole = "\n".join(part for part in (text, sshkeys.text_of(file.read()) if file else "") if part.strip())
        if not whole:
            raise ValidationError({"text": _("Paste a key here or choose a file.")})
        return {"text": whole}


def told(refusals: list[sshkeys.Refusal]) -> list[str]:
    """Why lines were refused, each by its number; many of them in short."""
    sentences = [_("Line %(n)s: %(why)s") % {"n": each.number, "why": each.reason} for each in refusals[:MAX_REFUSALS]]
    more = len(refusals) - MAX_REFUSALS
    if more > 0:
        sentences.append(
            ngettext("And %(n)s more line is no key.", "And %(n)s more lines are no keys.", more) % {"n": more}
        )
    return sentences


def check_password(request: HttpRequest, password: str) -> None:
    """Raises ValidationError unless it is the one of the request's user: an open browser is not enough for some deeds.

    Wrong ones count like those of the sign-in, and close the same locks.
    """
    name = request.user.get_username()
    user = authenticate(request, username=name, password=password)
    if user is None or user.pk != request.user.pk:
        if locks.seconds_to_wait(request, name):
            raise ValidationError(_("That were too many tries. Try again in some minutes."), code="locked")
        raise ValidationError(_("This is not your password."), code="wrong")


def set_choices(field: forms.Field, choices: list[tuple[Any, Any]]) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices
