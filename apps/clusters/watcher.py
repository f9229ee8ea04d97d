"""The watcher: keeps the inventory fresh, follows our jobs to their end, does chores. Any number of them may run.

Its memory is the database: killing it at any moment loses nothing and doubles nothing.
"""

import logging
import os
import secrets
import socket
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import gevent
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from gevent.event import Event
from gevent.pool import Pool

from apps.clusters import chores, following, inventories, leases
from apps.clusters.chores import Chore
from apps.clusters.models import Cluster, Job
from ganeti.client import Client
from ganeti.endpoint import Endpoint
from ganeti.errors import RapiError
from ganeti.inventory import Head, StoreDown, due, hurried

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5  # between two looks at unfinished jobs: ends are noticed within two of these
CLOSE_ENOUGH = 0.05  # a tick that comes so much too early counts
HURRY_SECONDS = 1.0  # between two looks at a cluster on which one job after another ends
IDLE_SECONDS = 1.0  # the sweep's pace while nothing is unfinished; news from the broker comes sooner
LONGEST_PAUSE = 8.0  # between two questions to a silent cluster about its jobs
STOP_SECONDS = 10.0
CHORE_PAUSE = 600.0  # a chore that failed is tried again after so many seconds, or sooner where it is due sooner


def new_name() -> str:
    """This process, unmistakable among all watchers of the site."""
    return f"{socket.gethostname()[:80]}-{os.getpid()}-{secrets.token_hex(3)}"


class Watcher:
    """One watcher process. `at_the_end` maps a job's kind to what happens in the transaction that ends it."""

    def __init__(
        self, at_the_end: Mapping[str, following.Ending], *, chores: Sequence[Chore] = (), workers: int = 50
    ) -> None:
        self.name = new_name()
        self.at_the_end = at_the_end
        self.pool = Pool(workers)
        self.chores = chores
        self.chore_pool = Pool()  # their own: a slow one never keeps a worker from clusters and jobs
        self.collector = inventories.collector()
        self.clusters: dict[int, Cluster] = {}
        self.following: set[int] = set()
        self.collecting: set[int] = set()
        self.followed_at: dict[int, float] = {}
        self.follow_failures: dict[int, int] = {}  # in a row, of clusters that do not answer about their jobs
        self.hurried_at: dict[int, float] = {}
        self.due_chores: set[str] = set()  # of ours, by what their rows say
        self.doing: set[str] = set()
        self.chore_at: dict[str, float] = {}
        self.hurry: set[int] = set()  # clusters whose instances have just changed
        self.silent: set[int] = set()
        self.news = Event()
        self.stopping = Event()
        self._renew_at = 0.0

    # ---- the loop ----------------------------------------------------------------------------

    def run(self) -> None:
        """Works until `stop` is called; then finishes what is under way and leaves its clusters to others."""
        log.info("Watcher %s begins.", self.name)
        listener = gevent.spawn(self._listen) if settings.BEANSTALKD_HOST else None
        try:
            while not self.stopping.is_set():
                pause = self._step_safely()
                self.news.wait(pause)
                self.news.clear()
        finally:
            if listener:
                listener.kill()
            gevent.joinall([*self.pool, *self.chore_pool], timeout=STOP_SECONDS)
            self.pool.kill()
            self.chore_pool.kill()
            self._leave()
            log.info("Watcher %s has ended.", self.name)

    def stop(self) -> None:
        self.stopping.set()
        self.news.set()

    def step(self) -> float:
        """One round: leases, chores, unfinished jobs, clusters that are due. Answers the seconds until the next."""
        self._renew_leases()
        self._begin_chores()
        waiting = self._follow_unfinished()
        self._collect_due()
        return TICK_SECONDS if waiting or self.following or self.hurry else IDLE_SECONDS

    def _step_safely(self) -> float:
        """A database or store that is away stops nothing for good: the next round tries again."""
        try:
            return self.step()
        except (DatabaseError, StoreDown) as error:
            log.warning("%s; trying again.", error)
            self._renew_at = 0.0
            return 2.0
        except Exception:
            log.exception("This round failed; trying again.")
            return 2.0
        finally:
            connections.close_all()

    # ---- leases --------------------------------------------------------------------------------

    def _renew_leases(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        mine = leases.renew(self.name)
        self.clusters = {cluster.pk: cluster for cluster in Cluster.objects.enabled().filter(pk__in=mine)}
        self.due_chores = chores.renew(self.name, self.chores) if self.chores else set()
        self._renew_at = time.monotonic() + leases.renewed_every()

    def _leave(self) -> None:
        try:
            leases.release_all(self.name)
            chores.release_all(self.name)
        except DatabaseError as error:
            log.warning("The leases could not be given back (they expire by themselves): %s", error)
        finally:
            connections.close_all()

    # ---- jobs -------------------------------------------------------------------------------------

    def _follow_unfinished(self) -> bool:
        """Starts one follower for each cluster of ours that has unfinished rows; one query for all clusters."""
        rows: dict[int, list[Job]] = defaultdict(list)
        for row in Job.objects.unfinished().filter(cluster__in=list(self.clusters)).order_by("pk"):
            row.cluster = self.clusters[row.cluster_id]
            rows[row.cluster_id].append(row)
        now = time.monotonic()
        for pk, unfinished in rows.items():
            is_due = now - self.followed_at.get(pk, -TICK_SECONDS) >= TICK_SECONDS - CLOSE_ENOUGH
            if is_due and pk not in self.following and self.pool.free_count():
                self.following.add(pk)
                self.followed_at[pk] = now
                self.pool.spawn(self._follow, self.clusters[pk], self.clusters[pk].endpoint(), unfinished)
        return bool(rows)

    def _follow(self, cluster: Cluster, endpoint: Endpoint, rows: list[Job]) -> None:
        try:
            changed, ended = following.follow(rows, Client(endpoint), self.at_the_end)
            self.follow_failures.pop(cluster.pk, None)
            if changed:
                inventories.store().bump(cluster.slug)
            if ended:
                self.hurry.add(cluster.pk)
        except RapiError as error:
            self._ask_later(cluster, error)
        except (DatabaseError, StoreDown) as error:
            log.warning("Jobs of %s wait: %s", cluster.slug, error, extra={"cluster": cluster.slug})
        except Exception:
            log.exception("Following jobs of %s failed.", cluster.slug, extra={"cluster": cluster.slug})
        finally:
            self.following.discard(cluster.pk)
            connections.close_all()

    def _ask_later(self, cluster: Cluster, error: RapiError) -> None:
        """Said once; the pause grows with every failure, so that a silent cluster costs ever less."""
        failures = self.follow_failures[cluster.pk] = self.follow_failures.get(cluster.pk, 0) + 1
        self.followed_at[cluster.pk] = time.monotonic() + min(TICK_SECONDS * 2**failures, LONGEST_PAUSE) - TICK_SECONDS
        if failures == 1:
            log.info("Jobs of %s wait: %s", cluster.slug, error, extra={"cluster": cluster.slug})

    # ---- inventory -----------------------------------------------------------------------------------

    def _collect_due(self) -> None:
        store = inventories.store()
        heads, watched, hurried_at, now = store.heads(), store.watched(), store.hurried_at(), time.time()
        for pk, cluster in self.clusters.items():
            if pk in self.collecting or not self.pool.free_count():
                continue
            head = heads.get(cluster.slug)
            interval = settings.INVENTORY_INTERVAL_WATCHED if cluster.slug in watched else settings.INVENTORY_INTERVAL
            everything = hurried(head, now, hurried_at)
            in_a_hurry = (
                pk in self.hurry and time.monotonic() - self.hurried_at.get(pk, -HURRY_SECONDS) >= HURRY_SECONDS
            )
            if everything or in_a_hurry or due(head, now, interval):
                if in_a_hurry:
                    self.hurried_at[pk] = time.monotonic()
                self.hurry.discard(pk)
                self.collecting.add(pk)
                is_watched = cluster.slug in watched  # other people's jobs are asked for where somebody would see them
                self.pool.spawn(self._collect, cluster, cluster.endpoint(), everything, is_watched)

    def _collect(self, cluster: Cluster, endpoint: Endpoint, everything: bool, jobs_too: bool) -> None:
        try:
            head = self.collector.collect(endpoint, now=time.time(), everything=everything, jobs_too=jobs_too)
            self._note(cluster, head)
        except StoreDown as error:
            log.warning(
                "The snapshot of %s could not be stored: %s", cluster.slug, error, extra={"cluster": cluster.slug}
            )
        except Exception:
            log.exception("Collecting %s failed.", cluster.slug, extra={"cluster": cluster.slug})
        finally:
            self.collecting.discard(cluster.pk)

    def _note(self, cluster: Cluster, head: Head) -> None:
        """One line when a cluster falls silent and one when it is back, not one for every try."""
        about = {"cluster": cluster.slug}
        if head.is_failing and cluster.pk not in self.silent:
            log.warning("%s does not answer well: %s", cluster.slug, head.error, extra=about)
            self.silent.add(cluster.pk)
        elif not head.is_failing and cluster.pk in self.silent:
            log.info("%s is back.", cluster.slug, extra=about)
            self.silent.discard(cluster.pk)

    # ---- chores ----------------------------------------------------------------------------------------

    def _begin_chores(self) -> None:
        now = time.monotonic()
        for chore in self.chores:
            is_due = chore.name in self.due_chores and now >= self.chore_at.get(chore.name, 0.0)
            if is_due and chore.name not in self.doing:
                self.doing.add(chore.name)
                self.chore_pool.spawn(self._do, chore)

    def _do(self, chore: Chore) -> None:
        pause = min(chore.every, CHORE_PAUSE)
        try:
            with gevent.Timeout(chore.at_most, TimeoutError(f"not done after {chore.at_most:.0f} seconds")):
                chore.work()
                chores.note_done(chore)
            pause = chore.every
        except DatabaseError as error:
            log.warning("The chore “%s” waits: %s", chore.name, error)
        except Exception:
            log.exception("The chore “%s” failed; it will be tried again.", chore.name)
        finally:
            self.chore_at[chore.name] = time.monotonic() + pause
            self.doing.discard(chore.name)
            connections.close_all()

    # ---- news --------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Wakes the loop when the broker says that a cluster has news; without a broker the sweep's pace serves."""
        queue = inventories.queue()
        while not self.stopping.is_set():
            try:
                if queue.reserve_news(timeout=10.0):
                    self.news.set()
            except Exception:
                log.exception("The broker could not be asked; trying again.")
                gevent.sleep(5.0)
