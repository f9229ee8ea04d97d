"""The form with which owners set the virtual hardware of an instance. Its field names are those of ganetimgr 2.x."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.clusters.hardware import LABELS, Hardware, in_words
from ganeti import hypervisors, probe
from ganeti.hypervisors import BOOT_ORDER, CDROM_IMAGE_PATH, DISK_TYPE, NIC_TYPE, USE_LOCALTIME

NO_CD, WEB_IMAGE, KEPT = "none", "iso", "kept"
MAX_ADDRESS = 500
# What may stand in the address. A comma would end the file's name in QEMU's options and begin another option.
IN_ADDRESSES = re.compile(r"[A-Za-z0-9._~/%@+=&?:\[\]-]*")

HELP = {
    NIC_TYPE: _("Paravirtual is fastest. A system without a driver for it needs e1000 or rtl8139."),
    DISK_TYPE: _("Paravirtual is fastest. Inside, the disks may be called otherwise after a change (vda, sda)."),
    USE_LOCALTIME: _("Windows expects local time; other systems expect UTC."),
}


def checked_address(address: str) -> str:
    """The address of an image, with scheme and host in small letters; ValidationError for what is none."""
    if not re.match(r"https?://", address, re.IGNORECASE):
        raise ValidationError(_("Begin with https:// or http://."))
    wrong = IN_ADDRESSES.sub("", address)
    if wrong:
        raise ValidationError(
            _("An address cannot have “%(character)s” here. Write it as %%%(code)s, or rename the file."),
            params={"character": wrong[0], "code": "%".join(f"{byte:02X}" for byte in wrong[0].encode())},
        )
    scheme, _colon, rest = address.partition("://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise ValidationError(
            _("Leave the user name and the password out: they would be in the history for all to read.")
        )
    if probe.place_of(address) is None or ":" in rest[len(authority) :]:
        raise ValidationError(_("This is no address of an image. It looks like https://mirror.example.org/rescue.iso."))
    return f"{scheme.lower()}://{authority.lower()}{rest[len(authority) :]}"


class HardwareForm(forms.Form):
    """Has only the fields that the instance's hypervisor knows. `changes` is what differs from what is configured."""

    def __init__(self, data: Any, hardware: Hardware) -> None:
        super().__init__(data, initial=dict(hardware.configured))
        self.hardware = hardware
        for name in hardware.settable:
            if name == CDROM_IMAGE_PATH:
                self._add_cd()
            elif name == USE_LOCALTIME:
                self.fields[name] = forms.BooleanField(
                    required=False, label=_("Hardware clock in local time"), help_text=HELP[name]
                )
                self.fields[name].widget.attrs.update({"class": "form-check-input", "role": "switch"})
            else:
                self._add_choice(name)

    def _add_choice(self, name: str) -> None:
        values = self.hardware.choices(name)
        words = [(value, in_words(name, value)) for value in values]
        is_radio = name == BOOT_ORDER
        self.fields[name] = forms.ChoiceField(
            choices=words,
            label=str(LABELS[name]),
            help_text=HELP.get(name, ""),
            widget=forms.RadioSelect(attrs={"class": "form-check-input"}) if is_radio else forms.Select,
        )

    def _add_cd(self) -> None:
        """`cdrom_type` says what becomes of the CD; Ganeti never hears of it."""
        current = self.hardware.configured.get(CDROM_IMAGE_PATH) or ""
        is_ours = hypervisors.is_from_the_web(current)
        choices = [(NO_CD, _("None"))]
        if self.hardware.hypervisor.takes_web_images:
            choices.append((WEB_IMAGE, _("An image from the web")))
        if current and not is_ours:
            choices.append((KEPT, _("The image that an administrator has put in")))
        self.fields["cdrom_type"] = forms.ChoiceField(
            choices=choices,
            required=False,
            label=str(LABELS[CDROM_IMAGE_PATH]),
            widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
        )
        self.initial["cdrom_type"] = WEB_IMAGE if is_ours else KEPT if current else NO_CD
        self.initial[CDROM_IMAGE_PATH] = current if is_ours else ""
        if self.hardware.hypervisor.takes_web_images:
            self.fields[CDROM_IMAGE_PATH] = forms.CharField(
                required=False,
                max_length=MAX_ADDRESS,
                label=_("Address of the CD image"),
                help_text=_("The cluster fetches it whenever the VM starts: without it, the VM does not start."),
                widget=forms.TextInput(
                    attrs={
                        "autocapitalize": "off",
                        "autocomplete": "off",
                        "spellcheck": "false",
                        "inputmode": "url",
                        "placeholder": "https://mirror.example.org/rescue.iso",
                    }
                ),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "cdrom_type" in self.fields and not self.errors:
            self._clean_cd(cleaned)
        if BOOT_ORDER in self.fields and not self.errors:
            self._clean_boot_order(cleaned)
        return cleaned

    def _clean_cd(self, cleaned: dict[str, Any]) -> None:
        """`cdrom_image_path` becomes what Ganeti is told."""
        current = self.hardware.configured.get(CDROM_IMAGE_PATH) or ""
        address = cleaned.get(CDROM_IMAGE_PATH, "")
        kind = cleaned.get("cdrom_type") or (WEB_IMAGE if address else self.initial["cdrom_type"])
        if kind == NO_CD:
            cleaned[CDROM_IMAGE_PATH] = ""
        elif kind == KEPT or address == current:
            cleaned[CDROM_IMAGE_PATH] = current
        if kind == WEB_IMAGE and not address:
            self.add_error(CDROM_IMAGE_PATH, _("Say where the image is."))
        elif kind == WEB_IMAGE and address != current:
            try:
                cleaned[CDROM_IMAGE_PATH] = checked_address(address)
            except ValidationError as error:
                self.add_error(CDROM_IMAGE_PATH, error)

    def _clean_boot_order(self, cleaned: dict[str, Any]) -> None:
        cd = cleaned.get(CDROM_IMAGE_PATH, self.hardware.configured.get(CDROM_IMAGE_PATH))
        if (
            not cd
            and hypervisors.boots_from_cd(cleaned[BOOT_ORDER])
            and self.hardware.hypervisor.needs_cd_to_boot_from_it
        ):
            self.add_error(
                BOOT_ORDER, _("There is no CD to boot from. Give the address of an image, or boot from the disk.")
            )

    @property
    def changes(self) -> dict[str, Any]:
        """What Ganeti has to be told: only what is not so already."""
        now = self.hardware.configured
        wanted = {name: self.cleaned_data[name] for name in self.hardware.settable if name in self.cleaned_data}
        return {name: value for name, value in wanted.items() if value != (now.get(name) or type(value)())}

    @property
    def new_image(self) -> str:
        """The address of a CD image that was not there before; empty where none came."""
        image = self.changes.get(CDROM_IMAGE_PATH, "")
        return image if hypervisors.is_from_the_web(image) else ""
