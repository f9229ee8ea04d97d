"""The audit log: one row for each thing that somebody did, completed when it ended."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.middleware import client_address, request_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, from where, in which request: what an audit entry needs to know of a request."""

    user: Any
    address: str | None = None
    request_id: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Actor":
        return cls(request.user, client_address(request), request_id())


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, cluster: str, instance: str) -> "AuditEntryQuerySet":
        return self.filter(cluster=cluster, instance=instance)

    def seen_by(self, user: Any, owned: dict[str, list[str]]) -> "AuditEntryQuerySet":
        """What `user` did, and what anybody did to the instances in `owned` (cluster slug -> names)."""
        mine = models.Q(requester=user)
        for cluster, names in owned.items():
            mine |= models.Q(cluster=cluster, instance__in=names)
        return self.filter(mine)

    def concerning(self, name: str, user: Any = None) -> "AuditEntryQuerySet":
        """What was done to the account or group of that name, and what `user`, whose account it is, did."""
        concerned = models.Q(person=name)
        return self.filter(concerned | models.Q(requester=user) if user else concerned)

    def lately(self, days: int) -> "AuditEntryQuerySet":
        """Entries of the last `days` days; all of them for 0."""
        return self.filter(recorded__gte=timezone.now() - datetime.timedelta(days=days)) if days else self


class AuditEntry(models.Model):
    """Who did what to which instance, from where, and how it ended."""

    class Outcome(models.TextChoices):
        PENDING = "pending", _("in progress")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELED = "canceled", _("canceled")
        UNKNOWN = "unknown", _("unknown, please look")
        REFUSED = "refused", _("refused")
        UNRECORDED = "unrecorded", _("not recorded")  # of ganetimgr 2.x, which did not note it

    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("user")
    )
    # Stays when the account goes: who it was is the point of this table.
    requester_name = models.CharField(_("user name"), max_length=150)
    ipaddress = models.GenericIPAddressField(_("address"), null=True, blank=True)
    action = models.CharField(_("action"), max_length=255)
    instance = models.CharField(_("instance"), max_length=255, blank=True)
    cluster = models.CharField(_("cluster"), max_length=50, blank=True)
    person = models.CharField(
        _("account or group"), max_length=150, blank=True
    )  # whom it concerns, where no instance is
    application = models.BigIntegerField(_("application"), null=True, blank=True)  # its number
    job_id = models.BigIntegerField(_("job"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.PENDING)
    detail = models.TextField(_("in Ganeti's words"), blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    is_authorized = models.BooleanField(_("allowed"), default=True)
    recorded = models.DateTimeField(_("recorded"), auto_now_add=True)
    last_updated = models.DateTimeField(_("last updated"), auto_now=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-recorded", "-pk"]
        indexes = [
            models.Index(fields=["cluster", "instance", "-recorded"], name="audit_of_instance"),
            models.Index(fields=["requester", "-recorded"], name="audit_of_requester"),
            models.Index(fields=["person", "-recorded"], name="audit_of_person"),
            models.Index(fields=["requester_name", "-recorded"], name="audit_of_name"),
            models.Index(fields=["-last_updated"], name="audit_lately"),
            models.Index(fields=["-recorded"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.requester_name}: {self.action} {self.instance}".strip()


def record(by: Actor, action: str, *, cluster: str = "", instance: str = "", **fields: Any) -> AuditEntry:
    """A new entry for what `by` begins to do; `action` is an event's name from the catalogue in events.py."""
    entry = _entry(by, action, cluster, instance, **fields)
    entry.save()
    return entry


def record_many(by: Actor, action: str, instances: Iterable[tuple[str, str]]) -> list[AuditEntry]:
    """New entries for the same deed on many instances (cluster's slug, name), in their order, in few queries."""
    return AuditEntry.objects.bulk_create(_entry(by, action, cluster, name) for cluster, name in instances)


def _entry(by: Actor, action: str, cluster: str, instance: str, **fields: Any) -> AuditEntry:
    user = None if isinstance(by.user, AnonymousUser) else by.user
    return AuditEntry(
        requester=user,
        requester_name=by.user.get_username(),  # that of nobody is empty, that of a command says which one
        ipaddress=by.address,
        action=action[:255],
        cluster=cluster,
        instance=instance,
        request_id=by.request_id[:64],
        **fields,
    )


def note_job(entry_id: int | None, job_id: int) -> None:
    """Notes the number of the job that does it."""
    if entry_id is not None:
        AuditEntry.objects.filter(pk=entry_id).update(job_id=job_id)


def conclude(entry_id: int | None, outcome: str, detail: str = "") -> None:
    """Writes down how it ended; what was noted at the beginning stays where there is nothing to add."""
    if entry_id is None:  # the entry was swept away meanwhile
        return
    conclude_many([entry_id], outcome, detail)


def conclude_many(entry_ids: Iterable[int], outcome: str, detail: str = "") -> None:
    """The same for all that ended alike at the same moment."""
    words = {"detail": detail} if detail else {}
    AuditEntry.objects.filter(pk__in=list(entry_ids)).update(outcome=outcome, last_updated=timezone.now(), **words)
