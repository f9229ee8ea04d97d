"""The forms in which people ask for what cannot be taken back: each wants the VM's name typed."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.clusters import names, systems
from apps.clusters.fleet import Vm
from apps.clusters.models import InstanceAction

VERBATIM = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class DestroyForm(forms.Form):
    """`details` is what the action needs to know. Scripts have named the VM in the address and do not type it again."""

    name = forms.CharField(max_length=255, widget=forms.TextInput(attrs=VERBATIM))

    def __init__(self, data: Any, vm: Vm, *, is_script: bool = False) -> None:
        super().__init__(data)
        self.vm = vm
        self.order_fields([name for name in self.fields if name != "name"])
        self.fields["name"].label = _type_it(vm.name)
        if is_script:
            del self.fields["name"]

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if typed.lower() != self.vm.name.lower():
            raise forms.ValidationError(_("This is not its name. It is %(name)s."), params={"name": self.vm.name})
        return typed

    @property
    def details(self) -> dict[str, Any]:
        return {}


class ReinstallForm(DestroyForm):
    operating_system = forms.ChoiceField(label=gettext_lazy("System"))

    def __init__(self, data: Any, vm: Vm, *, is_script: bool = False) -> None:
        super().__init__(data, vm, is_script=is_script)
        offered = systems.choices()
        field = self.fields["operating_system"]
        field.initial = systems.offered_as(vm.instance.image)
        field.choices = offered if field.initial else [("", _("Choose a system")), *offered]  # type: ignore[attr-defined]
        field.error_messages["invalid_choice"] = _("This system is not offered. Choose another.")

    @property
    def details(self) -> dict[str, Any]:
        return {"image": self.cleaned_data["operating_system"]}


class RenameForm(DestroyForm):
    hostname = forms.CharField(
        label=gettext_lazy("New host name"),
        max_length=255,
        widget=forms.TextInput(attrs=VERBATIM),
        help_text=gettext_lazy("The whole name with its domain, such as web.example.org."),
    )

    def clean_hostname(self) -> str:
        wanted = names.tidied(self.cleaned_data["hostname"])
        if wanted == self.vm.name:
            raise forms.ValidationError(_("It has this name already."))
        sentence = names.why_not(wanted, renaming=(self.vm.cluster.slug, self.vm.name))
        if sentence:
            raise forms.ValidationError(str(sentence))
        return wanted

    @property
    def details(self) -> dict[str, Any]:
        return {"new_name": self.cleaned_data["hostname"], "old_name": self.vm.name}


FORMS: dict[int, type[DestroyForm]] = {
    InstanceAction.Kind.REINSTALL: ReinstallForm,
    InstanceAction.Kind.DESTROY: DestroyForm,
    InstanceAction.Kind.RENAME: RenameForm,
}


def _type_it(name: str) -> SafeString:
    return format_html(_("Type {name} to go on"), name=format_html('<span class="mono">{}</span>', name))
