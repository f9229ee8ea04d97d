"""The forms about who may reach and change an instance: its owners, its lock, its isolation, the network let in."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.clusters import holding, owners
from apps.clusters.fleet import Vm
from apps.clusters.holding import Network
from apps.clusters.owners import Change, Owner

MOST_WANTED = 50  # owners that one change adds
OFF = frozenset({"", "0", "false", "off", "no", "none"})


class SwitchField(forms.BooleanField):
    """On or off, in each of the ways in which scripts say it; left out it is off, like a box that is not ticked."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def to_python(self, value: Any) -> bool:
        return str(value if value is not None else "").strip().lower() not in OFF


class LockForm(forms.Form):
    adminlock = SwitchField()


class IsolateForm(forms.Form):
    isolate = SwitchField()


class LetInForm(forms.Form):
    whitelist_ip = forms.CharField(
        required=False,
        max_length=64,
        label=gettext_lazy("Address or network that is let in"),
        help_text=gettext_lazy("Such as 192.0.2.7, 192.0.2.0/28 or 2001:db8:1::/64. Left empty, nobody is let in."),
        widget=forms.TextInput(
            attrs={"class": "mono", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, vm: Vm, data: Any = None) -> None:
        let_in = vm.tags.whitelist
        super().__init__(data, auto_id="let-in-%s", initial={"whitelist_ip": let_in[0] if len(let_in) == 1 else ""})

    def clean_whitelist_ip(self) -> Network | None:
        text = self.cleaned_data["whitelist_ip"]
        return holding.network(text) if text else None


class KeysField(forms.Field):
    """Owners by their keys, as many as there are boxes."""

    widget = forms.MultipleHiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)

    def to_python(self, value: Any) -> list[Owner]:
        keys = dict.fromkeys(str(key) for key in value or ())
        return [owner for key in keys if (owner := owners.of_key(key))]


class OwnersForm(forms.Form):
    """Who shall own an instance.

    Our own page sends the ticked boxes (`owner`) and which boxes there were (`shown`), so that nobody is taken away
    whom the reader did not see. Scripts send `tags`, all owners that are wanted, as u_<pk> and g_<pk>.
    """

    q = forms.CharField(
        required=False,
        max_length=owners.LONGEST + 104,
        label=gettext_lazy("Give it to somebody else"),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": 254}
        ),
    )
    owner = KeysField()
    shown = KeysField()
    tags = forms.CharField(required=False, max_length=20_000)
    confirmed = SwitchField()

    def __init__(self, vm: Vm, reader: Any, data: QueryDict | None = None, *, is_search: bool = False) -> None:
        super().__init__(data, auto_id="owners-%s")
        self.vm, self.reader, self.is_search = vm, reader, is_search
        self.change = Change()
        self.warning = ""  # what the reader has to confirm

    def clean(self) -> dict[str, Any]:
        if self.errors or self.is_search:
            return self.cleaned_data
        self.change = self._change_of_script() if "tags" in self.data else self._change_of_page()
        if len(self.change.added) > MOST_WANTED:
            self.add_error("owner", _("These are too many at once."))
            return self.cleaned_data
        try:
            owners.count_search(self.reader, len(self.change.added))  # each tells whether there is such a name
        except owners.TooMany as error:
            self.add_error("owner", str(error))
            return self.cleaned_data
        for sentence in owners.why_not(self.change, self.vm, self.reader):
            self.add_error("owner", sentence)
        if not self.errors and not self.cleaned_data["confirmed"]:
            self.warning = owners.loses(self.change, self.vm, self.reader)
            if self.warning:
                self.add_error(None, _("Confirm this first: %(what)s") % {"what": self.warning})
        return self.cleaned_data

    def _change_of_page(self) -> Change:
        change = owners.change(self.vm, self.cleaned_data["owner"], self.cleaned_data["shown"])
        return Change(tuple(owners.known(change.added[: MOST_WANTED + 1], self.reader)), change.removed)

    def _change_of_script(self) -> Change:
        ids = [part.strip() for part in self.cleaned_data["tags"].split(",") if part.strip()]
        wanted, unknown = owners.by_ids(ids)
        if unknown:
            self.add_error("owner", _("There is no user or group %(id)s.") % {"id": ", ".join(unknown[:5])})
        with_account = [one for one in owners.of(self.vm, self.reader) if one.pk is not None]
        return owners.change(self.vm, wanted, with_account)

    # ---- the page -----------------------------------------------------------------------------------------

    @property
    def boxes(self) -> list[dict[str, Any]]:
        """A box for each owner, and for each who was ticked to become one."""
        now = owners.of(self.vm, self.reader)
        wanted = {one.key: one for one in self._sent("owner")}
        was_shown = {one.key for one in self._sent("shown")}
        boxes = [_box(one, is_ticked=one.key in wanted or one.key not in was_shown) for one in now]
        new = [one for key, one in wanted.items() if key not in {one.key for one in now}]
        return boxes + [_box(one, is_new=True) for one in new[:MOST_WANTED]]

    def _sent(self, name: str) -> list[Owner]:
        return KeysField().to_python(self.data.getlist(name)) if self.is_bound else []  # type: ignore[attr-defined]


def _box(owner: Owner, *, is_ticked: bool = True, is_new: bool = False) -> dict[str, Any]:
    return {"owner": owner, "is_ticked": is_ticked, "is_new": is_new}
