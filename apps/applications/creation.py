"""Making the VM: handed to Ganeti at most once, followed by the watcher, tried beforehand if a reviewer likes."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import outbox
from apps.applications import hostnames, images, placement, recipe
from apps.applications.decisions import Outrun, Refused
from apps.applications.models import ApplicationEvent, InstanceApplication
from apps.applications.placement import ClusterOffer, Placement
from apps.audit.models import Actor
from apps.clusters import actions, fleet
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from ganeti.objects import Instance
from ganeti.objects import Job as GanetiJob

log = logging.getLogger(__name__)

Status = InstanceApplication.Status
Kind = ApplicationEvent.Kind


def submit(application: InstanceApplication, by: Actor) -> Job:
    """Hands an accepted application, or one whose creation failed, to Ganeti: the row that follows the job.

    In one transaction the application becomes "being created" and the job row is written; then Ganeti is asked, once.
    Raises Refused with a sentence; the application then waits for administrators with that sentence.
    """
    if _was_made_after_all(application):
        raise Refused(_found(application))
    body = _body(application)
    left = next(iter(made_for(application)), None)
    if left:
        _refuse_to_remove_what_may_be_good(left)
    with transaction.atomic():
        rows = InstanceApplication.objects.filter(
            pk=application.pk, version=application.version, status__in=(Status.APPROVED, Status.FAILED)
        )
        if not rows.update(status=Status.SUBMITTED, version=F("version") + 1, last_updated=timezone.now()):
            raise Outrun(_("Somebody else changed this application meanwhile."))
        if left:
            row = _intend(left.cluster, left.name, Job.Kind.REMOVE, by)
        else:
            row = _intend(_wanted_cluster(application), application.hostname, Job.Kind.CREATE, by)
        InstanceApplication.objects.filter(pk=application.pk).update(job=row, backend_message="", creation_is_due=False)
        _note(application, Kind.SUBMITTED, by.user)
    application.refresh_from_db()
    _ask(row, by, body, if_refused=_failed)
    return row


def remains(application: InstanceApplication) -> list[Instance]:
    """What Ganeti kept of a creation that failed, as it does when installing fails; wherever that was.

    It carries this application's tag, and the application never came to its VM: nobody has it, and it is removed first.
    """
    return [one for one in made_for(application) if not _may_be_good(one)]


def try_out(application: InstanceApplication, by: Actor, wanted: Placement) -> Job:
    """Asks Ganeti whether it would make the VM so: the row of the job whose end is the verdict. Makes nothing."""
    application.instance_params = wanted.stored
    body = _body(application)
    with transaction.atomic():
        holds = f"{_wanted_cluster(application)}/trial/{application.pk}"
        row = _intend(_wanted_cluster(application), application.hostname, Job.Kind.DRY_RUN, by, holds=holds)
        InstanceApplication.objects.filter(pk=application.pk).update(dry_run=row)
    application.dry_run = row
    _ask(row, by, body)
    return row


def ended(row: Job, job: GanetiJob | None) -> None:
    """What a creation's end means to its application; called in the transaction that ends the row. See worker.py."""
    if job is not None and job.succeeded:
        _succeeded(row)
    else:
        _failed(row, row.error or (_("It was canceled.") if job else _("It is not known how it ended.")))


def removed(row: Job, job: GanetiJob | None) -> None:
    """The remains of a failed creation are gone: the creation is due once more. Called as `ended` is."""
    if job is not None and job.succeeded:
        _conclude(row, Status.APPROVED, creation_is_due=True)
    else:
        _failed(row, row.error or _("It is not known how it ended."))


def create_again() -> None:
    """Hands applications to Ganeti whose remains were removed, each once. A chore of the watcher."""
    due = InstanceApplication.objects.filter(creation_is_due=True, status=Status.APPROVED)
    for application in due.select_related("applicant", "reviewer", "cluster")[:50]:
        try:
            submit(application, Actor(application.reviewer or AnonymousUser()))
        except Outrun:
            continue
        except Refused as refusal:
            log.warning("%s could not be made once more: %s", application.hostname, refusal)
            with transaction.atomic():
                _give_back(application, str(refusal))


def mend_orphans() -> None:
    """Applications that are being created by a job of which there is no row any more, since its cluster was deleted.

    Administrators have them again, with a sentence. A chore of the watcher.
    """
    for application in InstanceApplication.objects.filter(status=Status.SUBMITTED, job=None)[:50]:
        with transaction.atomic():
            _give_back(application, _("The cluster on which it was being made is no longer known here."))


def start_new() -> None:
    """Starts VMs that were just made, each once. A chore of the watcher."""
    due = InstanceApplication.objects.filter(start_is_due=True, job__isnull=False).select_related("job__cluster")
    for application in due[:50]:
        by = Actor(AnonymousUser())
        try:
            with transaction.atomic():
                if not InstanceApplication.objects.filter(pk=application.pk, start_is_due=True).update(
                    start_is_due=False
                ):
                    continue
                made = application.job
                assert made is not None
                row = actions.intend_on(made.cluster, made.instance, Job.Kind.STARTUP, by)
            actions.submit(row, by)
        except actions.Refused as refusal:
            log.warning("%s was made, but could not be started: %s", application.hostname, refusal)


# ---- asking ---------------------------------------------------------------------------------------------------


def offer_for(application: InstanceApplication) -> ClusterOffer | None:
    """What the application's cluster offers now."""
    slug = Placement.of(application.instance_params).cluster
    return next((offer for offer in placement.offers() if offer.slug == slug), None)


def _body(application: InstanceApplication) -> dict[str, Any]:
    """The body for Ganeti; Refused where image or placement are no longer what they were."""
    image = images.catalogue().get(application.operating_system)
    if image is None:
        raise Refused(_("The operating system is no longer in the catalogue. Choose another."))
    wanted, offer = Placement.of(application.instance_params), offer_for(application)
    problems = placement.problems(offer, wanted, memory=application.memory)
    if offer is None or problems:
        raise Refused(" ".join(str(sentence) for sentence in problems.values()))
    keys = [key.line for key in application.applicant.ssh_keys.all()]
    try:
        return recipe.body(application, wanted, offer, image, keys)
    except ValueError as error:
        raise Refused(str(error)) from error


def _wanted_cluster(application: InstanceApplication) -> str:
    return Placement.of(application.instance_params).cluster


def _intend(slug: str, name: str, kind: str, by: Actor, holds: str = "") -> Job:
    try:
        return actions.intend_on(Cluster.objects.enabled().get(slug=slug), name, kind, by, holds=holds)
    except actions.Refused as refusal:
        raise Refused(str(refusal)) from refusal


def _ask(row: Job, by: Actor, body: dict[str, Any], **more: Any) -> None:
    def ask(client: Client, row: Job, reason: str) -> int:
        if row.kind == Job.Kind.REMOVE:
            return client.delete_instance(row.instance, reason)
        return client.create_instance(body, reason=reason, dry_run=row.kind == Job.Kind.DRY_RUN)

    try:
        actions.submit(row, by, ask, **more)
    except actions.Refused as refusal:
        raise Refused(str(refusal)) from refusal


# ---- what is there already --------------------------------------------------------------------------------------


def made_for(application: InstanceApplication) -> list[Instance]:
    """The instances with this application's tag, of its name or the one that it had at its last try."""
    last = application.job
    names = {application.hostname, *([last.instance] if last else [])}
    found = [one for name in names for one in fleet.named(name) if hostnames.application_of(one) == application.pk]
    if last and last.kind == Job.Kind.REMOVE and last.state == Job.State.SUCCEEDED:
        # It is gone; the inventory may be older.
        return [one for one in found if (one.cluster, one.name) != (last.cluster.slug, last.instance)]
    return found


def _was_made_after_all(application: InstanceApplication) -> bool:
    """Whether there is a VM of a creation of which nobody knew how it ended. It is no remains: somebody may use it."""
    last = application.job
    if last is None or (last.kind, last.state) != (Job.Kind.CREATE, Job.State.UNKNOWN):
        return False
    return any((one.cluster, one.name) == (last.cluster.slug, last.instance) for one in made_for(application))


def _may_be_good(one: Instance) -> bool:
    """Whether a creation since the last removal may have made it: then somebody may use it, and it is no remains."""
    kinds = (Job.Kind.CREATE, Job.Kind.REMOVE)
    rows = Job.objects.filter(cluster__slug=one.cluster, instance=one.name, kind__in=kinds).order_by("-pk")
    for kind, state in rows.values_list("kind", "state"):
        if (kind, state) == (Job.Kind.REMOVE, Job.State.SUCCEEDED):
            return False
        if kind == Job.Kind.CREATE and state not in (Job.State.FAILED, Job.State.CANCELED):
            return True
    return False


def _refuse_to_remove_what_may_be_good(one: Instance) -> None:
    where = {"name": one.name, "cluster": one.cluster}
    if _may_be_good(one):
        sentence = _(
            "%(name)s on %(cluster)s may be a good VM of an earlier try. Look at it; if it is not, remove it there."
        )
        raise Refused(sentence % where)
    if one.is_running:
        raise Refused(_("%(name)s was made for it and runs on %(cluster)s. Shut it down first.") % where)


def _found(application: InstanceApplication) -> str:
    """Ends it with the VM that is there, which everybody is told; the sentence for whoever wanted another."""
    row = application.job
    assert row is not None
    with transaction.atomic():
        _succeeded(row, only_from=(Status.APPROVED, Status.FAILED), hostname=row.instance, cluster=row.cluster)
    return _("%(name)s was made after all, it is on %(cluster)s. Nothing was asked for a second time.") % {
        "name": row.instance,
        "cluster": row.cluster.label,
    }


# ---- ends -----------------------------------------------------------------------------------------------------


def _succeeded(row: Job, **more: Any) -> None:
    starts = settings.START_NEW_INSTANCES
    application = _conclude(row, Status.SUCCESS, holds=None, start_is_due=starts, creation_is_due=False, **more)
    if application is None:
        return
    _note(application, Kind.SUCCESS)
    context = {
        "application": application,
        "applicant": application.applicant,
        "reviewer": application.reviewer,
        "url": outbox.absolute(reverse("instance-detail", args=[row.cluster.slug, row.instance])),
    }
    outbox.post("instance_created", application.applicant, context)
    outbox.post_all("instance_created_managers", outbox.managers(), context)


def _failed(row: Job, words: str) -> None:
    application = _conclude(row, Status.FAILED, backend_message=words)
    if application is not None:
        _tell_of_failure(application, words, cluster=row.cluster.slug, job=row.job_id)


def _give_back(application: InstanceApplication, words: str) -> None:
    """It waits for administrators again, with this sentence, if it is still as `application` knows it."""
    rows = InstanceApplication.objects.filter(pk=application.pk, version=application.version)
    changed = {"status": Status.FAILED, "backend_message": words, "creation_is_due": False}
    if rows.update(version=F("version") + 1, last_updated=timezone.now(), **changed):
        _tell_of_failure(application, words, cluster=_wanted_cluster(application))


def _tell_of_failure(application: InstanceApplication, words: str, **where: Any) -> None:
    _note(application, Kind.FAILED, text=words, is_internal=True)
    url = outbox.absolute(reverse("application-review", args=[application.pk]))
    context = {"application": application, "words": words, "url": url, **where}
    outbox.post_all("instance_failed", settings.ADMINS, context)


def _conclude(
    row: Job, status: int, only_from: tuple[int, ...] = (Status.SUBMITTED,), **fields: Any
) -> InstanceApplication | None:
    rows = InstanceApplication.objects.filter(job=row, status__in=only_from)
    if not rows.update(status=status, version=F("version") + 1, last_updated=timezone.now(), **fields):
        return None
    return InstanceApplication.objects.select_related("applicant", "reviewer").get(job=row)


def _note(application: InstanceApplication, kind: str, by: Any = None, **fields: Any) -> None:
    user = by if by is not None and by.pk else None
    name = user.get_username() if user else ""
    ApplicationEvent.objects.create(application=application, kind=kind, by=user, by_name=name, **fields)
