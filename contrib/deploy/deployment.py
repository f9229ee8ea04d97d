"""What a deployment does, step by step; how it goes back when a step fails; how it goes on when it was killed.

In the site's home:  releases/TAG/      a checkout of each tag, with .venv, settings.py and var as symlinks
                     current            a symlink to the release that runs
                     settings.py, var/  the site's own
                     environments/      one for each list of requirements
                     backups/           the database before each deployment
"""

import re
from collections.abc import Callable
from pathlib import Path

from journal import Journal
from machine import Machine, MachineError
from sites import Site

Say = Callable[[str], None]
Ask = Callable[[str], bool]

_TAG = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,79}")
_PROBE = Path(__file__).with_name("probe.py").read_text()


class DeploymentError(Exception):
    """Says in a sentence why a deployment cannot be, or how it ended."""


class Deployment:
    def __init__(self, machine: Machine, site: Site, say: Say, ask: Ask) -> None:
        self.machine, self.site, self.say, self.ask = machine, site, say, ask
        self.current = f"{site.home}/current"
        self.maintenance = f"{site.home}/var/maintenance"
        self.diary = f"{site.home}/deployment.json"
        self.journal = Journal("")

    # ---- what can be asked for ---------------------------------------------------------------------

    def prepare(self, tag: str) -> None:
        """Fetches a release and makes its environment while people work on; `deploy` finds all of it there."""
        self._check_home()
        self._check_tag(tag)
        self._make_places()
        self.journal = Journal(tag, previous=self.running())
        for step in (self.fetch, self.environment):
            self.say(self._sentence(step))
            step()

    def deploy(self, tag: str) -> None:
        """Makes this tag the release that runs, or goes on doing so where a run before was killed."""
        self._check_home()
        self._check_tag(tag)
        self._make_places()
        self._begin(tag)
        try:
            for step in self.steps():
                self._note(step=self._sentence(step))
                self.say(self.journal.step)
                step()
        except MachineError as error:
            self.go_back(str(error))
            raise DeploymentError(f"{tag} was not deployed. {error}") from error
        self._end()
        self.say(f"{tag} runs.")
        self.remove_old()

    def steps(self) -> list[Callable[[], None]]:
        return [
            self.maintenance_on, self.fetch, self.environment, self.compare_settings, self.stop, self.back_up,
            self.switch, self.migrate, self.collect_static, self.start_web, self.look_at_web, self.start_others,
            self.look_at_all, self.maintenance_off,
        ]  # fmt: skip

    def back(self) -> None:
        """Ends a deployment that was killed, by going back to the release before."""
        journal = Journal.read(self.machine, self.diary)
        if journal is None:
            raise DeploymentError("No deployment was left half way. To run an older release again, deploy its tag.")
        self.journal = journal
        self.say(self.where())
        self.go_back(journal.going_back or "it was left half way")

    def status(self) -> None:
        """Says what runs, what is there, and where a deployment is that has not ended."""
        self.say(f"Runs: {self.running() or 'nothing yet'}.")
        self.say(f"There: {', '.join(self.releases()) or 'no release'}.")
        journal = Journal.read(self.machine, self.diary)
        if journal is not None:
            self.journal = journal
            self.say(self.where())
        if self.machine.exists(self.maintenance):
            self.say("People read that the site is under maintenance.")

    def plan(self, tag: str) -> None:
        """Says what `deploy` would do, and does nothing."""
        self._check_home()
        self._check_tag(tag)
        self.status()
        self.journal = Journal(tag, previous=self.running())
        for number, step in enumerate(self.steps(), 1):
            self.say(f"{number:2}. {self._sentence(step)}")

    # ---- the steps, in their order -------------------------------------------------------------------

    def maintenance_on(self) -> None:
        """Maintenance: people read that the site is being worked on."""
        self.machine.run("touch", self.maintenance)

    def fetch(self) -> None:
        """Fetch the tag."""
        tag, wanted = self.journal.tag, self._commit_of(self.journal.tag)
        place = self.release(tag)
        if not self.machine.exists(place):
            part = f"{self.site.home}/releases/.{tag}.part"
            self.machine.run("rm", "-rf", part)
            self.machine.run(
                "git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth", "1", "--branch", tag,
                self._repository(), part, prefix="umask 022; ",
            )  # fmt: skip
            self.machine.run("mv", "-T", part, place)
        there = self.machine.run("git", "-C", place, "rev-parse", "HEAD").strip()
        if there != wanted:
            raise MachineError(f"{place} is {there[:12]}, but the tag is {wanted[:12]} by now: remove the directory.")
        self.machine.shell('ln -sfn ../../settings.py ../../var "$0"', place)

    def environment(self) -> None:
        """Make its Python environment, unless one for the same requirements is there."""
        place = self.site.environment or self._make_environment()
        self.machine.run("ln", "-sfn", place, f"{self.release()}/.venv")

    def _make_environment(self) -> str:
        files = [f"{self.release()}/requirements.txt"]
        files += [f"{self.release()}/requirements/{extra}.txt" for extra in self.site.extras]
        version = self.machine.run(self.site.python, "--version")
        words = self.machine.shell('{ printf %s "$0"; cat "$@"; } | sha256sum', version, *files)
        place = f"{self.site.home}/environments/{words[:16]}"
        if not self.machine.exists(f"{place}/complete"):
            self.machine.run("rm", "-rf", place)
            self.machine.run(self.site.python, "-m", "venv", place, prefix="umask 022; ")
            wanted = [word for file in files for word in ("-r", file)]
            pip = [f"{place}/bin/pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
            self.machine.run(*pip, prefix="umask 022; ")
            self.machine.run("touch", f"{place}/complete")
        return place

    def compare_settings(self) -> None:
        """Compare the site's settings with settings.py.dist, and check them."""
        # Before the first release everything would be new
        since = f"{self.release(self.journal.previous)}/settings.py.dist"
        self._tell(self.manage("compare_settings", "--since", since, "--check", prefix="exec 2>&1; "))

    def stop(self) -> None:
        """End web, watchers and consoles: from here on nobody writes to the database."""
        self._note(stopped=True)
        self.control("stop", *self.site.processes)

    def back_up(self) -> None:
        """Back up the database."""
        if self.journal.backup:
            self.say(f"   {self.journal.backup} is there, from before.")
            return
        applied, pending = self._migrations()
        self._note(pending=pending)
        if not applied:
            self.say("   Nothing is in it yet.")
            return
        moment = self.machine.run("date", "-u", "+%Y%m%dT%H%M%SZ").strip()
        name = f"{self.site.home}/backups/{moment}-before-{self.journal.tag}"
        self._note(backup=self.manage("back_up", name).strip())
        self.say(f"   To restore it: {self.release()}/manage.py restore {self.journal.backup}")

    def switch(self) -> None:
        """Switch the symlink to the release."""
        self._note(switched=True)
        self.machine.point(self.current, f"releases/{self.journal.tag}")

    def migrate(self) -> None:
        """Migrate the database."""
        self._note(migrating=True)
        self.manage("migrate", "--no-input", "-v0")
        self.say(f"   {len(self.journal.pending)} migrations.")

    def collect_static(self) -> None:
        """Collect static files."""
        self.manage("collectstatic", "--no-input", "--clear", "-v0", prefix="umask 022; ")

    def start_web(self) -> None:
        """Start the web processes."""
        self.control("start", *self.site.web)

    def look_at_web(self) -> None:
        """Look at them, before watchers act: database, store, queue, a page."""
        self._probe("watcher")

    def start_others(self) -> None:
        """Start watchers and consoles."""
        self._note(acted=True)
        self.control("start", *self.site.others)

    def look_at_all(self) -> None:
        """Look at everything."""
        self._probe()

    def maintenance_off(self) -> None:
        """End of maintenance."""
        self.machine.run("rm", "-f", self.maintenance)

    # ---- going back -------------------------------------------------------------------------------------

    def go_back(self, why: str) -> None:
        """Makes the release run that ran before; raises DeploymentError where somebody has to decide something."""
        self.say(f"Going back: {why.splitlines()[0]}")
        self._note(going_back=why)
        try:
            if self.journal.switched or self.journal.stopped:
                self._run_the_release_before()
            self.maintenance_off()
        except MachineError as error:
            raise DeploymentError(
                f"It could not go back, either: {error}\nPeople read that the site is under maintenance. "
                f"“fab back” tries again.{self._words_about_the_backup()}"
            ) from error
        self._end()
        self.say(f"{self.journal.previous} runs, as before." if self.journal.previous else "Nothing runs, as before.")

    def _run_the_release_before(self) -> None:
        if self.journal.switched:
            self.control("stop", *self.site.processes)
            self._take_the_database_back()
        if not self.journal.previous:
            self.machine.run("rm", "-f", self.current)
            return
        if self.journal.switched:
            self.machine.point(self.current, f"releases/{self.journal.previous}")
            self.manage(
                "collectstatic", "--no-input", "--clear", "-v0", tag=self.journal.previous, prefix="umask 022; "
            )
        self.control("start", *self.site.web)
        self.control("start", *self.site.others)
        self._probe()

    def _take_the_database_back(self) -> None:
        """As long as nothing of the new release has acted, the backup is what the database was, and restored: since it
        was made nobody else could write. Once its watchers have run, what they wrote must not be lost (or a change
        would be asked of Ganeti twice): only migrations are undone, and where one cannot be, somebody has to decide.
        """
        if not (self.journal.migrating and self.journal.pending and self.journal.backup):
            return
        if self.journal.acted:
            self.say("   Undoing migrations, with all that was written since.")
            self._undo_migrations()
        else:
            self.say(f"   Restoring {self.journal.backup}.")
            self.manage("restore", "--no-input", self.journal.backup)
        self._note(migrating=False)

    def _undo_migrations(self) -> None:
        applied, _ = self._migrations()
        kept = [name for name in applied if name not in self.journal.pending]
        for app in dict.fromkeys(name.partition(".")[0] for name in reversed(self.journal.pending)):
            before = [name.partition(".")[2] for name in kept if name.startswith(f"{app}.")]
            self.manage("migrate", "--no-input", "-v0", app, before[-1] if before else "zero")

    def _words_about_the_backup(self) -> str:
        if not self.journal.backup:
            return ""
        return (
            f"\nThe database before {self.journal.tag} is in {self.journal.backup}. To restore it, losing what was "
            f"written since: {self.release()}/manage.py restore {self.journal.backup}"
        )

    # ---- afterwards -------------------------------------------------------------------------------------

    def remove_old(self) -> None:
        """Asks before it removes releases that neither run nor ran before, with environments that nothing uses."""
        others = [tag for tag in self.releases() if tag not in (self.running(), self.journal.previous)]
        old = others if self.journal.previous not in ("", self.running()) else others[:-1]
        if not old:
            return
        if not self.ask(f"Remove {', '.join(old)}, not needed to go back?"):
            self.say(f"{', '.join(old)} {'stays' if len(old) == 1 else 'stay'}.")
            return
        self.machine.run("rm", "-rf", *(self.release(tag) for tag in old))
        used = {self.machine.target_of(f"{self.release(tag)}/.venv") for tag in self.releases()}
        places = self.machine.run(
            "find", f"{self.site.home}/environments", "-mindepth", "1", "-maxdepth", "1"
        ).splitlines()
        if unused := [place for place in places if place not in used]:
            self.machine.run("rm", "-rf", *unused)
        self.say(f"Removed. Backups stay in {self.site.home}/backups.")

    # ---- what the steps use --------------------------------------------------------------------------------

    def release(self, tag: str = "") -> str:
        return f"{self.site.home}/releases/{tag or self.journal.tag}"

    def running(self) -> str:
        return self.machine.target_of(self.current).rpartition("/")[2]

    def releases(self) -> list[str]:
        """The releases that are there, the newest last."""
        place = f"{self.site.home}/releases"
        return self.machine.shell('[ ! -d "$0" ] || ls -1tr "$0"', place).split()

    def where(self) -> str:
        what = "going back from" if self.journal.going_back else "the deployment of"
        return f"Left half way: {what} {self.journal.tag}, at “{self.journal.step}”."

    def manage(self, *words: str, tag: str = "", prefix: str = "") -> str:
        place = self.release(tag)
        # The site's file is the one in its home; what is written is the site's business
        ours = "unset GANETIMGR_SETTINGS DJANGO_SETTINGS_MODULE; umask 077; "
        return self.machine.run(f"{place}/.venv/bin/python", f"{place}/manage.py", *words, prefix=ours + prefix)

    def _migrations(self) -> tuple[list[str], list[str]]:
        """The migrations of the new release, in their order: those that were applied, and those that are to be."""
        lines = [line.strip() for line in self.manage("showmigrations", "--plan").splitlines()]
        applied = [line.split()[-1] for line in lines if line.startswith("[X]")]
        return applied, [line.split()[-1] for line in lines if line.startswith("[ ]")]

    def control(self, verb: str, *names: str) -> None:
        if names:
            self.machine.run(*self.site.control.split(), verb, *names)

    def _probe(self, *may_be_away: str) -> None:
        where = [self.site.address, self.site.host, str(self.site.patience)]
        self.machine.run(f"{self.release()}/.venv/bin/python", "-c", _PROBE, *where, *may_be_away)

    def _repository(self) -> str:
        """git clones a path by copying it, unless it is an address."""
        return f"file://{self.site.repository}" if self.site.repository.startswith("/") else self.site.repository

    def _commit_of(self, tag: str) -> str:
        """The commit that a tag of the repository names; branches are no releases."""
        listed = self.machine.run("git", "ls-remote", self._repository(), f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}")
        commits = [line.split()[0] for line in listed.splitlines()]
        if not commits:
            raise MachineError(f"{self.site.repository} has no tag {tag}.")
        return commits[-1]

    def _tell(self, text: str) -> None:
        for line in text.strip().splitlines():
            self.say(f"   {line}")

    def _note(self, **facts: object) -> None:
        for name, value in facts.items():
            setattr(self.journal, name, value)
        self.journal.write(self.machine, self.diary)

    def _check_home(self) -> None:
        home = self.site.home
        script = '[ -d "$0" ] && echo home; [ -O "$0" ] && echo ours; [ -f "$0/settings.py" ] && echo settings; true'
        there = self.machine.shell(script, home).split()
        if "home" not in there:
            raise DeploymentError(f"There is no {home} on {self.machine.name}: make it, for the user who deploys.")
        if "ours" not in there:
            raise DeploymentError(f"{home} belongs to somebody else: deploy as the user whom it belongs to.")
        if "settings" not in there:
            raise DeploymentError(f"There is no {home}/settings.py: begin with a copy of settings.py.dist.")

    def _make_places(self) -> None:
        script = 'cd "$0" && mkdir -p releases environments var && mkdir -p -m 700 backups'
        self.machine.shell(script, self.site.home)

    def _check_tag(self, tag: str) -> str:
        if not _TAG.fullmatch(tag):
            raise DeploymentError(f"{tag!r} is no name of a release.")
        try:
            self._commit_of(tag)
        except MachineError as error:
            raise DeploymentError(str(error)) from error
        return tag

    def _begin(self, tag: str) -> None:
        left = Journal.read(self.machine, self.diary)
        if left is None:
            self.journal = Journal(tag, previous=self.running())
            return
        self.journal = left
        self.say(self.where())
        if left.tag != tag or left.going_back:
            raise DeploymentError(f"“fab back” goes back to {left.previous or 'nothing'}; then deploy {tag}.")
        self.say("Going on.")

    def _sentence(self, step: Callable[[], None]) -> str:
        return (step.__doc__ or "").replace("the tag", self.journal.tag).replace("the release", self.journal.tag)

    def _end(self) -> None:
        self.machine.run("rm", "-f", self.diary)
