"""What needs an administrator now, in one list: what is wrong with clusters, who waits for a decision, what failed.

Everybody reads what they can do something about: applications those who see them, accounts those who decide them.
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts import registering
from accounts.looks import Text
from accounts.permissions import may_decide_registrations
from accounts.retelling import retold
from apps.applications.models import InstanceApplication
from apps.applications.permissions import may_review, may_see_all
from apps.clusters import joblists, nodes, troubles, words
from apps.clusters.fleet import ClusterView, Fleet
from apps.clusters.joblists import JobBook, JobRow, Key, ShownRow
from apps.clusters.models import Job
from apps.clusters.nodes import NodeBook
from apps.clusters.troubles import Trouble

SHOWN = 8  # of those who wait, of jobs that failed, of jobs at work; the rest is counted
LATELY = datetime.timedelta(days=1)  # how long a failed change of ours needs somebody

URGENT, DECISION, SOON, KNOWN = "urgent", "decision", "soon", "known"
HEADINGS: dict[str, Text] = {
    URGENT: pgettext_lazy("what needs me", "Urgent"),
    DECISION: pgettext_lazy("what needs me", "Waiting for a decision"),
    SOON: pgettext_lazy("what needs me", "Soon"),
    KNOWN: pgettext_lazy("what needs me", "To be known"),
}
OF_FAMILIES = {troubles.BAD: URGENT, troubles.WARN: SOON}


@dataclass(frozen=True, slots=True)
class Matter:
    """One line: what it is, what stands below it, and where one does something about it."""

    urgency: str  # a key of HEADINGS
    icon: str
    family: str
    title: Text
    text: Text = ""
    since: datetime.datetime | None = None
    url: str = ""
    action: Text = ""
    count: int = 1  # how many things it stands for


@dataclass(frozen=True, slots=True)
class AtWork:
    """A change that is under way."""

    what: Text
    name: str  # what it is about
    name_url: str
    cluster: str
    since: datetime.datetime | None
    who: str
    status: Text
    job_id: int | None
    job_url: str

    @classmethod
    def of_ours(cls, row: Job) -> "AtWork":
        slug = row.cluster.slug
        return cls(
            row.get_kind_display(),
            row.instance,
            reverse("instance-detail", args=[slug, row.instance]),
            slug,
            row.created,
            row.requester_name,
            words.of_job(row).explanation,
            row.job_id,
            reverse("job-detail", args=[slug, row.job_id]) if row.job_id is not None else "",
        )

    @classmethod
    def of_others(cls, row: JobRow) -> "AtWork":
        job = ShownRow(row)
        first = job.names[0] if job.names else None
        name, url = (first.name, first.url) if first else (row.subject, "")
        return cls(row.what, name, url, row.cluster, job.began, "", row.status.word, row.id, job.url)


class Desk:
    """What there is to do for one person, as of now. A dozen queries at most, whatever there is."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.fleet = Fleet(user)

    @cached_property
    def matters(self) -> list[Matter]:
        return [
            *self._of_clusters(),
            *self._failed(),
            *self._failed_elsewhere(),
            *self._applications(),
            *self._accounts(),
        ]

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The matters below their headings, the urgent ones first; headings without any are left out."""
        found = [(heading, [one for one in self.matters if one.urgency == key]) for key, heading in HEADINGS.items()]
        return [
            {"heading": heading, "matters": matters, "count": sum(one.count for one in matters)}
            for heading, matters in found
            if matters
        ]

    def count(self, *urgencies: str) -> int:
        return sum(one.count for one in self.matters if one.urgency in urgencies)

    @property
    def total(self) -> int:
        """What somebody has to do something about: what is only to be known does not count."""
        return self.count(URGENT, DECISION, SOON)

    @property
    def urgent(self) -> int:
        return self.count(URGENT)

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """Changes whenever the page might look different."""
        working = tuple(map(repr, self.at_work))
        return (self.fleet.fingerprint, working, tuple(map(repr, self.matters)))

    # ---- figures, clusters, jobs ------------------------------------------------------------------------------

    @cached_property
    def books(self) -> list[tuple[ClusterView, NodeBook | None]]:
        """Every cluster with its nodes; None where nothing is known of it."""
        found = []
        for view in self.fleet.clusters.values():
            snapshot = self.fleet.snapshot(view)
            found.append((view, nodes.of_snapshot(snapshot) if snapshot else None))
        return found

    @cached_property
    def figures(self) -> dict[str, int]:
        catalogues = self.fleet.catalogues.values()
        piles = [catalogue.count_piles(range(len(catalogue))) for catalogue in catalogues]
        rows = [row for _view, book in self.books if book for row in book.rows]
        return {
            "vms": sum(map(len, catalogues)),
            "running": sum(pile[words.RUNNING] for pile in piles),
            "clusters": len(self.fleet.clusters),
            "answering": sum(not view.is_silent for view in self.fleet.clusters.values()),
            "nodes": len(rows),
            "nodes_online": sum(not row.node.offline and not row.is_silent for row in rows),
        }

    @cached_property
    def at_work(self) -> list[AtWork]:
        """What is under way, the newest first: changes from here, and Ganeti's jobs of whoever asked for them."""
        rows = Job.objects.unfinished().select_related("cluster").order_by("-pk")
        own = [AtWork.of_ours(row) for row in rows[: SHOWN + 1]]
        others = [row for book in self.job_books.values() for row in book.unfinished]
        ours = self._ours(others)
        found = own + [AtWork.of_others(row) for row in others if row.key not in ours]
        return sorted(found, key=lambda one: one.since or self._now, reverse=True)

    @cached_property
    def job_books(self) -> dict[str, JobBook]:
        """The jobs of the clusters that answer, by slug: what a silent one did is not known."""
        views = [view for view in self.fleet.clusters.values() if not view.is_silent]
        return joblists.books(self.fleet, views)

    @cached_property
    def _now(self) -> datetime.datetime:
        return timezone.now()

    def _ours(self, rows: Iterable[JobRow]) -> set[Key]:
        """Which of these jobs were asked for here; one query, and none where there are no jobs."""
        keys = {row.key for row in rows}
        if not keys:
            return set()
        asked = Job.objects.filter(
            cluster__slug__in={slug for slug, _ in keys}, job_id__in={number for _, number in keys}
        )
        return keys & set(asked.order_by().values_list("cluster__slug", "job_id"))

    # ---- matters -----------------------------------------------------------------------------------------------

    def _of_clusters(self) -> Iterator[Matter]:
        for found in troubles.of_all(self.fleet).values():
            yield from map(_of_trouble, found)

    def _failed(self) -> Iterator[Matter]:
        """Changes that failed in the last day and were not followed by one that did not, one line for each instance."""
        since = timezone.now() - LATELY
        bad = (Job.State.FAILED, Job.State.UNKNOWN)
        rows = Job.objects.filter(ended__gte=since, state__in=bad).select_related("cluster").order_by("-ended")[:200]
        better = set(
            Job.objects.filter(ended__gte=since, state=Job.State.SUCCEEDED).values_list("cluster", "instance", "kind")
        )
        seen: set[tuple[int, str]] = set()
        for row in rows:
            where = (row.cluster_id, row.instance)
            if where in seen or (*where, row.kind) in better or row.kind == Job.Kind.DRY_RUN:
                continue
            seen.add(where)
            if len(seen) > SHOWN:
                continue
            yield Matter(
                URGENT,
                "x-octagon-fill",
                "bad",
                _("%(what)s of %(name)s failed") % {"what": row.get_kind_display(), "name": row.instance}
                if row.state == Job.State.FAILED
                else _("How %(what)s of %(name)s ended is not known")
                % {"what": row.get_kind_display(), "name": row.instance},
                f"{row.cluster.slug}: {retold(row.error)}",
                row.ended,
                reverse("instance-detail", args=[row.cluster.slug, row.instance])
                if row.job_id is None
                else reverse("job-detail", args=[row.cluster.slug, row.job_id]),
                _("See why"),
            )
        if len(seen) > SHOWN:
            yield _rest(URGENT, len(seen) - SHOWN, reverse("auditlog"))

    def _failed_elsewhere(self) -> Iterator[Matter]:
        """The same for jobs that nobody asked for here."""
        since = (timezone.now() - LATELY).timestamp()
        failed = [row for book in self.job_books.values() for row in book.failed if (row.ended or 0) >= since]
        ours = self._ours(failed)
        latest: dict[tuple[Any, ...], JobRow] = {}
        for row in sorted(failed, key=lambda row: row.ended or 0):
            if row.key not in ours:
                latest[_aim(row)] = row
        for slug in {aim[0] for aim in latest}:
            for row in self.job_books[slug].succeeded:
                bad = latest.get(_aim(row))
                if bad and row.began > bad.began:
                    del latest[_aim(row)]
        found = sorted(latest.values(), key=lambda row: -(row.ended or 0))
        for row in found[:SHOWN]:
            job = ShownRow(row)
            about = ", ".join(row.instances[:3]) or row.subject
            yield Matter(
                URGENT,
                "x-octagon-fill",
                "bad",
                _("Failed: %(what)s %(name)s") % {"what": row.what, "name": about},
                f"{row.cluster}: {job.error}" if job.error else row.cluster,
                job.ended,
                job.url,
                _("See why"),
            )
        if len(found) > SHOWN:
            yield _rest(URGENT, len(found) - SHOWN, f"{reverse('jobs')}?state=error")

    def _applications(self) -> Iterator[Matter]:
        if not may_see_all(self.user):
            return
        rows = InstanceApplication.objects.waiting().select_related("applicant").order_by("filed")
        shown = list(rows[:SHOWN])
        for row in shown:
            yield Matter(
                DECISION,
                "clipboard-plus",
                "work",
                _("%(name)s for %(who)s") % {"name": row.hostname, "who": row.applicant.get_username()},
                row.get_status_display(),
                row.filed,
                reverse("application-review" if may_review(self.user) else "application-detail", args=[row.pk]),
                _("Review") if may_review(self.user) else _("Details"),
            )
        if len(shown) == SHOWN and (more := rows.aggregate(n=Count("pk"))["n"] - SHOWN) > 0:
            yield _rest(DECISION, more, reverse("application-list"))

    def _accounts(self) -> Iterator[Matter]:
        number = registering.waiting().count() if may_decide_registrations(self.user) else 0
        if number:
            sentence = ngettext("%(n)d account waits for approval", "%(n)d accounts wait for approval", number)
            yield Matter(
                DECISION, "person", "work", sentence % {"n": number}, "", None, reverse("registration-waiting"),
                _("Look at them"), number,
            )  # fmt: skip


def _aim(row: JobRow) -> tuple[Any, ...]:
    """What a job is for, to tell one that failed from one that came later and did not."""
    return (row.cluster, row.opcodes, row.instances, row.subject)


def _of_trouble(trouble: Trouble) -> Matter:
    where = "" if trouble.cluster in str(trouble.sentence) else f"{trouble.cluster}: "
    below = " ".join(str(part) for part in (trouble.advice, trouble.more) if part)
    return Matter(
        OF_FAMILIES.get(trouble.family, KNOWN),
        trouble.icon,
        trouble.family,
        f"{where}{trouble.sentence}",
        below,
        trouble.since,
        trouble.url or f"{reverse('clusterdetails')}?cluster={trouble.cluster}",
        trouble.action or _("Cluster"),
    )


def _rest(urgency: str, number: int, url: str) -> Matter:
    sentence = ngettext("and %(n)d more", "and %(n)d more", number) % {"n": number}
    return Matter(urgency, "three-dots", "idle", sentence, "", None, url, _("All"), number)
