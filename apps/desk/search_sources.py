"""Where the search over everything looks: a function for each kind of things, which finds what its reader may see.

Each asks the permission that guards the pages to which it leads, and makes a query or two however much it finds.
VMs, nodes and networks are looked for in the inventory that this process holds already.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

from django.contrib.auth.models import Group as UserGroup
from django.contrib.auth.models import User
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When, Window
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.looks import Text
from apps.applications.models import InstanceApplication
from apps.applications.permissions import may_review, may_see_all
from apps.applications.shown import ShownApplication
from apps.clusters import nodes, shown, shown_clusters, words
from apps.clusters.catalogue import EXACT, PART, WHOLE
from apps.clusters.fleet import Fleet
from apps.clusters.models import Cluster, Job
from apps.clusters.permissions import may_see_clusters
from apps.clusters.shown import ShownVm
from apps.clusters.shown_clusters import ShownNode
from apps.desk import people
from apps.desk.permissions import may_look
from apps.desk.search import Found, Group, Hit, Query, best
from ganeti.inventory import Snapshot
from ganeti.objects import Instance

MOST_OF_A_KIND, MOST_WHILE_TYPING = 12, 4
MOST_VMS, MOST_VMS_WHILE_TYPING = 20, 6
MOST_JOBS = 100  # of one number, on as many clusters


@dataclass(frozen=True)
class Asked:
    """A question, who asks it, and how much of an answer there is room for."""

    query: Query
    reader: Any
    is_typing: bool = False

    @property
    def most(self) -> int:
        return MOST_WHILE_TYPING if self.is_typing else MOST_OF_A_KIND

    @property
    def most_vms(self) -> int:
        return MOST_VMS_WHILE_TYPING if self.is_typing else MOST_VMS

    @cached_property
    def fleet(self) -> Fleet:
        return Fleet(self.reader)

    @cached_property
    def sees_people(self) -> bool:
        return may_look(self.reader)

    @cached_property
    def sees_clusters(self) -> bool:
        return may_see_clusters(self.reader)

    @cached_property
    def people(self) -> list[User]:
        """The users that match best, each with the number of all (`total`); nobody for who may not see them."""
        if not self.sees_people:
            return []
        rows = people.everybody().filter(people.matching(self.query.words))
        return _best_rows(rows, self.query.text, "username", self.most)

    @cached_property
    def snapshots(self) -> dict[str, Snapshot]:
        known = {slug: self.fleet.snapshot(view) for slug, view in self.fleet.clusters.items()}
        return {slug: snapshot for slug, snapshot in known.items() if snapshot is not None}


def find(asked: Asked) -> Found:
    """Everything that was found: in the order of the kinds, but kinds with something of just this name come first."""
    if asked.query.is_too_short:
        return Found(asked.query)
    groups = [group for source in SOURCES if (group := source(asked)) is not None and group.hits]
    views = [view for view in asked.fleet.relevant if view.is_silent]
    return Found(
        asked.query,
        sorted(groups, key=lambda group: not group.is_exact),
        [shown.shown_cluster(view, asked.reader) for view in views],
        asked.fleet.store_is_away or not all(view.has_snapshot for view in asked.fleet.relevant),
    )


# ---- VMs ------------------------------------------------------------------------------------------------------------


def vms(asked: Asked) -> Group:
    """By name, address, MAC, owner, tag, system, and for those who read of nodes by node; as the list of VMs finds
    them. To those who see people also by the full name and the e-mail address of who owns them."""
    total, ranked = 0, list[tuple[int, Instance]]()
    for catalogue in asked.fleet.catalogues.values():
        numbers = catalogue.matching(asked.query.lower, "")
        total += len(numbers)
        found = catalogue.best(asked.query.lower, numbers, asked.most_vms)
        ranked += [(rank, catalogue.instances[number]) for rank, number in found]
    ranked.sort(key=lambda each: (each[0], each[1].name, each[1].cluster))
    whose = {} if len(ranked) >= asked.most_vms else _of_people(asked, [instance for _, instance in ranked])
    instances = [*(instance for _, instance in ranked), *(instance for instance, _ in whose.values())][: asked.most_vms]
    ranks = {(instance.cluster, instance.name): rank for rank, instance in ranked}
    hits = []
    for vm in shown.vms(instances, asked.fleet):
        key = (vm.instance.cluster, vm.instance.name)
        hits.append(_of_vm(asked, vm, ranks.get(key, PART), whose[key][1] if key in whose else ""))
    total_words = ngettext("%(n)s VM that matches", "All %(n)s VMs that match", total) % {"n": total}
    return Group("vms", _("VMs"), hits, total, asked.query.address("user-instances"), total_words)


def _of_people(asked: Asked, known: list[Instance]) -> dict[tuple[str, str], tuple[Instance, str]]:
    """VMs of people that were found by other things than their user name: (cluster, name) -> (instance, whose)."""
    owners = {
        f"user:{user.get_username()}": user.get_full_name() or user.email
        for user in asked.people
        if not asked.query.fits(user.get_username())
    }
    names = {(instance.cluster, instance.name) for instance in known}
    found: dict[tuple[str, str], tuple[Instance, str]] = {}
    for catalogue in asked.fleet.catalogues.values() if owners else ():
        for key, whose in owners.items():
            for number in catalogue.owned_by([key])[: asked.most_vms]:
                instance = catalogue.instances[number]
                if (instance.cluster, instance.name) not in names:
                    found[instance.cluster, instance.name] = (instance, whose)
    return found


def _of_vm(asked: Asked, vm: ShownVm, rank: int, whose: str) -> Hit:
    instance = vm.instance
    macs = [nic.mac for nic in instance.nics]
    return Hit(
        _("VM"),
        "pc-display",
        instance.name,
        reverse("instance-detail", args=[instance.cluster, instance.name]),
        rank,
        asked.query.is_called(instance.name, *vm.addresses, *macs),
        vm.cluster.description,
        vm.status,
        tuple(_facts_of(asked, vm, macs, whose)),
        vm.cluster.is_silent,
        is_mono=True,
    )


def _facts_of(asked: Asked, vm: ShownVm, macs: list[str], whose: str) -> Iterable[Text]:
    """An address, and whatever else it was found by."""
    instance, tags = vm.instance, vm.tags
    owners = [*tags.users, *(_("group %s") % name for name in tags.groups)]
    nodes_of = [instance.pnode, *instance.snodes] if asked.sees_clusters else []
    other = [*tags.services, tags.organization, *(tags.other if asked.sees_clusters else ())]
    texts = [*vm.addresses, *macs, *owners, instance.system, *nodes_of, *other]
    wanted = [word for word in asked.query.spelled if word not in instance.name.lower()]
    found_by = [text for text in texts if text and any(word in text.lower() for word in wanted)]
    facts = [*([whose] if whose else []), *found_by[:2], *vm.addresses[:1]]
    if asked.sees_people and owners:
        facts.append(owners[0])
    return list(dict.fromkeys(facts))[:3]


# ---- people ---------------------------------------------------------------------------------------------------------


def users(asked: Asked) -> Group | None:
    """By name, full name, e-mail address and whatever else the list of users finds them by."""
    found = asked.people
    if not found:
        return None
    hits = [
        Hit(
            _("User"),
            "person",
            user.get_username(),
            reverse("user-info", args=["user", user.get_username()]),
            asked.query.rank(user.get_username(), user.email, user.get_full_name()),
            asked.query.is_called(user.get_username(), user.email),
            status=people.standing(user),
            facts=tuple(filter(None, (user.get_full_name(), user.email))),
        )
        for user in found
    ]
    total = _total(found)
    return Group("users", _("Users"), best(hits, asked.most), total, asked.query.address("user-list"),
                 ngettext("%(n)s user who matches", "All %(n)s users who match", total) % {"n": total})  # fmt: skip


def groups(asked: Asked) -> Group | None:
    """By name."""
    if not asked.sees_people:
        return None
    having = reduce(and_, (_in_fields(word, ["name"]) for word in asked.query.words))
    rows = UserGroup.objects.filter(having)
    found = _best_rows(rows, asked.query.text, "name", asked.most)
    hits = [
        Hit(
            _("Group"),
            "people",
            group.name,
            reverse("group-info", args=[group.name]),
            asked.query.rank(group.name),
            asked.query.is_called(group.name),
        )
        for group in found
    ]
    total = _total(found)
    return Group("groups", _("Groups"), best(hits, asked.most), total, asked.query.address("group-list"),
                 ngettext("%(n)s group that matches", "All %(n)s groups that match", total) % {"n": total})  # fmt: skip


# ---- applications ---------------------------------------------------------------------------------------------------

OF_APPLICATIONS = ["hostname", "organization__title", "applicant__username"]
OF_THEIR_PEOPLE = ["applicant__first_name", "applicant__last_name", "applicant__email"]


def applications(asked: Asked) -> Group:
    """One's own by host name, number and organisation; for who may see all of them also by their applicants."""
    sees_all, reviews = may_see_all(asked.reader), may_review(asked.reader)
    fields = OF_APPLICATIONS + (OF_THEIR_PEOPLE if sees_all else [])
    having = reduce(and_, (_in_fields(word, fields) for word in asked.query.words))
    if asked.query.number is not None:
        having |= Q(pk=asked.query.number)
    rows = InstanceApplication.objects.all() if sees_all else InstanceApplication.objects.of(asked.reader)
    rows = rows.select_related("applicant", "organization").filter(having)
    found = _best_rows(rows, asked.query.text, "hostname", asked.most)
    hits = []
    for application in found:
        page = "application-review" if reviews and application.is_waiting else "application-detail"
        texts = [str(application.pk), application.applicant.get_username(), str(application.organization or "")]
        hits.append(
            Hit(
                _("Application"),
                "clipboard-plus",
                application.hostname,
                reverse(page, args=[application.pk]),
                EXACT if application.pk == asked.query.number else asked.query.rank(application.hostname, *texts),
                status=ShownApplication(application, for_reviewers=reviews).status,
                facts=(
                    f"#{application.pk}",
                    application.applicant.get_username() if sees_all else "",
                    str(application.organization or ""),
                ),
                is_mono=True,
            )
        )
    total = _total(found)
    url = asked.query.address("application-list") if sees_all else reverse("application-mine")
    all_words = _("The list of applications") if sees_all else _("All your applications")
    return Group("applications", _("Applications"), best(hits, asked.most), total, url, all_words)


# ---- clusters -------------------------------------------------------------------------------------------------------


def node_rows(asked: Asked) -> Group | None:
    """By name, address, group, cluster and tag, as the list of nodes finds them."""
    if not asked.sees_clusters:
        return None
    rows = [
        row
        for snapshot in asked.snapshots.values()
        for row in nodes.of_snapshot(snapshot).matching(asked.query.lower, "")
        if _is_addressable(row.cluster, row.name)
    ]
    found = sorted(rows, key=lambda row: (asked.query.rank(row.name, row.node.primary_ip), row.name, row.cluster))
    hits = []
    for row in found[: asked.most]:
        node = ShownNode(row, asked.fleet.clusters[row.cluster])
        hits.append(
            Hit(
                _("Node"),
                "hdd-stack",
                row.name,
                reverse("cluster-node", args=[row.cluster, row.name]),
                asked.query.rank(row.name, row.node.primary_ip),
                asked.query.is_called(row.name, row.node.primary_ip),
                row.cluster,
                node.trouble or node.status,
                (row.node.primary_ip,),
                node.view.is_silent,
                is_mono=True,
            )
        )
    all_words = ngettext("%(n)s node that matches", "All %(n)s nodes that match", len(rows)) % {"n": len(rows)}
    return Group("nodes", _("Nodes"), hits, len(rows), asked.query.address("cluster-nodes"), all_words)


def _is_addressable(slug: str, node: str) -> bool:
    """Whether there can be a page about it: the name may be one that no address could carry."""
    return bool(node) and "/" not in node


def clusters(asked: Asked) -> Group | None:
    """By short name, host name, description, and the name that Ganeti has for it."""
    if not asked.sees_clusters:
        return None
    hosts = dict(Cluster.objects.enabled().order_by().values_list("slug", "hostname"))
    hits = []
    for slug, view in asked.fleet.clusters.items():
        own_name = asked.snapshots[slug].info.name if slug in asked.snapshots else ""
        texts = (hosts.get(slug, ""), view.label, own_name)
        if asked.query.fits(" ".join((slug, *texts))):
            hits.append(
                Hit(
                    _("Cluster"),
                    "diagram-3",
                    slug,
                    f"{reverse('clusterdetails')}?cluster={slug}",
                    asked.query.rank(slug, *texts),
                    asked.query.is_called(slug, *texts),
                    status=shown_clusters.status_of(view),
                    facts=tuple(dict.fromkeys(text for text in (view.label, hosts.get(slug, "")) if text != slug)),
                    is_mono=True,
                )
            )
    return Group("clusters", _("Clusters"), best(hits, asked.most), len(hits), reverse("clusterdetails"),
                 _("All clusters"))  # fmt: skip


def networks(asked: Asked) -> Group | None:
    """Ganeti's own, by name and range of addresses; they are shown on their cluster's page."""
    if not asked.sees_clusters:
        return None
    hits = [
        Hit(
            _("Network"),
            "ethernet",
            network.name,
            f"{reverse('clusterdetails')}?cluster={slug}#networks",
            asked.query.rank(network.name, network.network, network.network6),
            asked.query.is_called(network.name, network.network, network.network6),
            slug,
            facts=tuple(filter(None, (network.network, network.network6))),
            is_old=asked.fleet.clusters[slug].is_silent,
        )
        for slug, snapshot in asked.snapshots.items()
        for network in snapshot.networks
        if asked.query.fits(f"{network.name} {network.network} {network.network6}")
    ]
    return Group("networks", _("Networks"), best(hits, asked.most), len(hits))


# ---- jobs -----------------------------------------------------------------------------------------------------------


def jobs(asked: Asked) -> Group | None:
    """Those that were asked for here, by Ganeti's number, of the VMs that the reader may see."""
    number = asked.query.number
    if number is None:
        return None
    seen = {view.pk: slug for slug, view in asked.fleet.clusters.items()}
    found = Job.objects.filter(job_id=number, cluster__in=seen)[:MOST_JOBS]
    rows = [(seen[job.cluster_id], job) for job in found]
    if not asked.fleet.sees_everything:
        theirs = asked.fleet.pick((slug, job.instance) for slug, job in rows)
        names = {(instance.cluster, instance.name) for instance in theirs}
        rows = [(slug, job) for slug, job in rows if (slug, job.instance) in names]
    hits = [
        Hit(
            _("Job"),
            "list-task",
            f"#{job.job_id}",
            job_page(slug, job),
            EXACT,
            False,
            shown.cluster_name(asked.fleet.clusters[slug], asked.reader),
            words.of_job(job) if job.is_unfinished else words.of_ended(job),
            (job.get_kind_display(), job.instance),
            is_mono=True,
        )
        for slug, job in rows[: asked.most]
    ]
    return Group("jobs", _("Jobs"), hits, len(rows))


def job_page(slug: str, job: Job) -> str:
    """The page of a job; where this site has none, the history of the VM that it was about."""
    try:
        return reverse("job-detail", args=[slug, job.job_id])
    except NoReverseMatch:
        return reverse("instance-history", args=[slug, job.instance])


SOURCES: tuple[Callable[[Asked], Group | None], ...] = (
    vms, users, groups, applications, node_rows, clusters, networks, jobs,
)  # fmt: skip


# ---- rows of the database -------------------------------------------------------------------------------------------


def _in_fields(word: str, fields: Iterable[str]) -> Q:
    """A word that is in one of these fields."""
    tests = (Q(**{f"{field}__icontains": spelling}) for field in fields for spelling in people.spellings(word))
    return reduce(or_, tests)


def _best_rows(rows: QuerySet[Any], text: str, name: str, most: int) -> list[Any]:
    """The rows whose name fits best, each with the number of all of them (`total`); one query."""
    rank = Case(
        When(**{f"{name}__iexact": text}, then=Value(EXACT)),
        When(**{f"{name}__istartswith": text}, then=Value(WHOLE)),
        default=PART,
        output_field=IntegerField(),
    )
    return list(rows.annotate(rank=rank, total=Window(Count("pk"))).order_by("rank", F(name), "pk")[:most])


def _total(rows: list[Any]) -> int:
    return rows[0].total if rows else 0
