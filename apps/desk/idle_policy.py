"""What becomes of the VMs whose owners have all not signed in for long: `manage.py idle_policy` keeps these rules.

A VM goes through these steps, one in a run at most:

1. All of its owners, members of its groups among them, are idle: they are written to, and it gets the mark "expired".
2. IDLE_POLICY_STOP_AFTER days after that mail it is shut down.
3. IDLE_POLICY_CONDEMN_AFTER days after that mail they are written to again, and it gets the mark "destroy".
4. IDLE_POLICY_DESTROY_AFTER days after the second mail it is destroyed, where the operator asks for that.

As soon as one owner has signed in, or there is one who is not idle, the marks go, and all begins anew.

Nothing is remembered but what is there anyway: the marks are tags (clusters/marks.py), and the times are those of the
history's entries that tell of the mails and to whom they went. These are written with the mails, in one transaction,
before anything is asked of Ganeti. So what a run that dies leaves undone is done by the next one, and nobody is
written to twice. A mark that is there while the history knows of no mail, of another origin or of long ago, does not
count: its owners are written to first.
"""

import datetime
import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import outbox
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import actions, fleet, locks, marks
from apps.clusters.fleet import ClusterView, NothingKnown, Vm
from apps.clusters.models import ChoreLease, Job, Renaming, moment
from apps.clusters.permissions import IdlePolicy
from ganeti import tags as tag_grammar
from ganeti.objects import Instance

MAY = "keep the policy"
ONE_AT_A_TIME = "idle policy"  # the row on which runs wait for each other while they write to people

Key = tuple[str, str]  # cluster's slug, instance's name


class Deed(enum.Enum):
    """What can be done to a VM. Those that warn and condemn write to its owners, and give it the mark as MARK does."""

    UNMARK = enum.auto()
    WARN = enum.auto()
    MARK = enum.auto()
    STOP = enum.auto()
    CONDEMN = enum.auto()
    DESTROY = enum.auto()


KINDS = {
    Deed.UNMARK: Job.Kind.REMOVE_TAGS,
    Deed.WARN: Job.Kind.ADD_TAGS,
    Deed.MARK: Job.Kind.ADD_TAGS,
    Deed.STOP: Job.Kind.SHUTDOWN,
    Deed.CONDEMN: Job.Kind.ADD_TAGS,
    Deed.DESTROY: Job.Kind.REMOVE,
}
TELLING = {Deed.WARN: events.IDLE_WARNED, Deed.CONDEMN: events.IDLE_CONDEMNED}


@dataclass(frozen=True)
class Rules:
    """What the operator wants: the settings, and the options of this run."""

    days: int = field(default_factory=lambda: int(settings.IDLE_POLICY_DAYS))
    stop_after: int = field(default_factory=lambda: int(settings.IDLE_POLICY_STOP_AFTER))
    condemn_after: int = field(default_factory=lambda: int(settings.IDLE_POLICY_CONDEMN_AFTER))
    destroy_after: int = field(default_factory=lambda: int(settings.IDLE_POLICY_DESTROY_AFTER))
    destroys: bool = False
    with_unowned: bool = False  # those too of which nobody can be told
    clusters: tuple[str, ...] = ()  # their slugs; empty: all
    at_most: int = 50  # new steps in one run


@dataclass(frozen=True)
class Verdict:
    """What is to be done to a VM now, or why nothing is; `sentence` tells it."""

    vm: Vm
    sentence: str
    deed: Deed | None = None
    tags: tuple[str, ...] = ()  # that the deed gives or takes
    told: tuple[User, ...] = ()  # whom the deed writes to
    obstacle: str = ""  # what keeps it from being done now

    @property
    def key(self) -> Key:
        return self.vm.cluster.slug, self.vm.name

    @property
    def is_to_be_done(self) -> bool:
        return self.deed is not None and not self.obstacle


@dataclass
class Survey:
    """What a run has found: the VMs of which there is something to say, and the clusters that it leaves alone."""

    verdicts: list[Verdict]
    silent: list[ClusterView]
    in_use: int  # VMs that have an owner who is not idle, and no mark
    waiting: int = 0  # steps for which this run had no place

    @property
    def deeds(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.is_to_be_done]


# ---- owners ---------------------------------------------------------------------------------------------


class Owners:
    """The accounts that own these instances, directly or through a group; a few queries for all of them."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._new_names = {
            f"{kind}:{old}": f"{kind}:{new}"
            for kind, old, new in Renaming.objects.unfinished().order_by().values_list("kind", "old", "new")
        }
        keys = {key for instance in instances for key in self._keys(instance)}
        names = {key.removeprefix("user:") for key in keys if key.startswith("user:")}
        groups = {key.removeprefix("group:") for key in keys if key.startswith("group:")}
        members = User.groups.through.objects.filter(group__name__in=groups).values_list("group__name", "user_id")
        self._members: defaultdict[str, set[int]] = defaultdict(set)
        for group, pk in members:
            self._members[f"group:{group}"].add(pk)
        self._users = {user.pk: user for user in User.objects.filter(username__in=names)}
        self._named = {f"user:{user.get_username()}": user.pk for user in self._users.values()}
        missing = {pk for pks in self._members.values() for pk in pks} - self._users.keys()
        self._users.update(User.objects.in_bulk(missing))

    def of(self, instance: Instance) -> list[User]:
        """Everybody who owns it, by name; disabled accounts too. Tags that name nobody count for nothing."""
        found: set[int] = set()
        for key in self._keys(instance):
            found |= {self._named[key]} if key in self._named else self._members.get(key, set())
        return sorted((self._users[pk] for pk in found), key=lambda user: user.get_username())

    def _keys(self, instance: Instance) -> set[str]:
        """As the owner index knows them, with the new names of those whose tags are still being rewritten."""
        keys = tag_grammar.owners(instance.tags, settings.GANETI_TAG_PREFIX)
        return {self._new_names.get(key, key) for key in keys}


def seen(user: User) -> datetime.datetime:
    """The last sign-in, or the account's beginning where there never was one."""
    return user.last_login or user.date_joined


def can_be_told(user: User) -> bool:
    """Whether a mail reaches somebody who can still sign in."""
    return user.is_active and outbox.is_address(user.email)


# ---- what was done before -------------------------------------------------------------------------------


class Story:
    """What the history tells of the policy's earlier runs about these VMs; one query."""

    def __init__(self, keys: Collection[Key]) -> None:
        wanted = set(keys)
        self._entries: defaultdict[Key, list[AuditEntry]] = defaultdict(list)
        told = AuditEntry.objects.filter(action__in=(events.IDLE_WARNED, events.IDLE_CONDEMNED))
        stopped = AuditEntry.objects.filter(
            action=events.SHUTDOWN, requester_name=IdlePolicy.username, outcome=AuditEntry.Outcome.SUCCEEDED
        )
        for entry in (told | stopped).filter(cluster__in={slug for slug, _ in wanted}).order_by("recorded", "pk"):
            if (entry.cluster, entry.instance) in wanted:
                self._entries[entry.cluster, entry.instance].append(entry)

    def last(
        self, key: Key, event: str, since: datetime.datetime, whom: Collection[User] = ()
    ) -> datetime.datetime | None:
        """When `event` came for the last time after `since`; as a mail, one that went to all of these people."""
        names = {user.get_username() for user in whom}
        times = [
            entry.recorded
            for entry in self._entries[key]
            if entry.action == event and entry.recorded > since and names <= set(entry.detail.split(", "))
        ]
        return times[-1] if times else None


# ---- judging --------------------------------------------------------------------------------------------


class Policy:
    """The rules, at one moment."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.now = timezone.now()
        self.by = Actor(IdlePolicy())

    def survey(self) -> Survey:
        """Every VM of the clusters that answer, judged. Clusters that do not answer are left alone."""
        silent: list[ClusterView] = []
        instances: list[Instance] = []
        for view, snapshot in fleet.snapshots():
            if self.rules.clusters and view.slug not in self.rules.clusters:
                continue
            if snapshot is None or view.is_silent:
                silent.append(view)
            else:
                instances += snapshot.instances
        owners = Owners(instances)
        concerned = [(one.cluster, one.name) for one in instances if self._is_concerned(one, owners.of(one))]
        vms = [vm for vm in fleet.found(concerned).values() if vm is not None]
        verdicts = sorted(self._judged(vms, owners), key=lambda verdict: verdict.key)
        survey = Survey(verdicts, silent, in_use=len(instances) - len(concerned))
        return self._with_places(survey)

    def judge(self, vm: Vm) -> Verdict:
        """One VM, as everything is now."""
        return next(iter(self._judged([vm], Owners([vm.instance]))))

    def _is_concerned(self, instance: Instance, owners: list[User]) -> bool:
        return bool(marks.set_on(instance.tags)) or all(self._is_idle(user) for user in owners)

    def _is_young(self, begun: datetime.datetime) -> bool:
        return begun > self.now - datetime.timedelta(days=self.rules.days)

    def _is_idle(self, user: User) -> bool:
        return seen(user) <= self.now - datetime.timedelta(days=self.rules.days)

    def _with_places(self, survey: Survey) -> Survey:
        """At most so many new steps: what is given back to its owners needs no place."""
        steps = [verdict for verdict in survey.deeds if verdict.deed != Deed.UNMARK]
        late = {verdict.key for verdict in steps[self.rules.at_most :]}
        later = f"waits for another run, for this one takes {self.rules.at_most} steps at most"
        survey.verdicts = [
            replace(verdict, obstacle=later) if verdict.key in late else verdict for verdict in survey.verdicts
        ]
        survey.waiting = len(late)
        return survey

    def _judged(self, vms: Collection[Vm], owners: Owners) -> Iterator[Verdict]:
        story = Story([(vm.cluster.slug, vm.name) for vm in vms])
        for vm in vms:
            verdict = self._step(vm, owners.of(vm.instance), story)
            yield replace(verdict, obstacle=self._obstacle(vm, verdict.deed)) if verdict.deed else verdict

    def _obstacle(self, vm: Vm, deed: Deed) -> str:
        if vm.is_settling:
            return "A change has just ended, and nobody has looked at it since."
        return str(locks.why_not(self.by.user, vm, KINDS[deed], may=MAY))

    def _step(self, vm: Vm, owners: list[User], story: Story) -> Verdict:
        """The next step of a VM, whatever may stand in its way."""
        set_marks = marks.set_on(vm.instance.tags)
        if marks.excludes(vm.instance.tags):
            return Verdict(vm, f"left alone, for it has the tag {marks.tag(marks.EXCLUDED)}")
        here = [user.get_username() for user in owners if not self._is_idle(user)]
        if here and not set_marks:
            return Verdict(vm, f"is in use: {_some(here)} signed in")
        if here:
            return Verdict(vm, f"loses its marks, for {_some(here)} signed in", Deed.UNMARK, tuple(set_marks))
        told = [user for user in owners if can_be_told(user)]
        if not told and not self.rules.with_unowned:
            return Verdict(vm, f"left alone, for {_why_nobody(vm, owners)}; --with-unowned takes it too")
        return self._step_of_idle(vm, owners, told, story)

    def _step_of_idle(self, vm: Vm, owners: list[User], told: list[User], story: Story) -> Verdict:
        rules, key, tags = self.rules, (vm.cluster.slug, vm.name), vm.instance.tags
        begun = moment(vm.instance.ctime) or datetime.datetime.min.replace(tzinfo=datetime.UTC)
        if self._is_young(begun):
            return Verdict(vm, f"left alone, for it is younger than {rules.days} days")
        since = max([begun, *(seen(user) for user in owners)])  # of older mails nothing counts any more
        warned = story.last(key, events.IDLE_WARNED, since, told)
        expired, condemned = marks.tag(marks.EXPIRED), marks.tag(marks.CONDEMNED)
        if warned is None:
            stops = f"will be shut down from {_day(self.now, rules.stop_after)} on"
            return Verdict(vm, f"is marked: {stops}; {_whom(told)}", Deed.WARN, _missing(tags, expired), tuple(told))
        if expired not in tags:
            return Verdict(vm, "gets the mark of which its owners know", Deed.MARK, (expired,))
        if self.now < warned + datetime.timedelta(days=rules.stop_after):
            return Verdict(vm, f"is marked, and will be shut down from {_day(warned, rules.stop_after)} on")
        if vm.instance.status in locks.ON:
            stopped = story.last(key, events.SHUTDOWN, warned)
            if stopped:
                return Verdict(vm, f"left alone, for it was shut down on {stopped:%Y-%m-%d} and started again since")
            return Verdict(vm, f"is shut down: its owners were written to on {warned:%Y-%m-%d}", Deed.STOP)
        if self.now < warned + datetime.timedelta(days=rules.condemn_after):
            return Verdict(
                vm, f"is stopped, and will be marked for removal from {_day(warned, rules.condemn_after)} on"
            )
        condemned_at = story.last(key, events.IDLE_CONDEMNED, warned, told)
        if condemned_at is None:
            goes = f"may be destroyed from {_day(self.now, rules.destroy_after)} on"
            return Verdict(
                vm,
                f"is marked for removal: {goes}; {_whom(told)}",
                Deed.CONDEMN,
                _missing(tags, condemned),
                tuple(told),
            )
        if condemned not in tags:
            return Verdict(vm, "gets the mark for removal of which its owners know", Deed.MARK, (condemned,))
        if self.now < condemned_at + datetime.timedelta(days=rules.destroy_after):
            return Verdict(
                vm, f"is marked for removal, and may be destroyed from {_day(condemned_at, rules.destroy_after)} on"
            )
        if not rules.destroys:
            return Verdict(vm, "may be destroyed now; --destroy does")
        return Verdict(vm, f"is destroyed: its owners were written to on {condemned_at:%Y-%m-%d}", Deed.DESTROY)

    # ---- acting -------------------------------------------------------------------------------------------

    def announce(self) -> Survey:
        """Judges every VM and writes to the owners of those that get a mark, all in one transaction.

        What is to be asked of Ganeti comes afterwards, by `carry_out`.
        """
        ChoreLease.objects.get_or_create(name=ONE_AT_A_TIME, defaults={"expires": self.now, "due": self.now})
        with transaction.atomic():
            ChoreLease.objects.filter(name=ONE_AT_A_TIME).update(due=self.now)  # another run waits here, and sees ours
            survey = self.survey()
            for deed, event in TELLING.items():
                self._tell([verdict for verdict in survey.deeds if verdict.deed == deed], deed, event)
        return survey

    def _tell(self, verdicts: list[Verdict], deed: Deed, event: str) -> None:
        """One mail to each of the people, with all of their VMs, and an entry in the history of each VM."""
        of_people: defaultdict[User, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            for user in verdict.told:
                of_people[user].append(verdict)
            slug, name = verdict.key
            audit.record(
                self.by,
                event,
                cluster=slug,
                instance=name,
                detail=_names(verdict.told),
                outcome=AuditEntry.Outcome.SUCCEEDED,
            )
        after = self.rules.stop_after if deed == Deed.WARN else self.rules.destroy_after
        link = outbox.absolute(reverse("login"))
        for user, theirs in of_people.items():
            facts = {
                "user": user,
                "days": (self.now - seen(user)).days,
                "vms": [verdict.vm for verdict in theirs],
                "when": timezone.localdate(self.now + datetime.timedelta(days=after)),
                "link": link if "://" in link else "",  # a site without SITE_URL has no address for mails
            }
            outbox.post("idle_vms_stop" if deed == Deed.WARN else "idle_vms_destroy", user, facts)

    def carry_out(self, planned: Verdict) -> str:
        """Asks Ganeti for what is right for this VM now, which may not be what was planned: the sentence that tells it.

        Raises actions.Refused with a sentence.
        """
        try:
            vm = fleet.find(*planned.key)
        except NothingKnown as unknown:
            raise actions.Refused(f"{unknown.cluster.slug} is not known any more.") from unknown
        if vm is None:
            raise actions.Refused("It is not there any more.")
        self.now = timezone.now()
        verdict = self.judge(vm)
        if verdict.obstacle:
            raise actions.Refused(verdict.obstacle)
        if verdict.deed == Deed.UNMARK:
            actions.remove_tags(vm, verdict.tags, self.by, may=MAY)
        elif verdict.deed == Deed.MARK:
            actions.add_tags(vm, verdict.tags, self.by, may=MAY)
        elif verdict.deed in (Deed.STOP, Deed.DESTROY):
            actions.request(vm, KINDS[verdict.deed], self.by, may=MAY)
        is_as_planned = verdict.deed == planned.deed or planned.deed in TELLING
        return planned.sentence if is_as_planned else verdict.sentence


def _why_nobody(vm: Vm, owners: list[User]) -> str:
    if owners:
        return f"none of its owners can be written to ({_some([user.get_username() for user in owners])})"
    named = [*vm.tags.users, *(f"group {group}" for group in vm.tags.groups)]
    return f"nobody is behind the owners in its tags ({_some(named)})" if named else "nobody owns it"


def _missing(tags: Collection[str], wanted: str) -> tuple[str, ...]:
    return () if wanted in tags else (wanted,)


def _day(since: datetime.datetime, days: int) -> str:
    return f"{timezone.localdate(since + datetime.timedelta(days=days)):%Y-%m-%d}"


def _names(users: Iterable[User]) -> str:
    return ", ".join(user.get_username() for user in users)


def _whom(users: Collection[User]) -> str:
    return f"a mail to {_some([user.get_username() for user in users])}" if users else "nobody can be written to"


def _some(names: list[str]) -> str:
    """The first few of them, for a line that people read."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
