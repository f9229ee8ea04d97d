"""Clusters, hand-kept networks, and what waits for a mailed link."""

import datetime
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import slugify

from apps.adopting.report import Kind
from apps.adopting.source import Row, Source
from apps.adopting.taking import Taking, in_bulk, misfit
from apps.clusters.confirmations import hashed
from apps.clusters.models import RESERVED_SLUGS, Cluster, InstanceAction, Network
from ganeti.errors import Unreachable
from ganeti.transport import fetch_fingerprint

PORT = 5080  # the one that 2.x spoke to, whatever was stored
PIN_SECONDS = 8.0
_SLUG = re.compile(r"[-\w]{1,50}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{40}")
MAIL_CHANGE = 4


# ---- clusters --------------------------------------------------------------------------------------------------


def slugs_of(source: Source) -> dict[int, tuple[str, str]]:
    """Number of a cluster -> its short name there and here. The same in each run: it hangs on the old rows alone."""
    taken: set[str] = set()
    found: dict[int, tuple[str, str]] = {}
    rows = list(source.rows("ganeti_cluster"))
    for row in sorted(rows, key=lambda row: _wanted(row) != row.text("slug")):  # good names keep themselves
        wanted = _wanted(row)
        slug, number = wanted, 2
        while slug in taken or slug in RESERVED_SLUGS:
            slug, number = f"{wanted[:45]}-{number}", number + 1
        taken.add(slug)
        found[row.id] = (row.text("slug"), slug)
    return found


def _wanted(row: Row) -> str:
    slug = row.text("slug")
    if _SLUG.fullmatch(slug):
        return slug
    return slugify(slug)[:50] or slugify(row.text("hostname").partition(".")[0])[:50] or "cluster"


def certificates(source: Source) -> tuple[dict[str, str], list[str]]:
    """Short name -> fingerprint of the certificate that the cluster presents now; and who presents none."""
    slugs = slugs_of(source)
    hosts = {slugs[row.id][1]: row.text("hostname") for row in source.rows("ganeti_cluster")}

    def seen(host: str) -> str:
        try:
            return fetch_fingerprint(host, PORT, timeout=PIN_SECONDS)
        except (Unreachable, ValueError):
            return ""

    with ThreadPoolExecutor(16) as many:
        found = dict(zip(hosts, many.map(seen, hosts.values()), strict=True))
    pins = {slug: pin for slug, pin in found.items() if pin}
    return pins, [slug for slug in found if slug not in pins]


def bring_clusters(taking: Taking) -> None:
    kind = taking.report.kind("clusters")
    slugs = slugs_of(taking.source)
    known = {cluster.slug: cluster for cluster in Cluster.objects.all()}
    fresh: list[Cluster] = []
    ports, elsewhere = [], []
    for row in taking.source.rows("ganeti_cluster"):
        kind.found += 1
        old_slug, slug = slugs[row.id]
        cluster = known.get(slug)
        if cluster is not None:
            kind.there += 1
            if cluster.hostname != row.text("hostname").strip():
                elsewhere.append(slug)
        else:
            cluster = _cluster(row, slug, taking.pins.get(slug, ""))
            why = _why_not(cluster)
            if why:
                kind.leave(old_slug or slug, why)
                continue
            cluster.save()
            fresh.append(cluster)
            kind.brought += 1
            if row.number("port") not in (None, PORT):
                ports.append(f"{slug}: {row.number('port')}")
        taking.clusters[row.id] = cluster
        if old_slug == slug:
            taking.slugs[old_slug] = slug
        else:
            taking.slugs.setdefault(old_slug, slug)
    _warn(taking, slugs, fresh, ports, elsewhere)


def _cluster(row: Row, slug: str, pin: str) -> Cluster:
    by = Cluster.Verification
    return Cluster(
        slug=slug,
        hostname=row.text("hostname").strip(),
        port=PORT,
        description=row.text("description"),
        username=row.text("username"),
        password=row.text("password"),
        verification=by.FINGERPRINT if pin else by.SYSTEM,
        fingerprint=pin,
        fast_create=row.flag("fast_create"),
        use_gnt_network=row.flag("use_gnt_network", True),
        disable_instance_creation=row.flag("disable_instance_creation"),
        disabled=row.flag("disabled"),
    )


def _why_not(cluster: Cluster) -> str:
    try:
        cluster.full_clean(validate_unique=False)
    except ValidationError as error:
        return " ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
    return ""


def _warn(
    taking: Taking, slugs: dict[int, tuple[str, str]], fresh: list[Cluster], ports: list[str], elsewhere: list[str]
) -> None:
    report = taking.report
    changed = [(old, new) for old, new in slugs.values() if old != new]
    olds = [old for old, _ in slugs.values()]
    twice = sorted({old for old in olds if olds.count(old) > 1})
    if changed:
        report.note(
            "Clusters with another short name here, for theirs was there twice, is a word of our addresses or can be"
            " in none; their VMs' addresses have changed.",
            [f"{old or '(empty)'} → {new}" for old, new in changed],
        )
    if twice:
        report.note(
            "Short names that were there twice: what the history and applications tell of them is with the first"
            " cluster.",
            twice,
        )
    if ports:
        report.note(f"Ports that were stored and never used: ganetimgr 2.x spoke to {PORT}, and so do we.", ports)
    if elsewhere:
        report.note("Clusters that are here already with another host name: they stay as they are.", elsewhere)
    pinned = [f"{cluster.slug}: {cluster.fingerprint}" for cluster in fresh if cluster.fingerprint]
    if pinned:
        report.note("Certificates as the clusters presented them just now, and pinned: compare them there.", pinned)
    unproven = [cluster.slug for cluster in fresh if not cluster.fingerprint]
    if unproven:
        report.note(
            "Clusters whose certificates are verified by the system's authorities from now on; 2.x verified nothing."
            " Ganeti's own certificate is not known to those: “manage.py cluster check” prints the fingerprint to pin.",
            unproven,
        )


# ---- networks ----------------------------------------------------------------------------------------------------


def bring_networks(taking: Taking) -> None:
    kind = taking.report.kind("networks")
    known = {_key(network): network.pk for network in Network.objects.select_related("cluster")}
    defaults = set(Network.objects.filter(cluster_default=True).values_list("cluster_id", flat=True))
    numbers: dict[int, int] = {}
    fresh_rows: set[int] = set()
    second: list[str] = []
    for row in taking.source.rows("ganeti_network"):
        kind.found += 1
        cluster = taking.clusters.get(row.number("cluster_id") or 0)
        if cluster is None:
            kind.leave(row.text("description"), "Its cluster did not come.")
            continue
        network = _network(row, cluster)
        why = _why_no_network(network)
        if why:
            kind.leave(f"{cluster.slug}: {network.description}", why)
            continue
        key = _key(network)
        if key in known:
            kind.there += 1
        else:
            if network.cluster_default and cluster.pk in defaults:
                network.cluster_default = False
                second.append(f"{cluster.slug}: {network.description}")
            if network.cluster_default:
                defaults.add(cluster.pk)
            network.save()
            known[key] = network.pk
            fresh_rows.add(row.id)
            kind.brought += 1
        numbers[row.id] = known[key]
        taking.networks.setdefault((cluster.slug, network.link, network.mode), known[key])
    if second:
        taking.report.note("Networks that are no default here: their cluster had several, the first one stays.", second)
    _bring_groups(taking, numbers, fresh_rows)


def _network(row: Row, cluster: Cluster) -> Network:
    return Network(
        description=row.text("description") or row.text("link"),
        cluster=cluster,
        link=row.text("link").strip(),
        mode=row.text("mode").strip().lower(),
        cluster_default=row.flag("cluster_default"),
        ipv6_prefix=row.text("ipv6_prefix"),
    )


def _why_no_network(network: Network) -> str:
    if network.mode not in Network.Mode.values:
        return "Its mode is neither bridged nor routed."
    return misfit(network) if network.link else "It has no link."


def _key(network: Network) -> tuple[str, str, str, str]:
    return network.cluster.slug, network.description, network.link, network.mode


def _bring_groups(taking: Taking, numbers: dict[int, int], fresh_rows: set[int]) -> None:
    kind = taking.report.kind("groups of networks")
    through = Network.groups.through
    known = set(through.objects.values_list("network_id", "group_id"))
    fresh: set[tuple[int, int]] = set()
    for row in taking.source.rows("ganeti_network_groups"):
        kind.found += 1
        number = row.number("network_id") or 0
        network, group = numbers.get(number), taking.groups.get(row.number("group_id") or 0)
        if network is None or group is None:
            kind.leave(f"number {row.id}", "Its network or its group did not come.")
        elif (network, group) in known or (network, group) in fresh:
            kind.there += 1
        elif number not in fresh_rows:
            kind.leave(f"number {row.id}", "The network was here before, and not for this group.")
        else:
            fresh.add((network, group))
    in_bulk(through, (through(network_id=network, group_id=group) for network, group in sorted(fresh)))
    kind.brought += len(fresh)


# ---- confirmations -----------------------------------------------------------------------------------------------


def bring_confirmations(taking: Taking) -> None:
    """Only those whose mailed link still works: it goes on working here. Of keys we keep the hash."""
    kind = taking.report.kind("confirmations")
    valid = datetime.timedelta(days=settings.INSTANCE_ACTION_ACTIVE_DAYS)
    now = timezone.now()
    known = set(InstanceAction.objects.values_list("key_hash", flat=True))
    wishes = InstanceAction.objects.values_list("user_id", "cluster_id", "instance", "kind")
    wished: set[tuple[Any, ...]] = set(wishes)
    fresh: dict[tuple[Any, ...], InstanceAction] = {}
    for row in taking.source.rows("ganeti_instanceaction"):
        kind.found += 1
        key, filed = row.text("activation_key").lower(), row.moment("filed")
        if not _KEY.fullmatch(key) or filed is None or filed + valid <= now:
            kind.unneeded += 1  # used, expired
            continue
        if hashed(key) in known:
            kind.there += 1
            continue
        action = _action(row, taking, kind)
        if action is None:
            continue
        action.key_hash, action.asked, action.expires = hashed(key), filed, filed + valid
        wish = (action.user_id, action.cluster_id, action.instance, action.kind)
        if wish in wished:
            kind.leave(action.instance, "The same was asked for here since.")
            continue
        if wish in fresh:
            kind.unneeded += 1  # replaced by a later one, as 2.x did itself
        fresh[wish] = action
    in_bulk(InstanceAction, fresh.values())
    kind.brought += len(fresh)


def _action(row: Row, taking: Taking, kind: Kind) -> InstanceAction | None:
    """What was asked for; None, with the reason told, where we cannot ask it."""
    person, cluster = taking.person(row.number("applicant_id")), taking.clusters.get(row.number("cluster_id") or 0)
    number, instance = row.number("action"), row.text("instance")
    told = instance or f"number {row.id}"
    if number == MAIL_CHANGE:
        kind.leave(person.name if person else told, "A new e-mail address proves itself here: it is asked for again.")
        return None
    if number not in InstanceAction.Kind.values:
        kind.leave(told, "What it was for is not known.")
        return None
    if person is None or cluster is None or not instance:
        kind.leave(told, "Its user, its cluster or its instance did not come.")
        return None
    details = {}
    if number == InstanceAction.Kind.REINSTALL:
        details = {"image": row.text("operating_system") or "none"}
    if number == InstanceAction.Kind.RENAME:
        details = {"new_name": row.text("action_value"), "old_name": instance}
    action = InstanceAction(kind=number, cluster=cluster, instance=instance, details=details, user_id=person.pk)
    why = misfit(action)
    if why:
        kind.leave(told, why)
        return None
    return action


STEPS: tuple[Any, ...] = (bring_clusters, bring_networks, bring_confirmations)
