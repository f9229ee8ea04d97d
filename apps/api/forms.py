"""The form in which a program is registered and changed."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from oauth2_provider.models import get_application_model

from apps.api import permissions

Application = get_application_model()

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_ADDRESSES, LONGEST = 10, 500
_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")

SERVER, OPEN, IMPLICIT = "server", "open", "implicit"
KINDS = {
    SERVER: gettext_lazy("A program on a server, which can keep a secret"),
    OPEN: gettext_lazy("A program in a browser, on a phone or on a computer, which can keep none"),
    IMPLICIT: gettext_lazy("An old program, which gets its tokens in addresses (implicit grant)"),
}
# kind -> what the toolkit calls it: (client type, grant type)
STORED = {
    SERVER: (Application.CLIENT_CONFIDENTIAL, Application.GRANT_AUTHORIZATION_CODE),
    OPEN: (Application.CLIENT_PUBLIC, Application.GRANT_AUTHORIZATION_CODE),
    IMPLICIT: (Application.CLIENT_PUBLIC, Application.GRANT_IMPLICIT),
}


def kind_of(program: Any) -> str:
    """One of KINDS; empty for a kind of ganetimgr 2.x that is no more (a password typed into the program)."""
    if program.authorization_grant_type == Application.GRANT_IMPLICIT:
        return IMPLICIT
    stored = (program.client_type, program.authorization_grant_type)
    return next((kind for kind, known in STORED.items() if known == stored), "")


class ProgramForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What people read who are asked whether they let it in."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Where it runs"), widget=forms.RadioSelect)
    redirect_uris = forms.CharField(
        label=gettext_lazy("Addresses to come back to"),
        max_length=MOST_ADDRESSES * (LONGEST + 2),
        help_text=gettext_lazy(
            "One in a line, exactly as the program says it (redirect_uri): with https, or with http on one's own"
            " machine, such as http://127.0.0.1/callback, where the port may be any."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, user: Any, program: Any, data: Any = None) -> None:
        self.program = program
        self.kind_before = kind_of(program) if program.pk else SERVER
        initial = {"name": program.name, "kind": self.kind_before, "redirect_uris": "\n".join(self._addresses_before)}
        super().__init__(data, initial=initial)
        can_be_implicit = permissions.may_allow_implicit(user) or self.kind_before == IMPLICIT
        kinds = [kind for kind in KINDS if kind != IMPLICIT or can_be_implicit]
        self.fields["kind"].choices = [(kind, KINDS[kind]) for kind in kinds]  # type: ignore[attr-defined]

    @property
    def _addresses_before(self) -> list[str]:
        return list(self.program.redirect_uris.split())

    def clean_redirect_uris(self) -> str:
        addresses = list(dict.fromkeys(self.cleaned_data["redirect_uris"].split()))
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(_("At most %(number)s addresses.") % {"number": MOST_ADDRESSES})
        new = [one for one in addresses if one not in self._addresses_before]
        sentences = [sentence for one in new if (sentence := why_not(one))]
        if sentences:
            raise ValidationError(sentences)
        return " ".join(addresses)

    def fill(self) -> list[str]:
        """Puts what was typed into the program; the names of the fields that differ now, for the log."""
        wanted = {"name": self.cleaned_data["name"], "redirect_uris": self.cleaned_data["redirect_uris"]}
        if self.cleaned_data["kind"] != self.kind_before or not self.program.pk:
            stored = STORED[self.cleaned_data["kind"]]
            wanted |= dict(zip(("client_type", "authorization_grant_type"), stored, strict=True))
        changed = [name for name, value in wanted.items() if getattr(self.program, name) != value]
        for name in changed:
            setattr(self.program, name, wanted[name])
        return changed


def why_not(address: str) -> str:
    """The sentence that says why nobody can be sent back there; empty for a good address."""
    about = {"address": address[:80]}
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not _URI.fullmatch(address) or len(address) > LONGEST or "@" in parts.netloc or "*" in parts.netloc:
        return _("%(address)s is no whole address, such as https://app.example.org/callback.") % about
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK):
        return ""
    return _("%(address)s has to begin with https://; http:// is for one's own machine only.") % about
