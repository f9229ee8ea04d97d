"""A process of the bench that is asked by another one: a JSON line in, a JSON line out."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


class Helper:
    """A module of this package that runs as a process and answers `ask`."""

    def __init__(self, module: str, log: Path, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self.module = module
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"contrib.bench.{module}", *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, name: str, *values: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([name, *values]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.module} ended while it was asked for {name}:\n{self.log.read_text()[-6000:]}")
        return json.loads(answer)

    def stop(self) -> None:
        """Ends it: it has no more questions to expect."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(tasks: Mapping[str, Callable[..., Any]]) -> None:
    """Answers questions until there are no more. What the tasks print goes to the log."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name, *values = json.loads(line)
        answers.write(json.dumps(tasks[name](*values)) + "\n")
        answers.flush()
