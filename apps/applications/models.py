"""Requests for a VM: what somebody asks for, what was decided, and everything that happened on the way."""

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.fields import EncryptedTextField
from accounts.models import Organization
from apps.clusters.models import Cluster, Job, Network


def new_cookie() -> str:
    """The secret part of the address under which a new VM fetches its owner's SSH keys."""
    return secrets.token_hex(20)


class ApplicationQuerySet(models.QuerySet["InstanceApplication"]):
    def pending(self) -> "ApplicationQuerySet":
        """Those that keep their host name for themselves."""
        return self.filter(holds__isnull=False)

    def waiting(self) -> "ApplicationQuerySet":
        """Those that an administrator has to decide, or to send again."""
        return self.filter(status__in=InstanceApplication.FOR_ADMINISTRATORS)

    def of(self, user: Any) -> "ApplicationQuerySet":
        return self.filter(applicant=user)


class InstanceApplication(models.Model):
    """A request for a VM and where it stands.

    `holds` is the host name while the application is on its way and empty afterwards; being unique, it lets one of
    two applications for one name through, decided by the database. `version` rises with every change, so that of two
    people who decide at once one wins and the other is told.
    """

    class Status(models.IntegerChoices):
        PENDING = 100, _("waiting for a decision")
        APPROVED = 101, _("accepted")
        SUBMITTED = 102, _("being created")
        FAILED = 104, _("creation failed")
        SUCCESS = 105, _("created")
        REFUSED = 106, _("rejected")
        DISCARDED = 107, _("discarded")
        WITHDRAWN = 108, _("withdrawn")

    FOR_ADMINISTRATORS = (Status.PENDING, Status.APPROVED, Status.FAILED)
    ON_THEIR_WAY = (*FOR_ADMINISTRATORS, Status.SUBMITTED)

    hostname = models.CharField(_("host name"), max_length=255)
    memory = models.PositiveIntegerField(_("memory (MiB)"))
    disk_size = models.PositiveIntegerField(_("disk (GiB)"))
    vcpus = models.PositiveIntegerField(_("vCPUs"))
    operating_system = models.CharField(_("operating system"), max_length=255)  # an image's id
    hosts_mail_server = models.BooleanField(_("sends mail to the world"), default=False)
    wanted_network = models.ForeignKey(
        Network, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("network")
    )
    comments = models.TextField(_("comments"), blank=True)
    admin_comments = models.TextField(_("words to the applicant"), blank=True)
    admin_contact_name = models.CharField(_("contact's name"), max_length=255, blank=True)
    admin_contact_phone = models.CharField(_("contact's telephone"), max_length=64, blank=True)
    admin_contact_email = models.EmailField(_("contact's e-mail"), blank=True)
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("organisation")
    )
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="applications", verbose_name=_("applicant")
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="application_reviewer",
        verbose_name=_("reviewer"),
    )
    status = models.IntegerField(_("state"), choices=Status.choices, default=Status.PENDING)
    holds = models.CharField(max_length=255, unique=True, null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Where it is put: keys of placement.Placement.
    cluster = models.ForeignKey(
        Cluster, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("cluster")
    )
    instance_params = models.JSONField(_("placement"), default=dict, blank=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    dry_run = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    backend_message = models.TextField(_("in Ganeti's words"), blank=True)
    creation_is_due = models.BooleanField(default=False, editable=False)  # once more, its remains being removed
    start_is_due = models.BooleanField(default=False, editable=False)  # created, and still to be started
    cookie = models.CharField(max_length=255, default=new_cookie, editable=False)
    filed = models.DateTimeField(_("filed"), default=timezone.now)
    last_updated = models.DateTimeField(_("last change"), default=timezone.now)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["-filed", "-pk"]
        permissions = [("view_applications", "Can view all applications")]
        indexes = [
            models.Index(fields=["status", "filed"], name="applications_by_state"),
            models.Index(fields=["applicant", "-filed"], name="applications_of"),
        ]

    def __str__(self) -> str:
        return self.hostname

    @property
    def is_waiting(self) -> bool:
        """Whether an administrator may decide it now."""
        return self.status in self.FOR_ADMINISTRATORS

    @property
    def may_be_sent_again(self) -> bool:
        """Whether its applicant may change it and send it once more."""
        return self.status in (self.Status.REFUSED, self.Status.WITHDRAWN)


class ApplicationEvent(models.Model):
    """Something that happened to an application, as both sides read it."""

    class Kind(models.TextChoices):
        FILED = "filed", _("filed")
        CHANGED = "changed", _("changed")
        QUESTION = "question", _("question")
        ANSWER = "answer", _("answer")
        APPROVED = "approved", _("accepted")
        REFUSED = "refused", _("rejected")
        DISCARDED = "discarded", _("discarded")
        WITHDRAWN = "withdrawn", _("withdrawn")
        SUBMITTED = "submitted", _("handed to Ganeti")
        FAILED = "failed", _("creation failed")
        SUCCESS = "success", _("created")

    application = models.ForeignKey(InstanceApplication, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150, blank=True)
    text = models.TextField(blank=True)  # typed by a person, or Ganeti's words; never HTML
    is_internal = models.BooleanField(default=False)  # its text is for administrators: it may name machines
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]


class Draft(models.Model):
    """What somebody has typed into the form and not sent yet: a lost session loses nothing of it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", primary_key=True)
    fields = models.JSONField(default=dict)
    saved = models.DateTimeField(auto_now=True)


class ImageListing(models.Model):
    """The images of one listing, as they were when it last answered. Encrypted: OS parameters may be passwords."""

    kind = models.CharField(max_length=10)
    address_hash = models.CharField(max_length=64)  # of the address, which is too long for a unique column
    address = EncryptedTextField()  # it may hold a password
    images = EncryptedTextField(blank=True)  # JSON of ganeti.images.Image
    count = models.PositiveIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "address_hash"], name="a_listing_once")]
