"""How many VMs people and groups own: from the inventory's index of owners, without decoding any cluster."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from apps.clusters.fleet import ClusterView, Fleet
from ganeti import tags as tag_grammar
from ganeti.objects import Instance


class Holdings:
    """The VMs of these owners ("user:NAME", "group:NAME"), those of silent clusters as they were known last."""

    def __init__(self, owners: Iterable[str], reader: Any = None) -> None:
        self.fleet = Fleet(reader or AnonymousUser(), owners)
        self._of: defaultdict[str, list[Instance]] = defaultdict(list)
        for catalogue in self.fleet.catalogues.values():
            for instance in catalogue.instances:
                for key in tag_grammar.owners(instance.tags, settings.GANETI_TAG_PREFIX):
                    self._of[key].append(instance)

    @property
    def is_incomplete(self) -> bool:
        """Whether there is a cluster of which nothing is known: then there may be more VMs than are counted."""
        return self.fleet.store_is_away or not all(view.has_snapshot for view in self.fleet.clusters.values())

    @property
    def silent(self) -> list[ClusterView]:
        """The clusters that do not answer: their VMs are counted as they were."""
        return [view for view in self.fleet.clusters.values() if view.is_silent]

    def of(self, *owners: str) -> list[Instance]:
        """The VMs of any of these, each once."""
        found = {(one.cluster, one.name): one for owner in owners for one in self._of.get(owner, ())}
        return list(found.values())

    def count(self, owner: str) -> int | None:
        """How many; None where no VM is known and not every cluster was looked at."""
        return len(self.of(owner)) or (None if self.is_incomplete else 0)


def names_of_owners(reader: Any) -> set[str]:
    """The names of all users who own a VM somewhere. Reads every cluster's snapshot, as the list of all VMs does."""
    keys: set[str] = set()
    for catalogue in Fleet(reader).catalogues.values():
        keys |= catalogue.owners
    return {key.removeprefix("user:") for key in keys if key.startswith("user:")}
