"""Takes over a ganetimgr 2.x: all kinds of things in their order, each in a transaction of its own.

What is here stays as it is: a second run adds what is new there. A dry run does all of it, and takes it back.
"""

import contextlib
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from apps.adopting import estate, past, people, source, texts, wishes
from apps.adopting.report import Report
from apps.adopting.source import Source
from apps.adopting.taking import Say, Taking
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry

STEPS = (*people.STEPS, *estate.STEPS, *wishes.STEPS, *past.STEPS, *texts.STEPS)

# Tables of 2.x whose rows are of no use here, and what to know about them
FORGOTTEN = {
    "django_session": "sessions: everybody signs in anew",
    "django_admin_log": "entries of the admin's own log",
}
# Tables that are read, or hold nothing that anybody would miss
READ = {
    "auth_user", "auth_group", "auth_permission", "auth_user_groups", "auth_user_user_permissions",
    "auth_group_permissions", "auth_message", "accounts_userprofile", "apply_organization", "apply_organization_users",
    "apply_instanceapplication", "apply_sshpublickey", "ganeti_cluster", "ganeti_network", "ganeti_network_groups",
    "ganeti_instanceaction", "auditlog_auditentry", "notifications_notificationarchive",
    "notifications_notificationarchive_recipients", "registration_registrationprofile",
    "registration_supervisedregistrationprofile", "django_flatpage", "django_flatpage_sites", "django_site",
    "django_content_type", "django_migrations", "south_migrationhistory", "oauth2_provider_application",
    "oauth2_provider_accesstoken", "oauth2_provider_refreshtoken", "oauth2_provider_grant", "oauth2_provider_idtoken",
    *FORGOTTEN,
}  # fmt: skip
NEEDED = ("auth_user", "ganeti_cluster")


class NotOurs(Exception):
    """The database is none of a ganetimgr 2.x; says so in a sentence."""


def adopt(found: Source, *, dry_run: bool = False, pin: bool = False, say: Say = lambda sentence: None) -> Report:
    """Brings everything that is not here yet; what came, what did not and why. Raises NotOurs."""
    missing = [table for table in NEEDED if not found.has(table)]
    if missing:
        raise NotOurs(f"{found.reader.name} is no database of a ganetimgr 2.x: it has no table {missing[0]}.")
    if "verification" in found.tables["ganeti_cluster"]:
        raise NotOurs(f"{found.reader.name} is a database of this ganetimgr, not of a 2.x.")
    report = Report(found.reader.name, dry_run)
    taking = Taking(found, report, say)
    if pin:
        say("Certificates of the clusters ...")
        taking.pins, silent = estate.certificates(found)
        if silent:
            report.note("Clusters that presented no certificate just now, and are not pinned.", silent)
    with transaction.atomic() if dry_run else contextlib.nullcontext():
        for step in STEPS:
            say(f"{_name(step)} ...")
            with transaction.atomic():
                step(taking)
        _tell_of_the_rest(found, report)
        if dry_run:
            transaction.set_rollback(True)
        else:
            done = AuditEntry.Outcome.SUCCEEDED
            audit.record(Actor(AnonymousUser()), events.ADOPTED, detail=report.in_short, outcome=done)
    return report


def _name(step: Any) -> str:
    return str(step.__name__).removeprefix("bring_").replace("_", " ").capitalize()


def _tell_of_the_rest(found: Source, report: Report) -> None:
    """What was odd in the old database, and what in it nobody here knows."""
    zone: ZoneInfo = found.zone
    for what in dict.fromkeys(what for what, _ in found.oddities):
        columns = {column: number for (odd, column), number in found.oddities.items() if odd == what}
        sentence = f"{what[0].upper()}{what[1:]}: {sum(columns.values())}."
        if what == source.NAIVE:
            sentence = f"Times there say no zone: they were read as those of {zone.key}; --time-zone names another one."
            report.note(sentence)
        else:
            report.note(sentence, [f"{column}: {number}" for column, number in columns.items()])
    for table, what in FORGOTTEN.items():
        number = found.count(table)
        if number:
            report.note(f"Not brought: {number} {what}.")
    strange = {table: found.count(table) for table in sorted(set(found.tables) - READ)}
    strange = {table: number for table, number in strange.items() if number}
    if strange:
        report.note(
            "Tables that are not known here, and stay there.",
            [f"{table}: {number} rows" for table, number in strange.items()],
        )
