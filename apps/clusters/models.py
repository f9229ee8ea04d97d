"""Clusters, their hand-kept networks, the jobs that we asked for, and the leases of the watchers."""

import datetime
import secrets
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.fields import EncryptedTextField
from apps.audit import models as audit
from apps.audit.models import AuditEntry
from ganeti.endpoint import Endpoint
from ganeti.objects import Job as GanetiJob

# First path segments below /instances/ that mean something else.
RESERVED_SLUGS = frozenset({"tags", "lock", "isolate", "list", "json", "stats", "bulk"})


def not_reserved(slug: str) -> None:
    if slug in RESERVED_SLUGS:
        raise ValidationError(_("“%(slug)s” is a word of our addresses; choose another."), params={"slug": slug})


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def enabled(self) -> "ClusterQuerySet":
        return self.filter(disabled=False)


class Cluster(models.Model):
    """A Ganeti cluster and how to reach its RAPI. A row never opens a socket: it turns into an Endpoint first."""

    class Verification(models.TextChoices):
        SYSTEM = "system", _("by the system's certificate authorities")
        CA = "ca", _("by a certificate authority's file")
        FINGERPRINT = "fingerprint", _("by its fingerprint (pinned)")
        NONE = "none", _("not at all: anyone on the way can read and change everything")

    hostname = models.CharField(_("host name"), max_length=128, help_text=_("Name or address of the cluster's RAPI."))
    slug = models.SlugField(
        _("short name"),
        max_length=50,
        unique=True,
        validators=[not_reserved],
        help_text=_("The cluster's name in addresses."),
    )
    port = models.PositiveIntegerField(
        _("port"), default=5080, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    description = models.CharField(_("description"), max_length=128, blank=True, help_text=_("What owners read."))
    username = models.CharField(_("user name"), max_length=64, blank=True)
    password = EncryptedTextField(_("password"), blank=True)
    verification = models.CharField(
        _("certificate is verified"), max_length=12, choices=Verification.choices, default=Verification.SYSTEM
    )
    ca_file = models.CharField(_("CA file"), max_length=255, blank=True, help_text=_("A path on this server."))
    fingerprint = models.CharField(
        _("fingerprint"), max_length=100, blank=True, help_text=_("SHA-256 of the certificate, in hexadecimal.")
    )
    fast_create = models.BooleanField(
        _("fast creation"), default=False, help_text=_("Administrators may create instances without a review.")
    )
    use_gnt_network = models.BooleanField(
        _("use gnt-network"), default=True, help_text=_("Routed instances get their address from Ganeti's networks.")
    )
    disable_instance_creation = models.BooleanField(_("no new instances"), default=False)
    disabled = models.BooleanField(_("disabled"), default=False, help_text=_("Left out of everything."))

    objects = ClusterQuerySet.as_manager()

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["slug"]
        permissions = [("view_instances", "Can view all instances")]

    def __str__(self) -> str:
        return self.slug

    @property
    def label(self) -> str:
        """What owners read."""
        return self.description or self.slug

    def clean(self) -> None:
        if self.verification == self.Verification.CA and not self.ca_file:
            raise ValidationError({"ca_file": _("Verification by a file needs the file's path.")})
        if self.verification == self.Verification.FINGERPRINT:
            digits = self.fingerprint.replace(":", "").strip()
            if len(digits) != 64 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise ValidationError({"fingerprint": _("A SHA-256 fingerprint has 64 hexadecimal digits.")})

    def endpoint(self) -> Endpoint:
        """The value that clients take: where, as whom, and what proves that it is the right server."""
        by = self.Verification
        return Endpoint(
            slug=self.slug,
            host=self.hostname,
            port=self.port,
            username=self.username,
            password=self.password,
            ca_file=self.ca_file if self.verification == by.CA else "",
            fingerprint=self.fingerprint if self.verification == by.FINGERPRINT else "",
            verify=self.verification != by.NONE,
            connect_timeout=settings.RAPI_CONNECT_TIMEOUT,
            response_timeout=settings.RAPI_RESPONSE_TIMEOUT,
            deadline=settings.RAPI_DEADLINE,
        )


class Network(models.Model):
    """A network kept by hand, for clusters or links that Ganeti's own networks do not cover."""

    class Mode(models.TextChoices):
        BRIDGED = "bridged", _("bridged")
        ROUTED = "routed", _("routed")

    description = models.CharField(_("description"), max_length=255)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    link = models.CharField(_("link"), max_length=255)
    mode = models.CharField(_("mode"), max_length=64, choices=Mode.choices)
    cluster_default = models.BooleanField(_("the cluster's default"), default=False)
    ipv6_prefix = models.CharField(_("IPv6 prefix"), max_length=255, blank=True)
    groups = models.ManyToManyField(Group, blank=True, verbose_name=_("groups"))

    class Meta:
        verbose_name = _("network")
        verbose_name_plural = _("networks")
        ordering = ["cluster", "description"]

    def __str__(self) -> str:
        return self.description

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A cluster has one default: the one that was saved last."""
        super().save(*args, **kwargs)
        if self.cluster_default:
            Network.objects.filter(cluster=self.cluster).exclude(pk=self.pk).update(cluster_default=False)


class Permissions(models.Model):
    """Carries permissions that belong to no table of ours; the names are those of ganetimgr 2.x."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_all_graphs", "Can view all graphs"),
            ("can_isolate", "Can isolate instances"),
            ("can_lock", "Can lock instances"),
        ]


class RenamingQuerySet(models.QuerySet["Renaming"]):
    def unfinished(self) -> "RenamingQuerySet":
        return self.filter(holds__isnull=False)


class Renaming(models.Model):
    """A user or group has another name, and VMs still carry the old one in their tags: both count until it has ended.

    `holds` is unique while it is unfinished and empty afterwards: nobody takes the old name meanwhile. See renaming.py.
    """

    class Kind(models.TextChoices):
        USER = "user", _("user")
        GROUP = "group", _("group")

    kind = models.CharField(_("kind"), max_length=5, choices=Kind.choices)
    old = models.CharField(_("old name"), max_length=150)
    new = models.CharField(_("new name"), max_length=150)
    holds = models.CharField(max_length=160, unique=True, null=True, editable=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(_("asked for by"), max_length=150, blank=True)
    created = models.DateTimeField(_("asked for"), default=timezone.now)
    vm_count = models.PositiveIntegerField(_("VMs at the beginning"), default=0)
    tried_anew = models.DateTimeField(default=timezone.now)  # steps that failed earlier do not count any more
    ended = models.DateTimeField(_("ended"), null=True)
    left_over = models.JSONField(default=list)  # what was given up: "cluster: instance, ..."

    objects = RenamingQuerySet.as_manager()

    class Meta:
        verbose_name = _("renaming")
        verbose_name_plural = _("renamings")
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"

    @staticmethod
    def hold_on(kind: str, name: str) -> str:
        return f"{kind}:{name.casefold()}"[:160]

    @property
    def is_unfinished(self) -> bool:
        return self.holds is not None


TOKEN_PREFIX = "ganetimgr:"  # noqa: S105  (how the reasons of our jobs begin)


def new_token() -> str:
    return f"{TOKEN_PREFIX}{secrets.token_hex(12)}"


class Batch(models.Model):
    """One verb for many VMs: proposed first, with the names that its author read, and begun once. See bulk.py.

    Each VM that it was begun for has a job of its own.
    """

    kind = models.CharField(max_length=20)  # a Job.Kind
    query = models.CharField(max_length=600, blank=True)  # of the list that they were chosen from
    goes = models.JSONField(default=list)  # [[cluster's slug, instance's name], ...]
    left_out = models.JSONField(default=list)  # [[slug, name, sentence in English], ...]
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requester_name = models.CharField(max_length=150, blank=True)
    created = models.DateTimeField(default=timezone.now)
    begun = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} of {len(self.goes)}"

    @property
    def verb(self) -> "Job.Kind":
        return Job.Kind(self.kind)


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> "JobQuerySet":
        return self.filter(holds__isnull=False)

    def due(self) -> "JobQuerySet":
        return self.filter(state=Job.State.DUE)

    def intended(self) -> "JobQuerySet":
        return self.filter(state=Job.State.INTENDED)

    def submitted(self) -> "JobQuerySet":
        return self.filter(state=Job.State.SUBMITTED)

    def of_clusters(self, slugs: Iterable[str]) -> "JobQuerySet":
        return self.filter(cluster__slug__in=list(slugs))


class Job(models.Model):
    """A change that somebody asked for here: intended first, submitted to Ganeti once, followed to its end.

    One that has to wait, for its turn or for the step before it, is "due" until the watcher takes it.
    `holds` is unique while the job is unfinished and empty afterwards: one pending job per instance,
    decided by the database.
    """

    class Kind(models.TextChoices):
        STARTUP = "startup", _("Start")
        SHUTDOWN = "shutdown", _("Shut down")
        REBOOT = "reboot", _("Reboot")
        ADD_TAGS = "add-tags", _("Add tags")
        REMOVE_TAGS = "remove-tags", _("Remove tags")
        CREATE = "create", _("Create")
        REMOVE = "remove", _("Destroy")
        DRY_RUN = "dry-run", _("Trial of a creation")
        REINSTALL = "reinstall", _("Reinstall")
        RENAME = "rename", _("Rename")
        MODIFY = "modify", _("Change settings")
        MIGRATE = "migrate", _("Migrate")

    class State(models.TextChoices):
        DUE = "due", _("waiting for its turn")  # the watcher hands it to Ganeti, see steps.py
        INTENDED = "intended", _("about to be asked for")
        SUBMITTED = "submitted", _("with Ganeti")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELED = "canceled", _("canceled")
        UNKNOWN = "unknown", _("unknown, please look")

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="jobs")
    instance = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    details = models.JSONField(default=dict)  # what Ganeti has to know beside the kind: {"tags": [...]}
    then = models.JSONField(default=list)  # the steps that follow when it has succeeded, see steps.Step
    renaming = models.ForeignKey(
        "Renaming", null=True, on_delete=models.SET_NULL, related_name="jobs"
    )  # whose step it is
    batch = models.ForeignKey(Batch, null=True, on_delete=models.SET_NULL, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.INTENDED)
    holds = models.CharField(max_length=320, unique=True, null=True, editable=False)
    job_id = models.BigIntegerField(null=True)
    # Travels to Ganeti as the job's reason, so that a job can be recognised whose number never reached us.
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requester_name = models.CharField(max_length=150, blank=True)
    audit_entry = models.ForeignKey(AuditEntry, null=True, on_delete=models.SET_NULL, related_name="+")
    ganeti_status = models.CharField(max_length=20, blank=True)
    log = models.JSONField(default=list)  # [[seconds since 1970, text], ...], the latest MAX_LOG lines
    error = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    # When a row that was due got its turn; of one that is due again: when its cluster last did not take it.
    claimed = models.DateTimeField(null=True)
    held_up = models.DateTimeField(null=True)  # since when its cluster has taken nothing
    submitted = models.DateTimeField(null=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    MAX_LOG = 200

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created", "-pk"]
        indexes = [
            models.Index(fields=["cluster", "instance", "-created"], name="jobs_of_instance"),
            models.Index(fields=["state", "cluster"], name="jobs_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.instance} ({self.state})"

    @staticmethod
    def hold_on(cluster: Cluster, instance: str) -> str:
        return f"{cluster.pk}/{instance}"

    @property
    def is_unfinished(self) -> bool:
        return self.holds is not None

    @property
    def facts(self) -> dict[str, Any]:
        """What a log line about it tells beside its message."""
        return {"cluster": self.cluster.slug, "instance": self.instance, "job": self.job_id}

    @property
    def asked_at(self) -> datetime.datetime:
        """When Ganeti was asked at the earliest."""
        return self.claimed or self.created

    @property
    def name_at_the_end(self) -> str:
        """What the instance is called once this has succeeded."""
        return self.details["new_name"] if self.kind == self.Kind.RENAME else self.instance

    def claim(self) -> bool:
        """Takes a row that is due, to hand it to Ganeti now. False when another process was faster."""
        now = timezone.now()
        changed = Job.objects.filter(pk=self.pk, state=self.State.DUE).update(state=self.State.INTENDED, claimed=now)
        if changed:
            self.state, self.claimed = self.State.INTENDED, now
        return bool(changed)

    def put_back(self) -> None:
        """Ganeti was certainly not asked: it is due again."""
        if Job.objects.filter(pk=self.pk, state=self.State.INTENDED).update(state=self.State.DUE):
            self.state = self.State.DUE

    def adopt(self, job_id: int) -> bool:
        """Notes the number that Ganeti gave the job. False when another process was faster."""
        with transaction.atomic():  # the row and the history both know it, or neither, whatever dies in between
            changed = Job.objects.filter(pk=self.pk, state=self.State.INTENDED).update(
                state=self.State.SUBMITTED, job_id=job_id, submitted=timezone.now()
            )
            if changed:
                audit.note_job(self.audit_entry_id, job_id)
        if changed:
            self.state, self.job_id = self.State.SUBMITTED, job_id
        else:
            self.refresh_from_db()
        return bool(changed)

    def progress(self, job: GanetiJob) -> bool:
        """Notes how far Ganeti is; true when that is news."""
        log = [[line.time, line.message] for line in job.log][-self.MAX_LOG :]
        started = moment(job.started)
        if (job.status, log, started) == (self.ganeti_status, self.log, self.started):
            return False
        changed = Job.objects.filter(pk=self.pk, holds__isnull=False).update(
            ganeti_status=job.status[:20], log=log, started=started
        )
        self.ganeti_status, self.log, self.started = job.status[:20], log, started
        return bool(changed)

    def finish(self, state: str, *, error: str = "", **fields: Any) -> bool:
        """Ends the row, exactly once whoever asks: true for the one process that did. Call it inside a transaction."""
        changed = Job.objects.filter(pk=self.pk, holds__isnull=False).update(
            state=state, holds=None, error=error, ended=timezone.now(), **fields
        )
        if changed:
            self.state, self.holds, self.error = state, None, error
            # After the transaction: all ends would wait for each other at this one row. A count that fails is logged;
            # the end stays. For the log Django wants a name, which functools.partial has not.
            transaction.on_commit(lambda: EndedJobs.count(self.kind, str(state)), robust=True)
        return bool(changed)


class EndedJobs(models.Model):
    """How many jobs of a kind have ended in a way since the beginning: for the metrics, which never count rows.

    A process that is killed right after it has written an end may leave that one uncounted: the rows are the truth.
    """

    kind = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "outcome"], name="one_count_of_ends")]

    @classmethod
    def count(cls, kind: str, outcome: str) -> None:
        one_more = {"number": models.F("number") + 1}
        if not cls.objects.filter(kind=kind, outcome=outcome).update(**one_more):
            cls.objects.get_or_create(kind=kind, outcome=outcome)
            cls.objects.filter(kind=kind, outcome=outcome).update(**one_more)


class InstanceAction(models.Model):
    """A change that cannot be taken back: somebody asked for it, and it is done once the mailed link is confirmed.

    One per person, instance and kind: asking again replaces it. The link carries the key, the row only its hash.
    """

    class Kind(models.IntegerChoices):  # the numbers are part of the links
        REINSTALL = 1, _("Reinstall")
        DESTROY = 2, _("Destroy")
        RENAME = 3, _("Rename")

    kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    instance = models.CharField(max_length=255)
    uuid = models.CharField(max_length=64, blank=True)  # Ganeti's: another VM of the same name is not this one
    details = models.JSONField(default=dict)  # {"image": id}; {"new_name": ..., "old_name": ...}
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    asked = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)
    audit_entry = models.ForeignKey(AuditEntry, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = _("confirmed action")
        verbose_name_plural = _("confirmed actions")
        ordering = ["-asked", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "cluster", "instance", "kind"], name="one_wish_of_a_kind"),
        ]
        indexes = [models.Index(fields=["cluster", "instance"], name="actions_of_instance")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.instance}"

    @property
    def is_expired(self) -> bool:
        return self.expires <= timezone.now()

    @property
    def is_good(self) -> bool:
        """Whether its link still works."""
        return self.used is None and not self.is_expired

    def use(self) -> bool:
        """Takes it, once whoever asks. Call it in the transaction that records the change."""
        now = timezone.now()
        unused = InstanceAction.objects.filter(pk=self.pk, key_hash=self.key_hash, used=None, expires__gt=now)
        return bool(unused.update(used=now))

    def give_back(self) -> None:
        """Ganeti did not take the change: the link works again, if it was not replaced meanwhile."""
        InstanceAction.objects.filter(pk=self.pk, key_hash=self.key_hash).update(used=None)


def moment(seconds: float | None) -> datetime.datetime | None:
    """A time of Ganeti's as an aware datetime; None where there is none or it is no time at all."""
    try:
        return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


class Lease(models.Model):
    """Says which watcher collects a cluster and follows its jobs, until when."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True)
    holder = models.CharField(max_length=128, blank=True)
    expires = models.DateTimeField()


class ChoreLease(models.Model):
    """Says which watcher looks after a chore, until when, and when the chore is due. See chores.py."""

    name = models.CharField(max_length=60, primary_key=True)
    holder = models.CharField(max_length=128, blank=True)
    expires = models.DateTimeField()
    due = models.DateTimeField()


class WatcherProcess(models.Model):
    """A watcher process that lives, so that the others know how many share the work."""

    name = models.CharField(max_length=128, primary_key=True)
    seen = models.DateTimeField()


class ConsoleTicket(models.Model):
    """Lets one session of one person open one console, once, within seconds; then says that it is open. See console/.

    What the browser shows is a token, of which only the hash lies here.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session_hash = models.CharField(max_length=64)
    origin = models.CharField(max_length=300)  # of the page that asked: the only one that may connect
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    instance = models.CharField(max_length=255)
    created = models.DateTimeField(default=timezone.now)
    opened = models.DateTimeField(null=True)
    seen = models.DateTimeField(null=True)  # when the console's process last said that it is open
    ended = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    audit_entry = models.ForeignKey(AuditEntry, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["ended", "opened"], name="consoles_open")]
