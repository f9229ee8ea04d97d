"""What people fill in to ask for a VM."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import profiles
from accounts.models import Organization
from accounts.templatetags.look import mebibytes
from apps.applications import hostnames, images
from apps.applications.forms import systems
from apps.applications.models import InstanceApplication
from apps.clusters.models import Network

MAX_WORDS = 4000  # characters of comments


class VmFields(forms.Form):
    """The fields that an applicant fills in and a reviewer may change."""

    shows_cards = False  # of operating systems, where there are few

    hostname = forms.CharField(
        label=_("Host name"),
        max_length=1000,  # longer than allowed, so that ours is the sentence
        help_text=_("The whole name with its domain, in lower case, such as web.example.org."),
        widget=forms.TextInput(
            attrs={"class": "mono", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    operating_system = forms.ChoiceField(label=_("Operating system"))
    hosts_mail_server = forms.BooleanField(label=_("It will send mail to the world"), required=False)
    comments = forms.CharField(
        label=_("What is it for?"),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One or two sentences help whoever decides."),
    )
    organization = forms.ModelChoiceField(
        label=_("Organisation"), queryset=Organization.objects.all(), required=False, empty_label=_("none")
    )
    admin_contact_name = forms.CharField(label=_("Administrator's name"), max_length=255, required=False)
    admin_contact_email = forms.EmailField(label=_("Administrator's e-mail"), max_length=254, required=False)
    admin_contact_phone = forms.CharField(label=_("Administrator's telephone"), max_length=64, required=False)

    def __init__(self, *args: Any, application: InstanceApplication | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.application = application
        self.catalogue = images.catalogue()
        self._offer_systems()
        self.fields["hostname"].error_messages["required"] = str(hostnames.problem_with(""))
        self.fields["comments"].error_messages["required"] = _("A few words are needed.")

    def _offer_systems(self) -> None:
        """One that was removed meanwhile is still shown where it was asked for, but cannot be taken."""
        system = self.fields["operating_system"]
        assert isinstance(system, forms.ChoiceField)
        wanted = self.application.operating_system if self.application else ""
        gone = gettext("%(name)s (no longer in the catalogue)") % {"name": wanted}
        left_over = [(wanted, gone)] if wanted and wanted not in self.catalogue else []
        systems.offer(system, self.catalogue, gone=left_over, cards=self.shows_cards)
        system.error_messages["required"] = _("Choose an operating system.")
        system.error_messages["invalid_choice"] = _("This operating system is not in the catalogue any more.")

    @property
    def has_many_systems(self) -> bool:
        """Whether a search helps to find one."""
        return len(self.catalogue) > systems.CARDS

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Each sentence that stands at a field, for the list above the form: label, address of the field, sentence."""
        return [
            {"label": field.label, "at": field.id_for_label or field.auto_id, "sentence": sentence}
            for field in self.visible_fields()
            for sentence in field.errors
        ]

    def clean_hostname(self) -> str:
        name = hostnames.tidied(self.cleaned_data["hostname"])
        problem = hostnames.problem_with(name)
        if not problem:
            problem = hostnames.taken(name, but=self.application.pk if self.application else None)
        if problem:
            raise forms.ValidationError(str(problem))
        return name


class NetworkField(forms.ModelChoiceField):
    def label_from_instance(self, network: Network) -> str:
        return gettext("%(network)s on %(cluster)s") % {"network": network, "cluster": network.cluster.label}


class ApplicationForm(VmFields):
    """An applicant's wishes, within what the site lets people ask for. `user` is who asks."""

    shows_cards = True

    memory = forms.TypedChoiceField(label=_("Memory"), coerce=int)
    vcpus = forms.TypedChoiceField(label=_("vCPUs"), coerce=int)
    disk_size = forms.IntegerField(label=_("Disk (GiB)"))
    wanted_network = NetworkField(
        label=_("Network"),
        queryset=Network.objects.none(),
        required=False,
        empty_label=_("The administrators choose"),
        help_text=_("Networks of your groups."),
    )
    accept_tos = forms.BooleanField(
        label=_("I accept the terms of service"),
        error_messages={"required": _("Without accepting the terms of service there is no VM.")},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs["initial"] = {**prefilled(user), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.user = user
        self._offer_sizes()
        self._offer_networks(networks_of(user))
        self._ask_for_contact()

    @property
    def key_count(self) -> int:
        """How many SSH keys a system that takes them would be given."""
        return self.user.ssh_keys.count()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        contact = ("admin_contact_name", "admin_contact_email", "admin_contact_phone")
        if "organization" in self.fields and cleaned.get("organization"):
            return cleaned
        asked = [name for name in contact if name in self.fields]
        if not asked:
            if "organization" in self.fields:
                self.add_error("organization", gettext("Say which organisation it is for."))
            return cleaned
        sentence = gettext("Name the organisation, or all three of the administrator.")
        if "organization" not in self.fields:
            sentence = gettext("All three of the administrator are needed.")
        for name in asked:
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, sentence)
        return cleaned

    def _offer_sizes(self) -> None:
        memory, vcpus, disk = self.fields["memory"], self.fields["vcpus"], self.fields["disk_size"]
        assert isinstance(memory, forms.TypedChoiceField)
        assert isinstance(vcpus, forms.TypedChoiceField)
        assert isinstance(disk, forms.IntegerField)
        had = self.application  # what it asked for before can be asked for again, also where a reviewer gave more
        memory.choices = [
            (size, mebibytes(size)) for size in _with(settings.APPLICATION_MEMORY, had.memory if had else None)
        ]
        vcpus.choices = [(count, str(count)) for count in _with(settings.APPLICATION_VCPUS, had.vcpus if had else None)]
        least, most, first = settings.APPLICATION_DISK
        most = max(most, had.disk_size if had else 0)
        self.fields["disk_size"] = forms.IntegerField(
            label=disk.label,
            min_value=least,
            max_value=most,
            initial=first,
            help_text=gettext("%(least)s to %(most)s. It can grow later, but not shrink.")
            % {"least": least, "most": most},
        )

    def _offer_networks(self, networks: Any) -> None:
        """A group's network is chosen by itself, and can be changed; who has none is not asked."""
        if not networks:
            del self.fields["wanted_network"]
            return
        field = self.fields["wanted_network"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = networks
        if self.application is None:
            self.initial.setdefault("wanted_network", networks[0].pk)

    def _ask_for_contact(self) -> None:
        """What the site does not want to know is not asked; nor for an organisation where there are none."""
        if not settings.BRANDING["SHOW_ORGANIZATION_FORM"] or not Organization.objects.exists():
            del self.fields["organization"]
        if not settings.BRANDING["SHOW_ADMINISTRATIVE_FORM"]:
            for name in ("admin_contact_name", "admin_contact_email", "admin_contact_phone"):
                del self.fields[name]


def networks_of(user: User) -> QuerySet[Network]:
    """The networks of a user's groups, on clusters where new VMs are made."""
    usable = Network.objects.filter(cluster__disabled=False, cluster__disable_instance_creation=False)
    return usable.filter(groups__in=user.groups.all()).select_related("cluster").distinct()


def _with(sizes: Iterable[int], one: int | None) -> list[int]:
    """The sizes in order, with one more."""
    return sorted({*sizes, *([one] if one else [])})


def prefilled(user: User) -> dict[str, Any]:
    """What the site knows already about who asks."""
    profile = profiles.of(user)
    return {
        "organization": profile.organization_id,
        "admin_contact_name": user.get_full_name(),
        "admin_contact_email": user.email,
        "admin_contact_phone": profile.telephone,
    }


class WordsForm(forms.Form):
    """An answer to a question."""

    text = forms.CharField(label=_("Your answer"), max_length=MAX_WORDS, widget=forms.Textarea(attrs={"rows": 4}))
