"""kill -9 at every step of a job's path. Each step is reached by holding fast what the next one needs."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.production.faults import AWAY, recover
from tests.production.world import Click, World


@dataclass(frozen=True)
class Kill:
    """`step` brings a click to where its process dies, kills, and lets go; then the click's story must be `state`."""

    part: str
    when: str
    step: Callable[[World], Click]
    state: str
    words: str

    def __str__(self) -> str:
        return f"{self.part} killed {self.when}"


# ---- web: all workers die, gunicorn makes others; the person gets nginx's page ------------------------------


def holding_the_name(world: World, name: str, slug: str = "north") -> contextlib.AbstractContextManager[None]:
    """No row about this instance can be written, since another transaction has one that holds the same."""
    ((cluster,),) = world.site.rows("SELECT id FROM ganeti_cluster WHERE slug = %s", slug)
    insert = (
        "INSERT INTO ganeti_job (cluster_id, instance, kind, state, holds, token, requester_name, ganeti_status, log, "
        "error, created, details, `then`) "
        "VALUES (%s, %s, 'startup', 'intended', %s, 'x', '', '', '[]', '', UTC_TIMESTAMP(6), '{}', '[]')"
    )
    return world.holding(insert, cluster, name, f"{cluster}/{name}")


def before_the_intention_is_written(world: World) -> Click:
    with holding_the_name(world, world.unused["north"][-1]), world.clicking() as click:
        world.site.until(lambda: world.waits_for_a_lock("ganeti_job"), "the click to wait for the row")
        world.site.kill_workers(world.web)
    return click


def before_the_call(world: World) -> Click:
    """The cluster takes the connection and says nothing: no request has left."""
    with switched_on(world, "deaf", True), world.clicking() as click:
        world.site.until(lambda: world.state(click) == "intended", "the intention")
        world.site.kill_workers(world.web)
    return click


def between_the_call_and_its_answer(world: World) -> Click:
    """Ganeti has the job, and the answer with its number is on the way."""
    with switched_on(world, "latency", 8.0), world.clicking() as click:
        world.site.until(lambda: world.has_a_job(click), "Ganeti to have the job")
        world.site.kill_workers(world.web)
    return click


def while_it_writes_the_number(world: World) -> Click:
    """The answer is here; the row is held fast by another transaction."""
    with switched_on(world, "latency", 1.5), world.clicking() as click:
        world.site.until(lambda: world.state(click) == "intended", "the intention")
        with world.holding_row("ganeti_job", click):
            world.site.until(lambda: world.waits_for_a_lock("ganeti_job"), "the number to wait for the row")
            world.site.kill_workers(world.web)
    return click


def database_before_the_number(world: World) -> Click:
    """The intention is committed, Ganeti answers, and there is nobody to write it to."""
    with switched_on(world, "latency", 1.5), world.clicking() as click:
        world.site.until(lambda: world.state(click) == "intended", "the intention")
        world.mariadb.kill()
    world.mariadb.start()
    return click


FOUND = "is found again and carried out"
KILLS = [
    Kill("web", "before the intention is written", before_the_intention_is_written, "", "never happened"),
    Kill("web", "before it asks Ganeti", before_the_call, "unknown", "is told as “unknown, please look”"),
    Kill("web", "before Ganeti's answer", between_the_call_and_its_answer, "succeeded", FOUND),
    Kill("web", "while it writes the number", while_it_writes_the_number, "succeeded", FOUND),
    Kill("MariaDB", "before the number is written", database_before_the_number, "succeeded", FOUND),
]


def try_to_kill(world: World, kill: Kill) -> None:
    click = kill.step(world)
    assert AWAY in click.told, click.told[-2000:]
    world.until_all_jobs_ended()
    assert world.state(click) == kill.state
    for each in (click, recover(world)):
        world.assert_nothing_is_lost_or_done_twice(each)


# ---- watchers: both die at once, each in the middle of what it does for a cluster -----------------------------

WATCHER_STEPS = {
    "north": "while it asks Ganeti",
    "south": "before the transaction that ends a job",
    "east": "inside the transaction that ends a job",
}
TAKEN_OVER = "is carried out and told, by the next watcher"


def try_to_kill_the_watchers(world: World) -> None:
    """Three jobs on three clusters, so that one expiry of leases serves all."""
    clicks = {slug: world.click(slug) for slug in WATCHER_STEPS}
    for click in clicks.values():
        assert world.state(click) == "submitted", click.told
    with contextlib.ExitStack() as held:
        held.enter_context(asked_and_not_answered(world, "north"))
        held.enter_context(world.holding_row("ganeti_job", clicks["south"]))
        held.enter_context(world.holding_row("auditlog_auditentry", clicks["east"]))
        world.site.until(
            lambda: world.waits_for_a_lock("ganeti_job") and world.has_ended_in_an_open_transaction(clicks["east"]),
            "the watchers to be in the middle of it",
        )
        world.kill_watchers()
    assert world.alice.get("/").status_code == 200
    for click in clicks.values():
        assert world.state(click) == "submitted", "nothing was written by halves"
    world.start_watchers()
    world.until_all_jobs_ended()
    for click in (*clicks.values(), recover(world)):
        assert world.state(click) == "succeeded"
        world.assert_nothing_is_lost_or_done_twice(click)


@contextlib.contextmanager
def asked_and_not_answered(world: World, slug: str) -> Iterator[None]:
    side = world.sides[slug]
    with switched_on(world, "latency", 8.0, slug):
        before = len(side.requests)
        world.site.until(lambda: any("job" in path for _, path in side.requests[before:]), "a question about jobs")
        yield


@contextlib.contextmanager
def switched_on(world: World, switch: str, value: object, slug: str = "north") -> Iterator[None]:
    faults = world.sides[slug].faults
    usual = getattr(faults, switch)
    setattr(faults, switch, value)
    try:
        yield
    finally:
        setattr(faults, switch, usual)
