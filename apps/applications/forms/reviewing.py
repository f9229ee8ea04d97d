"""What a reviewer decides: the application corrected, and where it is put."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.applications import placement
from apps.applications.decisions import ASKED_FOR
from apps.applications.forms.applying import MAX_WORDS, VmFields
from apps.applications.models import InstanceApplication
from apps.applications.placement import ClusterOffer, Placement
from apps.applications.places import Wish

LEAST_MEMORY, LEAST_DISK = 512, 2  # MiB, GiB: the predecessor's
MOST_MEMORY, MOST_DISK, MOST_VCPUS = 2**24, 2**20, 1024
PLACED = ("cluster", "node_group", "network", "disk_template", "vgs")
NODES = ("pnode", "snode")
MAKES = ("accept", "try")  # verbs for which everything has to be right
SPEAKS = ("reject", "ask")  # verbs that need words and nothing else


class ReviewForm(VmFields):
    """All of an application, within wider limits, its placement, and words to the applicant.

    `verb` is what is to be done: what does not matter for it is not checked, for an application whose system is gone
    or whose cluster is silent can still be rejected.
    """

    memory = forms.IntegerField(label=_("Memory (MiB)"), min_value=LEAST_MEMORY, max_value=MOST_MEMORY)
    vcpus = forms.IntegerField(label=_("vCPUs"), min_value=1, max_value=MOST_VCPUS)
    disk_size = forms.IntegerField(label=_("Disk (GiB)"), min_value=LEAST_DISK, max_value=MOST_DISK)
    cluster = forms.CharField(label=_("Cluster"), required=False)
    node_group = forms.CharField(label=_("Node group"), required=False)
    network = forms.CharField(label=_("Network"), required=False)
    disk_template = forms.CharField(label=_("Disks"), required=False)
    vgs = forms.CharField(label=_("Volume group"), required=False)
    pnode = forms.CharField(label=_("Machine"), required=False)
    snode = forms.CharField(label=_("Second machine"), required=False)
    words = forms.CharField(
        label=_("Words to the applicant"),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Needed to reject or to ask. They go into the mail."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, offers: list[ClusterOffer], verb: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offers = {offer.slug: offer for offer in offers}
        self.verb = verb
        self.fields["comments"].required = False

    # ---- what stands in it ------------------------------------------------------------------------------------

    def value(self, name: str) -> Any:
        """A field's value as it stands in the form."""
        return self[name].value()

    @property
    def placement(self) -> Placement:
        """What is chosen so far. Choices that were made for another cluster do not count for this one."""
        if self.is_bound and self.data.get("of", self.value("cluster")) != self.value("cluster"):
            return Placement.of({"cluster": self.value("cluster")})
        nodes = [str(self.value(name) or "") for name in NODES]
        return Placement.of({**{name: self.value(name) for name in PLACED}, "nodes": list(filter(None, nodes))})

    @property
    def wish(self) -> Wish:
        """What decides where it fits, as far as it can be read."""
        network = self.application.wanted_network if self.application else None
        return Wish(self._size("memory"), self._size("disk_size"), network)

    def _size(self, name: str) -> int:
        try:
            return max(int(self.fields[name].clean(self.value(name))), 0)
        except forms.ValidationError:
            return 0

    @property
    def asked_for(self) -> dict[str, Any]:
        """What is said of the VM, once it is checked."""
        return {name: self.cleaned_data[name] for name in ASKED_FOR if name in self.cleaned_data}

    @property
    def differences(self) -> list[dict[str, Any]]:
        """What is saved otherwise than it stands here: label and saved value of each field."""
        saved = self.application
        if saved is None or not self.is_bound or not hasattr(self, "cleaned_data"):
            return []
        return [
            {"label": self.fields[name].label, "saved": getattr(saved, name)}
            for name, value in self.asked_for.items()
            if getattr(saved, name) != value
        ]

    def renew(self, application: InstanceApplication, **values: str) -> None:
        """The same form for the application as it is now; `values` replace what was typed."""
        self.application = application
        self.data = {**dict(self.data.items()), **values, "version": str(application.version)}

    # ---- checking ---------------------------------------------------------------------------------------------

    def full_clean(self) -> None:
        """As always, but what does not matter for this verb is no error."""
        super().full_clean()
        for name in [name for name in self.errors if not self._matters(name)]:
            del self.errors[name]

    def _matters(self, name: str) -> bool:
        if name == "version":
            return True
        if self.verb in SPEAKS:
            return name == "words"
        return self.verb in (*MAKES, "save")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.verb in SPEAKS and not cleaned.get("words") and "words" not in self.errors:
            self.add_error("words", gettext("The applicant needs some words from you."))
        if self.verb in MAKES:
            chosen = self.placement
            found = placement.problems(self.offers.get(chosen.cluster), chosen, memory=cleaned.get("memory") or 0)
            for name, sentence in found.items():
                self.add_error("pnode" if name == "nodes" else name, str(sentence))
        return cleaned


def initial_of(application: InstanceApplication) -> dict[str, Any]:
    """The form's contents for an application as it stands."""
    wanted = Placement.of(application.instance_params)
    return {
        **{name: getattr(application, name) for name in ASKED_FOR},
        "organization": application.organization_id,
        **{name: getattr(wanted, name) for name in PLACED},
        **dict(zip(NODES, wanted.nodes, strict=False)),
        "version": application.version,
    }
