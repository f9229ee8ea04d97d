"""The console's command line and its life as a process."""

import argparse
import sys

from ganetimgr import processes


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description="Shows the screens of VMs to browsers: WebSockets on one side, VNC to the nodes on the other. "
        "The web server passes on to it what comes below /console/."
    )
    options.add_argument("--bind", metavar="HOST:PORT", help="listen there (default: CONSOLE_HOST and CONSOLE_PORT)")
    processes.add_options(options)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Serves consoles until SIGTERM or SIGINT; 0 when it ended cleanly."""
    options = parser().parse_args(arguments)
    if options.bind and not options.bind.rpartition(":")[2].isdigit():
        parser().error("--bind takes HOST:PORT")
    return processes.live(options, _work)


def _work(options: argparse.Namespace) -> None:
    processes.set_up_django(options)

    from django.conf import settings

    from apps.clusters.console.server import ConsoleServer

    host, _, port = (options.bind or f"{settings.CONSOLE_HOST}:{settings.CONSOLE_PORT}").rpartition(":")
    server = ConsoleServer((host.strip("[]"), int(port)))
    try:
        server.start()
    except OSError as error:
        sys.exit(f"Consoles cannot be served on {host}, port {port}: {error.strerror}.")
    processes.run_until_told(server.run, server.stop)
