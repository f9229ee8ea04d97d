"""Whom a notification goes to: chosen as people, groups, VMs, nodes, node groups or clusters; each person once.

All of it is read from the inventory and the database, in a number of queries that does not grow with what is chosen.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import outbox
from apps.clusters import fleet
from apps.clusters.fleet import ClusterView
from apps.clusters.models import Renaming
from apps.notifications.wording import Vm
from ganeti import tags as tag_grammar
from ganeti.inventory import Snapshot
from ganeti.objects import Instance

MOST_CHOSEN = 200
MOST_FOUND = 20
SHORTEST_SEARCH = 2

# As ganetimgr 2.x calls them -> what people read.
KINDS = {
    "vm": _("VMs"),
    "node": _("Nodes"),
    "nodegroup": _("Node groups"),
    "cluster": _("Clusters"),
    "user": pgettext_lazy("recipients", "People"),
    "group": _("Groups"),
}
_PREFIXES = {"u": "user", "g": "group", "c": "cluster", "i": "vm", "n": "node", "ng": "nodegroup"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be chosen. `id` is KIND_KEY; what lies on a cluster is CLUSTER/NAME there."""

    id: str
    kind: str
    text: str
    beside: str = ""  # an address, a cluster


@dataclass
class Person:
    """Somebody who gets it, with those VMs of theirs that it is about."""

    user: User
    vms: dict[Vm, None] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.user.email

    @property
    def name(self) -> str:
        return self.user.get_username()

    @property
    def called(self) -> str:
        return self.user.get_full_name() or self.user.get_username()


@dataclass(frozen=True)
class Found:
    """What is meant by what was chosen."""

    choices: list[Choice]  # what there still is of it
    people: list[Person]  # each address once, by name
    vms: list[Vm]  # that it is about
    without_address: list[Vm]  # whose owners cannot be reached by mail
    unreachable: list[str]  # names of people chosen who have no address, or whose account is switched off
    gone: list[str]  # what was chosen and is not there any more
    silent: list[ClusterView]  # clusters it is about that do not answer: their VMs as they were known last


# ---- finding -------------------------------------------------------------------------------------------------


def search(kind: str, words: str) -> list[Choice]:
    """At most MOST_FOUND things of this kind with `words` in their name; none for less than SHORTEST_SEARCH letters."""
    words = " ".join(words.split())
    if len(words) < SHORTEST_SEARCH or kind not in _SEARCHES:
        return []
    return _SEARCHES[kind](words)


def _users(words: str) -> list[Choice]:
    wanted = Q()
    for word in words.split()[:5]:
        name = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        wanted &= name | Q(username__icontains=word) | Q(email__icontains=word)
    found = User.objects.filter(wanted, is_active=True).order_by("username")[:MOST_FOUND]
    return [_of_user(user) for user in found]


def _groups(words: str) -> list[Choice]:
    return [_of_group(group) for group in Group.objects.filter(name__icontains=words).order_by("name")[:MOST_FOUND]]


def _clusters(words: str) -> list[Choice]:
    return _first(
        _of_cluster(view)
        for view, _ in fleet.snapshots()
        if words.lower() in view.slug.lower() or words.lower() in view.label.lower()
    )


def _instances(words: str) -> list[Choice]:
    return _first(
        _on("i", "vm", view, one.name)
        for view, snapshot in _known()
        for one in snapshot.instances
        if words.lower() in one.name.lower()
    )


def _nodes(words: str) -> list[Choice]:
    return _first(
        _on("n", "node", view, one.name)
        for view, snapshot in _known()
        for one in snapshot.nodes
        if words.lower() in one.name.lower()
    )


def _node_groups(words: str) -> list[Choice]:
    return _first(
        _on("ng", "nodegroup", view, one.name)
        for view, snapshot in _known()
        for one in snapshot.groups
        if words.lower() in one.name.lower() or words.lower() in view.slug.lower()
    )


_SEARCHES: dict[str, Callable[[str], list[Choice]]] = {
    "user": _users,
    "group": _groups,
    "cluster": _clusters,
    "vm": _instances,
    "node": _nodes,
    "nodegroup": _node_groups,
}


def _first(found: Iterator[Choice]) -> list[Choice]:
    return [choice for choice, _ in zip(found, range(MOST_FOUND), strict=False)]


def _known() -> list[tuple[ClusterView, Snapshot]]:
    return [(view, snapshot) for view, snapshot in fleet.snapshots() if snapshot is not None]


def _of_user(user: User) -> Choice:
    return Choice(f"u_{user.pk}", "user", user.get_username(), user.email)


def _of_group(group: Group) -> Choice:
    return Choice(f"g_{group.pk}", "group", group.name)


def _of_cluster(view: ClusterView) -> Choice:
    return Choice(f"c_{view.pk}", "cluster", view.slug, view.label if view.label != view.slug else "")


def _on(prefix: str, kind: str, view: ClusterView, name: str) -> Choice:
    return Choice(f"{prefix}_{view.slug}/{name}", kind, name, view.slug)


def of_instance(cluster: str, name: str) -> str:
    """The id under which the owners of one VM are chosen."""
    return f"i_{cluster}/{name}"


# ---- resolving -----------------------------------------------------------------------------------------------


def resolve(ids: Iterable[str]) -> Found:
    """Who gets it. What is not there, or no id at all, is named in `gone`."""
    wanted = list(dict.fromkeys(ids))[:MOST_CHOSEN]
    split = {one: _split(one) for one in wanted}
    users = _by_pk(User, split, "user")
    groups = _by_pk(Group, split, "group")
    snapshots = fleet.snapshots() if any(kind not in ("user", "group", "") for kind, _ in split.values()) else []
    choices: list[Choice] = []
    chosen: dict[tuple[str, str], Instance] = {}
    concerned: dict[str, ClusterView] = {}
    for kind, key in split.values():
        if kind == "user":
            choices += [_of_user(users[key])] if key in users else []
        elif kind == "group":
            choices += [_of_group(groups[key])] if key in groups else []
        elif kind:
            for choice, view, instances in _on_clusters(kind, key, snapshots):
                choices.append(choice)
                concerned[view.slug] = view
                chosen |= {(instance.cluster, instance.name): instance for instance in instances}
    there = {choice.id for choice in choices}
    book = _Book(chosen.values())
    for user in (*users.values(), *_members(groups.values())):
        book.add(user)
    return Found(
        choices=choices,
        people=book.people,
        vms=[Vm(*where) for where in chosen],
        without_address=book.without_address,
        unreachable=book.unreachable,
        gone=[one for one in wanted if one not in there],
        silent=[view for view in concerned.values() if view.is_silent],
    )


def _split(one: str) -> tuple[str, str]:
    prefix, _, key = one.partition("_")
    kind = _PREFIXES.get(prefix, "")
    if kind in ("user", "group", "cluster") and not (key.isascii() and key.isdigit() and len(key) < 19):
        return "", ""
    return (kind, key) if key else ("", "")


def _by_pk(model: Any, split: dict[str, tuple[str, str]], kind: str) -> dict[str, Any]:
    keys = [key for found, key in split.values() if found == kind]
    return {str(row.pk): row for row in model.objects.filter(pk__in=keys)} if keys else {}


def _members(groups: Iterable[Group]) -> Iterable[User]:
    pks = [group.pk for group in groups]
    return User.objects.filter(groups__in=pks).distinct() if pks else ()


def _on_clusters(
    kind: str, key: str, snapshots: list[tuple[ClusterView, Snapshot | None]]
) -> Iterator[tuple[Choice, ClusterView, list[Instance]]]:
    """The choice that `key` means, its cluster, and the VMs there that it is about; nothing where there is no such."""
    slug, _, name = key.partition("/")
    for view, snapshot in snapshots:
        if kind == "cluster" and key == str(view.pk):
            yield _of_cluster(view), view, list(snapshot.instances) if snapshot else []
        elif kind == "cluster" or view.slug != slug or snapshot is None:
            continue
        elif kind == "vm" and (instance := snapshot.instance(name)):
            yield _on("i", kind, view, name), view, [instance]
        elif kind == "node" and any(node.name == name for node in snapshot.nodes):
            yield _on("n", kind, view, name), view, [one for one in snapshot.instances if _lives_on(one, {name})]
        elif kind == "nodegroup" and any(group.name == name for group in snapshot.groups):
            nodes = {node.name for node in snapshot.nodes if node.group == name}
            yield _on("ng", kind, view, name), view, [one for one in snapshot.instances if one.pnode in nodes]


def _lives_on(instance: Instance, nodes: set[str]) -> bool:
    """On a node are the VMs that run there and those that have their copy there: both are concerned."""
    return instance.pnode in nodes or not nodes.isdisjoint(instance.snodes)


class _Book:
    """The people who get it, each address once, and what nobody gets. Three queries for the owners of all VMs."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._people: dict[str, Person] = {}
        self.unreachable: list[str] = []
        self.without_address: list[Vm] = []
        prefix = settings.GANETI_TAG_PREFIX
        owned = {Vm(one.cluster, one.name): tag_grammar.owners(one.tags, prefix) for one in instances}
        by_key = _owners({key for keys in owned.values() for key in keys})
        for vm, keys in owned.items():
            owners = [user for key in sorted(keys) for user in by_key.get(key, ())]
            reached = [self._add(user, vm) for user in owners]
            if not any(reached):
                self.without_address.append(vm)

    def add(self, user: User) -> None:
        """Somebody who was chosen, not as an owner."""
        if not self._add(user, None):
            self.unreachable.append(user.get_username())

    def _add(self, user: User, vm: Vm | None) -> bool:
        if not (user.is_active and outbox.is_address(user.email)):
            return False
        person = self._people.setdefault(user.email.casefold(), Person(user))
        if vm:
            person.vms[vm] = None
        return True

    @property
    def people(self) -> list[Person]:
        return sorted(self._people.values(), key=lambda person: person.name)


def _owners(keys: set[str]) -> dict[str, list[User]]:
    """Keys of the owner index -> the users that they mean, under the names that they have now."""
    if not keys:
        return {}
    renamed = {(row.kind, row.old): row.new for row in Renaming.objects.unfinished()}
    pairs = {key: tuple(key.split(":", 1)) for key in keys}
    now = {key: (kind, renamed.get((kind, name), name)) for key, (kind, name) in pairs.items()}
    users = {
        user.get_username(): [user]
        for user in _in_batches(User, "username", [name for kind, name in now.values() if kind == "user"])
    }
    members: defaultdict[str, list[User]] = defaultdict(list)
    groups = _in_batches(Group, "name", [name for kind, name in now.values() if kind == "group"])
    for group in groups:
        members[group.name] = list(group.user_set.all())
    return {key: (users if kind == "user" else members).get(name, []) for key, (kind, name) in now.items()}


def _in_batches(model: Any, column: str, names: list[str]) -> list[Any]:
    """The rows of these names; a database takes only so many values in one query."""
    rows = model.objects.prefetch_related("user_set") if model is Group else model.objects
    found: list[Any] = []
    unique = sorted(set(names))
    for start in range(0, len(unique), 500):
        found += rows.filter(**{f"{column}__in": unique[start : start + 500]})
    return found
