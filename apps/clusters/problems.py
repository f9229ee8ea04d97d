"""Sentences for what goes wrong between us and a cluster: what happened, why, what to do."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.retelling import retold
from apps.clusters import systems
from ganeti import errors
from ganeti.inventory import Head

TAKES_NO_JOBS = gettext_noop("%(cluster)s takes no jobs now: %(what)s")

# The most telling class first, for errors are kinds of each other.
OF_ERRORS: tuple[tuple[type[errors.RapiError], str], ...] = (
    (
        errors.WrongCertificate,
        gettext_noop("%(cluster)s presents another certificate than the one this site trusts."),
    ),
    (errors.Unreachable, gettext_noop("%(cluster)s does not answer: %(what)s.")),
    (errors.WrongPassword, gettext_noop("%(cluster)s does not accept this site's user name and password.")),
    (errors.NotAllowed, gettext_noop("%(cluster)s lets this site look, but not change anything.")),
    (errors.Busy, TAKES_NO_JOBS),
    (errors.BrokenAnswer, gettext_noop("%(cluster)s gave an answer that cannot be read: %(what)s.")),
    (errors.RapiError, gettext_noop("%(cluster)s says: %(what)s")),
)
OF_STATES = {
    "unreachable": gettext_noop("%(cluster)s does not answer: %(what)s."),
    "untrusted": gettext_noop("%(cluster)s presents another certificate than the one this site trusts: %(what)s."),
    "denied": gettext_noop("%(cluster)s does not let this site in: %(what)s."),
    "broken": gettext_noop("%(cluster)s does not answer as it should: %(what)s."),
}
FORGOTTEN = gettext_noop("Ganeti no longer knows job %(job)s. See how the instance is.")
NEVER_SEEN = gettext_noop("It is not known whether Ganeti got this. See how the instance is.")

# What ganeti/ says by itself, in English: it works without Django. What it passes on in Ganeti's words is not here.
OF_GANETI = (
    gettext_noop("the pinned fingerprint is no SHA-256 fingerprint (64 hexadecimal digits)"),
    gettext_noop("the CA file %(file)s cannot be read"),
    gettext_noop("its certificate is not trusted: %(why)s"),
    gettext_noop("its certificate is not the pinned one"),
    gettext_noop("the answer is larger than %(number)s bytes"),
    gettext_noop("no complete answer within %(seconds)s s"),
    gettext_noop("no answer within %(seconds)s s"),
    gettext_noop("no connection within %(seconds)s s"),
    gettext_noop("the host name %(host)s is not known"),
    gettext_noop("%(host)s refuses connections on port %(port)s"),
    gettext_noop("the connection broke before the answer was complete"),
    gettext_noop("%(host)s does not speak TLS on port %(port)s as we do (%(why)s)"),
    gettext_noop("the answer was cut short"),
    gettext_noop("the answer is not HTTP"),
    gettext_noop("%(host)s is no valid address"),
    gettext_noop("%(host)s cannot be reached on port %(port)s"),
    gettext_noop("it does not know the user %(user)s with this password"),
    gettext_noop("the user %(user)s may not do this"),
    gettext_noop("the answer (status %(number)s) is not Ganeti's"),
    gettext_noop("status %(number)s"),
    gettext_noop("the answer is not JSON"),
    gettext_noop("the answer is JSON, but not of Ganeti's shape"),
    gettext_noop("an answer that we cannot read (%(kind)s, see the log)"),
    gettext_noop("an unexpected %(kind)s, see the log"),
    gettext_noop("there is no instance %(name)s"),
    gettext_noop("there is nothing of the name %(name)s"),
)
# For accounts.retelling: all that is stored, or comes from where no reader is known.
SENTENCES = (*OF_GANETI, *(words for kind, words in OF_ERRORS), FORGOTTEN, NEVER_SEEN, systems.NOT_OFFERED)


def sentence(error: errors.RapiError, cluster: str) -> str:
    """What `error` means, for the person who reads now; Ganeti's own words are kept where it had any."""
    return _(_words(error)) % {"cluster": cluster, "what": retold(error.what)}


def in_english(error: errors.RapiError, cluster: str) -> str:
    """The same to be stored: each reader gets it retold."""
    return _words(error) % {"cluster": cluster, "what": error.what}


def nothing_known(cluster: str) -> str:
    """Why nothing can be changed on a cluster that has not been looked at yet, or not by a site that remembers it."""
    return _("Nothing is known of %(cluster)s just now. Try again in a moment.") % {"cluster": cluster}


def of_head(head: Head, cluster: str) -> str:
    """The sentence for a cluster that is not well, from what the collector noted; empty for one that is."""
    if head.state not in OF_STATES:
        return ""
    return _(OF_STATES[head.state]) % {"cluster": cluster, "what": retold(_bare(head.error, head.slug))}


def told_by(head: Head) -> str:
    """What exactly went wrong with a cluster that is not well, for whoever runs it."""
    return retold(_bare(head.error, head.slug))


def of_jobs(head: Head) -> str:
    """Why a cluster that is well does not tell of its jobs; empty for one that does."""
    return retold(_bare(head.jobs_error, head.slug))


def _words(error: errors.RapiError) -> str:
    return next(words for kind, words in OF_ERRORS if isinstance(error, kind))


def _bare(error: str, slug: str) -> str:
    """An error's text without the cluster's name and the request, which logs need and readers do not."""
    return re.sub(r" \([A-Z]+ /\S*\)$", "", error.removeprefix(f"{slug}: "))
