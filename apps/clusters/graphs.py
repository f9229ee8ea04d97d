"""Graphs of instances as pages show them: pictures with their addresses, their names, and what they show when."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.clusters import fleet, grapher, sections, spans
from apps.clusters.fleet import ClusterView, Vm
from apps.clusters.grapher import Question
from apps.clusters.spans import PRESETS, SpanForm
from ganeti.objects import Instance

CARDS_IN_BATCHES = 4  # network cards of one instance; its own page shows more


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of the grapher's, at an address of ours."""

    title: str
    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Load:
    """The panel of an instance's overview."""

    pictures: list[ShownPicture]
    url: str
    choices: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ShownGraphs:
    """One instance among many."""

    name: str
    url: str  # of its own page, for who may open it
    pictures: list[ShownPicture]


@dataclass(frozen=True, slots=True)
class ShownNode:
    """A node with its instances, or those of them that have place on this page of a long list."""

    name: str
    url: str  # of the page that shows it alone
    vm_count: int
    vms: list[ShownGraphs]

    @property
    def is_cut(self) -> bool:
        return len(self.vms) < self.vm_count


def shown(slug: str, asked: Iterable[Question], words: str) -> list[ShownPicture]:
    """The pictures of `asked`, of instances of that cluster; `words` say which span they show."""
    return [_shown(slug, each, words) for each in asked]


def _shown(slug: str, asked: Question, words: str) -> ShownPicture:
    title = _("Network, %(card)s") % {"card": asked.nic} if asked.nic else _("CPU")
    alt = _("%(what)s of %(vm)s, %(when)s") % {"what": title, "vm": asked.instance, "when": words}
    return ShownPicture(title, _address(slug, asked), alt)


def _address(slug: str, asked: Question) -> str:
    """It stays as it is until the picture is to be drawn anew, so that a page that renews itself does not load it."""
    facts = {"cluster_slug": slug, "instance": asked.instance, "graph_type": asked.kind}
    facts |= {"start": asked.span.start, "end": asked.span.end} | ({"nic": asked.nic} if asked.nic else {})
    address = reverse("graph", kwargs=facts)
    return address if asked.span.end.isdigit() else f"{address}?t={grapher.turn()}"


def load(user: Any, vm: Vm) -> Load | None:
    """What the overview shows of the last day; None for who has no graphs of this instance."""
    if not sections.has_graphs(user, vm):
        return None
    asked = grapher.of_instance(vm.instance, spans.read(*spans.USUAL), cards=1)
    preset = PRESETS[spans.USUAL_PRESET]
    url = reverse("instance-graphs", args=[vm.cluster.slug, vm.name])
    return Load(shown(vm.cluster.slug, asked, str(preset.words)), url, SpanForm({}).choices)


def of_nodes(user: Any, view: ClusterView, instances: list[Instance], form: SpanForm, counts: Any) -> list[ShownNode]:
    """`instances`, which are in the order of their nodes, node by node; `counts` says how many each node has."""
    span = spans.read(*form.ends)
    may_open = fleet.sees_everything(user)
    url = reverse("cluster-get-nodes-graphs", args=[view.slug])
    query = f"?{urlencode(form.state)}" if form.state else ""

    def graphs(instance: Instance) -> ShownGraphs:
        own_page = reverse("instance-graphs", args=[view.slug, instance.name]) + query if may_open else ""
        asked = grapher.of_instance(instance, span, CARDS_IN_BATCHES)
        return ShownGraphs(instance.name, own_page, shown(view.slug, asked, form.words))

    return [
        ShownNode(node, f"{url}?{urlencode({'nodes': node, **form.state})}", counts[node], [*map(graphs, group)])
        for node, group in groupby(instances, key=lambda instance: instance.pnode)
    ]
