"""Says in words what is right and wrong with the way to a cluster: for `cluster check` and the admin's button."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.fields import Unreadable
from apps.clusters import problems
from apps.clusters.models import Cluster
from ganeti.client import Client
from ganeti.errors import RapiError, Unreachable, WrongCertificate
from ganeti.transport import fetch_fingerprint


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a cluster; `fine` or not."""

    fine: bool
    sentence: str


def examine(cluster: Cluster) -> list[Finding]:
    """What is right and wrong, in the order in which one would mend it. Makes a handful of requests."""
    return list(_examine(cluster))


def _examine(cluster: Cluster) -> Iterator[Finding]:
    if isinstance(cluster.password, Unreadable):
        yield Finding(False, _("The stored password cannot be read with the present keys: enter it again."))
    yield from _certificate(cluster)
    client = Client(cluster.endpoint())
    try:
        info = client.info()
    except RapiError as error:
        yield Finding(False, problems.sentence(error, cluster.slug))
        yield from _hints(cluster, error)
        return
    yield Finding(
        True, _("%(name)s answers: Ganeti %(version)s.") % {"name": info.name, "version": info.software_version}
    )
    yield from _rights(client, cluster)


def _certificate(cluster: Cluster) -> Iterator[Finding]:
    if cluster.verification == Cluster.Verification.NONE:
        yield Finding(False, _("The certificate is not verified: anyone on the way can read the password."))


def _hints(cluster: Cluster, error: RapiError) -> Iterator[Finding]:
    """What the server presents, where that is the question."""
    if not isinstance(error, WrongCertificate):
        return
    try:
        seen = fetch_fingerprint(cluster.hostname, cluster.port, timeout=cluster.endpoint().connect_timeout)
    except Unreachable:
        return
    yield Finding(
        False,
        _("It presents a certificate with this SHA-256 fingerprint; pin it if it is the right one: %(fingerprint)s")
        % {"fingerprint": seen},
    )


def _rights(client: Client, cluster: Cluster) -> Iterator[Finding]:
    try:
        count = len(client.instances())
        yield Finding(
            True, ngettext("It has %(count)s instance.", "It has %(count)s instances.", count) % {"count": count}
        )
        if client.may_change():
            yield Finding(True, _("The user may make changes."))
        else:
            yield Finding(
                False, _("The user may only look: give it the option “write” in the cluster's rapi/users file.")
            )
    except RapiError as error:
        yield Finding(False, problems.sentence(error, cluster.slug))
