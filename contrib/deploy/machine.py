"""The machine that the site is on: this one, or another over ssh, which Fabric makes alike."""

import contextlib
import json
import shlex
import time
from collections.abc import Iterator
from typing import Any

SECONDS_TO_HEAR_OF_THE_LOCK = 300  # a machine that is busy answers late; one that holds it answers at once


class MachineError(Exception):
    """A command that failed, with what it said."""


class Machine:
    """Runs commands where the site is. Nothing is ever typed into them, and each word arrives as it is."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.busy = ""  # a file that each command locks, so that one can be waited for whose deployer was killed

    @property
    def name(self) -> str:
        return getattr(self.context, "host", "this machine")

    def run(self, *words: str, prefix: str = "") -> str:
        """What the command prints. `prefix` is shell, the words are not."""
        line = prefix + shlex.join(words)
        if self.busy:
            line = shlex.join(["flock", "--shared", "--close", self.busy, "sh", "-c", line])
        done = self._run(line)
        if done.failed:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise MachineError(f"{_short(words)} ended with {done.return_code}.\n" + "\n".join(said[-12:]))
        return done.stdout

    def shell(self, script: str, *words: str) -> str:
        """What a small script prints; the words are its $0, $1, ..."""
        return self.run("sh", "-c", script, *words)

    def says_yes(self, *words: str) -> bool:
        return self._run(shlex.join(words)).ok

    def _run(self, line: str) -> Any:
        return self.context.run(f"({line}) </dev/null", hide=True, warn=True, in_stream=False)

    # ---- files -----------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        return self.says_yes("test", "-e", path)

    def target_of(self, link: str) -> str:
        """Where a symlink points; empty where there is none."""
        return self.shell('readlink "$0" || true', link).strip()

    def point(self, link: str, target: str) -> None:
        """Makes the symlink point elsewhere, at once: at no moment there is none."""
        self.shell('ln -sfn "$1" "$0.new" && mv -T "$0.new" "$0"', link, target)

    def read(self, path: str) -> Any:
        """What a JSON file holds; None where there is none."""
        text = self.shell('[ ! -e "$0" ] || cat "$0"', path)
        return json.loads(text) if text.strip() else None

    def write(self, path: str, value: Any) -> None:
        """A JSON file, whole or not at all. Its words are on a command line: no secrets."""
        self.shell('umask 077; printf "%s\\n" "$1" >"$0.new" && mv -T "$0.new" "$0"', path, json.dumps(value))

    # ---- one at a time ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, directory: str) -> Iterator[bool]:
        """Whether the lock is ours. The kernel keeps it, for a process that ends when we do, however we end; and a
        command of a deployer that was killed is waited for."""
        holds = f"exec flock --nonblock {shlex.quote(directory + '/.deploying')} sh -c 'echo ours; exec cat'"
        promise = self.context.run(holds, hide=True, warn=True, asynchronous=True)
        runner = promise.runner
        end = time.monotonic() + SECONDS_TO_HEAR_OF_THE_LOCK
        while "ours" not in "".join(runner.stdout) and not runner.process_is_finished and time.monotonic() < end:
            time.sleep(0.02)
        try:
            ours = "ours" in "".join(runner.stdout)
            if ours:
                self.busy = f"{directory}/.busy"
                self._run(shlex.join(["flock", "--exclusive", self.busy, "true"]))
            yield ours
        finally:
            self.busy = ""
            with contextlib.suppress(OSError, ValueError):
                runner.close_proc_stdin()
            promise.join()


def _short(words: tuple[str, ...]) -> str:
    """The command for people: without the paths of programs, and without what makes it long."""
    names = [word.rpartition("/")[2] if number < 2 else word for number, word in enumerate(words)]
    named = names[1:] if names[0].startswith("python") and len(names) > 1 else names
    return " ".join(word for word in named[:4] if len(word) < 80 and "\n" not in word)
