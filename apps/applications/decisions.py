"""What people do with an application: file, change, ask, answer, accept, reject, discard, withdraw, send again.

Each is one transaction: the row (only if it is still as its author saw it), an event that both sides read, an audit
entry, and the mails. Two people who decide at once: one wins, the other gets a sentence and has done nothing.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import outbox
from apps.applications.models import ApplicationEvent, Draft, InstanceApplication
from apps.applications.placement import Placement
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters.models import Cluster

Status = InstanceApplication.Status
Kind = ApplicationEvent.Kind

AUDITED = {
    Kind.FILED: events.APPLICATION_FILED,
    Kind.CHANGED: events.APPLICATION_CHANGED,
    Kind.QUESTION: events.APPLICATION_ASKED,
    Kind.ANSWER: events.APPLICATION_ANSWERED,
    Kind.APPROVED: events.APPLICATION_APPROVED,
    Kind.REFUSED: events.APPLICATION_REFUSED,
    Kind.DISCARDED: events.APPLICATION_DISCARDED,
    Kind.WITHDRAWN: events.APPLICATION_WITHDRAWN,
}
# What an applicant fills in; a reviewer may change all of it.
ASKED_FOR = (
    "hostname",
    "memory",
    "vcpus",
    "disk_size",
    "operating_system",
    "hosts_mail_server",
    "wanted_network",
    "comments",
    "organization",
    "admin_contact_name",
    "admin_contact_phone",
    "admin_contact_email",
)


class Refused(Exception):
    """Nothing was done; `str()` is the sentence that says why."""


class Outrun(Refused):
    """Somebody else changed the application meanwhile."""


# ---- the applicant -------------------------------------------------------------------------------------------


def file(by: Actor, fields: Mapping[str, Any]) -> InstanceApplication:
    """A new application of `by`; those who decide get a mail. Refused where the name was taken in the same moment."""
    with transaction.atomic():
        application = _created(by, fields, status=Status.PENDING)
        _tell(application, by, Kind.FILED)
        Draft.objects.filter(user=by.user).delete()
        _mail_managers("application_filed", application)
    return application


def send_again(application: InstanceApplication, by: Actor, fields: Mapping[str, Any]) -> None:
    """A rejected or withdrawn application waits once more, changed."""
    with transaction.atomic():
        wanted = {**_asked_for(fields), "status": Status.PENDING, "filed": timezone.now(), "admin_comments": ""}
        _move(application, by, Kind.FILED, only_from=(Status.REFUSED, Status.WITHDRAWN), **wanted)
        _mail_managers("application_filed", application)


def answer(application: InstanceApplication, by: Actor, text: str) -> None:
    """The applicant's words, for whoever asked last, or else for all who decide."""
    with transaction.atomic():
        _move(application, by, Kind.ANSWER, only_from=InstanceApplication.ON_THEIR_WAY, text=text)
        question = application.events.filter(kind=Kind.QUESTION).order_by("-pk").first()
        context = {**_context(application), "text": text}
        asker = question.by if question and question.by and question.by.is_active else None
        if asker is None or not outbox.post("application_answer", asker, context):
            outbox.post_all("application_answer", outbox.managers(), context)


def withdraw(application: InstanceApplication, by: Actor) -> None:
    """The applicant no longer wants it."""
    with transaction.atomic():
        _move(application, by, Kind.WITHDRAWN, only_from=(Status.PENDING,), status=Status.WITHDRAWN)


# ---- those who decide ----------------------------------------------------------------------------------------


def change(application: InstanceApplication, by: Actor, fields: Mapping[str, Any]) -> None:
    """A reviewer's corrections, named in the application's history; nothing happens where there are none."""
    different = _differences(application, fields)
    if different:
        with transaction.atomic():
            _move(
                application,
                by,
                Kind.CHANGED,
                only_from=InstanceApplication.FOR_ADMINISTRATORS,
                text=_told(application, different),
                **different,
            )


def plan(application: InstanceApplication, placement: Placement) -> None:
    """Remembers where a reviewer means to put it. No event: nothing is decided by it."""
    InstanceApplication.objects.waiting().filter(pk=application.pk).update(instance_params=placement.stored)
    application.instance_params = placement.stored


def ask(application: InstanceApplication, by: Actor, question: str) -> None:
    """A question to the applicant, by mail; the answer returns to the application."""
    with transaction.atomic():
        _move(application, by, Kind.QUESTION, only_from=InstanceApplication.FOR_ADMINISTRATORS, text=question)
        outbox.post("application_question", application.applicant, {**_context(application), "text": question})


def approve(application: InstanceApplication, by: Actor, placement: Placement, words: str = "") -> None:
    """Accepts it, to be put there. The creation itself follows: creation.submit."""
    with transaction.atomic():
        _move(
            application,
            by,
            Kind.APPROVED,
            only_from=InstanceApplication.FOR_ADMINISTRATORS,
            text=words,
            status=Status.APPROVED,
            reviewer=by.user,
            admin_comments=words,
            **_placed(placement),
        )


def refuse(application: InstanceApplication, by: Actor, reason: str) -> None:
    """Rejects it; the applicant reads why."""
    with transaction.atomic():
        _move(
            application,
            by,
            Kind.REFUSED,
            only_from=InstanceApplication.FOR_ADMINISTRATORS,
            text=reason,
            status=Status.REFUSED,
            reviewer=by.user,
            admin_comments=reason,
        )
        outbox.post("application_rejected", application.applicant, {**_context(application), "text": reason})


def discard(application: InstanceApplication, by: Actor) -> None:
    """Puts it away in silence."""
    with transaction.atomic():
        _move(
            application,
            by,
            Kind.DISCARDED,
            only_from=InstanceApplication.FOR_ADMINISTRATORS,
            status=Status.DISCARDED,
            reviewer=by.user,
        )


def file_approved(by: Actor, fields: Mapping[str, Any], placement: Placement) -> InstanceApplication:
    """An application of a reviewer's own, accepted as it is filed; creation.submit follows."""
    with transaction.atomic():
        application = _created(by, fields, status=Status.APPROVED, reviewer=by.user, **_placed(placement))
        _tell(application, by, Kind.FILED)
        _tell(application, by, Kind.APPROVED)
    return application


# ---- how it is done ------------------------------------------------------------------------------------------


def _created(by: Actor, fields: Mapping[str, Any], **more: Any) -> InstanceApplication:
    wanted = _asked_for(fields)
    try:
        with transaction.atomic():
            return InstanceApplication.objects.create(applicant=by.user, holds=wanted["hostname"], **wanted, **more)
    except IntegrityError as error:
        raise Refused(_taken(wanted["hostname"])) from error


def _move(
    application: InstanceApplication,
    by: Actor,
    kind: str,
    *,
    only_from: tuple[int, ...],
    text: str = "",
    **fields: Any,
) -> None:
    """Changes the row if it is as `application` knows it, in one of these states; raises Outrun otherwise."""
    status = fields.get("status", application.status)
    name = fields.get("hostname", application.hostname)
    fields["holds"] = name if status in InstanceApplication.ON_THEIR_WAY else None
    rows = InstanceApplication.objects.filter(pk=application.pk, version=application.version, status__in=only_from)
    try:
        with transaction.atomic():
            changed = rows.update(version=F("version") + 1, last_updated=timezone.now(), **fields)
    except IntegrityError as error:
        raise Refused(_taken(name)) from error
    if not changed:
        raise Outrun(meanwhile(application))
    application.refresh_from_db()
    _tell(application, by, kind, text)


def _tell(application: InstanceApplication, by: Actor, kind: str, text: str = "") -> None:
    user = by.user if by.user and by.user.pk else None
    name = user.get_username() if user else ""
    ApplicationEvent.objects.create(application=application, kind=kind, by=user, by_name=name, text=text)
    audit.record(
        by,
        AUDITED[Kind(kind)],
        instance=application.hostname,
        person=application.applicant.get_username(),
        application=application.pk,
        detail=text,
        outcome=AuditEntry.Outcome.SUCCEEDED,
    )


def meanwhile(application: InstanceApplication) -> str:
    """Who did what to it last."""
    last = application.events.order_by("-pk").first()
    if last is None:
        return _("Somebody else changed this application meanwhile.")
    return _("Meanwhile: %(what)s by %(who)s. Nothing of yours was done; look at it again.") % {
        "what": last.get_kind_display(),
        "who": last.by_name or _("the site"),
    }


def _taken(name: str) -> str:
    return _("There is an application for a VM called %(name)s already.") % {"name": name}


def _asked_for(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in ASKED_FOR if name in fields}


def _differences(application: InstanceApplication, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in _asked_for(fields).items() if getattr(application, name) != value}


def _told(application: InstanceApplication, different: Mapping[str, Any]) -> str:
    """The changes as lines of "what: before → after"."""
    labels = {field.name: field.verbose_name for field in InstanceApplication._meta.concrete_fields}
    return "\n".join(f"{labels[name]}: {getattr(application, name)} → {value}" for name, value in different.items())


def _placed(placement: Placement) -> dict[str, Any]:
    cluster = Cluster.objects.filter(slug=placement.cluster).first()
    return {"cluster": cluster, "instance_params": placement.stored}


# ---- mails ---------------------------------------------------------------------------------------------------


def _mail_managers(occasion: str, application: InstanceApplication) -> None:
    outbox.post_all(occasion, outbox.managers(), _context(application))


def _context(application: InstanceApplication) -> dict[str, Any]:
    applicant: User = application.applicant
    return {
        "application": application,
        "applicant": applicant,
        "url": outbox.absolute(reverse("application-detail", args=[application.pk])),
        "review_url": outbox.absolute(reverse("application-review", args=[application.pk])),
    }
