"""What is wrong with clusters right now, as values with sentences: what it is, what it means, what to do.

What a snapshot shows is worked out once for each snapshot (`Findings`); the sentences are made for the reader.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.looks import Text
from accounts.retelling import retold
from accounts.templatetags.look import mebibytes
from apps.clusters import nodes, problems, words
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.models import Job
from apps.clusters.nodes import GroupRow, NodeBook, NodeRow
from ganeti.inventory import Snapshot
from ganeti.objects import Instance, Network

BAD, WARN, HOLD, INFO = "bad", "warn", "hold", "idle"
URGENCY = {BAD: 0, WARN: 1, HOLD: 2, INFO: 3}
FULL, NEARLY_FULL = 95, 90  # per cent
FEW_ADDRESSES, SHARE_OF_ADDRESSES = 3, 0.05  # of a network: so many, or this part of it, are few
NAMED = 5  # things that a sentence names before it counts the rest
REFUSALS_COUNT = datetime.timedelta(hours=24)  # how long a refused job tells something about its cluster
MIRRORED_OUTSIDE = frozenset({"sharedfile", "rbd", "ext", "gluster", "blockdev"})  # any node of the group can run these


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with one cluster."""

    cluster: str  # slug
    kind: str  # "unreachable", "offline", ...: one of each for a cluster, or for the thing that `about` names
    family: str  # bad: now; warn: soon; hold: somebody wanted it so; idle: to be known
    icon: str
    sentence: Text
    advice: Text = ""  # what it means, and what to do
    more: str = ""  # the other side's own words
    url: str = ""  # where one sees it
    action: Text = ""  # what is there
    since: datetime.datetime | None = None
    about: str = ""

    @property
    def is_urgent(self) -> bool:
        return self.family == BAD


@dataclass(frozen=True, slots=True)
class Shortage:
    """If `node` fails, its instances do not fit into what is left: certain, for the sum alone is too large."""

    node: str
    group: str
    instances: int
    needed: int  # MiB
    free: int
    where: str = ""  # the one node that would have to take them; "" for all others of the group


@dataclass(frozen=True)
class Findings:
    """What a snapshot shows to be wrong, without words."""

    silent: tuple[NodeRow, ...] = ()
    offline: tuple[NodeRow, ...] = ()
    drained: tuple[NodeRow, ...] = ()
    locked: tuple[GroupRow, ...] = ()
    states: Counter[str] = field(default_factory=Counter)  # of instances that need attention
    networks: tuple[Network, ...] = ()  # with few free addresses
    full: tuple[tuple[str, GroupRow, float], ...] = ()  # "memory" or "disk", group, per cent
    shortages: tuple[Shortage, ...] = ()
    candidates: tuple[int, int] | None = None  # how many nodes can become master, how many should

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Findings":
        book = nodes.of_snapshot(snapshot)
        return cls(
            silent=tuple(row for row in book.rows if row.is_silent),
            offline=tuple(row for row in book.rows if row.node.offline),
            drained=tuple(row for row in book.rows if row.node.drained and not row.node.offline),
            locked=tuple(group for group in book.groups if group.group.is_locked),
            states=Counter(
                instance.status for instance in snapshot.instances if words.group_of(instance.status) == words.ATTENTION
            ),
            networks=tuple(network for network in snapshot.networks if _has_few_addresses(network)),
            full=tuple(_full_groups(book)),
            shortages=tuple(_shortages(book)),
            candidates=_missing_candidates(book),
        )


# ---- for pages ------------------------------------------------------------------------------------


def of_cluster(seen: Fleet, view: ClusterView) -> list[Trouble]:
    """What is wrong with one cluster, the worst first."""
    return _of(view, seen.snapshot(view), _refusals([view]))


def of_all(seen: Fleet) -> dict[str, list[Trouble]]:
    """What is wrong with each cluster of the fleet, by slug; one query for all of them."""
    views = list(seen.clusters.values())
    refusals = _refusals(views)
    return {view.slug: _of(view, seen.snapshot(view), refusals) for view in views}


def _of(
    view: ClusterView, snapshot: Snapshot | None, refusals: dict[int, tuple[datetime.datetime, str]]
) -> list[Trouble]:
    found = [*_of_head(view), *_of_refusal(view, refusals)]
    if snapshot is not None:
        found += _of_findings(view.slug, findings(snapshot))
    return sorted(found, key=lambda trouble: URGENCY[trouble.family])


_of_snapshots: dict[str, tuple[Snapshot, Findings]] = {}


def findings(snapshot: Snapshot) -> Findings:
    """What a snapshot shows, remembered until there is another one."""
    known = _of_snapshots.get(snapshot.cluster)
    if known is None or known[0] is not snapshot:
        known = _of_snapshots[snapshot.cluster] = (snapshot, Findings.of(snapshot))
    return known[1]


# ---- what is wrong between us and the cluster --------------------------------------------------------


def _of_head(view: ClusterView) -> Iterator[Trouble]:
    head, name = view.head, {"cluster": view.slug}
    if head.state in ("unreachable", "untrusted", "denied", "broken"):
        sentence, advice = {
            "unreachable": (
                _("%(cluster)s does not answer."),
                _("See whether its master runs, and ganeti-rapi on it, and whether this site can reach it."),
            ),
            "untrusted": (
                _("%(cluster)s presents another certificate than the one this site trusts."),
                _(
                    "If the certificate was renewed, pin the new one: “manage.py cluster check” prints it. "
                    "If nobody renewed it, somebody may be in between."
                ),
            ),
            "denied": (
                _("%(cluster)s does not let this site in."),
                _("Compare the user name and password in the site’s admin with the cluster’s file of RAPI users."),
            ),
            "broken": (
                _("%(cluster)s does not answer as it should."),
                _("See the log of ganeti-rapi on its master, and whether something else listens on that port."),
            ),
        }[head.state]
        yield Trouble(
            view.slug,
            head.state,
            BAD,
            "cloud-slash",
            sentence % name,
            advice,
            problems.told_by(head),
            since=view.silent_since,
        )
    elif view.is_collecting:
        yield Trouble(
            view.slug, "collecting", INFO, "hourglass-split", _("Nothing is known of %(cluster)s yet.") % name,
            _("It is being asked for the first time."),
        )  # fmt: skip
    elif head.slow_error:
        yield Trouble(
            view.slug, "old-nodes", WARN, "hourglass-split",
            _("%(cluster)s tells nothing new about its nodes, groups and networks.") % name,
            _("Its VMs are up to date. A node that hangs holds such answers up: see which one does."),
            retold(head.slow_error), since=view.nodes_as_of,
        )  # fmt: skip
    if not view.may_change:
        yield Trouble(
            view.slug, "read-only", WARN, "eye", _("%(cluster)s lets this site look, but not change anything.") % name,
            _("To change VMs from here, give this site’s user the option “write” in the cluster’s file of RAPI users."),
        )  # fmt: skip


def _refusals(views: Iterable[ClusterView]) -> dict[int, tuple[datetime.datetime, str]]:
    """When each cluster last took no job, and in which words, where it has taken none since.

    Ganeti tells nobody that its queue is drained, until somebody asks for a job.
    """
    clusters = [view.pk for view in views]
    marker = problems.TAKES_NO_JOBS % {"cluster": "", "what": ""}
    lately = Job.objects.filter(cluster__in=clusters, created__gte=timezone.now() - REFUSALS_COUNT).order_by()
    refused = {
        cluster: (when, error)
        for cluster, when, error in lately.filter(state=Job.State.FAILED, job_id=None, error__contains=marker.rstrip())
        .order_by("created")
        .values_list("cluster", "created", "error")
    }
    if not refused:
        return {}
    taken = dict(
        lately.filter(submitted__isnull=False, cluster__in=refused)
        .values_list("cluster")
        .annotate(last=Max("submitted"))
        .values_list("cluster", "last")
    )
    return {
        cluster: (when, error.partition(marker.rstrip())[2].strip())
        for cluster, (when, error) in refused.items()
        if cluster not in taken or taken[cluster] < when
    }


def _of_refusal(view: ClusterView, refusals: dict[int, tuple[datetime.datetime, str]]) -> Iterator[Trouble]:
    if view.pk in refusals:
        since, words_of_ganeti = refusals[view.pk]
        yield Trouble(
            view.slug, "queue", BAD, "slash-circle", _("%(cluster)s takes no jobs.") % {"cluster": view.slug},
            _("The last change from here was refused. If its queue is drained, “gnt-cluster queue undrain” opens it."),
            words_of_ganeti, since=since,
        )  # fmt: skip


# ---- what the snapshot shows -----------------------------------------------------------------------------


def _of_findings(slug: str, found: Findings) -> Iterator[Trouble]:
    yield from _about_nodes(slug, found)
    yield from _about_instances(slug, found)
    yield from _about_room(slug, found)


def _about_nodes(slug: str, found: Findings) -> Iterator[Trouble]:
    if found.silent:
        yield Trouble(
            slug, "silent-nodes", BAD, "x-octagon-fill",
            ngettext("%(names)s does not answer.", "%(names)s do not answer.", len(found.silent))
            % {"names": listed(row.name for row in found.silent)},
            _with_vms(found.silent, _("See to the machine. If it stays away, mark it offline and fail its VMs over.")),
            url=_nodes_url(slug, nodes.SILENT, found.silent), action=_("Nodes"),
        )  # fmt: skip
    stranded = [row for row in found.offline if row.primaries]
    idle = [row for row in found.offline if not row.primaries]
    if stranded:
        yield Trouble(
            slug, "stranded", BAD, "plug",
            ngettext("%(names)s is offline.", "%(names)s are offline.", len(stranded))
            % {"names": listed(row.name for row in stranded)},
            _with_vms(stranded, _("Fail these VMs over to other nodes, or bring the node back.")),
            url=_nodes_url(slug, "offline", stranded), action=_("Nodes"),
        )  # fmt: skip
    if idle:
        yield Trouble(
            slug, "offline", WARN, "plug",
            ngettext("%(names)s is offline.", "%(names)s are offline.", len(idle))
            % {"names": listed(row.name for row in idle)},
            _("No VM is lost by that. Its room is missing until it is brought back."),
            url=_nodes_url(slug, "offline", idle), action=_("Nodes"),
        )  # fmt: skip
    if found.drained:
        yield Trouble(
            slug, "drained", WARN, "box-arrow-right",
            ngettext("%(names)s is drained.", "%(names)s are drained.", len(found.drained))
            % {"names": listed(row.name for row in found.drained)},
            _with_vms(found.drained, _("Drained nodes are given no new VMs until somebody takes the mark away.")),
            url=_nodes_url(slug, "drained", found.drained), action=_("Nodes"),
        )  # fmt: skip
    for locked in found.locked:
        yield Trouble(
            slug, "maintenance", HOLD, "lock-fill",
            _("The node group %(group)s is under maintenance.") % {"group": locked.group.name},
            ngettext(
                "The owners of its %(n)d VM cannot change it until the group’s tag “locked” is taken away.",
                "The owners of its %(n)d VMs cannot change them until the group’s tag “locked” is taken away.",
                locked.instances,
            )
            % {"n": locked.instances},
            url=_url("cluster-nodes", cluster=slug, group=locked.group.name), action=_("Nodes"),
            about=locked.group.name,
        )  # fmt: skip
    if found.candidates:
        now, wanted = found.candidates
        yield Trouble(
            slug, "candidates", WARN, "star",
            ngettext(
                "Only %(n)d node keeps the cluster’s configuration.",
                "Only %(n)d nodes keep the cluster’s configuration.",
                now,
            )
            % {"n": now},
            _("It should be %(wanted)d, or losing a few loses the cluster: make other nodes master candidates.")
            % {"wanted": wanted},
            url=_url("cluster-nodes", cluster=slug), action=_("Nodes"),
        )  # fmt: skip


def _about_instances(slug: str, found: Findings) -> Iterator[Trouble]:
    if found.states:
        number = found.states.total()
        kinds = ", ".join(f"{words.of_instance(status).word}: {count}" for status, count in found.states.most_common())
        yield Trouble(
            slug, "instances", WARN, "exclamation-triangle-fill",
            ngettext("%(n)d VM is not as it should be.", "%(n)d VMs are not as they should be.", number)
            % {"n": number},
            kinds, url=_url("user-instances", cluster=slug, status=words.ATTENTION), action=_("VMs"),
        )  # fmt: skip


def _about_room(slug: str, found: Findings) -> Iterator[Trouble]:
    for network in found.networks:
        free = network.free or 0
        yield Trouble(
            slug, "addresses", WARN if free else BAD, "ethernet",
            ngettext(
                "%(n)d address is left in the network %(network)s.",
                "%(n)d addresses are left in the network %(network)s.",
                free,
            )
            % {"n": free, "network": network.name}
            if free
            else _("No address is left in the network %(network)s.") % {"network": network.name},
            _("%(range)s: release addresses that nobody needs, or add another network.") % {"range": network.network},
            url=f"{_url('clusterdetails', cluster=slug)}#networks", action=_("Networks"), about=network.name,
        )  # fmt: skip
    for what, group, percent in found.full:
        sentence = _("Memory of the node group %(group)s is %(percent)d %% used.")
        if what == "disk":
            sentence = _("Disks of the node group %(group)s are %(percent)d %% full.")
        yield Trouble(
            slug, what, BAD if percent >= FULL else WARN, "memory" if what == "memory" else "hdd",
            sentence % {"group": group.group.name, "percent": percent},
            _("New VMs will soon find no place there: move some, or add a node."),
            url=_url("cluster-nodes", cluster=slug, group=group.group.name, sort=f"-{what}"), action=_("Nodes"),
            about=group.group.name,
        )  # fmt: skip
    for short in found.shortages:
        yield Trouble(
            slug, "shortage", WARN, "memory",
            ngettext(
                "If %(node)s fails, its %(n)d VM finds no place.",
                "If %(node)s fails, not all of its %(n)d VMs find a place.",
                short.instances,
            )
            % {"node": short.node, "n": short.instances},
            (
                _("They need %(needed)s of memory, and %(where)s has %(free)s free.")
                if short.where
                else _("They need %(needed)s of memory, and the other nodes of %(group)s have %(free)s free together.")
            )
            % {
                "needed": mebibytes(short.needed),
                "free": mebibytes(short.free),
                "where": short.where,
                "group": short.group,
            },
            url=reverse("cluster-node", args=[slug, short.node]), action=_("Node"), about=short.group,
        )  # fmt: skip


def _with_vms(rows: Iterable[NodeRow], advice: str) -> str:
    """How many VMs that concerns, before what to do."""
    number = sum(row.primaries for row in rows)
    if not number:
        return advice
    lives = ngettext("%(n)d VM has its place there.", "%(n)d VMs have their place there.", number) % {"n": number}
    return f"{lives} {advice}"


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    everybody = list(names)
    named = ", ".join(everybody[:NAMED])
    rest = len(everybody) - NAMED
    if rest <= 0:
        return named
    return ngettext("%(names)s and %(n)d more", "%(names)s and %(n)d more", rest) % {"names": named, "n": rest}


def _nodes_url(slug: str, role: str, rows: Iterable[NodeRow]) -> str:
    """The one node's own page, else the list of these."""
    names = [row.name for row in rows]
    return (
        reverse("cluster-node", args=[slug, names[0]])
        if len(names) == 1
        else _url("cluster-nodes", cluster=slug, role=role)
    )


def _url(name: str, **query: str) -> str:
    return f"{reverse(name)}?{urlencode(query)}"


# ---- finding out --------------------------------------------------------------------------------------------


def _has_few_addresses(network: Network) -> bool:
    if network.free is None:
        return False
    size = network.free + (network.reserved or 0)
    return network.free <= max(FEW_ADDRESSES, int(size * SHARE_OF_ADDRESSES)) and size > 2 * FEW_ADDRESSES


def _full_groups(book: NodeBook) -> Iterator[tuple[str, GroupRow, float]]:
    """Node groups whose usable nodes have little memory or disk left together."""
    for group in book.groups:
        kinds = {"memory": nodes.together(row.memory for row in group.usable)}
        if not book.is_shared_storage:
            kinds["disk"] = nodes.together(row.disk for row in group.usable)
        for what, found in kinds.items():
            if found and found.percent >= NEARLY_FULL:
                yield what, group, found.percent


def _missing_candidates(book: NodeBook) -> tuple[int, int] | None:
    """(how many nodes can become master, how many should), where the cluster wants and could have more."""
    wanted = book.snapshot.info.candidate_pool_size
    fit = [
        row for row in book.rows if not (row.node.offline or row.node.drained) and row.node.master_capable is not False
    ]
    now = sum(row.node.role in ("M", "C") for row in fit)
    if wanted is None or not now or now >= min(wanted, len(fit)):
        return None
    return now, min(wanted, len(fit))


def _shortages(book: NodeBook) -> Iterator[Shortage]:
    """The worst case of each group in which the failure of one node certainly leaves VMs without memory."""
    carried: dict[str, list[Instance]] = defaultdict(list)
    for instance in book.snapshot.instances:
        if instance.is_running:
            carried[instance.pnode].append(instance)
    for group in book.groups:
        worst = max(
            (short for row in group.usable for short in _without(row, group, carried[row.name])),
            key=lambda short: short.needed - short.free,
            default=None,
        )
        if worst:
            yield worst


def _without(row: NodeRow, group: GroupRow, instances: list[Instance]) -> Iterator[Shortage]:
    """What would not fit if this node failed."""
    free = {other.name: other.memory.free for other in group.usable if other.memory and other.name != row.name}
    by_secondary: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        if instance.disk_template == "drbd" and len(instance.snodes) == 1:
            by_secondary[instance.snodes[0]].append(instance)
    for name, mirrored in by_secondary.items():
        needed = sum(instance.memory for instance in mirrored)
        if name in free and needed > free[name]:
            yield Shortage(row.name, group.group.name, len(mirrored), needed, free[name], name)
    movable = [instance for instance in instances if instance.disk_template in MIRRORED_OUTSIDE]
    needed = sum(instance.memory for instance in movable)
    everybody_tells = not any(other.is_silent for other in group.rows)
    if movable and free and everybody_tells and needed > sum(free.values()):
        yield Shortage(row.name, group.group.name, len(movable), needed, sum(free.values()))
