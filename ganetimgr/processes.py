"""What our own processes have in common beside web servers: options, daemon, signals, systemd's notifications."""

import argparse
import grp
import logging
import logging.handlers
import os
import pwd
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import gevent

Work = Callable[[argparse.Namespace], None]


def add_options(options: argparse.ArgumentParser) -> None:
    """The options that all of them take."""
    options.add_argument("-d", "--debug", action="store_true", help="log more")
    options.add_argument("-p", "--pid-file", metavar="FILE", help="write the process id there")
    options.add_argument("-l", "--log-file", metavar="FILE", help="log there instead of to standard error")
    options.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground (the default)")
    options.add_argument("--daemon", action="store_true", help="go to the background")
    options.add_argument("-u", "--user", metavar="USER", help="run as this user (name or number)")
    options.add_argument("-g", "--group", metavar="GROUP", help="run as this group (name or number)")


def live(options: argparse.Namespace, work: Work) -> int:
    """The life of a process around its `work`; 0 when it ended cleanly."""
    if options.daemon and not options.foreground:
        _go_to_the_background()
    pid_file = Path(options.pid_file) if options.pid_file else None
    if pid_file:
        pid_file.write_text(f"{os.getpid()}\n")
    _become(options.user, options.group)
    try:
        work(options)
    finally:
        if pid_file:
            pid_file.unlink(missing_ok=True)
    return 0


def set_up_django(options: argparse.Namespace) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ganetimgr.settings")
    import django

    django.setup()
    _log_to(options.log_file, logging.DEBUG if options.debug else logging.INFO)


def run_until_told(run: Callable[[], None], stop: Callable[[], None]) -> None:
    """Runs until SIGTERM or SIGINT, and keeps systemd informed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop)
    tell_systemd("READY=1")
    heart = gevent.spawn(_beat)
    try:
        run()
    finally:
        heart.kill()
        tell_systemd("STOPPING=1")


def _beat() -> None:
    """Tells systemd's watchdog that the hub turns, at half the interval that the unit asks for."""
    interval = int(os.environ.get("WATCHDOG_USEC") or 0) / 2e6
    while interval:
        tell_systemd("WATCHDOG=1")
        gevent.sleep(interval)


def tell_systemd(state: str) -> None:
    """sd_notify(3): one datagram to the socket that systemd names; nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.sendto(state.encode(), address)
        except OSError as error:
            logging.getLogger(__name__).warning("systemd could not be told: %s", error)


def _log_to(path: str | None, level: int) -> None:
    root = logging.getLogger()
    root.setLevel(level)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    if path:
        handler = logging.handlers.WatchedFileHandler(path)  # goes on in a new file when logrotate took the old one
        for old in root.handlers:
            handler.setFormatter(old.formatter)
            for rule in old.filters:
                handler.addFilter(rule)
        root.handlers = [handler]


def _become(user: str | None, group: str | None) -> None:
    """Gives up root's rights: group first, since the user may not change it afterwards."""
    if group:
        os.setgid(int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)
    if user:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        os.initgroups(entry.pw_name, int(os.getgid()) if group else entry.pw_gid)
        if not group:
            os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def _go_to_the_background() -> None:
    """The two forks of a daemon (daemon(7)), before anything is opened and before the hub exists."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
