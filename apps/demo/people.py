"""The demo's people and its clusters in ganetimgr's own database."""

import dataclasses
from typing import Any

HELPDESK = ("view_instances",)
# name -> (what the table of sign-ins says, permissions, groups)
PEOPLE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "alice": ("owns virtual machines", (), ()),
    "charlie": ("owns nothing yet", (), ()),
    "erik": ("member of the group noc, which owns some", (), ("noc",)),
    "bob": ("help desk: looks at everything", HELPDESK, ()),
    "carla": ("help desk: may lock and isolate, too", (*HELPDESK, "can_lock", "can_isolate"), ()),
    "dora": ("administers everything", (), ()),
}
ADMINISTRATOR = "dora"
APPLICANTS = ("frida", "gregor")
ORGANIZATIONS = ("Department of Physics", "Faculty of Law", "Library", "University Hospital")
# Made for the demo; its other half was thrown away
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFn4jx020emf3TflUGV5s7ejON3Ctm06tbU6AdX8t6Uz alice@laptop"


def ensure_people() -> None:
    """The demo's people exist; one that exists already stays as it is."""
    from django.contrib.auth.models import Group, Permission, User

    known = set(User.objects.filter(username__in=PEOPLE).values_list("username", flat=True))
    for name, (_, permissions, groups) in PEOPLE.items():
        if name in known:
            continue
        is_super = name == ADMINISTRATOR
        person = User.objects.create_user(
            name, f"{name}@example.org", name, first_name=name.capitalize(), is_superuser=is_super, is_staff=is_super
        )
        granted = Permission.objects.filter(content_type__app_label="ganeti", codename__in=permissions)
        if len(granted) != len(permissions):
            raise LookupError(f"The permissions of {name} do not exist: {', '.join(permissions)}.")
        person.user_permissions.set(granted)
        person.groups.set(Group.objects.get_or_create(name=group)[0] for group in groups)
        if name == "alice":
            _give_key(person)


def ensure_organizations() -> None:
    """There are some to choose from, in a demo that is new; what people changed about them stays."""
    from accounts.models import Organization

    if not Organization.objects.exists():
        Organization.objects.bulk_create(Organization(title=title) for title in ORGANIZATIONS)


def _give_key(person: Any) -> None:
    from accounts import sshkeys
    from accounts.models import SshPublicKey

    (key,) = sshkeys.parse(KEY).keys
    SshPublicKey.objects.create(owner=person, **dataclasses.asdict(key))


def ensure_applicants() -> None:
    """Two people have registered in a demo that is new, for the administrator to decide about. A decision stays."""
    from django.contrib.auth.models import User
    from registration.models import SupervisedRegistrationProfile

    if User.objects.exists():
        return
    for name in APPLICANTS:
        person = User.objects.create_user(name, f"{name}@example.org", is_active=False, first_name=name.capitalize())
        SupervisedRegistrationProfile.objects.create_profile(person, activated=True)


def ensure_clusters(endpoints: dict[str, dict[str, Any]], descriptions: dict[str, str]) -> None:
    """The simulated clusters are known under their present addresses; what people changed about them stays."""
    from apps.clusters.models import Cluster

    for slug, endpoint in endpoints.items():
        where = {
            "hostname": endpoint["host"],
            "port": endpoint["port"],
            "username": endpoint["username"],
            "password": endpoint["password"],
            "verification": Cluster.Verification.FINGERPRINT,
            "fingerprint": endpoint["fingerprint"],
        }
        about = {"description": descriptions.get(slug, slug)}
        Cluster.objects.update_or_create(slug=slug, defaults=where, create_defaults={**where, **about})
