"""`manage.py refresh_cluster_instances`: looks at clusters now, without waiting for a watcher. The name is older."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from apps.clusters import inventories, problems
from apps.clusters.models import Cluster
from ganeti.endpoint import Endpoint
from ganeti.inventory import Collector, Head, StoreDown

AT_ONCE = 20


class Command(BaseCommand):
    help = "Looks at clusters now and prints a line for each; ends with 1 if one of them does not answer well."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", nargs="*", help="short names or host names; all clusters without one")
        parser.add_argument(
            "--everything", action="store_true", help="nodes, groups and networks too, although they came a moment ago"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        clusters = self._wanted(options["cluster"])
        looked = _look([cluster.endpoint() for cluster in clusters], everything=options["everything"])
        fine = [self._say(cluster, found) for cluster, found in zip(clusters, looked, strict=True)]
        if not all(fine):
            raise SystemExit(1)

    def _wanted(self, words: list[str]) -> list[Cluster]:
        """The clusters with these names. ganetimgr 2.x also took seconds to pause between two: nobody waits now."""
        names = [word for word in words if not word.isdigit()]
        for number in set(words) - set(names):
            self.stderr.write(f"{number}: no pause is needed, clusters are asked side by side.")
        if not names:
            return list(Cluster.objects.enabled())
        found = list(Cluster.objects.filter(Q(slug__in=names) | Q(hostname__in=names)))
        for name in names:
            if not any(name in (cluster.slug, cluster.hostname) for cluster in found):
                raise CommandError(f"There is no cluster {name}.")
        for cluster in found:
            if cluster.disabled:
                self.stderr.write(f"{cluster.slug} is disabled and left out.")
        return [cluster for cluster in found if not cluster.disabled]

    def _say(self, cluster: Cluster, found: Head | StoreDown) -> bool:
        if isinstance(found, StoreDown):
            sentence, fine = f"Nothing can be kept: {found}.", False
        elif found.is_failing:
            sentence, fine = problems.of_head(found, cluster.slug), False
        else:
            slow = f", but nodes and networks are old: {found.slow_error}" if found.slow_error else ""
            counts = f"{found.instance_count} instances, {found.node_count} nodes"
            sentence, fine = f"{counts}, Ganeti {found.version}, in {found.took:.1f} s{slow}.", True
        mark, style = ("ok", self.style.SUCCESS) if fine else ("!!", self.style.ERROR)
        self.stdout.write(f"  {style(mark)} {cluster.slug}: {sentence}")
        return fine


def _look(endpoints: list[Endpoint], *, everything: bool) -> list[Head | StoreDown]:
    """What each cluster's head is after a look; in threads, for commands are not patched for green ones."""
    collector = inventories.collector()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda endpoint: _collect(collector, endpoint, everything), endpoints))


def _collect(collector: Collector, endpoint: Endpoint, everything: bool) -> Head | StoreDown:
    try:
        return collector.collect(endpoint, now=time.time(), everything=everything)
    except StoreDown as error:
        return error
