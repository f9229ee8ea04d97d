"""Who owns an instance, as the helpdesk needs them: accounts with names and addresses behind what its tags say."""

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import F

from ganeti.tags import InstanceTags

MOST_OWNERS = 20  # users, and groups, that are told with their accounts
MOST_MEMBERS = 12  # of each group


@dataclass(frozen=True, slots=True)
class OwningUser:
    name: str
    account: User | None


@dataclass(frozen=True, slots=True)
class OwningGroup:
    name: str
    members: list[User]
    more: int  # members that are not among them


@dataclass(frozen=True, slots=True)
class Owners:
    users: list[OwningUser]
    groups: list[OwningGroup]

    @classmethod
    def of(cls, tags: InstanceTags) -> "Owners":
        """Two queries, however many there are."""
        users, groups = tags.users[:MOST_OWNERS], tags.groups[:MOST_OWNERS]
        accounts = {user.username: user for user in User.objects.filter(username__in=users)} if users else {}
        members: dict[str, list[User]] = defaultdict(list)
        if groups:
            rows = User.objects.filter(groups__name__in=groups, is_active=True).annotate(through=F("groups__name"))
            for member in rows.order_by("username")[: MOST_OWNERS * 50]:
                members[member.through].append(member)
        return cls(
            [OwningUser(name, accounts.get(name)) for name in users],
            [
                OwningGroup(name, members[name][:MOST_MEMBERS], max(len(members[name]) - MOST_MEMBERS, 0))
                for name in groups
            ],
        )
