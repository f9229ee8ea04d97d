"""What a reviewer decides: the application corrected, and where it is put."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.applications import placement
from apps.applications.forms.applying import MAX_WORDS, VmFields
from apps.applications.models import InstanceApplication
from apps.applications.placement import ClusterOffer, Placement

LEAST_MEMORY, LEAST_DISK = 512, 2  # MiB, GiB: the predecessor's
MOST = 2**31 - 1  # what a column holds


class ReviewForm(VmFields):
    """All of an application, within wider limits, and its placement.

    Placement counts only when something is to be made: `needs_placement` says whether it is checked.
    """

    memory = forms.IntegerField(label=_("Memory (MiB)"), min_value=LEAST_MEMORY, max_value=MOST)
    vcpus = forms.IntegerField(label=_("vCPUs"), min_value=1, max_value=10_000)
    disk_size = forms.IntegerField(label=_("Disk (GiB)"), min_value=LEAST_DISK, max_value=2**20)
    cluster = forms.CharField(label=_("Cluster"), required=False)
    node_group = forms.CharField(label=_("Node group"), required=False)
    network = forms.CharField(label=_("Network"), required=False)
    disk_template = forms.CharField(label=_("Disks"), required=False)
    vgs = forms.CharField(label=_("Volume group"), required=False)
    nodes = forms.CharField(
        label=_("Nodes"),
        required=False,
        help_text=_("Empty: Ganeti's allocator chooses within the group. Else one node, or two for drbd."),
    )
    words = forms.CharField(
        label=_("Words to the applicant"),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Needed to reject or to ask. Goes into the mail."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        offers: list[ClusterOffer],
        needs_placement: bool = False,
        needs_words: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offers = {offer.slug: offer for offer in offers}
        self.needs_placement = needs_placement
        self.needs_words = needs_words
        self.fields["comments"].required = False
        self._keep_a_system_that_is_gone()

    @property
    def placement(self) -> Placement:
        """What is chosen so far, from the form's data or what the application says."""
        source = self.cleaned_data if hasattr(self, "cleaned_data") else {name: self.value(name) for name in PLACED}
        nodes = tuple(str(source.get("nodes") or "").replace(",", " ").split())
        return Placement.of({**{name: source.get(name) for name in PLACED if name != "nodes"}, "nodes": nodes})

    def value(self, name: str) -> Any:
        """A field's value as it stands in the form."""
        return self[name].value()

    @property
    def offer(self) -> ClusterOffer | None:
        """The chosen cluster."""
        return self.offers.get(str(self.value("cluster") or ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.needs_words and not cleaned.get("words") and "words" not in self.errors:
            self.add_error("words", gettext("The applicant needs some words from you."))
        if self.needs_placement:
            chosen = self.placement
            found = placement.problems(self.offers.get(chosen.cluster), chosen, memory=cleaned.get("memory") or 0)
            for field, sentence in found.items():
                self.add_error(field, str(sentence))
        return cleaned

    def _keep_a_system_that_is_gone(self) -> None:
        """An application for an image that was removed can be read, but not accepted."""
        system = self.fields["operating_system"]
        assert isinstance(system, forms.ChoiceField)
        wanted = self.application.operating_system if self.application else ""
        system.widget = forms.Select(attrs={"class": "form-select"})
        system.choices = [(image.id, image.description) for image in self.catalogue.values()]
        if wanted and wanted not in self.catalogue:
            gone = gettext("%(name)s (no longer in the catalogue)") % {"name": wanted}
            system.widget.choices = [(wanted, gone), *system.choices]


PLACED = ("cluster", "node_group", "network", "disk_template", "vgs", "nodes")


def initial_of(application: InstanceApplication, asked_for: tuple[str, ...]) -> dict[str, Any]:
    """The form's contents for an application as it stands."""
    wanted = Placement.of(application.instance_params)
    return {
        **{name: getattr(application, name) for name in asked_for},
        "organization": application.organization_id,
        **{name: getattr(wanted, name) for name in PLACED if name != "nodes"},
        "nodes": " ".join(wanted.nodes),
        "version": application.version,
    }
