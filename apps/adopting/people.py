"""Users with their passwords and rights, groups, organisations, profiles, registrations and SSH keys."""

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.hashers import identify_hasher, is_password_usable, make_password
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email, validate_slug
from django.utils import timezone
from django.utils.crypto import get_random_string
from registration.models import RegistrationProfile, SupervisedRegistrationProfile

from accounts import ownership, sshkeys
from accounts.models import Organization, SshPublicKey, UserProfile
from apps.adopting.source import Row
from apps.adopting.taking import Person, Taking, alike, in_bulk, misfit

# Where permissions of 2.x are now, if not under the same name: (app, model) of old -> (app, model) of ours
MOVED = {
    ("apply", "organization"): ("accounts", "organization"),
    ("apply", "sshpublickey"): ("accounts", "sshpublickey"),
    ("notifications", "notificationarchive"): ("notifications", "notification"),
}
ONE_SECOND = 1.0
NOBODYS_SECRET = 40  # characters


# ---- users -----------------------------------------------------------------------------------------------------


def bring_users(taking: Taking) -> None:
    kind = taking.report.kind("users")
    known = {name: (pk, password) for pk, name, password in User.objects.values_list("pk", "username", "password")}
    taken = {pk for pk, _ in known.values()}
    fresh: dict[str, tuple[Row, User]] = {}
    differing: list[str] = []
    passwords = _Passwords()
    for row in taking.source.rows("auth_user"):
        kind.found += 1
        name = row.text("username")
        if name in known:
            kind.there += 1
            pk, password = known[name]
            taking.users[row.id] = Person(pk, name, row.text("email"))
            if password != row.text("password") and passwords.knows(row.text("password")):
                differing.append(name)
            continue
        user = _user(row, passwords)
        why = _why_not(user, name in fresh)
        if why:
            kind.leave(name or f"number {row.id}", why)
            continue
        if row.id > 0 and row.id not in taken:
            user.pk = row.id
        fresh[name] = (row, user)
    _write_users([user for _, user in fresh.values()])
    numbers = dict(User.objects.values_list("username", "pk"))
    for name, (row, user) in fresh.items():
        taking.users[row.id] = Person(numbers[name], name, user.email)
        taking.fresh_users.add(row.id)
    kind.brought += len(fresh)
    _warn_of_users(taking, fresh, differing, passwords)


def _user(row: Row, passwords: "_Passwords") -> User:
    joined = row.moment("date_joined") or timezone.now()
    last_login = row.moment("last_login")
    if last_login and (last_login - joined).total_seconds() <= ONE_SECOND:
        last_login = None  # Django before 1.8 had no other way to say "never"
    name, email = row.text("username"), row.text("email").strip()
    return User(
        username=name,
        password=passwords.of(name, row.text("password")),
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        email=email if len(email) <= 254 else "",
        is_active=row.flag("is_active", True),
        is_staff=row.flag("is_staff"),
        is_superuser=row.flag("is_superuser"),
        date_joined=joined,
        last_login=last_login,
    )


def _why_not(user: User, is_second: bool) -> str:
    if not user.username:
        return "It has no user name."
    return "Its user name is there twice." if is_second else misfit(user)


def _write_users(users: list[User]) -> None:
    """Who keeps a number comes first: those without one get numbers beyond."""
    in_bulk(User, [user for user in users if user.pk])
    in_bulk(User, [user for user in users if not user.pk])


class _Passwords:
    """Hashes come along as they are; of those that nothing here understands remains that there was one."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self._nobodys = ""

    def of(self, name: str, encoded: str) -> str:
        if not encoded or not is_password_usable(encoded):
            return encoded[:128] or make_password(None)
        if self.knows(encoded):
            return encoded
        self.lost.append(name)
        # Usable, so that a reset by mail is possible, and nobody's: the old hash itself is too weak to be kept
        self._nobodys = self._nobodys or make_password(get_random_string(NOBODYS_SECRET))
        return self._nobodys

    @staticmethod
    def knows(encoded: str) -> bool:
        """Whether somebody can sign in with it here."""
        try:
            identify_hasher(encoded)
        except ValueError:
            return False
        return True


def _warn_of_users(
    taking: Taking, fresh: dict[str, tuple[Row, User]], differing: list[str], passwords: _Passwords
) -> None:
    report = taking.report
    users = [user for _, user in fresh.values()]
    _note(report, "Accounts whose password is kept in a way that is no longer safe: they set a new one by mail"
          " (“Forgotten your password?”).", passwords.lost)  # fmt: skip
    _note(report, "Of these no password is needed by mail, for they have no address: set one in the admin.",
          [user.username for user in users if user.username in set(passwords.lost) and not user.email])  # fmt: skip
    _note(
        report,
        "Accounts that were here with another password, or have signed in here since: what is here counts.",
        differing,
    )
    _note(report, "User names that differ in capital letters only: each is an account of its own, as in the tags.",
          alike(person.name for person in taking.users.values()))  # fmt: skip
    _note(report, "User names that Ganeti's tags cannot carry: such people cannot own VMs.",
          [user.username for user in users if ownership.no_tag_for(ownership.USER, user.username)])  # fmt: skip
    counted = Counter(user.email.lower() for user in users if user.email and user.is_active)
    _note(report, "E-mail addresses of several accounts: these sign in by user name only.",
          [email for email, number in counted.items() if number > 1])  # fmt: skip
    _note(report, "E-mail addresses that cannot be right: no mail goes there.",
          [user.username for user in users if user.email and not _is_valid(validate_email, user.email)])  # fmt: skip
    _note(report, "E-mail addresses of more than 254 characters were left empty.",
          [user.username for row, user in fresh.values() if not user.email and row.text("email").strip()])  # fmt: skip
    _note(report, "Superusers that came along.", [user.username for user in users if user.is_superuser])
    moved = [f"{user.username}: {row.id} → {taking.users[row.id].pk}"
             for row, user in fresh.values() if taking.users[row.id].pk != row.id]  # fmt: skip
    _note(report, "Accounts that have another number now, which programs may have noted (OAuth2).", moved)


def _note(report: Any, sentence: str, names: list[str]) -> None:
    if names:
        report.note(sentence, names)


def _is_valid(validator: Any, value: str) -> bool:
    try:
        validator(value)
    except ValidationError:
        return False
    return True


# ---- groups and rights -------------------------------------------------------------------------------------------


def bring_groups(taking: Taking) -> None:
    kind = taking.report.kind("groups")
    known = dict(Group.objects.values_list("name", "pk"))
    fresh: dict[str, Group] = {}
    rows = list(taking.source.rows("auth_group"))
    for row in rows:
        kind.found += 1
        name = row.text("name")
        group = Group(name=name)
        why = misfit(group) if name else "It has no name."
        if why:
            kind.leave(name or f"number {row.id}", why)
        elif name in known or name in fresh:
            kind.there += 1
        else:
            fresh[name] = group
            kind.brought += 1
            taking.fresh_groups.add(row.id)
    in_bulk(Group, fresh.values())
    numbers = dict(Group.objects.values_list("name", "pk"))
    taking.groups = {row.id: numbers[row.text("name")] for row in rows if row.text("name") in numbers}
    _note(taking.report, "Groups that differ in capital letters only: each is one of its own, as in the tags.",
          alike(row.text("name") for row in rows))  # fmt: skip
    _note(taking.report, "Groups whose names Ganeti's tags cannot carry: they cannot own VMs. The admin renames them.",
          [name for name in fresh if ownership.no_tag_for(ownership.GROUP, name)])  # fmt: skip


def bring_memberships(taking: Taking) -> None:
    """Of accounts that were here before, nobody gets a right or a group that this site did not give."""
    kind = taking.report.kind("members of groups")
    through = User.groups.through
    fresh: set[tuple[int, int]] = set()
    known = set(through.objects.values_list("user_id", "group_id"))
    for row in taking.source.rows("auth_user_groups"):
        kind.found += 1
        person, group = taking.person(row.number("user_id")), taking.groups.get(row.number("group_id") or 0)
        if person is None or group is None:
            kind.leave(f"number {row.id}", "Its user or its group did not come.")
        elif (person.pk, group) in known or (person.pk, group) in fresh:
            kind.there += 1
        elif row.number("user_id") not in taking.fresh_users:
            kind.leave(person.name, "The account was here before, and is not in this group here.")
        else:
            fresh.add((person.pk, group))
    in_bulk(through, (through(user_id=user, group_id=group) for user, group in sorted(fresh)))
    kind.brought += len(fresh)


def bring_rights(taking: Taking) -> None:
    ours = _rights_by_old_number(taking)
    users = {number: person.pk for number, person in taking.users.items()}
    _bring_rights(taking, "rights of users", "auth_user_user_permissions", ours, (
        User.user_permissions.through, "user_id", users, taking.fresh_users))  # fmt: skip
    _bring_rights(taking, "rights of groups", "auth_group_permissions", ours, (
        Group.permissions.through, "group_id", taking.groups, taking.fresh_groups))  # fmt: skip


def _bring_rights(
    taking: Taking, name: str, table: str, ours: dict[int, tuple[str, int | None]], holders: tuple[Any, ...]
) -> None:
    through, column, numbers, fresh_holders = holders
    kind = taking.report.kind(name)
    known = set(through.objects.values_list(column, "permission_id"))
    fresh: set[tuple[int, int]] = set()
    for row in taking.source.rows(table):
        kind.found += 1
        right, pk = ours.get(row.number("permission_id") or 0, ("", None))
        holder = numbers.get(row.number(column))
        if holder is None:
            kind.leave(right or f"number {row.id}", "Whoever had it did not come.")
        elif pk is None:
            kind.leave(right or f"number {row.id}", "There is no such right here.")
        elif (holder, pk) in known or (holder, pk) in fresh:
            kind.there += 1
        elif row.number(column) not in fresh_holders:
            kind.leave(right, "Whoever had it there was here before, without it.")
        else:
            fresh.add((holder, pk))
    in_bulk(through, (through(**{column: holder, "permission_id": pk}) for holder, pk in sorted(fresh)))
    kind.brought += len(fresh)


def _rights_by_old_number(taking: Taking) -> dict[int, tuple[str, int | None]]:
    """Number of a right of old -> its name, and its number here if there is one."""
    rights = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    ours = {(label, codename): pk for label, codename, pk in rights}
    types = {row.id: (row.text("app_label"), row.text("model")) for row in taking.source.rows("django_content_type")}
    found: dict[int, tuple[str, int | None]] = {}
    for row in taking.source.rows("auth_permission"):
        label, model = types.get(row.number("content_type_id") or 0, ("", ""))
        codename = row.text("codename")
        found[row.id] = (f"{label}.{codename}", ours.get(_moved(label, model, codename)))
    return found


def _moved(label: str, model: str, codename: str) -> tuple[str, str]:
    if (label, model) in MOVED and codename.endswith(f"_{model}"):
        new_label, new_model = MOVED[label, model]
        return new_label, f"{codename.removesuffix(model)}{new_model}"
    return label, codename


# ---- organisations and profiles ------------------------------------------------------------------------------------


def bring_organizations(taking: Taking) -> None:
    kind = taking.report.kind("organisations")
    known = {(title, tag): pk for title, tag, pk in Organization.objects.values_list("title", "tag", "pk")}
    changed: list[str] = []
    fresh_rows: set[int] = set()
    for row in taking.source.rows("apply_organization"):
        kind.found += 1
        made = _organization(row, changed)
        why = misfit(made) if made.title else "It has no title."
        if why:
            kind.leave(made.title or f"number {row.id}", why)
            continue
        key = (made.title, made.tag)
        if key in known:
            kind.there += 1
        else:
            made.save()
            known[key] = made.pk
            kind.brought += 1
            fresh_rows.add(row.id)
        taking.organizations[row.id] = known[key]
    _note(taking.report, "Organisations of which a part could not be kept: a tag that is none, an address that is no"
          " web address or no e-mail address.", changed)  # fmt: skip
    _bring_people_of_organizations(taking, fresh_rows)


def _organization(row: Row, changed: list[str]) -> Organization:
    title, tag, website = row.text("title").strip(), row.text("tag").strip(), row.text("website").strip()
    email = row.text("email").strip()
    if website and not urlsplit(website).scheme:
        website = f"http://{website}"
    is_web = urlsplit(website).scheme in ("http", "https") and _is_valid(URLValidator(), website)
    kept = {
        "tag": tag if len(tag) <= 100 and _is_valid(validate_slug, tag) else "",
        "website": website if is_web and len(website) <= 200 else "",
        "email": email if len(email) <= 254 and _is_valid(validate_email, email) else "",
    }
    if (kept["tag"], kept["website"], kept["email"]) != (tag, website, email):
        changed.append(title)
    return Organization(title=title, phone=row.text("phone").strip(), **kept)


def _bring_people_of_organizations(taking: Taking, fresh_rows: set[int]) -> None:
    kind = taking.report.kind("people of organisations")
    through = Organization.users.through
    known = set(through.objects.values_list("organization_id", "user_id"))
    fresh: set[tuple[int, int]] = set()
    for row in taking.source.rows("apply_organization_users"):
        kind.found += 1
        number = row.number("organization_id") or 0
        organization, person = taking.organizations.get(number), taking.person(row.number("user_id"))
        if organization is None or person is None:
            kind.leave(f"number {row.id}", "Its user or its organisation did not come.")
        elif (organization, person.pk) in known or (organization, person.pk) in fresh:
            kind.there += 1
        elif number not in fresh_rows and row.number("user_id") not in taking.fresh_users:
            kind.leave(person.name, "Both were here before, and the one not in the other.")
        else:
            fresh.add((organization, person.pk))
    in_bulk(through, (through(organization_id=one, user_id=user) for one, user in sorted(fresh)))
    kind.brought += len(fresh)


def bring_profiles(taking: Taking) -> None:
    """Everybody has one here; of those that were here before, it stays as it is."""
    kind = taking.report.kind("profiles")
    have = set(UserProfile.objects.values_list("user_id", flat=True))
    made: dict[int, UserProfile] = {}
    cut: list[str] = []
    for row in taking.source.rows("accounts_userprofile"):
        kind.found += 1
        person = taking.person(row.number("user_id"))
        if person is None:
            kind.leave(f"number {row.id}", "Its user did not come.")
        elif person.pk in have or person.pk in made:
            kind.there += 1
        else:
            made[person.pk] = _profile(row, person, taking, cut)
    kind.brought += len(made)
    without = {taking.users[number].pk for number in taking.fresh_users} - have - set(made)
    in_bulk(UserProfile, [*made.values(), *(UserProfile(user_id=pk) for pk in sorted(without))])
    _note(taking.report, "Telephone numbers of more than 32 characters were left empty.", cut)


def _profile(row: Row, person: Person, taking: Taking, cut: list[str]) -> UserProfile:
    telephone = row.text("telephone").strip()
    if len(telephone) > 32:
        cut.append(person.name)
        telephone = ""
    return UserProfile(
        user_id=person.pk,
        first_login=row.flag("first_login", True),
        force_logout_date=row.moment("force_logout_date"),
        organization_id=taking.organizations.get(row.number("organization_id") or 0),
        telephone=telephone,
    )


# ---- registrations ---------------------------------------------------------------------------------------------------


def bring_registrations(taking: Taking) -> None:
    """Those that wait for a proof of their address, or for an administrator; links in mails go on working."""
    kind = taking.report.kind("registrations")
    undecided = set(User.objects.filter(is_active=False, last_login=None).values_list("pk", flat=True))
    known = dict(RegistrationProfile.objects.values_list("user_id", "pk"))
    numbers = set(known.values())
    waiting = []
    for row in taking.source.rows("registration_registrationprofile"):
        kind.found += 1
        number = row.number("user_id")
        person = taking.person(number)
        if person is None:
            kind.leave(f"number {row.id}", "Its user did not come.")
        elif person.pk in known:
            kind.there += 1
        elif person.pk not in undecided or number not in taking.fresh_users:
            kind.unneeded += 1  # decided there
        else:
            made = _registration(row, person, keeps_number=row.id not in numbers)
            known[person.pk] = made.pk
            numbers.add(made.pk)
            kind.brought += 1
            if made.activated:
                waiting.append(person.name)
    _note(taking.report, "Registrations that wait for an administrator. Whoever was switched off there without having"
          " signed in once looks alike.", waiting)  # fmt: skip


def _registration(row: Row, person: Person, keeps_number: bool) -> SupervisedRegistrationProfile:
    """Written by itself: a table that inherits from another takes no bulk, and few people wait. Links to the proof
    carry the key, links to the decision the number."""
    key = row.text("activation_key")
    made = SupervisedRegistrationProfile(
        user_id=person.pk, activation_key=key[:64], activated=row.flag("activated") or key == "ALREADY_ACTIVATED"
    )
    if keeps_number and row.id > 0:
        made.id = row.id
    made.save()
    return made


# ---- SSH keys ------------------------------------------------------------------------------------------------------


def bring_keys(taking: Taking) -> None:
    kind = taking.report.kind("SSH keys")
    known = set(SshPublicKey.objects.values_list("owner_id", "fingerprint"))
    fresh: list[SshPublicKey] = []
    for row in taking.source.rows("apply_sshpublickey"):
        kind.found += 1
        person = taking.person(row.number("owner_id"))
        if person is None:
            kind.leave(f"number {row.id}", "Its owner did not come.")
            continue
        line = " ".join([row.text("key_type").strip(), "".join(row.text("key").split()), row.text("comment")])
        parsed = sshkeys.parse(" ".join(line.split()))
        if not parsed.keys:
            why = parsed.refusals[0].reason if parsed.refusals else "There is nothing in it."
            kind.leave(f"{person.name}: {row.text('fingerprint') or row.id}", why)
            continue
        key = parsed.keys[0]
        if (person.pk, key.fingerprint) in known:
            kind.there += 1
            continue
        known.add((person.pk, key.fingerprint))
        fresh.append(
            SshPublicKey(
                owner_id=person.pk,
                key_type=key.key_type,
                key=key.key,
                comment=key.comment,
                fingerprint=key.fingerprint,
                fingerprint_md5=key.fingerprint_md5,
            )
        )
    in_bulk(SshPublicKey, fresh)
    kind.brought += len(fresh)


STEPS: tuple[Any, ...] = (
    bring_users,
    bring_groups,
    bring_memberships,
    bring_rights,
    bring_organizations,
    bring_profiles,
    bring_registrations,
    bring_keys,
)
