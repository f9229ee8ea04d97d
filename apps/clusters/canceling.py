"""Stopping a job that waits in a cluster's queue, whoever asked for it: recorded, asked for once, told of."""

import logging

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.retelling import retold
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories, problems, words
from apps.clusters.models import Cluster
from ganeti.client import Client
from ganeti.errors import RapiError
from ganeti.objects import Job

log = logging.getLogger(__name__)

CANCELABLE = ("queued", "waiting")

ENDED = gettext_noop("Job %(job)s has ended meanwhile, so there is nothing to cancel.")
AT_WORK = gettext_noop("Job %(job)s is at work already: Ganeti cancels only what still waits.")
FORGOTTEN = gettext_noop("Ganeti no longer knows job %(job)s.")
REFUSED = gettext_noop("Ganeti does not cancel job %(job)s: %(what)s")
NOT_CONFIRMED = gettext_noop("%(cluster)s did not confirm in time. The list of jobs will show whether it was canceled.")
SENTENCES = (ENDED, AT_WORK, FORGOTTEN, REFUSED, NOT_CONFIRMED)


class NotCanceled(Exception):
    """The job was not canceled; `str()` is the sentence that says why."""


def cancel(cluster: Cluster, number: int, by: Actor, instance: str = "") -> str:
    """Cancels the job; the answer is the sentence that tells so. Raises NotCanceled.

    `instance` is what it is about, for the history; "" where that is no single one.
    """
    entry = audit.record(by, events.JOB_CANCELED, cluster=cluster.slug, instance=instance, job_id=number)
    facts = {"cluster": cluster.slug, "instance": instance, "job": number}
    client = Client(cluster.endpoint())
    try:
        done, said = client.cancel_job(number)
    except RapiError as error:
        log.warning("Job %s on %s is not canceled: %s", number, cluster.slug, error, extra=facts)
        outcome = AuditEntry.Outcome.UNKNOWN if error.perhaps_done else AuditEntry.Outcome.FAILED
        stored = (
            NOT_CONFIRMED % {"cluster": cluster.label}
            if error.perhaps_done
            else problems.in_english(error, cluster.label)
        )
        audit.conclude(entry.pk, outcome, stored)
        raise NotCanceled(retold(stored)) from error
    finally:
        inventories.look_at([cluster.slug])
        inventories.tell_news(cluster.slug)
    if not done:
        stored = _why(client, number, said)
        audit.conclude(entry.pk, AuditEntry.Outcome.REFUSED, stored)
        raise NotCanceled(retold(stored))
    audit.conclude(entry.pk, AuditEntry.Outcome.SUCCEEDED)
    log.info("Job %s on %s is canceled.", number, cluster.slug, extra=facts)
    return _("Job %(job)s is canceled.") % {"job": number}


def _why(client: Client, number: int, said: str) -> str:
    """The sentence for a job that Ganeti does not cancel: how it is now says more than Ganeti's answer."""
    try:
        job = client.job(number)
    except RapiError:
        job = Job(number, "unknown")
    if not job.is_known:
        return FORGOTTEN % {"job": number}
    if job.is_over:
        return ENDED % {"job": number}
    if words.state_of_job(job.status) == "running":
        return AT_WORK % {"job": number}
    return REFUSED % {"job": number, "what": said[:500]}
