"""What administrators hold an instance with: the lock, the isolation, and the network that is let in all the same.

Each is a tag on the instance; what enforces the isolation is on the nodes.
"""

import ipaddress
import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.audit import events
from apps.audit.models import Actor
from apps.clusters import actions, locks, moving, permissions
from apps.clusters.actions import Step
from apps.clusters.fleet import Vm
from apps.clusters.models import Job
from ganeti import tags as tag_grammar

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SHAPE = re.compile(r"[0-9A-Fa-f:.]+(/[0-9.]+)?")


class Unchanged(Exception):
    """It is so already; `str()` is the sentence that says it."""


# ---- verbs ------------------------------------------------------------------------------------------------


def lock(vm: Vm, by: Actor, *, on: bool) -> Job:
    """Keeps its owners from changing it, or lets them again. Raises Unchanged or actions.Refused."""
    if vm.tags.adminlock == on:
        raise Unchanged(_("It is locked already.") if on else _("It is not locked."))
    return _set(vm, "adminlock", by, on, "lock", events.LOCK if on else events.UNLOCK, [])


def isolate(vm: Vm, by: Actor, *, on: bool) -> Job:
    """Cuts it off the network, or ends that; then it moves, where it can. Raises Unchanged or actions.Refused."""
    if vm.tags.isolate == on:
        raise Unchanged(_("It is isolated already.") if on else _("It is not isolated."))
    event = events.ISOLATE if on else events.DE_ISOLATE
    return _set(vm, "isolate", by, on, "isolate", event, moving.then_move(vm))


def _set(vm: Vm, flag: str, by: Actor, on: bool, may: str, event: str, then: list[Step]) -> Job:
    change = actions.add_tags if on else actions.remove_tags
    return change(vm, [_tag(flag)], by, may=may, event=event, then=then, told="")


def let_in(vm: Vm, network: Network | None, by: Actor) -> Job:
    """Lets this network in and no other one; with None, nobody. Raises Unchanged or actions.Refused."""
    if not vm.tags.isolate:
        raise actions.Refused(_("It is not isolated: everybody can reach it."))
    new = _tag(f"whitelist_ip:{network.compressed}") if network else ""
    old = [tag for tag in vm.instance.tags if _network_of(tag)]
    gone, move = [tag for tag in old if tag != new], moving.then_move(vm)
    arrival = {"tags": [new], "told": _network_of(new)}
    if gone:
        then = [Step(Job.Kind.ADD_TAGS, arrival, events.WHITELIST_ADD)] if new and new not in old else []
        told = ", ".join(map(_network_of, gone))
        how: dict[str, Any] = {"event": events.WHITELIST_REMOVE, "then": [*then, *move], "told": told}
        return actions.remove_tags(vm, gone, by, may=_may_let_in(by.user, vm), **how)
    if not new or new in old:
        raise Unchanged(_("Nothing has changed: it was so already."))
    how = {"event": events.WHITELIST_ADD, "then": move, "told": arrival["told"]}
    return actions.add_tags(vm, [new], by, may=_may_let_in(by.user, vm), **how)


def _may_let_in(user: Any, vm: Vm) -> str:
    """As what `user` does this: the lock stops owners, and not who isolates."""
    return "isolate" if permissions.may_isolate(user, vm) else "operate"


def why_not_let_in(user: Any, vm: Vm) -> Any:
    """The sentence that says why `user` cannot choose the network now; empty when nothing stands in the way."""
    return locks.why_not(user, vm, Job.Kind.ADD_TAGS, may=_may_let_in(user, vm))


def _tag(rest: str) -> str:
    return f"{settings.GANETI_TAG_PREFIX}:{rest}"


def _network_of(tag: str) -> str:
    """The network that a tag lets in; empty for other tags."""
    kind, value = tag_grammar.split(tag, settings.GANETI_TAG_PREFIX)
    return value if kind == "whitelist_ip" else ""


# ---- networks -----------------------------------------------------------------------------------------------


def network(text: str) -> Network:
    """The network that somebody wrote, or ValidationError with a sentence."""
    text = text.strip()
    try:
        if not _SHAPE.fullmatch(text):
            raise ValueError(text)
        found = ipaddress.ip_network(text, strict=False)
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        raise ValidationError(
            _("This is neither an address nor a network. Write it like 192.0.2.0/28 or 2001:db8:1::/64.")
        ) from None
    if address != found.network_address:
        raise ValidationError(
            _("An address with a prefix can mean two things: write %(network)s for the network, or %(address)s alone.")
            % {"network": found.compressed, "address": address.compressed}
        )
    _check(found)
    return found


def _check(found: Network) -> None:
    first = found.network_address
    widest = settings.WHITELIST_IP_MAX_SUBNET_V4 if found.version == 4 else settings.WHITELIST_IP_MAX_SUBNET_V6
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped:
        raise ValidationError(_("Write this as an IPv4 network."))
    if first.is_unspecified or first.is_multicast or first.is_loopback or (found.version == 4 and first.is_reserved):
        raise ValidationError(_("Nobody has an address in this network."))
    if found.prefixlen < widest:
        raise ValidationError(
            _("This network is too wide: at most a /%(n)s may be let in, that is %(n)s or a higher number.")
            % {"n": widest}
        )
