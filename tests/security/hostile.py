"""A site in which every text that somebody else can write is markup: Ganeti's, people's, the net's, and old rows'."""

import datetime
import time
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.flatpages.models import FlatPage
from django.utils import timezone

from accounts.models import EmailChange, NewsFeed, Organization, OutgoingMail, SshPublicKey, UserProfile
from apps.applications.models import ApplicationEvent, Draft, InstanceApplication
from apps.audit.models import AuditEntry
from apps.clusters.models import Batch, Cluster, InstanceAction, Job, Network, Renaming
from apps.notifications.models import Notification, Recipient
from ganeti.objects import ClusterInfo, Disk, Nic, Node, NodeGroup, PendingJob
from ganeti.objects import Network as GanetiNetwork
from ganeti.objects import NetworkConnection as Connection
from tests import estate
from tests.clusters import queues
from tests.security.alive import link, made, payload

WEB = "web.example.org"
FEED = "https://news.example.org/feed"
NODE = payload("node", slash="")  # names have no slash
VM = payload("instance", slash="")
GROUP = payload("group-of-people", slash="")[:150]


def build(people: dict[str, User]) -> set[str]:
    """Everything at once; the well-known names (north, web.example.org, application 1, job 7) have it, too. Where it
    comes from."""
    made.clear()
    put_what_ganeti_tells()
    put_what_people_typed(people)
    put_what_was_written_down(people)
    return set(made)


def put_what_ganeti_tells() -> None:
    tags = tuple(f"ganetimgr:{kind}:{payload(f'tag-{kind}')}" for kind in ("users", "groups", "org", "vg", "service"))
    known = (f"ganetimgr:groups:{GROUP}", "ganetimgr:groups:noc", "ganetimgr:org:nowhere", "ganetimgr:application:1")
    facts: dict[str, Any] = {
        "pnode": NODE,
        "snodes": (NODE,),
        "os": payload("os"),
        "hypervisor": "kvm",
        "disk_template": payload("disk-template"),
        "disks": (Disk(1024, payload("disk")),),
        "nics": (
            Nic(
                payload("mac"), payload("ip"), payload("mode"), payload("nic-link"), payload("network"), payload("nic")
            ),
        ),
        "hvparams": {
            "boot_order": payload("boot-order"),
            "cdrom_image_path": payload("cdrom"),
            "vnc_bind_address": payload("bind"),
            "nic_type": payload("nic-type"),
            "disk_type": payload("disk-type"),
            "kernel_path": "",
        },
        "tags": (*tags, *known, payload("tag")),
        "image": payload("image"),
        "uuid": payload("uuid"),
    }
    odd = {**facts, "status": payload("status"), "admin_state": payload("admin-state")}
    estate.put(
        "north",
        estate.instance(WEB, **facts),
        estate.instance(VM, **odd),
        description=payload("cluster")[:128],
        nodes=(
            Node(
                NODE, role="M", group=payload("nodegroup", slash=""), primary_ip=payload("node-ip"),
                secondary_ip=payload("node-ip2"), tags=(payload("node-tag"),),
            ),
        ),
        groups=(
            NodeGroup(
                payload("nodegroup", slash=""), alloc_policy=payload("alloc-policy"), nodes=(NODE,),
                tags=(payload("nodegroup-tag"),),
            ),
        ),
        networks=(
            GanetiNetwork(
                payload("network"), network=payload("cidr"), gateway=payload("gateway"), network6=payload("cidr6"),
                gateway6=payload("gateway6"), mac_prefix=payload("mac-prefix"), tags=(payload("network-tag"),),
                connections=(Connection(payload("nodegroup", slash=""), payload("net-mode"), payload("net-link")),),
            ),
        ),
        info=ClusterInfo(
            name=payload("cluster-name"), software_version=payload("version"), master=NODE,
            default_hypervisor=payload("hypervisor"), enabled_hypervisors=(payload("hypervisors"),),
            enabled_disk_templates=(payload("templates"),), tags=(payload("cluster-tag"),),
            architecture=(payload("architecture"),), volume_group=payload("vg"), master_netdev=payload("netdev"),
            default_iallocator=payload("iallocator"), mac_prefix=payload("cluster-mac"),
        ),
        head={
            "version": payload("version"),
            "slow_error": payload("slow-error"),
            "jobs_error": "",
            "pending": (PendingJob(99, payload("pending"), (WEB,), (payload("opcode"),), time.time()),),
        },
    )  # fmt: skip
    estate.put(
        "south", description="South",
        head={"state": "broken", "error": payload("cluster-error"), "failures": 3, "failing_since": time.time() - 900},
    )  # fmt: skip
    op = {
        "OP_ID": f"OP_{payload('opcode')}", "instance_name": WEB, "reason": [[payload("who"), payload("reason"), 1]],
        "osparams": {payload("osparam"): payload("osparam-value")}, "os_type": payload("job-os"),
    }  # fmt: skip
    line = [1, [int(time.time()), 0], "message", payload("job-log")]
    queues.put(
        "north",
        queues.raw(7, "error", op=op, oplog=[[line]], opresult=[[payload("exception"), [payload("opresult")]]]),
        queues.raw(8, payload("job-status"), op={**op, "instance_name": VM}, oplog=[[line]]),
        queues.raw(9, "running", opcode="NODE_MODIFY_STORAGE", op={"node_name": NODE, "instance_name": ""}),
        jobs_error=payload("jobs-error"),
    )


def put_what_people_typed(people: dict[str, User]) -> None:
    alice = people["alice"]
    for name, user in people.items():
        User.objects.filter(pk=user.pk).update(
            first_name=payload(f"first-name-{name}")[:150], last_name=payload("last-name")[:150]
        )
    organisation = Organization.objects.create(
        title=payload("organisation"), website=link(), email="o@example.org", tag="nowhere", phone=payload("org-phone")
    )
    UserProfile.objects.update(telephone='"><xss7>', organization=organisation)
    group = Group.objects.create(name=GROUP)
    group.user_set.add(alice, people["dora"])
    User.objects.create(username=payload("user-name", slash="")[:150], email="odd@example.org")
    waiting = User.objects.create(username="waiting", first_name=payload("registrant"), is_active=False)
    UserProfile.objects.get_or_create(user=waiting, defaults={"telephone": '"><xss7>'})
    SshPublicKey.objects.create(
        owner=alice, key_type="ssh-ed25519", key="AAAA", comment=payload("key-comment"),
        fingerprint=payload("key-sha")[:64], fingerprint_md5=payload("key-md5")[:64],
    )  # fmt: skip
    EmailChange.objects.create(user=alice, email=f"{payload('new-email')}@example.org")
    InstanceApplication.objects.create(
        pk=1, applicant=alice, hostname=payload("hostname"), holds="new.example.org", memory=1024, vcpus=1, disk_size=5,
        operating_system=payload("application-os"), comments=payload("comments"), organization=organisation,
        admin_contact_name=payload("contact"), admin_contact_phone=payload("contact-phone")[:64],
        admin_contact_email=f"{payload('contact-email')}@example.org", admin_comments=payload("admin-comments"),
        backend_message=payload("backend-message"), cookie="0123456789abcdef",
        instance_params={"cluster": payload("params-cluster"), "node_group": payload("params-group")},
    )  # fmt: skip
    for kind in ApplicationEvent.Kind.values:
        ApplicationEvent.objects.create(
            application_id=1, kind=kind, by_name=payload("event-by")[:150], text=payload("event-text")
        )
    Draft.objects.create(user=alice, fields={"hostname": payload("draft-hostname"), "comments": payload("draft")})
    network = Network.objects.create(
        description=payload("own-network"), cluster=Cluster.objects.get(slug="north"), link=payload("own-link"),
        mode="bridged", ipv6_prefix=payload("own-prefix"),
    )  # fmt: skip
    network.groups.add(group)
    for address in ("/about/info/en/", "/about/faq/en/"):
        page = FlatPage.objects.create(url=address, title=payload("flat-title"), content=payload("flat-text"))
        page.sites.add(1)
    item = {"title": payload("news-title"), "link": "", "text": payload("news-text"), "date": ""}
    NewsFeed.objects.create(url=FEED, items=[item])


def put_what_was_written_down(people: dict[str, User]) -> None:
    alice, north, now = people["alice"], Cluster.objects.get(slug="north"), timezone.now()
    entry = AuditEntry.objects.create(
        requester=alice, requester_name=payload("audit-who")[:150], action=payload("audit-action")[:255], instance=WEB,
        cluster="north", person=payload("audit-person")[:150], detail=payload("audit-detail"), outcome="failed",
        request_id=payload("audit-request")[:64],
    )  # fmt: skip
    AuditEntry.objects.create(
        requester=alice, requester_name="alice", action="Start", instance=payload("audit-instance")[:255],
        cluster=payload("audit-cluster")[:50],
    )  # fmt: skip
    about = {"cluster": north, "instance": WEB, "requested_by": alice, "requester_name": payload("job-by")[:150]}
    Job.objects.create(
        **about, kind=Job.Kind.REBOOT, state=Job.State.FAILED, job_id=7, ended=now, error=payload("job-error"),
        log=[[time.time(), payload("own-log")]], audit_entry=entry, ganeti_status=payload("gs")[:20],
    )  # fmt: skip
    Job.objects.create(
        **about, kind=Job.Kind.MODIFY, state=Job.State.SUBMITTED, job_id=6, holds=Job.hold_on(north, WEB), started=now,
        details={"hvparams": {"cdrom_image_path": payload("details")}}, log=[[time.time(), payload("running-log")]],
    )  # fmt: skip
    Batch.objects.create(
        pk=1, kind=Job.Kind.REBOOT, query=payload("batch-query"), requested_by=alice, begun=now,
        goes=[["north", WEB]], left_out=[["north", payload("left-out"), payload("why-left-out")]],
        requester_name=payload("batch-by")[:150],
    )  # fmt: skip
    Renaming.objects.create(
        kind="group", old=payload("old-name")[:150], new="noc", asked_by_name=payload("renamer")[:150], ended=now,
        left_over=[payload("left-over")],
    )  # fmt: skip
    InstanceAction.objects.create(
        kind=3, cluster=north, instance=WEB, user=alice, key_hash="a" * 64, expires=now + datetime.timedelta(days=1),
        details={"new_name": payload("new-name"), "old_name": WEB},
    )  # fmt: skip
    notification = Notification.objects.create(
        pk=1, subject=payload("subject")[:255], message=payload("message"), sender_name=payload("sender")[:150],
        chosen=[{"kind": "vm", "text": payload("chosen")}],
    )  # fmt: skip
    Recipient.objects.create(
        notification=notification, name=payload("recipient")[:150], address="a@example.org", outcome="failed",
        error=payload("smtp-error"), instances=[["north", payload("recipients-vm")]],
    )  # fmt: skip
    OutgoingMail.objects.create(
        recipient="a@example.org", occasion=payload("occasion")[:60], subject=payload("mail-subject")[:255],
        text=payload("mail-text"), last_error=payload("mail-error"), language="en", state="failed",
    )  # fmt: skip
