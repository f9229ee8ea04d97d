"""The web address of a CD image is looked at before it is handed to Ganeti; see ganeti/probe.py for what that is."""

import ipaddress
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.looks import Text
from accounts.throttling import times_this_hour
from ganeti import probe
from ganeti.probe import Finding

SECONDS = 5.0  # that somebody waits for it

CLOSED = _("Nothing can be fetched from there. Give an address that everybody on the internet can reach.")
MISSING = _("There is no image at this address.")
TOO_OFTEN = _("You have tried many addresses lately. Try again in an hour.")
SILENT = _(
    "The image's address could not be reached from here. If it cannot be from the cluster, the VM will not start."
)


def look_for(address: str, user: Any) -> tuple[Text, Text]:
    """(why the address cannot be taken, what to be warned of), each empty where there is nothing to say.

    Waits for the server that the address names, for a while: never call it within a transaction.
    """
    allowed = [ipaddress.ip_network(network) for network in settings.CDROM_ALLOWED_NETWORKS]
    if not settings.CDROM_CHECK:
        return _without_asking(address, allowed), ""
    if settings.CDROM_CHECKS_PER_HOUR and times_this_hour("cdrom", str(user.pk)) > settings.CDROM_CHECKS_PER_HOUR:
        return TOO_OFTEN, ""
    found = probe.look_for(address, allowed=allowed, within=SECONDS)
    return {Finding.CLOSED: CLOSED, Finding.MISSING: MISSING}.get(found, ""), SILENT if found is Finding.SILENT else ""


def _without_asking(address: str, allowed: list[probe.Network]) -> Text:
    """What can be said without asking anybody, the DNS included: networks named by number are still judged."""
    place = probe.place_of(address)
    host = place.address if place else None
    return CLOSED if place is None or (host and not probe.may_be_asked(host, allowed)) else ""
