"""A web process that is asked by function call, for figures "on the server": gevent, WSGI and all, but no network.

Run as `python -m contrib.bench.web` with the site's environment.
"""

from ganetimgr.wsgi import application  # noqa: I001  (first: it patches for gevent and sets Django up)

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.util import setup_testing_defaults

import msgspec
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.test import Client as Browser
from gevent.pool import Pool

from apps.audit.models import Actor
from apps.clusters import actions, fleet, inventories
from apps.clusters.models import Cluster, Job
from apps.clusters.watcher import TICK_SECONDS
from contrib.bench.helper import serve
from ganeti import transport

Samples = dict[str, Any]
FOR_CLICKERS = 16  # running instances of each cluster that other measurements shut down


class Person:
    """Somebody who is signed in; `get` answers with what a page costs."""

    def __init__(self, name: str) -> None:
        browser = Browser()
        browser.force_login(User.objects.get(username=name))
        self.cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())

    def get(self, path: str, etag: str = "") -> tuple[int, str, bytes]:
        """Status, ETag and body."""
        address, _, query = path.partition("?")
        environ: dict[str, Any] = {"PATH_INFO": address, "QUERY_STRING": query, "HTTP_COOKIE": self.cookies}
        setup_testing_defaults(environ)
        if etag:
            environ["HTTP_IF_NONE_MATCH"] = etag
        told: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            told.update(status=int(status.split()[0]), headers=dict(headers))

        answer = application(environ, start_response)
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        return told["status"], told["headers"].get("ETag", ""), body


class Counters:
    """What was asked of database, store and Ganeti so far."""

    def __init__(self) -> None:
        self.queries = 0
        self.rapi_requests = 0
        ask = transport.Transport.request

        def counted(*values: Any, **named: Any) -> Any:
            self.rapi_requests += 1
            return ask(*values, **named)

        transport.Transport.request = counted  # type: ignore[method-assign]

    @contextmanager
    def counting(self) -> Iterator[dict[str, int]]:
        """Fills the dictionary that it gives with what happened meanwhile."""
        found: dict[str, int] = {}
        before = (self.queries, inventories.store().reads, self.rapi_requests)
        with connection.execute_wrapper(self._query):
            yield found
        after = (self.queries, inventories.store().reads, self.rapi_requests)
        names = ("queries", "store_reads", "rapi_requests")
        found.update({name: now - then for name, now, then in zip(names, after, before, strict=True)})

    def _query(self, execute: Any, sql: str, *values: Any) -> Any:
        if not sql.startswith(("PRAGMA", "BEGIN", "COMMIT")):
            self.queries += 1
        return execute(sql, *values)


class Web:
    def __init__(self) -> None:
        self.counters = Counters()
        self.people: dict[str, Person] = {}

    def people_and_clusters(self, names: list[str], endpoints: list[dict[str, Any]]) -> None:
        """Makes both known to the site."""
        for name in names:
            User.objects.create_user(name, password=name)
        for endpoint in endpoints:
            fields = {**endpoint, "hostname": endpoint["host"], "description": endpoint["slug"].upper()}
            del fields["host"]
            Cluster.objects.create(verification=Cluster.Verification.FINGERPRINT, **fields)

    def collected(self) -> int:
        """How many clusters have a snapshot."""
        return sum(head.has_snapshot for head in inventories.known().heads.values())

    def collect(self, slugs: list[str]) -> list[str]:
        """Looks at these clusters now; their states afterwards."""
        inventories.collect_now([row.endpoint() for row in Cluster.objects.filter(slug__in=slugs)])
        heads = inventories.known().heads
        return [heads[slug].state for slug in slugs]

    def collect_everything(self) -> dict[str, float]:
        """Seconds, and seconds of the processor, of one full collection."""
        endpoints = [row.endpoint() for row in Cluster.objects.enabled()]
        began, worked = time.perf_counter(), time.process_time()
        inventories.collect_now(endpoints, everything=True)
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked}

    def names_of(self, owner: str, slug: str) -> list[str]:
        owned = fleet.names_owned_by(User.objects.get(username=owner)) or {}
        return owned.get(slug, [])

    def pages(self, wanted: list[tuple[str, str, str]], rounds: int) -> dict[str, Samples]:
        """Each page (what, person, path) as often as there are rounds, by turns, after a first time of its own."""
        first = {what: self._visit(person, path)["seconds"] for what, person, path in wanted}
        found: dict[str, list[Samples]] = {what: [] for what, _, _ in wanted}
        for _ in range(rounds):
            for what, person, path in wanted:
                found[what].append(self._visit(person, path, again=what.endswith("304")))
        return {what: {**_together(samples), "first": first[what]} for what, samples in found.items()}

    def changed_pages(self, person: str, path: str, slugs: list[str]) -> Samples:
        """The same page after each of these clusters has changed in turn: a snapshot to decode, an index to renew."""
        self._visit(person, path)
        samples = []
        for slug in slugs:
            _pretend_a_change(slug)
            samples.append(self._visit(person, path))
        return _together(samples)

    def _visit(self, person: str, path: str, again: bool = False) -> Samples:
        who = self.people[person] = self.people.get(person) or Person(person)
        etag = who.get(path)[1] if again else ""
        with self.counters.counting() as counted:
            began, worked = time.perf_counter(), time.process_time()
            status, _, body = who.get(path, etag)
            taken, work = time.perf_counter() - began, time.process_time() - worked
        if status != (304 if again else 200):
            raise RuntimeError(f"{person} got {status} from {path}")
        return {"seconds": taken, "cpu": work, "bytes": len(body), **counted}

    def submit(self, count: int, at_once: int) -> int:
        """Asks for that many shutdowns, spread over all clusters, as the superuser; how many jobs Ganeti has taken."""
        boss = User.objects.get(username="dora")
        clusters = [inventories.store().snapshot(slug) for slug in sorted(inventories.known().heads)]
        rows = [
            (snapshot.cluster, [one.name for one in snapshot.instances if one.status == "running"][FOR_CLICKERS:])
            for snapshot in clusters
            if snapshot
        ]
        chosen = [(slug, names[turn]) for turn in range(count) for slug, names in rows if turn < len(names)][:count]
        pool = Pool(at_once)
        return sum(pool.imap_unordered(lambda target: self._shut_down(target[0], target[1], boss), chosen))

    def _shut_down(self, slug: str, name: str, by: User) -> bool:
        try:
            vm = fleet.find(slug, name)
            return vm is not None and actions.request(vm, Job.Kind.SHUTDOWN, Actor(by)).job_id is not None
        finally:
            connection.close()

    def unfinished(self) -> int:
        close_old_connections()
        return Job.objects.unfinished().count()

    def rows(self) -> list[tuple[str, int, str, float]]:
        """Of each job that has ended: cluster, number, state, and when we wrote that down."""
        jobs = Job.objects.filter(ended__isnull=False, job_id__isnull=False).select_related("cluster")
        return [(job.cluster.slug, job.job_id or 0, job.state, job.ended.timestamp()) for job in jobs if job.ended]

    def tick_seconds(self) -> float:
        return TICK_SECONDS


def _pretend_a_change(slug: str) -> None:
    """A new generation of a cluster's snapshot, from another process as far as this one can tell."""
    store = inventories.store()
    head, snapshot = store.head(slug), store.snapshot(slug)
    if head is None or snapshot is None:
        raise RuntimeError(f"there is no snapshot of {slug}")
    first, *others = snapshot.instances
    first = msgspec.structs.replace(first, mtime=(first.mtime or 0) + 1)
    store.put_snapshot(msgspec.structs.replace(snapshot, instances=(first, *others)), head)
    store._snapshots.pop(slug)  # type: ignore[attr-defined]


def _together(samples: list[Samples]) -> Samples:
    """Lists of what differs, the worst of what should not."""
    worst = {name: max(sample[name] for sample in samples) for name in samples[0] if name not in ("seconds", "cpu")}
    return {**{name: [sample[name] for sample in samples] for name in ("seconds", "cpu")}, **worst}


if __name__ == "__main__":
    web = Web()
    serve({name: getattr(web, name) for name in dir(web) if not name.startswith("_") and callable(getattr(web, name))})
