"""Creations on a whole site: people with browsers who ask for VMs and decide, and what must be true of each VM."""

import contextlib
import enum
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.plugins.smtp import MailServer
from tests.production.faults import AWAY
from tests.production.kills import asked_and_not_answered, holding_the_name, switched_on
from tests.production.site import SecureVisitor
from tests.production.world import PATIENCE, Click, World

BETWEEN_TWO_LOOKS = 1  # seconds, at the listing of images
SETTINGS = """
OPERATING_SYSTEMS = {{
    "none": {{"description": "No operating system", "provider": "noop"}},
    "good": {{"description": "Debian 12", "provider": "snf-image+default", "osparams": {{"img_id": "debian-12"}}}},
    "bad": {{"description": "Broken", "provider": "snf-image+default", "osparams": {{"testbed_fail": "no archive"}}}},
}}
OPERATING_SYSTEMS_URLS = [{listing!r}]
IMAGES_INTERVAL = {interval}
SITE_URL = "https://vps.example.org"
MANAGERS = [("Managers", "managers@example.org")]
ADMINS = [("Admins", "admins@example.org")]
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {smtp}
"""
PLACES = {
    "north": {"node_group": "default", "network": "ganeti:private", "disk_template": "plain"},
    "south": {"node_group": "default", "network": "ganeti:dmz", "disk_template": "sharedfile"},
    "east": {"node_group": "hall-a", "network": "ganeti:campus", "disk_template": "plain"},
}
names = (f"new{number}.example.org" for number in itertools.count(1))


class Status(enum.IntEnum):
    """As the numbers are in the database."""

    PENDING = 100
    APPROVED = 101
    SUBMITTED = 102
    FAILED = 104
    SUCCESS = 105


@dataclass
class Wish(Click):
    """A VM that Alice has asked for; `slug` is where Dora puts it, `answer` what she was told."""

    system: str = "none"
    form: dict[str, str] = field(default_factory=dict)


class CreationWorld(World):
    """The whole site with a mail server and a listing of images. Locks are waited for longer than kills take."""

    database_options = {"connect_timeout": 3, "read_timeout": 15, "write_timeout": 15}

    def __init__(self, directory: Path, mail: MailServer, listing: str) -> None:
        self.mail = mail
        ours = SETTINGS.format(listing=listing, interval=BETWEEN_TWO_LOOKS, smtp=mail.port)
        self.settings = PATIENCE + ours
        super().__init__(directory, instances=1)
        self.site.rows("UPDATE auth_user SET email = CONCAT(username, '@example.org')")

    def installing_takes(self, seconds: float) -> None:
        for side in self.sides.values():
            with side.server.world.lock:
                side.server.world.jobs.pace.install = (seconds, seconds)

    # ---- doing -------------------------------------------------------------------------------------

    def apply(self, slug: str = "north", system: str = "none", visitor: SecureVisitor | None = None) -> Wish:
        """Alice asks; Dora sees the form."""
        wish = Wish(slug, next(names), system=system)
        answer = (visitor or self.alice).post("/application/apply/", **self.asked_for(wish), accept_tos="on")
        assert answer.status_code == 200, answer.text
        self.look_at(wish)
        return wish

    @staticmethod
    def asked_for(wish: Wish) -> dict[str, str]:
        return {
            "hostname": wish.name, "memory": "512", "vcpus": "1", "disk_size": "2", "operating_system": wish.system,
            "comments": "a test", "admin_contact_name": "Alice", "admin_contact_email": "alice@example.org",
            "admin_contact_phone": "1",
        }  # fmt: skip

    def look_at(self, wish: Wish) -> None:
        """What Dora's browser has in the form from now on."""
        version = str(self.application(wish)["version"])
        place = {"cluster": wish.slug, **PLACES[wish.slug], "vgs": "default", "nodes": "", "words": ""}
        wish.form = {**self.asked_for(wish), **place, "version": version, "do": "accept"}

    def accept(self, wish: Wish, visitor: SecureVisitor | None = None, **changed: str) -> Wish:
        """Dora sends the form as she saw it."""
        address = f"/application/{self.application(wish)['id']}/review/"
        wish.answer = (visitor or self.dora).post(address, **{**wish.form, **changed})
        return wish

    def accepted(self, slug: str = "north") -> Wish:
        return self.accept(self.apply(slug))

    @contextlib.contextmanager
    def accepting(self, wish: Wish) -> Iterator[None]:
        """The same in the background; at the end the answer is there."""
        thread = threading.Thread(target=self.accept, args=(wish,))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def stop(self, wish: Wish) -> None:
        """As if nobody had started it yet."""
        world = self.sides[wish.slug].server.world
        with world.lock:
            instance = world.instances[wish.name]
            instance.admin_state, instance.running_on = "down", ""

    def let_leases_expire(self) -> None:
        """The time has passed after which others take over from watchers that are dead."""
        for table in ("ganeti_lease", "ganeti_chorelease"):
            self.site.rows(f"UPDATE {table} SET expires = '2000-01-01'")  # noqa: S608  (our own words)
        self.site.rows("DELETE FROM ganeti_watcherprocess")

    def is_well(self, slug: str) -> bool:
        """Whether nothing is said about it on the first page."""
        return f'id="silent-{slug}"' not in self.dora.get("/").text

    def is_running(self, wish: Wish) -> bool:
        return bool(self.sides[wish.slug].server.world.instances[wish.name].running_on)

    # ---- looking ---------------------------------------------------------------------------------------

    def application(self, wish: Wish) -> dict[str, Any]:
        columns = ("id", "status", "version", "backend_message", "creation_is_due", "start_is_due", "cookie")
        query = f"SELECT {', '.join(columns)} FROM apply_instanceapplication WHERE hostname = %s"  # noqa: S608
        [row] = self.site.rows(query, wish.name)
        return dict(zip(columns, row, strict=True))

    def status(self, wish: Wish) -> int:
        return int(self.application(wish)["status"])

    def job_state(self, wish: Wish, kind: str = "create") -> str:
        """The state of the newest job of this kind; empty where there is none."""
        query = "SELECT state FROM ganeti_job WHERE instance = %s AND kind = %s ORDER BY id DESC LIMIT 1"
        rows = self.site.rows(query, wish.name, kind)
        return rows[0][0] if rows else ""

    def done(self, wish: Wish, what: str) -> int:
        """How many jobs of this kind Ganeti ever had for the VM."""
        world = self.sides[wish.slug].server.world
        with world.lock:
            ops = [op for job in world.jobs.all.values() for op in job.ops]
        return sum(op["OP_ID"] == f"OP_INSTANCE_{what}" and op.get("instance_name") == wish.name for op in ops)

    def until_status(self, wish: Wish, *wanted: int) -> None:
        self.site.until(lambda: self.status(wish) in wanted, f"{wish.name} to be {wanted}")

    def until_it_runs(self, wish: Wish) -> None:
        """Created, started, and everybody told."""
        self.until_status(wish, Status.SUCCESS)
        self.site.until(lambda: self.job_state(wish, "startup") == "succeeded", f"{wish.name} to be started")

    def mails(self, to: str, wish: Wish) -> list[str]:
        """The subjects of the mails about it that have come to somebody."""
        return [str(mail["Subject"]) for mail in self.mail.to(f"{to}@example.org") if wish.name in str(mail["Subject"])]

    def until_nothing_waits_to_be_sent(self) -> None:
        waiting = "SELECT 1 FROM accounts_outgoingmail WHERE state = 'waiting'"
        self.site.until(lambda: not self.site.rows(waiting), "all mail to leave")

    def assert_made_once(self, wish: Wish) -> None:
        """One VM on the cluster, with its tags, one job that made it, one that started it, and nobody else's."""
        self.until_it_runs(wish)
        application = self.application(wish)
        assert self.done(wish, "CREATE") == 1
        assert self.done(wish, "STARTUP") == 1
        made = self.sides[wish.slug].server.world.instances[wish.name]
        assert f"ganetimgr:application:{application['id']}" in made.tags
        assert not (application["creation_is_due"] or application["start_is_due"])
        assert application["backend_message"] == ""
        query = "SELECT outcome, COUNT(*) FROM auditlog_auditentry WHERE instance = %s AND action = 'Create' GROUP BY 1"
        outcomes = dict(self.site.rows(query, wish.name))
        assert outcomes.pop("succeeded") == 1
        assert not outcomes.keys() - {"unknown", "failed"}
        self.until_nothing_waits_to_be_sent()
        assert len([subject for subject in self.mails("alice", wish) if "ready" in subject]) == 1


# ---- web killed at each step of an acceptance --------------------------------------------------------------------

WEB_STEPS = {
    "before its intention is written": "is accepted, and waits to be sent again",
    "before it asks Ganeti": "waits with “nobody knows”, and can be sent again",
    "before Ganeti's answer": "is found again and carried out",
    "while it writes the number": "is found again and carried out",
}
LATER = ("before its intention is written", "before it asks Ganeti")  # a person has to send it again


def kill_the_web_at_each_step(world: CreationWorld) -> dict[str, Wish]:
    """Four acceptances on three clusters, so that all workers die once."""
    places = ("north", "south", "east", "north")
    wishes = {step: world.apply(slug) for step, slug in zip(WEB_STEPS, places, strict=True)}
    unwritten, unasked, unanswered, unnumbered = wishes.values()
    with contextlib.ExitStack() as held:
        held.enter_context(holding_the_name(world, unwritten.name))
        held.enter_context(world.accepting(unwritten))
        world.site.until(lambda: world.waits_for_a_lock("ganeti_job"), "the intention to wait for its row")
        held.enter_context(switched_on(world, "latency", 1.5))
        held.enter_context(world.accepting(unnumbered))
        world.site.until(lambda: world.job_state(unnumbered) == "intended", "the intention")
        held.enter_context(world.holding_row("ganeti_job", unnumbered))
        world.site.until(lambda: world.waits_for_a_lock("ganeti_job") == 2, "the number to wait for its row")
        held.enter_context(switched_on(world, "latency", 8.0, "east"))
        held.enter_context(world.accepting(unanswered))
        held.enter_context(switched_on(world, "deaf", True, "south"))
        held.enter_context(world.accepting(unasked))
        world.site.until(lambda: world.has_a_job(unanswered), "Ganeti to have the job")
        world.site.until(lambda: world.job_state(unasked) == "intended", "the intention")
        world.site.kill_workers(world.web)
    for wish in wishes.values():
        assert AWAY in wish.told, wish.told[-2000:]
    world.until_all_jobs_ended()
    return wishes


# ---- watchers killed while they end creations, and in the middle of their chores ------------------------------------

WATCHER_STEPS = {
    "north": "while it asks Ganeti about the creation",
    "south": "before the transaction that ends the creation",
    "east": "inside the transaction that ends the creation",
}
TAKEN_OVER = "is carried out, told and started once, by the next watcher"
CHORE_STEPS = {
    "north": ("while it sends a creation again, before Ganeti's answer", "is found again and carried out"),
    "south": ("while it starts a new VM, before it asks Ganeti", "is told as “unknown, please look”"),
    "east": ("before it comes to other new VMs", "is carried out by the next watcher"),
}


def kill_the_watchers_while_creations_end(world: CreationWorld) -> list[Wish]:
    world.installing_takes(4.0)
    wishes = {slug: world.accepted(slug) for slug in WATCHER_STEPS}
    for wish in wishes.values():
        assert world.status(wish) == Status.SUBMITTED, wish.told
    with contextlib.ExitStack() as held:
        held.enter_context(asked_and_not_answered(world, "north"))
        held.enter_context(world.holding_row("ganeti_job", wishes["south"]))
        held.enter_context(world.holding_row("apply_instanceapplication", wishes["east"], "hostname"))
        for table in ("ganeti_job", "apply_instanceapplication"):
            world.site.until(partial(world.waits_for_a_lock, table), f"a watcher to wait for {table}")
        world.kill_watchers()
    for wish in wishes.values():
        assert world.status(wish) == Status.SUBMITTED, "nothing was written by halves"
    world.installing_takes(0.1)
    world.let_leases_expire()
    world.start_watchers()
    return list(wishes.values())


def kill_the_watchers_in_their_chores(world: CreationWorld) -> dict[str, Wish]:
    """One creation is due once more, two new VMs are to be started; the watchers come to the first of each."""
    later, started = world.accepted("east"), world.accepted("south")  # the newest is the first
    for wish in (later, started):
        world.until_it_runs(wish)
    for watcher in world.watchers:
        world.site.end(watcher)
    with switched_on(world, "drained", True):
        again = world.accepted("north")
    assert world.status(again) == Status.FAILED
    is_due = "UPDATE apply_instanceapplication SET {} WHERE hostname = %s"
    world.site.rows(is_due.format("status = 101, creation_is_due = 1, backend_message = ''"), again.name)
    for wish in (later, started):
        world.stop(wish)
        world.site.rows(is_due.format("start_is_due = 1"), wish.name)
    with switched_on(world, "latency", 3.0), switched_on(world, "deaf", True, "south"):
        world.start_watchers()
        world.site.until(
            lambda: world.has_a_job(again) and world.job_state(started, "startup") == "intended",
            "both chores to be in the middle of it",
        )
        world.kill_watchers()
    world.let_leases_expire()
    world.start_watchers()
    return {"north": again, "south": started, "east": later}
