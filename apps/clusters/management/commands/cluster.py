"""`manage.py cluster add|list|check|remove`: the clusters of this site, from a terminal."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import inventories, leases
from apps.clusters.checkup import examine
from apps.clusters.models import Cluster, WatcherProcess
from ganeti.inventory import StoreDown


class Command(BaseCommand):
    help = "Adds, lists, checks and removes the Ganeti clusters of this site."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, parser_class=argparse.ArgumentParser)
        add = verbs.add_parser("add", help="make a cluster known")
        add.add_argument("slug", help="its name in addresses")
        add.add_argument("--host", required=True)
        add.add_argument("--port", type=int, default=5080)
        add.add_argument("--username", required=True)
        add.add_argument(
            "--password-file", required=True, help="a file whose first line is the password; - for standard input"
        )
        proof = add.add_mutually_exclusive_group()
        proof.add_argument("--ca-file", default="", help="the certificate authority that vouches for it")
        proof.add_argument("--fingerprint", default="", help="SHA-256 of its certificate")
        proof.add_argument("--insecure", action="store_true", help="do not verify it at all")
        add.add_argument("--description", default="", help="what owners read")
        verbs.add_parser("list", help="the clusters of this site")
        check = verbs.add_parser("check", help="say in words what is wrong")
        check.add_argument("slug", nargs="*", help="all of them without one")
        remove = verbs.add_parser("remove", help="forget a cluster, its networks and the jobs recorded for it")
        remove.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"do_{options['verb']}")(**options)

    def do_add(self, **options: Any) -> None:
        by = Cluster.Verification
        cluster = Cluster(
            slug=options["slug"],
            hostname=options["host"],
            port=options["port"],
            username=options["username"],
            password=_first_line(options["password_file"]),
            ca_file=options["ca_file"],
            fingerprint=options["fingerprint"],
            description=options["description"],
            verification=by.CA
            if options["ca_file"]
            else by.FINGERPRINT
            if options["fingerprint"]
            else by.NONE
            if options["insecure"]
            else by.SYSTEM,
        )
        try:
            cluster.full_clean()
        except ValidationError as error:
            raise CommandError(
                " ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
            ) from error
        with transaction.atomic():
            cluster.save()
            _write_down(events.CLUSTER_ADDED, cluster.slug, cluster.hostname)
        self.stdout.write(f"{cluster.slug} is added.")
        self._say(cluster)

    def do_list(self, **options: Any) -> None:
        heads, store_is_away = inventories.known()
        now = time.time()
        for cluster in Cluster.objects.all():
            head = heads.get(cluster.slug)
            state = "disabled" if cluster.disabled else head.state if head else "never seen"
            count = head.instance_count if head else "-"
            age = _ago(now - head.collected_at) if head and head.collected_at else "-"
            self.stdout.write(
                f"{cluster.slug:<20} {cluster.hostname}:{cluster.port:<6} {state:<12} {age:>12} {count:>6}"
                f"  {cluster.description}"
            )
        if store_is_away:
            self.stdout.write("The snapshot store does not answer.")
        for watcher in WatcherProcess.objects.order_by("name"):
            self.stdout.write(f"Watcher {watcher.name}: seen {_ago(now - watcher.seen.timestamp())}.")
        if not leases.somebody_watches():
            self.stdout.write("No watcher was seen lately: start one with watcher.py.")

    def do_check(self, **options: Any) -> None:
        wanted = options["slug"]
        clusters = list(Cluster.objects.filter(slug__in=wanted) if wanted else Cluster.objects.all())
        for slug in set(wanted) - {cluster.slug for cluster in clusters}:
            raise CommandError(f"There is no cluster {slug}.")
        fine = [self._say(cluster) for cluster in clusters]
        if not all(fine):
            sys.exit(1)

    def do_remove(self, **options: Any) -> None:
        slug = options["slug"]
        with transaction.atomic():
            deleted, _ = Cluster.objects.filter(slug=slug).delete()
            if not deleted:
                raise CommandError(f"There is no cluster {slug}.")
            _write_down(events.CLUSTER_REMOVED, slug)
        try:
            inventories.store().forget(slug)
        except StoreDown as error:
            self.stderr.write(f"Its snapshot stays in the store, which does not answer: {error}")
        self.stdout.write(f"{slug} is forgotten. Its instances go on; the audit log keeps what was done.")

    def _say(self, cluster: Cluster) -> bool:
        """Prints what an examination found; true when all is fine."""
        findings = examine(cluster)
        for finding in findings:
            mark, style = ("ok", self.style.SUCCESS) if finding.fine else ("!!", self.style.ERROR)
            self.stdout.write(f"  {style(mark)} {cluster.slug}: {finding.sentence}")
        return all(finding.fine for finding in findings)


def _write_down(event: str, slug: str, detail: str = "") -> None:
    """In the audit log: nobody is signed in here, so that it names no person."""
    done = AuditEntry.Outcome.SUCCEEDED
    audit.record(Actor(AnonymousUser()), event, cluster=slug, detail=detail, outcome=done)


def _ago(seconds: float) -> str:
    """An age that is short enough for a column."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def _first_line(path: str) -> str:
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    line = text.partition("\n")[0].rstrip("\r")
    if not line:
        raise CommandError(f"{path} holds no password.")
    return line
