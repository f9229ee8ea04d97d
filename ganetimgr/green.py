"""Patches the standard library for green threads: imported first by web, watcher and console, never by commands.

It is the only place that does so. Everything that is imported after it (sockets, locks, threads) yields to the hub.
"""

from gevent import monkey

if not monkey.is_module_patched("socket"):
    monkey.patch_all()
