"""Who owns an instance, who can be found to own it, and giving and taking it.

Ganeti adds and removes tags by two calls: who comes is added first, who goes is removed by the step that follows, so
that an instance is never without an owner on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import ownership, throttling
from accounts.ownership import GROUP, USER
from apps.audit import events
from apps.audit.models import Actor
from apps.clusters import actions, fleet
from apps.clusters.actions import Step
from apps.clusters.fleet import Vm
from apps.clusters.models import Job, Renaming
from ganeti import tags as tag_grammar

MOST_SHOWN = 200  # owners of one instance on a page
MOST_FOUND = 20
SHORTEST = 2  # characters of a search
LONGEST = 150  # characters of a name, in the database
SEARCHES = 200  # of one person in an hour; typing a name makes some
SEARCHES_OF_STAFF = 2000


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or group that owns an instance or might. Without `pk` only a name: a tag's, or one that was typed."""

    kind: str
    name: str
    pk: int | None = None
    email: str = ""  # for those who may see it
    note: str = ""  # what else is known of them
    is_active: bool = True

    @property
    def key(self) -> str:
        """As the owner index knows them, and our own forms."""
        return f"{self.kind}:{self.name}"

    @property
    def id(self) -> str:
        """As scripts know them since ganetimgr 2.x."""
        return f"{self.kind[0]}_{self.pk}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that make them an owner, in both spellings."""
        return tag_grammar.owner_tags(self.kind, self.name, settings.GANETI_TAG_PREFIX)

    @property
    def told(self) -> str:
        """In the history."""
        return self.name if self.kind == USER else f"group:{self.name}"


def of_key(key: str) -> Owner | None:
    """Whom a form means; None for what is no key."""
    kind, _colon, name = key.partition(":")
    fits = kind in (USER, GROUP) and 0 < len(name) <= LONGEST and "\0" not in name
    return Owner(kind, name) if fits else None


# ---- who there is ---------------------------------------------------------------------------------------------


def of(vm: Vm, reader: Any) -> list[Owner]:
    """The owners that the tags name, users first, with what `reader` may know of them; two queries."""
    named = [*(Owner(USER, name) for name in vm.tags.users), *(Owner(GROUP, name) for name in vm.tags.groups)]
    return known(named[:MOST_SHOWN], reader)


def known(named: Iterable[Owner], reader: Any) -> list[Owner]:
    """These with their accounts, as far as there are any; two queries."""
    named = list(named)
    tells = fleet.sees_everything(reader)
    users = {
        user.get_username(): _of_user(user, tells)
        for user in User.objects.filter(username__in=[one.name for one in named if one.kind == USER])
    }
    groups = {
        group.name: _of_group(group)
        for group in Group.objects.filter(name__in=[one.name for one in named if one.kind == GROUP])
    }
    return [(users if one.kind == USER else groups).get(one.name, one) for one in named]


def by_ids(ids: Iterable[str]) -> tuple[list[Owner], list[str]]:
    """Whom scripts mean by u_<pk> and g_<pk>, and the ids that are nobody's; two queries."""
    ids = list(dict.fromkeys(ids))
    users = {f"u_{user.pk}": _of_user(user, False) for user in User.objects.filter(pk__in=_numbers(ids, "u_"))}
    groups = {f"g_{group.pk}": _of_group(group) for group in Group.objects.filter(pk__in=_numbers(ids, "g_"))}
    found = {**users, **groups}
    return [found[one] for one in ids if one in found], [one for one in ids if one not in found]


def _numbers(ids: Iterable[str], sign: str) -> list[int]:
    digits = [one.removeprefix(sign) for one in ids if one.startswith(sign)]
    return [int(one) for one in digits if one.isascii() and one.isdigit() and len(one) < 10]


def _of_user(user: User, tells: bool) -> Owner:
    email, note = (user.email, user.get_full_name()) if tells else ("", "")
    return Owner(USER, user.get_username(), user.pk, email=email, note=note, is_active=user.is_active)


def _of_group(group: Group) -> Owner:
    return Owner(GROUP, group.name, group.pk)


# ---- finding ----------------------------------------------------------------------------------------------------


class TooMany(Exception):
    """Somebody searches too often; `str()` is the sentence."""


def count_search(reader: Any, times: int = 1) -> None:
    """Notes a search. Raises TooMany beyond what typing names needs: the rest would be trying out names."""
    most = SEARCHES_OF_STAFF if fleet.sees_everything(reader) else SEARCHES
    for _time in range(times):
        if throttling.times_this_hour("owner-search", reader.get_username()) > most:
            raise TooMany(_("You have searched very often within an hour. Try again later."))


def search(text: str, reader: Any) -> list[Owner]:
    """Users and groups that might become owners, at most MOST_FOUND; three queries at most, each with a limit.

    The help desk and administrators find users by a part of the name or address. Others do not learn who is here:
    they find a user by the whole user name or the whole e-mail address, and groups that they belong to.
    """
    text = text.strip()
    if len(text) < SHORTEST or "\0" in text:
        return []
    tells = fleet.sees_everything(reader)
    groups = Group.objects.order_by("name") if tells else reader.groups.order_by("name")
    groups = groups.filter(name__icontains=text) if tells else groups.filter(name__istartswith=text)
    found_groups = [_of_group(group) for group in groups[:MOST_FOUND]]
    found_users = _found_by_part(text) if tells else _found_by_whole(text)
    room = max(MOST_FOUND - len(found_groups), MOST_FOUND // 2)
    users = [_of_user(user, tells) for user in found_users[:room]]
    return [*users, *found_groups[: MOST_FOUND - len(users)]]


def _active() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("username")


def _found_by_part(text: str) -> list[User]:
    """Those whose user name begins with it first."""
    first = list(_active().filter(username__istartswith=text)[:MOST_FOUND])
    has_it = Q(username__icontains=text) | Q(email__icontains=text) | Q(last_name__icontains=text)
    has_it |= Q(first_name__icontains=text)
    left = MOST_FOUND - len(first)
    more = _active().filter(has_it).exclude(pk__in=[user.pk for user in first])[:left] if left else []
    return [*first, *more]


def _found_by_whole(text: str) -> list[User]:
    is_it = Q(email__iexact=text) if "@" in text else Q(username__iexact=text)
    return list(_active().filter(is_it)[:MOST_FOUND])


# ---- giving and taking ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Who comes and who goes."""

    added: tuple[Owner, ...] = ()
    removed: tuple[Owner, ...] = ()

    @property
    def told(self) -> str:
        """ "+erik +group:noc −alice", in any language."""
        return " ".join([*(f"+{one.told}" for one in self.added), *(f"−{one.told}" for one in self.removed)])

    def left(self, vm: Vm) -> set[str]:
        """The keys of the owners afterwards."""
        now = tag_grammar.owners(vm.instance.tags, settings.GANETI_TAG_PREFIX)
        return (now - {one.key for one in self.removed}) | {one.key for one in self.added}


def change(vm: Vm, wanted: Iterable[Owner], leaving: Iterable[Owner]) -> Change:
    """What makes `wanted` owners and those in `leaving` none; nobody else is touched."""
    now = tag_grammar.owners(vm.instance.tags, settings.GANETI_TAG_PREFIX)
    stays = {one.key: one for one in wanted}
    added = tuple(one for key, one in stays.items() if key not in now)
    goes = {one.key: one for one in leaving if one.key in now and one.key not in stays}
    return Change(added, tuple(goes.values()))


def why_not(change: Change, vm: Vm, reader: Any) -> list[str]:
    """The sentences that forbid this change; empty for a good one. `change.added` have their accounts."""
    sentences = [sentence for one in change.added if (sentence := _why_not_added(one, reader))]
    sentences += _being_renamed(change)
    if change.removed and not change.left(vm) and not reader.is_superuser:
        sentences.append(_("A VM needs an owner: leave at least one, or give it to somebody first."))
    return sentences


def _why_not_added(owner: Owner, reader: Any) -> str:
    name = {"name": owner.name}
    if owner.pk is None:
        return (_("There is no user “%(name)s”.") if owner.kind == USER else _("There is no group “%(name)s”.")) % name
    if not owner.is_active:
        if not fleet.sees_everything(reader):
            return _("There is no user “%(name)s”.") % name
        return _("The account of %(name)s is disabled: it can own nothing new.") % name
    if owner.kind == GROUP and not fleet.sees_everything(reader) and owner.key not in fleet.owner_keys(reader):
        return _("You can give it to groups that you belong to; “%(name)s” is none of them.") % name
    if sentence := ownership.no_tag_for(owner.kind, owner.name):
        return f"{owner.name}: {sentence}"
    return ""


def _being_renamed(change: Change) -> list[str]:
    """Tags that are just being rewritten would come back, or go to somebody else."""
    touched = [*change.added, *change.removed]
    names = Q(old__in=[one.name for one in touched]) | Q(new__in=[one.name for one in change.removed])
    keys, goes = {one.key for one in touched}, {one.key for one in change.removed}
    return [
        _("%(old)s is just getting the name %(new)s. Change this when the tags are rewritten.")
        % {"old": row.old, "new": row.new}
        for row in Renaming.objects.unfinished().filter(names)
        if f"{row.kind}:{row.old}" in keys or f"{row.kind}:{row.new}" in goes
    ]


def loses(change: Change, vm: Vm, reader: Any) -> str:
    """What `reader` has to know before this change, as a sentence that they confirm; empty for a harmless one."""
    left = change.left(vm)
    if not change.removed or (reader.is_superuser and left):
        return ""
    if not left:
        return _("I know that nobody owns this VM then.")
    if fleet.owner_keys(reader).isdisjoint(left):
        if fleet.sees_everything(reader):
            return _("I know that I cannot change this VM any more.")
        return _("I know that I will not see this VM any more.")
    return ""


def make(change: Change, vm: Vm, by: Actor) -> Job:
    """Asks for it: one visible change. Raises actions.Refused with a sentence."""
    taken = [tag for one in change.removed for tag in one.tags if tag in vm.instance.tags]
    gone = replace(change, added=()).told
    if not change.added:
        return actions.remove_tags(vm, taken, by, event=events.OWNERS_REMOVED, told=gone)
    then = [Step(Job.Kind.REMOVE_TAGS, {"tags": taken, "told": gone}, events.OWNERS_REMOVED)] if taken else []
    given = [_tag(one) for one in change.added]
    return actions.add_tags(vm, given, by, event=events.OWNERS_ADDED, then=then, told=change.told)


def _tag(owner: Owner) -> str:
    is_singular = settings.GANETI_TAG_SPELLING == "singular"
    return tag_grammar.owner_tag(owner.kind, owner.name, settings.GANETI_TAG_PREFIX, singular=is_singular)


def told(change: Change, vm: Vm) -> str:
    """The sentence for its author."""
    parts = []
    if change.added:
        names = ", ".join(one.name for one in change.added)
        parts.append(
            ngettext("%(names)s becomes an owner", "%(names)s become owners", len(change.added)) % {"names": names}
        )
    if change.removed:
        names = ", ".join(one.name for one in change.removed)
        parts.append(
            ngettext("%(names)s is no owner any more", "%(names)s are no owners any more", len(change.removed))
            % {"names": names}
        )
    return _("%(name)s: %(what)s.") % {"name": vm.name, "what": ", ".join(parts)}
