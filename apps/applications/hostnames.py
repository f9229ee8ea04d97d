"""Which host names may be asked for."""

import re

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.applications.models import InstanceApplication
from apps.clusters import fleet, names
from apps.clusters.names import Where
from ganeti import tags
from ganeti.objects import Instance

MAX_LENGTH = 253  # RFC 1035, section 2.3.4, less what the wire needs
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)


def tidied(name: str) -> str:
    """`name` as it is stored: lower case, without spaces around it and a full stop at its end."""
    return name.strip().lower().removesuffix(".")


def problem_with(name: str) -> str | Promise:
    """The sentence that says why no VM can be called so (RFC 1123, section 2.1); empty for a good, tidied name."""
    if not name:
        return _("A host name is needed, such as web.example.org.")
    if len(name) > MAX_LENGTH:
        return _("A host name has at most %(number)s characters.") % {"number": MAX_LENGTH}
    labels = name.split(".")
    if len(labels) < 2:
        return _("The whole name is needed, with its domain, such as web.example.org.")
    if not all(labels):
        return _("Between two full stops there is always something.")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return _(
            "Letters a to z, digits and hyphens only; no part begins or ends with a hyphen or exceeds 63 characters."
        )
    if labels[-1].isdigit():
        return _("This looks like an address. A name ends in letters, such as web.example.org.")
    return ""


def why_not(name: str, *, renaming: Where) -> str | Promise:
    """The sentence that says why that VM cannot be called so; empty for a good, free name."""
    return problem_with(name) or taken(name, renaming=renaming)


def taken(name: str, *, but: int | None = None, renaming: Where | None = None) -> str | Promise:
    """The sentence that says that `name` is in use on any cluster or asked for; empty when it is free as far as known.

    `but` is the application that asks: what Ganeti left behind of its own failed creation is not in its way.
    `renaming` is the VM that is to get the name: what was asked for it earlier is not in its way.
    Where a cluster's instances are not known yet, Ganeti itself has the last word.
    """
    asked_for = InstanceApplication.objects.pending().filter(holds=name).values_list("pk", flat=True).first()
    if asked_for is not None and asked_for != but:
        return _("There is an application for a VM of this name already.")
    if any(application_of(instance) != but or but is None for instance in fleet.named(name)):
        return _("There is a VM of this name already.")
    if names.is_promised(name, but=renaming):
        return _("Another VM is about to get this name.")
    return ""


def application_of(instance: Instance) -> int | None:
    """The application that an instance was made for, by its tag."""
    return tags.parse(instance.tags, settings.GANETI_TAG_PREFIX).application
