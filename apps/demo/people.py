"""The demo's people and its clusters in ganetimgr's own database."""

import dataclasses
import datetime
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
FAST = "south"  # where the administrator's own VMs need no review
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
        about = {"description": descriptions.get(slug, slug), "fast_create": slug == FAST}
        Cluster.objects.update_or_create(slug=slug, defaults=where, create_defaults={**where, **about})


def ensure_network() -> None:
    """The group noc has a network of its own, in a demo that is new."""
    from django.contrib.auth.models import Group

    from apps.clusters.models import Cluster, Network

    north = Cluster.objects.filter(slug="north").first()
    if north is None or Network.objects.exists():
        return
    network = Network.objects.create(description="noc only", cluster=north, link="br-noc", mode=Network.Mode.BRIDGED)
    network.groups.add(Group.objects.get(name="noc"))


def ensure_applications() -> None:
    """Three people have asked for VMs in a demo that is new: one waits, one is asked something, one was rejected."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from accounts.models import Organization
    from apps.applications import decisions
    from apps.applications.models import InstanceApplication
    from apps.audit.models import Actor
    from apps.clusters.models import Network

    if InstanceApplication.objects.exists():
        return
    somebody = {user.username: Actor(user) for user in User.objects.filter(username__in=PEOPLE)}
    small = {"memory": 2048, "vcpus": 2, "disk_size": 10, "operating_system": "debian-12"}
    wiki = {"hostname": "wiki.example.org", "comments": "A wiki for our seminar.", **small}
    watch = {"hostname": "watch.example.net", "comments": "It watches the routers.", **small, "memory": 4096}
    cluster = {"hostname": "calc.example.org", "comments": "Some calculations.", **small, "disk_size": 50}
    organization, network = Organization.objects.first(), Network.objects.filter(description="noc only").first()
    waits = decisions.file(somebody["charlie"], {**wiki, "organization": organization})
    asked = decisions.file(somebody["erik"], {**watch, "organization": organization, "wanted_network": network})
    rejected = decisions.file(somebody["alice"], {**cluster, "organization": organization})
    decisions.ask(asked, somebody[ADMINISTRATOR], "Does it need an address that the world can reach?")
    decisions.refuse(rejected, somebody[ADMINISTRATOR], "50 GiB for some calculations? Please say what they are.")
    for days, application in ((2, waits), (1, asked), (4, rejected)):
        then = timezone.now() - datetime.timedelta(days=days)
        InstanceApplication.objects.filter(pk=application.pk).update(filed=then)
        application.events.update(at=then)


def ensure_texts() -> None:
    """The texts about the site that come along, unless somebody has written some."""
    from django.contrib.flatpages.models import FlatPage
    from django.core.management import call_command

    if not FlatPage.objects.exists():
        call_command("loaddata", "flatpages.json", verbosity=0)
