"""Users as the desk lists them: found, filtered and sorted by the database, with words for how their account stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.looks import Status
from apps.desk import idle

# A row of django-registration-redux stands for an account on its way, see accounts/registering.py.
REGISTERING = Q(is_active=False, last_login__isnull=True, registrationprofile__isnull=False)
DISABLED = Q(is_active=False) & (Q(last_login__isnull=False) | Q(registrationprofile__isnull=True))
STAFF = Q(is_staff=True) | Q(is_superuser=True)

SEARCHED = (
    "username",
    "first_name",
    "last_name",
    "email",
    "profile__telephone",
    "profile__organization__title",
)
SORT_KEYS = {
    "name": ("username",),
    "fullname": ("last_name", "first_name", "username"),
    "email": ("email", "username"),
    "seen": ("last_login", "username"),
    "joined": ("date_joined", "username"),
    "idle": ("idle_since", "username"),
    "told": ("profile__idle_notice_sent", "username"),
}

ACTIVE = Status(pgettext_lazy("account", "Active"), "check-circle-fill", "ok")
WAITING = Status(_("Waits for approval"), "hourglass-split", "work")
UNPROVEN = Status(_("Address not confirmed"), "envelope", "warn")
SWITCHED_OFF = Status(pgettext_lazy("account", "Disabled"), "slash-circle", "idle")


def everybody() -> QuerySet[User]:
    """All users, with what a page says of them in the same query."""
    return User.objects.select_related("profile__organization").annotate(
        address_is_proven=F("registrationprofile__activated"), idle_since=idle.SINCE
    )


def states() -> dict[str, Q]:
    """The filters of the list; "" is everybody."""
    return {
        "": Q(),
        "active": Q(is_active=True),
        "waiting": REGISTERING,
        "disabled": DISABLED,
        "staff": STAFF,
        "idle": idle.is_idle(idle.notification_days()),
    }


def matching(words: Iterable[str]) -> Q:
    """Whoever has all of these words in a name, an address, a telephone number, an organisation or a group."""
    found = Q()
    for word in words:
        found &= reduce(or_, (_has(spelling) for spelling in spellings(word)))
    return found


def _has(spelling: str) -> Q:
    in_fields = reduce(or_, (Q(**{f"{field}__icontains": spelling}) for field in SEARCHED))
    members = User.groups.through.objects.filter(group__name__icontains=spelling)
    return in_fields | Q(pk__in=members.values("user_id"))


def spellings(word: str) -> set[str]:
    """SQLite knows capitals of the Latin alphabet only: other words are looked for in each way they are written."""
    return {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}


def ordered(people: QuerySet[User], sort: str) -> QuerySet[User]:
    """In the order of one of SORT_KEYS, backwards where it begins with "-"; who has no such date comes last."""
    first, *rest = (F(key) for key in SORT_KEYS[sort.lstrip("-")])
    leading = first.desc(nulls_last=True) if sort.startswith("-") else first.asc(nulls_last=True)
    return people.order_by(leading, *rest)


def is_registering(user: User) -> bool:
    """Whether one of `everybody()` is new and not let in yet."""
    return not user.is_active and user.last_login is None and _address_is_proven(user) is not None


def standing(user: User) -> Status:
    """How the account of one of `everybody()` stands."""
    if user.is_active:
        return ACTIVE
    if not is_registering(user):
        return SWITCHED_OFF
    return WAITING if _address_is_proven(user) else UNPROVEN


def _address_is_proven(user: User) -> bool | None:
    """None where there is nothing left to prove."""
    return getattr(user, "address_is_proven", None)


@dataclass(frozen=True, slots=True)
class Listed:
    """A user in a list. `vm_count` is None where nobody can know."""

    user: User
    vm_count: int | None

    @property
    def status(self) -> Status:
        return standing(self.user)
