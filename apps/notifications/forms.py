"""The form in which the help desk writes to owners."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import outbox
from apps.notifications import wording
from apps.notifications.models import Notification
from apps.notifications.recipients import KINDS


class NotificationForm(forms.Form):
    """Subject and text. Whom it goes to is chosen beside it, see Compose."""

    subject = forms.CharField(label=_("Subject"), max_length=Notification.MAX_SUBJECT)
    message = forms.CharField(
        label=_("Text"),
        max_length=Notification.MAX_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono"}),
        strip=False,
    )

    def clean_subject(self) -> str:
        return " ".join(outbox.without_control_characters(self.cleaned_data["subject"]).split())

    def clean_message(self) -> str:
        text: str = self.cleaned_data["message"].replace("\r\n", "\n")
        if not text.strip():
            raise forms.ValidationError(_("There is nothing in it yet."))
        try:
            wording.check(text)
        except wording.Wrong as error:
            raise forms.ValidationError(str(error)) from error
        return text


class SearchForm(forms.Form):
    """What is looked for, and among what."""

    kind = forms.ChoiceField(choices=list(KINDS.items()), initial="vm", required=False)
    q = forms.CharField(max_length=100, required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    @property
    def chosen_kind(self) -> str:
        return self.cleaned_data.get("kind") or "vm"

    @property
    def words(self) -> str:
        return self.cleaned_data.get("q") or ""
