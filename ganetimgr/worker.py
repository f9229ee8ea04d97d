"""What the rooms have the watcher do: when jobs end, and now and then."""

from django.conf import settings
from django.core.management import call_command

from accounts import email_changes, feed, locks, registering, sending
from apps.api import tokens
from apps.applications import creation, images, reinstalling
from apps.clusters import bulk, confirmations, renaming
from apps.clusters.chores import Chore
from apps.clusters.console import visits
from apps.clusters.following import Ending
from apps.clusters.models import Job
from apps.notifications import sending as notifying
from apps.stats import counting
from ganeti.objects import Job as GanetiJob

DAY = 86400.0


def each(*endings: Ending) -> Ending:
    """What several rooms do at the end of a job, one after another."""

    def at_the_end(row: Job, job: GanetiJob | None) -> None:
        for ending in endings:
            ending(row, job)

    return at_the_end


# Kind of job -> what happens, besides the row and its audit entry, in the transaction that ends it.
AT_THE_END: dict[str, Ending] = {
    Job.Kind.CREATE: creation.ended,
    Job.Kind.REMOVE: each(creation.removed, confirmations.destroyed),
    Job.Kind.RENAME: each(confirmations.renamed, reinstalling.renamed),
}

# Done by one watcher at a time, outside of any transaction; see apps/clusters/chores.py.
CHORES = [
    Chore("send mail", 2.0, sending.send_due),
    Chore("write notifications", 2.0, notifying.work),
    Chore("count VMs", 1800.0, counting.count_today),
    Chore("remove expired registrations", DAY, registering.remove_expired),
    Chore("forget old mail", DAY, sending.forget_old),
    Chore("forget old bulk actions", DAY, bulk.forget_old),
    Chore("forget old e-mail changes", DAY, email_changes.forget_old),
    Chore("forget old confirmations", DAY, confirmations.forget_old),
    Chore("fetch news", 600.0, feed.refresh),
    Chore("forget old sign-ins", DAY, locks.sweep),
    Chore("rename owners", 2.0, renaming.go_on),
    Chore("conclude abandoned consoles", 30.0, visits.conclude_abandoned),
    Chore("create VMs once more", 2.0, creation.create_again),
    Chore("start new VMs", 2.0, creation.start_new),
    Chore("find orphaned applications", 60.0, creation.mend_orphans),
    Chore("look for images", settings.IMAGES_INTERVAL, images.refresh),
    Chore("forget ended tokens", DAY, tokens.forget_ended),
    Chore("forget ended sessions", DAY, lambda: call_command("clearsessions")),
]
