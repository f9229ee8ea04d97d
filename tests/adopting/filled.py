"""What a site of years has in its database: people, VMs asked for, deeds, and what went wrong with all that."""

import datetime
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils import timezone

from tests.adopting.old import Old, mangled

NIKI = "Νίκη"
KEY, USED_KEY, LATE_KEY, MAIL_KEY = "a" * 40, "ALREADY_ACTIVATED", "b" * 40, "c" * 40
PROOF = "d" * 40
COOKIE = "x1Y2z3Q4w5"
SHA1 = "sha1$a1976$a36cc8cbf81742a8fb52e221aaeab48ed7f58ab4"
CLUSTERS = {
    1: ("rapi.north.example.org", "north"),
    2: ("rapi.other.example.org", "north"),
    3: ("rapi.lock.example.org", "lock"),
}


def hashed(password: str) -> str:
    """As Django 1.4 wrote it."""
    return PBKDF2PasswordHasher().encode(password, "salt", 1000)


def lately(**ago: float) -> str:
    """A time of the old server's own zone, Athens, as it wrote them: without saying so."""
    from zoneinfo import ZoneInfo

    moment = timezone.now() - datetime.timedelta(**ago)
    return moment.astimezone(ZoneInfo("Europe/Athens")).strftime("%Y-%m-%d %H:%M:%S")


def public_key(private: Any) -> str:
    """The base64 of a key's line."""
    line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return str(line.split()[1])


def fill(old: Old) -> None:
    _people(old)
    _rights(old)
    _clusters(old)
    _applications(old)
    _past(old)
    _texts(old)


def _people(old: Old) -> None:
    joined = "2014-05-06 10:11:12"
    never = None if old.generation == "fork" else joined

    def user(number: int, name: str, **more: Any) -> None:
        facts = {"password": hashed(f"{name} of old"), "email": f"{name}@example.org", "is_active": 1,
                 "date_joined": joined, "last_login": "2018-07-01 12:00:00"}  # fmt: skip
        old.add("auth_user", id=number, username=name, **{**facts, **more})

    user(11, "alice", first_name="Alice", last_name=NIKI)
    user(12, "Alice", email="alice@example.org")
    user(13, "bob", password=SHA1)
    user(14, "mary jane", first_name=mangled("Μαρία"), email="mary@example.org")
    user(15, "dora", is_superuser=1, is_staff=1)
    user(16, "niki", is_active=0, last_login=never)
    user(17, "petros", is_active=0, last_login=never)
    user(18, "gone", is_active=0)
    user(19, "ldap", password="!", last_login=never)
    old.add("auth_user", id=20, username="", password="!", last_login=joined)
    old.add("apply_organization", id=5, title="Library", tag="library", website="www.example.org", email="nowhere")
    old.add("apply_organization", id=6, title="Physics", tag="phys", website="javascript:alert(1)")
    old.add("apply_organization_users", organization_id=5, user_id=11)
    old.add("accounts_userprofile", user_id=11, first_login=0, organization_id=5, telephone="+302101234567")
    old.add("accounts_userprofile", user_id=13, first_login=1, force_logout_date="2018-07-02 09:00:00")
    old.add("accounts_userprofile", user_id=99, first_login=1)
    activated = {"activated": 1} if old.generation == "fork" else {"activation_key": "ALREADY_ACTIVATED"}
    old.add("registration_registrationprofile", id=3, user_id=16, activation_key=PROOF)
    old.add("registration_registrationprofile", id=4, user_id=17, **{"activation_key": "e" * 40, **activated})
    old.add("registration_registrationprofile", id=2, user_id=11, **{"activation_key": "f" * 40, **activated})
    good = public_key(ed25519.Ed25519PrivateKey.generate())
    old.add("apply_sshpublickey", id=1, owner_id=11, key_type="ssh-ed25519", key=good, comment="alice at home")
    old.add("apply_sshpublickey", id=2, owner_id=11, key_type="ssh-dss", key="AAAAB3NzaC1kc3M=", fingerprint="aa:bb")


def _rights(old: Old) -> None:
    old.add("auth_group", id=4, name="noc")
    old.add("auth_group", id=5, name="helpdesk desk")
    old.add("auth_user_groups", user_id=11, group_id=4)
    old.add("auth_user_groups", user_id=99, group_id=4)
    rights = {
        1: ("ganeti", "cluster", "view_instances"),
        2: ("apply", "organization", "change_organization"),
        3: ("notifications", "notificationarchive", "add_notificationarchive"),
        4: ("reversion", "version", "add_version"),
        5: ("ganeti", "custompermission", "can_lock"),
        6: ("apply", "instanceapplication", "view_applications"),
    }
    for number, (label, model, codename) in rights.items():
        old.add("django_content_type", id=number, app_label=label, model=model)
        old.add("auth_permission", id=number, content_type_id=number, codename=codename)
        if number not in (5, 6):
            old.add("auth_user_user_permissions", user_id=13, permission_id=number)
    old.add("auth_group_permissions", group_id=4, permission_id=5)
    old.add("auth_group_permissions", group_id=4, permission_id=6)


def _clusters(old: Old) -> None:
    for number, (host, slug) in CLUSTERS.items():
        old.add("ganeti_cluster", id=number, hostname=host, slug=slug, port=5081 if number == 1 else 5080,
                description="The north", username="ganetimgr", password="in the clear", use_gnt_network=1)  # fmt: skip
    old.add("ganeti_cluster", id=4, hostname="", slug="nowhere", port=5080)
    old.add("ganeti_network", id=1, description="Public", cluster_id=1, link="br100", mode="bridged", cluster_default=1)
    old.add("ganeti_network", id=2, description="Lab", cluster_id=1, link="br200", mode="bridged", cluster_default=1)
    old.add("ganeti_network", id=3, description="Odd", cluster_id=1, link="x", mode="magic")
    old.add("ganeti_network_groups", network_id=2, group_id=4)
    for number, (key, action, filed, who) in enumerate((
        (KEY, 2, lately(days=1), 11), (USED_KEY, 2, lately(days=1), 11), (LATE_KEY, 1, lately(days=9), 11),
        (MAIL_KEY, 4, lately(days=1), 13),
    )):  # fmt: skip
        old.add("ganeti_instanceaction", id=number + 1, applicant_id=who, instance="web.example.org", action=action,
                cluster_id=1 if action < 4 else None, activation_key=key, filed=filed)  # fmt: skip


def _applications(old: Old) -> None:
    def application(number: int, hostname: str, status: int, **more: Any) -> None:
        facts = {"memory": 1024, "disk_size": 10, "vcpus": 2, "operating_system": "debian", "applicant_id": 11,
                 "cookie": COOKIE, "comments": "Please", "filed": "2018-07-01 12:00:00",
                 "last_updated": "2018-07-02 12:00:00"}  # fmt: skip
        old.add("apply_instanceapplication", id=number, hostname=hostname, status=status, **{**facts, **more})

    placed = {"cluster": "north", "network": "br200", "mode": "bridged", "node_group": "default", "vgs": "default",
              "disk_template": "drbd"}  # fmt: skip
    wanted = json.dumps({"cluster": "north", "network": "br200", "mode": "bridged"})
    application(501, "web.example.org", 105, instance_params=json.dumps(placed), job_id=77, reviewer_id=15)
    application(502, "new.example.org", 100, instance_params=wanted, last_updated=lately(days=1), organization_id=5)
    application(503, "new.example.org", 100)
    application(504, "run.example.org", 102, instance_params=json.dumps(json.dumps(placed)), job_id=78, reviewer_id=15)
    application(505, "lost.example.org", 102, instance_params=json.dumps(placed))
    application(506, "odd.example.org", 999, instance_params="{not json")
    application(507, "no.example.org", 106, admin_comments="Too large", reviewer_id=15)
    application(508, "nobodys.example.org", 100, applicant_id=99)
    application(
        510, "broken.example.org", 104, instance_params=json.dumps(placed), job_id=79, backend_message="No room"
    )


def _past(old: Old) -> None:
    def entry(number: int, action: str, **more: Any) -> None:
        facts = {"requester_id": 11, "ipaddress": "192.0.2.7, 198.51.100.1", "instance": "web.example.org",
                 "cluster": "north", "job_id": 70 + number, "recorded": f"2018-07-01 12:00:{number:02}",
                 "last_updated": f"2018-07-01 12:05:{number:02}", "is_authorized": 1}  # fmt: skip
        old.add("auditlog_auditentry", id=number, action=action, **{**facts, **more})

    entry(1, "Reboot")
    entry(2, "Reboot", recorded="2018-07-01 12:00:01")
    entry(3, "Setting cdrom_image_path:<script>alert(1)</script>")
    entry(4, "Unauthorized destroy attempt", requester_id=13, is_authorized=0, ipaddress="unknown")
    entry(5, "Start", requester_id=99, cluster="lock", job_id=None)
    entry(6, "Shutdown", recorded="0000-00-00 00:00:00", last_updated="2018-10-28 03:30:00")
    old.add("notifications_notificationarchive", id=8, subject="Maintenance", message="On Sunday", sender_id=15,
            date="2018-07-01 12:00:00")  # fmt: skip
    for number in (11, 12, 13):
        old.add("notifications_notificationarchive_recipients", notificationarchive_id=8, user_id=number)


def _texts(old: Old) -> None:
    old.add("django_site", id=1, domain="vps.example.org", name="Example VPS")
    old.add("django_flatpage", id=1, url="/about/info/el/", title="Σχετικά", content="<p>Καλώς ήρθατε</p>",
            template_name="flatpages/other.html")  # fmt: skip
    old.add("django_flatpage_sites", flatpage_id=1, site_id=1)
    old.add("django_session", session_key="k", session_data="d")
    if old.generation == "fork":
        old.add("oauth2_provider_application", id=1, client_id="panel", client_secret="in the clear", name="Panel",
                redirect_uris="https://panel.example.org/back", client_type="confidential",
                authorization_grant_type="authorization-code", user_id=15)  # fmt: skip
        old.add("oauth2_provider_accesstoken", id=1, token="t", application_id=1, user_id=11)
