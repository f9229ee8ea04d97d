"""Sentences for what goes wrong between us and a cluster: what happened, why, what to do."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from ganeti.inventory import Head

from ganeti import errors

Sentence = str | Promise


def sentence(error: errors.RapiError, cluster: str) -> str:
    """What `error` means, for people; Ganeti's own words are kept where it had any."""
    names = {"cluster": cluster, "what": error.what}
    match error:
        case errors.WrongCertificate():
            return _("%(cluster)s presents another certificate than the one this site trusts.") % names
        case errors.Unreachable():
            return _("%(cluster)s does not answer: %(what)s.") % names
        case errors.WrongPassword():
            return _("%(cluster)s does not accept this site's user name and password.") % names
        case errors.NotAllowed():
            return _("%(cluster)s lets this site look, but not change anything.") % names
        case errors.Busy():
            return _("%(cluster)s takes no jobs now: %(what)s") % names
        case errors.BrokenAnswer():
            return _("%(cluster)s gave an answer that cannot be read: %(what)s.") % names
        case errors.RapiError():
            return _("%(cluster)s says: %(what)s") % names


def of_head(head: Head, cluster: str) -> str:
    """The sentence for a cluster that is not well, from what the collector noted; empty for one that is."""
    names = {"cluster": cluster, "what": head.error}
    match head.state:
        case "unreachable":
            return _("%(cluster)s does not answer: %(what)s.") % names
        case "denied":
            return _("%(cluster)s does not let this site in: %(what)s.") % names
        case "broken":
            return _("%(cluster)s gives answers that cannot be read: %(what)s.") % names
        case _:
            return ""
