"""The watcher's command line and its life as a process."""

import argparse

from ganetimgr import processes


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description="Collects the inventories of all clusters and follows jobs to their end. "
        "Any number of watchers may run; they share the clusters among them."
    )
    options.add_argument("-w", "--workers", type=int, default=50, metavar="NUM", help="clusters at once (default: 50)")
    processes.add_options(options)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Runs a watcher until SIGTERM or SIGINT; 0 when it ended cleanly."""
    options = parser().parse_args(arguments)
    if options.workers < 1:
        parser().error("--workers must be at least 1")
    return processes.live(options, _work)


def _work(options: argparse.Namespace) -> None:
    processes.set_up_django(options)

    from apps.clusters.watcher import Watcher
    from ganetimgr.worker import AT_THE_END, CHORES

    watcher = Watcher(AT_THE_END, chores=CHORES, workers=options.workers)
    processes.run_until_told(watcher.run, watcher.stop)
